"""Startup: what a person set for yt-dlp is looked at before the first order is taken."""

from collections.abc import Mapping

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.apart import answer_of
from tubewarren.youtube.errors import PresetRefusedError
from tubewarren.youtube.job import OPTION_REFUSED, Options

_SILENCE = "yt-dlp did not say whether it takes the options and presets of [youtube]: try again."


async def ensure_usable(options: Options, presets: Mapping[str, Options]) -> None:
    """Look at the options and presets that a person made; where there are none, yt-dlp is not even loaded.

    Raises:
        PresetRefusedError: naming all that is wrong, each with its preset and option.
    """
    if not options and not presets:
        return
    said = await answer_of(
        "tubewarren.youtube.preset_check", [dict(options), {name: dict(each) for name, each in presets.items()}]
    )
    if said != "":
        reason = _SILENCE if said is None else said
        raise PresetRefusedError(Failure(kind=FailureKind.UNFIT, reason=reason, rule=OPTION_REFUSED))

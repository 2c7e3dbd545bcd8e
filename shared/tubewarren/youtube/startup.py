"""Startup: what a person set for yt-dlp is looked at before the first order is taken."""

import asyncio
from collections.abc import Mapping

from tubewarren.youtube.job import Options


async def ensure_usable(options: Options, presets: Mapping[str, Options]) -> None:
    """Look at the options and presets that a person made; where there are none, yt-dlp is not even loaded.

    Raises:
        PresetRefusedError: naming all that is wrong, each with its preset and option.
    """
    if options or presets:
        await asyncio.to_thread(_check, options, presets)


def _check(options: Options, presets: Mapping[str, Options]) -> None:
    from tubewarren.youtube.preset_check import check_presets  # noqa: PLC0415 - loading yt-dlp takes its time

    check_presets(options, presets)

"""Checking what a person set for yt-dlp before any work starts: it knows best what it can be told."""

import difflib
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yt_dlp
from yt_dlp.globals import postprocessors
from yt_dlp.postprocessor import get_postprocessor
from yt_dlp.utils import POSTPROCESS_WHEN, FormatSorter

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube import options as honest
from tubewarren.youtube.errors import PresetRefusedError, ProcessingFailedError
from tubewarren.youtube.job import OPTION_REFUSED, Options
from tubewarren.youtube.presets import OURS


def check_presets(options: Options, presets: Mapping[str, Options]) -> None:
    """Refuse what yt-dlp would pass over in silence, or stumble over with every video.

    Raises:
        PresetRefusedError: naming all that is wrong, each with its preset and option.
    """
    troubles = [*_troubles("youtube.options", options)]
    for name, chosen in presets.items():
        ours = {each: value for each, value in chosen.items() if each not in OURS}
        troubles += _troubles(f"youtube.presets.{name}", ours)
    if troubles:
        reason = "\n".join(troubles)
        raise PresetRefusedError(Failure(kind=FailureKind.UNFIT, reason=reason, rule=OPTION_REFUSED))


def _troubles(place: str, options: Options) -> Iterator[str]:
    known = {}
    for name, value in options.items():
        try:
            honest.check({name: value})
        except ProcessingFailedError as error:
            yield f"{place}: {error.failure.reason}"
        else:
            known[name] = value
    for trouble in (*_of_the_format(known), *_of_the_order(known), *_of_the_steps(known)):
        yield f"{place}.{trouble}"


def _of_the_format(options: Options) -> Iterator[str]:
    wanted = options.get("format")
    if wanted is None:
        return
    if not isinstance(wanted, str):
        yield f'format: write text, such as "bestvideo*+bestaudio/best" (got {wanted!r})'
        return
    try:
        # It only reads what it is told: it opens nothing.
        yt_dlp.YoutubeDL({"quiet": True}, auto_init=False).build_format_selector(wanted)
    except (SyntaxError, ValueError) as error:
        said = " ".join(str(error).replace("^", "").split())
        yield f"format: yt-dlp cannot read it: {said}"


def _of_the_order(options: Options) -> Iterator[str]:
    wanted = options.get("format_sort")
    if wanted is None:
        return
    if not _are_words(wanted):
        yield f'format_sort: write a list of texts, such as ["res:1080"] (got {wanted!r})'
        return
    for item in wanted:
        read = re.fullmatch(FormatSorter.regex, item)
        name = read and read["field"]
        if name is None:
            yield f"format_sort: yt-dlp cannot read {item!r}; write it like res:1080 or +size"
        elif name not in FormatSorter.settings:
            yield f"format_sort: formats have nothing called {name!r} to sort by{_near(name, FormatSorter.settings)}"


def _of_the_steps(options: Options) -> Iterator[str]:
    steps = options.get("postprocessors")
    if steps is None:
        return
    if not isinstance(steps, list | tuple) or not all(isinstance(step, Mapping) for step in steps):
        yield 'postprocessors: write a list of tables, such as [{ key = "FFmpegMetadata" }]'
        return
    for number, step in enumerate(steps, start=1):
        for trouble in _of_a_step(dict(step)):
            yield f"postprocessors: number {number}: {trouble}"


def _of_a_step(step: dict[str, Any]) -> Iterator[str]:
    key, when = step.pop("key", None), step.pop("when", "post_process")
    if when not in POSTPROCESS_WHEN:
        yield f"there is no when {when!r}{_near(str(when), POSTPROCESS_WHEN)}"
    known = [name.removesuffix("PP") for name in postprocessors.value if name.endswith("PP")]
    try:
        kind = get_postprocessor(str(key))
    except KeyError:
        yield f"yt-dlp has no postprocessor called {key!r}{_near(str(key), known)}" if key else "it has no key"
        return
    taken = [name for name in inspect.signature(kind.__init__).parameters if name not in {"self", "downloader"}]
    for name in step:
        if name not in taken:
            yield f"{key} has no {name!r}{_near(name, taken)}"
    try:
        inspect.signature(kind).bind(None, **{name: value for name, value in step.items() if name in taken})
    except TypeError as error:
        yield f"{key}: {error}"


def _are_words(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(part, str) for part in value)


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, tuple(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""

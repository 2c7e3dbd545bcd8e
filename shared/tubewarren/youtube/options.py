"""Options of yt-dlp: honest defaults, what a person may add, and what stays ours."""

import difflib
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import yt_dlp
from yt_dlp.extractor.youtube._base import INNERTUBE_CLIENTS
from yt_dlp.networking.impersonate import ImpersonateTarget

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.job import OPTION_REFUSED, Options
from tubewarren.youtube.ready import ReadyYoutubeDL
from tubewarren.youtube.reserved import refusal
from tubewarren.youtube.ytdlp_log import CapturingLogger


def merged(given: Options, ours: Mapping[str, Any]) -> dict[str, Any]:
    """The options for one YoutubeDL: honest defaults, then what a person gave, then what the caller needs.

    Raises:
        ProcessingFailedError: an option that yt-dlp does not know, one that is not a person's to set, or a browser that
            it cannot pass for.
    """
    check(given)
    options = {**_honest(), **given, **ours}
    # Incomplete answers must be errors, whatever else a person tells the extractors.
    arguments = {site: dict(values) for site, values in (given.get("extractor_args") or {}).items()}
    arguments.setdefault("youtube", {}).setdefault("raise_incomplete_data", ["true"])
    if browser := options.get("impersonate"):
        options["impersonate"] = _target(str(browser))
    return {**options, "extractor_args": arguments}


def check(given: Options) -> None:
    """Refuse options that yt-dlp would ignore in silence, and those that are ours.

    Raises:
        ProcessingFailedError: naming the option.
    """
    for name, value in given.items():
        if reason := refusal(name, value):
            raise _refused(f"the yt-dlp option {name} cannot be set here: {reason}")
        if name not in known_options():
            near = difflib.get_close_matches(name, known_options(), n=1)
            hint = (
                f"; did you mean {near[0]}?"
                if near
                else "; use the names of yt-dlp's library, not those of its command"
            )
            raise _refused(f"yt-dlp has no option called {name}{hint}")


@cache
def known_options() -> frozenset[str]:
    """The names that the installed yt-dlp takes: those its command line sets, and those its documentation lists."""
    documented = re.findall(r"^    (\w+):", yt_dlp.YoutubeDL.__doc__ or "", re.MULTILINE)
    return frozenset({*yt_dlp.parse_options([]).ydl_opts, *documented})


@cache
def player_clients() -> frozenset[str]:
    """The players of YouTube that the installed yt-dlp can ask."""
    return frozenset(name for name in INNERTUBE_CLIENTS if not name.startswith("_"))


@cache
def _target(browser: str) -> ImpersonateTarget:
    """The browser as yt-dlp's own value, which is what it wants as a library."""
    with ReadyYoutubeDL({"quiet": True, "logger": CapturingLogger()}) as ydl:
        available = [target for target, _ in ydl._get_available_impersonate_targets()]  # noqa: SLF001 - the only way
    try:
        target = ImpersonateTarget.from_str(browser.lower())
    except ValueError as error:
        raise _refused(f"impersonate: {browser!r} is no browser; write one such as chrome or chrome-131") from error
    if any(target in each for each in available):
        return target
    if not available:
        raise _refused(
            f"yt-dlp cannot pass for {browser} here: install curl_cffi (pip install 'tubewarren[impersonate]')"
        )
    raise _refused(f"yt-dlp cannot pass for {browser!r}; choose among {', '.join(map(str, available))}")


def _honest() -> dict[str, Any]:
    return {
        "quiet": True,
        "noprogress": True,
        "color": "never",
        "ignoreerrors": False,
        "skip_unavailable_fragments": False,
        # Where a site leaves the choice, ffmpeg would be taken: it passes over missing pieces in silence.
        "hls_prefer_native": True,
        "allow_playlist_files": False,
        # The ladder of the queue retries whole jobs; in here only what is cheap and near is repeated.
        "retries": 0,
        "extractor_retries": 1,
        "fragment_retries": 3,
        "socket_timeout": 20.0,
        "js_runtimes": {"deno": {}, "node": {}},
        "updatetime": False,
    }


def _refused(reason: str) -> ProcessingFailedError:
    return ProcessingFailedError(Failure(kind=FailureKind.UNFIT, reason=reason, rule=OPTION_REFUSED))

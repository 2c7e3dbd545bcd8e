"""A YoutubeDL that is ready at once."""

from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any

import yt_dlp
from yt_dlp.extractor import gen_extractor_classes

from tubewarren.youtube.job import Options
from tubewarren.youtube.kept import Kept


class ReadyYoutubeDL(yt_dlp.YoutubeDL):  # type: ignore[misc] # it has no types
    """Knows the same extractors in the same order, and need not find them out and connect to a site for each video.

    Args:
        options: of yt-dlp.
        given: those of them that are a person's own, by which one is known to the sites.
        kept: what the process keeps from one to the next.
    """

    cookiejar: Any

    def __init__(self, options: dict[str, Any], given: Options | None = None, kept: Kept | None = None) -> None:
        self._given = given or {}
        self._kept = kept
        super().__init__(options)
        if kept and (network := kept.take(self._given)):
            self._go_on_with(network.director, network.jar)

    def __exit__(self, *error: object) -> None:
        """Close it, and after a failure its connections, too."""
        kept, director = self._kept, None
        if kept is not None:
            kept.runtimes |= {_kind(each): each for each in self._found_runtimes()}
            if error[:1] == (None,):
                # Otherwise it would be closed.
                director = self.__dict__.pop("_request_director", None)
        super().__exit__(*error)
        if kept is not None and director is not None:
            self.cookiejar.clear()
            director.logger._ydl = None  # noqa: SLF001 - it would keep all of this one alive
            kept.leave(self._given, director, self.cookiejar)

    def add_default_info_extractors(self) -> None:
        """Add every extractor that is enabled."""
        if self.params.get("allowed_extractors"):
            super().add_default_info_extractors()
        else:
            self._ies |= _enabled_extractors()

    @cached_property
    def _js_runtimes(self) -> dict[str, Any]:
        known = self._kept.runtimes if self._kept else {}
        given: dict[str, Any] = super()._js_runtimes
        return {name: runtime and known.get(_kind(runtime), runtime) for name, runtime in given.items()}

    def _found_runtimes(self) -> list[Any]:
        runtimes = self.__dict__.get("_js_runtimes", {}).values()
        return [each for each in runtimes if each and each.__dict__.get("info")]

    def _go_on_with(self, director: Any, jar: Any) -> None:  # noqa: ANN401 - yt-dlp's own
        for cookie in self.cookiejar:
            jar.set_cookie(cookie)
        self.cookiejar = jar
        director.logger._ydl = self  # noqa: SLF001 - what its handlers say is for the log of this one
        self._request_director = director


@cache
def _enabled_extractors() -> Mapping[str, Any]:
    # As yt-dlp makes its own list, in 50 ms each time.
    by_name = {extractor.IE_NAME.lower(): extractor for extractor in gen_extractor_classes()}
    return {each.ie_key(): each for each in by_name.values() if each._ENABLED}  # noqa: SLF001


def _kind(runtime: Any) -> tuple[type, object]:  # noqa: ANN401 - yt-dlp's own
    return type(runtime), runtime._path  # noqa: SLF001 - where the options say that it is

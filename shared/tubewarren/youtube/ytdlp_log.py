"""What yt-dlp says while it works: warnings are evidence, the rest is for the log."""

import logging

_log = logging.getLogger(__name__)
_MOST_WARNINGS = 50


class CapturingLogger:
    """The logger object that yt-dlp is given; its method names are yt-dlp's."""

    def __init__(self) -> None:
        self._warnings: list[str] = []

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was warned about, oldest first; the newest ones when there were very many."""
        return tuple(self._warnings)

    def debug(self, text: str) -> None:  # noqa: D102 - yt-dlp's name
        _log.debug("%s", text)

    def info(self, text: str) -> None:  # noqa: D102 - yt-dlp's name
        _log.debug("%s", text)

    def warning(self, text: str) -> None:  # noqa: D102 - yt-dlp's name
        _log.debug("warning: %s", text)
        self._warnings.append(text)
        del self._warnings[:-_MOST_WARNINGS]

    def error(self, text: str) -> None:  # noqa: D102 - yt-dlp's name
        # The same words come as an exception, and are dealt with there.
        _log.debug("error: %s", text)

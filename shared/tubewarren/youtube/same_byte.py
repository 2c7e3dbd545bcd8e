"""Same byte: yt-dlp must not ask for ever for a rest of a file that never comes.

YouTube's files are fetched in pieces, and a piece that ends early is taken for a whole one by yt-dlp: it asks for the
next at once, counts no retry, and calls no hook as long as no byte comes.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import ProcessingFailedError

ENDLESS = "same-byte"
"""The rule by which it is known that nothing more can be had from there."""

# More than anybody sets as retries, and less than a site would take for an attack.
_MOST_TIMES = 20

Open = Callable[[Any], Any]
"""How yt-dlp sends a request: an address, or an object with `url` and `headers`."""


def bounded(send: Open) -> Open:
    """The same, but with an end to asking for one file from one byte on.

    Raises, when it is called too often:
        ProcessingFailedError: `TRANSIENT`.
    """
    asked: Counter[tuple[str, str]] = Counter()

    def send_unless_endless(request: Any) -> Any:  # noqa: ANN401 - yt-dlp's objects
        if start := _start(request):
            asked[request.url, start] += 1
            if asked[request.url, start] > _MOST_TIMES:
                raise ProcessingFailedError(_endless(start))
        return send(request)

    return send_unless_endless


def _start(request: Any) -> str:  # noqa: ANN401 - yt-dlp's object
    wanted = str(getattr(request, "headers", {}).get("Range") or "")
    return wanted.removeprefix("bytes=").partition("-")[0]


def _endless(start: str) -> Failure:
    reason = f"The site never sends more of the file than {start} bytes."
    return Failure(kind=FailureKind.TRANSIENT, reason=reason, rule=ENDLESS)

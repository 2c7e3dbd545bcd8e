"""Meter: turns yt-dlp's hooks into progress of the whole job, and checks each file the moment it is complete."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.job import Progress

SIZE_DIFFERS = "size-differs"
"""The rule by which a file is known to have too few bytes, or too many."""

_SECONDS_BETWEEN_REPORTS = 0.5


class Meter:
    """Counts what comes of all the parts of one video together."""

    def __init__(self, report: Callable[[Progress], None], clock: Callable[[], float] = time.monotonic) -> None:
        """Args:
        report: called at most twice a second, and whenever a part or another step begins or a part is complete.
        """
        self._report = report
        self._clock = clock
        self._done: dict[str, int] = {}
        self._total: dict[str, int | None] = {}
        self._promised: dict[str, int] = {}
        self._formats: frozenset[str] = frozenset()
        self._quiet_until = 0.0

    def expect(self, info: Mapping[str, Any]) -> None:
        """Learn which formats were chosen, and so how much is to come in all."""
        for part in info.get("requested_formats") or (info,):
            if "format_id" in part:
                size = part.get("filesize") or part.get("filesize_approx")
                self._total[str(part["format_id"])] = _whole(size)
        self._formats = frozenset(self._total)

    def on_download(self, status: Mapping[str, Any]) -> None:
        """Take a report of yt-dlp's about a transfer.

        Raises:
            ProcessingFailedError: a file is complete, and has another size than was announced.
        """
        info = status.get("info_dict") or {}
        part = self._part(status, info)
        finished, total = status.get("status") == "finished", status.get("total_bytes")
        begins = part not in self._done
        self._done[part] = _whole(status.get("downloaded_bytes") or (total if finished else 0)) or 0
        self._total[part] = _whole(total or status.get("total_bytes_estimate")) or self._total.get(part)
        if finished:
            self._check(part, Path(str(status.get("filename"))), info)
        elif total is not None:
            self._promised[part] = int(total)
        now = self._clock()
        if begins or finished or now >= self._quiet_until:
            self._quiet_until = now + _SECONDS_BETWEEN_REPORTS
            self._report(self._progress(_number(status.get("speed")), part if part in self._formats else ""))

    def on_processing(self, status: Mapping[str, Any]) -> None:
        """Take a report of yt-dlp's about a step after the transfer."""
        if status.get("status") == "started":
            self.begin(f"processing with {status.get('postprocessor')}")

    def begin(self, phase: str) -> None:
        """Tell of a step in which nothing is transferred."""
        done = sum(self._done.values())
        self._report(Progress(phase, done, done))

    def _part(self, status: Mapping[str, Any], info: Mapping[str, Any]) -> str:
        # Captions have no format.
        known = str(info.get("format_id"))
        return known if known in self._total else str(status.get("filename"))

    def _progress(self, speed: float | None, part: str) -> Progress:
        done = sum(self._done.values())
        known = [total for total in self._total.values() if total is not None]
        # An estimate that was too low is none.
        total = max(sum(known), done) if len(known) == len(self._total) else None
        left = (total - done) / speed if total and speed else None
        return Progress("downloading", done, total, speed, left, part)

    def _check(self, part: str, path: Path, info: Mapping[str, Any]) -> None:
        size = path.stat().st_size if path.is_file() else None
        announced = {number for number in (self._promised.get(part), _exact_size(info)) if number is not None}
        if size is None or (size > 0 and announced <= {size}):
            return
        path.unlink()
        wanted = " and ".join(str(number) for number in sorted(announced - {size})) or "more"
        reason = f"The file has {size} bytes where {wanted} were announced."
        raise ProcessingFailedError(Failure(kind=FailureKind.TRANSIENT, reason=reason, rule=SIZE_DIFFERS))


def _exact_size(info: Mapping[str, Any]) -> int | None:
    # Only YouTube's own number is known to be exact; other sites often round, or speak of another file.
    is_plain = str(info.get("protocol")) in {"http", "https"}
    is_youtube = str(info.get("extractor")).startswith("youtube")
    return _whole(info.get("filesize")) if is_plain and is_youtube else None


def _whole(value: Any) -> int | None:  # noqa: ANN401 - yt-dlp's word
    return int(value) if isinstance(value, int | float) else None


def _number(value: Any) -> float | None:  # noqa: ANN401 - yt-dlp's word
    return float(value) if isinstance(value, int | float) else None

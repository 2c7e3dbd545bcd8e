"""The default processor: downloads one video with yt-dlp into a folder, in a process that may be killed."""

import json
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import yt_dlp

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.failures import failure_of
from tubewarren.youtube.job import LiveStreams, Progress, Task
from tubewarren.youtube.options import merged
from tubewarren.youtube.release import dated, scheduled
from tubewarren.youtube.ytdlp_log import CapturingLogger

INFO_FILE = "info.json"
"""What the site says of the video, beside its media."""

PARTIAL_FOLDER = ".partial"
"""Inside the job's folder: what an attempt left unfinished, for the next one to go on from."""

_SECONDS_BETWEEN_REPORTS = 0.5
_RANGE_REFUSED = "range-refused"
"""The rule by which a partial file is known to be of no more use."""


def fetch(task: Task, columns: Mapping[str, str], folder: Path) -> None:
    """Download one video, and write what the site says of it to `info.json`.

    A function of your own may call this and then go on with the files in the folder. What an attempt before left
    unfinished is resumed, and a finished file is kept.

    Raises:
        ProcessingFailedError: classified.
    """
    del columns
    log = CapturingLogger()
    try:
        _download(task, folder, log)
    except Exception as error:
        failure = failure_of(error, log.warnings, task.rules)
        if failure.rule == _RANGE_REFUSED:
            shutil.rmtree(folder / PARTIAL_FOLDER, ignore_errors=True)
        raise ProcessingFailedError(_with_release(failure, error, task)) from error


def _download(task: Task, folder: Path, log: CapturingLogger) -> None:
    meter = _Meter(task.report)
    options = merged(
        task.options,
        {
            "logger": log,
            "noplaylist": True,
            "match_filter": partial(refuse_what_is_no_finished_video, live=task.live),
            "paths": {"home": str(folder), "temp": PARTIAL_FOLDER},
            # The format is part of the name: a partial file of another format is never gone on with.
            "outtmpl": {"default": "%(id).80B.%(format_id).40B.%(ext)s"},
            "restrictfilenames": True,
            "continuedl": True,
            "progress_hooks": [meter.on_download],
            "postprocessor_hooks": [meter.on_processing],
        },
    )
    task.report(Progress("extracting"))
    with yt_dlp.YoutubeDL(options) as ydl:
        info: dict[str, Any] = ydl.extract_info(task.url, download=True) or {}
        video = _only_video(info)
        _verify(video)
        _write_info(ydl.sanitize_info(video, remove_private_keys=True), folder)
    shutil.rmtree(folder / PARTIAL_FOLDER, ignore_errors=True)


def refuse_what_is_no_finished_video(info: Mapping[str, Any], *, incomplete: bool, live: LiveStreams) -> None:
    """A match filter of yt-dlp; raising from it, other than returning a word, cannot be mistaken for success.

    Raises:
        ProcessingFailedError: this is a list, or a live stream that is not to be downloaded now.
    """
    if not incomplete and (info.get("n_entries") or 1) > 1:
        raise _failed(
            FailureKind.BAD_INPUT, "no-single-video", "This address is a list, not a video: add it as a source."
        )
    if failure := _failure_of_stream(info, live):
        raise ProcessingFailedError(failure)


def _failure_of_stream(info: Mapping[str, Any], live: LiveStreams) -> Failure | None:
    match info.get("live_status"), live:
        case "is_upcoming", _:
            return Failure(
                kind=FailureKind.NOT_YET,
                reason="This has not begun: it is tried again when it has.",
                rule="live-upcoming",
                release_at=scheduled(info),
            )
        case "post_live", _:
            reason = "The live stream has ended and YouTube is still processing it: it is tried again later."
            return Failure(kind=FailureKind.NOT_YET, reason=reason, rule="live-processing", release_at=scheduled(info))
        case "is_live", "wait":
            reason = "This is a live stream that is still running: it is tried again when it has ended."
            # It began at a known time, and ends at an unknown one.
            return Failure(kind=FailureKind.NOT_YET, reason=reason, rule="live-running")
        case "is_live", "skip":
            reason = "This is a live stream that is still running, and the settings say to skip those."
            return Failure(kind=FailureKind.GATED, reason=reason, rule="live-skipped")
        case _:
            return None


def _with_release(failure: Failure, error: Exception, task: Task) -> Failure:
    """What is not there yet, with the time when it will be, as far as the site tells."""
    if failure.kind is not FailureKind.NOT_YET or isinstance(error, ProcessingFailedError):
        return failure
    seen = failure.model_copy(update={"release_at": scheduled(_second_look(task))})
    return dated(seen, datetime.now(UTC))


def _second_look(task: Task) -> Mapping[str, Any]:
    """What the site says of a video without formats: of its error yt-dlp keeps only the words."""
    options = {"logger": CapturingLogger(), "noplaylist": True, "ignore_no_formats_error": True}
    # The failure is known already; that nothing more can be learnt of it is none of its own.
    with suppress(Exception), yt_dlp.YoutubeDL(merged(task.options, options)) as ydl:
        return ydl.extract_info(task.url, download=False, process=False) or {}
    return {}


def _only_video(info: dict[str, Any]) -> dict[str, Any]:
    while info.get("_type") in {"playlist", "multi_video"}:
        entries = [entry for entry in info.get("entries") or () if entry]
        if len(entries) != 1:
            raise _failed(
                FailureKind.BAD_INPUT, "no-single-video", "This address is a list, not a video: add it as a source."
            )
        info = entries[0]
    return info


def _verify(video: Mapping[str, Any]) -> None:
    paths = [Path(str(item["filepath"])) for item in video.get("requested_downloads") or () if item.get("filepath")]
    if not paths:
        raise _failed(FailureKind.UNKNOWN, "no-file", "yt-dlp reported success, but named no file.")
    for path in paths:
        if not path.is_file():
            raise _failed(
                FailureKind.TRANSIENT, "file-missing", f"yt-dlp reported success, but {path.name} is not there."
            )
        if path.stat().st_size == 0:
            path.unlink()
            raise _failed(FailureKind.TRANSIENT, "file-empty", f"The file {path.name} came empty.")


def _write_info(info: dict[str, Any], folder: Path) -> None:
    for part in (info, *info.get("formats", ())):
        # The folder may be given away; a person's session must not go with it.
        part.pop("cookies", None)
        part.pop("http_headers", None)
    unfinished = folder / f"{INFO_FILE}.new"
    unfinished.write_text(json.dumps(info, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
    unfinished.replace(folder / INFO_FILE)


class _Meter:
    """Turns yt-dlp's hooks into progress of the whole job, and checks each file the moment it is complete."""

    def __init__(self, report: Callable[[Progress], None]) -> None:
        self._report = report
        self._done: dict[str, int] = {}
        self._total: dict[str, int | None] = {}
        self._announced: dict[str, int] = {}
        self._quiet_until = 0.0

    def on_download(self, status: Mapping[str, Any]) -> None:
        name, finished = str(status.get("filename")), status.get("status") == "finished"
        total = status.get("total_bytes")
        done = status.get("downloaded_bytes") or (total if finished else 0)
        self._done[name] = int(done or 0)
        self._total[name] = _whole(total or status.get("total_bytes_estimate"))
        if finished:
            self._check(Path(name), status.get("info_dict") or {})
        elif total is not None:
            self._announced[name] = int(total)
        now = time.monotonic()
        if finished or now >= self._quiet_until:
            self._quiet_until = now + _SECONDS_BETWEEN_REPORTS
            self._report(self._progress(status))

    def on_processing(self, status: Mapping[str, Any]) -> None:
        if status.get("status") == "started":
            done = sum(self._done.values())
            self._report(Progress(f"processing with {status.get('postprocessor')}", done, done))

    def _progress(self, status: Mapping[str, Any]) -> Progress:
        totals = [total for total in self._total.values() if total is not None]
        return Progress(
            "downloading",
            sum(self._done.values()),
            sum(totals) if len(totals) == len(self._total) else None,
            _number(status.get("speed")),
            _number(status.get("eta")),
        )

    def _check(self, path: Path, info: Mapping[str, Any]) -> None:
        expected = self._announced.get(str(path)) or _exact_size(info)
        size = path.stat().st_size if path.is_file() else None
        if size is None or (expected in {None, size} and size > 0):
            return
        path.unlink()
        raise _failed(
            FailureKind.TRANSIENT,
            "size-differs",
            f"The file has {size} bytes where {expected or 'more'} were announced: it is fetched again.",
        )


def _exact_size(info: Mapping[str, Any]) -> int | None:
    # Only YouTube's own number is known to be exact; other sites often round, or speak of another file.
    is_plain = str(info.get("protocol")) in {"http", "https"}
    is_youtube = str(info.get("extractor")).startswith("youtube")
    return _whole(info.get("filesize")) if is_plain and is_youtube else None


def _whole(value: Any) -> int | None:  # noqa: ANN401 - yt-dlp's word
    return int(value) if isinstance(value, int | float) else None


def _number(value: Any) -> float | None:  # noqa: ANN401 - yt-dlp's word
    return float(value) if isinstance(value, int | float) else None


def _failed(kind: FailureKind, rule: str, reason: str) -> ProcessingFailedError:
    return ProcessingFailedError(Failure(kind=kind, reason=reason, rule=rule))

"""The default processor: downloads one video with yt-dlp into a folder, in a process that may be killed."""

import glob
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube import media_check, partials
from tubewarren.youtube.answers import TRAILER_ONLY
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.failures import failure_of
from tubewarren.youtube.filters import against_page, filtered
from tubewarren.youtube.job import LiveStreams, Options, Progress, Task
from tubewarren.youtube.meter import SIZE_DIFFERS, Meter
from tubewarren.youtube.options import merged
from tubewarren.youtube.ready import ReadyYoutubeDL
from tubewarren.youtube.release import dated, scheduled
from tubewarren.youtube.same_byte import ENDLESS, bounded
from tubewarren.youtube.ytdlp_log import CapturingLogger

INFO_FILE = "info.json"
"""What the site says of the video, beside its media."""

_USELESS_PARTS = frozenset({"range-refused", ENDLESS, SIZE_DIFFERS, *media_check.FAULTS})
"""The rules by which what there is of a video is known to be of no more use."""
_NOT_CONVERTED = frozenset({"not-converted", "not-converted-in-words"})
"""The rules by which it may be: this is believed after a second time."""


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
        if failure.rule in _USELESS_PARTS or (failure.rule in _NOT_CONVERTED and task.attempt > 1):
            partials.drop(folder)
        raise ProcessingFailedError(_with_release(failure, error, task)) from error


def _download(task: Task, folder: Path, log: CapturingLogger) -> None:
    meter = Meter(task.report)

    def look_at_what_was_chosen(info: Mapping[str, Any], *, incomplete: bool) -> None:
        _refuse_another_video(info, task)
        _refuse_what_is_not_wanted(info, task, is_complete=not incomplete)
        refuse_what_is_no_finished_video(info, incomplete=incomplete, live=task.live)
        if not incomplete and task.media:
            meter.expect(info)
            partials.prepare(folder, info)

    options = merged(
        task.options,
        {
            "logger": log,
            "noplaylist": True,
            "match_filter": look_at_what_was_chosen,
            "paths": {"home": str(folder), "temp": partials.PARTIAL_FOLDER},
            # The format is part of the name: a partial file of another format is never gone on with.
            "outtmpl": {"default": "%(id).80B.%(format_id).40B.%(ext)s" if task.media else "%(id).80B.%(ext)s"},
            "skip_download": not task.media,
            "restrictfilenames": True,
            "continuedl": True,
            "progress_hooks": [meter.on_download],
            "postprocessor_hooks": [meter.on_processing],
        },
    )
    task.report(Progress("extracting"))
    with ReadyYoutubeDL(options, task.options, task.kept) as ydl:
        ydl.urlopen = bounded(ydl.urlopen)
        info: dict[str, Any] = ydl.extract_info(task.url, download=True) or {}
        video = _only_video(info)
        if task.media:
            _verify(video)
            _check_media(video, task.options, meter)
        else:
            _verify_subtitles(video, folder)
        _write_info(ydl.sanitize_info(video, remove_private_keys=True), folder)
    partials.drop(folder)


def _refuse_what_is_not_wanted(info: Mapping[str, Any], task: Task, *, is_complete: bool) -> None:
    against = against_page(task.wanted, info, is_complete=is_complete, knows_title=bool(task.title))
    if against:
        raise ProcessingFailedError(filtered(against))


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


def _refuse_another_video(info: Mapping[str, Any], task: Task) -> None:
    # yt-dlp takes the trailer where there is one, and says nothing.
    if info.get("extractor") == "youtube" and task.id in task.url and info.get("id") != task.id:
        raise ProcessingFailedError(TRAILER_ONLY)


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
    with suppress(Exception), ReadyYoutubeDL(merged(task.options, options)) as ydl:
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
    paths = [path for path, _ in _downloads(video)]
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


def _verify_subtitles(video: Mapping[str, Any], folder: Path) -> None:
    for language in video.get("requested_subtitles") or ():
        if not any(folder.glob(f"*.{glob.escape(language)}.*")):
            reason = f"yt-dlp reported success, but the subtitles in {language} are not there."
            raise _failed(FailureKind.TRANSIENT, "file-missing", reason)


def _check_media(video: Mapping[str, Any], options: Options, meter: Meter) -> None:
    steps = options.get("postprocessors") or ()
    has_cuts = any(step.get("key") == "ModifyChapters" for step in steps)
    announced = [(path, media_check.announced(item, path, has_cuts=has_cuts)) for path, item in _downloads(video)]
    wanted = [(path, expected) for path, expected in announced if expected is not None]
    if wanted:
        meter.begin("checking")
    for path, expected in wanted:
        try:
            media_check.check(path, expected, options.get("ffmpeg_location"))
        except ProcessingFailedError:
            path.unlink()
            raise


def _downloads(video: Mapping[str, Any]) -> list[tuple[Path, Mapping[str, Any]]]:
    """The files that yt-dlp says it made, each with its record."""
    downloads = video.get("requested_downloads") or ()
    # yt-dlp leaves out of each record what the video's own says.
    return [(Path(str(item["filepath"])), {**video, **item}) for item in downloads if item.get("filepath")]


def _write_info(info: dict[str, Any], folder: Path) -> None:
    for part in (info, *info.get("formats", ())):
        # The folder may be given away; a person's session must not go with it.
        part.pop("cookies", None)
        part.pop("http_headers", None)
    unfinished = folder / f"{INFO_FILE}.new"
    unfinished.write_text(json.dumps(info, ensure_ascii=False, default=str), encoding="utf-8")
    unfinished.replace(folder / INFO_FILE)


def _failed(kind: FailureKind, rule: str, reason: str) -> ProcessingFailedError:
    return ProcessingFailedError(Failure(kind=kind, reason=reason, rule=rule))

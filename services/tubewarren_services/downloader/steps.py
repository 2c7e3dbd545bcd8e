"""The steps of a download, told as spans and durations, as its process reports them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tubewarren.messages.events import VideoDownloaded
from tubewarren.outcomes import Done, Outcome
from tubewarren.telemetry.instruments import DOWNLOADED, DOWNLOADS, STEPS
from tubewarren.telemetry.telemetry import Attributes, Telemetry
from tubewarren.youtube.errors import YoutubeError
from tubewarren.youtube.job import Progress

_STEPS: Final = {
    "extracting": "extract",
    "downloading": "download",
    "processing with Merger": "merge",
    "checking": "check",
}
_PROCESSING: Final = "processing with "
_NANOSECONDS: Final = 1e9


@dataclass(slots=True)
class Steps:
    """What one download does, one step after another: each lasts until the next is heard of.

    Attributes:
        clock: nanoseconds since 1970.
    """

    telemetry: Telemetry
    clock: Callable[[], int] = time.time_ns
    _now: tuple[str, str] | None = None
    _since: int = 0
    _begun: int = field(default=0)

    @contextmanager
    def followed(self) -> Iterator[None]:
        """From the begin of a download to its end, whatever that is."""
        self._begun = self.clock()
        failed = "cancelled"
        try:
            yield
            failed = ""
        except YoutubeError as error:
            failed = error.failure.kind.value
            raise
        except Exception as error:
            failed = type(error).__name__
            raise
        finally:
            self._end(failed)
            seconds = (self.clock() - self._begun) / _NANOSECONDS
            self.telemetry.record(DOWNLOADS, seconds, _ending(failed))

    def hear(self, progress: Progress) -> None:
        """Another step begins when the process says so, or goes on to another format."""
        step = (progress.phase, progress.part)
        if step != self._now:
            self._end("")
            self._now, self._since = step, self.clock()

    def _end(self, failed: str) -> None:
        if self._now is None:
            return
        (phase, part), ended = self._now, self.clock()
        self._now = None
        name = name_of(phase)
        described: dict[str, str] = {"tubewarren.phase": phase}
        if part:
            described["tubewarren.format"] = part
        self.telemetry.past_span(name, self._since, ended, described, failed=failed)
        step: dict[str, str | int | float | bool] = {"tubewarren.step": name, **_ending(failed)}
        self.telemetry.record(STEPS, (ended - self._since) / _NANOSECONDS, step)


def name_of(phase: str) -> str:
    """One of few names for a step; a processor of a person's own may say what it likes."""
    return _STEPS.get(phase) or ("postprocess" if phase.startswith(_PROCESSING) else "process")


def tell_of_result(telemetry: Telemetry, outcome: Outcome) -> None:
    """Count what has become a result, once."""
    for event in outcome.publish if isinstance(outcome, Done) else ():
        if isinstance(event, VideoDownloaded) and not event.already_present:
            telemetry.count(DOWNLOADED, event.size_bytes)


def _ending(failed: str) -> Attributes:
    return {"error.type": failed} if failed else {}

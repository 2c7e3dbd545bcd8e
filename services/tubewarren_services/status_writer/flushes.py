"""What is told of writing into the sheet: each that wrote something or failed, and how far the sheet lags behind."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from tubewarren.sheets.errors import GoogleUnavailableError
from tubewarren.telemetry.instruments import FLUSHED_ROWS, FLUSHES, SHEET_LAG
from tubewarren.telemetry.telemetry import Attributes, Telemetry
from tubewarren_services.status_writer.scribe import Rewritten

_NANOSECONDS: Final = 1e9


@dataclass(slots=True)
class Flushes:
    """How the news come into the sheet.

    Attributes:
        timer: seconds that pass evenly.
        clock: nanoseconds since 1970.
    """

    telemetry: Telemetry
    timer: Callable[[], float] = time.monotonic
    clock: Callable[[], int] = time.time_ns
    _waiting_since: float | None = None
    _in_writing_since: float | None = None

    def __post_init__(self) -> None:
        self.telemetry.observe(SHEET_LAG, self._lag)

    def wait(self) -> None:
        """There is news to be written from now on."""
        if self._waiting_since is None:
            self._waiting_since = self.timer()

    @contextmanager
    def clearing(self) -> Iterator[None]:
        """While all that waits at the begin is written, however often that takes."""
        if self._in_writing_since is None:
            self._in_writing_since, self._waiting_since = self._waiting_since, None
        yield
        self._in_writing_since = None

    @contextmanager
    def told(self) -> Iterator[Callable[[Rewritten], None]]:
        """One try; give it what was written. Nothing is told of one that had nothing to write."""
        begun, rows = self.clock(), dict[str, int]()
        failed = ""
        try:
            yield rows.update
        except Exception as error:
            failed = error.cause.value if isinstance(error, GoogleUnavailableError) else type(error).__name__
            raise
        finally:
            if rows or failed:
                self._tell(begun, rows, failed)

    def _tell(self, begun: int, rows: Rewritten, failed: str) -> None:
        ended = self.clock()
        counts: dict[str, str | int | float | bool] = {
            f"tubewarren.sheet.rows.{tab.lower().replace(' ', '_').replace('-', '_')}": count
            for tab, count in rows.items()
        }
        described = {"tubewarren.sheet.rows": sum(rows.values()), "tubewarren.sheet.tabs": len(rows), **counts}
        self.telemetry.past_span("flush sheet", begun, ended, described, failed=failed)
        ending: Attributes = {"error.type": failed} if failed else {}
        self.telemetry.record(FLUSHES, (ended - begun) / _NANOSECONDS, ending)
        for tab, count in rows.items():
            self.telemetry.count(FLUSHED_ROWS, count, {"tubewarren.sheet.tab": tab})

    def _lag(self) -> Iterable[tuple[float, Attributes]]:
        since = self._waiting_since if self._in_writing_since is None else self._in_writing_since
        yield (0.0 if since is None else self.timer() - since), {}

"""What is told of writing into the sheet."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from opentelemetry.trace import StatusCode

from standins.listener import Listener, listening
from tubewarren.sheets.errors import Cause, GoogleUnavailableError
from tubewarren.telemetry.telemetry import Telemetry
from tubewarren_services.status_writer.flushes import Flushes


@dataclass
class Sheet:
    listener: Listener
    now: float = 0.0

    def __post_init__(self) -> None:
        self.flushes = Flushes(self.listener.telemetry, lambda: self.now, lambda: int(self.now * 1e9))

    @property
    def lag(self) -> float:
        (seconds,) = self.listener.figures("tubewarren.sheet.lag").values()
        return float(seconds)


@pytest.fixture
def sheet() -> Iterator[Sheet]:
    with listening() as listener:
        yield Sheet(listener)


def test_a_flush_is_a_span_with_the_rows_that_it_wrote(sheet: Sheet) -> None:
    with sheet.flushes.told() as tell:
        sheet.now = 2.0
        tell({"Video Tasks": 3, "Dead-Letter Tasks": 1})

    (span,) = sheet.listener.spans
    assert span.name == "flush sheet"
    assert (span.end_time or 0) - (span.start_time or 0) == 2_000_000_000
    assert dict(span.attributes or {}) == {
        "tubewarren.sheet.rows": 4,
        "tubewarren.sheet.tabs": 2,
        "tubewarren.sheet.rows.video_tasks": 3,
        "tubewarren.sheet.rows.dead_letter_tasks": 1,
    }
    assert sheet.listener.figures("tubewarren.sheet.flush.duration") == {(): (1, 2.0)}
    assert sheet.listener.figures("tubewarren.sheet.flush.rows") == {
        (("tubewarren.sheet.tab", "Video Tasks"),): 3,
        (("tubewarren.sheet.tab", "Dead-Letter Tasks"),): 1,
    }


def test_a_look_that_found_nothing_to_write_is_not_told_of(sheet: Sheet) -> None:
    with sheet.flushes.told() as tell:
        tell({})

    assert sheet.listener.spans == ()
    assert sheet.listener.figures("tubewarren.sheet.flush.duration") == {}


def test_a_flush_that_fails_is_told_of_with_its_cause(sheet: Sheet) -> None:
    def fail() -> None:
        with sheet.flushes.told():
            raise GoogleUnavailableError(Cause.OVER_QUOTA, "Too many requests.")

    with pytest.raises(GoogleUnavailableError):
        fail()

    (span,) = sheet.listener.spans
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "over-quota"
    assert sheet.listener.figures("tubewarren.sheet.flush.duration") == {(("error.type", "over-quota"),): (1, 0.0)}


def test_the_sheet_lags_behind_as_long_as_the_oldest_news_is_not_written(sheet: Sheet) -> None:
    seen = [sheet.lag]
    sheet.flushes.wait()
    sheet.now = 3.0
    sheet.flushes.wait()
    seen.append(sheet.lag)
    with sheet.flushes.clearing():
        sheet.now = 5.0
        sheet.flushes.wait()
        sheet.now = 7.0
        seen.append(sheet.lag)
    seen.append(sheet.lag)
    with sheet.flushes.clearing():
        pass
    seen.append(sheet.lag)

    assert seen == [0.0, 3.0, 7.0, 2.0, 0.0]


def test_writing_that_is_broken_off_leaves_its_news_as_old_as_they_are(sheet: Sheet) -> None:
    def break_off() -> None:
        with sheet.flushes.clearing():
            raise ValueError("a defect")

    sheet.flushes.wait()
    sheet.now = 3.0
    with pytest.raises(ValueError, match="a defect"):
        break_off()
    sheet.now = 4.0

    assert sheet.lag == 4.0
    with sheet.flushes.clearing():
        assert sheet.lag == 4.0
    assert sheet.lag == 0.0


def test_nobody_needs_to_listen() -> None:
    flushes = Flushes(Telemetry())

    flushes.wait()
    with flushes.clearing(), flushes.told() as tell:
        tell({"Sources": 1})

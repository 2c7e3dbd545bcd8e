"""From decisions to messages: what is asked of the monitor, what is ordered, and what is told when it is done."""

from datetime import UTC, datetime

import pytest

from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Command
from tubewarren.messages.commands import ExpandSource
from tubewarren.messages.events import SourceAccepted, SourceNoted, SourceRefused, SourceTaken, Taken
from tubewarren.messages.permits import PAUSED_IN_THE_LIST, CancelSource, RedriveDead, Scope, SetPause
from tubewarren_services.sheet_ingestor.decisions import Accept, Find, Note, Refuse, Take
from tubewarren_services.sheet_ingestor.entries import Entry
from tubewarren_services.sheet_ingestor.rows import ListRow, Wording
from tubewarren_services.sheet_ingestor.steps import Steps, steps_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "https://www.youtube.com/@a"
ROW = ListRow("7", Wording(URL), "7")
ENTRY = Entry(URL, {"Name": "Ada", "Preset": "audio"}, 2, "audio")
SAID = {"url": URL, "columns": ENTRY.columns, "priority": 2, "preset": "audio"}
ACCEPTED = SourceAccepted.model_validate({"at": NOON, "source_id": "7", "worker": "box", **SAID})
ORDER = ExpandSource.model_validate({"source_id": "7", **SAID})
TAKE_UP = CancelSource(source_id="7", cancelled=False)
REDRIVE = RedriveDead(source_id="7")


def steps(decision: Accept | Refuse | Find | Take | Note, *, is_cancelled: bool = False) -> Steps:
    return steps_of(decision, {"7"} if is_cancelled else {"8"}, "box", NOON)


def test_an_accepted_source_is_told_of_and_ordered() -> None:
    assert steps(Accept(ROW, ENTRY)) == Steps(ordered=(ACCEPTED, ORDER))


def test_of_a_cancelled_id_only_another_source_is_taken_up() -> None:
    assert steps(Accept(ROW, ENTRY, is_another=True), is_cancelled=True) == Steps((TAKE_UP,), (ACCEPTED, ORDER))
    assert steps(Accept(ROW, ENTRY), is_cancelled=True) == Steps((), (ACCEPTED, ORDER))


def test_a_refused_row_is_told_why_and_a_note_is_told() -> None:
    failure = Failure(kind=FailureKind.BAD_INPUT, reason="No address.")

    assert steps(Refuse(ROW, failure)).told == (SourceRefused(at=NOON, source_id="7", url=URL, failure=failure),)
    assert steps(Note(ROW, "")).told == (SourceNoted(at=NOON, source_id="7", note=""),)
    assert steps(Find(ROW, ENTRY)) == Steps()


@pytest.mark.parametrize(
    ("what", "asked", "is_listed"),
    [
        (Taken.RETRY, (REDRIVE,), False),
        (Taken.CANCEL, (CancelSource(source_id="7"),), False),
        (Taken.EXPAND_AGAIN, (), True),
        (Taken.PENDING, (REDRIVE,), True),
        (Taken.PAUSED, (SetPause(scope=Scope.SOURCE, name="7", reason=PAUSED_IN_THE_LIST),), False),
        (Taken.RESUMED, (SetPause(scope=Scope.SOURCE, name="7", paused=False),), False),
        (Taken.EDITED, (), False),
    ],
)
def test_what_was_written_into_a_row_is_done_and_then_told(
    what: Taken,
    asked: tuple[Command, ...],
    is_listed: bool,  # noqa: FBT001
) -> None:
    told = SourceTaken.model_validate({"at": NOON, "source_id": "7", "worker": "box", "what": what, **SAID})

    assert steps(Take(ROW, what, ENTRY)) == Steps(asked, (ACCEPTED, ORDER) if is_listed else (), (told,))


@pytest.mark.parametrize("what", [Taken.RETRY, Taken.EXPAND_AGAIN, Taken.PENDING])
def test_a_cancelled_source_is_taken_up_first_and_what_was_cancelled_comes_back(what: Taken) -> None:
    assert steps(Take(ROW, what, ENTRY), is_cancelled=True).asked == (TAKE_UP, REDRIVE)


@pytest.mark.parametrize("what", [Taken.CANCEL, Taken.PAUSED, Taken.RESUMED, Taken.EDITED])
def test_a_cancelled_source_stays_so_whatever_else_is_done(what: Taken) -> None:
    assert TAKE_UP not in steps(Take(ROW, what, ENTRY), is_cancelled=True).asked


def test_a_row_that_cannot_be_read_tells_nothing_of_itself() -> None:
    assert steps(Take(ROW, Taken.CANCEL)).told == (
        SourceTaken(at=NOON, source_id="7", worker="box", what=Taken.CANCEL),
    )

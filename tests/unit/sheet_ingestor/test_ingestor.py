"""The ingestor over a local workbook: what it publishes, what it writes, and what it says when it cannot."""

import asyncio
import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tubewarren.delivery import Delivery
from tubewarren.failures import FailureKind
from tubewarren.messages import Command, Message
from tubewarren.messages.bumps import AnnounceBump, BumpOrders, PrioritiseSource
from tubewarren.messages.commands import AddSource, DownloadVideo, ExpandSource, QueryLedger, ReturnResults
from tubewarren.messages.events import (
    FleetGates,
    Gate,
    LedgerAnswered,
    SourceAccepted,
    SourceExpanded,
    SourceNoted,
    SourceRefreshed,
    SourceRefused,
    SourceTaken,
    Taken,
)
from tubewarren.messages.permits import PAUSED_IN_THE_LIST, CancelSource, RedriveDead, SetPause
from tubewarren.outcomes import Done, Refund
from tubewarren.sheets.errors import SheetUnavailableError
from tubewarren.sheets.local import LocalWorkbook
from tubewarren.sheets.patience import Patience
from tubewarren.sheets.workbook import Workbook
from tubewarren.youtube.addresses import check_address
from tubewarren_services.sheet_ingestor.calendar import Calendar
from tubewarren_services.sheet_ingestor.entries import Terms
from tubewarren_services.sheet_ingestor.ingestor import Ingestor
from tubewarren_services.sheet_ingestor.numbers import NumberFile
from tubewarren_services.sheet_ingestor.reading import Reader, SourcesFile

A, B, C = (f"https://www.youtube.com/@{name}" for name in "abc")
HEADER = ("ID", "URL", "Status", "Name", "Priority", "Preset", "Pause", "Action", "ClaimedBy")
WATCHED = ("ID", "URL", "Status", "Refresh")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOTHING_HELD = FleetGates(at=NOON, gates=())
IN_PROGRESS = LedgerAnswered(at=NOON, storage="main", rows=({"source_id": "7", "state": "in-progress"},))
IMPATIENT = Patience(clock=lambda: 1e12, pause=lambda _: None)


@dataclass
class Desk:
    """An ingestor, its folder, and what it has published."""

    folder: Path
    published: list[Message] = field(default_factory=list)
    asked: list[Command] = field(default_factory=list)
    workbook: Workbook | None = None
    gates: FleetGates | None = NOTHING_HELD
    ledger: LedgerAnswered | None = IN_PROGRESS
    looks: int = 1
    now: datetime = NOON

    def __post_init__(self) -> None:
        self.ingestor = self.started()

    def started(self) -> Ingestor:
        """An ingestor without a memory, as after a restart."""
        reader = Reader(
            workbook=self.workbook or LocalWorkbook(self.folder / "workbook", patience=IMPATIENT),
            numbers=NumberFile(self.folder / "highest"),
            sources_file=SourcesFile(self.folder / "sources.txt"),
        )
        self.ingestor = Ingestor(
            reader=reader,
            terms=Terms(partial(check_address, allowed_hosts=("www.youtube.com",)), ("audio",)),
            worker="box/sheet-ingestor",
            publish=self.publish,
            ask=self.ask,
            ask_ledger=self.ask_ledger,
            calendar=Calendar.open(self.folder / "calendar.sqlite"),
            settle_looks=self.looks,
            clock=lambda: self.now,
        )
        self.ingestor.hear(self.gates)
        return self.ingestor

    async def ask(self, order: Command) -> FleetGates | None:
        """The monitor, which is away while there are no gates."""
        if self.gates is not None:
            self.asked.append(order)
        return self.gates

    async def ask_ledger(self, query: QueryLedger) -> LedgerAnswered | None:
        assert (query.topic, query.source_id) in (("sources", "7"), ("sources", None))
        return self.ledger

    async def publish(self, *messages: Message) -> None:
        self.published.extend(messages)

    @property
    def sheet(self) -> Path:
        return self.folder / "workbook" / "Sources.csv"

    def write(self, *rows: tuple[str, ...], header: tuple[str, ...] = HEADER) -> None:
        self.sheet.parent.mkdir(exist_ok=True)
        with self.sheet.open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])

    def rows(self) -> list[dict[str, str]]:
        with self.sheet.open(newline="") as file:
            return list(csv.DictReader(file))

    def write_videos(self, *rows: tuple[str, ...]) -> None:
        header = ("ID", "SourceID", "URL", "Status", "Duration", "ClaimedBy", "LastError", "Title")
        self.sheet.parent.mkdir(exist_ok=True)
        with (self.sheet.parent / "Video Tasks.csv").open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])

    def video_statuses(self) -> list[str]:
        with (self.sheet.parent / "Video Tasks.csv").open(newline="") as file:
            return [row["Status"] for row in csv.DictReader(file)]

    def taken(self) -> list[tuple[str, Taken]]:
        return [(event.source_id, event.what) for event in self.of(SourceTaken)]

    def list_file(self, text: str) -> None:
        (self.folder / "sources.txt").write_text(text)

    def of(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.published if isinstance(message, kind)]

    def ordered(self) -> list[tuple[str, str]]:
        return [(order.source_id, order.url) for order in self.of(ExpandSource)]

    async def add(self, message: Message) -> Any:
        return await self.ingestor.take_order(Delivery(message, "id"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    (tmp_path / "sources.txt").write_text("")
    return Desk(tmp_path)


async def test_a_source_is_announced_and_ordered_once_however_often_the_list_is_read(desk: Desk) -> None:
    desk.write(("7", A, "", "Ada", "2"))

    for _ in range(3):
        await desk.ingestor.look()

    (accepted, order) = desk.published
    assert isinstance(accepted, SourceAccepted)
    assert order == ExpandSource(source_id="7", url=A, columns={"Name": "Ada"}, priority=2)
    assert (accepted.source_id, accepted.url, accepted.columns, accepted.priority) == ("7", A, {"Name": "Ada"}, 2)


async def test_the_list_is_made_where_there_is_none_and_the_other_tabs_are_left_to_their_owner(desk: Desk) -> None:
    await desk.ingestor.look()

    assert list(desk.sheet.parent.glob("*.csv")) == [desk.sheet]
    assert desk.ingestor.activity().unfit == ""


async def test_a_new_row_gets_a_number_in_the_sheet_before_it_is_ordered(desk: Desk) -> None:
    desk.write(("7", A), ("", B), ("  ", C))

    await desk.ingestor.look()

    assert [row["ID"] for row in desk.rows()] == ["7", "8", "9"]
    assert desk.ordered() == [("7", A), ("8", B), ("9", C)]


async def test_after_a_restart_only_rows_that_still_wait_are_ordered_again(desk: Desk) -> None:
    desk.write(("7", A), ("8", B))
    await desk.ingestor.look()
    desk.write(("7", A, "in-progress"), ("8", B, "pending"))
    desk.published.clear()

    await desk.started().look()

    assert desk.ordered() == [("8", B)]


async def test_the_number_of_a_deleted_source_is_never_given_again(desk: Desk) -> None:
    desk.write(("", A), ("", B))
    await desk.ingestor.look()
    desk.write(("1", A))
    await desk.started().look()
    desk.write(("1", A), ("", C))

    await desk.ingestor.look()

    assert [row["ID"] for row in desk.rows()] == ["1", "3"]


async def test_nor_is_a_number_that_the_person_gave_and_took_away(desk: Desk) -> None:
    desk.write(("500", A))
    await desk.ingestor.look()
    desk.write(("", B))

    await desk.started().look()

    assert [row["ID"] for row in desk.rows()] == ["501"]


async def test_somebodys_own_numbering_is_not_gone_on_with(desk: Desk) -> None:
    desk.write(("1", A), ("20260101123456789", B))
    await desk.ingestor.look()
    desk.write(("", C))

    await desk.started().look()

    assert [row["ID"] for row in desk.rows()] == ["2"]


@pytest.mark.parametrize("content", ["", "garbage", "²", "-5", "9" * 30])
def test_a_number_file_that_makes_no_sense_is_as_good_as_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "highest").write_text(content)
    numbers = NumberFile(tmp_path / "highest")

    numbers.note(["3", "x", "²", "1"])

    assert numbers.highest() == "3"


async def test_a_refused_row_is_told_why_and_ordered_when_it_is_corrected(desk: Desk) -> None:
    desk.write(("7", "not an address"))
    await desk.ingestor.look()
    await desk.ingestor.look()
    (refusal,) = desk.of(SourceRefused)
    desk.write(("7", A, "error"))

    await desk.ingestor.look()

    assert (refusal.source_id, refusal.url, refusal.failure.kind) == ("7", "not an address", FailureKind.BAD_INPUT)
    assert desk.ordered() == [("7", A)]


async def test_an_id_in_two_rows_is_told_in_the_heartbeat_until_it_is_mended(desk: Desk) -> None:
    desk.write(("7", A), ("7", B))
    await desk.ingestor.look()
    told = desk.ingestor.activity().doing
    desk.write(("7", A), ("", B))
    await desk.ingestor.look()

    assert "More than one row has the ID 7" in told
    assert desk.ingestor.activity().doing == ""
    assert desk.ordered() == [("7", A), ("8", B)]


async def test_a_sources_file_is_imported_and_again_when_it_changes(desk: Desk) -> None:
    desk.list_file(f"# mine\n\n{A}|Ada|f\n")
    await desk.ingestor.look()
    desk.list_file(f"{A}|Ada|f\n{B}|Ben||Scottish\n")

    await desk.ingestor.look()

    assert [(row["ID"], row["URL"], row["Name"], row["Accent"]) for row in desk.rows()] == [
        ("1", A, "Ada", ""),
        ("2", B, "Ben", "Scottish"),
    ]
    assert desk.ordered() == [("1", A), ("2", B)]


async def test_bad_lines_are_told_by_number_and_stop_nothing(desk: Desk) -> None:
    desk.list_file(f"|no address\n{A}\n{B}|1|2|3|4|5|6|7|8\n")

    await desk.ingestor.look()

    assert desk.ordered() == [("1", A)]
    assert desk.ingestor.activity().doing.endswith("sources.txt: bad lines passed over: 1, 3")


async def test_mended_lines_are_no_longer_told(desk: Desk) -> None:
    desk.list_file("|no address\n")
    await desk.ingestor.look()
    desk.list_file(f"{A}\n")

    await desk.ingestor.look()

    assert desk.ingestor.activity().doing == ""


async def test_a_source_that_was_deleted_from_the_sheet_does_not_come_back_while_the_file_stays(desk: Desk) -> None:
    desk.list_file(f"{A}\n")
    await desk.ingestor.look()
    desk.write()

    await desk.ingestor.look()

    assert desk.rows() == []


async def test_a_missing_sources_file_is_told_and_the_sheet_is_read_all_the_same(desk: Desk) -> None:
    (desk.folder / "sources.txt").unlink()
    desk.write(("7", A))

    await desk.ingestor.look()
    told = desk.ingestor.activity()
    desk.list_file(f"{B}\n")
    await desk.ingestor.look()

    assert "sources.txt: No such file or directory" in told.doing
    assert told.unfit == ""
    assert desk.ordered() == [("7", A), ("8", B)]


async def test_a_missing_column_is_told_and_it_goes_on_when_it_is_mended(desk: Desk) -> None:
    desk.write(("7", "Ada"), header=("ID", "Name"))
    await desk.ingestor.look()
    told, is_news = desk.ingestor.activity().unfit, desk.ingestor.looked.is_set()
    desk.ingestor.looked.clear()
    desk.write(("7", A))

    await desk.ingestor.look()

    assert is_news
    assert desk.ingestor.looked.is_set()
    assert 'The column "URL" is missing' in told
    assert desk.ingestor.activity().unfit == ""
    assert desk.ordered() == [("7", A)]


class ReadOnlyWorkbook:
    """A workbook whose folder may not be written; reading goes on."""

    def __init__(self, folder: Path) -> None:
        self._real = LocalWorkbook(folder, patience=IMPATIENT)
        self.is_read_only = True

    def read(self, tabs: Any) -> Any:
        return self._real.read(tabs)

    def create_missing(self, tabs: Any = ()) -> Any:
        return () if self.is_read_only else self._real.create_missing(tabs)

    def edit(self, changes: Mapping[Any, Callable[..., Any]]) -> Any:
        if self.is_read_only:
            raise SheetUnavailableError("The folder cannot be used now (Permission denied): let this user write it.")
        return self._real.edit(changes)


async def test_a_folder_that_may_not_be_written_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    workbook = ReadOnlyWorkbook(tmp_path / "workbook")
    desk = Desk(tmp_path, workbook=workbook)
    desk.list_file("")
    desk.write(("", A))
    await desk.ingestor.look()
    told, before = desk.ingestor.activity().unfit, desk.ordered()
    workbook.is_read_only = False

    await desk.ingestor.look()

    assert "Permission denied" in told
    assert before == []
    assert desk.ordered() == [("1", A)]
    assert desk.ingestor.activity().unfit == ""


async def test_a_folder_that_may_not_be_written_is_read_where_nothing_needs_writing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, workbook=ReadOnlyWorkbook(tmp_path / "workbook"))
    desk.list_file("")
    desk.write(("7", A))

    await desk.ingestor.look()

    assert desk.ordered() == [("7", A)]


async def test_a_source_added_twice_stands_in_one_row(desk: Desk) -> None:
    order = AddSource(url=A, columns={"Name": "Ada"}, priority=3)

    outcomes = [await desk.add(order), await desk.add(order)]

    assert outcomes == [Done(), Done()]
    assert [(row["ID"], row["URL"], row["Name"], row["Priority"]) for row in desk.rows()] == [("1", A, "Ada", "3")]
    assert desk.ordered() == [("1", A)]


async def test_an_order_for_a_list_that_cannot_be_written_now_waits_without_being_charged(tmp_path: Path) -> None:
    desk = Desk(tmp_path, workbook=ReadOnlyWorkbook(tmp_path / "workbook"))
    desk.write()

    outcome = await desk.add(AddSource(url=A))

    assert isinstance(outcome, Refund)
    assert outcome.failure.kind is FailureKind.UNFIT
    assert "Permission denied" in outcome.failure.reason


async def test_an_order_that_is_not_for_the_list_is_a_bug(desk: Desk) -> None:
    with pytest.raises(TypeError, match=r"results\.return\.v1"):
        await desk.add(ReturnResults())


async def test_columns_of_the_persons_own_travel_with_the_order(desk: Desk) -> None:
    desk.write(("7", A, "good", ""), header=("ID", "URL", "Mood", "Status"))

    await desk.ingestor.look()

    assert desk.of(ExpandSource)[0].columns == {"Mood": "good"}


async def test_a_look_counts_only_when_all_that_it_found_is_published(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.list_file("")
    desk.write(("7", A), ("8", "not an address"))
    gate = asyncio.Event()

    async def slowly(*messages: Message) -> None:
        await gate.wait()
        await desk.publish(*messages)

    desk.ingestor.publish = slowly
    looking = asyncio.create_task(desk.ingestor.look())
    await asyncio.to_thread(lambda: None)
    before = dict(desk.ingestor.activity().facts)
    gate.set()
    await looking

    assert before == {"looks": 0, "sources": 0}
    assert desk.ingestor.activity().facts == {"looks": 1, "sources": 2}


async def test_an_action_is_carried_out_told_and_taken_out_of_its_cell(desk: Desk) -> None:
    desk.write(("7", A, "done", "Ada", "2", "", "", " Retry "), ("8", B, "done"))

    await desk.ingestor.look()
    await desk.ingestor.look()

    assert desk.asked == [RedriveDead(source_id="7")]
    assert desk.taken() == [("7", Taken.RETRY)]
    told = desk.of(SourceTaken)[0]
    assert (told.worker, told.url, told.columns, told.priority) == ("box/sheet-ingestor", A, {"Name": "Ada"}, 2)
    assert [row["Action"] for row in desk.rows()] == ["", ""]


async def test_an_unknown_action_stays_and_is_noted_and_the_others_are_taken(desk: Desk) -> None:
    desk.write(("7", A, "done", "", "", "", "", "again"), ("8", B, "done", "", "", "", "", "expand again"))

    await desk.ingestor.look()

    (note,) = desk.of(SourceNoted)
    assert (note.source_id, note.note) == (
        "7",
        "Not taken: There is no Action 'again'; there are retry, cancel, expand again.",
    )
    assert desk.ordered() == [("8", B)]
    assert [row["Action"] for row in desk.rows()] == ["again", ""]


async def test_what_needs_the_monitor_waits_for_it_and_nothing_else_does(desk: Desk) -> None:
    desk.gates = None
    desk.write(
        ("7", A, "done", "", "", "", "", "retry"), ("8", B, "done", "", "", "", "yes"), ("9", C, "", "", "", "", "")
    )

    assert await desk.ingestor.look()
    told, before = desk.ingestor.activity().doing, desk.taken()
    desk.gates = NOTHING_HELD
    await desk.ingestor.look()

    assert told.startswith("No heartbeat-monitor answers")
    assert before == []
    assert desk.ordered() == [("9", C)]
    assert set(desk.taken()) == {("7", Taken.RETRY), ("8", Taken.PAUSED)}
    assert desk.ingestor.activity().doing == ""


async def test_what_a_source_is_held_by_is_learnt_from_the_newest_news(desk: Desk) -> None:
    paused = Gate(kind="pause", name="7", reason=PAUSED_IN_THE_LIST, since=NOON)
    cancelled = Gate(kind="cancelled", name="8", reason="", since=NOON)
    desk.write(("7", A, "done"), ("8", B, "done", "", "", "", "", "retry"))
    desk.ingestor.hear(FleetGates(at=NOON + timedelta(seconds=1), gates=(paused, cancelled)))
    desk.ingestor.hear(FleetGates(at=NOON, gates=()))

    await desk.ingestor.look()

    resumed, taken_up, redriven = desk.asked
    assert isinstance(resumed, SetPause)
    assert (resumed.name, resumed.paused) == ("7", False)
    assert (taken_up, redriven) == (CancelSource(source_id="8", cancelled=False), RedriveDead(source_id="8"))


async def test_an_action_whose_cell_could_not_be_cleared_is_not_carried_out_again(tmp_path: Path) -> None:
    workbook = ReadOnlyWorkbook(tmp_path / "workbook")
    desk = Desk(tmp_path, workbook=workbook)
    desk.list_file("")
    desk.write(("7", A, "done", "", "", "", "", "expand again"))

    assert not await desk.ingestor.look(), "the sheet shall be left alone for a while"
    told = desk.ingestor.activity().unfit
    workbook.is_read_only = False
    assert await desk.ingestor.look()

    assert "Permission denied" in told
    assert desk.ordered() == [("7", A)]
    assert desk.rows()[0]["Action"] == ""
    desk.write(("7", A, "done", "", "", "", "", "expand again"))
    await desk.ingestor.look()
    assert desk.ordered() == [("7", A), ("7", A)], "it was written once more"


async def test_a_tab_that_a_person_has_to_mend_is_looked_at_as_often_as_ever(desk: Desk) -> None:
    desk.write(("7", "Ada"), header=("ID", "Name"))

    assert await desk.ingestor.look()
    assert desk.ingestor.activity().unfit


async def test_videos_that_were_set_back_are_brought_back_once(desk: Desk) -> None:
    desk.write(("7", A, "done", "Ada"))
    desk.write_videos(
        ("a", "7", "https://www.youtube.com/watch?v=aaaaaaaaaaa", "pending", "61", "box", "", "A film"),
        ("b", "7", "https://www.youtube.com/watch?v=bbbbbbbbbbb", "pending", "61", "box", "It is private.", ""),
        ("c", "7", "https://www.youtube.com/watch?v=ccccccccccc", "done", "61", "box", "", ""),
    )

    await desk.ingestor.look()
    await desk.ingestor.look()

    (order,) = desk.of(DownloadVideo)
    assert (order.video_id, order.title, order.columns) == ("a", "A film", {"Name": "Ada"})
    assert desk.video_statuses() == ["in-progress", "in-progress", "done"], "the rows show that they were taken"
    assert desk.asked == [RedriveDead(source_id="7", video_ids=("b",))]


async def test_a_video_that_is_set_back_once_more_is_brought_back_once_more(desk: Desk) -> None:
    desk.write(("7", A, "done"))
    for status in ("pending", "done", "pending"):
        desk.write_videos(("a", "7", "https://www.youtube.com/watch?v=a", status, "61", "box", "", ""))
        await desk.ingestor.look()

    assert len(desk.of(DownloadVideo)) == 2


async def test_the_dead_wait_for_the_monitor(desk: Desk) -> None:
    desk.gates = None
    desk.write(("7", A, "done"))
    desk.write_videos(("a", "7", "https://www.youtube.com/watch?v=a", "pending", "61", "box", "It is private.", ""))
    await desk.ingestor.look()
    desk.gates = NOTHING_HELD

    await desk.ingestor.look()
    await desk.ingestor.look()

    assert desk.asked == [RedriveDead(source_id="7", video_ids=("a",))]


async def test_videos_that_cannot_be_read_stop_no_source_and_are_looked_at_again(desk: Desk) -> None:
    desk.write(("7", A, "done"), ("8", B))
    desk.write_videos()
    (desk.sheet.parent / "Video Tasks.csv").write_text("What,Ever\n")
    await desk.ingestor.look()
    desk.write_videos(("a", "7", "https://www.youtube.com/watch?v=a", "pending", "61", "box", "", ""))

    for _ in range(6):
        await desk.ingestor.look()

    assert desk.ordered() == [("8", B)]
    assert len(desk.of(DownloadVideo)) == 1


async def test_a_new_row_is_ordered_when_it_stays_as_it_is_and_only_then_has_the_list_been_seen(tmp_path: Path) -> None:
    desk = Desk(tmp_path, looks=2)
    desk.list_file("")
    desk.write(("7", "https://www.youtube.com/@"))
    await desk.ingestor.look()
    desk.write(("7", A))
    await desk.ingestor.look()
    before = desk.ordered(), desk.ingestor.activity().facts["looks"]

    await desk.ingestor.look()

    assert before == ([], 0)
    assert desk.ordered() == [("7", A)]
    assert desk.ingestor.activity().facts["looks"] == 1


async def test_a_source_travels_with_its_preset(desk: Desk) -> None:
    desk.write(("7", A, "", "", "", "Audio"))

    await desk.ingestor.look()

    assert [(order.preset, order.columns) for order in desk.of(ExpandSource)] == [("audio", {"Preset": "audio"})]
    assert [(event.preset, event.worker) for event in desk.of(SourceAccepted)] == [("audio", "box/sheet-ingestor")]


async def test_a_watched_source_is_looked_through_when_it_is_due_for_all_at_first_and_then_for_news(desk: Desk) -> None:
    desk.write(("7", A, "done", "6h"), header=WATCHED)
    await desk.ingestor.look()
    assert desk.ordered() == []

    desk.now += timedelta(hours=6)
    await desk.ingestor.look()
    await desk.ingestor.look()
    channel = "UCabcdefghijklmnopqrstuv"
    desk.ingestor.hear_of_listing(refreshed("7", desk.now, is_whole=True, channel_id=channel))
    desk.now += timedelta(hours=7)
    await desk.ingestor.look()

    assert desk.of(ExpandSource) == [
        ExpandSource(source_id="7", url=A, refresh="all"),
        ExpandSource(source_id="7", url=A, refresh="news", channel_id=channel),
    ]


async def test_a_restart_neither_forgets_a_refresh_nor_hurries_one(desk: Desk) -> None:
    desk.write(("7", A, "done", "6h"), header=WATCHED)
    await desk.ingestor.look()
    desk.now += timedelta(hours=6)
    await desk.ingestor.look()

    desk.started()
    await desk.ingestor.look()
    assert len(desk.ordered()) == 1
    desk.now += timedelta(hours=7)
    await desk.ingestor.look()

    assert len(desk.ordered()) == 2


async def test_a_restart_keeps_the_appointment_of_a_row_that_has_not_settled_yet(desk: Desk) -> None:
    desk.looks = 2
    desk.write(("7", A, "done", "6h"), header=WATCHED)
    desk.started()
    for _ in range(2):
        await desk.ingestor.look()
    desk.ingestor.hear_of_listing(refreshed("7", desk.now, is_whole=True))

    desk.started()
    desk.now += timedelta(hours=7)
    for _ in range(2):
        await desk.ingestor.look()

    assert desk.of(ExpandSource) == [ExpandSource(source_id="7", url=A, refresh="news")]


async def test_what_is_paused_or_failed_or_was_never_begun_is_not_refreshed(desk: Desk) -> None:
    desk.gates = FleetGates(at=NOON, gates=(gate("pause", "1"), gate("cancelled", "2")))
    desk.started()
    rows = [("1", A, "done", "6h"), ("2", B, "done", "6h"), ("3", C, "error", "6h")]
    desk.write(*rows, header=WATCHED)
    await desk.ingestor.look()

    desk.now += timedelta(hours=12)
    await desk.ingestor.look()

    assert desk.ordered() == []


async def test_an_impossible_refresh_is_told_in_its_row_and_the_source_goes_on(desk: Desk) -> None:
    desk.write(("7", A, "done", "often"), header=WATCHED)

    await desk.ingestor.look()

    (note,) = desk.of(SourceNoted)
    assert "write how often, such as 6h or 1d, or auto" in note.note


async def test_two_rows_that_turn_out_to_be_one_channel_are_told_so(desk: Desk) -> None:
    desk.write(("7", A, "done", ""), ("8", B, "done", ""), header=WATCHED)
    await desk.ingestor.look()

    for source_id in ("8", "7"):
        expanded = SourceExpanded(at=NOON, source_id=source_id, videos=2, channel_id="UCabcdefghijklmnopqrstuv")
        desk.ingestor.hear_of_listing(expanded)
    await desk.ingestor.look()

    assert [(note.source_id, note.note[:38]) for note in desk.of(SourceNoted)] == [
        ("8", "The same channel as the row with ID 7,")
    ]


def refreshed(source_id: str, at: datetime, **more: Any) -> SourceRefreshed:
    return SourceRefreshed(at=at, source_id=source_id, worker="box/source-expander", **more)


def gate(kind: Any, name: str) -> Gate:
    return Gate(kind=kind, name=name, since=NOON, reason="by hand")


async def test_another_priority_moves_what_waits_of_the_source_once_every_worker_has_heard_of_it(desk: Desk) -> None:
    desk.write(("7", A, "", "Ada", "5"))
    await desk.ingestor.look()
    desk.write(("7", A, "in-progress", "Ada", "2"))

    await desk.ingestor.look()
    await desk.ingestor.look()

    assert desk.asked == [AnnounceBump(source_id="7")]
    at = NOON + timedelta(seconds=6)
    assert desk.of(BumpOrders) == [
        BumpOrders(storage="main", source_id="7", priority=2, keeps_places=True, not_before=at)
    ]
    assert desk.taken() == [("7", Taken.EDITED)]
    desk.write(("7", A, "in-progress", "Eve", "2"))
    await desk.ingestor.look()
    assert len(desk.of(BumpOrders)) == 1, "another name moves nothing"


async def test_what_was_written_for_the_command_line_is_told_at_once_though_rows_have_to_settle(tmp_path: Path) -> None:
    desk = Desk(tmp_path, looks=2)
    desk.write(("7", A, "", "Ada", "5"))
    for _ in range(2):
        await desk.ingestor.look()

    await desk.add(PrioritiseSource(source_id="7", priority=1))

    assert desk.taken() == [("7", Taken.EDITED)]


async def test_a_priority_that_was_edited_while_nobody_looked_moves_what_waits_too(desk: Desk) -> None:
    ordered = {"state": "in-progress", "priority": 5, "ordered_at": NOON.isoformat()}
    rows = ({"source_id": "7", **ordered}, {"source_id": "8", **ordered}, {"source_id": "9", **ordered})
    desk.ledger = None
    desk.write(("7", A, "in-progress", "Ada", "2"), ("8", B, "in-progress", "Eve", ""), header=HEADER)
    await desk.ingestor.look()
    desk.ledger = LedgerAnswered(at=NOON, storage="main", rows=rows)

    for _ in range(3):
        await desk.ingestor.look()

    assert [(order.source_id, order.priority) for order in desk.of(BumpOrders)] == [("7", 2)]
    (taken,) = desk.of(SourceTaken)
    assert (taken.source_id, taken.what, taken.priority) == ("7", Taken.EDITED, 2)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"state": "done", "priority": 5, "ordered_at": NOON.isoformat()}, id="nothing of it waits"),
        pytest.param({"state": "in-progress", "priority": 5, "ordered_at": None}, id="known from its videos alone"),
    ],
)
async def test_a_source_of_which_nothing_waits_or_no_priority_is_known_is_as_its_row_says(
    desk: Desk, row: dict[str, str | int | None]
) -> None:
    desk.ledger = LedgerAnswered(at=NOON, storage="main", rows=({"source_id": "7", **row},))
    desk.write(("7", A, "in-progress", "Ada", "2"))

    await desk.ingestor.look()
    await desk.ingestor.look()

    assert desk.published == []


async def test_of_a_source_that_has_ended_nothing_is_moved(desk: Desk) -> None:
    desk.ledger = LedgerAnswered(at=NOON, storage="main", rows=({"source_id": "7", "state": "done"},))
    desk.write(("7", A, "", "Ada", "5"))
    await desk.ingestor.look()
    desk.write(("7", A, "done", "Ada", "2"))

    await desk.ingestor.look()

    assert (desk.asked, desk.of(BumpOrders), desk.taken()) == ([], [], [("7", Taken.EDITED)])


async def test_another_priority_waits_for_the_ledger_and_the_monitor(desk: Desk) -> None:
    desk.write(("7", A, "", "Ada", "5"))
    await desk.ingestor.look()
    desk.write(("7", A, "in-progress", "Ada", "2"))
    desk.ledger = None

    await desk.ingestor.look()
    assert (desk.taken(), "No results-manager" in desk.ingestor.activity().doing) == ([], True)
    desk.ledger, desk.gates = IN_PROGRESS, None
    await desk.ingestor.look()
    assert (desk.taken(), "No heartbeat-monitor" in desk.ingestor.activity().doing) == ([], True)
    desk.gates = NOTHING_HELD
    await desk.ingestor.look()

    assert (len(desk.of(BumpOrders)), desk.taken(), desk.ingestor.activity().doing) == (1, [("7", Taken.EDITED)], "")


async def test_a_priority_from_the_command_line_stands_in_the_row_and_moves_nothing_a_second_time(desk: Desk) -> None:
    desk.write(("7", A, "", "Ada", "5"))
    await desk.ingestor.look()

    assert await desk.add(PrioritiseSource(source_id="7", priority=1)) == Done()
    assert await desk.add(PrioritiseSource(source_id="8", priority=1)) == Done()

    assert [row["Priority"] for row in desk.rows()] == ["1"]
    (taken,) = desk.of(SourceTaken)
    assert (taken.what, taken.priority) == (Taken.EDITED, 1)
    assert desk.of(BumpOrders) == []
    desk.write(("7", A, "in-progress", "Ada", "5"))
    await desk.ingestor.look()
    desk.write(("7", A, "in-progress", "Ada", "1"))
    await desk.ingestor.look()
    assert [order.priority for order in desk.of(BumpOrders)] == [5, 1], "what a person writes later counts"

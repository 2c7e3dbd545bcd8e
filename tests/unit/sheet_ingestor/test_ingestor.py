"""The ingestor over a local workbook: what it publishes, what it writes, and what it says when it cannot."""

import asyncio
import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tubewarren.delivery import Delivery
from tubewarren.failures import FailureKind
from tubewarren.messages import Message
from tubewarren.messages.commands import AddSource, ExpandSource, ReturnResults
from tubewarren.messages.events import SourceAccepted, SourceRefused
from tubewarren.outcomes import Done, Refund
from tubewarren.sheets.errors import SheetUnavailableError
from tubewarren.sheets.local import LocalWorkbook
from tubewarren.sheets.patience import Patience
from tubewarren.sheets.workbook import Workbook
from tubewarren.youtube.addresses import check_address
from tubewarren_services.sheet_ingestor.memory import NumberFile
from tubewarren_services.sheet_ingestor.service import Ingestor

A, B, C = (f"https://www.youtube.com/@{name}" for name in "abc")
HEADER = ("ID", "URL", "Status", "Name", "Priority")


@dataclass
class Desk:
    """An ingestor, its folder, and what it has published."""

    folder: Path
    published: list[Message] = field(default_factory=list)
    workbook: Workbook | None = None

    def __post_init__(self) -> None:
        self.ingestor = self.started()

    def started(self) -> Ingestor:
        """An ingestor without a memory, as after a restart."""
        impatient = Patience(clock=lambda: 1e12, pause=lambda _: None)
        self.ingestor = Ingestor(
            workbook=self.workbook or LocalWorkbook(self.folder / "workbook", patience=impatient),
            numbers=NumberFile(self.folder / "highest"),
            sources_file=self.folder / "sources.txt",
            check_address=partial(check_address, allowed_hosts=("www.youtube.com",)),
            publish=self.publish,
        )
        return self.ingestor

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

    def list_file(self, text: str) -> None:
        (self.folder / "sources.txt").write_text(text)

    def of(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.published if isinstance(message, kind)]

    def ordered(self) -> list[tuple[str, str]]:
        return [(order.source_id, order.url) for order in self.of(ExpandSource)]

    async def add(self, message: Message) -> Any:
        return await self.ingestor.add(Delivery(message, "id"))


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
    told = desk.ingestor.activity().unfit
    desk.write(("7", A))

    await desk.ingestor.look()

    assert 'The column "URL" is missing' in told
    assert desk.ingestor.activity().unfit == ""
    assert desk.ordered() == [("7", A)]


class ReadOnlyWorkbook:
    """A workbook whose folder may not be written; reading goes on."""

    def __init__(self, folder: Path) -> None:
        self._real = LocalWorkbook(folder)
        self.is_read_only = True

    def read(self, tabs: Any) -> Any:
        return self._real.read(tabs)

    def create_missing(self, tabs: Any) -> Any:
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

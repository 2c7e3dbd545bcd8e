"""A whole fleet whose list is a Google spreadsheet, with people at work in it and Google in trouble."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import pytest

from fleets import Machine, MachineFor, SiteOf, wait_until
from standins.google import GoogleStandin, google_standin, nobody
from standins.google_person import Person, Record
from standins.google_quota import Kind, Limits
from standins.google_spreadsheet import Spreadsheet
from tubewarren_services.demo.catalogue import Catalogue, CataloguedFeed, CataloguedVideo

pytestmark = [pytest.mark.broker, pytest.mark.fleet]

TO_THE_END = timedelta(seconds=90)
SERVICES = ("heartbeat-monitor", "results-manager", "status-writer", "sheet-ingestor", "source-expander", "downloader")
MOST_DEEDS = 400
WORDS = {"pending": "pending", "waiting": "pending", "in-progress": "in-progress", "done": "done", "dead": "error"}

MINE = """
import time


def work(task, columns, folder):
    time.sleep(0.4)
    if "missing" in task.url:
        raise ValueError("nothing that anybody knows")
    (folder / "film.txt").write_text(task.id + columns.get("Name", ""))
"""


@pytest.fixture
def google() -> Iterator[GoogleStandin]:
    """Without limits that a hurried fleet would meet."""
    with google_standin(limits=Limits(100_000, 100_000)) as google:
        yield google


@pytest.fixture
def catalogue() -> Catalogue:
    slugs = [f"film-{number}" for number in range(60)] + ["missing-1"]
    videos = tuple(CataloguedVideo(slug, slug, timedelta(milliseconds=10)) for slug in slugs)
    lists = (("/a.xml", slugs[:30]), ("/b.xml", slugs[30:]))
    return Catalogue(videos, tuple(CataloguedFeed(path, path, tuple(each)) for path, each in lists))


def sheet_settings(google: GoogleStandin, folder: Path, spreadsheet_id: str) -> dict[str, str]:
    return {
        "SHEET__SPREADSHEET_ID": spreadsheet_id,
        "SHEET__CREDENTIALS_FILE": str(google.write_key(folder / "key.json")),
        "SHEET__READS_PER_MINUTE": "100000",
        "SHEET__WRITES_PER_MINUTE": "100000",
        "RETRY__LADDER": "500ms,1s",
        "DOWNLOADER__PROCESSOR": "mine:work",
        "DOWNLOADER__CONCURRENCY": "2",
    }


@pytest.fixture
def file(google: GoogleStandin) -> Spreadsheet:
    return google.spreadsheet("My list")


@pytest.fixture
def person(google: GoogleStandin, file: Spreadsheet) -> Person:
    """With a list that the older coordinator would know, in an order of their own, and a column of their own."""
    person = google.person(file)
    header = ["Mine", "URL", "Name", "ID", "Status", "LastError", "ClaimedBy", "ClaimedAt", "RetryCount", "Gender"]
    person.add_tab("Sources", [header])
    return person


@pytest.fixture
def machine(
    machine_for: MachineFor,
    serve: SiteOf,
    catalogue: Catalogue,
    google: GoogleStandin,
    file: Spreadsheet,
    tmp_path: Path,
) -> Machine:
    site = serve(catalogue)
    machine = machine_for(site, **sheet_settings(google, tmp_path, file.spreadsheet_id))
    (machine.folder / "mine.py").write_text(MINE)
    machine.environment |= {"PYTHONPATH": str(machine.folder), **google.environment, "SITE": site.url}
    return machine


def add_lists(machine: Machine, person: Person) -> None:
    site = machine.environment["SITE"]
    person.paste_rows("Sources", [["7", f"{site}/a.xml", "'+Ada"], ["0042", f"{site}/b.xml", "Bob"]])


def start_all(machine: Machine) -> None:
    for running in [machine.run(service) for service in SERVICES]:
        running.until_ready()


def in_sheet(person: Person, tab: str = "Video Tasks") -> dict[str, str]:
    rows = person.records(tab) if tab in person.tabs() else ()
    return {row["ID"]: row["Status"] for row in rows if row.get("ID")}


def in_ledger(machine: Machine) -> dict[str, str]:
    return {row["video_id"]: WORDS[row["state"]] for row in machine.ask("tasks", "list", "--limit", "1000")}


def ended(machine: Machine) -> Counter[str]:
    return Counter(in_ledger(machine).values())


def until_ended(machine: Machine, videos: int = 61) -> None:
    wait_until(
        lambda: ended(machine), TO_THE_END, holds=lambda states: states["done"] + states["error"] == videos,
        otherwise=lambda: machine.svc("status").stdout,
    )  # fmt: skip


def until_it_agrees(machine: Machine, person: Person) -> None:
    """For all rows that people have left there."""

    def differing() -> dict[str, tuple[str, str]]:
        told = in_ledger(machine)
        return {video: (seen, told[video]) for video, seen in in_sheet(person).items() if told.get(video) != seen}

    wait_until(
        differing,
        holds=lambda found: not found,
        otherwise=lambda: [row for row in person.records("Video Tasks") if row.get("ID") in differing()],
    )


def test_a_spreadsheet_of_any_shape_is_worked_on_and_agrees_with_the_ledger_and_the_files(
    machine: Machine, person: Person, google: GoogleStandin
) -> None:
    add_lists(machine, person)
    fleet = machine.start("up", "--once")

    assert fleet.wait(TO_THE_END) == 1, fleet.text
    sources = person.records("Sources")
    assert [(row["Name"], row["Mine"], row["Status"]) for row in sources] == [
        ("+Ada", "7", "done"),
        ("Bob", "42", "done"),
    ]
    assert [(row["Videos"], row["Done"], row["Failed"]) for row in sources] == [("30", "30", "0"), ("31", "30", "1")]
    assert person.header("Sources")[:3] == ["Mine", "URL", "Name"]
    assert Counter(in_sheet(person).values()) == {"done": 60, "error": 1}
    (dead,) = person.records("Dead-Letter Tasks")
    assert dead["LastError"].startswith("Given up after 3 attempts: nothing we know: ")
    assert google.count(Kind.WRITE, status=HTTPStatus.BAD_REQUEST) == 0
    told = [manifest.columns[each] for manifest in map(machine.manifest, machine.finished) for each in manifest.columns]
    assert {columns["Mine"] for columns in told} == {"7", "42"}


class Hands:
    """A person who does something at random, and remembers what has to be there at the end."""

    def __init__(self, person: Person, seed: int) -> None:
        self._person = person
        self._chance = random.Random(seed)
        self.names: dict[str, str] = {}
        self.notes: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.done: Counter[str] = Counter()
        self._number = 0

    def act(self) -> None:
        with self._person.alone():
            self._act()

    def act_perhaps(self) -> None:
        """In one of three cases, so that a write that puts another one right arrives as meant before long."""
        with self._person.alone():
            if self._chance.random() < 1 / 3:
                self._act()

    def _act(self) -> None:
        tab = self._chance.choice(("Sources", "Video Tasks", "Video Tasks"))
        if len(self._person.records(tab)) < 2:
            return
        structure = (self.sort, self.insert_row, self.move_column, self.insert_column, self.rename_column)
        deed = self._chance.choice((*structure, self.edit, self.note, self.delete, self.hide))
        deed(tab)
        self.done[deed.__name__] += 1

    def rest(self) -> None:
        """As somebody in a hurry does; at random, so that any moment of the fleet's reading and writing is met."""
        time.sleep(self._chance.uniform(0.2, 0.8))

    def sort(self, tab: str) -> None:
        self._person.sort(tab, self._chance.choice(("ID", "Status", "URL")), falling=self._chance.random() < 0.5)

    def insert_row(self, tab: str) -> None:
        self._person.insert_row(tab, self._chance.randint(2, len(self._person.rows(tab))))

    def move_column(self, tab: str) -> None:
        column, before = self._chance.sample([name for name in self._person.header(tab) if name], 2)
        self._person.move_column(tab, column, before)

    def insert_column(self, tab: str) -> None:
        self._number += 1
        before = self._chance.choice([name for name in self._person.header(tab) if name])
        self._person.insert_column(tab, before, f"Extra {self._number}")

    def rename_column(self, tab: str) -> None:
        if theirs := [name for name in self._person.header(tab) if name.startswith("Extra")]:
            self._number += 1
            self._person.rename_column(tab, self._chance.choice(theirs), f"Extra {self._number}")

    def edit(self, tab: str) -> None:
        del tab
        row = self._chance.choice([row for row in self._person.records("Sources") if row["URL"]])
        self._number += 1
        self.names[row["URL"]] = f"Name {self._number}"
        self._person.edit("Sources", {"URL": row["URL"]}, "Name", self.names[row["URL"]])

    def note(self, tab: str) -> None:
        del tab
        if "Note" not in self._person.header("Video Tasks"):
            # Nobody fills a new column in within the moment that a write takes; what it hits there was blank.
            self._person.insert_column("Video Tasks", "Status", "Note")
            return
        row = self._chance.choice([row for row in self._person.records("Video Tasks") if row["ID"]])
        self._number += 1
        self.notes[row["ID"]] = f"note {self._number}"
        self._person.edit("Video Tasks", {"ID": row["ID"]}, "Note", self.notes[row["ID"]])

    def delete(self, tab: str) -> None:
        del tab
        row = self._chance.choice([row for row in self._person.records("Video Tasks") if row["ID"]])
        if row["ID"] not in self.notes:
            self.deleted.add(row["ID"])
            self._person.delete_rows("Video Tasks", lambda each: each["ID"] == row["ID"])

    def hide(self, tab: str) -> None:
        self._person.set_filter(tab, "Status", ["done"])


@pytest.mark.parametrize("seed", [1])
def test_whatever_people_do_meanwhile_no_row_is_mixed_up_and_nothing_of_theirs_is_lost(
    machine: Machine, person: Person, google: GoogleStandin, seed: int
) -> None:
    add_lists(machine, person)
    google.troubles.latency = timedelta(milliseconds=200)
    start_all(machine)
    wait_until(lambda: len(in_sheet(person)) > 5 and all(row["ID"] for row in person.records("Sources")))
    hands = Hands(person, seed)

    google.before_write = hands.act_perhaps
    while len(machine.finished) < 60 and hands.done.total() < MOST_DEEDS:
        hands.act()
        hands.rest()
    google.before_write = nobody
    google.troubles.latency = timedelta(0)
    until_ended(machine)
    wait_until(lambda: set(in_sheet(person)) | hands.deleted, holds=set(in_ledger(machine)).__eq__)
    until_it_agrees(machine, person)

    rows = person.records("Video Tasks")
    by_id: dict[str, Record] = {row["ID"]: row for row in rows if row["ID"]}
    assert Counter(row["ID"] for row in rows if row["ID"]).most_common(1)[0][1] == 1
    assert not hands.deleted & set(by_id), f"a deleted row stays deleted; {hands.done}"
    assert set(by_id) | hands.deleted == set(in_ledger(machine))
    assert {video: by_id[video]["Note"] for video in hands.notes} == hands.notes
    assert [row for row in rows if any(row.values()) and not row["ID"]] == [], f"half a row; {hands.done}"
    # A source is counted once a second, after its videos.
    wait_until(lambda: {row["Status"] for row in person.records("Sources") if row["URL"]}, holds={"done"}.__eq__)
    sources = {row["URL"]: row for row in person.records("Sources") if row["URL"]}
    assert len(sources) == 2
    assert {url: sources[url]["Name"] for url in hands.names} == hands.names
    assert {row["Mine"] for row in sources.values()} == {"7", "42"}


def test_a_fleet_goes_on_while_google_does_not_answer_and_the_sheet_catches_up_by_itself(
    machine: Machine, person: Person, google: GoogleStandin, tmp_path: Path
) -> None:
    add_lists(machine, person)
    start_all(machine)
    wait_until(lambda: len(in_sheet(person)) > 5 and all(row["ID"] for row in person.records("Sources")))

    google.rotate_key()
    until_ended(machine)
    workers = wait_until(
        lambda: {row["worker"]: row for row in machine.ask("workers")},
        holds=lambda found: found["box/status-writer"]["health"] == "unfit",
    )
    behind = Counter(in_sheet(person).values())
    google.write_key(tmp_path / "key.json")
    until_it_agrees(machine, person)

    assert "key" in workers["box/status-writer"]["doing"]
    assert behind["done"] < 60
    # What it never wrote before comes with one of the next flushes.
    wait_until(lambda: Counter(in_sheet(person).values()), holds=Counter(done=60, error=1).__eq__)
    wait_until(
        lambda: {row["worker"]: row["health"] for row in machine.ask("workers")},
        holds=lambda found: found["box/status-writer"] == "active",
    )
    wait_until(lambda: machine.svc("audit"), holds=lambda answer: answer.returncode == 0)

"""What a person writes into the list of a running fleet: it takes effect, and the row shows that it was taken."""

import csv
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from brokers import BrokerUnderTest
from fleets import Machine, key_of, machine_in, settings_for_tests, site_of, wait_until
from tubewarren_services.demo.catalogue import Behaviour, Catalogue, CataloguedFeed, CataloguedVideo
from tubewarren_services.demo.site import Site

pytestmark = [pytest.mark.broker, pytest.mark.fleet]

VIDEOS = ("meadow", "harbour", "ferry", "kiln", "orchard", "lantern")
FEW = ("barn", "mill", "ruin")
MANY = ("ash", "birch", "cedar", "elm", "fir", "oak")
GONE = frozenset({"lantern", "ruin"})
CATALOGUE = Catalogue(
    tuple(
        CataloguedVideo(name, name.title(), timedelta(seconds=1), Behaviour.GONE if name in GONE else Behaviour.PLAIN)
        for name in (*VIDEOS, *FEW, *MANY)
    ),
    (
        *(CataloguedFeed(f"/{name}.xml", name.title(), (name,)) for name in VIDEOS),
        CataloguedFeed("/few.xml", "Few", FEW),
        CataloguedFeed("/many.xml", "Many", MANY),
    ),
)


@dataclass(frozen=True)
class Fleet:
    """`svc up`, and the list that it works on; each source is a feed with one video of its name."""

    machine: Machine
    site: Site

    def url(self, name: str) -> str:
        return f"{self.site.url}/{name}.xml"

    def video(self, name: str) -> str:
        return next(key_of(video) for video in self.site.videos if video.slug == name)

    def row(self, name: str) -> dict[str, str]:
        return next((row for row in self.machine.rows("Sources") if row["URL"] == self.url(name)), {})

    def task(self, name: str) -> dict[str, str]:
        return next((row for row in self.machine.rows("Video Tasks") if row["ID"] == self.video(name)), {})

    def add(self, name: str, **cells: str) -> None:
        self.machine.append_rows("Sources", {"URL": self.url(name), **cells})

    def until(self, name: str, **cells: str) -> dict[str, str]:
        """The row of a source, when it says so."""
        return wait_until(lambda: self.row(name), holds=lambda row: cells.items() <= row.items())

    def write(self, tab: str, key: str, **cells: str) -> None:
        """Changes cells of a row, as an editor saves: the whole file anew."""
        path = self.machine.workbook / f"{tab}.csv"
        rows = self.machine.rows(tab)
        for row in rows:
            if row["ID"] == key:
                row.update(cells)
        fresh = path.with_name("by hand.csv")
        with fresh.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        fresh.replace(path)

    def order(self, name: str, **cells: str) -> None:
        self.write("Sources", self.row(name)["ID"], **cells)

    def next_id(self) -> str:
        return str(len(self.machine.rows("Sources")) + 1)

    def pause(self, source_id: str) -> None:
        """Before anything of it starts."""
        assert self.machine.svc("pause", "source", source_id).returncode == 0

    def held(self) -> int:
        return sum(queue["ready"] for queue in self.machine.ask("status")["queues"] if queue["purpose"] == "held")

    def gates(self) -> list[tuple[str, str]]:
        told = wait_until(lambda: self.machine.ask("status")["gates"], holds=lambda found: found is not None)
        return [(gate["kind"], gate["name"]) for gate in told]

    def dead(self, source_id: str) -> list[dict[str, Any]]:
        return [case for case in self.machine.ask("dead", "list") if case["source_id"] == source_id]


@pytest.fixture(scope="module")
def fleet(broker: BrokerUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    url = broker.make_vhost()
    folder = tmp_path_factory.mktemp("list") / "box"
    with site_of(CATALOGUE) as site, machine_in(folder, settings_for_tests(site, BROKER_URL=url)) as machine:
        machine.start("up")
        wait_until((machine.workbook / "Sources.csv").exists)
        wait_until(lambda: machine.ask("status")["gates"], holds=lambda gates: gates is not None)
        fleet = Fleet(machine, site)
        # While any source is paused, no permit is good for more than one start: a pause takes effect at once.
        fleet.pause("some other")
        yield fleet
    broker.remove_vhost(url)


def test_a_source_that_the_list_pauses_waits_and_goes_on_when_the_cell_is_emptied(fleet: Fleet) -> None:
    source_id = fleet.next_id()
    fleet.add("meadow", Pause="yes")
    wait_until(fleet.gates, holds=lambda found: ("pause", source_id) in found)
    assert fleet.machine.svc("resume", "source", source_id).returncode == 0
    wait_until(fleet.gates, holds=lambda found: ("pause", source_id) in found)
    assert fleet.site.requests["/meadow.xml"] == 0

    fleet.order("meadow", Pause="")

    fleet.until("meadow", Status="done")
    assert ("pause", source_id) not in fleet.gates()


def test_a_source_at_work_is_paused_and_a_pause_that_was_made_elsewhere_is_not_ended_by_an_empty_cell(
    fleet: Fleet,
) -> None:
    source_id = fleet.next_id()
    fleet.pause(source_id)
    fleet.add("harbour", Pause="")
    wait_until(fleet.held)
    fleet.order("harbour", Pause="x", Action="wait")
    wait_until(lambda: fleet.row("harbour")["LastError"], holds=lambda words: "There is no Action 'wait'" in words)

    fleet.order("harbour", Pause="", Action="go")

    wait_until(lambda: fleet.row("harbour")["LastError"], holds=lambda words: "There is no Action 'go'" in words)
    assert ("pause", source_id) in fleet.gates()
    assert fleet.machine.svc("resume", "source", source_id).returncode == 0
    fleet.until("harbour", Status="done")


def test_a_cancelled_source_ends_in_the_dead_queue_and_a_retry_takes_it_up_again(fleet: Fleet) -> None:
    source_id = fleet.next_id()
    fleet.pause(source_id)
    fleet.add("ferry")
    wait_until(fleet.held)

    fleet.order("ferry", Action="Cancel")

    (dead,) = wait_until(lambda: fleet.dead(source_id))
    assert (dead["kind"], dead["message_type"]) == ("cancelled", "source.expand.v1")
    assert f"A person cancelled source {source_id}" in dead["reason"]
    assert fleet.until("ferry", Action="", Status="error")
    assert ("cancelled", source_id) in fleet.gates()
    assert fleet.machine.svc("resume", "source", source_id).returncode == 0

    fleet.order("ferry", Action="retry")

    row = fleet.until("ferry", Status="done")
    assert row["Action"] == ""
    assert ("cancelled", source_id) not in fleet.gates()
    assert fleet.dead(source_id) == []


def test_dead_letters_of_a_cancelled_source_take_it_up_again_when_they_are_redriven(fleet: Fleet) -> None:
    source_id = fleet.next_id()
    fleet.pause(source_id)
    fleet.add("orchard")
    wait_until(fleet.held)
    fleet.order("orchard", Action="cancel")
    wait_until(lambda: fleet.dead(source_id))
    assert fleet.machine.svc("resume", "source", source_id).returncode == 0

    answer = fleet.machine.svc("dead", "redrive", "--class", "cancelled", "--source", source_id)

    assert answer.returncode == 0, answer.stderr
    fleet.until("orchard", Status="done")


def test_a_source_that_is_set_back_to_pending_is_listed_again_and_an_unknown_action_says_what_there_is(
    fleet: Fleet,
) -> None:
    fleet.add("kiln")
    fleet.until("kiln", Status="done")
    fleet.order("kiln", Action="again")
    wait_until(
        lambda: fleet.row("kiln")["LastError"],
        holds=lambda words: "There is no Action 'again'; there are retry, cancel, expand again." in words,
    )
    assert fleet.row("kiln")["Status"] == "done"
    assert fleet.site.requests["/kiln.xml"] == 1

    fleet.order("kiln", Action="expand again")

    wait_until(lambda: fleet.site.requests["/kiln.xml"], holds=lambda times: times == 2)
    row = fleet.until("kiln", Action="", LastError="", Status="done")
    assert row["ClaimedBy"] == "box/sheet-ingestor"

    fleet.order("kiln", Status="pending")

    wait_until(lambda: fleet.site.requests["/kiln.xml"], holds=lambda times: times == 3)
    fleet.until("kiln", Status="done")
    assert fleet.site.requests["/kiln.xml"] == 3


def test_videos_that_are_set_back_are_fetched_again_when_their_result_is_gone_and_tried_again_when_they_died(
    fleet: Fleet,
) -> None:
    fleet.add("lantern")
    kiln = fleet.video("kiln")
    if not fleet.row("kiln"):
        fleet.add("kiln")
    wait_until(lambda: fleet.task("lantern"), holds=lambda row: row.get("Status") == "error")
    wait_until(lambda: fleet.task("kiln"), holds=lambda row: row.get("Status") == "done")
    tries = len(attempts(fleet, "lantern"))
    shutil.rmtree(fleet.machine.results / kiln)

    fleet.write("Video Tasks", kiln, Status="pending")
    wait_until(lambda: kiln in fleet.machine.finished)
    wait_until(lambda: fleet.task("kiln"), holds=lambda row: row.get("Status") == "done")
    fleet.write("Video Tasks", fleet.video("lantern"), Status="Pending")

    wait_until(lambda: len(attempts(fleet, "lantern")), holds=lambda number: number == tries + 1)
    wait_until(lambda: fleet.task("lantern"), holds=lambda row: row.get("Status") == "error")


def test_a_bumped_source_is_served_before_a_backlog_and_what_it_overtook_ends_without_a_trace(fleet: Fleet) -> None:
    assert fleet.machine.svc("pause", "downloader").returncode == 0
    fleet.add("many")
    fleet.until("many", Videos="6")
    fleet.add("few")
    fleet.until("few", Videos="3")
    ids = {name: fleet.row(name)["ID"] for name in ("few", "many")}
    wait_until(lambda: [task["state"] for task in tasks(fleet, *ids.values())], holds=lambda found: len(found) == 9)

    told = fleet.machine.svc("bump", fleet.url("few"))
    assert "3 videos moved to priority 1" in told.stdout, told
    assert fleet.machine.svc("resume", "stage", "downloader").returncode == 0

    fleet.until("few", Status="done", Priority="1")
    fleet.until("many", Status="done", Priority="")
    claims = {name: sorted(task["claimed_at"] for task in tasks(fleet, ids[name])) for name in ids}
    assert claims["few"][-1] < claims["many"][2], "what else is begun at the same time has less to look up"
    wait_until(lambda: waiting(fleet), holds=lambda number: number == 0)
    assert len(fleet.dead(ids["few"])) == 1
    assert {task["attempts"] for task in tasks(fleet, *ids.values()) if task["state"] == "done"} == {1}

    def disagreeing() -> list[dict[str, Any]]:
        found = json.loads(fleet.machine.svc("audit", "--quick", "--json").stdout)
        return [each for each in found["discrepancies"] if each["concerns"].endswith(tuple(ids.values()))]

    # The dead and the sheet come a moment later.
    wait_until(disagreeing, holds=lambda found: not found)


def tasks(fleet: Fleet, *source_ids: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = fleet.machine.ask("tasks", "list")
    return [task for task in found if task["source_id"] in source_ids]


def waiting(fleet: Fleet) -> int:
    """Messages in all queues but the dead ones."""
    return sum(queue["ready"] for queue in fleet.machine.ask("status")["queues"] if queue["purpose"] != "dead")


def attempts(fleet: Fleet, name: str) -> list[dict[str, Any]]:
    story: dict[str, Any] = fleet.machine.ask("why", fleet.video(name))
    return [each for order in story["orders"] for each in order["attempts"]]

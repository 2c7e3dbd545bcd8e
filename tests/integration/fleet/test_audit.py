"""`svc audit` and `svc why` on a running fleet: calm when all agree, and each damage named with what mends it."""

import asyncio
import json
import shutil
from datetime import timedelta
from typing import Any

import aio_pika
import pytest

from brokers import run_apart
from fleets import Machine, MachineFor, Running, SiteOf, key_of, wait_until
from tubewarren.topology import DOWNLOADER, SOURCE_EXPANDER, topology
from tubewarren_services.demo.catalogue import (
    EMPTY_FEED,
    MAIN_FEED,
    Behaviour,
    Catalogue,
    CataloguedFeed,
    CataloguedVideo,
)
from tubewarren_services.demo.site import Site

pytestmark = [pytest.mark.broker, pytest.mark.fleet]

TO_THE_END = timedelta(seconds=90)
BEHAVIOURS = {
    "meadow": Behaviour.PLAIN,
    "harbour": Behaviour.PLAIN,
    "orchard": Behaviour.PLAIN,
    "kiln": Behaviour.FLAKY,
    "lantern": Behaviour.GONE,
}
CATALOGUE = Catalogue(
    tuple(CataloguedVideo(slug, slug.title(), timedelta(seconds=1), each) for slug, each in BEHAVIOURS.items()),
    (CataloguedFeed(MAIN_FEED, "Everything", tuple(BEHAVIOURS)), CataloguedFeed(EMPTY_FEED, "Nothing")),
)


def up(machine: Machine, site: Site) -> Running:
    machine.sources(f"{site.feed_url}|Everything|female|Irish", f"{site.empty_feed_url}|Nothing")
    return machine.start("up", "--sources", "sources.txt")


def wait_until_ended(machine: Machine) -> None:
    def unfinished() -> dict[str, Any]:
        answer = machine.svc("status", "--json")
        summary = json.loads(answer.stdout)["summary"] if answer.returncode == 0 else None
        return (
            {"nothing is known yet": 1}
            if not summary
            else {
                name: summary[name]
                for name in (
                    "sources_pending",
                    "sources_in_progress",
                    "tasks_pending",
                    "tasks_in_progress",
                    "tasks_waiting",
                )
                if summary[name]
            }
            or ({} if summary["tasks"] else {"no videos yet": 1})
        )

    wait_until(unfinished, TO_THE_END, holds=lambda found: not found)


def audited(machine: Machine, *options: str) -> set[tuple[str, str]]:
    """The kinds that were found and whom they concern; the exit code says whether there are any."""
    answer = machine.svc("audit", "--patience", "2", "--json", *options, timeout=timedelta(seconds=60))
    assert answer.returncode in (0, 1), answer.stderr
    found = {(each["kind"], each["concerns"]) for each in json.loads(answer.stdout)["discrepancies"]}
    assert answer.returncode == (1 if found else 0)
    return found


def test_a_fleet_that_is_at_its_end_agrees_and_each_damage_is_named_and_mended(
    machine_for: MachineFor, serve: SiteOf
) -> None:
    site = serve(CATALOGUE)
    machine = machine_for(site)
    names = {video.slug: key_of(video) for video in site.videos}
    up(machine, site)
    wait_until_ended(machine)

    wait_until(lambda: audited(machine), holds=lambda found: not found)
    calm = machine.svc("audit")
    assert calm.stdout.startswith("2 sources, 5 videos (4 done, 1 dead, 0 open), 4 results of ")
    assert calm.stdout.count("\n") == 1

    damage(machine, names)

    assert audited(machine, "--quick") == EXPECTED_OF(names) - {("damaged", f"video {names['harbour']}")}
    assert audited(machine) == EXPECTED_OF(names)
    told = machine.svc("audit")
    assert told.returncode == 1
    assert f"rm -r {machine.settings.get('STORE__RESULTS', 'results')}/{names['harbour']}" in told.stdout
    assert "svc sources expand 1" in told.stdout

    mend(machine, names)
    wait_until(lambda: audited(machine), TO_THE_END, holds=lambda found: not found)

    purged = machine.svc("dead", "purge", "--yes")
    assert "2 messages dropped" in purged.stdout
    wait_until(lambda: audited(machine), holds=lambda found: not found)


def EXPECTED_OF(names: dict[str, str]) -> set[tuple[str, str]]:  # noqa: N802 - a constant but for the names
    return {
        ("no-file", f"video {names['meadow']}"),
        ("damaged", f"video {names['harbour']}"),
        ("stray-file", "video stranger"),
        ("stray-staging", f"video {names['orchard']}"),
        ("not-in-dead-queue", f"video 1/{names['lantern']}"),
        ("not-in-dead-queue", "source 2"),
        ("row-missing", f"video 1/{names['kiln']}"),
        ("row-doubled", f"video 1/{names['orchard']}"),
        ("row-stray", "video 1/nobody"),
    }


def damage(machine: Machine, names: dict[str, str]) -> None:
    shutil.rmtree(machine.results / names["meadow"])
    (media,) = (machine.results / names["harbour"]).glob("*.wav")
    content = bytearray(media.read_bytes())
    content[1000] ^= 1
    media.write_bytes(content)
    (machine.results / "stranger").mkdir()
    (machine.results / "stranger" / "x").touch()
    leftover = machine.results / ".staging" / names["orchard"]
    leftover.mkdir()
    (leftover / "x.part").touch()
    for queue in (DOWNLOADER, SOURCE_EXPANDER):
        run_apart(purge(machine.settings["BROKER_URL"], f"{queue}.dead"))
    change_tasks(machine, without=names["kiln"], twice=names["orchard"], new="nobody")


def mend(machine: Machine, names: dict[str, str]) -> None:
    """What the audit says."""
    shutil.rmtree(machine.results / names["harbour"])
    shutil.rmtree(machine.results / "stranger")
    shutil.rmtree(machine.results / ".staging" / names["orchard"])
    change_tasks(machine, once=names["orchard"], without="nobody", new=names["kiln"])
    assert machine.svc("sources", "expand", "1", "2").returncode == 0


def change_tasks(machine: Machine, *, without: str = "", twice: str = "", once: str = "", new: str = "") -> None:
    """Edits the tab Video Tasks as a person does."""
    path = machine.workbook / "Video Tasks.csv"
    header, *lines = path.read_text(encoding="utf-8-sig").splitlines()
    lines = [line for line in lines if line.split(",")[0] != without]
    lines += [line for line in lines if line.split(",")[0] == twice]
    if once:
        lines = list({line.split(",")[0]: line for line in reversed(lines)}.values())
    if new:
        lines.append(f"{new},1{',' * (header.count(',') - 1)}")
    fresh = path.with_name("by hand.csv")
    fresh.write_text("\n".join([header, *lines, ""]))
    fresh.replace(path)


def test_why_tells_the_stories_of_a_retried_a_dead_and_a_done_video(machine_for: MachineFor, serve: SiteOf) -> None:
    site = serve(CATALOGUE)
    machine = machine_for(site)
    names = {video.slug: key_of(video) for video in site.videos}
    up(machine, site)
    wait_until_ended(machine)

    retried = machine.ask("why", names["kiln"])
    dead = machine.svc("why", f"1/{names['lantern']}")
    done = machine.svc("why", names["meadow"][:-1])
    unknown = machine.svc("why", "nothing-of-this-name")

    (order,) = retried["orders"]
    assert [(each["attempt"], each["ending"]) for each in order["attempts"]] == [
        (1, "retry"),
        (2, "retry"),
        (3, "done"),
    ]
    assert "503" in order["attempts"][0]["failure_detail"]
    assert order["source"]["columns"] == {"Name": "Everything", "Gender": "female", "Accent": "Irish"}
    assert len(order["task"]["trace_id"]) == 32
    assert retried["files"][0]["sha256"] == next(video.sha256 for video in site.videos if video.slug == "kiln")
    assert "in the dead queue downloader.dead" in dead.stdout
    redrive = dead.stdout.partition("svc dead redrive ")[2].split()[0]
    assert machine.svc("dead", "show", redrive).returncode == 0
    assert "finished" in done.stdout
    assert "Irish" in done.stdout
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "svc tasks list" in unknown.stderr


def test_orders_that_a_broker_lost_are_named_and_given_again(machine_for: MachineFor, serve: SiteOf) -> None:
    site = serve(CATALOGUE)
    machine = machine_for(site)
    machine.sources(f"{site.feed_url}|Everything")
    for service in ("results-manager", "status-writer", "source-expander"):
        machine.run(service).until_ready()
    machine.run("sheet-ingestor", settings={"SOURCES_FILE": "sources.txt"})
    wait_until(lambda: waiting(machine), holds=lambda number: number == len(BEHAVIOURS))
    wait_until(lambda: audited(machine), holds=lambda found: not found)

    for queue in topology().work_queue(DOWNLOADER).lanes:
        run_apart(purge(machine.settings["BROKER_URL"], queue))

    assert audited(machine) == {("lost", "source 1")}
    assert machine.svc("sources", "expand", "1").returncode == 0
    wait_until(lambda: waiting(machine), holds=lambda number: number == len(BEHAVIOURS))
    wait_until(lambda: audited(machine), holds=lambda found: not found)
    unknown = machine.svc("sources", "expand", "1", "77")
    assert unknown.returncode == 1
    assert "77" in unknown.stderr
    assert waiting(machine) == len(BEHAVIOURS)


def waiting(machine: Machine) -> int:
    """How many orders lie in the downloaders' lanes."""
    queues = {queue["name"]: queue["ready"] for queue in machine.ask("status")["queues"]}
    return sum(queues[lane] for lane in topology().work_queue(DOWNLOADER).lanes)


async def purge(url: str, queue: str) -> None:
    """As if the broker had been set up anew."""
    async with asyncio.timeout(20), await aio_pika.connect(url) as connection, connection.channel() as channel:
        await (await channel.get_queue(queue)).purge()

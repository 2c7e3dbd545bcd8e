"""`svc up` and `svc demo` as a person runs them: everything accounted for, whatever is interrupted or killed."""

import os
import signal
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from brokers import BrokerUnderTest, RestartableNode, run_apart
from fleets import (
    LADDER,
    Machine,
    MachineFor,
    Running,
    SiteOf,
    children_of,
    is_alive,
    key_of,
    machine_in,
    settings_for_tests,
    sha256_of,
    wait_until,
)
from tubewarren.broker.config import NodeFolder
from tubewarren.broker.identity import remembered_identity
from tubewarren.broker.processes import processes_marked
from tubewarren.topology import SERVICES, topology
from tubewarren_services.demo.catalogue import (
    EMPTY_FEED,
    MAIN_FEED,
    Behaviour,
    Catalogue,
    CataloguedFeed,
    CataloguedVideo,
    demo_catalogue,
)
from tubewarren_services.demo.media import melody
from tubewarren_services.demo.site import Site, SiteVideo

pytestmark = [pytest.mark.broker, pytest.mark.fleet, pytest.mark.timeout(480)]

WELL_UNDER_WAY = 100_000
TO_THE_END = timedelta(seconds=120)


def catalogue_of(*videos: CataloguedVideo) -> Catalogue:
    return Catalogue(
        videos,
        (
            CataloguedFeed(MAIN_FEED, "Everything", tuple(video.slug for video in videos)),
            CataloguedFeed(EMPTY_FEED, "Nothing"),
        ),
    )


def plain(
    name: str, seconds: float = 2, behaviour: Behaviour = Behaviour.PLAIN, speed: int = 200_000
) -> CataloguedVideo:
    return CataloguedVideo(name, name.title(), timedelta(seconds=seconds), behaviour, speed)


MIXED = catalogue_of(
    plain("meadow"),
    plain("harbour"),
    plain("kiln", behaviour=Behaviour.FLAKY),
    plain("lantern", behaviour=Behaviour.GONE),
)
QUICK = tuple(f"quarry-{number}" for number in range(4))
LONG = catalogue_of(
    *(plain(slug, 0.5) for slug in QUICK),
    *(plain(f"glacier-{number}", 12, Behaviour.SLOW) for number in range(2)),
    plain("lantern", behaviour=Behaviour.GONE),
)


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[MachineFor]:
    """Makes a machine without a broker, so that `svc up` starts its own."""
    with ExitStack() as stack:
        yield lambda site, **more: stack.enter_context(
            machine_in(tmp_path / "box", settings_for_tests(site, DOWNLOADER__CONCURRENCY="1", **more))
        )


def expected_files(site: Site) -> dict[str, str]:
    return {key_of(video): video.sha256 for video in site.videos if video.expected == "done"}


def requests_for(site: Site, videos: Iterable[SiteVideo]) -> dict[str, int]:
    """How often each of these was asked for."""
    return {video.slug: site.requests[video.url.removeprefix(site.url)] for video in videos}


def wait_until_under_way(machine: Machine, site: Site, slug: str) -> None:
    """What stands before it on the list is finished, and of this video a good part is there."""
    (key,) = (key_of(video) for video in site.videos if video.slug == slug)
    wait_until(lambda: machine.partial_bytes(key), TO_THE_END, holds=lambda size: size > WELL_UNDER_WAY)


def assert_accounted_for(machine: Machine, site: Site, broker: BrokerUnderTest) -> None:
    """The files, the workbook, and the ledger, asked over a broker of its own, tell the same."""
    files = expected_files(site)
    words = {key_of(video): {"done": "done", "dead": "error"}[video.expected] for video in site.videos}
    assert machine.checksums() == files
    assert {row["ID"]: row["Status"] for row in machine.rows("Video Tasks")} == words
    dead = {name for name, word in words.items() if word == "error"}
    assert {row["ID"] for row in machine.rows("Dead-Letter Tasks")} == dead
    assert list((machine.results / ".staging").glob("*/*")) == []
    with ledger_of(machine, broker) as ledger:
        states = {row["video_id"]: row["state"] for row in ledger.ask("tasks", "list")}
    assert states == {name: "dead" if name in dead else "done" for name in words}


@contextmanager
def ledger_of(machine: Machine, broker: BrokerUnderTest) -> Iterator[Machine]:
    """The same folder when the fleet has left, with a results-manager to ask, and with the session's broker."""
    url = broker.make_vhost()
    try:
        with machine_in(machine.folder, {**machine.settings, "BROKER_URL": url}) as asked:
            asked.run("results-manager").until_ready()
            yield asked
    finally:
        broker.remove_vhost(url)


def test_the_demo_ends_well_and_its_files_its_workbook_and_its_ledger_agree(
    machine_for: MachineFor, broker: BrokerUnderTest
) -> None:
    machine = machine_for(DATA_DIR="demo/data", SHEET__WORKBOOK="demo/workbook", STORE__RESULTS="demo/results")

    done = machine.svc("demo", timeout=TO_THE_END)

    assert done.returncode == 0, done.stdout + done.stderr
    told = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if len(line.split()) > 1}
    plans = demo_catalogue().videos
    assert told["sources"] == ["5", "(3", "with", "an", "error,", "as", "planned)"]
    assert (told["videos"], told["done"], told["retried"], told["dead"]) == (["9"], ["8"], ["2"], ["1"])
    assert told["files"] == [str(machine.folder / "demo" / "results")]
    sounds = {plan.slug: melody(plan.slug, plan.duration) for plan in plans if plan.behaviour.expected == "done"}
    assert int("".join(told["bytes"]).replace(",", "")) >= sum(map(len, sounds.values()))
    on_disk = {sha256_of(path) for path in (machine.folder / "demo" / "results").glob("*/*.wav")}
    assert len(on_disk) == len(sounds)
    tasks = {(row["ID"], row["SourceID"]): row["Status"] for row in machine.rows("Video Tasks")}
    assert sorted(tasks.values()) == ["done"] * 10 + ["error"]
    words = {"done": "done", "dead": "error"}
    with ledger_of(machine, broker) as ledger:
        told_tasks = {(row["video_id"], row["source_id"]): words[row["state"]] for row in ledger.ask("tasks", "list")}
    assert told_tasks == tasks


def test_up_once_ends_with_1_when_something_is_dead_and_the_next_time_fetches_nothing_again(
    machine_for: MachineFor, serve: SiteOf, broker: BrokerUnderTest
) -> None:
    site = serve(MIXED)
    machine = machine_for(site)
    machine.sources(f"{site.feed_url}|Everything|female|Irish", f"{site.empty_feed_url}|Nothing")

    first = machine.svc("up", "--once", "--sources", "sources.txt", timeout=TO_THE_END)

    assert first.returncode == 1, first.stdout + first.stderr
    asked = requests_for(site, site.videos)
    assert all(asked.values())
    assert_accounted_for(machine, site, broker)
    by_name = {row["Name"]: row for row in machine.rows("Sources")}
    assert (by_name["Everything"]["Status"], by_name["Everything"]["Progress"]) == ("done", "3/4")
    assert by_name["Nothing"]["Status"] == "error"
    assert "There is nothing in this list" in by_name["Nothing"]["LastError"]
    assert [row["Name"] for row in machine.rows("Dead-Letter Sources")] == ["Nothing"]

    second = machine.svc("up", "--once", "--sources", "sources.txt", timeout=TO_THE_END)

    assert second.returncode == 1, second.stdout + second.stderr
    assert requests_for(site, site.videos) == asked


def test_a_broker_that_is_killed_and_comes_back_while_downloads_run_costs_nothing(
    restartable_node: RestartableNode, tmp_path: Path, serve: SiteOf, broker: BrokerUnderTest
) -> None:
    site = serve(LONG)
    settings = settings_for_tests(site, BROKER_URL=restartable_node.url, DOWNLOADER__CONCURRENCY="1")
    with machine_in(tmp_path / "box", settings) as machine:
        machine.sources(site.feed_url)
        fleet = machine.start("up", "--once", "--sources", "sources.txt", "--downloaders", "2")
        wait_until_under_way(machine, site, "glacier-0")
        wait_until_on_disk(tmp_path)

        finished = [video for video in site.videos if key_of(video) in machine.finished]
        asked = requests_for(site, finished)
        restartable_node.kill()
        wait_until(lambda: any("waiting for it" in line["event"] for line in fleet.log()))
        run_apart(restartable_node.start())

        assert fleet.wait(TO_THE_END) == 1, fleet.text
        assert_accounted_for(machine, site, broker)
        assert finished
        assert requests_for(site, finished) == asked


def test_a_private_broker_that_is_killed_while_downloads_run_is_brought_back_by_the_fleet_itself(
    own_broker: MachineFor, serve: SiteOf, broker: BrokerUnderTest
) -> None:
    site = serve(LONG)
    machine = own_broker(site)
    machine.sources(site.feed_url)
    fleet = machine.start("up", "--once", "--sources", "sources.txt", "--downloaders", "2")
    wait_until_under_way(machine, site, "glacier-0")
    wait_until_on_disk(machine.data)
    finished = [video for video in site.videos if key_of(video) in machine.finished]
    asked = requests_for(site, finished)
    (killed,) = node_processes(machine)

    os.kill(killed, signal.SIGKILL)

    assert fleet.wait(TO_THE_END) == 1, fleet.text
    assert_accounted_for(machine, site, broker)
    assert finished
    assert requests_for(site, finished) == asked
    told = [line for line in fleet.text.splitlines() if line.startswith("The private RabbitMQ")]
    assert [" ".join(line.split()[3:5]).strip(",") for line in told] == ["has died;", "is back"]
    assert "Traceback" not in fleet.text
    assert not any(line["logger"].startswith(("aiormq", "aio_pika")) for line in fleet.log())
    assert node_processes(machine) == ()


def test_a_private_broker_that_cannot_come_back_ends_the_fleet_with_one_error(
    own_broker: MachineFor, serve: SiteOf
) -> None:
    site = serve(LONG)
    machine = own_broker(site, GRACE="1s")
    machine.sources(site.feed_url)
    fleet = machine.start("up", "--sources", "sources.txt")
    wait_until_under_way(machine, site, "glacier-0")
    services, (killed,) = services_of(fleet), node_processes(machine)
    address = remembered_identity(NodeFolder(machine.data.resolve() / "broker").identity)
    assert address is not None

    os.kill(killed, signal.SIGKILL)
    stranger = wait_until(lambda: taken(address.ports.amqp), holds=lambda found: found is not None)
    assert stranger is not None
    with stranger:
        code = fleet.wait(TO_THE_END)

    assert code == 1, fleet.text
    assert fleet.text.count("Error: ") == 1
    assert "could not be started again in 5 attempts" in fleet.text
    assert f"another program listens on a port of the private broker ({address.ports.amqp}" in fleet.text
    assert "Traceback" not in fleet.text
    assert not any(map(is_alive, services))


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("STORE__RESULTS", "cannot make the folder"),
        ("DATA_DIR", "Choose a writable data folder with --data-dir"),
    ],
)
def test_up_with_a_folder_that_cannot_be_written_ends_with_one_sentence(
    machine_for: MachineFor, setting: str, complaint: str
) -> None:
    machine = machine_for(**{setting: "in-the-way"})
    (machine.folder / "in-the-way").write_text("a file where a folder should be")

    up = machine.svc("up", timeout=TO_THE_END)

    assert up.returncode == 1
    assert up.stderr.count("Error: ") == 1
    assert complaint in up.stderr
    assert "Traceback" not in up.stderr
    assert '{"' not in up.stderr


def test_up_that_is_interrupted_and_then_killed_goes_on_where_it_was_each_time(
    own_broker: MachineFor, serve: SiteOf, broker: BrokerUnderTest
) -> None:
    site = serve(LONG)
    machine = own_broker(site, GRACE="1s")
    machine.sources(site.feed_url)
    interrupted = machine.start("up", "--sources", "sources.txt")
    wait_until_under_way(machine, site, "glacier-0")
    services = services_of(interrupted)

    interrupted.signal(signal.SIGINT)

    assert interrupted.wait(TO_THE_END) == 0, interrupted.text
    assert len(services) > len(SERVICES)
    assert not any(map(is_alive, services))
    assert node_processes(machine) == ()
    quick = [video for video in site.videos if video.slug in QUICK]
    asked = requests_for(site, quick)

    killed = machine.start("up", "--sources", "sources.txt")
    wait_until_under_way(machine, site, "glacier-1")
    services, brokers = services_of(killed), node_processes(machine)

    killed.process.kill()

    wait_until(lambda: [each for each in services if is_alive(each)], holds=lambda left: left == [])
    assert node_processes(machine) == brokers
    last = machine.start("up", "--once", "--sources", "sources.txt")
    wait_until(lambda: [line["event"] for line in machine.logged("downloader")].count("ready"), holds=lambda n: n == 3)
    assert node_processes(machine) == brokers
    assert last.wait(TO_THE_END) == 1, last.text
    assert node_processes(machine) == ()
    assert_accounted_for(machine, site, broker)
    assert requests_for(site, quick) == asked
    resumed = {visit.path for visit in site.visits if visit.range_header}
    assert resumed == {"/media/glacier-0.wav", "/media/glacier-1.wav"}


def taken(port: int) -> socket.socket | None:
    """The port as a stranger's; None while the one who was killed still has it."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return None


def node_processes(machine: Machine) -> tuple[int, ...]:
    """The servers of the machine's own broker."""
    marker = NodeFolder(machine.data.resolve() / "broker").marker
    return tuple(process.pid for process in processes_marked(marker) if process.is_server)


def services_of(fleet: Running) -> list[int]:
    """The services of `svc up`, and what they started."""
    found = [each for each in children_of(fleet.pid) if b"\0run\0" in Path(f"/proc/{each}/cmdline").read_bytes()]
    return [*found, *(child for each in found for child in children_of(each))]


def wait_until_on_disk(data_dir: Path) -> None:
    """RabbitMQ 3.10 writes the name of a new quorum queue late, and one that is killed before that is of no use."""
    queues = [queue.name.encode() for queue in topology(LADDER).queues]

    def missing() -> list[bytes]:
        written = b"".join(path.read_bytes() for path in (data_dir / "broker").glob("mnesia/*/quorum/*/names.dets"))
        return [name for name in queues if name not in written]

    wait_until(missing, holds=lambda left: not left)

"""One run: a broker, a stand-in site and a fleet of their own, the torment, the wait for the end, and the reckoning."""

import json
import os
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from brokers import BrokerUnderTest, RestartableNode, run_apart
from chaos import reckoning
from chaos.conductor import Conductor, Figures, Say
from chaos.management import Management
from chaos.plan import LADDER, Plan, checksum_of
from chaos.processor import CALLS, FILM
from chaos.reckoning import Call, Discrepancy, Found, Wanted
from fleets import Machine, key_of, machine_in, settings_for_tests, sha256_of, site_of, wait_until
from tubewarren.bus import BusError, open_bus
from tubewarren.messages.commands import QueryLedger
from tubewarren.messages.events import LedgerAnswered
from tubewarren.settings.durations import spell_duration
from tubewarren.topology import HEARTBEAT_MONITOR, topology
from tubewarren_services.audit.discrepancy import Kind
from tubewarren_services.audit.gathering import ledger_book, queue_book
from tubewarren_services.demo.site import Site

TESTS: Final = Path(__file__).parent.parent

_UNFINISHED: Final = ("sources_pending", "sources_in_progress", "tasks_pending", "tasks_in_progress", "tasks_waiting")
_LOOK_EVERY: Final = 1.0
_QUIET_LOOKS: Final = 3
"""The broker counts every five seconds."""
_QUIET_EVERY: Final = 2.5
_ANSWER_PATIENCE: Final = timedelta(seconds=5)
_MOST_STORIES: Final = 5
_ON_DISK: Final = timedelta(seconds=20)


class NotAtItsEndError(Exception):
    """The run did not come to rest in time; the message says what is left."""


@dataclass
class Report:
    """What came of a run."""

    figures: Figures
    seconds: float
    found: Found | None = None
    wanted: Wanted | None = None
    problems: list[str] = field(default_factory=list)
    by_ending: Counter[str] = field(default_factory=Counter)

    @property
    def lines(self) -> Iterator[tuple[str, str]]:
        """The figures, for people."""
        figures = self.figures
        if self.found is not None and self.wanted is not None:
            yield "tasks", f"{len(self.found.tasks)} ({', '.join(f'{n} {k}' for k, n in self.by_ending.most_common())})"
            yield "sources", str(len(self.found.sources))
            yield "calls", str(len(self.found.calls))
            yield "calls that came again", str(reckoning.repeated(self.found.calls))
            yield "copies in dead queues", str(reckoning.copies(self.found.letters))
            yield "lost", str(reckoning.lost(self.wanted, self.found))
        yield "kills", f"{figures.kills.total()} ({', '.join(f'{k} {n}' for k, n in sorted(figures.kills.items()))})"
        yield "broker restarts", str(figures.broker_restarts)
        yield "connection cuts", f"{figures.cuts} ({figures.connections_cut} connections)"
        yield "freezes", str(figures.freezes)
        yield "broker frozen", str(figures.delays)
        yield "blocks, outages", f"{figures.blocks}, {figures.outages}"
        yield "full disks", str(figures.full)
        yield "ordered twice", str(figures.duplicates)
        yield "redelivered", f"at least {figures.redelivered}"
        yield "seconds", f"{self.seconds:.1f}"


def run(plan: Plan, folder: Path, say: Say, patience: timedelta, broker: BrokerUnderTest | None = None) -> Report:
    """Do it all; what is wrong at the end stands in the report.

    Args:
        plan: what happens.
        folder: empty; everything of this run is in it.
        say: told what happens.
        patience: for the end, once nothing is disturbed any more.
        broker: instead of a private one; it is not killed.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        node, management = stack.enter_context(_broker(folder, broker))
        site = stack.enter_context(site_of(plan.catalogue))
        machine = stack.enter_context(machine_in(folder / "box", _settings(site, management.amqp_url)))
        machine.environment["PYTHONPATH"] = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
        machine.sources()
        addresses = {source.path: site.url + source.path for source in plan.sources}
        conductor = Conductor(plan, machine, management, node, addresses, say)
        say("starting the fleet")
        conductor.start()
        if node is not None:
            _wait_until_on_disk(folder)
        say(f"ready after {time.monotonic() - began:.1f} s")
        conductor.torment()
        say(f"nothing is disturbed any more after {time.monotonic() - began:.1f} s")
        report = Report(conductor.figures, 0)
        try:
            _wait_for_the_end(conductor, plan, patience)
        except NotAtItsEndError as error:
            report.problems.append(str(error))
        conductor.note_redelivered()
        say(f"at its end after {time.monotonic() - began:.1f} s")
        _reckon(conductor, plan, site, report)
    report.problems += _left_behind(folder)
    report.seconds = time.monotonic() - began
    return report


@contextmanager
def _broker(folder: Path, broker: BrokerUnderTest | None) -> Iterator[tuple[RestartableNode | None, Management]]:
    if broker is not None:
        url = broker.make_vhost()
        yield None, Management(url, broker.management_url)
        broker.remove_vhost(url)
        return
    node = RestartableNode(folder / "broker")
    try:
        address = run_apart(node.start())
        assert address.management_url is not None, "the management plugin is needed"
        yield node, Management(address.url, address.management_url)
    finally:
        # Nobody will miss its data, and a clean stop takes six seconds.
        node.kill()
        run_apart(node.stop())


def _settings(site: Site, url: str) -> dict[str, str]:
    return settings_for_tests(
        site,
        BROKER_URL=url,
        RETRY__LADDER=",".join(map(spell_duration, LADDER)),
        BLOCKS__FIRST="2s",
        BLOCKS__LONGEST="8s",
        BLOCKS__BY_RULE="{}",
        BREAKER__FIRST_CANARY="2s",
        BREAKER__LONGEST_CANARY="8s",
        YOUTUBE__PAGE="20",
    )


def _wait_until_on_disk(folder: Path) -> None:
    """RabbitMQ 3.10 writes the name of a new quorum queue late, and one that is killed before that is of no use."""
    queues = [queue.name.encode() for queue in topology(LADDER).queues]

    def missing() -> list[bytes]:
        written = b"".join(path.read_bytes() for path in folder.glob("broker/broker/mnesia/*/quorum/*/names.dets"))
        return [name for name in queues if name not in written]

    with suppress(AssertionError):
        wait_until(missing, _ON_DISK, holds=lambda left: not left)


def _wait_for_the_end(conductor: Conductor, plan: Plan, patience: timedelta) -> None:
    deadline = time.monotonic() + patience.total_seconds()
    quiet = 0
    left: object = "nothing was seen"
    while time.monotonic() < deadline:
        conductor.watch_over()
        left = _unfinished(conductor, plan) or _not_empty(conductor.management)
        quiet = 0 if left else quiet + 1
        if quiet == _QUIET_LOOKS:
            return
        time.sleep(_QUIET_EVERY if quiet else _LOOK_EVERY)
    raise NotAtItsEndError(f"not at its end within {patience.total_seconds():g} s: {left}")


def _unfinished(conductor: Conductor, plan: Plan) -> object:
    try:
        summary = run_apart(_summary(conductor.management.amqp_url))
    except BusError as error:
        return str(error)
    if summary is None:
        return "no results-manager answers"
    ended = sum(int(summary[name] or 0) for name in ("sources_done", "sources_error"))
    return {name: summary[name] for name in _UNFINISHED if summary[name]} or (
        {} if ended >= len(plan.sources) else {"sources ended": ended, "of": len(plan.sources)}
    )


async def _summary(url: str) -> dict[str, str | int | float | bool | None] | None:
    async with open_bus(url, "chaos", patience=_ANSWER_PATIENCE) as bus:
        answer = await bus.ask_one(QueryLedger(topic="summary"), LedgerAnswered, _ANSWER_PATIENCE)
    return answer.rows[0] if answer is not None else None


def _not_empty(management: Management) -> dict[str, tuple[int, int]]:
    """Queues with something ready or unacked; beats and dead letters may be there at any time."""
    exempt = f"{HEARTBEAT_MONITOR}."
    return {
        queue.name: (queue.ready, queue.unacked)
        for queue in management.queues()
        if (queue.unacked or (queue.ready and not queue.name.endswith(".dead")))
        and not queue.name.startswith((exempt, "reply."))
    }


def _reckon(conductor: Conductor, plan: Plan, site: Site, report: Report) -> None:
    machine = conductor.machine
    names = {video.slug: key_of(video) for video in site.videos}
    report.wanted = wanted = Wanted(
        sources={conductor.addresses[source.path]: source for source in plan.sources},
        videos={names[video.slug]: video for video in plan.videos},
        names=names,
    )
    report.found = found = _found(machine, conductor.management.amqp_url)
    report.by_ending = Counter(
        f"{row['state']} {row['failure_kind'] or ''}".strip() if row["state"] == "dead" else str(row["state"])
        for row in found.tasks
    )
    discrepancies = list(reckoning.reckon(wanted, found, {video: checksum_of(video) for video in wanted.videos}))
    report.problems += [each.what for each in discrepancies]
    report.problems += _audited(machine, reckoning.undecided(wanted, found))
    report.problems += conductor.figures.unexpected
    report.problems += _complaints(machine)
    report.problems += _stories(machine, discrepancies)


def _audited(machine: Machine, undecided: Collection[tuple[str, str]]) -> list[str]:
    """What `svc audit` finds, but for the letters of what was given up first and done later."""
    audit = machine.svc("audit", "--json", timeout=timedelta(seconds=120))
    if audit.returncode == 0:
        return []
    try:
        found = json.loads(audit.stdout)["discrepancies"]
    except ValueError:
        return [f"svc audit exits {audit.returncode}: {audit.stdout}{audit.stderr}"]
    known = {f"video {source}/{video}" for video, source in undecided}
    return [
        f"svc audit: {each['concerns']}: {each['what']}"
        for each in found
        if each["kind"] != Kind.DEAD_LETTER_OF_LIVING or each["concerns"] not in known
    ]


def _complaints(machine: Machine) -> list[str]:
    """Errors in the logs of the services: whatever the fleet is through, none is an error of ours."""
    return [
        f"{running.output.name} says: {json.dumps(line)[:2000]}"
        for running in machine.started
        for line in running.log()
        if line.get("level") in ("error", "critical")
    ]


def _stories(machine: Machine, discrepancies: list[Discrepancy]) -> list[str]:
    """What `svc why` tells of the first few."""
    videos = list(dict.fromkeys(each.video for each in discrepancies if each.video))[:_MOST_STORIES]
    return [f"svc why {video}\n{machine.svc('why', video).stdout}" for video in videos]


def _found(machine: Machine, url: str) -> Found:
    sources, tasks, letters = run_apart(_told(url))
    store = machine.store
    finished = store.finished_ids()
    manifests = {video: store.find(video) for video in finished}
    staging = machine.results / ".staging"
    folders = [path for path in staging.iterdir() if not path.name.startswith(".")] if staging.is_dir() else []
    return Found(
        sources=sources,
        tasks=tasks,
        sheet_sources=machine.rows("Sources"),
        sheet_tasks=machine.rows("Video Tasks"),
        sheet_dead=machine.rows("Dead-Letter Tasks"),
        checksums={path.parent.name: sha256_of(path) for path in machine.results.glob(f"*/{FILM}")},
        manifests={video: each.main_file.sha256 for video, each in manifests.items() if each is not None},
        staging=[path.name for path in folders if any(path.iterdir())],
        letters=letters,
        calls=calls(machine.folder / CALLS),
    )


async def _told(
    url: str,
) -> tuple[
    list[dict[str, str | int | float | bool | None]],
    list[dict[str, str | int | float | bool | None]],
    list[tuple[str, str]],
]:
    async with open_bus(url, "chaos", patience=_ANSWER_PATIENCE) as bus:

        async def ask(query: QueryLedger) -> LedgerAnswered:
            answer = await bus.ask_one(query, LedgerAnswered, _ANSWER_PATIENCE)
            assert answer is not None, "no results-manager answers"
            return answer

        ledger = await ledger_book(ask)
        queues = await queue_book(bus, topology(LADDER), "main")
    letters = [(letter.video_id, letter.source_id) for letter in queues.letters]
    return list(map(dict, ledger.sources)), list(map(dict, ledger.tasks)), letters


def calls(path: Path) -> list[Call]:
    """What the downloaders were asked to do, in order."""
    lines = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
    return [Call(each["video"], each["source"], each["attempt"], each["egress"], each["does"]) for each in lines]


def _left_behind(folder: Path) -> list[str]:
    """Processes that work in this run's folder, when all of it has ended."""

    def alive() -> list[str]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (process / "cwd").readlink().is_relative_to(folder):
                    found.append((process / "cmdline").read_text().replace("\0", " ").strip())
        return found

    try:
        wait_until(alive, timedelta(seconds=20), holds=lambda left: not left)
    except AssertionError:
        return [f"a process was left behind: {each}" for each in alive()]
    return []

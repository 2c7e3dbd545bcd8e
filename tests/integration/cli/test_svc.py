"""The command line against a real broker."""

import asyncio
import json
import signal
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import aio_pika
import pytest
from typer.testing import CliRunner, Result

from tubewarren.bus import Bus, open_bus
from tubewarren.bus.codec import encode
from tubewarren.delivery import Delivery
from tubewarren.messages import Command, Event
from tubewarren.messages.commands import AddSource, DownloadVideo, QueryLedger, ReturnResults, SelectResults
from tubewarren.messages.events import DeadSettled, Fate, LedgerAnswered, ResultsMoved
from tubewarren.outcomes import Done, Outcome
from tubewarren.topology import DEAD, DOWNLOADER, SHEET_INGESTOR, STATUS_WRITER, questions, results_manager, topology
from tubewarren_services.cli.main import app

pytestmark = pytest.mark.broker

SYSTEM = topology((timedelta(seconds=30),))
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
VIDEO = DownloadVideo(video_id="vvvvvvvvvvv", url="https://y.test/v", source_id="7")
T = TypeVar("T")

Svc = Callable[..., Result]


@pytest.fixture
def svc(vhost_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Svc:
    """`svc` on a broker that has the topology."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUBEWARREN_RETRY__LADDER", "30s")
    asyncio.run(on_bus(vhost_url, lambda bus: bus.declare(SYSTEM)))
    return lambda *arguments, **more: CliRunner().invoke(app, ["--broker", vhost_url, *arguments], **more)


async def on_bus(url: str, work: Callable[[Bus], Awaitable[T]]) -> T:
    async with open_bus(url, "test", patience=timedelta(seconds=10)) as bus:
        return await work(bus)


def depth(url: str, name: str) -> int:
    found = asyncio.run(on_bus(url, lambda bus: bus.depths(SYSTEM)))[name]
    assert found is not None
    return found[0]


def interrupted(command: list[str], ending: signal.Signals, url: str, name: str) -> tuple[int | None, str, str]:
    """What a command that is ended as soon as something comes into a queue returns and prints."""

    async def run() -> tuple[int | None, str, str]:
        claimed = asyncio.Event()

        async def notice(_: object) -> None:
            claimed.set()

        async with await aio_pika.connect(url) as connection, connection.channel() as channel, asyncio.timeout(100):
            await channel.set_qos(prefetch_count=1)
            await (await channel.get_queue(name)).consume(notice)
            process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
            await claimed.wait()
            process.send_signal(ending)
            output, complaint = await process.communicate()
            return process.returncode, output.decode(), complaint.decode()

    return asyncio.run(run())


def kill(url: str, *commands: Command) -> None:
    async def publish() -> None:
        async with await aio_pika.connect(url) as connection, connection.channel() as channel:
            dead = await channel.get_exchange(DEAD)
            for command in commands:
                await dead.publish(encode(command, attempt=6), DOWNLOADER)

    asyncio.run(publish())


def reject(url: str, command: Command) -> None:
    """Gives it up as a worker does, so that the broker buries it."""

    async def reject() -> None:
        async with await aio_pika.connect(url) as connection, connection.channel() as channel:
            await channel.default_exchange.publish(encode(command), DOWNLOADER)
            queue = await channel.get_queue(DOWNLOADER)
            await (await queue.get()).reject()

    asyncio.run(reject())
    until(lambda: depth(url, f"{DOWNLOADER}.dead") == 1)


def ids_in(url: str, name: str) -> set[str | None]:
    async def take() -> set[str | None]:
        ids = set()
        async with await aio_pika.connect(url) as connection, connection.channel() as channel:
            queue = await channel.get_queue(name)
            while (message := await queue.get(no_ack=True, fail=False)) is not None:
                ids.add(message.message_id)
        return ids

    return asyncio.run(take())


def heard(url: str) -> list[DeadSettled]:
    """What a listener would hear of given-up messages that a person has dealt with."""

    async def take() -> list[DeadSettled]:
        events = []
        async with await aio_pika.connect(url) as connection, connection.channel() as channel:
            queue = await channel.get_queue(f"{STATUS_WRITER}.events")
            while (message := await queue.get(no_ack=True, fail=False)) is not None:
                if message.type == DeadSettled.type:
                    events.append(DeadSettled.model_validate_json(message.body))
        return events

    return asyncio.run(take())


def until(is_true: Callable[[], bool]) -> None:
    """Waits for a broker or a process of ours, and not for ever."""
    deadline = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.005)


def with_results_manager(url: str, rows: dict[str, list[dict[str, Any]]], run: Callable[[], Result]) -> Result:
    """Runs a command while a results-manager answers questions and carries out orders."""

    async def answer(delivery: Delivery) -> Outcome:
        reply: Event
        match delivery.message:
            case QueryLedger(topic=topic):
                reply = LedgerAnswered(at=NOW, storage="main", rows=tuple(rows.get(topic, [])))
            case SelectResults():
                reply = ResultsMoved(at=NOW, storage="main", selected=("a",), missing=("b",))
            case ReturnResults():
                reply = ResultsMoved(at=NOW, storage="main", returned=("a",))
            case other:
                raise AssertionError(other)
        return Done(reply=reply)

    async def serve() -> Result:
        async with AsyncExitStack() as stack:
            bus = await stack.enter_async_context(open_bus(url, "results-manager"))
            serving = [
                await bus.answer(questions("main"), answer),
                await bus.consume_commands(SYSTEM, results_manager("main"), answer, prefetch=1),
            ]
            result = await asyncio.to_thread(run)
            for each in serving:
                await each.drain(timedelta(seconds=5))
            return result

    return asyncio.run(serve())


def test_a_broker_without_queues_is_found_wanting_and_declare_mends_it(vhost_url: str) -> None:
    def svc(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["--broker", vhost_url, *arguments])

    before, declared, after = svc("topology", "check"), svc("topology", "declare"), svc("topology", "check")

    assert (before.exit_code, declared.exit_code, after.exit_code) == (1, 0, 0)
    assert "downloader.dead" in before.stdout
    assert "svc topology declare" in before.stdout


def test_an_added_source_waits_for_the_ingestor_with_its_columns(svc: Svc, vhost_url: str) -> None:
    named = ("--name", "Somebody", "--type", "channel", "--every", "6h")
    result = svc("sources", "add", "https://y.test/@somebody", *named)

    assert result.exit_code == 0
    assert "Queued https://y.test/@somebody" in result.stdout
    added = AddSource.model_validate_json(asyncio.run(first_body(vhost_url, SHEET_INGESTOR)))
    assert added == AddSource(
        url="https://y.test/@somebody", columns={"Name": "Somebody", "Type": "channel", "Refresh": "6h"}
    )


async def first_body(url: str, queue_name: str) -> bytes:
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        queue = await channel.get_queue(queue_name)
        return (await queue.get(no_ack=True)).body


def test_status_without_a_results_manager_shows_the_depths_and_says_what_is_missing(svc: Svc) -> None:
    svc("sources", "add", "https://y.test/@somebody")

    person, machine = svc("status"), svc("status", "--json")

    assert person.exit_code == 0
    assert "No results-manager answers" in person.stdout
    told = json.loads(machine.stdout)
    assert {"name": SHEET_INGESTOR, "purpose": "work", "ready": 1, "consumers": 0} in told["queues"]
    assert told["summary"] is None


def test_what_needs_the_ledger_says_so_when_nobody_answers(svc: Svc) -> None:
    result = svc("tasks", "list")

    assert result.exit_code == 1
    assert "No results-manager answers" in result.stderr


def test_the_ledgers_rows_are_shown(svc: Svc, vhost_url: str) -> None:
    rows = {"tasks": [{"video_id": "vvvvvvvvvvv", "state": "dead", "failure_reason": "It is private."}]}

    person = with_results_manager(vhost_url, rows, lambda: svc("tasks", "list"))
    machine = with_results_manager(vhost_url, rows, lambda: svc("tasks", "list", "--json"))

    assert person.exit_code == 0
    assert "It is private." in person.stdout
    assert json.loads(machine.stdout) == rows["tasks"]


def test_dead_letters_are_listed_with_the_ledgers_reason_and_redriven_by_it(svc: Svc, vhost_url: str) -> None:
    other = VIDEO.model_copy(update={"video_id": "w"})
    kill(vhost_url, VIDEO, other)
    burial = {"queue": DOWNLOADER, "buried_id": str(VIDEO.message_id), "kind": "gone", "reason": "It is private."}

    listed = with_results_manager(vhost_url, {"burials": [burial]}, lambda: svc("dead", "list"))
    tried = with_results_manager(
        vhost_url, {"burials": [burial]}, lambda: svc("dead", "redrive", "--reason", "private", "--dry-run")
    )
    lying = depth(vhost_url, f"{DOWNLOADER}.dead")
    sent = with_results_manager(vhost_url, {"burials": [burial]}, lambda: svc("dead", "redrive", "--class", "gone"))

    assert "It is private." in listed.stdout
    assert "1 message would go back to work." in tried.stdout
    assert lying == 2
    assert "1 message went back to work." in sent.stdout
    assert DownloadVideo.model_validate_json(asyncio.run(first_body(vhost_url, DOWNLOADER))) == VIDEO
    assert depth(vhost_url, f"{DOWNLOADER}.dead") == 1


def test_what_would_go_is_told_by_class_and_source_and_a_limit_sends_no_more(svc: Svc, vhost_url: str) -> None:
    videos = [VIDEO.model_copy(update={"video_id": name, "source_id": source}) for name, source in ("a7", "b7", "c8")]
    kill(vhost_url, VIDEO, *videos)
    burials = [
        {"queue": DOWNLOADER, "buried_id": str(video.message_id), "kind": "gated", "reason": "", "rule": "members-only"}
        for video in videos
    ]

    def run(*arguments: str) -> Result:
        return with_results_manager(
            vhost_url, {"burials": burials}, lambda: svc("dead", "redrive", "--class", "members", *arguments)
        )

    tried, of_one_source, limited = run("--dry-run"), run("--source", "8", "--dry-run"), run("--limit", "1")

    assert tried.stdout.startswith("3 messages would go back to work.")
    assert [line.split() for line in tried.stdout.splitlines()[3:]] == [
        ["gated", "members-only", "7", "2"],
        ["gated", "members-only", "8", "1"],
    ]
    assert of_one_source.stdout.startswith("1 message would go")
    assert "1 message went back to work." in limited.stdout
    assert (depth(vhost_url, DOWNLOADER), depth(vhost_url, f"{DOWNLOADER}.dead")) == (1, 3)


def test_what_died_long_ago_or_just_now_is_told_by_the_brokers_time(svc: Svc, vhost_url: str) -> None:
    reject(vhost_url, VIDEO)

    def found(*arguments: str) -> list[Any]:
        return cast("list[Any]", json.loads(svc("dead", "list", "--json", *arguments).stdout))

    assert len(found("--since", "1h")) == 1
    assert found("--until", "1h") == []
    assert len(found("--since", "2d", "--until", "1ms")) == 1
    assert svc("dead", "purge", "--until", "1h", "--yes").stdout == "Nothing was dropped.\n"
    assert svc("dead", "redrive", "--since", "1h").stdout.endswith("1 message went back to work.\n")


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT], ids=lambda each: each.name)
def test_a_redrive_that_is_interrupted_loses_nothing_and_can_be_run_again(
    svc: Svc, vhost_url: str, ending: signal.Signals
) -> None:
    videos = [VIDEO.model_copy(update={"video_id": f"v{number}"}) for number in range(300)]
    kill(vhost_url, *videos)
    command = [sys.executable, "-m", "tubewarren_services.cli.entry", "--broker", vhost_url, "dead", "redrive"]

    exit_code, output, complaint = interrupted(command, ending, vhost_url, DOWNLOADER)
    until(lambda: depth(vhost_url, DOWNLOADER) + depth(vhost_url, f"{DOWNLOADER}.dead") >= len(videos))
    back = depth(vhost_url, DOWNLOADER)
    lying = depth(vhost_url, f"{DOWNLOADER}.dead")
    again = svc("dead", "redrive", "--queue", DOWNLOADER)

    assert exit_code != 0
    assert output == "300 messages to go back to work.\n"
    assert ("Nothing is lost" in complaint) is (ending is signal.SIGINT)
    assert 0 < back < len(videos)
    # The one whose copy was confirmed, and which was not taken out of the dead queue any more, is there twice.
    assert back + lying - len(videos) in (0, 1)
    assert again.stdout.endswith(f"{lying} messages went back to work.\n")
    assert ids_in(vhost_url, DOWNLOADER) == {str(video.message_id) for video in videos}
    assert depth(vhost_url, f"{DOWNLOADER}.dead") == 0


def test_without_the_ledger_a_reason_cannot_choose_but_an_id_can(svc: Svc, vhost_url: str) -> None:
    kill(vhost_url, VIDEO)

    by_reason = svc("dead", "redrive", "--reason", "private")
    shown = svc("dead", "show", str(VIDEO.message_id)[:8], "--json")
    by_id = svc("dead", "redrive", str(VIDEO.message_id)[:8])

    assert by_reason.exit_code == 1
    assert "nobody knows the reasons" in by_reason.stderr
    assert json.loads(shown.stdout)[0]["body"]["video_id"] == VIDEO.video_id
    assert by_id.exit_code == 0
    assert depth(vhost_url, DOWNLOADER) == 1


def test_a_purge_needs_a_yes_and_drops_only_what_was_meant(svc: Svc, vhost_url: str) -> None:
    kill(vhost_url, VIDEO, VIDEO.model_copy(update={"source_id": "8"}))

    unasked = svc("dead", "purge", "--source", "7")
    lying = depth(vhost_url, f"{DOWNLOADER}.dead")
    purged = svc("dead", "purge", "--source", "7", "--yes")

    assert unasked.exit_code == 2
    assert lying == 2
    assert "1 message dropped." in purged.stdout
    assert depth(vhost_url, f"{DOWNLOADER}.dead") == 1
    (event,) = heard(vhost_url)
    assert (event.fate, event.queue, event.buried_id) == (Fate.PURGED, DOWNLOADER, str(VIDEO.message_id))
    assert (event.source_id, event.video_id) == (VIDEO.source_id, VIDEO.video_id)


def test_everybody_hears_of_a_redrive_and_of_no_dry_one(svc: Svc, vhost_url: str) -> None:
    before = datetime.now(UTC)
    kill(vhost_url, VIDEO, VIDEO.model_copy(update={"source_id": "8"}))

    svc("dead", "redrive", "--dry-run")
    svc("dead", "redrive", "--source", "7")

    (event,) = heard(vhost_url)
    assert (event.fate, event.source_id, event.video_id) == (Fate.REDRIVEN, "7", VIDEO.video_id)
    assert before < event.at < datetime.now(UTC)


def test_a_queue_that_does_not_exist_is_used_wrongly(svc: Svc) -> None:
    result = svc("dead", "list", "--queue", "nonsense")

    assert result.exit_code == 2
    assert DOWNLOADER in result.stderr


def test_select_tells_what_was_moved_and_fails_for_what_nobody_has(svc: Svc, vhost_url: str) -> None:
    workers = {"workers": [{"service": "results-manager", "status": "active"}]}

    selected = with_results_manager(vhost_url, workers, lambda: svc("results", "select", "--source", "7"))
    returned = with_results_manager(vhost_url, workers, lambda: svc("results", "return", "--json"))

    assert selected.exit_code == 1
    assert "main: 1 video moved to selected" in selected.stdout
    assert "In no storage that answered: b" in selected.stdout
    assert returned.exit_code == 0
    assert json.loads(returned.stdout)[0]["returned"] == ["a"]


def test_the_doctor_sees_the_broker_and_its_queues(svc: Svc) -> None:
    findings = {each["subject"]: each for each in json.loads(svc("doctor", "--json").stdout)}

    assert findings["broker"]["found"].startswith("RabbitMQ ")
    assert findings["queues"]["health"] == "ok"


def test_a_broker_that_is_not_there_is_one_sentence() -> None:
    result = CliRunner().invoke(app, ["--broker", "amqp://guest:guest@127.0.0.1:1/", "topology", "check"])

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "does not answer" in result.stderr


def test_a_broker_that_refuses_is_one_sentence_without_the_password(broker_url: str) -> None:
    address = f"amqp://nobody:wrong@{broker_url.rpartition('@')[2]}"

    result = CliRunner().invoke(app, ["--broker", address, "topology", "check"])

    assert result.exit_code == 1
    assert "refuses" in result.stderr
    assert "wrong" not in result.stderr

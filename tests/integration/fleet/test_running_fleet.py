"""One fleet that runs on, as a person sees it: the list, the commands, the traces, the workers."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aio_pika
import pytest
from opentelemetry.trace import SpanKind

from brokers import BrokerUnderTest, run_apart
from fleets import Machine, Running, key_of, machine_in, settings_for_tests, site_of, wait_until
from standins.otlp import CollectedSpan, Collector, collector
from tubewarren.fair_share import RANKS
from tubewarren.messages.commands import DownloadVideo, ExpandSource
from tubewarren.topology import COMMANDS, DOWNLOADER
from tubewarren_services.demo.catalogue import Behaviour, Catalogue, CataloguedFeed, CataloguedVideo
from tubewarren_services.demo.site import Site

pytestmark = [pytest.mark.broker, pytest.mark.fleet]

LATER_FEED = "/later.xml"
THIRD_FEED = "/third.xml"
SPY = "test.spy"
OUTCOME = "tubewarren.outcome"


def plain(name: str, behaviour: Behaviour = Behaviour.PLAIN) -> CataloguedVideo:
    return CataloguedVideo(name, name.title(), timedelta(seconds=1), behaviour)


CATALOGUE = Catalogue(
    (
        plain("meadow"),
        plain("kiln", Behaviour.FLAKY),
        plain("lantern", Behaviour.GONE),
        plain("harbour"),
        plain("ferry"),
    ),
    (
        CataloguedFeed("/feed.xml", "The first", ("meadow", "kiln", "lantern")),
        CataloguedFeed(LATER_FEED, "The later", ("harbour",)),
        CataloguedFeed(THIRD_FEED, "The third", ("ferry",)),
    ),
)


@dataclass(frozen=True)
class Fleet:
    """`svc up`, and what surrounds it."""

    machine: Machine
    site: Site
    traces: Collector
    process: Running

    def source(self, url: str) -> dict[str, str]:
        """The row of the first source with this address."""
        return next((row for row in self.machine.rows("Sources") if row["URL"] == url), {})

    def worker(self, name: str) -> dict[str, str]:
        return next((row for row in self.machine.rows("Workers") if row["Hostname"] == name), {})

    def key(self, slug: str) -> str:
        return next(key_of(video) for video in self.site.videos if video.slug == slug)

    def until_done(self, url: str) -> dict[str, str]:
        return wait_until(lambda: self.source(url), holds=lambda row: row.get("Status") == "done")


@pytest.fixture(scope="module")
def fleet(broker: BrokerUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Has worked through its first source when a test begins."""
    url = broker.make_vhost()
    folder = tmp_path_factory.mktemp("fleet") / "box"
    with (
        site_of(CATALOGUE) as site,
        collector() as traces,
        machine_in(folder, settings_for_tests(site, BROKER_URL=url)) as machine,
    ):
        machine.environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": traces.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
        }
        machine.publish()
        run_apart(spy_on(url))
        machine.sources(f"{site.feed_url}|The first|female")
        fleet = Fleet(machine, site, traces, machine.start("up", "--sources", "sources.txt"))
        fleet.until_done(site.feed_url)
        yield fleet
    broker.remove_vhost(url)


def test_a_list_that_changes_while_it_is_worked_on_is_imported_and_every_bad_row_is_told_why(fleet: Fleet) -> None:
    machine, site = fleet.machine, fleet.site
    later = site.url + LATER_FEED
    bad = {
        "not an address": "this is not an address",
        "https://videos.example/1": "the host videos.example is not allowed",
        "file:///etc/passwd": "only http and https are worked on, not file:",
        "http://10.1.2.3/feed": "10.1.2.3 is this machine or a private network",
    }

    machine.sources(
        f"{site.feed_url}|The first|female",
        "# a comment, then a blank line, then a line without an address",
        "",
        "|No address",
        f"{later}|The later",
        later,
        *(f"{url}|Bad" for url in bad),
    )
    done = fleet.until_done(later)
    machine.append_rows(
        "Sources", {"URL": later, "Name": "Again"}, {"ID": done["ID"], "URL": site.url, "Name": "Same ID"}
    )

    (told,) = wait_until(lambda: [line for line in machine.logged("sheet-ingestor") if line.get("line")])
    assert (told["line"], told["event"]) == (4, "bad line passed over")
    assert told["reason"].startswith("There is no URL")
    assert done["Name"] == "The later"
    for url, reason in bad.items():
        row = wait_until(lambda url=url: fleet.source(url), holds=lambda row: row.get("LastError"))  # type: ignore[misc] # mypy cannot infer a lambda with a default
        assert row["Status"] == "error"
        assert reason in row["LastError"]
    again, same_id = wait_until(
        lambda: [row for row in machine.rows("Sources") if row["Name"] in ("Again", "Same ID")],
        holds=lambda rows: len(rows) == 2 and all(row["LastError"] for row in rows),
    )
    assert again["ID"] not in ("", done["ID"])
    assert again["Status"] == "error"
    assert again["LastError"].startswith(f"The same source as the row with ID {done['ID']}")
    assert same_id["LastError"].startswith(f"A row further up has the same ID {done['ID']}")
    assert site.requests[LATER_FEED] == 1


def test_a_second_up_in_the_same_folder_is_refused_with_the_number_of_the_first(fleet: Fleet) -> None:
    second = fleet.machine.svc("up")

    assert second.returncode == 1
    assert f"Another `svc up` (process {fleet.process.pid}) runs in" in second.stderr
    assert "--data-dir" in second.stderr
    assert "Traceback" not in second.stderr
    assert fleet.process.is_running


def test_every_attempt_at_a_video_is_in_one_trace_that_is_linked_to_that_of_its_source(fleet: Fleet) -> None:
    source_id = fleet.source(fleet.site.feed_url)["ID"]
    order = DownloadVideo(video_id=fleet.key("kiln"), url="", source_id=source_id)
    listing = ExpandSource(source_id=source_id, url="")

    attempts = wait_until(
        lambda: [span for span in spans_of(fleet, order) if span.name == f"process {DOWNLOADER}"],
        holds=lambda found: len(found) == 3,
    )
    published = publication_of(fleet, order)
    (expansion,) = wait_until(
        lambda: [span for span in spans_of(fleet, listing) if span.name == "process source-expander"]
    )

    assert sorted(span.attributes["tubewarren.attempt"] for span in attempts) == [1, 2, 3]
    assert {span.trace_id for span in attempts} == {published.trace_id}
    assert {span.parent_id for span in attempts} == {published.span_id}
    assert published.trace_id != expansion.trace_id
    assert published.links == ((expansion.trace_id, expansion.span_id),)
    retried = [line for line in fleet.machine.logged("downloader") if line.get("work") == order.key]
    assert {line["trace_id"] for line in retried} == {published.trace_id}
    headers = [
        message.headers
        for message in run_apart(spied(fleet.machine.settings["BROKER_URL"]))
        if message.message_id == str(order.message_id)
    ]
    assert [header["tubewarren-attempt"] for header in headers] == [1, 2, 3]
    parents = {str(header["traceparent"]).rpartition("-")[0] for header in headers}
    assert parents == {f"00-{published.trace_id}-{published.span_id}"}


def test_a_retry_and_the_steps_of_yt_dlp_are_spans_of_the_attempt(fleet: Fleet) -> None:
    order = DownloadVideo(video_id=fleet.key("kiln"), url="", source_id=fleet.source(fleet.site.feed_url)["ID"])
    published = publication_of(fleet, order)

    last = wait_until(lambda: [span for span in attempts_at(fleet, order) if span.attributes[OUTCOME] == "done"])[0]
    story = wait_until(
        lambda: trace_of(fleet, published), holds=lambda spans: any(span.parent_id == last.span_id for span in spans)
    )

    failed = [span for span in attempts_at(fleet, order) if span is not last]
    assert [(span.attributes[OUTCOME], span.is_failure) for span in failed] == [("retry", True), ("retry", True)]
    retries = {span.parent_id: span for span in story if span.name.startswith(f"publish {DOWNLOADER}.retry.")}
    assert {retries[span.span_id].attributes["tubewarren.attempt"] for span in failed} == {2, 3}
    assert {span.kind for span in retries.values()} == {SpanKind.PRODUCER}
    steps = [span.name for span in story if span.parent_id == last.span_id]
    assert steps[:2] == ["extract", "download"]
    assert sum(span.seconds for span in story if span.parent_id == last.span_id) <= last.seconds


def test_a_dead_letter_is_in_the_trace_of_its_video_and_so_is_everybody_who_heard_of_it(fleet: Fleet) -> None:
    order = DownloadVideo(video_id=fleet.key("lantern"), url="", source_id=fleet.source(fleet.site.feed_url)["ID"])
    published = publication_of(fleet, order)

    # Each service sends its spans when it comes to it.
    attempt = wait_until(lambda: attempts_at(fleet, order))[0]
    story = wait_until(
        lambda: trace_of(fleet, published),
        holds=lambda spans: (
            sum("tubewarren.died_of" in span.attributes for span in spans) >= 2
            and any(span.parent_id == attempt.span_id and span.name == "reject downloader" for span in spans)
        ),
    )

    burial = next(span for span in story if span.parent_id == attempt.span_id and span.name == "reject downloader")
    assert (attempt.attributes["error.type"], attempt.attributes[OUTCOME], attempt.is_failure) == ("gone", "bury", True)
    assert (burial.kind, burial.attributes["messaging.operation.type"]) == (SpanKind.CLIENT, "settle")
    hearsay = [span for span in story if "tubewarren.died_of" in span.attributes]
    assert {span.service for span in hearsay} == {"tubewarren.status-writer", "tubewarren.results-manager"}
    assert {(span.parent_id, span.attributes["tubewarren.died_in"]) for span in hearsay} == {
        (published.span_id, DOWNLOADER)
    }


def test_a_source_is_followed_from_the_list_to_its_expansion_and_every_flush_tells_its_rows(fleet: Fleet) -> None:
    source_id = fleet.source(fleet.site.feed_url)["ID"]

    ordered = publication_of(fleet, ExpandSource(source_id=source_id, url=""))
    expansion = wait_until(lambda: [s for s in trace_of(fleet, ordered) if s.name == "process source-expander"])[0]
    flushes = wait_until(lambda: [span for span in tuple(fleet.traces.spans) if span.name == "flush sheet"])

    assert (ordered.service, ordered.parent_id, ordered.links) == ("tubewarren.sheet-ingestor", "", ())
    assert (expansion.service, expansion.parent_id) == ("tubewarren.source-expander", ordered.span_id)
    assert {span.service for span in flushes} == {"tubewarren.status-writer"}
    assert all(int(span.attributes["tubewarren.sheet.rows"]) > 0 for span in flushes if not span.is_failure)


def test_the_figures_of_a_run_arrive_and_name_no_video(fleet: Fleet) -> None:
    figure = fleet.traces.figure
    stored = sum(fleet.machine.manifest(fleet.key(name)).size_bytes for name in ("meadow", "kiln"))

    def names() -> set[str]:
        return {series.name for series in dict(fleet.traces.figures)}

    def short_of() -> list[str]:
        """Each service sends its figures when it comes to it."""
        least = {
            "downloaded": figure("tubewarren.downloaded") - stored,
            "active": figure("tubewarren.workers", tubewarren_health="active") - 6,
            "retries": figure("tubewarren.tasks", tubewarren_stage=DOWNLOADER, tubewarren_outcome="retry") - 2,
            "buried": figure("tubewarren.tasks", tubewarren_outcome="bury", error_type="gone") - 1,
            "waited": figure("tubewarren.queue.wait", messaging_destination_name=DOWNLOADER) - 5,
            "listed": figure("messaging.process.duration", messaging_destination_name="source-expander") - 1,
            "heard": figure("messaging.client.consumed.messages", messaging_destination_name="status-writer.events")
            - 1,
            "extracted": figure("tubewarren.download.step.duration", tubewarren_step="extract") - 5,
            "rows": figure("tubewarren.sheet.flush.rows", tubewarren_sheet_tab="Video Tasks") - 3,
            "awake": figure("tubewarren.egress.awake") - 1,
        }
        return [name for name, more in least.items() if more < 0]

    wait_until(short_of, holds=lambda found: not found)
    wait_until(names, holds={"tubewarren.breaker.open", "tubewarren.sheet.lag"}.issubset)

    assert figure("tubewarren.tasks", tubewarren_stage=DOWNLOADER, tubewarren_outcome="retry") == 2
    assert figure("tubewarren.breaker.open") == 0
    told = str([series.attributes for series in dict(fleet.traces.figures)])
    assert not [video.slug for video in fleet.site.videos if key_of(video) in told or video.slug in told]


def test_a_worker_that_freezes_is_shown_as_stale_then_lost_then_active_again_and_at_last_stopped(fleet: Fleet) -> None:
    name = "icebox/downloader"
    frozen = fleet.machine.run("downloader", settings={"WORKER_NAME": "icebox", "DATA_DIR": "icebox"}).until_ready()
    until_status(fleet, name, "active")
    before = len(told_of(fleet, name))

    frozen.signal(signal.SIGSTOP)
    until_status(fleet, name, "stale")
    seen = until_status(fleet, name, "lost")["LastSeen"]
    frozen.signal(signal.SIGCONT)
    back = until_status(fleet, name, "active")
    frozen.signal(signal.SIGTERM)
    until_status(fleet, name, "stopped")

    assert back["LastSeen"] > seen
    assert back["Service"] == "downloader"
    assert frozen.wait() == 0
    assert told_of(fleet, name)[before : before + 3] == ["stale", "lost", "worker returned"]


def test_a_source_that_is_added_by_command_is_expanded_with_its_columns(fleet: Fleet) -> None:
    url = fleet.site.url + THIRD_FEED

    added = fleet.machine.svc("sources", "add", url, "--name", "The third", "--priority", "2")

    assert added.returncode == 0, added.stderr
    row = fleet.until_done(url)
    assert (row["Name"], row["Priority"], row["Progress"]) == ("The third", "2", "1/1")
    manifest = fleet.machine.manifest(fleet.key("ferry"))
    assert manifest.source_ids == (row["ID"],)
    assert manifest.columns[row["ID"]]["Name"] == "The third"
    listed = {source["url"]: source["state"] for source in fleet.machine.ask("sources", "list")}
    assert listed[url] == "done"


def test_status_tasks_topology_and_doctor_tell_of_a_healthy_fleet(fleet: Fleet) -> None:
    machine = fleet.machine

    status = machine.ask("status")
    (dead,) = machine.ask("tasks", "list", "--status", "dead")
    drifts = machine.ask("topology", "check")
    findings = {each["subject"]: each["health"] for each in machine.ask("doctor")}

    queues = {each["name"]: each for each in status["queues"]}
    assert queues["downloader"]["consumers"] == 1
    assert queues["downloader.dead"]["ready"] == 1
    assert (status["summary"]["tasks_dead"], status["summary"]["tasks_pending"]) == (1, 0)
    assert {each["service"] for each in status["workers"]} >= {"downloader", "status-writer", "results-manager"}
    assert (dead["video_id"], dead["failure_kind"], dead["attempts"]) == (fleet.key("lantern"), "gone", 1)
    assert drifts == []
    # RabbitMQ 3.10 earns a warning, and so does a machine without ffmpeg.
    assert "bad" not in findings.values()
    assert (findings["queues"], findings["results"], findings["data"]) == ("ok", "ok", "ok")


def test_selected_results_move_to_the_selected_folder_and_return(fleet: Fleet) -> None:
    machine, source_id = fleet.machine, fleet.source(fleet.site.feed_url)["ID"]
    videos = {fleet.key("meadow"), fleet.key("kiln")}

    tried = machine.ask("results", "select", "--source", source_id, "--dry-run")
    assert names_in(machine.selected) == set()
    selected = machine.ask("results", "select", "--source", source_id)
    there = names_in(machine.selected)
    left = names_in(machine.results)
    returned = machine.ask("results", "return")

    assert set(tried[0]["selected"]) == videos
    assert set(selected[0]["selected"]) == videos
    assert there == videos
    assert left.isdisjoint(videos)
    assert set(returned[0]["returned"]) == videos
    assert names_in(machine.selected) == set()
    assert names_in(machine.results) >= videos
    assert set(machine.checksums()) >= videos


def test_what_is_dead_can_be_sent_back_to_work_and_at_last_dropped(fleet: Fleet) -> None:
    machine, video = fleet.machine, fleet.key("lantern")
    (case,) = machine.ask("dead", "list", "--queue", "downloader")
    asked = fleet.site.requests["/media/lantern.wav"]

    (sent,) = machine.ask("dead", "redrive", "--queue", "downloader")
    wait_until(lambda: fleet.site.requests["/media/lantern.wav"] > asked)
    (again,) = wait_until(lambda: machine.ask("dead", "list", "--queue", "downloader"))
    unasked = machine.svc("dead", "purge", "--queue", "downloader")
    purged = machine.svc("dead", "purge", "--queue", "downloader", "--yes")

    assert (case["subject"], case["kind"], case["attempt"]) == (video, "gone", 1)
    assert sent["id"] == case["id"] == again["id"]
    assert again["attempt"] == 1
    assert unasked.returncode == 2
    assert "--yes" in unasked.stderr
    assert purged.returncode == 0
    assert machine.ask("dead", "list", "--queue", "downloader") == []


def told_of(fleet: Fleet, worker: str) -> list[str]:
    """What the heartbeat-monitor has logged of a worker."""
    lines = fleet.machine.logged("heartbeat-monitor")
    return [line.get("health", line["event"]) for line in lines if line.get("of") == worker]


def until_status(fleet: Fleet, name: str, status: str) -> dict[str, str]:
    return wait_until(lambda: fleet.worker(name), holds=lambda row: row.get("Status") == status)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def spans_of(fleet: Fleet, order: DownloadVideo | ExpandSource) -> list[CollectedSpan]:
    wanted = str(order.message_id)
    return [span for span in tuple(fleet.traces.spans) if span.attributes.get("messaging.message.id") == wanted]


def publication_of(fleet: Fleet, order: DownloadVideo | ExpandSource) -> CollectedSpan:
    """Where the story of an order begins."""
    name = f"publish {COMMANDS}:{order.type}"
    return wait_until(lambda: [span for span in spans_of(fleet, order) if span.name == name])[0]


def attempts_at(fleet: Fleet, order: DownloadVideo) -> list[CollectedSpan]:
    return [span for span in spans_of(fleet, order) if span.name == f"process {DOWNLOADER}"]


def trace_of(fleet: Fleet, of: CollectedSpan) -> list[CollectedSpan]:
    return [span for span in tuple(fleet.traces.spans) if span.trace_id == of.trace_id]


async def spy_on(url: str) -> None:
    """From now on, a copy of each order that goes to the downloaders, and of each that comes back from a rung."""
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        spy = await channel.declare_queue(SPY, durable=True, arguments={"x-queue-type": "quorum"})
        for key in (*(f"{DownloadVideo.type}.p{number}" for number in RANKS), DOWNLOADER):
            await spy.bind(COMMANDS, key)


async def spied(url: str) -> list[aio_pika.abc.AbstractIncomingMessage]:
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        spy = await channel.get_queue(SPY)
        found = []
        while (message := await spy.get(no_ack=True, fail=False)) is not None:
            found.append(message)
        return found

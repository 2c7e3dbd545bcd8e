"""History into the ledger, orders into moves, and answers; with a real store and a real ledger."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tubewarren.delivery import Death, Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Event, Message
from tubewarren.messages.commands import (
    AddSource,
    DownloadVideo,
    ExpandSource,
    LedgerTopic,
    QueryLedger,
    ReturnResults,
    SelectResults,
)
from tubewarren.messages.events import (
    LedgerAnswered,
    ListedVideo,
    ResultsMoved,
    SourceExpanded,
    SourceProgress,
    VideoDownloaded,
    VideoProgress,
    VideosQueued,
)
from tubewarren.outcomes import Bury, Done, Retry
from tubewarren.store import Draft, Store
from tubewarren.store.errors import DiskFullError
from tubewarren.store.moves import Moves
from tubewarren_services.results_manager.handler import Ports, answer, carry_out, record, tell
from tubewarren_services.results_manager.ledger import Ledger, LedgerUnavailableError
from tubewarren_services.results_manager.service import Patience, _apply, _selected_videos

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
STORY = "0af7651916cd43dd8448eb211c80319c"
VIDEO = DownloadVideo(video_id="v1", url="https://x.invalid/v1", source_id="7")


class KilledError(BaseException):
    """Stands for the end of the process."""


@dataclass
class Archive:
    """A results-manager with its store and its ledger."""

    store: Store
    ledger: Ledger
    published: list[Message] = field(default_factory=list)

    def ports(self) -> Ports:
        async def publish(*messages: Message) -> None:
            self.published.extend(messages)

        return Ports(
            storage="main",
            apply=lambda events, traces, burials: asyncio.to_thread(_apply, self.ledger, events, traces, burials),
            progress=lambda asked: asyncio.to_thread(self.ledger.progress, asked),
            answer=lambda asked: asyncio.to_thread(self.ledger.answer, asked),
            finished_videos=lambda asked: asyncio.to_thread(self.ledger.finished_videos, asked),
            selected_videos=lambda: asyncio.to_thread(_selected_videos, self.ledger, "main"),
            select=lambda video_ids, dry_run: asyncio.to_thread(self.store.select, video_ids, dry_run=dry_run),
            return_all=lambda dry_run: asyncio.to_thread(self.store.return_all, dry_run=dry_run),
            publish=publish,
        )

    async def hear(self, *messages: Message, **beside: Any) -> None:
        ports = self.ports()
        changed = await record([Delivery(message, "id", **beside) for message in messages], ports=ports)
        await tell(changed, ports=ports)

    async def do(self, order: Message) -> ResultsMoved:
        """Carry an order out, and hear of it as from the broker."""
        outcome = await carry_out(Delivery(order, "id"), ports=self.ports())
        assert isinstance(outcome, Done)
        await self.hear(*outcome.publish)
        assert isinstance(outcome.reply, ResultsMoved)
        return outcome.reply

    async def finish(self, video_id: str, source_id: str) -> None:
        """A video is downloaded for a source."""
        draft = Draft(url="u", source_id=source_id, worker="w", attempt=1, finished_at=NOON)
        if self.store.find(video_id) is None:
            with self.store.claim(video_id) as staging:
                (staging.folder / "film.mp4").write_bytes(b"film")
                manifest = self.store.publish(staging, draft)
        else:
            manifest = self.store.add_source(video_id, source_id, {})
        await self.hear(
            VideosQueued(at=NOON, source_id=source_id, videos=(ListedVideo(video_id=video_id, url="u"),)),
            VideoDownloaded(
                at=NOON,
                video_id=video_id,
                source_id=source_id,
                worker="w",
                attempt=1,
                storage="main",
                size_bytes=manifest.size_bytes,
                sha256=manifest.main_file.sha256,
                seconds=1.0,
            ),
        )

    def selected(self) -> tuple[list[str], list[str]]:
        """What lies among the selected, and what the ledger takes for selected."""
        there = sorted(path.name for path in self.store._layout.selected.iterdir())
        return there, sorted(_selected_videos(self.ledger, "main"))

    def rows(self, topic: LedgerTopic) -> tuple[dict[str, Any], ...]:
        return tuple(dict(row) for row in self.ledger.answer(QueryLedger(topic=topic)).rows)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.sqlite", storage="main")
    yield Archive(Store(tmp_path / "results", tmp_path / "selected"), ledger)
    ledger.close()


@pytest.fixture
async def full(archive: Archive) -> Archive:
    """Two sources with a video each and one in common."""
    for video_id, source_id in (("a", "1"), ("common", "1"), ("common", "2"), ("b", "2")):
        await archive.finish(video_id, source_id)
    archive.published.clear()
    return archive


async def test_a_source_that_got_further_is_told_with_its_counts(archive: Archive) -> None:
    await archive.finish("v1", "7")

    (progress,) = archive.published
    assert isinstance(progress, SourceProgress)
    assert (progress.source_id, progress.videos, progress.done, progress.failed) == ("7", 1, 1, 0)


async def test_history_that_changes_nothing_is_followed_by_no_word(archive: Archive) -> None:
    await archive.finish("v1", "7")
    archive.published.clear()

    await archive.finish("v1", "7")
    await archive.hear(VideoProgress(at=NOON, video_id="v1", source_id="7", worker="w", phase="download"))

    assert archive.published == []


async def test_our_own_progress_does_not_come_back_as_news_for_ever(archive: Archive) -> None:
    await archive.finish("v1", "7")
    told = list(archive.published)
    archive.published.clear()

    await archive.hear(*told)

    assert archive.published == []


@pytest.mark.parametrize(
    ("command", "topic"),
    [(VIDEO, "tasks"), (ExpandSource(source_id="7", url="https://x.invalid/7"), "sources")],
)
async def test_an_order_that_the_broker_gave_up_is_dead_in_the_ledger(
    command: Message, topic: LedgerTopic, archive: Archive
) -> None:
    await archive.hear(command, death=Death("downloader", "delivery_limit"))

    (row,) = archive.rows(topic)
    assert row["state"] == ("dead" if topic == "tasks" else "error")
    assert [event.source_id for event in archive.published if isinstance(event, SourceProgress)] == ["7"]


@pytest.mark.parametrize("death", [None, Death("downloader", "rejected"), Death("downloader.retry.30s", "expired")])
async def test_an_order_that_a_handler_gave_up_was_told_of_by_the_handler(
    death: Death | None, archive: Archive
) -> None:
    await archive.hear(VIDEO, death=death)

    assert archive.rows("tasks") == ()
    assert archive.published == []


async def test_other_orders_that_the_broker_gave_up_are_no_ones_history(archive: Archive) -> None:
    await archive.hear(AddSource(url="https://x.invalid/"), death=Death("sheet-ingestor", "delivery_limit"))

    assert archive.rows("tasks") == archive.rows("sources") == ()


async def test_orders_and_events_in_one_batch_keep_their_own_traces(archive: Archive) -> None:
    claimed = Delivery(VIDEO, "id", death=Death("downloader", "rejected"), trace={"traceparent": "00-ff-01-01"})
    event = VideoDownloaded(
        at=NOON,
        video_id="v1",
        source_id="7",
        worker="w",
        attempt=1,
        storage="main",
        size_bytes=1,
        sha256="x",
        seconds=1.0,
    )

    await record([claimed, Delivery(event, "id", trace=TRACE)], ports=archive.ports())

    (row,) = archive.rows("tasks")
    assert row["trace_id"] == STORY


async def test_what_comes_again_is_told_again_because_who_took_it_may_have_been_killed_before(archive: Archive) -> None:
    queued = VideosQueued(at=NOON, source_id="7", videos=(ListedVideo(video_id="v1", url="u"),))

    first = await record([Delivery(queued, "id")], ports=archive.ports())
    twice = await record([Delivery(queued, "id")], ports=archive.ports())
    again = await record([Delivery(queued, "id", is_redelivered=True)], ports=archive.ports())

    assert (first, twice, again) == (frozenset({"7"}), frozenset(), frozenset({"7"}))


@pytest.mark.parametrize("trace", [{}, {"traceparent": ""}, {"traceparent": "garbage"}])
async def test_an_event_without_a_trace_has_none(trace: dict[str, str], archive: Archive) -> None:
    seen: list[Sequence[str | None]] = []

    async def apply(_: Sequence[Event], traces: Sequence[str | None], __: object) -> frozenset[str]:
        seen.append(traces)
        return frozenset()

    progress = SourceExpanded(at=NOON, source_id="7", videos=1)
    await record([Delivery(progress, "id", trace=trace)], ports=replace(archive.ports(), apply=apply))

    assert seen == [[None]]


async def test_a_page_of_a_listing_is_not_part_of_a_videos_story(archive: Archive) -> None:
    queued = VideosQueued(at=NOON, source_id="7", videos=(ListedVideo(video_id="v1", url="u"),))

    await archive.hear(queued, trace=TRACE)

    (row,) = archive.rows("tasks")
    assert row["trace_id"] is None


async def test_selecting_moves_a_sources_videos_and_tells_everybody(full: Archive) -> None:
    moved = await full.do(SelectResults(source_ids=("1",)))

    assert (moved.storage, moved.selected, moved.returned, moved.missing) == ("main", ("a", "common"), (), ())
    assert full.selected() == (["a", "common"], ["a", "common"])


async def test_selecting_another_source_returns_what_was_selected_before(full: Archive) -> None:
    await full.do(SelectResults(source_ids=("1",)))

    moved = await full.do(SelectResults(source_ids=("2",)))

    assert (moved.selected, moved.returned) == (("b", "common"), ("a",))
    assert full.selected() == (["b", "common"], ["b", "common"])


async def test_selecting_can_keep_what_was_selected_before(full: Archive) -> None:
    await full.do(SelectResults(source_ids=("1",)))

    moved = await full.do(SelectResults(source_ids=("2",), keep_selected=True))

    assert (moved.selected, moved.returned) == (("b", "common"), ())
    assert full.selected()[0] == full.selected()[1] == ["a", "b", "common"]


async def test_returning_moves_everything_back(full: Archive) -> None:
    await full.do(SelectResults(source_ids=("1", "2")))

    moved = await full.do(ReturnResults())

    assert sorted(moved.returned) == ["a", "b", "common"]
    assert full.selected() == ([], [])


@pytest.mark.parametrize("order", [SelectResults(source_ids=("2",), dry_run=True), ReturnResults(dry_run=True)])
async def test_a_dry_run_answers_and_neither_moves_nor_tells(order: Message, full: Archive) -> None:
    await full.do(SelectResults(source_ids=("1",)))
    before = full.selected()

    outcome = await carry_out(Delivery(order, "id"), ports=full.ports())

    assert isinstance(outcome, Done)
    assert outcome.publish == ()
    reply = outcome.reply
    assert isinstance(reply, ResultsMoved)
    assert reply.dry_run
    assert set(reply.returned) == ({"a"} if isinstance(order, SelectResults) else {"a", "common"})
    assert full.selected() == before


async def test_an_order_done_twice_is_done_once(full: Archive) -> None:
    first = await full.do(SelectResults(source_ids=("1",)))
    second = await full.do(SelectResults(source_ids=("1",)))

    assert second.selected == first.selected
    assert (second.returned, second.missing) == ((), ())
    assert full.selected() == (["a", "common"], ["a", "common"])


async def test_a_return_that_was_killed_before_it_could_tell_is_told_by_the_next_run(full: Archive) -> None:
    await full.do(SelectResults(source_ids=("1",)))
    full.store.return_all()

    moved = await full.do(ReturnResults())

    assert sorted(moved.returned) == ["a", "common"]
    assert full.selected() == ([], [])


async def test_a_select_that_was_killed_between_return_and_select_ends_well_when_it_is_repeated(
    full: Archive,
) -> None:
    await full.do(SelectResults(source_ids=("1",)))

    async def die(*_: object) -> Moves:
        raise KilledError

    with pytest.raises(KilledError):
        await carry_out(Delivery(SelectResults(source_ids=("2",)), "id"), ports=replace(full.ports(), select=die))

    moved = await full.do(SelectResults(source_ids=("2",)))

    assert (moved.selected, moved.returned) == (("b", "common"), ("a",))
    assert full.selected() == (["b", "common"], ["b", "common"])


async def test_what_cannot_go_back_because_something_stands_there_is_not_told_as_returned(full: Archive) -> None:
    await full.do(SelectResults(source_ids=("1",)))
    stranger = full.store._layout.result("a")
    stranger.mkdir()
    (stranger / "mine.txt").write_text("mine")

    back = await full.do(ReturnResults())

    assert back.returned == ("common",)
    assert full.selected() == (["a"], ["a"])
    assert (stranger / "mine.txt").read_text() == "mine"


async def test_a_video_that_the_ledger_knows_and_the_store_lacks_is_missing(full: Archive, tmp_path: Path) -> None:
    (tmp_path / "results" / "a").rename(tmp_path / "taken-away")

    moved = await full.do(SelectResults(source_ids=("1",)))

    assert (moved.selected, moved.missing) == (("common",), ("a",))


@pytest.mark.parametrize("error", [DiskFullError("The disk is full."), LedgerUnavailableError("The ledger is away.")])
async def test_an_order_that_cannot_be_carried_out_now_is_tried_again(error: Exception, full: Archive) -> None:
    async def fail(*_: object) -> Moves:
        raise error

    outcome = await carry_out(Delivery(ReturnResults(), "id"), ports=replace(full.ports(), return_all=fail))

    assert outcome == Retry(Failure(kind=FailureKind.UNFIT, reason=str(error)))


async def test_a_question_is_answered_by_the_ledger(full: Archive) -> None:
    outcome = await answer(Delivery(QueryLedger(topic="tasks", source_id="1"), "id"), ports=full.ports())

    assert isinstance(outcome, Done)
    assert outcome.publish == ()
    assert isinstance(outcome.reply, LedgerAnswered)
    assert {row["video_id"] for row in outcome.reply.rows} == {"a", "common"}


async def test_a_question_to_a_ledger_that_is_away_is_dropped(full: Archive) -> None:
    async def away(_: QueryLedger) -> LedgerAnswered:
        raise LedgerUnavailableError("The ledger is away.")

    outcome = await answer(Delivery(QueryLedger(topic="tasks"), "id"), ports=replace(full.ports(), answer=away))

    assert outcome == Bury(Failure(kind=FailureKind.UNFIT, reason="The ledger is away."))


@pytest.mark.parametrize("handle", [carry_out, answer])
async def test_another_order_is_a_bug(handle: Any, archive: Archive) -> None:
    with pytest.raises(TypeError, match=r"video\.download\.v1"):
        await handle(Delivery(VIDEO, "id"), ports=archive.ports())


async def test_history_waits_for_a_ledger_that_is_away_and_the_heartbeat_says_so() -> None:
    said: list[str] = []
    is_news: list[bool] = []
    answers = iter([LedgerUnavailableError("The disk is full."), LedgerUnavailableError("The disk is full."), "done"])

    def work(word: str) -> str:
        result = next(answers)
        if isinstance(result, Exception):
            raise result
        return f"{word} {result}"

    async def pause(seconds: float) -> None:
        said.append(f"{patience.trouble} for {seconds:g} s")
        is_news.append(patience.news.is_set())
        patience.news.clear()

    patience = Patience(pause=pause)

    assert await patience.keep_trying(work, "well") == "well done"
    assert said == ["The disk is full. for 5 s"] * 2
    assert patience.trouble == ""
    assert [*is_news, patience.news.is_set()] == [True, False, True]

"""The ledger: events in, rows and counts out."""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Self

from sqlalchemy import Engine, select

from tubewarren.failures import Failure
from tubewarren.messages import Event
from tubewarren.messages.bumps import BumpOrders
from tubewarren.messages.commands import DownloadVideo, ExpandSource, QueryLedger
from tubewarren.messages.events import LedgerAnswered, SourceProgress
from tubewarren_services.results_manager.ledger import answers
from tubewarren_services.results_manager.ledger.database import chunks, connect, reading, writing
from tubewarren_services.results_manager.ledger.fragments import Fragment, fragment_of_a_burial, fragments_of
from tubewarren_services.results_manager.ledger.projection import project
from tubewarren_services.results_manager.ledger.records import Row
from tubewarren_services.results_manager.ledger.schema import TASKS
from tubewarren_services.results_manager.ledger.sources import Counts, finish_of, state_of, videos_of
from tubewarren_services.results_manager.ledger.standings import Standings
from tubewarren_services.results_manager.ledger.tasks import TaskState
from tubewarren_services.results_manager.ledger.waiting import count_states, the_task, waiting_videos

Clock = Callable[[], datetime]
"""Tells the time, aware and in UTC."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a batch changed.

    Attributes:
        sources: ids of those whose counts or state may have changed; ask for their progress.
    """

    sources: frozenset[str] = frozenset()


def _now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """A projection of events, in any order and however often, to SQL.

    Every method blocks on the database and raises LedgerUnavailableError when that fails; from an event loop, call
    it in a thread. Any number of threads and processes may use one database.
    """

    def __init__(self, engine: Engine, *, storage: str, clock: Clock) -> None:
        self._engine = engine
        self._storage = storage
        self._clock = clock

    @classmethod
    def open(cls, url: str, *, storage: str = "", clock: Clock = _now) -> Self:
        """Open a ledger, and make its tables where there are none.

        Args:
            url: as SQLAlchemy writes it, such as `sqlite:////folder/ledger.sqlite3`; the folder is made.
            storage: the name under which this ledger answers.
            clock: for rates, ages and the moment of answers.

        Raises:
            LedgerUnavailableError: there is no such database, or its driver is missing.
            LedgerTooNewError: its tables are newer than this program; nothing was changed.
        """
        return cls(connect(url), storage=storage, clock=clock)

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def apply(self, events: Sequence[Event], trace_ids: Sequence[str | None] = ()) -> Changes:
        """Take a batch of events in, in one transaction; a repeated event changes nothing.

        Args:
            events: in any order; those that the ledger has no use for are passed over.
            trace_ids: of the events, in the same order, where known.
        """
        pairs = zip(events, chain(trace_ids, repeat(None)), strict=False)
        return self._project(
            fragment for event, trace_id in pairs for fragment in fragments_of(event, trace_id or None)
        )

    def bury(self, command: DownloadVideo | ExpandSource, failure: Failure, at: datetime) -> Changes:
        """Take in that the broker itself gave an order up, of which no worker could tell.

        Not for orders that a handler buried: those are told by VideoFailed and SourceFailed, with better reasons.
        """
        return self._project([fragment_of_a_burial(command, failure, at)])

    def progress(self, source_ids: Iterable[str]) -> list[SourceProgress]:
        """The absolute counts and the state of some sources, by id; unknown ones are left out."""
        wanted = set(source_ids)
        with reading(self._engine) as connection:
            sources = answers.sources_of(connection, wanted)
            counts = answers.counts_of(connection, wanted)
        now = self._clock()
        return [
            SourceProgress(
                at=now,
                source_id=source_id,
                state=state_of(sources.get(source_id), number),
                videos=videos_of(sources.get(source_id), number),
                done=number.done,
                failed=number.dead,
                filtered=number.filtered,
                finish_at=finish_of(sources.get(source_id), number, now),
            )
            for source_id in sorted(sources.keys() | counts.keys())
            for number in (counts.get(source_id, Counts()),)
        ]

    def answer(self, query: QueryLedger) -> LedgerAnswered:
        """The rows that a query asks for; times are in ISO 8601."""
        with reading(self._engine) as connection:
            return answers.answer(connection, query, storage=self._storage, at=self._clock())

    def finished_videos(self, source_ids: Iterable[str]) -> list[str]:
        """The ids of the finished videos of some sources, each once, in order."""
        video_ids: set[str] = set()
        with reading(self._engine) as connection:
            for chunk in chunks(set(source_ids)):
                statement = select(TASKS.c.video_id).where(
                    TASKS.c.source_id.in_(chunk), TASKS.c.state == TaskState.DONE.value
                )
                video_ids.update(connection.scalars(statement))
        return sorted(video_ids)

    def standings(self, order: BumpOrders) -> Standings:
        """What is known of those that an order to bump means."""
        with reading(self._engine) as connection:
            source = answers.sources_of(connection, [order.source_id]).get(order.source_id)
            return Standings(source, count_states(connection, order.source_id, order.video_id, self._clock()))

    def waiting(self, order: BumpOrders, at_once: int) -> Generator[list[Row], None, None]:
        """The videos that an order to bump means and that nobody has begun with, so many at a time.

        Those that it has sent ahead already, before it was interrupted, are left out.
        """
        now = self._clock()
        with reading(self._engine) as connection:
            yield from waiting_videos(
                connection, order.source_id, order.video_id, now, order.not_before or now, at_once
            )

    def has_heard(self, source_id: str, video_id: str, at: datetime) -> bool:
        """Whether a copy of the order for a video is known that was sent at that time, or a later one."""
        with reading(self._engine) as connection:
            bumped_at = connection.scalar(the_task(video_id, source_id).with_only_columns(TASKS.c.bumped_at))
            return bumped_at is not None and bumped_at >= at

    def _project(self, fragments: Iterable[Fragment]) -> Changes:
        with writing(self._engine) as connection:
            return Changes(project(connection, fragments))

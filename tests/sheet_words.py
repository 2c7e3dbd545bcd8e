"""The words of the sheet without sheet or broker: an address, through what each service decides, to its rows.

What is listed and fetched is real; what carries messages is not here. A row reads `status`, or `status: words`.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from tubewarren.delivery import Delivery
from tubewarren.failures import Failure
from tubewarren.messages import Message
from tubewarren.messages.commands import DownloadVideo, ExpandSource
from tubewarren.messages.events import SourceAccepted, SourceRefused
from tubewarren.outcomes import Done, Outcome
from tubewarren.settlement import Forward, announcements, settle
from tubewarren.sheets.tabs import LAST_ERROR, SOURCES, STATUS, VIDEO_TASKS, Tab
from tubewarren.store.store import Store
from tubewarren.topology import DOWNLOADER, SOURCE_EXPANDER, topology
from tubewarren.youtube.addresses import YOUTUBE_HOSTS, check_address
from tubewarren.youtube.errors import ProcessingFailedError, YoutubeFailedError
from tubewarren.youtube.filters import EVERYTHING
from tubewarren.youtube.job import unheard
from tubewarren.youtube.listing import LeftOut, list_entries
from tubewarren.youtube.pool import ChildPool
from tubewarren.youtube.wire import Entry, FetchOrder, FetchResult, Page
from tubewarren_services.downloader import handler as downloader
from tubewarren_services.sheet_ingestor.entries import Terms, entry_of
from tubewarren_services.sheet_ingestor.rows import ListRow, Wording
from tubewarren_services.source_expander import handler as expander
from tubewarren_services.source_expander.refresh import Known
from tubewarren_services.status_writer.facts import Kind, Record, Subject, join
from tubewarren_services.status_writer.handler import facts_of
from tubewarren_services.status_writer.rows import rows_of

_SOURCE_ID = "1"
_WORKER = "box"
_EGRESS = "home"
_DELIVERY_LIMIT = 10
_TIMES = re.compile(r"\b(?:\d{4}-\d\d-\d\d )?\d\d:\d\d UTC")
_TAB_OF: Mapping[Kind, Tab] = {Kind.SOURCE: SOURCES, Kind.VIDEO: VIDEO_TASKS}

P = ParamSpec("P")
T = TypeVar("T")
Handle = Callable[[Delivery], Awaitable[Outcome]]


@dataclass
class Sheet:
    """One person's sheet, and a fleet of one for it.

    Attributes:
        options: of yt-dlp.
        no_progress: how long a download may stand still.
        orders: the videos that were ordered, of all sources.
    """

    folder: Path
    pool: ChildPool
    options: Mapping[str, Any]
    allowed_hosts: frozenset[str] = YOUTUBE_HOSTS
    no_progress: timedelta = timedelta(seconds=30)
    orders: list[DownloadVideo] = field(default_factory=list)
    _records: dict[Subject, Record] = field(default_factory=dict, init=False)
    _waiting: dict[str, Delivery] = field(default_factory=dict, init=False)

    async def put_on_list(self, url: str) -> str:
        """Put an address on the list; what its row says when it was listed once."""
        row = ListRow(_SOURCE_ID, Wording(url), twin=_SOURCE_ID)
        entry = entry_of(row, Terms(self._check))
        now = datetime.now(UTC)
        if isinstance(entry, Failure):
            await self._tell(SourceRefused(at=now, source_id=_SOURCE_ID, url=url, failure=entry))
        else:
            await self._tell(SourceAccepted(at=now, source_id=_SOURCE_ID, url=entry.url))
            source = ExpandSource(source_id=_SOURCE_ID, url=entry.url)
            await self._settled(Delivery(source, "id"), SOURCE_EXPANDER, self._expand)
        return self._row(Subject(Kind.SOURCE, (_SOURCE_ID,)))

    async def attempt(self, video: DownloadVideo) -> str:
        """Work on a video once, or once more; what its row says then."""
        before = self._waiting.get(video.video_id, Delivery(video, "id"))
        forward = await self._settled(before, DOWNLOADER, self._work)
        if forward is not None:
            opinions = (*before.opinions, *filter(None, [forward.opinion]))
            self._waiting[video.video_id] = replace(before, attempt=forward.attempt, opinions=opinions)
        return self._row(Subject(Kind.VIDEO, (video.video_id, video.source_id)))

    async def _settled(self, delivery: Delivery, queue: str, handle: Handle) -> Forward | None:
        outcome, now = await handle(delivery), datetime.now(UTC)
        if isinstance(outcome, Done):
            await self._tell(*outcome.publish)
        settlement = settle(outcome, delivery.attempt, topology().work_queue(queue), now)
        await self._tell(*announcements(delivery.message, delivery.attempt, settlement, _WORKER, _EGRESS, now))
        return settlement.forward

    async def _expand(self, delivery: Delivery) -> Outcome:
        ports = expander.Ports(
            worker=_WORKER,
            egress=_EGRESS,
            presets=(),
            wanted=lambda _: EVERYTHING,
            known=_no_ledger,
            pages=self._pages,
            publish=self._tell,
            working_on=lambda *_: None,
            given=_no_ledger,
        )
        return await expander.handle(delivery, ports=ports)

    async def _pages(self, source: ExpandSource, known: Known) -> AsyncIterator[Page]:
        """All of a list as one page, or as much of it as there is."""
        del known
        found: list[Entry | LeftOut] = []
        try:
            found.extend(list_entries(source.url, self.options, self.allowed_hosts))
        except ProcessingFailedError as error:
            yield _page(found)
            raise YoutubeFailedError(error.failure) from error
        yield _page(found)

    async def _work(self, delivery: Delivery) -> Outcome:
        store = Store(self.folder / "results", self.folder / "selected")
        ports = downloader.Ports(
            worker=_WORKER,
            egress=_EGRESS,
            has_others=lambda: False,
            storage="main",
            yt_dlp_version="",
            presets=(),
            check_address=self._check,
            find=_awaited(store.find),
            note_source=_awaited(lambda video: store.add_source(video.video_id, video.source_id, video.columns)),
            claim=store.claim,
            fetch=self._fetch,
            publish_result=_awaited(store.publish),
            announce=self._tell,
        )
        return await downloader.handle(delivery, ports=ports)

    async def _fetch(self, video: DownloadVideo, attempt: int, folder: Path) -> FetchResult:
        order = FetchOrder(
            id=video.video_id,
            url=video.url,
            folder=folder,
            attempt=attempt,
            options=dict(self.options),
            no_progress=self.no_progress,
        )
        return await self.pool.fetch(order, unheard)

    def _check(self, url: str) -> str:
        return check_address(url, self.allowed_hosts)

    async def _tell(self, *messages: Message) -> None:
        """Everybody hears of everything; the orders are kept, too."""
        self.orders += [message for message in messages if isinstance(message, DownloadVideo)]
        for message in messages:
            for fact in facts_of(Delivery(message, "id"), _DELIVERY_LIMIT):
                self._records[fact.subject] = join(self._records.get(fact.subject, {}), (fact,))

    def _row(self, subject: Subject) -> str:
        values = rows_of(subject.kind, self._records[subject])[_TAB_OF[subject.kind]].values
        words = _TIMES.sub("<time>", values.get(LAST_ERROR, ""))
        return f"{values[STATUS]}: {words}" if words else values[STATUS]


async def _no_ledger(source_id: str) -> None:
    raise AssertionError(f"there is no ledger here to ask about source {source_id}")


def _page(found: Sequence[Entry | LeftOut]) -> Page:
    return Page(
        entries=tuple(item for item in found if isinstance(item, Entry)),
        left_out=tuple(item.reason for item in found if isinstance(item, LeftOut)),
    )


def _awaited(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    async def call(*arguments: P.args, **named: P.kwargs) -> T:
        return function(*arguments, **named)

    return call

"""One object of every message type: what the frozen bodies must always mean. New versions are added, none changes."""

from datetime import UTC, datetime

from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Message
from tubewarren.messages.commands import (
    AddSource,
    DownloadVideo,
    ExpandSource,
    QueryLedger,
    ReturnResults,
    SelectResults,
)
from tubewarren.messages.events import (
    FleetGates,
    Gate,
    LedgerAnswered,
    ListedVideo,
    MessageBuried,
    ResultsMoved,
    SourceAccepted,
    SourceExpanded,
    SourceFailed,
    SourceProgress,
    SourceRefused,
    SourceState,
    Verdict,
    VideoClaimed,
    VideoDownloaded,
    VideoFailed,
    VideoProgress,
    VideosQueued,
    WorkerBeat,
    WorkerChanged,
    WorkerHealth,
    WorkerState,
)
from tubewarren.messages.permits import Decision, PermitAnswered, QueryGates, RequestPermit, Scope, SetPause

NOON = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
LATER = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
COLUMNS = {"Name": "Zoë", "Accent": "Irish"}
CUT = Failure(kind=FailureKind.TRANSIENT, reason="The line was cut.", detail="IncompleteRead(10)")
GONE = Failure(kind=FailureKind.GONE, reason="It is private.")
CHANNEL = "https://www.youtube.com/@somebody"
WATCH = "https://www.youtube.com/watch?v=abcdefghijk"

EXAMPLES: tuple[Message, ...] = (
    AddSource(url=CHANNEL, columns=COLUMNS, priority=3),
    ExpandSource(source_id="123", url=CHANNEL, columns=COLUMNS, priority=3),
    DownloadVideo(
        video_id="abcdefghijk",
        url=WATCH,
        source_id="123",
        title="A film",
        duration_seconds=61.5,
        columns=COLUMNS,
        priority=3,
    ),
    SelectResults(source_ids=("123", "124"), keep_selected=True, dry_run=True),
    ReturnResults(dry_run=True),
    QueryLedger(topic="tasks", status="dead", source_id="123", limit=50),
    SourceAccepted(at=NOON, source_id="123", url=CHANNEL, columns=COLUMNS, priority=3),
    SourceRefused(at=NOON, source_id="124", url="file:///etc/passwd", failure=GONE),
    VideosQueued(
        at=NOON,
        source_id="123",
        videos=(
            ListedVideo(video_id="abcdefghijk", url=WATCH, title="A film", duration_seconds=61.5),
            ListedVideo(video_id="lmnopqrstuv", url="https://www.youtube.com/watch?v=lmnopqrstuv"),
        ),
    ),
    SourceExpanded(at=NOON, source_id="123", videos=2, refused=1, notes=("a private video (x)",)),
    SourceFailed(at=NOON, source_id="123", attempt=1, verdict=Verdict.RETRY, failure=CUT, next_at=LATER),
    SourceProgress(at=NOON, source_id="123", state=SourceState.IN_PROGRESS, videos=2, done=1, failed=0),
    VideoClaimed(at=NOON, video_id="abcdefghijk", source_id="123", worker="box/downloader", attempt=2),
    VideoProgress(
        at=NOON,
        video_id="abcdefghijk",
        source_id="123",
        worker="box/downloader",
        phase="download",
        done_bytes=1024,
        total_bytes=4096,
        speed_bytes_per_second=512.5,
        eta_seconds=6.0,
    ),
    VideoDownloaded(
        at=NOON,
        video_id="abcdefghijk",
        source_id="123",
        worker="box/downloader",
        attempt=2,
        storage="main",
        size_bytes=4096,
        sha256="ab" * 32,
        seconds=8.25,
        already_present=True,
    ),
    VideoFailed(
        at=NOON,
        video_id="abcdefghijk",
        source_id="123",
        worker="box/downloader",
        attempt=2,
        verdict=Verdict.PARK,
        failure=CUT,
        next_at=LATER,
    ),
    MessageBuried(
        at=NOON,
        queue="downloader",
        buried_id="5dc6b1f6-6a4c-5d6e-9e1c-000000000000",
        message_type="video.download.v1",
        attempt=6,
        failure=GONE,
    ),
    ResultsMoved(
        at=NOON,
        storage="main",
        selected=("abcdefghijk",),
        returned=("lmnopqrstuv",),
        missing=("wxyzwxyzwxy",),
        dry_run=True,
    ),
    LedgerAnswered(
        at=NOON,
        storage="main",
        rows=({"video_id": "abcdefghijk", "attempts": 2, "seconds": 8.25, "selected": False, "trace_id": None},),
        truncated=True,
    ),
    WorkerBeat(
        at=NOON,
        worker="box/downloader",
        service="downloader",
        host="box",
        process_id=4711,
        state=WorkerState.ACTIVE,
        doing="abcdefghijk",
        in_hand=1,
        settled=7,
        version="0.1.0",
        facts={"yt_dlp": "2026.10.26", "concurrency": 4, "is_idle": False, "load": 0.5},
    ),
    WorkerChanged(
        at=NOON,
        worker="box/downloader",
        service="downloader",
        host="box",
        health=WorkerHealth.STALE,
        last_seen=NOON,
        doing="abcdefghijk",
        returned=True,
    ),
    FleetGates(
        at=NOON,
        gates=(
            Gate(
                kind="egress",
                name="home",
                reason="It is asked to prove that it is not a bot.",
                advice="Give it other cookies.",
                since=NOON,
                until=LATER,
            ),
            Gate(kind="pause", name="all", reason="A person paused it.", since=NOON),
        ),
    ),
    RequestPermit(
        worker="box/downloader",
        egress="home",
        stage="downloader",
        work="123/abcdefghijk",
        source_id="123",
        attempt=2,
        opinions=("abroad",),
    ),
    SetPause(scope=Scope.SOURCE, name="123", paused=True, reason="It is being moved."),
    QueryGates(),
    PermitAnswered(
        at=NOON,
        decision=Decision.WAIT,
        until=LATER,
        reason="It keeps its pace.",
        valid_until=LATER,
        refunded=1,
        has_others=True,
    ),
)

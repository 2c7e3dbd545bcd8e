"""The tables; times are aware UTC, and JSON is text with sorted keys."""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
)

SCHEMA_VERSION: Final = 5
"""One more with every column. A column that came later may be empty or has a default in the database, so that it can be
added to a table with rows in it."""


class UtcTime(TypeDecorator[datetime]):
    """A moment; SQLite forgets the zone, so it is taken off and put back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: D102 - as in the base
        del dialect
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: D102 - as in the base
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


METADATA: Final = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, String, nullable=False, default="", server_default="")


META: Final = Table(
    "ledger_meta",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("schema_version", Integer, nullable=False),
)

SOURCES: Final = Table(
    "sources",
    METADATA,
    Column("source_id", String, primary_key=True),
    _text("url"),
    _text("columns"),
    Column("priority", Integer, nullable=False),
    Column("ordered_at", UtcTime),
    _text("phase"),
    Column("phase_at", UtcTime, nullable=False),
    Column("expanded_videos", Integer),
    Column("expanded_refused", Integer),
    Column("expanded_notes", String),
    Column("expanded_at", UtcTime),
    Column("failure_kind", String),
    Column("failure_reason", String),
    Column("failed_at", UtcTime),
    Column("next_at", UtcTime),
    _text("course"),
    _text("fate"),
    Column("fate_at", UtcTime),
    _text("endings"),
    Column("bumped_at", UtcTime),
)

TASKS: Final = Table(
    "tasks",
    METADATA,
    Column("video_id", String, primary_key=True),
    Column("source_id", String, primary_key=True),
    _text("url"),
    _text("title"),
    Column("duration_seconds", Float),
    Column("listed_at", UtcTime),
    _text("state"),
    Column("state_at", UtcTime, nullable=False),
    _text("worker"),
    Column("attempt", Integer, nullable=False),
    Column("next_at", UtcTime),
    Column("already_present", Boolean, nullable=False),
    Column("trace_id", String),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("failure_kind", String),
    Column("failure_reason", String),
    Column("failed_at", UtcTime),
    Column("queued_at", UtcTime),
    Column("claimed_at", UtcTime),
    _text("egress"),
    _text("standing"),
    _text("fate"),
    Column("fate_at", UtcTime),
    _text("endings"),
    Column("unlisted", Boolean),
    Column("unlisted_at", UtcTime),
    Column("bumped_at", UtcTime),
    Index("tasks_by_source", "source_id", "state"),
    Index("tasks_by_state", "state", "state_at"),
)

ATTEMPTS: Final = Table(
    "attempts",
    METADATA,
    Column("attempt_id", String, primary_key=True),
    Column("source_id", String, nullable=False),
    Column("video_id", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    _text("worker"),
    _text("ending"),
    Column("ended_at", UtcTime, nullable=False),
    Column("seconds", Float),
    Column("failure_kind", String),
    Column("failure_reason", String),
    Column("failure_detail", String),
    _text("egress"),
    Index("attempts_by_task", "video_id", "source_id"),
)

RESULTS: Final = Table(
    "results",
    METADATA,
    Column("video_id", String, primary_key=True),
    Column("storage", String, primary_key=True),
    Column("size_bytes", BigInteger),
    Column("sha256", String),
    Column("finished_at", UtcTime),
    Column("already_present", Boolean),
    Column("selected", Boolean, nullable=False),
    Column("moved_at", UtcTime),
    Index("results_by_time", "finished_at"),
)

WORKERS: Final = Table(
    "workers",
    METADATA,
    Column("worker", String, primary_key=True),
    _text("service"),
    _text("host"),
    Column("last_seen", UtcTime, nullable=False),
    Column("process_id", Integer),
    Column("state", String),
    Column("in_hand", Integer),
    Column("settled", Integer),
    Column("version", String),
    Column("facts", String),
    Column("beat_doing", String),
    Column("beat_at", UtcTime),
    Column("health", String),
    Column("health_doing", String),
    Column("health_at", UtcTime),
)

BURIALS: Final = Table(
    "burials",
    METADATA,
    Column("buried_id", String, primary_key=True),
    Column("queue", String, primary_key=True),
    _text("message_type"),
    Column("attempt", Integer, nullable=False),
    _text("kind"),
    _text("reason"),
    Column("buried_at", UtcTime, nullable=False),
    _text("rule"),
)

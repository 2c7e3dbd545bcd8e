"""Workers and burials: who is there, and what was given up."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from tubewarren_services.results_manager.ledger.records import Row, greater


@dataclass(frozen=True, slots=True)
class Beat:
    """What a service last said of itself; `facts` is JSON with sorted keys."""

    at: datetime
    process_id: int
    state: str
    doing: str
    in_hand: int
    settled: int
    version: str
    facts: str

    def order(self) -> tuple[Any, ...]:
        """Newest first."""
        told = (self.state, self.settled, self.in_hand, self.doing, self.version, self.facts)
        return (self.at, self.process_id, *told)


@dataclass(frozen=True, slots=True)
class Health:
    """What the monitor last made of it."""

    at: datetime
    health: str
    doing: str

    def order(self) -> tuple[Any, ...]:
        """Newest first."""
        return (self.at, self.health, self.doing)


@dataclass(frozen=True, slots=True)
class Worker:
    """One service process, by its name in the fleet."""

    worker: str
    service: str
    host: str
    last_seen: datetime
    beat: Beat | None = None
    health: Health | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """As the table's."""
        return (self.worker,)

    def merged(self, other: Self) -> Self:
        """What both together say."""
        newest = max(self, other, key=lambda worker: (worker.last_seen, worker.service, worker.host))
        return type(self)(
            self.worker,
            newest.service,
            newest.host,
            newest.last_seen,
            beat=greater(self.beat, other.beat, Beat.order),
            health=greater(self.health, other.health, Health.order),
        )

    def to_row(self) -> dict[str, Any]:
        """As the table has it."""
        beat, health = self.beat, self.health
        return {
            "worker": self.worker,
            "service": self.service,
            "host": self.host,
            "last_seen": self.last_seen,
            "process_id": beat and beat.process_id,
            "state": beat and beat.state,
            "in_hand": beat and beat.in_hand,
            "settled": beat and beat.settled,
            "version": beat and beat.version,
            "facts": beat and beat.facts,
            "beat_doing": beat and beat.doing,
            "beat_at": beat and beat.at,
            "health": health and health.health,
            "health_doing": health and health.doing,
            "health_at": health and health.at,
        }

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Back from the table."""
        beat_at, health_at = row["beat_at"], row["health_at"]
        return cls(
            row["worker"],
            row["service"],
            row["host"],
            row["last_seen"],
            beat=beat_at
            and Beat(
                beat_at,
                row["process_id"],
                row["state"],
                row["beat_doing"],
                row["in_hand"],
                row["settled"],
                row["version"],
                row["facts"],
            ),
            health=health_at and Health(health_at, row["health"], row["health_doing"]),
        )


@dataclass(frozen=True, slots=True)
class Burial:
    """One message that went to a dead queue, as it was last buried."""

    buried_id: str
    queue: str
    message_type: str
    attempt: int
    kind: str
    reason: str
    buried_at: datetime
    rule: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """As the table's."""
        return (self.buried_id, self.queue)

    def merged(self, other: Self) -> Self:
        """The later of two burials of one message."""
        return max(self, other, key=type(self).order)

    def order(self) -> tuple[Any, ...]:
        """Newest first."""
        return (self.buried_at, self.attempt, self.kind, self.reason, self.message_type, self.rule)

    def to_row(self) -> dict[str, Any]:
        """As the table has it."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Back from the table."""
        return cls(**row)

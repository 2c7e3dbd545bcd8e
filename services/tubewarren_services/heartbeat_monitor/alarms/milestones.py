"""Milestones: counts that are worth a message when they have moved far enough since the last one. All pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from tubewarren_services.heartbeat_monitor.alarms.alarm import Alarm, Kind

_CALM_LOOKS: Final = 2
"""What a service holds is in no count for a moment, so one quiet look proves nothing."""
_FEWEST_DEAD: Final = 10
_MOST_DEAD: Final = 100


@dataclass(frozen=True, slots=True)
class Tally:
    """How everything ended."""

    done: int
    dead: int
    errors: int


@dataclass(frozen=True, slots=True)
class Milestones:
    """The newest counts, and those that the last message began from; None while they are not known.

    Attributes:
        calm: the looks in a row that found nothing left to do.
    """

    dead: int | None = None
    dead_told: int | None = None
    tally: Tally | None = None
    tally_told: Tally | None = None
    calm: int = 0


def with_dead(before: Milestones, dead: int) -> Milestones:
    """Take in how many messages lie in dead queues; those that were there at the first look are no news."""
    told = dead if before.dead_told is None else min(before.dead_told, dead)
    return replace(before, dead=dead, dead_told=told)


def with_tally(before: Milestones, tally: Tally, *, is_finished: bool) -> Milestones:
    """Take in how everything ended until now, and whether nothing is left to do."""
    calm = before.calm + 1 if is_finished else 0
    # What ended before the first look is no news.
    told = before.tally_told or tally
    return replace(before, tally=tally, tally_told=told, calm=min(calm, _CALM_LOOKS))


def news(milestones: Milestones) -> Iterator[Alarm]:
    """What is worth telling."""
    dead, dead_told = milestones.dead, milestones.dead_told
    if dead is not None and dead_told is not None and dead - dead_told >= _many(dead_told):
        words = f"{dead - dead_told} more, {dead:,} in all: `svc dead list` tells why."
        yield Alarm(Kind.DEAD, "", words)
    tally, told = milestones.tally, milestones.tally_told
    if tally and told and milestones.calm >= _CALM_LOOKS and _has_ended_more(tally, told):
        bad = f" Not done: {_counted(tally)}." if tally.dead or tally.errors else ""
        yield Alarm(Kind.FINISHED, "", f"Nothing is left to do; {tally.done:,} videos are done.{bad}")


def after_telling(milestones: Milestones, alarms: Iterable[Alarm]) -> Milestones:
    """Count anew from what was told."""
    kinds = {alarm.kind for alarm in alarms}
    if Kind.DEAD in kinds:
        milestones = replace(milestones, dead_told=milestones.dead)
    if Kind.FINISHED in kinds:
        milestones = replace(milestones, tally_told=milestones.tally)
    return milestones


def _many(told: int) -> int:
    return min(max(_FEWEST_DEAD, told // 2), _MOST_DEAD)


def _has_ended_more(tally: Tally, told: Tally) -> bool:
    return tally.done > told.done or tally.dead > told.dead or tally.errors > told.errors


def _counted(tally: Tally) -> str:
    parts = ((tally.dead, "dead videos"), (tally.errors, "sources with an error"))
    return ", ".join(f"{number:,} {what}" for number, what in parts if number)

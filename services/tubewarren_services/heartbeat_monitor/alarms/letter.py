"""The letter: a digest in words, short enough for every messenger."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

from tubewarren_services.heartbeat_monitor.alarms.alarm import HAPPENINGS, HEADINGS, Alarm, Kind
from tubewarren_services.heartbeat_monitor.alarms.board import Digest

Mood = Literal["bad", "good"]

_MOST_OF_A_KIND: Final = 5
_LONGEST_LINE: Final = 300
_LONGEST_BODY: Final = 1800
"""Discord takes 2,000 characters, title included."""
_ORDER: Final = {kind: number for number, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent."""

    title: str
    body: str
    mood: Mood


def letter_of(digest: Digest) -> Letter:
    """Put a digest into words."""
    lines = [*_sections(digest.begun)]
    lines += ["Goes on:", *_sections(digest.still)] if digest.still else []
    lines += ["Over:", *_endings(digest.over)] if digest.over else []
    return Letter(f"Tubewarren: {_title(digest)}", _cut("\n".join(lines), _LONGEST_BODY), _mood(digest))


def joined(letters: Sequence[Letter]) -> Letter:
    """Several that could not be sent in time as one, the newest first."""
    *_, newest = letters
    if len(letters) == 1:
        return newest
    body = "\n\n".join(f"{letter.title}\n{letter.body}" for letter in reversed(letters))
    return Letter(f"Tubewarren: {len(letters)} messages that came late", _cut(body, _LONGEST_BODY), newest.mood)


def _title(digest: Digest) -> str:
    if digest.begun or digest.still:
        kinds = sorted({alarm.kind for alarm in (*digest.begun, *digest.still)}, key=_ORDER.__getitem__)
        words = ", ".join(HEADINGS[kind] for kind in kinds).lower()
        return words if digest.begun else f"still {words}"
    return "over again"


def _mood(digest: Digest) -> Mood:
    troubles = [alarm for alarm in (*digest.begun, *digest.still) if alarm.kind is not Kind.FINISHED]
    return "bad" if troubles else "good"


def _sections(alarms: Sequence[Alarm]) -> Iterator[str]:
    for kind, found in groupby(_sorted(alarms), lambda alarm: alarm.kind):
        same = list(found)
        if kind in HAPPENINGS:
            yield from (_cut(f"{HEADINGS[kind]}: {alarm.words}", _LONGEST_LINE) for alarm in same)
            continue
        yield f"{HEADINGS[kind]} ({len(same)}):" if len(same) > 1 else f"{HEADINGS[kind]}:"
        yield from (_line(alarm) for alarm in same[:_MOST_OF_A_KIND])
        if len(same) > _MOST_OF_A_KIND:
            yield f"- and {len(same) - _MOST_OF_A_KIND} more"


def _endings(alarms: Sequence[Alarm]) -> Iterator[str]:
    for kind, found in groupby(_sorted(alarms), lambda alarm: alarm.kind):
        same = [alarm.subject for alarm in found]
        more = f" and {len(same) - _MOST_OF_A_KIND} more" if len(same) > _MOST_OF_A_KIND else ""
        yield _cut(f"- {HEADINGS[kind]}: {', '.join(same[:_MOST_OF_A_KIND])}{more}", _LONGEST_LINE)


def _sorted(alarms: Sequence[Alarm]) -> list[Alarm]:
    return sorted(alarms, key=lambda alarm: (_ORDER[alarm.kind], alarm.subject))


def _line(alarm: Alarm) -> str:
    return _cut(f"- {alarm.subject}: {' '.join(alarm.words.split())}", _LONGEST_LINE)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"

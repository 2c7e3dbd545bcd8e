"""Videos of the older coordinator: those that wait for nobody, doubled ones, and healthy ones among the dead."""

import re
from collections.abc import Mapping
from typing import Final

from tubewarren.sheets.adoption.findings import Adopted, Found, Kind, Terms
from tubewarren.sheets.adoption.pen import Pen, Record, cell, claim_of, records_of, status_of
from tubewarren.sheets.reconcile import Key
from tubewarren.sheets.set_back import is_set_back
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import CLAIMED_BY, DEAD_LETTER_TASKS, LAST_ERROR, STATUS, VIDEO_TASKS, StatusWord

ADOPTED: Final = "adopted"
"""In the ClaimedBy of a row that nobody had claimed: together with `pending` it means that the row was set back."""

_NUMBER: Final = re.compile(r"[-+]?[0-9][0-9.,]*(?:E[-+]?[0-9]+)?", re.IGNORECASE)
_WAITS: Final = frozenset({"", StatusWord.PENDING.value, StatusWord.IN_PROGRESS.value})
_FURTHEST_FIRST: Final = (StatusWord.DONE, StatusWord.IN_PROGRESS, StatusWord.PENDING, StatusWord.ERROR)


def adopt_videos(table: Table, dead: Table, terms: Terms) -> Adopted:
    """Look through the tab Video Tasks; healthy ones that stand among the dead only come back into it."""
    pen = Pen(table)
    records, found = _with_ids(table, pen, terms)
    for key, positions in _by_key(records).items():
        furthest, *others = sorted(positions, key=lambda position: (_rank(records[position]), position))
        for position in sorted(others):
            found.append(Found(Kind.VIDEO_TWICE, _video(key), f"{status_of(records[position]) or 'no status'}"))
            pen.remove(position)
        if not terms.keeps(VIDEO_TASKS, key) and (kind := _to_set_back(records[furthest], terms)):
            found.append(Found(kind, _video(key), cell(records[furthest], LAST_ERROR) or claim_of(records[furthest])))
            pen.write(furthest, _set_back(records[furthest]))
    for key, record in _without_row(table, dead, terms).items():
        found.append(Found(Kind.HEALTHY_VIDEO, _video(key), cell(record, LAST_ERROR)))
        pen.append({**record, **_set_back(record)})
    return Adopted(pen.patch(), tuple(found))


def _to_set_back(record: Record, terms: Terms) -> Kind | None:
    status, error = status_of(record), cell(record, LAST_ERROR)
    if status in _WAITS:
        # With words in LastError it would be looked for among our own dead.
        return None if is_set_back(record) and not error else Kind.VIDEO_LEFT
    return Kind.HEALTHY_VIDEO if status == StatusWord.ERROR and terms.is_healthy(error) else None


def _set_back(record: Record) -> dict[str, str]:
    return {STATUS: StatusWord.PENDING, CLAIMED_BY: cell(record, CLAIMED_BY) or ADOPTED, LAST_ERROR: ""}


def adopt_dead_letters(table: Table, videos: Table, terms: Terms) -> Adopted:
    """Look through the tab Dead-Letter Tasks."""
    pen = Pen(table)
    records, found = _with_ids(table, pen, terms)
    healthy = _healthy_dead(table, videos, terms)
    for position, record in records.items():
        if (key := _key(record)) in healthy:
            found.append(Found(Kind.HEALTHY_DEAD_LETTER, _video(key), cell(record, LAST_ERROR)))
            pen.remove(position)
    return Adopted(pen.patch(), tuple(found))


def _without_row(videos: Table, dead: Table, terms: Terms) -> dict[Key, dict[str, str]]:
    """The healthy ones among the dead that have no row with the videos any more."""
    there = _by_key(_with_ids(videos, Pen(videos), terms)[0])
    return {
        key: record
        for key, record in _healthy_dead(dead, videos, terms).items()
        if key not in there and not terms.keeps(VIDEO_TASKS, key)
    }


def _healthy_dead(dead: Table, videos: Table, terms: Terms) -> dict[Key, dict[str, str]]:
    """The rows among the dead whose video is to be tried again, and was not had in the meantime."""
    records, _ = _with_ids(videos, Pen(videos), terms)
    there = {
        key: min((records[position] for position in positions), key=_rank)
        for key, positions in _by_key(records).items()
    }
    healthy = {}
    for record in _with_ids(dead, Pen(dead), terms)[0].values():
        key, standing = _key(record), there.get(_key(record), {})
        error = cell(record, LAST_ERROR) or cell(standing, LAST_ERROR)
        if not all(key) or terms.keeps(DEAD_LETTER_TASKS, key) or not terms.is_healthy(error):
            continue
        waits = status_of(standing) in _WAITS
        if waits or (status_of(standing) == StatusWord.ERROR and terms.is_healthy(cell(standing, LAST_ERROR))):
            healthy[key] = record
    return healthy


def _with_ids(table: Table, pen: Pen, terms: Terms) -> tuple[dict[int, dict[str, str]], list[Found]]:
    """The rows, each with the ID that its URL tells where its own is missing or has become a number."""
    records, found = dict(records_of(table)), []
    for position, record in records.items():
        written, video_id = cell(record, "ID"), terms.video_id(cell(record, "URL"))
        if video_id and written != video_id and (not written or _NUMBER.fullmatch(written)):
            kind = Kind.VIDEO_ID_A_NUMBER if written else Kind.VIDEO_WITHOUT_ID
            found.append(Found(kind, cell(record, "URL"), video_id))
            records[position] = {**record, "ID": video_id}
            pen.write(position, {"ID": video_id})
    return records, found


def _by_key(records: Mapping[int, Record]) -> dict[Key, list[int]]:
    rows: dict[Key, list[int]] = {}
    for position, record in records.items():
        if all(key := _key(record)):
            rows.setdefault(key, []).append(position)
    return rows


def _key(record: Record) -> Key:
    return cell(record, "ID"), cell(record, "SourceID")


def _rank(record: Record) -> int:
    status = status_of(record)
    return next((rank for rank, word in enumerate(_FURTHEST_FIRST) if word == status), len(_FURTHEST_FIRST))


def _video(key: Key) -> str:
    return f"video {key[0]} of source {key[1]}"

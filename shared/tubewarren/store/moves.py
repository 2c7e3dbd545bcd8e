"""Select and return: finished videos change folders, each by one rename."""

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from tubewarren.store.claims import locked, remove_if_empty
from tubewarren.store.disk import full_disk_named, sync_folder
from tubewarren.store.finished import visible_ids
from tubewarren.store.layout import MANIFEST, Layout, valid


@dataclass(frozen=True, slots=True)
class Moves:
    """What a select or a return did, or would do in a dry run; video ids.

    Attributes:
        already: were there before, by an earlier run perhaps.
        missing: are not finished here.
        conflicting: are in both folders; nothing was touched, a person must decide.
    """

    moved: tuple[str, ...] = ()
    already: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    conflicting: tuple[str, ...] = ()


def select(layout: Layout, video_ids: Iterable[str], *, dry_run: bool) -> Moves:
    """Move finished videos to the selected ones.

    Raises:
        InvalidVideoIdError: an id cannot name a folder; nothing was moved.
        DiskFullError: there is no room for a name; what was moved stays moved, and it can be run again.
    """
    ids = [valid(video_id) for video_id in dict.fromkeys(video_ids)]
    verdicts = [(video_id, _move(layout, video_id, _Way.OUT, dry_run=dry_run)) for video_id in ids]
    return _settled(layout, verdicts)


def return_all(layout: Layout, *, dry_run: bool) -> Moves:
    """Move everything that is selected back to the results.

    Raises:
        DiskFullError: as for `select`.
    """
    ids = list(visible_ids(layout.selected))
    verdicts = [(video_id, _move(layout, video_id, _Way.BACK, dry_run=dry_run)) for video_id in ids]
    # A folder that was empty has been tidied; nobody asked for it by name, so it is not missing.
    return _settled(layout, [pair for pair in verdicts if pair[1] in (_Verdict.MOVED, _Verdict.CONFLICTING)])


class _Way(Enum):
    OUT = auto()
    BACK = auto()


class _Verdict(Enum):
    MOVED = auto()
    ALREADY = auto()
    MISSING = auto()
    CONFLICTING = auto()


def _move(layout: Layout, video_id: str, way: _Way, *, dry_run: bool) -> _Verdict:
    result, chosen = layout.result(video_id), layout.chosen(video_id)
    source, target = (result, chosen) if way is _Way.OUT else (chosen, result)
    turn = nullcontext() if dry_run else locked(layout.turn(video_id), wait=True)
    with turn, full_disk_named(target.parent):
        verdict = _verdict(source, target, finished_only=way is _Way.OUT)
        if verdict is _Verdict.MOVED and not dry_run:
            source.rename(target)
        elif not dry_run:
            remove_if_empty(source)
        return verdict


def _verdict(source: Path, target: Path, *, finished_only: bool) -> _Verdict:
    here = (source / MANIFEST).is_file() if finished_only else _is_occupied(source)
    there = _is_occupied(target)
    if here and there:
        return _Verdict.CONFLICTING
    if there:
        return _Verdict.ALREADY
    return _Verdict.MOVED if here else _Verdict.MISSING


def _is_occupied(path: Path) -> bool:
    try:
        return any(path.iterdir())
    except FileNotFoundError:
        return False
    except NotADirectoryError:
        return True


def _settled(layout: Layout, verdicts: Iterable[tuple[str, _Verdict]]) -> Moves:
    by_verdict: dict[_Verdict, list[str]] = {verdict: [] for verdict in _Verdict}
    for video_id, verdict in verdicts:
        by_verdict[verdict].append(video_id)
    sync_folder(layout.results)
    sync_folder(layout.selected)
    return Moves(
        moved=tuple(by_verdict[_Verdict.MOVED]),
        already=tuple(by_verdict[_Verdict.ALREADY]),
        missing=tuple(by_verdict[_Verdict.MISSING]),
        conflicting=tuple(by_verdict[_Verdict.CONFLICTING]),
    )

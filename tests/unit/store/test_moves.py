from collections.abc import Callable
from pathlib import Path

import pytest

from tubewarren.store import InvalidVideoIdError, Moves, Store

Finish = Callable[..., None]


def test_selected_videos_move_and_the_rest_stays(store: Store, results: Path, selected: Path, finish: Finish) -> None:
    for video_id in ("a", "b", "c"):
        finish(video_id)

    moves = store.select(["b", "a", "b", "unknown"])

    assert moves == Moves(moved=("b", "a"), missing=("unknown",))
    assert sorted(path.name for path in selected.iterdir()) == ["a", "b"]
    assert (results / "c/manifest.json").exists()
    assert store.find("a") is not None


def test_selecting_again_changes_nothing(store: Store, finish: Finish) -> None:
    finish("a")
    store.select(["a"])

    assert store.select(["a"]) == Moves(already=("a",))


def test_everything_selected_is_returned(store: Store, results: Path, selected: Path, finish: Finish) -> None:
    for video_id in ("a", "b"):
        finish(video_id)
    store.select(["a", "b"])

    moves = store.return_all()

    assert moves == Moves(moved=("a", "b"))
    assert list(selected.iterdir()) == []
    assert store.verify("a").is_intact
    assert (results / "b/film.mp4").exists()


def test_an_interrupted_select_is_finished_by_the_next(
    store: Store, selected: Path, results: Path, finish: Finish
) -> None:
    for video_id in ("a", "b"):
        finish(video_id)
    (results / "a").rename(selected / "a")

    assert store.select(["a", "b"]) == Moves(moved=("b",), already=("a",))


@pytest.mark.parametrize("video_ids", [["a"], ["b"], ["a", "b", "unknown"]])
def test_a_dry_run_says_the_same_and_moves_nothing(
    store: Store, results: Path, selected: Path, finish: Finish, video_ids: list[str]
) -> None:
    finish("a")
    finish("b")
    (selected / "empty").mkdir()
    before = sorted(results.parent.rglob("*"))

    foretold = store.select(video_ids, dry_run=True)

    assert sorted(results.parent.rglob("*")) == before
    assert store.select(video_ids) == foretold


def test_a_dry_return_moves_nothing(store: Store, selected: Path, finish: Finish) -> None:
    finish("a")
    store.select(["a"])

    assert store.return_all(dry_run=True) == Moves(moved=("a",))
    assert (selected / "a/film.mp4").exists()


def test_a_video_in_both_folders_is_reported_and_never_overwritten(
    store: Store, results: Path, selected: Path, finish: Finish
) -> None:
    finish("a", b"one")
    store.select(["a"])
    (results / "a").mkdir()
    (results / "a/manifest.json").write_bytes(b"two")

    moves = (store.select(["a"]), store.return_all())

    assert moves == (Moves(conflicting=("a",)), Moves(conflicting=("a",)))
    assert (results / "a/manifest.json").read_bytes() == b"two"
    assert (selected / "a/film.mp4").read_bytes() == b"one"


def test_empty_leftovers_are_tidied(store: Store, results: Path, selected: Path, finish: Finish) -> None:
    finish("a")
    (selected / "a").mkdir()
    (selected / "b").mkdir()

    moves = (store.select(["a"]), store.return_all())

    assert moves == (Moves(moved=("a",)), Moves(moved=("a",)))
    assert not (selected / "b").exists()
    assert (results / "a/film.mp4").exists()


def test_a_folder_without_a_manifest_is_no_finished_video(store: Store, results: Path) -> None:
    (results / "a").mkdir()
    (results / "a/half.mp4").write_bytes(b"half")

    assert store.select(["a"]) == Moves(missing=("a",))


def test_one_bad_id_stops_a_select_before_anything_moves(store: Store, results: Path, finish: Finish) -> None:
    finish("a")

    with pytest.raises(InvalidVideoIdError):
        store.select(["a", "../b"])

    assert (results / "a").exists()


def test_finished_ids_are_those_of_both_folders(store: Store, results: Path, finish: Finish) -> None:
    for video_id in ("a", "b"):
        finish(video_id)
    store.select(["a"])
    (results / "notes.txt").write_bytes(b"a person's")

    assert list(store.finished_ids()) == ["b", "a"]


def test_moves_leave_no_lock_files(store: Store, results: Path, finish: Finish) -> None:
    finish("a")
    store.select(["a"])
    store.return_all()
    store.add_source("a", "7", {})
    store.verify("a")

    assert list((results / ".staging/.locks").iterdir()) == []

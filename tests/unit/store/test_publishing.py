import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tubewarren.store import (
    DiskFullError,
    Draft,
    InvalidVideoIdError,
    ManifestUnreadableError,
    NothingToPublishError,
    ResultInTheWayError,
    Step,
    Store,
    VideoBusyError,
    VideoMissingError,
)
from tubewarren.store.publishing import publishable

Finish = Callable[..., None]


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_published_video_has_its_files_and_a_manifest(store: Store, results: Path, draft: Draft) -> None:
    with store.claim("v1") as staging:
        (staging.folder / "film.mp4").write_bytes(b"moving pictures")
        (staging.folder / "info.json").write_bytes(b"{}")
        manifest = store.publish(staging, draft)

    assert names(results) == ["v1/film.mp4", "v1/info.json", "v1/manifest.json"]
    assert [(file.name, file.size_bytes, file.sha256) for file in manifest.files] == [
        ("film.mp4", 15, hashlib.sha256(b"moving pictures").hexdigest()),
        ("info.json", 2, hashlib.sha256(b"{}").hexdigest()),
    ]
    assert manifest.main_file.name == "film.mp4"
    assert manifest.size_bytes == 17
    assert store.find("v1") == manifest
    assert json.loads((results / "v1/manifest.json").read_text())["columns"] == {"123": {"Name": "Ada", "Gender": "f"}}


def test_temporary_and_hidden_files_never_get_published(store: Store, results: Path, draft: Draft) -> None:
    with store.claim("v1") as staging:
        for name in ("a.mp4.part", "a.mp4.part-Frag3", "a.ytdl", "a.temp.mp4", ".hidden", "manifest.json", "x.tmp"):
            (staging.folder / name).write_bytes(b"rest")
        (staging.folder / "scratch").mkdir()
        (staging.folder / "scratch/b.part").write_bytes(b"rest")
        (staging.folder / "link.mp4").symlink_to("/etc/hostname")
        (staging.folder / "a.mp4").write_bytes(b"film")
        store.publish(staging, draft)

    assert names(results) == ["v1/a.mp4", "v1/manifest.json"]
    assert not (results / "v1/scratch").exists()


def test_only_the_files_that_the_draft_names_are_published(store: Store, results: Path, draft: Draft) -> None:
    with store.claim("v1") as staging:
        (staging.folder / "subtitles").mkdir()
        (staging.folder / "subtitles/größe 漢字.vtt").write_bytes(b"words")
        (staging.folder / "film.mp4").write_bytes(b"film")
        (staging.folder / "left-by-an-earlier-attempt.f137.mp4").write_bytes(b"old")
        store.publish(staging, replace(draft, files=("film.mp4", "subtitles/größe 漢字.vtt")))

    assert names(results / "v1") == ["film.mp4", "manifest.json", "subtitles/größe 漢字.vtt"]
    assert store.verify("v1").is_intact


@pytest.mark.parametrize("files", [None, ("film.mp4",), ("rest.part",), ("../escape",)])
def test_a_download_without_its_files_is_not_published(
    store: Store, results: Path, draft: Draft, files: tuple[str, ...] | None
) -> None:
    (results / ".staging/escape").write_bytes(b"not ours")

    with store.claim("v1") as staging:
        (staging.folder / "rest.part").write_bytes(b"half")
        with pytest.raises(NothingToPublishError, match="not complete"):
            store.publish(staging, replace(draft, files=files))

    assert store.find("v1") is None
    assert names(results / ".staging/v1") == ["rest.part"]


@pytest.mark.parametrize("selected_meanwhile", [False, True])
def test_the_first_publication_wins_and_learns_of_the_second_source(
    store: Store, results: Path, finish: Finish, draft: Draft, *, selected_meanwhile: bool
) -> None:
    finish("v1", b"first")
    if selected_meanwhile:
        store.select(["v1"])

    with store.claim("v1") as staging:
        (staging.folder / "film.mp4").write_bytes(b"second")
        manifest = store.publish(staging, replace(draft, source_id="7", worker="downloader-2"))

    assert manifest.worker == "downloader-1"
    assert manifest.source_ids == ("123", "7")
    assert (store.folder("v1") / "film.mp4").read_bytes() == b"first"
    assert names(results / ".staging") == []


@pytest.mark.parametrize("place", ["results", "selected"])
def test_a_video_that_is_finished_in_the_last_moment_is_not_doubled(
    results: Path, selected: Path, draft: Draft, place: str
) -> None:
    def finish_elsewhere(step: Step) -> None:
        if step is Step.CLEANED:
            shutil.copytree(results / ".staging/v1", results.parent / place / "v1")

    store = Store(results, selected, checkpoint=finish_elsewhere)

    with store.claim("v1") as staging:
        (staging.folder / "film.mp4").write_bytes(b"film")
        store.publish(staging, draft)

    assert store.folder("v1") == results.parent / place / "v1"
    assert (results / "v1").exists() == (place == "results")


def test_a_foreign_folder_is_never_overwritten(store: Store, results: Path, draft: Draft) -> None:
    (results / "v1").mkdir()
    (results / "v1/precious").write_bytes(b"mine")

    with store.claim("v1") as staging:
        (staging.folder / "film.mp4").write_bytes(b"film")
        with pytest.raises(ResultInTheWayError, match="move it away"):
            store.publish(staging, draft)

    assert names(results / "v1") == ["precious"]
    assert (results / ".staging/v1/film.mp4").exists()


def test_an_empty_leftover_folder_is_no_obstacle(results: Path, finish: Finish) -> None:
    (results / "v1").mkdir()

    finish("v1")

    assert names(results / "v1") == ["film.mp4", "manifest.json"]


@pytest.mark.parametrize("step", [Step.HASHED, Step.DESCRIBED, Step.CLEANED])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_called_so_and_the_staging_stays(
    results: Path, selected: Path, draft: Draft, step: Step, code: int
) -> None:
    def fill(reached: Step) -> None:
        if reached is step:
            raise OSError(code, os.strerror(code))

    store = Store(results, selected, checkpoint=fill)

    with store.claim("v1") as staging:
        (staging.folder / "film.mp4").write_bytes(b"film")
        with pytest.raises(DiskFullError, match="free some space") as caught:
            store.publish(staging, draft)

    assert isinstance(caught.value.__cause__, OSError)
    assert (results / ".staging/v1/film.mp4").read_bytes() == b"film"
    assert store.find("v1") is None


def test_other_errors_of_the_disk_are_not_called_full(results: Path, selected: Path, draft: Draft) -> None:
    def break_down(step: Step) -> None:
        raise OSError(errno.EIO, f"broken at {step}")

    store = Store(results, selected, checkpoint=break_down)

    with store.claim("v1") as staging:
        (staging.folder / "film.mp4").write_bytes(b"film")
        with pytest.raises(OSError, match="broken") as caught:
            store.publish(staging, draft)

    assert not isinstance(caught.value, DiskFullError)


@pytest.mark.parametrize(
    "video_id",
    ["", " ", ".", "..", ".staging", ".hidden", "a/b", "../x", "a\\b", "a\0b", "a\nb", "x" * 151, "漢" * 100, "\ud800"],
)
def test_an_id_that_could_escape_is_refused_everywhere(store: Store, video_id: str) -> None:
    uses: list[Callable[[], object]] = [
        lambda: store.claim(video_id).__enter__(),
        lambda: store.find(video_id),
        lambda: store.add_source(video_id, "1", {}),
        lambda: store.verify(video_id),
        lambda: store.select([video_id]),
    ]

    for use in uses:
        with pytest.raises(InvalidVideoIdError, match="cannot name a result folder"):
            use()


@pytest.mark.parametrize("video_id", ["-_dQw4w9WgX", "größe 漢字", "x" * 150, "a.b", "--help", "manifest.json"])
def test_an_unusual_id_is_as_good_as_any(store: Store, finish: Finish, video_id: str) -> None:
    finish(video_id)

    moved = store.select([video_id])

    assert moved.moved == (video_id,)
    assert store.verify(video_id).is_intact


def test_a_source_is_added_once_with_its_newest_columns(store: Store, finish: Finish) -> None:
    finish("v1")

    store.add_source("v1", "7", {"Name": "Old"})
    store.add_source("v1", "7", {"Name": "New"})

    manifest = store.find("v1")
    assert manifest is not None
    assert manifest.source_ids == ("123", "7")
    assert manifest.columns["7"] == {"Name": "New"}
    assert names(store.folder("v1")) == ["film.mp4", "manifest.json"]


def test_a_source_cannot_be_added_to_what_is_not_there(store: Store) -> None:
    with pytest.raises(VideoMissingError, match="download it first"):
        store.add_source("v1", "7", {})


def test_damage_is_found(store: Store, results: Path, finish: Finish) -> None:
    finish("good")
    finish("changed")
    finish("gone")
    (results / "changed/film.mp4").write_bytes(b"film!")
    (results / "gone/film.mp4").unlink()

    findings = [store.verify(video_id) for video_id in ("good", "changed", "gone")]

    assert [finding.is_intact for finding in findings] == [True, False, False]
    assert findings[1].damaged == ("film.mp4",)
    assert findings[2].missing == ("film.mp4",)


@pytest.mark.parametrize("body", ["{", "", '{"version": 1}'])
def test_a_damaged_manifest_is_said_to_be_so(store: Store, results: Path, finish: Finish, body: str) -> None:
    finish("v1")
    (results / "v1/manifest.json").write_text(body)

    with pytest.raises(ManifestUnreadableError, match="is damaged"):
        store.find("v1")


def test_a_newer_manifest_is_left_alone(store: Store, results: Path, finish: Finish) -> None:
    finish("v1")
    path = results / "v1/manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 2}))

    with pytest.raises(ManifestUnreadableError, match="update"):
        store.add_source("v1", "7", {})


def test_what_is_only_partly_there_and_what_an_interrupted_publication_left_is_no_result(tmp_path: Path) -> None:
    parts = (".partial/x.mp4", "d.mp4.part", "e.ytdl", "manifest.json", ".manifest.json.new")
    for name in ("b.mp4", "a/c.txt", *parts):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    assert publishable(tmp_path) == {"a/c.txt", "b.mp4"}


def test_discarding_keeps_the_claim_and_drops_the_files(store: Store, results: Path) -> None:
    with store.claim("v1") as staging:
        (staging.folder / "film.part").write_bytes(b"half")
        staging.discard()

        assert staging.folder.is_dir()
        assert names(staging.folder) == []
        with pytest.raises(VideoBusyError), store.claim("v1"):
            pass

    assert not (results / ".staging/v1").exists()

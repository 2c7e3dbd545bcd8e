import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tubewarren.store import Store, StoreUnfitError


def test_the_folders_are_made(tmp_path: Path) -> None:
    Store(tmp_path / "deep/results", tmp_path / "deeper/still/selected")

    assert (tmp_path / "deep/results/.staging").is_dir()
    assert list((tmp_path / "deeper/still/selected").iterdir()) == []
    assert list((tmp_path / "deep/results/.staging").iterdir()) == [tmp_path / "deep/results/.staging/.locks"]


@pytest.mark.parametrize(
    ("results", "selected"), [("a", "a"), ("a", "a/selected"), ("a/results", "a"), ("a/../b", "b")]
)
def test_folders_that_lie_in_one_another_are_refused(tmp_path: Path, results: str, selected: str) -> None:
    with pytest.raises(StoreUnfitError, match="side by side"):
        Store(tmp_path / results, tmp_path / selected)


@pytest.mark.parametrize("unfit", ["results", "selected"])
def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, unfit: str) -> None:
    (tmp_path / unfit).write_bytes(b"a file is in the way")

    with pytest.raises(StoreUnfitError, match=unfit):
        Store(tmp_path / "results", tmp_path / "selected")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
@pytest.mark.parametrize("unfit", ["results", "selected"])
def test_a_read_only_folder_is_named(tmp_path: Path, unfit: str) -> None:
    (tmp_path / unfit).mkdir(mode=0o555)

    with pytest.raises(StoreUnfitError, match=unfit):
        Store(tmp_path / "results", tmp_path / "selected")


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a second filesystem")
def test_two_devices_are_refused(tmp_path: Path) -> None:
    with TemporaryDirectory(dir="/dev/shm") as elsewhere:
        if Path(elsewhere).stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("needs a second filesystem")

        with pytest.raises(StoreUnfitError, match="different devices"):
            Store(tmp_path / "results", Path(elsewhere) / "selected")

    assert list((tmp_path / "results/.staging").iterdir()) == [tmp_path / "results/.staging/.locks"]


def test_free_space_is_told_in_bytes(store: Store, results: Path) -> None:
    status = os.statvfs(results)

    assert 0 < store.free_bytes() <= status.f_blocks * status.f_frsize

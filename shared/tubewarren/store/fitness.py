"""Fitness: can these two folders be a store at all?"""

import errno
import os
from pathlib import Path
from tempfile import mkdtemp

from tubewarren.store.disk import full_disk_named
from tubewarren.store.errors import StoreUnfitError
from tubewarren.store.layout import Layout


def prepare(layout: Layout) -> None:
    """Make the folders of a store and try what it will do with them.

    Raises:
        StoreUnfitError: they are not writable, not apart, or not on one filesystem.
        DiskFullError: there is no room for a folder.
    """
    _require_apart(layout)
    for folder in (layout.results, layout.selected, layout.locks):
        _make(folder)
    with full_disk_named(layout.results):
        _try_a_move(layout)


def _require_apart(layout: Layout) -> None:
    results, selected = layout.results.resolve(), layout.selected.resolve()
    if results.is_relative_to(selected) or selected.is_relative_to(results):
        raise StoreUnfitError(
            f"the results folder {results} and the selected folder {selected} must not lie in one another; "
            "name two folders side by side"
        )


def _make(folder: Path) -> None:
    try:
        with full_disk_named(folder):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnfitError(
            f"cannot make the folder {folder}: {error.strerror}; name a folder that may be written"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StoreUnfitError(f"the folder {folder} is not writable; allow it, or name another folder")


def _try_a_move(layout: Layout) -> None:
    # Device numbers are not enough: two mounts of one filesystem share them, and refuse the rename all the same.
    try:
        probe = Path(mkdtemp(prefix=".probe-", dir=layout.staging))
    except PermissionError as error:
        raise StoreUnfitError(
            f"the folder {layout.staging} is not writable; allow it, or name another folder"
        ) from error
    arrived = layout.selected / probe.name
    try:
        probe.rename(arrived)
    except OSError as error:
        probe.rmdir()
        if error.errno == errno.EXDEV:
            raise StoreUnfitError(
                f"{layout.results} and {layout.selected} are on different devices or mounts, so a video cannot "
                "be moved between them in one step; put both on one"
            ) from error
        raise StoreUnfitError(
            f"cannot move a folder from {layout.results} to {layout.selected}: {error.strerror}; "
            "allow both to be written"
        ) from error
    arrived.rmdir()

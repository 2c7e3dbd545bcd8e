"""One tab as a CSV file: read when nobody is saving it, replaced only if nobody saved in between."""

import errno
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tubewarren.sheets.csv_text import Layout, parse, render
from tubewarren.sheets.errors import SheetUnavailableError
from tubewarren.sheets.folder import told_in_words
from tubewarren.sheets.patience import Patience
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import Tab, ensure_readable


@dataclass(frozen=True, slots=True)
class Signature:
    """What tells one saved state of a file from another without reading it."""

    inode: int
    size_bytes: int
    modified_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Signature":
        """Take it from what stat says; not the time of status change, which our own rename moves."""
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A file's content at one moment."""

    table: Table
    layout: Layout
    signature: Signature


class TabFile:
    """The file of one tab. What was read or written last is kept, so looking at an unchanged file is one stat."""

    def __init__(self, named: Path, tab: Tab, patience: Patience) -> None:
        self._named = named
        self._tab = tab
        self._patience = patience
        self._last: Snapshot | None = None

    @property
    def is_there(self) -> bool:
        """Whether the file exists with anything in it; a person may have made an empty one to begin with."""
        with told_in_words(self._named):
            status = self._status()
        return status is not None and status.st_size > 0

    def read(self) -> Snapshot:
        """Return the content, waiting for an editor to finish: an empty or missing file is not an empty tab.

        Raises:
            SheetUnavailableError: missing, empty, restless or unreadable for longer than our patience.
            TabUnreadableError: its content has to be mended.
        """
        with told_in_words(self._named):
            for _ in self._patience.tries():
                status = self._status()
                last = self._last
                if status and last and Signature.of(status) == last.signature:
                    return last
                if status and status.st_size and self._is_settled(status) and (snapshot := self._load(status)):
                    self._last = snapshot
                    return snapshot
            if self._status() is None:
                raise FileNotFoundError(errno.ENOENT, "No such file", str(self._named))
        raise SheetUnavailableError(
            f"{self._named} is empty or just being saved; it is looked at again. If it stays empty, bring its "
            "content back, or delete the file and start again to have it made anew."
        )

    def replace(self, snapshot: Snapshot, table: Table) -> bool:
        """Put this table in the file's place, or return False if it is no longer the one of the snapshot.

        Raises:
            SheetUnavailableError: it cannot be written.
        """
        content = render(table, snapshot.layout)
        with told_in_words(self._named):
            if not os.access(self._named, os.W_OK) and self._status():
                raise PermissionError(errno.EACCES, "the file is write-protected", str(self._named))
            written = self._put(content, instead_of=snapshot.signature)
        if written:
            self._last = Snapshot(table, snapshot.layout, written)
        return written is not None

    def create(self) -> bool:
        """Make the file with the tab's header, or return False if there is something already.

        Raises:
            SheetUnavailableError: it cannot be written.
        """
        content = render(Table(header=self._tab.columns), Layout())
        with told_in_words(self._named):
            for _ in self._patience.tries():
                status = self._status()
                if status and status.st_size:
                    return False
                if status is None or self._is_settled(status):
                    there = Signature.of(status) if status else None
                    return self._put(content, instead_of=there) is not None
        return False

    def _is_settled(self, status: os.stat_result) -> bool:
        age = self._patience.clock() - status.st_mtime
        # A time in the future is another machine's clock, and says nothing.
        return not 0 <= age < self._patience.settle.total_seconds()

    def _load(self, status: os.stat_result) -> Snapshot | None:
        try:
            content = self._named.read_bytes()
        except FileNotFoundError:  # an editor is about to put the new one there
            return None
        now = self._status()
        if now is None or Signature.of(now) != Signature.of(status):
            return None
        table, layout = parse(content, self._tab)
        ensure_readable(self._tab, table)
        return Snapshot(table, layout, Signature.of(status))

    def _put(self, content: bytes, instead_of: Signature | None) -> Signature | None:
        """Rename a finished file over the one that was read; between the last look and that lie microseconds."""
        # A link stays a link, and the new file comes to lie on its target's disk.
        target = self._named.resolve()
        # Always the same name: what a killed writer left is overwritten, and there is one writer at a time.
        new = target.with_name(f".{target.name}.new")
        try:
            signature = self._write(new, content)
            now = self._status()
            if (Signature.of(now) if now else None) != instead_of:
                return None
            new.replace(target)
        finally:
            new.unlink(missing_ok=True)
        _sync_folder(target.parent)
        return signature

    def _write(self, new: Path, content: bytes) -> Signature:
        with new.open("wb") as file:
            if like := self._status():
                os.fchmod(file.fileno(), stat.S_IMODE(like.st_mode))
                with suppress(PermissionError):  # only root may give files away
                    os.fchown(file.fileno(), like.st_uid, like.st_gid)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            return Signature.of(os.fstat(file.fileno()))

    def _status(self) -> os.stat_result | None:
        try:
            return self._named.stat()
        except FileNotFoundError:
            return None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

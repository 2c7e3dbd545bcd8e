import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tubewarren.sheets.errors import SheetUnavailableError, TabUnreadableError
from tubewarren.sheets.folder import LOCK_NAME, told_in_words
from tubewarren.sheets.local import LocalWorkbook
from tubewarren.sheets.patience import Patience
from tubewarren.sheets.reconcile import Reconciled, WantedRow, reconcile
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import SOURCES, TABS, WORKERS

_PROMPT = Patience(settle=timedelta(0), pause=lambda _: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    LocalWorkbook(tmp_path, patience=_PROMPT).create_missing()
    return tmp_path


@pytest.fixture
def book(folder: Path) -> LocalWorkbook:
    return LocalWorkbook(folder, patience=_PROMPT)


@pytest.fixture
def sources(folder: Path) -> Path:
    file = folder / "Sources.csv"
    file.write_bytes(b"ID,URL,Status\n1,u,\n")
    return file


def _done(table: Table) -> Reconciled:
    return reconcile(SOURCES, table, {("1",): WantedRow({"Status": "done"}, placed=True)})


def _signature(file: Path) -> tuple[int, int]:
    return file.stat().st_ino, file.stat().st_mtime_ns


def test_the_folder_is_made_too(tmp_path: Path) -> None:
    made = LocalWorkbook(tmp_path / "a" / "b", patience=_PROMPT).create_missing()

    assert made == TABS
    assert {file.name for file in (tmp_path / "a" / "b").iterdir()} == {LOCK_NAME, *(f"{tab.name}.csv" for tab in TABS)}


def test_only_the_missing_tab_is_made(folder: Path, book: LocalWorkbook, sources: Path) -> None:
    (folder / "Workers.csv").unlink()

    assert book.create_missing() == (WORKERS,)

    assert sources.read_bytes() == b"ID,URL,Status\n1,u,\n"


def test_an_empty_file_that_lies_still_gets_its_header(book: LocalWorkbook, sources: Path) -> None:
    sources.write_bytes(b"")

    assert book.create_missing() == (SOURCES,)

    assert book.read([SOURCES])[SOURCES].header == SOURCES.columns


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"ID,URL,Status\n1,u,\n", b"ID,URL,Status\n1,u,done\n"),
        (b"ID;URL;Status\r\n1;u,v;\r\n", b"ID;URL;Status\r\n1;u,v;done\r\n"),
        (b"\xef\xbb\xbfStatus\tID\tURL\n\t1\tu", b"\xef\xbb\xbfStatus\tID\tURL\ndone\t1\tu\n"),
    ],
)
def test_a_file_is_written_as_its_editor_wrote_it(
    book: LocalWorkbook, sources: Path, before: bytes, after: bytes
) -> None:
    sources.write_bytes(before)

    book.edit({SOURCES: _done})

    assert sources.read_bytes() == after


def test_nothing_is_written_when_nothing_differs(book: LocalWorkbook, sources: Path) -> None:
    book.edit({SOURCES: _done})
    before = _signature(sources)

    book.edit({SOURCES: _done})

    assert _signature(sources) == before


def test_an_unchanged_file_is_not_read_again(book: LocalWorkbook, sources: Path) -> None:
    first = book.read([SOURCES])[SOURCES]
    written = book.edit({SOURCES: _done})[SOURCES].table

    assert first is not written
    assert book.read([SOURCES])[SOURCES] is written
    sources.write_bytes(b"ID,URL\n")
    assert book.read([SOURCES])[SOURCES] == Table(header=("ID", "URL"))


def test_mode_and_link_of_a_file_are_kept(book: LocalWorkbook, sources: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = sources.rename(elsewhere / "list.csv")
    target.chmod(0o640)
    sources.symlink_to(target)

    book.edit({SOURCES: _done})

    assert sources.is_symlink()
    assert target.read_bytes().endswith(b"done\n")
    assert target.stat().st_mode & 0o777 == 0o640
    assert list(elsewhere.iterdir()) == [target]


def test_what_a_killed_writer_left_is_in_nobodys_way(folder: Path, book: LocalWorkbook, sources: Path) -> None:
    (folder / ".Sources.csv.new").write_bytes(b"half a fi")

    book.edit({SOURCES: _done})

    assert sources.read_bytes() == b"ID,URL,Status\n1,u,done\n"
    assert not (folder / ".Sources.csv.new").exists()


@pytest.mark.parametrize("during_save", [Path.unlink, lambda file: file.write_bytes(b"")])
def test_a_file_that_is_being_saved_is_waited_for(
    folder: Path, sources: Path, during_save: Callable[[Path], object]
) -> None:
    content = sources.read_bytes()
    during_save(sources)

    def finish_saving(_: float) -> None:
        sources.write_bytes(content)

    book = LocalWorkbook(folder, patience=replace(_PROMPT, pause=finish_saving))

    assert len(book.read([SOURCES])[SOURCES].rows) == 1


@pytest.mark.parametrize(
    ("during_save", "message"),
    [(Path.unlink, "Sources.csv cannot be used"), (lambda file: file.write_bytes(b""), "is empty")],
)
def test_an_empty_or_missing_file_is_never_taken_for_an_empty_tab(
    book: LocalWorkbook, sources: Path, during_save: Callable[[Path], object], message: str
) -> None:
    during_save(sources)

    with pytest.raises(SheetUnavailableError, match=message):
        book.edit({SOURCES: _done})


def test_a_file_with_nothing_but_its_header_is_an_empty_tab(book: LocalWorkbook, sources: Path) -> None:
    sources.write_bytes(b"ID,URL,Status\n")

    assert book.edit({SOURCES: _done})[SOURCES].edit.deleted == {("1",)}


def test_a_file_is_read_only_when_its_editor_has_let_go(folder: Path, sources: Path) -> None:
    modified = sources.stat().st_mtime
    clock = iter([modified + 0.01, modified + 0.06, modified + 0.11])
    pauses: list[float] = []
    patience = Patience(settle=timedelta(seconds=0.1), clock=lambda: next(clock), pause=pauses.append)

    LocalWorkbook(folder, patience=patience).read([SOURCES])

    assert pauses == [0.05, 0.05]


def test_a_save_while_we_read_is_read_again(folder: Path, sources: Path) -> None:
    contents = iter([b"ID,URL,Status\n", sources.read_bytes()])

    def clock_while_the_person_saves() -> float:
        if content := next(contents, None):
            sources.write_bytes(content)
        return 0

    book = LocalWorkbook(folder, patience=replace(_PROMPT, clock=clock_while_the_person_saves))

    assert len(book.read([SOURCES])[SOURCES].rows) == 1


def test_a_time_in_the_future_keeps_nobody_waiting(folder: Path, sources: Path) -> None:
    os.utime(sources, (4e9, 4e9))

    assert LocalWorkbook(folder).read([SOURCES])[SOURCES].rows


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)], ids=["forwards", "backwards"])
def test_a_clock_that_jumps_keeps_nobody_waiting_and_loses_no_save(
    folder: Path, sources: Path, jump: timedelta
) -> None:
    pauses: list[float] = []
    now = sources.stat().st_mtime + 1
    book = LocalWorkbook(folder, patience=Patience(clock=lambda: now, pause=pauses.append))
    book.edit({SOURCES: _done})

    now += jump.total_seconds()
    sources.write_text("ID,URL,Status\n1,mine,\n2,v,\n")
    os.utime(sources, (now - 1, now - 1))
    book.edit({SOURCES: _done})
    now -= jump.total_seconds()
    rows = book.read([SOURCES])[SOURCES].rows

    assert rows == (("1", "mine", "done"), ("2", "v", ""))
    assert not pauses


def test_a_person_who_saves_without_end_is_left_alone(book: LocalWorkbook, sources: Path) -> None:
    saves: Iterator[int] = iter(range(100))

    def overtaken(table: Table) -> Reconciled:
        sources.write_text(f"ID,URL,Status\n1,u{next(saves)},\n")
        return _done(table)

    with pytest.raises(SheetUnavailableError, match="again and again"):
        book.edit({SOURCES: overtaken})

    assert "done" not in sources.read_text()
    assert next(saves) < 10
    assert not list(sources.parent.glob(".*.new"))


def test_a_file_that_vanishes_in_between_is_not_brought_back(book: LocalWorkbook, sources: Path) -> None:
    def vanishing(table: Table) -> Reconciled:
        sources.unlink()
        return _done(table)

    with pytest.raises(SheetUnavailableError, match=r"Sources\.csv"):
        book.edit({SOURCES: vanishing})

    assert not sources.exists()


def test_a_writer_waits_for_its_turn(folder: Path, sources: Path) -> None:
    lock = os.open(folder / LOCK_NAME, os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        assert b"done" not in sources.read_bytes()
        pauses.append(seconds)
        fcntl.flock(lock, fcntl.LOCK_UN)

    LocalWorkbook(folder, patience=replace(_PROMPT, pause=pause)).edit({SOURCES: _done})

    os.close(lock)
    assert len(pauses) == 1
    assert b"done" in sources.read_bytes()


def test_a_writer_that_never_lets_go_is_told_of(folder: Path, book: LocalWorkbook, sources: Path) -> None:
    lock = os.open(folder / LOCK_NAME, os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)

    with pytest.raises(SheetUnavailableError, match=r"over 15 s.*hangs"):
        book.edit({SOURCES: _done})
    os.close(lock)

    assert book.read([SOURCES])[SOURCES].rows
    assert b"done" not in sources.read_bytes()


def test_the_turn_ends_with_an_error_too(book: LocalWorkbook, sources: Path) -> None:
    content = sources.read_bytes()
    sources.write_bytes(b"Link\n")
    with pytest.raises(TabUnreadableError):
        book.edit({SOURCES: _done})

    sources.write_bytes(content)

    assert book.edit({SOURCES: _done})


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "workbook").touch()

    with pytest.raises(SheetUnavailableError, match="choose a folder"):
        LocalWorkbook(tmp_path / "workbook", patience=_PROMPT).create_missing()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_can_be_read_and_says_that_it_cannot_be_written(
    folder: Path, book: LocalWorkbook, sources: Path
) -> None:
    sources.chmod(0o444)
    (folder / LOCK_NAME).chmod(0o444)
    folder.chmod(0o555)
    try:
        assert book.read([SOURCES])[SOURCES].rows
        assert book.create_missing() == ()
        with pytest.raises(SheetUnavailableError, match="let this user read and write"):
            book.edit({SOURCES: _done})
    finally:
        folder.chmod(0o755)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_write_protected_file_stays_as_it_is(book: LocalWorkbook, sources: Path) -> None:
    sources.chmod(0o444)

    with pytest.raises(SheetUnavailableError, match="write-protected"):
        book.edit({SOURCES: _done})

    assert b"done" not in sources.read_bytes()


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(folder: Path, book: LocalWorkbook, sources: Path) -> None:
    # A folder in the new file's place refuses every user, root too.
    (folder / ".Sources.csv.new").mkdir()

    with pytest.raises(SheetUnavailableError, match=r"Sources\.csv cannot be used now"):
        book.edit({SOURCES: _done})

    assert sources.read_bytes() == b"ID,URL,Status\n1,u,\n"
    (folder / ".Sources.csv.new").rmdir()
    assert book.edit({SOURCES: _done})[SOURCES].table.rows[0][2] == "done"


def test_a_folder_that_refuses_the_lock_is_left_alone(folder: Path, book: LocalWorkbook, sources: Path) -> None:
    (folder / LOCK_NAME).unlink()
    (folder / LOCK_NAME).mkdir()

    with pytest.raises(SheetUnavailableError, match="cannot be used now"):
        book.edit({SOURCES: _done})

    assert b"done" not in sources.read_bytes()


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "No space left on device.*free some space on this disk"),
        (errno.EROFS, "Read-only file system.*choose another folder"),
        (errno.EACCES, "Permission denied.*let this user read and write"),
        (errno.EIO, "Input/output error.*see whether the disk is all right"),
    ],
)
def test_what_the_system_refuses_is_told_with_what_to_do(number: int, advice: str) -> None:
    with pytest.raises(SheetUnavailableError, match=f"workbook cannot be used now .{advice}"):  # noqa: SIM117 - the pair is one act
        with told_in_words(Path("workbook")):
            raise OSError(number, os.strerror(number))

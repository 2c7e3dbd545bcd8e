"""Taking over a sheet of the older coordinator: what is found in it, and the repair. It blocks."""

import fcntl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Final

from tubewarren.failures import FailureKind
from tubewarren.settings import Settings
from tubewarren.sheets.adoption import TABS_TO_ADOPT, Adopted, Found, Terms, adopt, at_work
from tubewarren.sheets.errors import Cause, GoogleUnavailableError, SheetUnavailableError
from tubewarren.sheets.reconcile import Key
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import TABS, WORKERS, Tab
from tubewarren.sheets.workbook import Workbook
from tubewarren.topology import SHEET_INGESTOR, STATUS_WRITER
from tubewarren.youtube.addresses import check_address, video_key
from tubewarren.youtube.errors import AddressRefusedError
from tubewarren.youtube.failures import Evidence, classify
from tubewarren_services.sheet_ingestor.numbers import NumberFile
from tubewarren_services.status_writer.mirror import Mirror

_STAYS_DEAD: Final = frozenset({FailureKind.GONE, FailureKind.GATED, FailureKind.BAD_INPUT, FailureKind.CANCELLED})


@dataclass(frozen=True, slots=True)
class Survey:
    """What a sheet holds that is to be taken over.

    Attributes:
        tables: the tabs as they were read; those that are not there as empty ones.
        missing: the tabs that are not there.
        at_work: workers that may be at work on it.
    """

    tables: Mapping[Tab, Table]
    missing: frozenset[Tab]
    adopted: Mapping[Tab, Adopted]
    at_work: tuple[str, ...]

    @property
    def found(self) -> tuple[Found, ...]:
        """All of it."""
        return tuple(found for adopted in self.adopted.values() for found in adopted.found)


def survey(book: Workbook, terms: Terms) -> Survey:
    """Read the sheet, and find what is to be done; nothing is changed.

    Raises:
        SheetUnavailableError: not now.
        TabUnreadableError: a person has to mend a tab first.
    """
    read = {tab: _read(book, tab) for tab in TABS_TO_ADOPT}
    tables = {tab: table or Table(header=tab.columns) for tab, table in read.items()}
    return Survey(
        tables=tables,
        missing=frozenset(tab for tab, table in read.items() if table is None),
        adopted={tab: adopt(tab, tables, terms) for tab in TABS_TO_ADOPT},
        at_work=at_work(tables[WORKERS], terms.now),
    )


def repair(book: Workbook, surveyed: Survey, terms: Terms) -> tuple[Found, ...]:
    """Put right what is wrong now, tab by tab as each is then; what was put right.

    Raises:
        SheetUnavailableError: not now; some of it may be written, and the same again does no harm.
        TabUnreadableError: a person has to mend a tab first.
    """

    def change(tab: Tab) -> Callable[[Table], Adopted]:
        return lambda table: adopt(tab, {**surveyed.tables, tab: table}, terms)

    there = [tab for tab in TABS_TO_ADOPT if tab not in surveyed.missing]
    written = book.edit({tab: change(tab) for tab in there})
    return tuple(found for tab in there for found in written[tab].edit.found)


def terms_of(settings: Settings, now: datetime) -> Terms:
    """What the settings, and what our fleet remembers in the data folder, say of rows."""
    data_dir = settings.data_dir

    @cache
    def is_healthy(words: str) -> bool:
        # The same words are asked about for several tabs, and all rules take their time.
        return classify(Evidence(words), settings.youtube.rules).kind not in _STAYS_DEAD

    return Terms(
        now,
        is_healthy=is_healthy,
        video_id=partial(video_id, allowed_hosts=settings.youtube.allowed_hosts),
        kept=kept_rows(data_dir / "status-writer.sqlite"),
        taken_ids=(NumberFile(data_dir / "sheet-ingestor.highest").highest(),),
    )


def video_id(url: str, allowed_hosts: Collection[str]) -> str | None:
    """The id of the video at this address, as the fleet will call it; None when there is none to be seen."""
    try:
        address = check_address(url, allowed_hosts)
    except AddressRefusedError:
        return None
    key = video_key("", "", address)
    # What has no id of its own there, such as a channel, is called by its host and what comes behind it.
    return None if key.startswith("youtube.com-") else key


def kept_rows(mirror_file: Path) -> Mapping[Tab, Collection[Key]]:
    """The rows that our own status-writer keeps from this data folder.

    Raises:
        MirrorError: its memory cannot be read.
    """
    if not mirror_file.exists():
        return {}
    mirror = Mirror.open(mirror_file)
    try:
        return {tab: mirror.every(tab).keys() for tab in TABS}
    finally:
        mirror.close()


def services_at_work(data_dir: Path) -> tuple[str, ...]:
    """Which of the services that use the sheet run from this data folder."""
    return tuple(
        service
        for service in (SHEET_INGESTOR, STATUS_WRITER)
        if any(_is_held(lock) for lock in (data_dir / "workers").glob(f"{service}.*.lock"))
    )


def _is_held(lock: Path) -> bool:
    """Whether a living process holds it; see `tubewarren.workers`."""
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _read(book: Workbook, tab: Tab) -> Table | None:
    try:
        return book.read([tab])[tab]
    except GoogleUnavailableError as error:
        if error.cause is Cause.NO_SUCH_TAB:
            return None
        raise
    except SheetUnavailableError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise

"""The database: SQLite with the settings it needs, PostgreSQL by URL, and the few words in which they differ."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, insert, inspect, make_url, select, update
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool
from sqlalchemy.schema import CreateColumn

from tubewarren_services.results_manager.ledger.errors import LedgerTooNewError, LedgerUnavailableError
from tubewarren_services.results_manager.ledger.schema import META, METADATA, SCHEMA_VERSION

_BUSY_MILLISECONDS: Final = 10_000
_PARAMETERS: Final = 900  # in one statement; every database takes as many
_WRITES: Final = "tubewarren_writes"


def connect(url: str) -> Engine:
    """An engine with the ledger's tables in it.

    Raises:
        LedgerUnavailableError: there is no such database, or its driver is missing.
        LedgerTooNewError: its tables are newer than this program.
    """
    engine = _engine(url)
    try:
        with writing(engine) as connection:
            _prepare(connection)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes; such transactions take turns.

    Raises:
        LedgerUnavailableError: the database fails.
    """
    with _failures_named(engine.url), engine.execution_options(**{_WRITES: True}).begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that sees one state of the ledger, and holds up nobody.

    Raises:
        LedgerUnavailableError: the database fails.
    """
    with _failures_named(engine.url), engine.begin() as connection:
        yield connection


def take_turn(connection: Connection) -> None:
    """Wait until no other transaction writes; what is read afterwards stays true until the end of this one."""
    # SQLite took its turn with BEGIN IMMEDIATE, and leaves FOR UPDATE away.
    connection.execute(select(META.c.schema_version).with_for_update())


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, or overwrite the columns they name where their key is there already."""
    if not rows:
        return
    # Loaded already, with the engine. The other one would be a third of what SQLAlchemy costs a start.
    dialect = import_module(f"sqlalchemy.dialects.{connection.dialect.name}")
    statement = dialect.insert(table)
    keys = [column.name for column in table.primary_key]
    overwritten = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=overwritten), rows)


def chunks(values: Collection[str]) -> Iterator[list[str]]:
    """The values, in order, in portions that fit into one statement."""
    ordered = sorted(values)
    for start in range(0, len(ordered), _PARAMETERS):
        yield ordered[start : start + _PARAMETERS]


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite_engine(parsed)
        return create_engine(parsed, pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise LedgerUnavailableError(
            f"the ledger's URL cannot be used ({error}); write it like sqlite:///folder/ledger.sqlite3 or "
            "postgresql+psycopg://user@host/name, and install the driver it names"
        ) from error


def _sqlite_engine(url: URL) -> Engine:
    if url.database in (None, "", ":memory:"):
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        _make_folder(Path(str(url.database)).parent)
        engine = create_engine(url)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerUnavailableError(
            f"cannot make the ledger's folder {folder}: {error.strerror}; name one that may be written"
        ) from error


def _configure(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    del entry
    # The driver must not begin transactions by itself: it would do so too late, and never IMMEDIATE.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    # A power cut may take the last moments back; they come again as events or from the store.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare(connection: Connection) -> None:
    if inspect(connection).has_table(META.name):
        version = connection.scalar(select(META.c.schema_version))
        if version is not None and version > SCHEMA_VERSION:
            raise LedgerTooNewError(
                f"the ledger at {connection.engine.url.render_as_string()} has schema version {version}, and this "
                f"program knows {SCHEMA_VERSION}; update the program, or name another ledger"
            )
    _add_missing_columns(connection)
    METADATA.create_all(connection)
    if connection.scalar(select(META.c.schema_version)) is None:
        connection.execute(insert(META).values(id=1, schema_version=SCHEMA_VERSION))
    connection.execute(update(META).values(schema_version=SCHEMA_VERSION))


def _add_missing_columns(connection: Connection) -> None:
    """Bring the tables of an older program up to date; what they hold stays."""
    found = inspect(connection)
    for table in METADATA.sorted_tables:
        if not found.has_table(table.name):
            continue
        present = {column["name"] for column in found.get_columns(table.name)}
        for column in table.columns:
            if column.name not in present:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {definition}")


@contextmanager
def _failures_named(url: URL) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise LedgerUnavailableError(
            f"the ledger at {url.render_as_string()} cannot be used now ({error.orig}); check that the database "
            "is there, may be written and has room"
        ) from error

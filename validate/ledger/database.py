"""The ledger in its database, SQLite or PostgreSQL: one writer at a time, and nothing half-written."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, false, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from validate.attempts import Attempt, attempt_number
from validate.errors import OutputError, SuiteError, one_line
from validate.ledger.entries import ORIGIN, Draft, Entry, attempt_draft, chained, faults
from validate.ledger.runs import attempts
from validate.ledger.schema import ENTRIES, STEPS, VERSION, Step, migrate, missing_triggers, version_of

PATIENCE = 30  # seconds to wait for another writer, unless the URL names a timeout
_LOCK = 0x5061726974794761  # of PostgreSQL's advisory locks: any number, the same for every writer
_FACTS = tuple(ENTRIES.c[name] for name in ("seq", "at", "kind", "subject", "body", "prev_sha256", "sha256"))


@dataclass(frozen=True, kw_only=True, eq=False)
class Ledger:
    """An open ledger; each call is a transaction of its own."""

    place: str  # the URL without its password
    engine: Engine
    file: Path | None  # of SQLite


def open_ledger(url: str, *, steps: Sequence[Step] = STEPS) -> Ledger:
    """The ledger at a file or database URL, ready to be appended to: made if it is new, migrated if it is older.

    Raises:
        SuiteError: no URL of a database that a ledger can live in.
        OutputError: it cannot be written, is locked, or was made by a newer paritygate.
    """
    ledger = _ledger(url, write=True)
    with _transaction(ledger) as connection:
        _refuse_newer(ledger, version_of(connection), steps)
        migrate(connection, steps)
        connection.execute(VERSION.delete().where(false()))  # changes nothing, and fails where nothing can be changed
    return ledger


def read_ledger(url: str, *, steps: Sequence[Step] = STEPS) -> Ledger:
    """The ledger at a file or database URL, for reading only. Raises as `open_ledger`, and where there is none."""
    ledger = _ledger(url, write=False)
    _refuse_absent(ledger)
    with _transaction(ledger) as connection:
        found = version_of(connection)
        _refuse_newer(ledger, found, steps)
        if found < len(steps):
            raise OutputError(
                ledger.place, "has older tables or none; the next run with it brings them up to date", found
            )
    return ledger


def append(ledger: Ledger, drafts: Sequence[Draft], *, after: str | None = None) -> tuple[Entry, ...]:
    """Append the drafts that the ledger does not hold yet, all or none, and return them as entries.

    `after` is the hash of an entry that was read before: a ledger that does not hold it is another one. OutputError.
    """
    _refuse_absent(ledger)
    with _transaction(ledger) as connection:
        if after is not None and not _holds(connection, after):
            raise OutputError(ledger.place, "is not the ledger that it was when the command began", after)
        return tuple(_add(connection, draft) for draft in drafts if not _known(connection, draft))


def count_attempt(ledger: Ledger, attempt: Attempt) -> int:
    """Which attempt on its test set this is, 1 for the first; one that the ledger does not know yet is entered.

    Both happen in one transaction of the only writer, so that no two runs are given one number.
    """
    _refuse_absent(ledger)
    with _transaction(ledger) as connection:
        telling = select(*_FACTS).where(ENTRIES.c.kind.in_(["attempt", "run"])).order_by(ENTRIES.c.seq)
        known = attempts([_entry(row) for row in connection.execute(telling)])
        same = attempt.data_sha256, attempt.artifact_sha256
        if same not in {(one.data_sha256, one.artifact_sha256) for one in known}:
            _add(connection, attempt_draft(attempt))
        return attempt_number(known, *same)


def _add(connection: Connection, draft: Draft) -> Entry:
    """Append a draft within the caller's transaction."""
    last = _last(connection)
    entry = chained(
        draft,
        seq=1 if last is None else last.seq + 1,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        prev_sha256=ORIGIN if last is None else last.sha256,
    )
    parts = {"slices": draft.slices, "record": draft.record}
    connection.execute(ENTRIES.insert().values(**vars(entry), **parts))
    return entry


def entries(ledger: Ledger) -> tuple[Entry, ...]:
    """All entries, oldest first."""
    with _transaction(ledger) as connection:
        return tuple(_entry(row) for row in connection.execute(select(*_FACTS).order_by(ENTRIES.c.seq)))


def slices(ledger: Ledger, seq: int) -> str:
    """The slices of a run's entry, as they are stored."""
    with _transaction(ledger) as connection:
        found: str | None = connection.execute(select(ENTRIES.c.slices).where(ENTRIES.c.seq == seq)).scalar()
    if found is None:
        raise OutputError(f"{ledger.place}: entry {seq}", "has no slices; see `paritygate history --check`")
    return found


def check(ledger: Ledger, *, head: str | None = None) -> tuple[str, ...]:
    """What shows that the ledger was tampered with, entry by entry; nothing where it is whole.

    `head` is the hash of an entry that was noted elsewhere: taking away the newest entries leaves a chain that is whole
    in itself, and shows only in that this entry is gone.
    """
    found: list[str] = []
    before: Entry | None = None
    with _transaction(ledger) as connection:
        parts = select(*_FACTS, ENTRIES.c.slices, ENTRIES.c.record).order_by(ENTRIES.c.seq)
        for row in connection.execution_options(yield_per=50).execute(parts):
            entry = _entry(row)
            found += faults(entry, before, row.slices, row.record)
            before = entry
        if head is not None and not _holds(connection, head):
            found.append(f"the entry with the hash {head} is gone")
        found += [f"the trigger {name} is gone: entries can be changed" for name in missing_triggers(connection)]
    return tuple(found)


def _entry(row: Any) -> Entry:  # noqa: ANN401 - SQLAlchemy's rows are typed by their columns' number
    return Entry(**{column.name: getattr(row, column.name) for column in _FACTS})


def _last(connection: Connection) -> Entry | None:
    row = connection.execute(select(*_FACTS).order_by(ENTRIES.c.seq.desc()).limit(1)).first()
    return None if row is None else _entry(row)


def _holds(connection: Connection, sha256: str) -> bool:
    return connection.execute(select(ENTRIES.c.seq).where(ENTRIES.c.sha256 == sha256)).first() is not None


def _known(connection: Connection, draft: Draft) -> bool:
    """Whether the ledger holds this run, or this very decision or signature."""
    bodies = select(ENTRIES.c.body).where(ENTRIES.c.subject == draft.subject, ENTRIES.c.kind == draft.kind)
    found = connection.execute(bodies).scalars().all()
    return bool(found) if draft.kind == "run" else draft.body in found


def _refuse_newer(ledger: Ledger, found: int, steps: Sequence[Step]) -> None:
    if found > len(steps):
        rule = f"was made by a newer paritygate; this one knows its tables up to version {len(steps)}"
        raise OutputError(ledger.place, rule, found)


def _refuse_absent(ledger: Ledger) -> None:
    """Opening a file of SQLite that is not there would quietly make one."""
    if ledger.file is not None and not ledger.file.is_file():
        raise OutputError(ledger.place, "there is no such ledger (any more)")


def _ledger(url: str, *, write: bool) -> Ledger:
    parsed = _parsed(url)
    place = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() == "sqlite":
        database = str(parsed.database)
        file = None if database.startswith("file:") else Path(database)
        if file is not None and not file.absolute().parent.is_dir():
            raise OutputError(place, "its folder does not exist")
        return Ledger(place=place, engine=_sqlite(parsed, write=write), file=file)
    return Ledger(place=place, engine=_postgresql(parsed, write=write), file=None)


def _parsed(url: str) -> URL:
    """The URL; a path is a file of SQLite. A URL can hold a password and is never quoted."""
    rule = "must be a file, or a URL such as sqlite:///ledger.db or postgresql://user@host/database"
    if not url.strip():
        raise SuiteError("--ledger", rule, url)
    try:
        parsed = make_url(url) if "://" in url else URL.create("sqlite", database=url)
    except (ArgumentError, ValueError) as error:
        raise SuiteError("--ledger", rule) from error
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        raise SuiteError("--ledger", rule, parsed.drivername)
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise SuiteError("--ledger", "must name a file: what lies in memory is no history", parsed.database)
    return parsed


def _sqlite(url: URL, *, write: bool) -> Engine:
    arguments = {} if "timeout" in url.query else {"timeout": PATIENCE}
    engine = create_engine(url, poolclass=NullPool, connect_args=arguments)
    patience = float(str(url.query.get("timeout", PATIENCE)))

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where we say, not at the first change
        if write:
            _write_ahead(connection, patience)

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _write_ahead(connection: sqlite3.Connection, patience: float) -> None:
    """Readers go on while one writes. SQLite does not wait by itself while the mode changes."""
    deadline = time.monotonic() + patience
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = wal")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    connection.execute("PRAGMA synchronous = FULL")


def _postgresql(url: URL, *, write: bool) -> Engine:
    arguments = {} if "connect_timeout" in url.query else {"connect_timeout": PATIENCE}
    try:
        engine = create_engine(url, poolclass=NullPool, connect_args=arguments)
    except ModuleNotFoundError as error:
        raise OutputError("--ledger", "PostgreSQL needs: pip install 'paritygate[postgres]'") from error

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        if not write:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return
        if connection.exec_driver_sql("SHOW lock_timeout").scalar() == "0":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")

    return engine


@contextmanager
def _transaction(ledger: Ledger) -> Iterator[Connection]:
    """A transaction whose troubles are told with the ledger's place."""
    try:
        with ledger.engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise OutputError(ledger.place, _trouble(error)) from error
    except SQLAlchemyError as error:
        raise OutputError(ledger.place, f"cannot be used: {one_line(error)}") from error


# by SQLite's name of an error or PostgreSQL's code
_TROUBLES = {
    "SQLITE_BUSY": "is locked by another writer",
    "55P03": "is locked by another writer",
    "SQLITE_READONLY": "is read-only",
    "SQLITE_READONLY_DIRECTORY": "lies in a folder that cannot be written",
    "25006": "is read-only",
    "42501": "may not be used by this user",
    "SQLITE_NOTADB": "is no ledger: not a file of SQLite",
    "SQLITE_CORRUPT": "is damaged; restore it from a copy",
    "SQLITE_CANTOPEN": "cannot be opened",
    "SQLITE_FULL": "has no room left on its disk",
    "42P01": "holds no entries: its table is gone",
}


def _trouble(error: DBAPIError) -> str:
    original = error.orig
    code = getattr(original, "sqlite_errorname", None) or getattr(original, "sqlstate", None)
    told = one_line(original)
    known = _TROUBLES.get(str(code))
    return f"{known} ({told})" if known else f"cannot be used: {told}"

"""The ledger's tables, and the steps from each version of them to the next; triggers refuse all but appending."""

from collections.abc import Callable, Sequence
from importlib.resources import files

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    inspect,
    select,
)

_METADATA = MetaData()
ENTRIES = Table(
    "paritygate_entries",
    _METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("slices", Text),
    Column("record", LargeBinary),
    Column("prev_sha256", Text, nullable=False),
    Column("sha256", Text, nullable=False),
)
VERSION = Table("paritygate_version", _METADATA, Column("version", Integer, nullable=False))

TRIGGERS = ("paritygate_no_update", "paritygate_no_delete", "paritygate_in_order")
Step = Callable[[Connection], None]


def version_of(connection: Connection) -> int:
    """The version of the tables; 0 where there are none yet."""
    if not inspect(connection).has_table(VERSION.name):
        return 0
    found: int | None = connection.execute(select(func.max(VERSION.c.version))).scalar()
    return found or 0


def migrate(connection: Connection, steps: Sequence[Step]) -> None:
    """Take the tables from whatever version they have to the newest, within the caller's transaction."""
    found = version_of(connection)
    for number, step in enumerate(steps[found:], start=found + 1):
        step(connection)
        connection.execute(VERSION.insert().values(version=number))


def _first(connection: Connection) -> None:
    """Version 1: entries, appended in order and never changed."""
    script = files("validate.ledger").joinpath(f"version_1.{connection.dialect.name}.sql").read_text(encoding="utf-8")
    for statement in script.split(";;"):
        connection.exec_driver_sql(statement)


# 1: entries and their triggers.
STEPS: tuple[Step, ...] = (_first,)


def missing_triggers(connection: Connection) -> tuple[str, ...]:
    """The triggers that should keep entries from being changed, and are not there or are switched off."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'paritygate_entries'"
    else:
        query = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'paritygate_entries'::regclass AND tgenabled <> 'D'"
    found = set(connection.exec_driver_sql(query).scalars())
    return tuple(name for name in TRIGGERS if name not in found)

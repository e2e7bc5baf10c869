"""The ledger in both databases: appended to by many, changed by none, and whatever was done to it by force is named."""

import itertools
import multiprocessing
import sqlite3
import threading
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tests import samples
from validate.attempts import Attempt
from validate.decisions import Decision
from validate.errors import OutputError, SuiteError
from validate.evidence import sha256, to_json
from validate.ledger import entries as ledger_entries
from validate.ledger.database import append, check, count_attempt, entries, open_ledger, read_ledger, slices
from validate.ledger.entries import ORIGIN, decision_draft, read_slices, run_draft, summaries
from validate.ledger.schema import STEPS

RECORD = samples.passing()
GO = Decision(decision="go", by="A. Lind", role="owner", date="2026-11-24")
GUARDS = ("paritygate_no_update", "paritygate_no_delete", "paritygate_in_order")


def nth(number: int):
    """A record like the others, of another run."""
    return replace(RECORD, run=replace(RECORD.run, id=f"run-{number}"))


def drafts(count: int, *, first: int = 0):
    return [run_draft(nth(first + i)) for i in range(count)]


def raw(url: str):
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)


def force(url: str, statement: str, **values: str) -> None:
    """Change the database as somebody would who may do everything: without the triggers, put back afterwards."""
    engine = raw(url)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE paritygate_entries DISABLE TRIGGER USER"))
            kept = []
        else:
            query = "SELECT sql FROM sqlite_master WHERE type = 'trigger'"
            kept = connection.exec_driver_sql(query).scalars().all()
            for name in GUARDS:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.execute(text(statement), values)
        for trigger in kept:
            connection.exec_driver_sql(trigger)
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE paritygate_entries ENABLE TRIGGER USER"))


def filled(url: str, count: int = 4):
    ledger = open_ledger(url)
    append(ledger, [*drafts(count - 1), decision_draft(RECORD, sha256(nth(0)), GO)])
    return ledger


def test_entries_are_numbered_bound_and_read_back(url):
    made = append(open_ledger(url), drafts(3))
    ledger = read_ledger(url)
    found = entries(ledger)
    assert found == made
    assert [entry.seq for entry in found] == [1, 2, 3]
    assert [entry.prev_sha256 for entry in found] == [ORIGIN, found[0].sha256, found[1].sha256]
    assert len({entry.sha256 for entry in found}) == 3
    assert [entry.subject for entry in found] == [sha256(nth(i)) for i in range(3)]
    assert read_slices(slices(ledger, 2)) == summaries(RECORD)
    assert check(ledger) == ()
    assert check(ledger, head=found[2].sha256) == ()


def test_the_record_comes_back_to_the_byte(url):
    append(open_ledger(url), drafts(1))
    with raw(url).connect() as connection:
        packed = connection.execute(text("SELECT record FROM paritygate_entries")).scalar()
    assert ledger_entries.unpack(bytes(packed)) == to_json(nth(0))


def test_open_intervals_and_missing_numbers_come_back(url):
    append(open_ledger(url), [run_draft(samples.clustered())])
    found = read_slices(slices(read_ledger(url), 1))
    assert (found[1].low, found[1].high) == (-float("inf"), float("inf"))
    assert check(read_ledger(url)) == ()


def test_what_is_there_already_is_not_appended_again(url):
    ledger = open_ledger(url)
    go = decision_draft(RECORD, sha256(RECORD), GO)
    conditional = replace(GO, decision="conditional", conditions=("watch group: Black",))
    assert len(append(ledger, [run_draft(RECORD), go])) == 2
    assert append(ledger, [run_draft(RECORD), go]) == ()
    assert len(append(ledger, [go, decision_draft(RECORD, sha256(RECORD), conditional)])) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE paritygate_entries SET kind = 'run' WHERE seq = 2",
        "DELETE FROM paritygate_entries WHERE seq = 4",
        "INSERT INTO paritygate_entries SELECT 9, at, kind, subject, body, slices, record, prev_sha256, sha256 "
        "FROM paritygate_entries WHERE seq = 4",
        "INSERT INTO paritygate_entries SELECT 5, at, kind, subject, body, slices, record, prev_sha256, sha256 "
        "FROM paritygate_entries WHERE seq = 4",
    ],
)
def test_the_database_itself_refuses_all_but_the_next_entry(url, statement):
    ledger = filled(url)
    with pytest.raises(DBAPIError, match="append-only"), raw(url).begin() as connection:
        connection.execute(text(statement))
    assert check(ledger) == ()


def test_neither_truncate_nor_replace_gets_around_the_triggers(url):
    filled(url)
    statement = (
        "INSERT OR REPLACE INTO paritygate_entries SELECT 2, at, kind, subject, body, slices, record, prev_sha256, "
        "sha256 FROM paritygate_entries WHERE seq = 3"
        if url.startswith("sqlite")
        else "TRUNCATE paritygate_entries"
    )
    with pytest.raises(DBAPIError, match="append-only"), raw(url).begin() as connection:
        connection.execute(text(statement))
    assert len(entries(read_ledger(url))) == 4


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE paritygate_entries SET body = replace(body, 'PASS', 'FAIL') WHERE seq = 2", "entry 2 was changed: its hash"),
        ("UPDATE paritygate_entries SET body = body || ' ' WHERE seq = 1", "entry 1 was changed"),
        ("UPDATE paritygate_entries SET at = '2020-01-01T00:00:00+00:00' WHERE seq = 3", "entry 3 was changed"),
        ("UPDATE paritygate_entries SET kind = 'signature' WHERE seq = 4", "entry 4 was changed"),
        ("UPDATE paritygate_entries SET subject = prev_sha256 WHERE seq = 4", "entry 4 was changed"),
        ("UPDATE paritygate_entries SET slices = replace(slices, 'all', 'one') WHERE seq = 2", "entry 2 was changed: its slices"),
        ("UPDATE paritygate_entries SET slices = NULL WHERE seq = 2", "entry 2 was changed: its slices"),
        ("UPDATE paritygate_entries SET record = NULL WHERE seq = 3", "entry 3 was changed: its evidence record"),
        ("UPDATE paritygate_entries SET record = (SELECT record FROM paritygate_entries WHERE seq = 1) WHERE seq = 3", "entry 3 was changed: its evidence record"),
        ("DELETE FROM paritygate_entries WHERE seq = 2", "entry 2 is missing"),
        ("DELETE FROM paritygate_entries WHERE seq IN (1, 2)", "entries 1 to 2 are missing"),
        ("UPDATE paritygate_entries SET seq = 7 WHERE seq = 4", "entries 4 to 6 are missing"),
    ],
)  # fmt: skip
def test_tampering_with_a_row_is_found_and_named(url, statement, named):
    ledger = filled(url)
    force(url, statement)
    found = check(ledger)
    assert any(line.startswith(named) for line in found), found


def test_a_forged_entry_with_a_hash_of_its_own_shows_in_the_next_one(url):
    ledger = filled(url)
    second = entries(ledger)[1]
    forged = ledger_entries.chained(
        replace(drafts(1)[0], body=second.body.replace("PASS", "FAIL")),
        seq=2,
        at=second.at,
        prev_sha256=second.prev_sha256,
    )
    force(
        url,
        "UPDATE paritygate_entries SET body = :body, subject = :subject, sha256 = :sha256 WHERE seq = 2",
        **{name: getattr(forged, name) for name in ("body", "subject", "sha256")},
    )
    assert "entry 2 is not the one that entry 3 was bound to: it was changed or replaced" in check(ledger)


def test_a_shorter_ledger_is_whole_in_itself_and_shows_in_the_hash_that_was_noted(url):
    ledger = filled(url)
    head = entries(ledger)[-1].sha256
    force(url, "DELETE FROM paritygate_entries WHERE seq = 4")
    assert check(ledger) == ()
    assert check(ledger, head=head) == (f"the entry with the hash {head} is gone",)


def test_a_missing_trigger_is_named(url):
    ledger = filled(url)
    on = " ON paritygate_entries" if url.startswith("postgresql") else ""
    with raw(url).begin() as connection:
        connection.execute(text(f"DROP TRIGGER paritygate_no_update{on}"))
    assert check(ledger) == ("the trigger paritygate_no_update is gone: entries can be changed",)


def _write(url: str, batches) -> None:
    for batch in batches:
        append(open_ledger(url), batch)


def test_many_writers_lose_nothing_and_leave_one_chain(url):
    """They meet on a database without tables, so that making them is part of the race."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["validate.ledger.database", "tests.samples"])
    batches = [[drafts(2, first=100 * writer + 2 * i) for i in range(6)] for writer in range(4)]
    writers = [context.Process(target=_write, args=(url, mine)) for mine in batches]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0] * 4
    ledger = read_ledger(url)
    found = entries(ledger)
    assert [entry.seq for entry in found] == list(range(1, 49))
    assert {entry.subject for entry in found} == {draft.subject for mine in batches for two in mine for draft in two}
    assert check(ledger) == ()


def an_attempt(artifact: str, data: str = "d" * 64) -> Attempt:
    return Attempt(data_sha256=data, artifact_sha256=artifact, compressed="int8", date="2026-03-01T10:00:00+00:00")


def test_an_attempt_is_counted_once_and_its_number_stays(url):
    ledger = open_ledger(url)
    wanted = [("1" * 64, 1), ("2" * 64, 2), ("1" * 64, 1), ("3" * 64, 3), ("2" * 64, 2)]
    assert [count_attempt(ledger, an_attempt(artifact)) for artifact, _ in wanted] == [number for _, number in wanted]
    assert count_attempt(ledger, an_attempt("3" * 64, data="e" * 64)) == 1
    assert [entry.kind for entry in entries(ledger)] == ["attempt"] * 4
    assert check(ledger) == ()


def test_a_run_that_was_entered_without_being_counted_is_an_attempt_too(url):
    ledger = open_ledger(url)
    record = samples.passing()
    append(ledger, [run_draft(record)])
    assert count_attempt(ledger, an_attempt(record.compressed.sha256, record.data.sha256)) == 1
    assert count_attempt(ledger, an_attempt("2" * 64, record.data.sha256)) == 2
    assert [entry.kind for entry in entries(ledger)] == ["run", "attempt"]


def _count(url: str, artifacts, told) -> None:
    told.put([(artifact, count_attempt(open_ledger(url), an_attempt(artifact))) for artifact in artifacts])


def test_runs_at_the_same_time_never_get_the_same_number(url):
    """Four processes, five artifacts of their own each, and one that all of them judge; nobody waits for the others."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["validate.ledger.database", "tests.samples"])
    told = context.Queue()
    mine = [[f"{writer}{i}" * 32 for i in range(5)] + ["f" * 64] for writer in range(4)]
    writers = [context.Process(target=_count, args=(url, artifacts, told)) for artifacts in mine]
    for writer in writers:
        writer.start()
    found = [told.get(timeout=120) for _ in writers]
    for writer in writers:
        writer.join(120)
    numbers = {
        artifact: {n for one in found for a, n in one if a == artifact} for artifact in {*itertools.chain(*mine)}
    }
    assert all(len(given) == 1 for given in numbers.values())
    assert sorted(min(given) for given in numbers.values()) == list(range(1, 22))
    ledger = read_ledger(url)
    assert len(entries(ledger)) == 21
    assert check(ledger) == ()


def test_readers_go_on_while_somebody_writes(url):
    ledger = filled(url)
    with open_ledger(url).engine.begin():
        assert len(entries(read_ledger(url))) == 4
        assert check(read_ledger(url)) == ()
    assert check(ledger) == ()


def impatient(url: str) -> str:
    return f"{url}?timeout=0.2" if url.startswith("sqlite") else f"{url}?options=-clock_timeout%3D200"


def test_a_locked_ledger_says_so_and_keeps_what_it_has(url):
    ledger = filled(url)
    with ledger.engine.begin(), pytest.raises(OutputError, match="is locked by another writer"):
        append(open_existing(impatient(url)), drafts(1, first=50))
    assert len(entries(ledger)) == 4


def open_existing(url: str):
    """A ledger for writing whose tables are there already, without the lock that `open_ledger` takes."""
    from validate.ledger.database import _ledger

    return _ledger(url, write=True)


def test_opening_a_locked_ledger_for_writing_waits_and_then_says_so(url):
    ledger = filled(url)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with ledger.engine.begin():
            held.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(30)
        with pytest.raises(OutputError, match="is locked by another writer"):
            open_ledger(impatient(url))
    finally:
        done.set()
        holder.join()
    open_ledger(impatient(url))


def test_a_read_only_ledger_is_read_and_refuses_to_be_written(url):
    filled(url)
    closed = (
        url.replace("sqlite:///", "sqlite:///file:") + "?mode=ro&uri=true"
        if url.startswith("sqlite")
        else f"{url}?options=-cdefault_transaction_read_only%3Don"
    )
    assert len(entries(read_ledger(closed))) == 4
    with pytest.raises(OutputError, match="is read-only"):
        open_ledger(closed)


def _add_a_column(connection) -> None:
    connection.exec_driver_sql("ALTER TABLE paritygate_entries ADD COLUMN remark TEXT")


def test_an_older_ledger_is_migrated_and_keeps_its_entries(url):
    before = entries(filled(url))
    newer = (*STEPS, _add_a_column)
    with pytest.raises(OutputError, match="has older tables or none"):
        read_ledger(url, steps=newer)
    ledger = open_ledger(url, steps=newer)
    assert entries(ledger) == before
    assert check(ledger) == ()
    with raw(url).connect() as connection:
        assert connection.execute(text("SELECT count(*), max(version) FROM paritygate_version")).one() == (2, 2)
        assert connection.execute(text("SELECT remark FROM paritygate_entries")).scalars().all() == [None] * 4


def test_a_migration_that_fails_changes_nothing(url):
    def broken(connection) -> None:
        _add_a_column(connection)
        connection.exec_driver_sql("SELECT nothing FROM nowhere")

    before = entries(filled(url))
    with pytest.raises(OutputError, match=r"cannot be used|its table is gone"):
        open_ledger(url, steps=(*STEPS, broken))
    with raw(url).connect() as connection, pytest.raises(DBAPIError, match="remark"):
        connection.execute(text("SELECT remark FROM paritygate_entries"))
    assert entries(read_ledger(url)) == before


def test_a_newer_ledger_is_refused_and_left_alone(url):
    newer = (*STEPS, _add_a_column)
    open_ledger(url, steps=newer)
    for opened in (open_ledger, read_ledger):
        with pytest.raises(OutputError, match=r"was made by a newer paritygate.*up to version 1 \(found 2\)"):
            opened(url)
    assert entries(read_ledger(url, steps=newer)) == ()


def test_another_ledger_in_the_same_place_is_noticed(url, tmp_path):
    ledger = filled(url)
    with pytest.raises(OutputError, match="is not the ledger that it was"):
        append(ledger, drafts(1, first=70), after="f" * 64)
    assert len(entries(ledger)) == 4


def test_a_file_that_went_away_is_not_made_anew(tmp_path):
    file = tmp_path / "ledger.db"
    ledger = open_ledger(str(file))
    file.unlink()
    with pytest.raises(OutputError, match=r"there is no such ledger \(any more\)"):
        append(ledger, drafts(1))
    assert not file.exists()


def test_a_server_that_went_away_is_told_without_its_password(server):
    url = server.database()
    ledger = filled(url)
    server.stop()
    try:
        with pytest.raises(OutputError) as caught:
            append(ledger, drafts(1, first=90))
    finally:
        server.start()
    assert "secret-word" not in str(caught.value)
    assert "cannot be used" in str(caught.value)
    assert [entry.seq for entry in append(ledger, drafts(1, first=90))] == [5]
    assert check(ledger) == ()


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("", "must be a file, or a URL"),
        ("mysql://root:secret-word@host/db", "must be a file, or a URL"),
        ("postgresql://user:secret-word@host:port/db", "must be a file, or a URL"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
    ],
)
def test_what_is_no_ledgers_url_is_wrong_usage(url, rule):
    with pytest.raises(SuiteError, match=rule) as caught:
        open_ledger(url)
    assert "secret-word" not in str(caught.value)


def test_places_where_no_ledger_can_be(tmp_path):
    with pytest.raises(OutputError, match="its folder does not exist"):
        open_ledger(str(tmp_path / "nowhere" / "ledger.db"))
    with pytest.raises(OutputError, match="there is no such ledger"):
        read_ledger(str(tmp_path / "ledger.db"))
    (tmp_path / "notes.txt").write_text("These are notes, and no database at all. " * 40)
    for opened in (open_ledger, read_ledger):
        with pytest.raises(OutputError, match="is no ledger: not a file of SQLite"):
            opened(str(tmp_path / "notes.txt"))
    assert (tmp_path / "notes.txt").read_text().startswith("These are notes")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE mine (x)").connection.close()
    with pytest.raises(OutputError, match="has older tables or none"):
        read_ledger(str(tmp_path / "other.db"))


def test_postgresql_without_its_driver_names_the_command(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "psycopg", None)  # as if it were not installed
    with pytest.raises(OutputError, match=r"pip install 'paritygate\[postgres\]'"):
        open_ledger("postgresql://user@127.0.0.1/db")

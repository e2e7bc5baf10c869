"""A ledger that cannot be used, in both databases, from the command line: told, with its exit code, and nothing lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ledger.test_database import an_attempt, impatient
from validate import cli
from validate.errors import OutputError
from validate.ledger import database
from validate.ledger.database import check, count_attempt, entries, open_ledger, read_ledger
from validate.ledger.schema import STEPS

RUN = ["run", "mine", "--out", "out", "--ledger"]


def told(capsys, code, *arguments):
    capsys.readouterr()
    assert cli.main(list(arguments)) == code
    return capsys.readouterr().err


def read_only(url):
    if url.startswith("postgresql"):
        return f"{url}?options=-cdefault_transaction_read_only%3Don"
    return url.replace("sqlite:///", "sqlite:///file:") + "?mode=ro&uri=true"


def test_a_read_only_ledger_is_found_before_the_models_run_and_can_be_read(mine, capsys, url):
    assert cli.main([*RUN, url]) == 0
    before = Path("out/int8/results.json").read_bytes()
    assert "is read-only" in told(capsys, 4, *RUN, read_only(url))
    assert "is read-only" in told(capsys, 4, "history", "--append", "out", "--ledger", read_only(url))
    assert Path("out/int8/results.json").read_bytes() == before
    assert cli.main(["history", "--ledger", read_only(url), "--check"]) == 0


def test_a_ledger_of_a_newer_version_is_refused_by_every_command(mine, capsys, url):
    assert cli.main([*RUN, url]) == 0
    before = entries(read_ledger(url))
    newer = (*STEPS, lambda connection: connection.exec_driver_sql("CREATE TABLE more (x INTEGER)"))
    open_ledger(url, steps=newer)
    rule = "was made by a newer paritygate; this one knows its tables up to version 1 (found 2)"
    for command in ([*RUN, url], ["history", "--ledger", url], ["history", "--check", "--ledger", url]):
        assert rule in told(capsys, 4, *command)
    assert entries(read_ledger(url, steps=newer)) == before
    assert cli.main(["verify", "out"]) == 0


def test_a_locked_ledger_is_found_before_the_models_run(mine, capsys, url):
    ledger = open_ledger(url)
    with ledger.engine.begin():
        assert "is locked by another writer" in told(capsys, 4, *RUN, impatient(url))
    assert not Path("out").exists()
    assert cli.main([*RUN, impatient(url)]) == 0


@pytest.fixture
def stoppable(url, request):
    """Give the URL of a database, and the server that it needs to be stopped, if it has one."""
    return url, request.getfixturevalue("server") if url.startswith("postgresql") else None


def taken_away(url, server):
    """Take the database away, and give what brings it back."""
    if url.startswith("postgresql"):
        server.stop()
        return server.start
    file = Path(url.removeprefix("sqlite:///"))
    moved = file.rename(file.with_suffix(".moved"))
    return lambda: moved.rename(file)


@pytest.mark.parametrize("when", ["count_attempt", "append"])
@pytest.mark.usefixtures("mine")
def test_a_database_that_goes_away_in_the_middle_loses_nothing(capsys, monkeypatch, stoppable, when):
    url, server = stoppable
    assert cli.main([*RUN, url]) == 0
    original, back = getattr(database, when), []

    def gone(*arguments, **options):
        back.append(taken_away(url, server))
        return original(*arguments, **options)

    monkeypatch.setattr(database, when, gone)
    try:
        problem = told(capsys, 4, *RUN, url)
    finally:
        back[0]()
    monkeypatch.setattr(database, when, original)
    assert "The evidence is complete" in problem
    assert "paritygate history --append out" in problem
    assert "secret-word" not in problem
    assert cli.main(["verify", "out"]) == 0
    assert cli.main(["history", "--append", "out", "--ledger", url]) == 0
    ledger = read_ledger(url)
    assert [entry.kind for entry in entries(ledger)] == ["attempt", "run", "run"]
    assert check(ledger) == ()


def test_a_ledger_that_is_away_only_while_attempts_are_counted_says_what_that_means(mine, capsys, monkeypatch, url):
    open_ledger(url)

    def locked(*_):
        raise OutputError("the ledger", "is locked by another writer")

    monkeypatch.setattr(database, "count_attempt", locked)
    problem = told(capsys, 4, *RUN, url)
    assert "its attempt's number may have been given twice" in problem
    assert [entry.kind for entry in entries(read_ledger(url))] == ["run"]
    monkeypatch.undo()


def test_runs_at_the_same_moment_get_numbers_of_their_own(mine):
    """The command itself, in processes of their own, each with another model; test_database has both databases."""
    url = "book.db"
    suite = (mine / "suite.toml").read_text(encoding="utf-8")
    answers = (mine / "int8.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    started = []
    for number in range(2):
        (mine / f"other{number}.csv").write_text(
            "".join([answers[0], *answers[2 + number :], *answers[1 : 2 + number]])
        )
        own = mine / f"suite{number}.toml"
        own.write_text(suite.replace("int8.csv", f"other{number}.csv"), encoding="utf-8")
        command = [sys.executable, "-m", "validate.cli", "run", str(own), "--out", f"out{number}", "--ledger", url]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
    for process in started:
        _, error = process.communicate(timeout=300)
        assert process.returncode == 0, error
    numbers = [json.loads(Path(f"out{i}/int8/results.json").read_bytes())["run"]["attempt"] for i in range(2)]
    assert sorted(numbers) == [1, 2]
    ledger = read_ledger(url)
    assert sorted(entry.kind for entry in entries(ledger)) == ["attempt", "attempt", "run", "run"]
    assert check(ledger) == ()


def test_a_run_that_was_killed_after_it_counted_has_used_its_attempt(mine, url, capsys):
    assert cli.main([*RUN, url]) == 0
    digest = json.loads(Path("out/int8/results.json").read_bytes())["data"]["sha256"]
    assert count_attempt(open_ledger(url), an_attempt("9" * 64, data=digest)) == 2
    capsys.readouterr()
    assert cli.main(["history", "--ledger", url, "--json"]) == 0
    (use,) = json.loads(capsys.readouterr().out)["test_sets"]
    assert (use["attempts"], use["runs"]) == (2, 1)

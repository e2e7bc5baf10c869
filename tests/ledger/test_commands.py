"""The ledger from the command line: `run --ledger`, `decide`, `history`, and what goes wrong with each."""

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from validate import cli, history
from validate.ledger import database

DECIDE = ["decide", "out", "--by", "A. Lind", "--role", "owner"]
CONTENT = re.compile(rb'content="default-src .none.; style-src .sha256-[^;]+; img-src data:; base-uri .none.')


def run(*more, code=0):
    assert cli.main(["run", "mine", "--out", "out", *more]) == code


def ask(capsys, *arguments, code=0):
    capsys.readouterr()
    assert cli.main(["history", *arguments]) == code
    return capsys.readouterr().out


def record():
    return json.loads(Path("out/int8/results.json").read_bytes())


def report():
    return Path("out/report.html").read_text(encoding="utf-8")


def edit(file, old, new):
    text = Path(file).read_text(encoding="utf-8")
    assert old in text
    Path(file).write_text(text.replace(old, new), encoding="utf-8")


def test_runs_are_entered_and_compared_with_the_one_before(mine, capsys, url):
    run("--ledger", url)
    assert "This is the first run of this model that the ledger holds." in report()
    run("--ledger", url)
    assert "Compared with the last run that the ledger holds; it was not signed" in report()
    assert "as far as the ledger remembers" in report()
    told = json.loads(ask(capsys, "--ledger", url, "--json"))
    assert told["entries"] == 3  # the attempt, and two runs of it
    (line,) = told["lines"]
    assert (line["suite"], line["compressed"]) == ("mine", "int8")
    assert [run["verdict"] for run in line["runs"]] == ["PASS", "PASS"]
    assert [run["attempt"] for run in line["runs"]] == [1, 1]
    assert {len(trend["values"]) for trend in line["trends"]} == {2}
    assert (told["test_sets"][0]["attempts"], told["test_sets"][0]["runs"]) == (1, 2)
    assert "nothing changed" in ask(capsys, "--ledger", url, "--check")


def test_attempts_come_from_the_ledger_whatever_the_folder(mine, capsys):
    run("--ledger", "book.db")
    rows = (mine / "int8.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (mine / "int8.csv").write_text("".join([rows[0], *reversed(rows[1:])]), encoding="utf-8")
    assert cli.main(["run", "mine", "--out", "elsewhere", "--ledger", "book.db"]) == 0
    assert json.loads(Path("elsewhere/int8/results.json").read_bytes())["run"]["attempt"] == 2
    assert cli.main(["run", "mine", "--out", "alone"]) == 0
    assert json.loads(Path("alone/int8/results.json").read_bytes())["run"]["attempt"] == 1
    assert json.loads(ask(capsys, "--ledger", "book.db", "--json"))["test_sets"][0]["attempts"] == 2


def test_the_variable_names_the_ledger_too(mine, monkeypatch, capsys):
    monkeypatch.setenv("PARITYGATE_LEDGER", "book.db")
    run()
    assert "mine · int8 · 1 run\n" in ask(capsys)
    assert "book.db" not in Path("out/int8/results.json").read_text(encoding="utf-8")


def test_a_decision_changes_the_report_and_no_byte_of_the_record(mine, capsys):
    run("--ledger", "book.db")
    assert "No decision recorded." in report()
    before = Path("out/int8/results.json").read_bytes()
    assert cli.main([*DECIDE, "--decision", "go", "--expires", "2999-12-31", "--ledger", "book.db"]) == 0
    assert Path("out/int8/results.json").read_bytes() == before
    assert "go, by A. Lind (owner) on" in report()
    assert "until 2999-12-31" in report()
    assert "No decision recorded" not in report()
    assert cli.main(["verify", "out"]) == 0
    again = report()
    assert cli.main(["report", "out"]) == 0
    assert report() == again
    assert "go by A. Lind until 2999-12-31" in ask(capsys, "--ledger", "book.db")
    assert "3 entries" in ask(capsys, "--ledger", "book.db", "--check")


def test_the_last_decision_counts_all_are_shown_and_an_expired_one_is_said_to_be(mine, monkeypatch):
    run()
    monkeypatch.setattr(history, "today", lambda: "2026-11-24")
    assert (
        cli.main([*DECIDE, "--decision", "conditional", "--condition", "Watch the maize.", "--expires", "2026-12-01"])
        == 0
    )
    assert "Condition: <bdi>Watch the maize.</bdi>" in report()
    monkeypatch.setattr(history, "today", lambda: "2026-12-24")
    assert cli.main([*DECIDE, "--decision", "no-go", "--reason", "It was not watched."]) == 0
    page = report()
    assert "no-go, by A. Lind (owner) on 2026-12-24" in page
    assert "expired after 2026-12-01" in page
    assert page.index("this one counts") < page.index("replaced by a later one")
    assert cli.main(["verify", "out"]) == 0


def test_a_new_run_sets_the_decision_on_the_old_one_aside(mine):
    run()
    assert cli.main([*DECIDE, "--decision", "go"]) == 0
    decided = Path("out/int8/decision.json").read_bytes()
    run()
    assert "No decision recorded." in report()
    (kept,) = Path("out/int8").glob("decision-*.json")
    assert kept.read_bytes() == decided
    assert json.loads(decided)["record_sha256"].startswith(kept.stem.removeprefix("decision-"))
    assert cli.main(["verify", "out"]) == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--decision", "goo"], "--decision: must be one of go, conditional, no-go; did you mean 'go'"),
        (["--decision", "go", "--expires", "tomorrow"], "--expires: must be a day"),
        (["--decision", "go", "--expires", "2026-02-30"], "--expires: must be a day"),
        (["--decision", "go", "--by", " "], "--by: must not be empty"),
        (["--decision", "conditional"], "--condition: a conditional decision names"),
        (["--decision", "go", "--compressed", "int4"], "--compressed: must name the model that is decided on: int8"),
    ],
)
def test_a_wrong_decision_exits_2_and_writes_nothing(mine, capsys, more, message):
    run()
    before = report()
    capsys.readouterr()
    assert cli.main([*DECIDE, *more]) == 2
    assert message in capsys.readouterr().err
    assert not Path("out/int8/decision.json").exists()
    assert report() == before


def test_the_author_may_not_decide_where_the_policy_says_so(mine, capsys):
    edit(mine / "suite.toml", "[release]", '[release]\nauthor = "a.  lind"')
    edit(mine / "suite.toml", "[gate]", "[gate]\nauthor_may_not_decide = true")
    run()
    assert cli.main([*DECIDE, "--decision", "go"]) == 2
    assert "--by: the policy lets the author of the compressed model not decide" in capsys.readouterr().err
    assert cli.main(["decide", "out/int8", "--by", "B. Berg", "--role", "owner", "--decision", "go"]) == 0
    assert re.search(r"Different from the author\?</th></tr></thead>\s*<tbody>\s*<tr>.*<td>yes</td></tr>", report())


def test_nobody_decides_on_evidence_that_was_changed(mine, capsys):
    run()
    edit("out/int8/results.json", '"PASS"', '"FAIL"')
    assert cli.main([*DECIDE, "--decision", "go"]) in {2, 4}
    assert not Path("out/int8/decision.json").exists()
    edit("out/int8/results.json", '"FAIL"', '"PASS"')
    Path("out/int8/rows.parquet").unlink()
    capsys.readouterr()
    assert cli.main([*DECIDE, "--decision", "go"]) == 4
    assert "the evidence was changed since it was written" in capsys.readouterr().err


def test_a_changed_decision_is_found(mine, capsys):
    run()
    assert cli.main([*DECIDE, "--decision", "no-go"]) == 0
    edit("out/int8/decision.json", '"no-go"', '"go"')
    capsys.readouterr()
    assert cli.main(["verify", "out"]) == 1
    assert "int8/decision.json" in capsys.readouterr().out


def test_a_ledger_that_cannot_be_used_is_found_before_the_models_run(mine, capsys):
    Path("notes.txt").write_text("no database " * 200, encoding="utf-8")
    run("--ledger", "notes.txt", code=4)
    assert "is no ledger: not a file of SQLite" in capsys.readouterr().err
    run("--ledger", "nowhere/book.db", code=4)
    assert "its folder does not exist" in capsys.readouterr().err
    run("--ledger", "mysql://u:secret-word@host/db", code=2)
    assert "secret-word" not in capsys.readouterr().err
    assert not Path("out").exists()


def test_a_ledger_that_goes_away_in_the_middle_leaves_the_evidence_and_can_be_told_later(mine, capsys, monkeypatch):
    run("--ledger", "book.db")
    append = database.append

    def gone(*arguments, **options):
        Path("book.db").rename("moved.db")
        return append(*arguments, **options)

    monkeypatch.setattr(database, "append", gone)
    capsys.readouterr()
    run("--ledger", "book.db", code=4)
    told = capsys.readouterr()
    assert "int8: PASS" in told.out
    assert "there is no such ledger (any more). The evidence is complete" in told.err
    assert "paritygate history --append out" in told.err
    assert not Path("book.db").exists()
    assert cli.main(["verify", "out"]) == 0
    monkeypatch.setattr(database, "append", append)
    assert "ledger entry 3, run, " in ask(capsys, "--ledger", "moved.db", "--append", "out")
    assert "holds all of it already" in ask(capsys, "--ledger", "moved.db", "--append", "out")
    assert "3 entries, one chain" in ask(capsys, "--ledger", "moved.db", "--check")


def test_a_ledger_that_is_locked_at_the_end_leaves_the_evidence(mine, capsys, monkeypatch):
    run("--ledger", "sqlite:///book.db?timeout=0.2")
    append = database.append

    def held(*arguments, **options):
        with closing(sqlite3.connect("book.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            return append(*arguments, **options)

    monkeypatch.setattr(database, "append", held)
    capsys.readouterr()
    assert cli.main(["run", "mine", "--out", "out", "--json", "--ledger", "sqlite:///book.db?timeout=0.2"]) == 4
    told = capsys.readouterr()
    assert json.loads(told.out)["exit_code"] == 4
    assert "is locked by another writer" in told.err
    assert cli.main(["verify", "out"]) == 0


def test_decisions_without_a_ledger_are_entered_with_the_run(mine, capsys):
    run()
    assert cli.main([*DECIDE, "--decision", "go"]) == 0
    told = ask(capsys, "--ledger", "book.db", "--append", "out")
    assert [line.split(", ")[1] for line in told.splitlines()] == ["run", "decision"]


def test_tampering_is_named_and_exits_1(mine, capsys):
    run("--ledger", "book.db")
    run("--ledger", "book.db")
    head = json.loads(ask(capsys, "--ledger", "book.db", "--json"))["head"]
    with sqlite3.connect("book.db") as connection:
        connection.execute("DROP TRIGGER paritygate_no_delete")
        connection.execute("DELETE FROM paritygate_entries WHERE seq = 3")
    connection.close()
    told = ask(capsys, "--ledger", "book.db", "--check", "--head", head, code=1)
    assert told.splitlines() == [
        f"the entry with the hash {head} is gone",
        "the trigger paritygate_no_delete is gone: entries can be changed",
    ]
    assert json.loads(ask(capsys, "--ledger", "book.db", "--check", "--json", code=1))["faults"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "--ledger: name the ledger"),
        (["--ledger", "book.db"], 4, "there is no such ledger"),
        (["--ledger", "real.db", "--suite", "mein"], 4, "the ledger holds no run of it; did you mean 'mine'"),
        (["--ledger", "real.db", "--append", "nowhere"], 4, "must hold the evidence of a run"),
    ],
)
def test_wrong_usage_of_history(mine, capsys, arguments, code, message):
    run("--ledger", "real.db")
    capsys.readouterr()
    assert cli.main(["history", *arguments]) == code
    assert message in capsys.readouterr().err


def test_the_page_of_a_ledger_needs_nothing_else(mine, capsys):
    run("--ledger", "book.db")
    assert cli.main([*DECIDE, "--decision", "go", "--expires", "2999-01-01", "--ledger", "book.db"]) == 0
    run("--ledger", "book.db")
    ask(capsys, "--ledger", "book.db", "--html", "history.html")
    page = Path("history.html").read_bytes()
    assert CONTENT.search(page)
    assert b"<script" not in page
    assert b"http://" not in page.replace(b"http-equiv", b"")
    text = page.decode()
    assert text.count('class="trend"') >= 5
    assert "go, by A. Lind (owner), until 2999-01-01" in text
    assert "No run had a waiver." in text
    before = page
    ask(capsys, "--ledger", "book.db", "--html", "history.html")
    assert Path("history.html").read_bytes() == before


def test_an_empty_ledger_is_told_as_one(mine, capsys):
    database.open_ledger("book.db")
    assert "0 entries" in ask(capsys, "--ledger", "book.db")
    assert "0 entries" in ask(capsys, "--ledger", "book.db", "--check")
    ask(capsys, "--ledger", "book.db", "--html", "history.html")
    assert "The ledger holds no run." in Path("history.html").read_text(encoding="utf-8")
    shutil.rmtree(mine)

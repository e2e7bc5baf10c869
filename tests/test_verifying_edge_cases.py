"""Edge cases are judged again from their rows: a change that was covered up is found there too, and named."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.edge_cases.folder import tiny
from tests.test_verification import change, sums_again
from validate.evidence import read_record
from validate.exports.checksums import NAME, checksums, read_checksums
from validate.exports.files import write
from validate.gate import CheckKind
from validate.outcome import Outcome
from validate.pipeline import evaluate
from validate.verification import verify

CASES = """id,source,age,income,word,truth,why,from,must_not_lose
a,,60,1500,a,yes,rich enough,desk,true
b,,20,100,a,yes,young,desk,
c,p3,61,1500,a,yes,like p3,desk,true
"""
SETS = """
[[edge_cases]]
kind = "missing-values"
columns = ["income"]
examples = 100
[[edge_cases]]
name = "louder"
python = "models.py:louder"
examples = 100
severity = [4]
guard = true
margin = 0.3
[[edge_cases]]
name = "always yes"
python = "models.py:louder"
where = "truth == 'no'"
expect = "yes"
examples = 60
[[edge_cases]]
curated = "cases.csv"
[[claims]]
claim = "accuracy"
at_least_ratio = 0.5
"""


def judged(folder, gate="", sets=SETS):
    """Judge the tiny suite and write its evidence; the folder of it."""
    (folder / "cases.csv").write_text(CASES)
    found = evaluate(tiny(folder, sets + gate))
    records, rows, edge_rows = zip(*((one.record, one.rows, one.edge_rows) for one in found), strict=True)
    write(records, rows, folder / "out", edge_rows=edge_rows)
    return folder / "out"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return judged(tmp_path_factory.mktemp("edges"))


@pytest.fixture
def out(run, tmp_path):
    return shutil.copytree(run, tmp_path / "out")


def test_edge_cases_are_judged_again_from_their_rows(out):
    record = read_record(out / "small" / "results.json")
    kinds = {check.kind for check in record.checks}
    assert {CheckKind.EDGE_CASES, CheckKind.CLAIM} < kinds
    assert any(not result.invariance for result in record.edge_cases.results)  # one set is compared as a whole
    assert record.edge_cases.must_not_lose[0].lost
    found = verify(out)
    assert (found.wrong, found.unreadable) == ((), ())
    assert f"small: FAIL, recomputed from 400 rows and {record.edge_cases.n:,} edge cases" in found.held
    told = " ".join(found.not_shown)
    assert "edge cases:" not in told
    assert "claim:" not in told
    assert "what was compressed: as the run recorded it, also where a claim was held against it" in told


@pytest.mark.parametrize(
    "gate",
    [
        '[gate]\nmetric = "brier"\nmargin = 0.3',
        pytest.param('[gate]\nmetric = "f1"\nmargin = 0.3', marks=pytest.mark.slow),  # resamples every set, twice
        '[gate]\nscreen = "westfall-young"\nflips = 200',
        "[gate]\nmargin_ratio = 2.0\nattempts = 3",
    ],
)
def test_whatever_the_metric(tmp_path, gate):
    found = verify(judged(tmp_path, gate))
    assert (found.wrong, found.unreadable) == ((), ())
    assert any("edge cases" in text for text in found.held)


def first_result(record, **changed):
    first, *others = record.edge_cases.results
    return edges(record, results=(replace(first, **changed), *others))


def edges(record, **changed):
    return replace(record, edge_cases=replace(record.edge_cases, **changed))


def of_slice(record, number, **changed):
    found = list(record.edge_cases.comparisons)
    found[number] = replace(found[number], slice=replace(found[number].slice, **changed))
    return edges(record, comparisons=tuple(found))


def without(record, name):
    """The record as if one set of edge cases had never been judged."""
    found = record.edge_cases
    return edges(
        record,
        comparisons=tuple(c for c in found.comparisons if not c.slice.name.startswith(name)),
        results=tuple(r for r in found.results if r.set != name),
    )


def nudged(interval):
    return replace(interval, estimate=interval.estimate + 1e-6)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            lambda r: first_result(r, interaction=nudged(r.edge_cases.results[0].interaction)),
            "edge_cases.results[missing-values].interaction.estimate: recorded",
        ),
        (
            lambda r: first_result(r, invariance=replace(r.edge_cases.results[0].invariance, compressed=0.0)),
            "edge_cases.results[missing-values].invariance.compressed: recorded 0.0",
        ),
        (lambda r: first_result(r, exemplars=()), "edge_cases.results[missing-values].exemplars["),
        (lambda r: first_result(r, clean_n=1), "edge_cases.results[missing-values].clean_n: recorded 1"),
        (lambda r: edges(r, sources=3), "edge_cases.sources: recorded 3"),
        (lambda r: edges(r, missing_answers=3), "edge_cases.missing_answers: recorded 3"),
        (lambda r: edges(r, must_not_lose=()), "edge_cases.must_not_lose["),
        (lambda r: of_slice(r, 0, n=4), "recorded 4 of"),
        (lambda r: of_slice(r, 1, screened=False), "slice.screened: recorded False, recomputed True"),
        (
            lambda r: replace(
                r, checks=tuple(replace(c, outcome=Outcome.PASS) for c in r.checks if c.kind is CheckKind.EDGE_CASES)
            ),
            "checks[cases.csv].outcome: recorded PASS, recomputed FAIL",
        ),
        (
            lambda r: replace(r, checks=tuple(c for c in r.checks if c.id != "edge cases: cases.csv: must not lose")),
            "checks[cases.csv]",
        ),
        (
            lambda r: replace(
                r,
                checks=tuple(replace(c, outcome=Outcome.FAIL) if c.kind is CheckKind.CLAIM else c for c in r.checks),
            ),
            "outcome: recorded FAIL, recomputed PASS",
        ),
        (
            lambda r: without(r, "louder"),
            "slice louder: its examples are in the rows, and it is not in the record",
        ),
    ],
)
def test_a_record_that_does_not_follow_from_its_edge_cases_is_found(out, changed, told):
    found = change(out, "small", changed)
    assert found.exit_code == 1
    assert any(text.startswith("small/results.json: ") and told in text for text in found.wrong), found.wrong


def test_edge_cases_that_the_record_is_silent_about_are_found(out):
    def silent(record):
        checks = tuple(check for check in record.checks if check.kind is not CheckKind.EDGE_CASES)
        return replace(record, edge_cases=None, checks=checks)

    found = change(out, "small", silent)
    assert "small/edge_rows.parquet: holds edge cases, and results.json tells of none" in found.wrong


def rewritten(out, changed):
    """Change a table of edge cases and cover it up."""
    path = out / "small" / "edge_rows.parquet"
    table = pd.read_parquet(path)
    attrs = table.attrs
    made = changed(table)
    made.attrs = attrs
    made.to_parquet(path, index=False)
    sums_again(out)
    return verify(out)


def one_row_kinder(table):
    """One case that was lost is kept, in every column that tells of it."""
    row = table.index[table["outcome"] == 2][0]
    table.loc[row, "compressed"] = table.loc[row, "truth"]
    table.loc[row, "outcome"] = np.uint8(0)
    return table


def test_one_row_that_was_made_kinder_is_found(out):
    found = rewritten(out, one_row_kinder)
    assert any("edge_cases.comparisons[" in text and "counts.losses: recorded" in text for text in found.wrong)


def test_one_case_that_may_be_lost_now_is_found(out):
    found = rewritten(out, lambda table: table.assign(must_not_lose=False))
    assert any("edge_cases.must_not_lose[" in text for text in found.wrong)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (lambda t: t.assign(source=t["source"].replace({"p3": "p4"})), "is not what the rows of the data say"),
        (lambda t: t.assign(source=t["source"].replace({"p3": "nobody"})), "'nobody' is not in the rows of the data"),
        (lambda t: t.assign(outcome=np.uint8(0)), "the column 'outcome' is not what truth and answers say"),
        (lambda t: t.drop(columns="must_not_lose"), "must_not_lose"),
    ],
)
def test_rows_that_contradict_each_other_cannot_be_read(out, changed, told):
    found = rewritten(out, changed)
    assert found.exit_code == 4
    assert "edge_rows.parquet: does not fit the record" in found.unreadable[0]
    assert told in found.unreadable[0]


def test_lost_rows_are_found(out):
    folder = out / "small"
    (folder / "edge_rows.parquet").unlink()
    names = [name for name in read_checksums(folder) if name != "edge_rows.parquet"]
    (folder / NAME).write_bytes(checksums(folder, names))
    sums_again(out)
    found = verify(out)
    assert (found.wrong, found.exit_code) == ((), 4)
    assert "edge_rows.parquet: cannot be read" in found.unreadable[0]


def test_edge_checks_do_not_outlive_their_evidence(out):
    """The rows of the edge cases are gone with what was found of them, and their checks turned to PASS."""
    folder = out / "small"
    (folder / "edge_rows.parquet").unlink()
    (folder / NAME).write_bytes(checksums(folder, [n for n in read_checksums(folder) if n != "edge_rows.parquet"]))

    def covered(record):
        checks = [replace(c, outcome=Outcome.PASS) if c.kind is CheckKind.EDGE_CASES else c for c in record.checks]
        return edges(replace(record, checks=tuple(checks)), comparisons=(), results=(), must_not_lose=())

    found = change(out, "small", covered)
    assert found.exit_code == 1
    assert any("checks[" in text and "recomputed nothing" in text for text in found.wrong)


def test_sets_that_are_not_judged_are_named(tmp_path):
    attack = '[[edge_cases]]\nattack = "fgsm"\nname = "by the way"\nepsilon = 0.1\nexamples = 40\nscreen = false\n'
    told = verify(judged(tmp_path, attack)).not_shown
    assert "not judged, as the suite file declares: by the way" in told
    assert "what carries over of attacks: as the run recorded it" in told

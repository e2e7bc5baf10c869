"""Findings point at the table that declares them: from a suite's text, through the record, to a line."""

from dataclasses import replace

import pytest

from tests import samples
from validate.declared import declared_tables
from validate.exports.places import line_of, suite_path
from validate.gate import CheckKind, CheckResult
from validate.outcome import Outcome
from validate.places import in_repository
from validate.slices import Kind
from validate.suite_file import load_suite

SUITE = """\
suite = "lines"
task = "classification"
seed = 7
[data]
path = "data.csv"
label = "y"
id = "row"
classes = ["no", "yes"]
[models]
inputs = "models.py:inputs"
dense = { torch = "models.py:build" }
[models.compressed."int8.v2"]
torch = "models.py:build"
[models.compressed.other]
torch = "models.py:build"
[[slices]]
by = ["sex", "race"]
[[slices]]
by = ["race"]
guard = true
[[slices]]
by = ["age"]
guard = ["[old]"]
[[slices]]
name = "older"
where = "age > 3" # [[slices]]
guard = true
[[edge_cases]]
kind = "rounding"
guard = true
[[edge_cases]]
natural = "lowest-margin"
guard = true
[[claims]]
claim = "bytes"
at_most_ratio = 0.5
[[claims]]
claim = "bytes"
at_most = 5000
[gate]
margin = 0.01
"""


@pytest.fixture
def record(tmp_path):
    """A record with the tables of the suite above, and slices of it."""
    file = tmp_path / "suite.toml"
    file.write_text(SUITE)
    made = samples.record(
        "int8.v2",
        [
            samples.comparison("all", 40_000, 1, 2, kind=Kind.ALL, guard=True),
            samples.comparison("y: yes", 400, 1, 2, kind=Kind.CLASS, guard=True),
            samples.comparison("race: Black", 400, 1, 2, guard=True),
            samples.comparison("sex: rare together", 400, 1, 2, kind=Kind.RARE, guard=True),
            samples.comparison("age: [old]", 400, 1, 2, guard=True),
            samples.comparison("older", 400, 1, 2, kind=Kind.WHERE, guard=True),
            samples.comparison("lowest-margin", 400, 1, 2, kind=Kind.NATURAL, guard=True),
        ],
    )
    return replace(made, suite=replace(made.suite, tables=declared_tables(load_suite(file))))


def check(kind, identifier, name=None):
    return CheckResult(id=identifier, kind=kind, slice=name, outcome=Outcome.FAIL, reason="")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("all", "[gate]"),
        ("y: yes", "[gate]"),
        ("sex: rare together", '[[slices]]\nby = ["sex", "race"]'),
        ("race: Black", '[[slices]]\nby = ["race"]'),
        ("age: [old]", '[[slices]]\nby = ["age"]'),
        ("older", '[[slices]]\nname = "older"'),
        ("lowest-margin", '[[edge_cases]]\nnatural = "lowest-margin"'),
        ("nobody declares this", "[gate]"),
    ],
)
def test_a_guarded_slice_points_at_its_table(record, name, header):
    assert line_of(check(CheckKind.NON_INFERIORITY, "x", name), record) == line(header)


@pytest.mark.parametrize(
    ("kind", "identifier", "name", "header"),
    [
        (CheckKind.POLICY, "policy: constant", None, "[gate]"),
        (CheckKind.SCREEN, "screen", None, "[gate]"),
        (CheckKind.DISPARITY, "disparity", None, "[gate]"),
        (CheckKind.INTEGRITY, "integrity: contract", None, "[data]"),
        (CheckKind.INTEGRITY, "integrity: attempts", None, "[gate]"),
        (CheckKind.INTEGRITY, "integrity: models", None, '[models.compressed."int8.v2"]'),
        (CheckKind.EDGE_CASES, "edge cases: rounding", "rounding", '[[edge_cases]]\nkind = "rounding"'),
        (CheckKind.EDGE_CASES, "edge cases", None, "[gate]"),
        (CheckKind.CLAIM, "claim: bytes on disk at most 5000", None, '[[claims]]\nclaim = "bytes"\nat_most = 5000'),
    ],
)
def test_every_kind_of_check_points_at_a_table(record, kind, identifier, name, header):
    assert line_of(check(kind, identifier, name), record) == line(header)


def line(header):
    """Where a text that the suite holds once begins."""
    assert SUITE.count(f"{header}\n") == 1
    return SUITE[: SUITE.index(header)].count("\n") + 1


def test_a_suite_of_one_line_slices_and_no_policy_points_at_the_file(tmp_path, record):
    text = SUITE.partition("[[slices]]")[0].replace("[data]", 'slices = [{ by = ["race"] }]\n[data]')
    (tmp_path / "suite.toml").write_text(text)
    bare = replace(record, suite=replace(record.suite, tables=declared_tables(load_suite(tmp_path))))
    assert line_of(check(CheckKind.NON_INFERIORITY, "x", "race: Black"), bare) == 1
    assert line_of(check(CheckKind.INTEGRITY, "integrity: contract"), bare) == line("[data]") + 1


def test_the_path_is_that_in_the_repository_else_below_the_working_directory(tmp_path, monkeypatch):
    file = tmp_path / "a" / "b" / "suite.toml"
    file.parent.mkdir(parents=True)
    assert in_repository(file) == "suite.toml"
    monkeypatch.chdir(tmp_path / "a")
    assert in_repository(file) == "b/suite.toml"
    (tmp_path / ".git").touch()  # of a worktree it is a file
    assert in_repository(file) == "a/b/suite.toml"


def test_a_record_without_a_path_gives_the_name_of_the_file():
    record = samples.passing()
    assert suite_path(record) == "suite.toml"
    assert suite_path(replace(record, run=replace(record.run, suite_path="a/suite.toml"))) == "a/suite.toml"

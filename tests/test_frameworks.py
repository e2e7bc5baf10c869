"""Framework rows cite only what a record holds, say it exactly, and never more than that."""

import json
import re
import subprocess
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest

from tests import samples
from validate.errors import SuiteError
from validate.evidence import EvidenceRecord
from validate.frameworks import NOT_RECORDED, Framework, _found, _steps, frameworks, read_framework, rows, unplaced
from validate.suite import Statement

ROOT = Path(__file__).parents[1]
SHIPPED = frameworks()
NIST = next(f for f in SHIPPED if f.short == "NIST AI RMF")
MINIMAL = """
framework = "House rules"
short = "HR"
framework_version = "3"
footer = "our own"
levels = { partial = "some of it" }
[[rows]]
id = "1"
level = "partial"
title = "Data"
paraphrase = "Say which data."
evidence = [{ path = "data.n", label = "Examples", section = "data" }]
"""


def _types(kind, path):
    """The type at the end of a path, by the annotations alone: so that also rarely filled fields are checked."""
    for name, filters in _steps(path):
        kind = _field(kind, name)
        for key, _ in filters:
            inner = kind
            for part in key.split("."):
                inner = _field(inner, part)
    return kind


def _field(kind, name):
    if typing.get_origin(kind) in {Mapping, typing.get_origin(typing.Mapping[str, str])}:
        return typing.get_args(kind)[1]
    assert is_dataclass(kind), (kind, name)
    assert name in {f.name for f in fields(kind)}, f"{kind.__name__} has no {name}"
    found = typing.get_type_hints(kind)[name]
    if typing.get_origin(found) in {typing.Union, types.UnionType}:
        found = next(t for t in typing.get_args(found) if t is not type(None))
    if typing.get_origin(found) is tuple:
        found = typing.get_args(found)[0]
    return found


@pytest.mark.parametrize("framework", SHIPPED, ids=lambda f: f.short)
def test_every_path_exists_in_the_record(framework):
    paths = {e.path for row in framework.rows for e in row.evidence}
    assert len(paths) > 15
    for path in paths:
        _types(EvidenceRecord, path)


@pytest.mark.parametrize("name", samples.of_every_status())
def test_every_row_is_shown_in_every_status(name):
    record = samples.of_every_status()[name]
    for framework in SHIPPED:
        found = rows(framework, record)
        assert [row.spec.id for row in found] == [spec.id for spec in framework.rows]
        assert all(f.text for row in found for f in row.found)


def test_nist_rows_are_complete_and_levelled():
    measure = [row for row in NIST.rows if row.id.startswith("MEASURE")]
    levels = [row.level for row in measure]
    assert (levels.count("partial"), levels.count("supporting"), levels.count("statement")) == (6, 12, 4)
    assert len({row.id for row in NIST.rows}) == len(NIST.rows) == 56
    assert all(not row.evidence for row in NIST.rows if row.level == "statement")
    assert all(row.human_needed for row in NIST.rows)


def test_ai_act_rows_are_levelled_and_guarded():
    (act,) = (f for f in SHIPPED if f.short == "EU AI Act")
    articles = [row.id.partition("(")[0] for row in act.rows]
    assert list(dict.fromkeys(articles)) == [f"Article {n}" for n in (9, 10, 12, 13, 14, 15)]
    assert set(act.levels) == {row.level for row in act.rows} == {"partial", "supporting", "statement"}
    assert all(not row.evidence for row in act.rows if row.level == "statement")
    assert all(row.human_needed and row.guard and row.out_of_scope for row in act.rows)


def test_the_code_knows_no_framework_by_name():
    names = re.compile(
        r"\bNIST\b|AI RMF|\bRMF\b|AI Act|Artificial Intelligence Act|2024/1689|\bMEASURE\b|ISO/IEC|42001"
    )
    sources = [*(ROOT / "validate").rglob("*.py"), *(ROOT / "reports" / "templates").iterdir()]
    assert len(sources) > 100
    assert [str(path) for path in sources if names.search(path.read_text(encoding="utf-8"))] == []
    for framework in SHIPPED:
        assert names.search(framework.framework)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("data.n", "40,000"),
        ("data.clusters", NOT_RECORDED),
        ("policy.margin", "0.02"),
        ("suite.compressed_names", "int8, pruned-80 and pruned-95"),
        ("checks[kind=screen]", "1 of 10"),
        ("checks[kind=integrity].id", "integrity: contract and integrity: pairing"),
        ("comparisons[slice.name=all].counts.losses", "330"),
        ("comparisons[flagged=true].slice.name", "group: Black and group: Black & sex: Female"),
        ("comparisons[flagged=true][slice.kind=cross]", "1 of 2"),
        ("comparisons[slice.name=nobody].change", NOT_RECORDED),
        ("verdict.exit_code", "1"),
        ("environment.torch", "2.13.0"),
        ("environment.abacus", NOT_RECORDED),
    ],
)
def test_values_are_quoted_exactly(path, text):
    assert _found(samples.failing(), path) == text


def test_an_interval_is_quoted_with_level_and_method():
    text = _found(samples.failing(), "comparisons[slice.name=all].change")
    assert text.startswith("−0.006 (95% interval −0.00700452 to −0.00499488")
    assert text.endswith("Bonett–Price (2012))")


@pytest.mark.parametrize("path", ["nothing", "data.nothing", "checks[nope=1]", "data..n", "", "data.n.", "[a=b]"])
def test_a_path_that_leads_nowhere_is_an_error(path):
    with pytest.raises(SuiteError):
        _found(samples.passing(), path)


def test_statements_go_to_their_row_and_the_others_are_kept():
    record = samples.passing()
    stray = Statement(id="MEASURE 9.9", text="t", by="b", date="d")
    record = replace(record, suite=replace(record.suite, statements=(*record.suite.statements, stray)))
    found = rows(NIST, record)
    assert [s.by for row in found if row.spec.id == "MEASURE 2.2" for s in row.statements] == ["A. Lind"]
    assert sum(len(row.statements) for row in found) == 1
    assert unplaced(SHIPPED, record) == (stray,)


def test_another_framework_is_another_file(tmp_path):
    (tmp_path / "house.toml").write_text(MINIMAL)
    (own,) = frameworks(tmp_path)
    assert isinstance(own, Framework)
    (row,) = rows(own, samples.passing())
    assert [(f.label, f.text) for f in row.found] == [("Examples", "40,000")]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('level = "partial"', 'level = "full"', "must be one of partial"),
        ('title = "Data"', 'titel = "Data"', "rows.0.tit"),
        ('title = "Data"', 'title = "Data"\ncolour = "red"', "rows.0.colour"),
        ('section = "data"', 'section = "data", url = "x"', "rows.0.evidence.0.url"),
        ('short = "HR"', "short = 7", "short"),
        ('short = "HR"', "short =", "cannot be read as TOML"),
        ('footer = "our own"', "", "footer"),
    ],
)
def test_a_bad_file_is_named_with_place_and_rule(tmp_path, old, new, message):
    path = tmp_path / "house.toml"
    path.write_text(MINIMAL.replace(old, new))
    with pytest.raises(SuiteError, match=message):
        read_framework(path)


def test_rendering_imports_nothing_heavy():
    code = (
        "import json, sys, validate.report, validate.frameworks, validate.exports.junit, validate.exports.summary;"
        "print(json.dumps([m for m in ('torch', 'sklearn', 'great_expectations') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []

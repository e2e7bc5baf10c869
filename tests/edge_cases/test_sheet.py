"""The sheet shows sources beside their variants with what changed marked, and nothing of it can run."""

import re

import pytest

from tests.edge_cases.folder import tiny
from validate import cli

SETS = """
[[edge_cases]]
name = "<b>loud</b>"
python = "models.py:louder"
examples = 3
[[edge_cases]]
kind = "shift"
options.mix = { old = 0.5 }
severity = [5]
[[edge_cases]]
curated = "cases.csv"
"""
CASES = "source,word,truth,why,from\np3,<img src=x>,no,hostile & rare,me\n"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sheet")
    (folder / "cases.csv").write_text(CASES)
    tiny(folder, SETS)
    assert cli.main(["edge-cases", str(folder), "--out", str(folder / "sheet.html")]) == 0
    return (folder / "sheet.html").read_text(encoding="utf-8")


def test_each_source_stands_beside_its_variants(page):
    loud = page[page.index('id="set-1"') : page.index('id="set-2"')]
    assert loud.count("<table>") == 3
    assert loud.count('class="name">source') == 3
    assert loud.count("severity 3") == 3
    assert "<bdi>income</bdi>" in loud
    assert "<bdi>age</bdi>" not in loud  # it did not change
    assert loud.count("<ins>") >= 9


def test_a_set_that_chooses_examples_shows_some_and_a_case_says_why(page):
    assert page[page.index('id="set-2"') : page.index('id="set-3"')].count("<tr>") == 5
    assert "hostile &amp; rare (me)" in page


def test_what_comes_from_data_is_escaped_and_nothing_runs_or_is_fetched(page):
    assert "<img src=x>" not in page
    assert "&lt;img src=x&gt;" in page
    assert "<b>loud" not in page
    assert "default-src 'none'" in page
    assert not re.search(r"<script|https?://|\sstyle=", page[page.index("<body>") :])


def test_a_suite_without_edge_cases_has_no_sheet(tmp_path, capsys):
    tiny(tmp_path, "")
    assert cli.main(["edge-cases", str(tmp_path), "--out", str(tmp_path / "sheet.html")]) == 2
    assert "declares no edge cases to show" in capsys.readouterr().err
    assert not (tmp_path / "sheet.html").exists()

"""The report shows edge cases by severity, against their sources and under every model, and escapes what it quotes."""

import re
from dataclasses import replace

import pytest

from tests.edge_cases.folder import tiny
from validate.pipeline import run
from validate.report import render
from validate.report.edge_cases import edge_map, edge_view

SETS = """
[models.compressed.tiny]
torch = "models.py:build"
weights = "small.pt"
[[edge_cases]]
name = "<b>louder</b>"
python = "models.py:louder"
examples = 100
[[edge_cases]]
kind = "noise"
severity = [2]
"""


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return run(tiny(tmp_path_factory.mktemp("report"), SETS))


def test_a_row_for_each_set_and_severity_and_a_curve_for_each_set_with_several(records):
    view = edge_view(records[0])
    assert [row.name for row in view.rows][:2] == ["<b>louder</b>", "<b>louder</b>, severity 1"]
    assert len(view.rows) == 5
    (curve,) = view.curves
    assert [text for _, text in curve.xs] == ["source", "1", "3", "5"]
    assert len(curve.dense) == len(curve.compressed) == 4
    assert all(mark.high <= mark.y <= mark.low for mark in (*curve.dense, *curve.compressed))


def test_the_map_has_a_column_for_each_model_and_marks_that_do_not_need_colour(records):
    found = edge_map(records)
    assert found.models == ("small", "tiny")
    assert all(len(cells) == 2 for _, cells in found.rows)
    assert all(cell.mark and cell.word for _, cells in found.rows for cell in cells)
    assert len({mark for mark, _ in found.legend}) == len(found.legend)
    assert found.queue == records[0].review


def test_a_model_without_edge_cases_has_a_column_that_says_so(records):
    found = edge_map([records[0], replace(records[1], edge_cases=None)])
    assert {cells[1].word for _, cells in found.rows} == {"not judged"}
    assert edge_view(replace(records[0], edge_cases=None)) is None


def test_the_page_escapes_names_and_carries_no_style_or_script(records):
    page = render(records)
    assert "<b>louder" not in page
    assert "&lt;b&gt;louder&lt;/b&gt;, severity 3" in page
    body = page[page.index("<body>") :]
    assert not re.search(r"<script|\sstyle=|<style|https?://(?!www\.w3\.org)", body[: body.index('id="reproduce"')])
    assert body.count('class="curve"') == 2
    assert 'id="m1-edge-cases"' in page
    assert 'id="edge-cases"' in page

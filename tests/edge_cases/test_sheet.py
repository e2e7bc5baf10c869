"""The sheet shows sources beside their variants with what changed marked, and nothing of it can run."""

import re

import numpy as np
import pytest

from tests.edge_cases.folder import tiny
from validate import cli
from validate.edge_cases.attacked import AttackedExample
from validate.report.attack_sheet import attack_group
from validate.report.sheet_cells import LONGEST, changes, pixels, shown

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


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ("a fine day", "a fien day", (("", "a "), ("ins", "fien"), ("", " day"))),
        ("it is not good", "it is good", (("", "it is "), ("del", "not "), ("", "good"))),
        ("good", "not good", (("ins", "not "), ("", "good"))),
        ("good", "(empty)", (("ins", "(empty)"),)),
    ],
)
def test_what_changed_in_a_text_is_marked_word_by_word(before, after, parts):
    assert changes(before, after) == parts


def test_a_change_late_in_a_long_text_is_shown_all_the_same():
    words = [f"word{i}" for i in range(150)]
    parts = changes(" ".join(words), " ".join([*words[:120], "slip", *words[121:]]))
    assert ("ins", "slip") in parts
    assert parts[0][1].startswith("… ")
    assert sum(len(text) for _, text in parts) <= LONGEST + 1
    assert len(changes("a " * 600_000, "b " * 600_000)[0][1]) <= LONGEST + 1


def test_numbers_have_six_digits():
    assert [shown(value) for value in (0.6683673469387755, 3.0, 7, None, "")] == [
        "0.668367",
        "3",
        "7",
        "(missing)",
        "(empty)",
    ]


def test_an_attack_shows_what_the_model_sees_before_and_after_and_the_difference(tmp_path):
    out = tmp_path / "sheet.html"
    tiny(tmp_path, '[[edge_cases]]\nattack = "fgsm"\nepsilon = [0.25, 0.5]\n')
    assert cli.main(["edge-cases", str(tmp_path), "--out", str(out)]) == 0
    page = out.read_text(encoding="utf-8")
    assert "epsilon 0.25" in page
    assert re.search(r"number 1: \S+ → \S+; number 2: \S+ → \S+; number 3:", page)
    assert len(re.findall(r"dense: (?:yes|no)", page)) == 4 * 3


def test_an_attack_on_pictures_is_drawn():
    clean = np.linspace(0, 1, 64).reshape(1, 8, 8)
    one = AttackedExample(set="pgd", epsilon=0.1, source=0, clean=clean, changed=clean + 0.1, before="cat", after="dog")

    class Data:
        classes = ("cat",)
        labels = np.zeros(1, dtype=np.int64)
        ids = np.array(["p"], dtype=object)

    group = attack_group([one], (0.0, 1.0), Data())
    assert group.columns == ("source", "epsilon 0.1", "difference × 5")
    (row,) = group.rows
    assert [cell.caption for cell in row.cells] == ["dense: cat", "dense: dog", ""]
    assert all(cell.image for cell in row.cells)
    assert pixels(clean, 0, 1)[0, 0] == 0
    assert pixels(clean, 0, 1)[-1, -1] == 255
    assert pixels(np.zeros((3, 8, 8)), -1, 1).shape == (8, 8, 3)
    assert pixels(np.zeros(9), 0, 1) is None

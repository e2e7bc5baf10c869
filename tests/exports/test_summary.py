"""The summary: verdicts first, then failed, then inconclusive; short enough, and without markup from the data."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import samples
from tests.goldens import assert_golden
from validate.exports.summary import LIMIT, escape, summary
from validate.gate import verdict_text

STATUSES = samples.of_every_status()


def test_verdict_first_then_failed_then_inconclusive():
    text = summary([STATUSES["fail"], STATUSES["inconclusive"]])
    lines = text.splitlines()
    assert lines[0] == "# paritygate: census-income"
    rows = [line for line in lines if line.startswith("| **")]
    assert [re.search(r"(FAIL|INCONCLUSIVE)", row).group() for row in rows] == ["FAIL", "INCONCLUSIVE"]
    assert text.index("| **") < text.index("**Failed**") < text.index("**Inconclusive**")
    assert "non-inferiority: label: 50000+." in text
    assert "group: Black: −9.07 points (−10.56 to −7.55), n 1,500" in text


@pytest.mark.parametrize("name", STATUSES)
def test_every_status_says_its_verdict_and_its_reasons(name):
    record = STATUSES[name]
    text = summary([record])
    assert f": {verdict_text(record.verdict.outcome, record.verdict.waived)}\n" in text
    for check in record.checks:
        if check.outcome != "PASS" and check.slice != samples.HOSTILE and name != "hostile":
            assert check.id in text


def test_nothing_judged_is_said():
    assert "nothing was judged" in summary([])


def test_hostile_strings_are_text():
    text = summary([STATUSES["hostile"]])
    assert not re.search(r"(?<!\\)<(?!br)", text)
    assert "\x00" not in text
    assert "\u202e" not in text
    assert not re.search(r"@(?!\u2060)", text)
    assert not re.search(r"(?<!\\)\]\(", text)
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables} == {7}


@given(st.text(max_size=60))
def test_escaped_text_is_one_line_and_has_no_live_markup(text):
    out = escape(text)
    assert "\n" not in out
    bare = re.sub(r"\\[\\`*_\[\]<>&|~$:.()=#+-]", "", out)
    assert not re.search(r"[`*\[\]<>&|~$]|https?://", bare)
    out.encode()


@pytest.mark.parametrize("text", ["- a", "+ a", "# a", "1. a", "2) a", "=== a"])
def test_a_name_does_not_start_a_list_or_a_heading(text):
    assert re.match(r"\\[-+#=]|\d\\[.)]", escape(text))


def test_at_most_a_mebibyte():
    text = summary([samples.hostile()] * 500)
    assert LIMIT * 0.9 < len(text.encode()) <= LIMIT
    assert text.endswith("The report has the rest.*\n")


def test_golden():
    assert_golden("summary.md", summary([STATUSES[n] for n in ("pass", "fail", "inconclusive", "error")]))

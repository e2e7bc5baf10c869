"""Waivers in every output: what is waived is told as such, what is not is not, and an end that is near is a warning."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from tests import samples
from tests.goldens import assert_golden, scrub
from tests.test_terminal import shown
from validate.exports import intoto
from validate.exports.annotations import annotations
from validate.exports.junit import junit
from validate.exports.sarif import sarif
from validate.exports.summary import summary
from validate.report import render
from validate.report.waivers import ending

WAIVED, EXPIRED = samples.all_waived(), samples.expired()
KINDS = {"screen", "disparity", "non-inferiority: label: 50000+."}


def told(record):
    """In words of Markdown without its escapes."""
    return summary([record]).replace("\\", "")


def test_junit_passes_what_is_waived_and_says_so_in_its_output():
    root = ET.fromstring(junit([WAIVED]))
    assert (root.get("failures"), root.get("errors")) == ("0", "0")
    found = {case.get("name"): case.findtext("system-out") or "" for case in root.iter("testcase")}
    marked = {name for name, text in found.items() if text.startswith("[WAIVED until ")}
    assert marked == {*KINDS, "slice: group: Black", "slice: group: Black & sex: Female"}
    assert found["screen"].startswith("[WAIVED until 2026-01-10] really worse")
    assert found["screen"].endswith("(waived by W-2 and W-3)")


def test_junit_fails_what_is_waived_no_longer():
    root = ET.fromstring(junit([EXPIRED]))
    failed = {case.get("name") for case in root.iter("testcase") if case.find("failure") is not None}
    assert failed == {
        "screen",
        "non-inferiority: label: 50000+.",
        "slice: group: Black",
        "slice: group: Black & sex: Female",
    }
    assert [c.get("name") for c in root.iter("testcase") if c.find("error") is not None] == ["policy: waivers"]


def test_sarif_keeps_the_results_and_suppresses_them():
    (run,) = json.loads(sarif([WAIVED]))["runs"]
    found = {result["ruleId"]: result["suppressions"] for result in run["results"]}
    assert {rule: len(all_) for rule, all_ in found.items()} == {"non-inferiority": 1, "screen": 2, "disparity": 1}
    assert all(one["kind"] == "external" and one["status"] == "accepted" for all_ in found.values() for one in all_)
    assert found["screen"][0]["justification"].startswith(
        "waiver W-2 until 2026-01-10, allowed by C. Holm: Replaced by"
    )
    assert {result["level"] for result in run["results"]} == {"error"}
    (run,) = json.loads(sarif([EXPIRED]))["runs"]
    assert [result["ruleId"] for result in run["results"] if "suppressions" in result] == ["disparity"]


def test_the_attestations_do_not_call_it_a_clean_pass():
    predicate = json.loads(intoto.test_result(WAIVED))["predicate"]
    assert (predicate["result"], predicate["failedTests"], set(predicate["warnedTests"])) == ("WARNED", [], KINDS)
    assert json.loads(intoto.svr(WAIVED))["predicate"]["properties"] == ["PARITYGATE_PASSED_WITH_WAIVERS"]
    assert intoto.svr(EXPIRED) is None


def test_annotations_warn_of_what_is_waived_and_of_an_end_that_is_near():
    lines = annotations([WAIVED])
    assert all(line.startswith("::warning ") for line in lines)
    assert sum("[WAIVED until " in line for line in lines) == 3
    assert "W-2 (screen of group: Black) ends on 2026-01-10, 8 days left" in lines[-1]
    assert any(line.startswith("::error ") for line in annotations([EXPIRED]))


def test_only_waivers_that_hold_and_end_within_two_weeks_are_warned_of():
    assert [text.split()[0] for text in ending(WAIVED)] == ["W-2"]
    assert list(ending(EXPIRED)) == []


def test_the_terminal_warns_and_does_not_call_it_a_plain_pass():
    text = " ".join(shown([WAIVED], width=200).split())
    assert "PASS (3 waived) · 5 guarded checks (1 waived)" in text
    assert "Warning: waiver W-2 (screen of group: Black) ends on 2026-01-10, 8 days left" in text
    text = " ".join(shown([EXPIRED], width=200).split())
    assert "policy: waivers: W-2: it expired on 2025-12-31" in text


def test_the_summary_has_what_failed_then_inconclusive_then_waived():
    record = samples.waived(samples.failing(), samples.waiver("disparity", "group: Black", id="W-4"))
    titles = re.findall(r"^\*\*(.+?)\*\* \(", told(record), re.MULTILINE)
    assert titles.index("Failed") < titles.index("Waived") < titles.index("Slices flagged by the screen")
    assert "| 🕓 PASS (3 waived) |" in told(WAIVED)
    assert "W-5: screen of group: Tiny: not needed, until 2026-02-20 (49 days left): there is nothing" in told(WAIVED)
    assert_golden("summary-waived.md", summary([WAIVED, EXPIRED]))


def test_the_report_tells_waivers_on_page_one_in_a_section_and_as_residual_risk():
    page = render([WAIVED])
    first, rest = page.split('id="m1-since"')
    assert first.count("PASS (3 waived)") == 3  # contents, overview, decision
    assert "Not PASS, and not counted" in first
    assert "What is waived was not held to this rule." in first
    assert "FAIL, waived" in first
    assert "the loss may be as large as 19.85 points, and its ceiling is 25 points" in rest
    residual = rest.split('id="m1-residual"')[1].split("</section>")[0]
    assert residual.index("<dt>Waived</dt>") < residual.index("<dt>Guarded slices")
    assert "screen (W-2 and W-3)" in residual


@pytest.mark.parametrize("state", ["lapsed", "expired", "refused", "in force"])
def test_the_report_shows_each_state(state):
    section = render([EXPIRED]).split('id="m1-waivers"')[1].split("</section>")[0]
    assert f"</svg>{state}</span>" in section


def test_the_sections_as_somebody_last_saw_them():
    pages = [scrub(render([record])) for record in (WAIVED, EXPIRED)]
    parts = [
        page.split(f'<h3 id="m1-{section}">')[1].split("</section>")[0]
        for page in pages
        for section in ("decision", "doubts", "findings", "waivers", "residual")
    ]
    assert_golden("waivers.html", "\n\n".join(parts))


def test_a_guarded_slice_that_is_flagged_too_needs_both_waivers():
    both = [replace(c, flagged=True) if c.slice.name == "label: 50000+." else c for c in samples.failing().comparisons]
    record = replace(samples.failing(), comparisons=tuple(both))
    one = samples.waiver("non-inferiority", "label: 50000+.", id="W-1")
    page = render([samples.waived(record, one)])
    assert "FAIL, flagged, waived in part" in page
    page = render([samples.waived(record, one, replace(one, id="W-2", check="screen"))])
    assert "FAIL, flagged, waived" in page
    assert "waived in part" not in page

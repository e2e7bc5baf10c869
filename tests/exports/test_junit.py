"""JUnit: valid by pytest's own schema (junit-10.xsd, MIT), and no outcome turned into a friendlier one."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
import xmlschema

from tests import samples
from tests.goldens import assert_golden, scrub
from validate.exports.junit import junit
from validate.gate import CheckKind, CheckResult, Scope, decide
from validate.outcome import Outcome

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).parent / "junit-10.xsd"))
STATUSES = samples.of_every_status()


def cases(record):
    suite = ET.fromstring(junit([record])).find("testsuite")
    return {case.get("name"): case for case in suite.findall("testcase")}, suite


def result(case):
    return next((child.tag for child in case if child.tag in {"failure", "error", "skipped"}), "passed")


@pytest.mark.parametrize("names", [*([name] for name in STATUSES), list(STATUSES)], ids="+".join)
def test_valid_in_every_status(names):
    text = junit([STATUSES[name] for name in names])
    SCHEMA.validate(text)
    root = ET.fromstring(text)
    assert len(root) == len(names)
    for suite in root:
        found = [result(case) for case in suite.findall("testcase")]
        assert int(suite.get("tests")) == len(found) > 0
        for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(key)) == found.count(tag)
        if key != "skipped":
            assert int(root.get(key)) == sum(int(s.get(key)) for s in root)


@pytest.mark.parametrize("name", STATUSES)
def test_a_suite_fails_exactly_when_the_verdict_is_no_pass(name):
    record = STATUSES[name]
    _, suite = cases(record)
    troubled = int(suite.get("failures")) + int(suite.get("errors")) > 0
    assert troubled == (record.verdict.outcome is not Outcome.PASS)


def test_each_check_and_each_slice_without_one_is_a_case():
    record = STATUSES["fail"]
    found, _ = cases(record)
    guarded = {c.slice.name for c in record.comparisons if c.slice.guard}
    assert {check.id for check in record.checks} <= set(found)
    assert {f"slice: {c.slice.name}" for c in record.comparisons} - {f"slice: {n}" for n in guarded} <= set(found)
    assert len(found) == len(record.checks) + len(record.comparisons) - len(guarded)


@pytest.mark.parametrize(
    ("outcome", "gates", "policy", "tag", "kind"),
    [
        (Outcome.PASS, True, "block", "passed", None),
        (Outcome.FAIL, True, "block", "failure", "GateFailure"),
        (Outcome.INCONCLUSIVE, True, "block", "failure", "Inconclusive"),
        (Outcome.INCONCLUSIVE, True, "note", "skipped", "Inconclusive"),
        (Outcome.INCONCLUSIVE, False, "block", "skipped", "Inconclusive"),
        (Outcome.FAIL, False, "block", "skipped", "GateFailure"),
        (Outcome.ERROR, True, "block", "error", "NotEvaluated"),
    ],
)
def test_outcomes_map_as_declared(outcome, gates, policy, tag, kind):
    base = STATUSES["pass"]
    extra = CheckResult(
        id="extra", kind=CheckKind.NON_INFERIORITY, slice=None, outcome=outcome, reason="because", gates=gates
    )
    checks = (*base.checks, extra)
    scope = Scope(screened=0, blind=0, blind_share=0, blind_unpooled=0)
    record = replace(
        base,
        checks=checks,
        verdict=decide(checks, scope, inconclusive=policy),
        policy=replace(base.policy, inconclusive=policy),
    )
    found, _ = cases(record)
    assert result(found["extra"]) == tag
    if kind:
        assert found["extra"][0].get("type") == kind
        assert found["extra"][0].get("message") == "because"


def test_an_inconclusive_verdict_is_never_only_skipped():
    base = STATUSES["inconclusive"]
    only = tuple(c for c in base.checks if c.outcome is Outcome.INCONCLUSIVE)
    scope = Scope(screened=0, blind=0, blind_share=0, blind_unpooled=0)
    record = replace(
        base,
        checks=only,
        verdict=decide(only, scope, inconclusive="note"),
        policy=replace(base.policy, inconclusive="note"),
    )
    assert record.verdict.outcome is Outcome.INCONCLUSIVE
    found, _ = cases(record)
    assert result(found[only[0].id]) == "failure"


def test_nothing_checked_is_an_error():
    found, suite = cases(STATUSES["empty"])
    assert list(found) == ["verdict"]
    assert result(found["verdict"]) == "error"
    assert suite.get("errors") == "1"


def test_a_flagged_slice_fails_and_a_described_one_is_skipped():
    found, _ = cases(STATUSES["fail"])
    assert result(found["slice: group: Black"]) == "failure"
    tiny = found["slice: group: Tiny"]
    assert result(tiny) == "skipped"
    assert "INCONCLUSIVE by itself" in tiny[0].get("message")
    assert "n 44" in tiny[0].get("message")


def test_hostile_names_come_back_as_text():
    text = junit([STATUSES["hostile"]])
    assert "<script" not in text
    names = [case.get("name") for case in ET.fromstring(text).iter("testcase")]
    assert any(name.startswith("non-inferiority: <script>alert(1)</script>") for name in names)
    assert not any("\x00" in name for name in names)


def test_golden():
    assert_golden("junit.xml", scrub(junit([STATUSES["pass"], STATUSES["fail"]])))

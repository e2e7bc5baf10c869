"""One table of outcomes for every format, and no combination that makes one of them friendlier than another."""

import itertools

import pytest

from tests import samples
from validate.exports.statuses import status, status_of
from validate.gate import CheckKind
from validate.outcome import Outcome

ASKED = [*itertools.product(Outcome, (True, False), (True, False), (True, False), (True, False))]


@pytest.mark.parametrize(
    ("outcome", "gates", "noted", "expected"),
    [
        (Outcome.PASS, True, False, ("", "", "pass", "none", "passedTests", 0)),
        (Outcome.FAIL, True, False, ("failure", "GateFailure", "fail", "error", "failedTests", 1)),
        (Outcome.FAIL, True, True, ("failure", "GateFailure", "fail", "error", "failedTests", 1)),
        (Outcome.FAIL, False, False, ("skipped", "GateFailure", "fail", "warning", "warnedTests", 0)),
        (Outcome.INCONCLUSIVE, True, False, ("failure", "Inconclusive", "review", "none", "failedTests", 3)),
        (Outcome.INCONCLUSIVE, True, True, ("skipped", "Inconclusive", "review", "none", "warnedTests", 0)),
        (Outcome.INCONCLUSIVE, False, False, ("skipped", "Inconclusive", "review", "none", "warnedTests", 0)),
        (Outcome.ERROR, True, False, ("error", "NotEvaluated", "", "error", "failedTests", 4)),
        (Outcome.ERROR, True, True, ("error", "NotEvaluated", "", "error", "failedTests", 4)),
        (Outcome.ERROR, False, False, ("skipped", "NotEvaluated", "", "warning", "warnedTests", 0)),
    ],
)
def test_the_table(outcome, gates, noted, expected):
    found = status(outcome, gates=gates, noted=noted)
    words = (found.junit, found.junit_type, found.sarif_kind, found.sarif_level, found.in_toto, found.exit_code)
    assert words == expected


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome.FAIL, ("", "", "fail", "error", "warnedTests", 0)),
        (Outcome.INCONCLUSIVE, ("", "", "review", "none", "warnedTests", 0)),
    ],
)
def test_what_is_waived_passes_and_is_told(outcome, expected):
    found = status(outcome, waived=True)
    words = (found.junit, found.junit_type, found.sarif_kind, found.sarif_level, found.in_toto, found.exit_code)
    assert words == expected


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.ERROR])
def test_what_cannot_be_waived_is_not(outcome):
    assert status(outcome, waived=True) == status(outcome)


@pytest.mark.parametrize(("outcome", "gates", "waived", "noted", "report_only"), ASKED)
def test_the_formats_agree(outcome, gates, waived, noted, report_only):
    found = status(outcome, gates=gates, waived=waived, noted=noted, report_only=report_only)
    withheld = found.junit in {"failure", "error"}
    assert withheld == (found.in_toto == "failedTests")
    assert (found.exit_code != 0) == (withheld and not report_only)
    assert (found.in_toto == "passedTests") == (outcome is Outcome.PASS) == (found.sarif_kind == "pass")
    assert found.sarif_level == "error" or not (withheld and outcome is not Outcome.INCONCLUSIVE)


@pytest.mark.parametrize("name", samples.of_every_status())
def test_a_verdict_is_the_worst_of_its_checks(name):
    record = samples.of_every_status()[name]
    codes = {status_of(check, record).exit_code for check in record.checks}
    if any(check.kind is CheckKind.POLICY and check.outcome is Outcome.ERROR for check in record.checks):
        codes = {2 if code == 4 else code for code in codes}
    assert record.verdict.exit_code in codes or not record.checks

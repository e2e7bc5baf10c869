"""One table of outcomes for every format, and no combination that makes one of them friendlier than another."""

import itertools

import pytest

from tests import samples
from validate.exports.statuses import status, status_of
from validate.outcome import Outcome

ASKED = [*itertools.product(Outcome, (True, False), (True, False), (True, False))]


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


@pytest.mark.parametrize(("outcome", "gates", "noted", "report_only"), ASKED)
def test_the_formats_agree(outcome, gates, noted, report_only):
    found = status(outcome, gates=gates, noted=noted, report_only=report_only)
    withheld = found.junit in {"failure", "error"}
    assert withheld == (found.in_toto == "failedTests")
    assert (found.exit_code != 0) == (withheld and not report_only)
    assert (found.in_toto == "passedTests") == (outcome is Outcome.PASS) == (found.sarif_kind == "pass")
    assert found.sarif_level == "error" or not (withheld and outcome is not Outcome.INCONCLUSIVE)


@pytest.mark.parametrize("name", samples.of_every_status())
def test_a_verdict_is_the_worst_of_its_checks(name):
    record = samples.of_every_status()[name]
    codes = {status_of(check, record).exit_code for check in record.checks}
    assert record.verdict.exit_code in codes or not record.checks

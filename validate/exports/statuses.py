"""What an outcome is called in each format that others read: one table for all of them."""

from dataclasses import dataclass, replace

from validate.evidence import EvidenceRecord
from validate.gate import CheckResult
from validate.outcome import Outcome
from validate.report.facts import noted


@dataclass(frozen=True, kw_only=True)
class Status:
    """One outcome in the words of the exchange formats."""

    junit: str  # "" (passed) | "failure" | "error" | "skipped"
    junit_type: str  # what a failure is called: "GateFailure", "Inconclusive", "NotEvaluated"; "" where it passed
    sarif_kind: str  # "pass" | "fail" | "review"; "" where it is a notification of the tool instead of a result
    sarif_level: str  # "none" | "warning" | "error"
    in_toto: str  # the list of a test-result statement: "passedTests" | "warnedTests" | "failedTests"
    exit_code: int  # what this outcome alone makes of a run; of a policy that is itself at fault it is 2 instead of 4


def _row(junit: str, junit_type: str, sarif: tuple[str, str], in_toto: str, exit_code: int) -> Status:
    kind, level = sarif
    return Status(
        junit=junit, junit_type=junit_type, sarif_kind=kind, sarif_level=level, in_toto=in_toto, exit_code=exit_code
    )


_BLOCKS = {
    Outcome.PASS: _row("", "", ("pass", "none"), "passedTests", 0),
    Outcome.FAIL: _row("failure", "GateFailure", ("fail", "error"), "failedTests", 1),
    Outcome.INCONCLUSIVE: _row("failure", "Inconclusive", ("review", "none"), "failedTests", 3),
    Outcome.ERROR: _row("error", "NotEvaluated", ("", "error"), "failedTests", 4),
}
_REPORTED = {  # without a say in the verdict
    Outcome.PASS: _BLOCKS[Outcome.PASS],
    Outcome.FAIL: _row("skipped", "GateFailure", ("fail", "warning"), "warnedTests", 0),
    Outcome.INCONCLUSIVE: _row("skipped", "Inconclusive", ("review", "none"), "warnedTests", 0),
    Outcome.ERROR: _row("skipped", "NotEvaluated", ("", "warning"), "warnedTests", 0),
}
_WAIVED = {  # a PASS to the verdict, and still told; what is neither of these is never waived
    Outcome.FAIL: _row("", "", ("fail", "error"), "warnedTests", 0),
    Outcome.INCONCLUSIVE: _row("", "", ("review", "none"), "warnedTests", 0),
}


def status(
    outcome: Outcome, *, gates: bool = True, waived: bool = False, noted: bool = False, report_only: bool = False
) -> Status:
    """What a check of this outcome is in every format.

    A waived check is a pass that is told. One without a say (`gates` is False, or it is inconclusive and the policy
    notes such checks) is never a failure.
    A run that only reports says the same of each check, and exits 0.
    """
    has_say = gates and not (noted and outcome is Outcome.INCONCLUSIVE)
    table = _WAIVED if waived and outcome in _WAIVED else _BLOCKS if has_say else _REPORTED
    found = table[outcome]
    return replace(found, exit_code=0) if report_only else found


def status_of(check: CheckResult, record: EvidenceRecord) -> Status:
    """What one check of a record is in every format."""
    return status(
        check.outcome,
        gates=check.gates,
        waived=check.excused,
        noted=noted(record),
        report_only=record.run.report_only,
    )

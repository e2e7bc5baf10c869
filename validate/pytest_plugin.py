"""The fixture `paritygate` for pytest: a gating check that is not PASS is a failed test, with its numbers."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # pytest loads this file in every session, also in those that never gate
    from validate.evidence import EvidenceRecord
    from validate.gate import CheckResult, Verdict
    from validate.judgement import Judgement


class Gate:
    """The gate inside a test: what is not a PASS fails the test, check by check where pytest has subtests."""

    def __init__(self, subtests: Any) -> None:  # noqa: ANN401  # pytest's own fixture since version 9, else None
        self._subtests = subtests

    def judge(self, *arguments: Any, **options: Any) -> "Judgement":  # noqa: ANN401  # those of validate.judge
        """As `validate.judge`, from answers in memory: the judgement, if it is a PASS."""
        from validate.notebook import judge

        judgement = judge(*arguments, **options)
        self._require([("", judgement.verdict, judgement.checks)])
        return judgement

    def run(self, suite: str | Path, *, compressed: Sequence[str] | None = None) -> tuple["EvidenceRecord", ...]:
        """As `validate.run`, for a suite file, its folder or a shipped suite: the records, if all are a PASS."""
        from validate.pipeline import run
        from validate.places import find_suite
        from validate.suite_file import load_suite

        records = run(load_suite(find_suite(str(suite))), compressed=compressed)
        self._require([(f"{record.compressed_name}: ", record.verdict, record.checks) for record in records])
        return records

    def _require(self, judged: "Sequence[tuple[str, Verdict, Sequence[CheckResult]]]") -> None:
        lines: list[str] = []
        for model, verdict, checks in judged:
            if verdict.exit_code != 0:
                lines.append(f"{model}{verdict.line}")
                for text in _wanting(model, checks):
                    lines.append(f"  {text}")
                    self._fail_alone(text)
        if lines:
            pytest.fail("\n".join(lines), pytrace=False)

    def _fail_alone(self, text: str) -> None:
        if self._subtests is not None:
            with self._subtests.test(msg=text):
                pytest.fail(text, pytrace=False)


@pytest.fixture
def paritygate(request: pytest.FixtureRequest) -> Gate:
    """Judge models in a test: `paritygate.judge(frame, label=…, dense=…, compressed=…)`, `paritygate.run(suite)`."""
    try:
        return Gate(request.getfixturevalue("subtests"))
    except pytest.FixtureLookupError:
        return Gate(None)


def _wanting(model: str, checks: "Sequence[CheckResult]") -> Iterator[str]:
    """The gating checks that withhold a PASS, each in a line with its numbers."""
    for check in checks:
        if check.gates and check.outcome != "PASS" and not check.excused:
            yield f"{model}{check.id}: {check.outcome}: {check.reason}"

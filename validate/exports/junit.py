"""JUnit XML: a test suite for each compressed model, a case for each check and for each slice without one."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from validate import wording
from validate.comparison import Comparison
from validate.evidence import EvidenceRecord, sha256
from validate.exports.statuses import status, status_of
from validate.gate import CheckKind, CheckResult
from validate.outcome import Outcome
from validate.report.facts import change_text, margin_text
from validate.report.waivers import marked, waivers_of, waivers_on


@dataclass(frozen=True, kw_only=True)
class _Case:
    group: str  # the kind of check, or "slice"
    name: str
    result: str  # "" (passed) | "failure" | "error" | "skipped"
    type: str
    text: str


def junit(records: Sequence[EvidenceRecord]) -> str:
    """The run as JUnit XML, valid against pytest's junit-10.xsd.

    What withholds a release is a `failure` or an `error`, never `skipped`; `skipped` is what is reported without a say.
    What is waived passes, and its output begins with `[WAIVED until …]`.
    """
    root = ET.Element("testsuites", name="paritygate")
    for record in records:
        root.append(_suite(record))
    for key in ("tests", "failures", "errors"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(record: EvidenceRecord) -> ET.Element:
    cases = [*_cases(record)]
    if record.verdict.outcome is not Outcome.PASS and not any(c.result in {"failure", "error"} for c in cases):
        cases.append(_verdict(record))
    counted = {key: sum(c.result == key for c in cases) for key in ("failure", "error", "skipped")}
    suite = ET.Element(
        "testsuite",
        name=wording.clean(f"{record.suite.name} / {record.compressed_name}"),
        tests=str(len(cases)),
        failures=str(counted["failure"]),
        errors=str(counted["error"]),
        skipped=str(counted["skipped"]),
        time=f"{sum(record.run.seconds.values()):.3f}",
        timestamp=wording.clean(record.run.started),
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(record).items():
        ET.SubElement(properties, "property", name=name, value=wording.clean(value))
    suite.extend(_element(case, record) for case in cases)
    return suite


def _properties(record: EvidenceRecord) -> dict[str, str]:
    return {
        "verdict": record.verdict.outcome,
        "verdict.line": record.verdict.line,
        "gated": "no" if record.run.report_only else "yes",
        "results.sha256": sha256(record),
        "policy.sha256": record.suite.policy_sha256,
        "data.sha256": record.data.sha256 if record.data else "",
        "compressed.sha256": (record.compressed.sha256 if record.compressed else None) or "",
    }


def _cases(record: EvidenceRecord) -> Iterator[_Case]:
    for check in record.checks:
        yield _check_case(check, record)
    checked = {check.slice for check in record.checks if check.slice is not None}
    for comparison in record.comparisons:
        if comparison.slice.name not in checked:
            yield _slice_case(comparison, record)


def _check_case(check: CheckResult, record: EvidenceRecord) -> _Case:
    found, text = status_of(check, record), marked(check.reason, waivers_of(check, record))
    return _Case(group=check.kind, name=check.id, result=found.junit, type=found.junit_type, text=text)


def _slice_case(comparison: Comparison, record: EvidenceRecord) -> _Case:
    """A slice without a check of its own: it fails where the screen flags it, and is otherwise only described."""
    found = f"change {change_text(comparison)}, margin {margin_text(comparison)}, n {comparison.slice.n:,}"
    if comparison.flagged:
        waivers = waivers_on(CheckKind.SCREEN, comparison.slice.name, record)
        flagged = status(Outcome.FAIL, waived=bool(waivers))
        text = marked(f"flagged by the screen: {found}", waivers)
        result, kind = flagged.junit, flagged.junit_type
    elif comparison.outcome is Outcome.PASS:
        result, kind, text = "", "", found
    else:
        result, kind, text = "skipped", "Described", f"{comparison.outcome} by itself, without a say: {found}"
    return _Case(group="slice", name=f"slice: {comparison.slice.name}", result=result, type=kind, text=text)


def _verdict(record: EvidenceRecord) -> _Case:
    """The verdict itself, where no case says why it is not PASS: nothing checked never looks like a pass."""
    text = "; ".join(record.verdict.reasons) or record.verdict.line
    result = status(record.verdict.outcome).junit
    return _Case(group="verdict", name="verdict", result=result, type=record.verdict.outcome, text=text)


def _element(case: _Case, record: EvidenceRecord) -> ET.Element:
    group = wording.clean(f"{record.suite.name}.{record.compressed_name}.{case.group}")
    element = ET.Element("testcase", classname=group, name=wording.clean(case.name))
    text = wording.clean(case.text)
    if case.result:
        ET.SubElement(element, case.result, type=case.type, message=text)
    else:
        ET.SubElement(element, "system-out").text = text
    return element

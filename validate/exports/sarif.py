"""SARIF 2.1.0: what did not pass, where code scanning shows it."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from validate import wording
from validate.evidence import EvidenceRecord
from validate.exports.places import line_of, suite_path
from validate.exports.statuses import Status, status, status_of
from validate.gate import CheckKind, CheckResult, worst_exit
from validate.outcome import Outcome
from validate.report.waivers import waivers_of

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RULES = {
    CheckKind.INTEGRITY: "The inputs are whole: the data keep their contract, and the answers pair up",
    CheckKind.POLICY: "The policy can fail: no model that always answers the same passes it",
    CheckKind.NON_INFERIORITY: "A guarded slice was shown to lose less than its margin",
    CheckKind.SCREEN: "No screened slice was shown to lose more than the margin",
    CheckKind.DISPARITY: "No under-represented category was shown to lose more than the rest",
    CheckKind.EDGE_CASES: "Guarded edge cases were shown to lose less than their margin",
    CheckKind.CLAIM: "What the suite claims of the compressed model was shown",
}
_VERDICT = "verdict"


def sarif(records: Sequence[EvidenceRecord]) -> str:
    """The run as one SARIF log: a result for each check that is not PASS, a notification for what could not be judged.

    Every location is the suite file, as its repository names it, at the table that declares the check. A run of which
    nothing could be judged is no successful execution.
    """
    first = records[0] if records else None
    code = worst_exit(record.verdict.exit_code for record in records)
    invocation = {
        "executionSuccessful": bool(records) and all(r.verdict.outcome is not Outcome.ERROR for r in records),
        "exitCode": 0 if first and first.run.report_only else code,
        "toolExecutionNotifications": [found for record in records for found in _notifications(record)],
    }
    run = {
        "tool": {"driver": _driver(first)},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "results": [found for record in records for found in _results(record)],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _driver(record: EvidenceRecord | None) -> dict[str, Any]:
    tool = record.tool if record else {}
    version = {"version": wording.clean(tool["version"])} if "version" in tool else {}
    rules = [{"id": _rule(kind), "shortDescription": {"text": text}} for kind, text in _RULES.items()]
    rules.append({"id": _VERDICT, "shortDescription": {"text": "The compressed model may be released"}})
    return {"name": wording.clean(tool.get("name", "paritygate")), **version, "rules": rules}


def _rule(kind: CheckKind) -> str:
    return kind.replace(" ", "-")


def _results(record: EvidenceRecord) -> Iterator[dict[str, Any]]:
    for check in record.checks:
        found = status_of(check, record)
        if check.outcome is not Outcome.PASS and found.sarif_kind:
            yield {
                "ruleId": _rule(check.kind),
                "ruleIndex": list(_RULES).index(check.kind),
                "kind": found.sarif_kind,
                "level": found.sarif_level,
                "message": _message(_said(check, record)),
                "locations": [_location(check, record)],
                "partialFingerprints": {"primaryLocationLineHash": _fingerprint(check, record)},
                **_suppressions(check, record),
            }
    verdict = record.verdict.outcome
    if verdict not in {Outcome.PASS, Outcome.ERROR} and not _told(record):
        found = status(verdict)
        text = "; ".join(record.verdict.reasons) or record.verdict.line
        yield {
            "ruleId": _VERDICT,
            "ruleIndex": len(_RULES),
            "kind": found.sarif_kind,
            "level": found.sarif_level,
            "message": _message(f"{record.compressed_name}: {text}"),
            "locations": [_place(record)],
        }


def _suppressions(check: CheckResult, record: EvidenceRecord) -> dict[str, Any]:
    """The waivers of a check, as code scanning knows them."""
    found = [
        {
            "kind": "external",
            "status": "accepted",
            "justification": _flat(
                f"waiver {waiver.id} until {waiver.expires}, allowed by {waiver.approved_by}: {waiver.reason}"
            ),
        }
        for waiver in waivers_of(check, record)
    ]
    return {"suppressions": found} if found else {}


def _notifications(record: EvidenceRecord) -> Iterator[dict[str, Any]]:
    """What could not be judged; also that nothing was, where no check says so."""
    for check in record.checks:
        found = status_of(check, record)
        if not found.sarif_kind:
            yield {
                "level": found.sarif_level,
                "message": _message(_said(check, record)),
                "associatedRule": {"id": _rule(check.kind), "index": list(_RULES).index(check.kind)},
                "locations": [_location(check, record)],
            }
    if record.verdict.outcome is Outcome.ERROR and not _told(record):
        text = "; ".join(record.verdict.reasons) or record.verdict.line
        yield {
            "level": status(Outcome.ERROR).sarif_level,
            "message": _message(f"{record.compressed_name}: {text}"),
            "associatedRule": {"id": _VERDICT, "index": len(_RULES)},
            "locations": [_place(record)],
        }


def _told(record: EvidenceRecord) -> bool:
    """Whether a check says why the verdict is what it is."""
    return any(c.outcome is record.verdict.outcome and _counts(status_of(c, record)) for c in record.checks)


def _counts(found: Status) -> bool:
    return found.in_toto == "failedTests"


def _said(check: CheckResult, record: EvidenceRecord) -> str:
    return f"{record.compressed_name}: {check.id}: {check.reason}" + ("" if check.gates else " (reported only)")


def _message(text: str) -> dict[str, str]:
    """Text as a message: nothing in it is read as a link or a placeholder."""
    return {"text": _flat(text).replace("](", "]\u2060(").replace("{", "{{").replace("}", "}}")}


def _flat(text: str) -> str:
    return " ".join(wording.clean(text).split())


def _location(check: CheckResult, record: EvidenceRecord) -> dict[str, Any]:
    names = [record.compressed_name, *([check.slice] if check.slice is not None else [])]
    logical = [{"name": wording.clean(name)} for name in names]
    return {**_place(record, line_of(check, record)), "logicalLocations": logical}


def _place(record: EvidenceRecord, line: int = 1) -> dict[str, Any]:
    uri = quote(suite_path(record))
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}}


def _fingerprint(check: CheckResult, record: EvidenceRecord) -> str:
    """What stays the same from run to run, so that code scanning knows a finding again."""
    parts = json.dumps([record.suite.name, record.compressed_name, check.id])
    return f"{hashlib.sha256(parts.encode()).hexdigest()[:16]}:1"

"""in-toto statements about one compressed model: which checks it passed, and, where it passed, that it did."""

import json
from typing import Any

from validate import wording
from validate.evidence import EvidenceRecord, sha256
from validate.exports.artifacts import artifact_digest
from validate.exports.statuses import status_of
from validate.gate import CheckKind
from validate.outcome import Outcome

TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
SVR = "https://in-toto.io/attestation/svr/v0.1"
_LISTS = ("passedTests", "warnedTests", "failedTests")


def test_result(record: EvidenceRecord) -> str | None:
    """A test-result statement: each check by the name that it has in JUnit; None where the artifact has no hash.

    FAILED is any verdict but PASS; WARNED is a PASS beside checks that are waived or have no say, and did not pass.
    """
    found: dict[str, list[str]] = {name: [] for name in _LISTS}
    for check in record.checks:
        found[status_of(check, record).in_toto].append(wording.clean(check.id))
    passed = record.verdict.outcome is Outcome.PASS
    if not passed and not found["failedTests"]:
        found["failedTests"].append("verdict")
    result = "FAILED" if not passed else "WARNED" if found["warnedTests"] else "PASSED"
    annotations = {"policySha256": record.suite.policy_sha256, "resultsSha256": sha256(record)}
    if record.data is not None:
        annotations["dataSha256"] = record.data.sha256
    suite = {
        "name": wording.clean(record.suite.file),
        "digest": {"sha256": record.suite.sha256},
        "annotations": annotations,
    }
    return _statement(record, TEST_RESULT, {"result": result, "configuration": [suite], **found})


def svr(record: EvidenceRecord) -> str | None:
    """A simple verification result; None where the gate did not pass or did not gate, or the artifact has no hash.

    A kind of check is a property where all of that kind which gate are PASS; where a check is waived, the only property
    says so.
    """
    if record.verdict.outcome is not Outcome.PASS or record.run.report_only:
        return None
    gating = [check for check in record.checks if check.gates]
    open_kinds = {check.kind for check in gating if check.outcome is not Outcome.PASS}
    kinds = [kind for kind in CheckKind if kind in {check.kind for check in gating} - open_kinds]
    passed = "PARITYGATE_PASSED_WITH_NOTED_CHECKS" if open_kinds else "PARITYGATE_PASSED"
    named = [passed, *(f"PARITYGATE_{kind.upper().replace(' ', '_').replace('-', '_')}" for kind in kinds)]
    if record.verdict.waived:
        named = ["PARITYGATE_PASSED_WITH_WAIVERS"]
    verifier = {
        "id": f"pkg:generic/paritygate@{record.tool.get('version', '')}",
        "policy": {"name": "policy", "digest": {"sha256": record.suite.policy_sha256}},
    }
    predicate = {
        "verifier": verifier,
        "timeCreated": record.run.finished.replace("+00:00", "Z"),
        "properties": named,
    }
    return _statement(record, SVR, predicate)


def _statement(record: EvidenceRecord, predicate_type: str, predicate: dict[str, Any]) -> str | None:
    subject = _subject(record)
    if subject is None:
        return None
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [subject],
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    return json.dumps(wording.cleaned(statement), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _subject(record: EvidenceRecord) -> dict[str, Any] | None:
    """The compressed artifact; None where it has no hash."""
    digest = artifact_digest(record.compressed)
    if digest is None:
        return None
    return {"name": wording.clean(record.compressed_name), "digest": dict([digest])}

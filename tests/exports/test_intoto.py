"""in-toto: valid by the project's own protobuf, the same words as JUnit, and no pass that the gate did not give."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from google.protobuf.json_format import ParseDict, ParseError
from in_toto_attestation.predicates.test_result.v0.test_result_pb2 import TestResult as ResultMessage
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage

from tests import samples
from validate.exports.intoto import SVR, TEST_RESULT, svr, test_result
from validate.exports.junit import junit
from validate.gate import CheckKind, CheckResult
from validate.outcome import Outcome

test_result.__test__ = False  # a function of the package, not a test
STATUSES = samples.of_every_status()
WITH_ARTIFACT = [name for name, record in STATUSES.items() if record.compressed]


def read(text):
    """The statement, once the protobuf's own checks have passed; unknown fields are errors."""
    Statement.copy_from_pb(ParseDict(json.loads(text), StatementMessage())).validate()
    return json.loads(text)


def lists(record):
    predicate = read(test_result(record))["predicate"]
    return predicate["result"], *(predicate[name] for name in ("passedTests", "warnedTests", "failedTests"))


def test_the_protobuf_finds_a_mistake():
    statement = json.loads(test_result(STATUSES["pass"]))
    del statement["subject"][0]["digest"]
    with pytest.raises(ValueError, match="digest required"):
        read(json.dumps(statement))
    with pytest.raises(ParseError):
        ParseDict({**statement["predicate"], "verdict": "PASS"}, ResultMessage())


@pytest.mark.parametrize("name", WITH_ARTIFACT)
def test_valid_and_the_same_names_as_junit(name):
    record = STATUSES[name]
    statement = read(test_result(record))
    ParseDict(statement["predicate"], ResultMessage())
    assert statement["predicateType"] == TEST_RESULT
    assert statement["subject"] == [{"name": record.compressed_name, "digest": {"sha256": "f" * 64}}]
    cases = {}
    for case in ET.fromstring(junit([record])).iter("testcase"):
        if not case.get("name").startswith("slice: "):
            found = next((c.tag for c in case if c.tag in {"failure", "error", "skipped"}), "")
            found = "skipped" if (case.findtext("system-out") or "").startswith("[WAIVED until 20") else found
            cases.setdefault(found, []).append(case.get("name"))
    result, passed, warned, failed = lists(record)
    assert passed == cases.get("", [])
    assert warned == cases.get("skipped", [])
    assert failed == [n for tag in ("failure", "error") for n in cases.get(tag, [])]
    assert (result == "FAILED") == (record.verdict.outcome is not Outcome.PASS)


@pytest.mark.parametrize("name", STATUSES)
def test_a_pass_is_attested_only_where_the_gate_gave_one(name):
    record = STATUSES[name]
    found = svr(record)
    assert (found is not None) == (record.verdict.outcome is Outcome.PASS)
    assert svr(replace(record, run=replace(record.run, report_only=True))) is None


def test_a_pass_says_which_checks_passed_and_by_which_policy():
    statement = read(svr(STATUSES["pass"]))
    assert statement["predicateType"] == SVR
    assert statement["predicate"] == {
        "verifier": {
            "id": "pkg:generic/paritygate@0.1.0",
            "policy": {"name": "policy", "digest": {"sha256": "9" * 64}},
        },
        "timeCreated": "2026-01-02T03:04:31Z",
        "properties": [
            "PARITYGATE_PASSED",
            "PARITYGATE_INTEGRITY",
            "PARITYGATE_POLICY",
            "PARITYGATE_NON_INFERIORITY",
            "PARITYGATE_SCREEN",
            "PARITYGATE_DISPARITY",
        ],
    }


@pytest.mark.parametrize("gates", [True, False])
def test_what_was_only_noted_is_a_warning(gates):
    record = STATUSES["pass"]
    extra = CheckResult(
        id="extra", kind=CheckKind.SCREEN, slice=None, outcome=Outcome.INCONCLUSIVE, reason="because", gates=gates
    )
    policy = replace(record.policy, inconclusive="note")
    noted = replace(record, checks=(*record.checks, extra), policy=policy)
    result, _, warned, failed = lists(noted)
    assert (result, warned, failed) == ("WARNED", ["extra"], [])
    properties = read(svr(noted))["predicate"]["properties"]
    assert properties[0] == ("PARITYGATE_PASSED_WITH_NOTED_CHECKS" if gates else "PARITYGATE_PASSED")
    assert ("PARITYGATE_SCREEN" in properties) != gates


def test_a_verdict_that_no_check_explains_is_a_failed_test():
    record = STATUSES["fail"]
    bare = replace(record, checks=tuple(c for c in record.checks if c.outcome is Outcome.PASS))
    assert lists(bare)[3] == ["verdict"]


@pytest.mark.parametrize("changed", [{"sha256": None}, {"kind": "recorded"}])
def test_no_statement_about_what_has_no_hash(changed):
    record = STATUSES["pass"]
    without = replace(record, compressed=replace(record.compressed, **changed))
    assert (test_result(without), svr(without)) == (None, None)
    assert test_result(STATUSES["error"]) is None


def test_the_hash_of_a_folder_is_not_called_that_of_a_file():
    record = STATUSES["pass"]
    folder = replace(record, compressed=replace(record.compressed, kind="transformers"))
    (subject,) = read(test_result(folder))["subject"]
    assert subject["digest"] == {"paritygateFilesSha256": "f" * 64}


def test_hostile_strings_are_text():
    text = test_result(STATUSES["hostile"])
    read(text)
    assert "\x00" not in text
    assert "\u202e" not in text

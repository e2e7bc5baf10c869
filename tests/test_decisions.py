"""A person's decision: what may be decided on which evidence, and how it is kept."""

from dataclasses import replace

import pytest

from tests import samples
from validate.decisions import Decision, decide, expired, read_decisions, to_json
from validate.errors import OutputError, SuiteError
from validate.evidence import sha256

GO = Decision(decision="go", by="A. Lind", role="accountable owner", date="2026-11-24")
PASSED, FAILED = samples.passing(), samples.failing()
REPORT_ONLY = replace(PASSED, run=replace(PASSED.run, report_only=True))
STRICT = replace(PASSED, policy=replace(PASSED.policy, author_may_not_decide=True))


def test_a_decision_refers_to_the_record_and_leaves_its_hash_alone():
    before = sha256(PASSED)
    made = decide(PASSED, GO, None)
    assert (made.record_sha256, made.as_of, made.last) == (before, GO.date, GO)
    assert sha256(PASSED) == before


def test_of_several_decisions_the_last_counts_and_all_stay():
    later = replace(GO, decision="no-go", date="2026-12-01", reason="complaints from the field")
    made = decide(PASSED, later, decide(PASSED, GO, None))
    assert made.last.decision == "no-go"
    assert made.decisions == (GO, later)
    assert made.as_of == "2026-12-01"


@pytest.mark.parametrize(
    ("record", "change", "place", "rule"),
    [
        (PASSED, {"decision": "conditional"}, "--condition", "names at least one condition"),
        (PASSED, {"conditions": ("watch it",)}, "--condition", "a go has no conditions"),
        (PASSED, {"expires": "2026-11-23"}, "--expires", "must not lie before today"),
        (FAILED, {}, "--reason", "against the verdict FAIL needs its reason"),
        (FAILED, {"reason": "  "}, "--reason", "needs its reason"),
        (samples.inconclusive(), {}, "--reason", "against the verdict INCONCLUSIVE"),
        (samples.error(), {"reason": "we must"}, "--decision", "could not be evaluated"),
        (REPORT_ONLY, {"reason": "we must"}, "--decision", "did not gate"),
        (samples.all_waived(), {"date": "2026-01-11"}, "--decision", "rests on waiver W-2, which expired on 2026-01-10"),
        (REPORT_ONLY, {"decision": "conditional", "conditions": ("c",)}, "--decision", "did not gate"),
        (STRICT, {}, "[release] author", "must name the author"),
        (STRICT, {"author": "a.  lind ", "by": "A.  LIND"}, "--by", "lets the author of the compressed model not decide"),
        (STRICT, {"author": "A. Lind", "decision": "no-go"}, "--by", "lets the author"),
    ],
)  # fmt: skip
def test_what_may_not_be_decided(record, change, place, rule):
    with pytest.raises(SuiteError, match=rule) as caught:
        decide(record, replace(GO, **change), None)
    assert caught.value.place == place


@pytest.mark.parametrize(
    ("record", "change"),
    [
        (FAILED, {"reason": "the slice is served by the dense model", "decision": "go"}),
        (FAILED, {"decision": "no-go"}),
        (samples.all_waived(), {"date": "2026-01-10"}),
        (samples.all_waived(), {"decision": "no-go"}),
        (samples.error(), {"decision": "no-go"}),
        (REPORT_ONLY, {"decision": "no-go"}),
        (STRICT, {"author": "B. Berg"}),
        (PASSED, {"author": "A. Lind"}),
        (PASSED, {"expires": GO.date}),
        (PASSED, {"decision": "conditional", "conditions": ("watch group: Black",)}),
    ],
)
def test_what_may_be_decided(record, change):
    assert decide(record, replace(GO, **change), None).last.decision == change.get("decision", "go")


def test_whether_the_author_decided_is_told_where_an_author_is_known():
    assert GO.by_author is None
    assert replace(GO, author="a. lind").by_author is True
    assert replace(GO, author="B. Berg").by_author is False


def test_a_decision_expires_after_its_last_day():
    until = replace(GO, expires="2026-12-31")
    assert not expired(until, "2026-12-31")
    assert expired(until, "2027-01-01")
    assert not expired(GO, "2099-01-01")


def test_decisions_come_back_to_the_byte(tmp_path):
    hostile = replace(GO, by=samples.HOSTILE, role=samples.RTL, reason=samples.LONG)
    made = decide(PASSED, hostile, None)
    file = tmp_path / "decision.json"
    file.write_bytes(to_json(made))
    assert read_decisions(file, PASSED) == made
    assert to_json(read_decisions(file, PASSED)) == file.read_bytes()
    assert read_decisions(tmp_path / "nothing.json", PASSED) is None


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b'{"as_of"', b'"as_of"', "truncated, or not written by paritygate"),
        (b'"format_version":1', b'"format_version":2', "has format version 2"),
        (b'"format_version":1', b'"format_version":"1"', "has format version 1; this|does not fit"),
        (b'"decision":"go"', b'"decision":"ship it"', "does not fit its schema"),
        (b'"expires":null', b'"expires":"soon"', "does not fit its schema"),
        (b'"by":"A. Lind"', b'"by":""', "does not fit its schema"),
        (b'"role"', b'"signed":true,"role"', "does not fit its schema"),
    ],
)
def test_a_damaged_file_of_decisions_is_refused(tmp_path, old, new, rule):
    file = tmp_path / "decision.json"
    content = to_json(decide(PASSED, GO, None))
    assert old in content
    file.write_bytes(content.replace(old, new))
    with pytest.raises(OutputError, match=rule):
        read_decisions(file, PASSED)


def test_a_decision_about_another_record_does_not_count(tmp_path):
    file = tmp_path / "decision.json"
    file.write_bytes(to_json(decide(PASSED, GO, None)))
    with pytest.raises(OutputError, match="is about another results"):
        read_decisions(file, REPORT_ONLY)

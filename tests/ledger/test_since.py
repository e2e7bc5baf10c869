"""Change since the last signed run: what counts as comparable, and what is said where nothing does."""

from dataclasses import replace

import pytest

from tests import samples
from validate.attempts import Attempt
from validate.decisions import Decision
from validate.errors import OutputError
from validate.evidence import sha256
from validate.ledger.entries import (
    ORIGIN,
    attempt_draft,
    chained,
    decision_draft,
    read_slices,
    run_draft,
    signature_draft,
)
from validate.ledger.runs import attempts, runs
from validate.ledger.since import MOST, read_since, since, to_json
from validate.ledger.trends import set_uses

RECORD = samples.passing()


def again(number: int, base=RECORD, **run):
    return replace(
        base, run=replace(base.run, id=f"run-{number}", finished=f"2026-03-{number:02d}T10:00:00+00:00", **run)
    )


def entered(*drafts):
    """The drafts as the entries of a ledger."""
    made = []
    for draft in drafts:
        prev = made[-1].sha256 if made else ORIGIN
        made.append(chained(draft, seq=len(made) + 1, at="2026-03-31T00:00:00+00:00", prev_sha256=prev))
    return made


def book(*drafts):
    """The drafts as the entries of a ledger, and what gives each one's slices."""
    return runs(entered(*drafts)), lambda seq: read_slices(drafts[seq - 1].slices)


def signed(record):
    return signature_draft(record, sha256(record), key="ed25519:1", date="2026-03-31")


def test_a_first_run_has_nothing_to_be_compared_with():
    found = since(RECORD, *book())
    assert (found.baseline, found.shifts, found.past, found.earlier) == (None, (), (), 0)
    assert found.reason == "This is the first run of this model that the ledger holds."


def test_the_baseline_is_the_last_signed_run_also_where_later_ones_were_not_signed():
    one, two, three = again(1), again(2), again(3)
    found = since(RECORD, *book(run_draft(one), run_draft(two), signed(two), run_draft(three)))
    assert found.baseline.record_sha256 == sha256(two)
    assert found.baseline.signed
    assert [past.signed for past in found.past] == [False, True, False]


def test_without_a_signed_run_it_is_the_last_one_and_that_is_said():
    found = since(RECORD, *book(run_draft(again(1)), run_draft(again(2))))
    assert found.baseline.record_sha256 == sha256(again(2))
    assert not found.baseline.signed


@pytest.mark.parametrize(
    ("earlier", "reason"),
    [
        (again(1, report_only=True), "it did not gate"),
        (replace(again(1), suite=replace(RECORD.suite, policy_sha256="8" * 64)), "its policy was another"),
        (replace(again(1), policy=replace(RECORD.policy, metric="brier")), "its policy was another"),
        (replace(again(1), data=replace(RECORD.data, sha256="1" * 64)), "its examples were others"),
        (again(1, base=samples.error()), "nothing was compared"),
        (again(1, base=samples.empty()), "nothing was compared"),
    ],
)
def test_what_is_not_comparable_is_named_and_a_signature_does_not_help(earlier, reason):
    earlier = replace(earlier, suite=replace(earlier.suite, name=RECORD.suite.name))
    found = since(RECORD, *book(run_draft(earlier), signed(earlier)))
    assert found.baseline is None
    assert found.reason.startswith("Not comparable: ")
    assert reason in found.reason
    assert (found.earlier, found.past[0].comparable, found.past[0].signed) == (1, False, True)


def test_other_models_and_other_suites_are_no_earlier_runs():
    other = replace(again(1), compressed_name="pruned-95")
    elsewhere = replace(again(2), suite=replace(RECORD.suite, name="elsewhere"))
    assert since(RECORD, *book(run_draft(other), run_draft(elsewhere))).earlier == 0


def test_a_run_that_is_entered_already_is_not_compared_with_itself():
    assert since(RECORD, *book(run_draft(RECORD))).earlier == 0


def test_shifts_are_guarded_slices_and_those_whose_outcome_is_another():
    worse = replace(samples.failing(), compressed_name="int8")
    found = since(worse, *book(run_draft(again(1))))
    shifts = {(shift.now or shift.before).name: shift for shift in found.shifts}
    guarded = {c.slice.name for c in worse.comparisons if c.slice.guard}
    assert guarded <= set(shifts)
    recall = shifts["label: 50000+."]
    assert (recall.before.outcome, recall.now.outcome) == ("PASS", "FAIL")
    assert not shifts["group: Black"].before.flagged
    assert shifts["group: Black"].now.flagged
    assert shifts["group: Tiny"].before is None
    assert "group: White" not in shifts


def test_a_slice_that_is_gone_is_listed():
    fewer = replace(RECORD, comparisons=RECORD.comparisons[:-1])
    gone = RECORD.comparisons[-1].slice.name
    found = since(fewer, *book(run_draft(again(1))))
    assert [shift.before.name for shift in found.shifts if shift.now is None] == [gone]


def test_many_runs_are_counted_and_the_latest_listed():
    found = since(RECORD, *book(*(run_draft(again(i % 28 + 1, attempt=i)) for i in range(MOST + 6))))
    assert (found.earlier, len(found.past)) == (MOST + 6, MOST)


def test_decisions_are_shown_with_the_run_that_they_are_about():
    one = again(1)
    decisions = [
        Decision(decision=word, by="A. Lind", role="owner", date="2026-03-02", reason="r") for word in ("go", "no-go")
    ]
    drafts = [decision_draft(one, sha256(one), decision) for decision in decisions]
    assert since(RECORD, *book(run_draft(one), *drafts)).past[0].decision == "no-go"


def test_attempts_count_gating_runs_of_different_models_once():
    other = replace(again(3), compressed=replace(RECORD.compressed, sha256="1" * 64))
    quiet = again(4, report_only=True, attempt=None)
    found = attempts(entered(*map(run_draft, (again(1), again(2), other, quiet))))
    assert [attempt.artifact_sha256 for attempt in found] == ["f" * 64, "f" * 64, "1" * 64]


def test_an_attempt_that_was_announced_counts_also_where_its_run_never_ended():
    announced = Attempt(data_sha256=RECORD.data.sha256, artifact_sha256="2" * 64, compressed="int4", date="2026-03-01")
    entries = entered(attempt_draft(announced), run_draft(RECORD))
    counted = attempts(entries)
    assert [attempt.artifact_sha256 for attempt in counted] == ["2" * 64, RECORD.compressed.sha256]
    (use,) = set_uses(runs(entries), counted)
    assert (use.attempts, use.runs) == (2, 1)


def test_it_comes_back_from_its_file_to_the_byte(tmp_path):
    found = since(samples.clustered(), *book(run_draft(again(1, base=samples.clustered()))))
    file = tmp_path / "since.json"
    file.write_bytes(to_json(found))
    assert to_json(read_since(file, samples.clustered())) == file.read_bytes()
    assert read_since(file, RECORD) is None
    assert read_since(tmp_path / "nothing.json", RECORD) is None


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"{", "damaged"),
        (
            to_json(since(RECORD, *book())).replace(b'"format_version":1', b'"format_version":2'),
            "reads format version 1",
        ),
        (to_json(since(RECORD, *book())).replace(b'"earlier"', b'"later"'), "damaged, or written by a newer"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, content, rule):
    (tmp_path / "since.json").write_bytes(content)
    with pytest.raises(OutputError, match=rule):
        read_since(tmp_path / "since.json", RECORD)

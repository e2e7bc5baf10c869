"""The gate's table: what is checked, how it came out, and the verdict and exit code that follow."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.gate import NOTHING_SEEN, CheckKind, CheckResult, Scope, decide, worst_exit
from validate.outcome import Outcome

PASS, INCONCLUSIVE, FAIL, ERROR = Outcome
INTEGRITY, POLICY, GUARDED, SCREEN, DISPARITY, EDGE_CASES, CLAIM = CheckKind


def check(kind, outcome, *, gates=True, name="x", flagged=0):
    return CheckResult(
        id=f"{kind}: {name}",
        kind=kind,
        slice=name,
        outcome=outcome,
        reason="because",
        numbers={"flagged": flagged},
        gates=gates,
    )


def checks(*pairs):
    return [check(kind, outcome, name=str(i)) for i, (kind, outcome) in enumerate(pairs)]


SOUND = ((INTEGRITY, PASS), (POLICY, PASS), (GUARDED, PASS), (SCREEN, PASS), (DISPARITY, PASS))

# what beside a sound run was found | inconclusive = "block": verdict, exit code | inconclusive = "note" | first reason
TABLE = [
    ((), (PASS, 0), (PASS, 0), None),
    (((GUARDED, PASS),), (PASS, 0), (PASS, 0), None),
    (((GUARDED, INCONCLUSIVE),), (INCONCLUSIVE, 3), (PASS, 0), GUARDED),
    (((GUARDED, FAIL),), (FAIL, 1), (FAIL, 1), GUARDED),
    (((GUARDED, ERROR),), (ERROR, 4), (ERROR, 4), GUARDED),
    (((SCREEN, FAIL),), (FAIL, 1), (FAIL, 1), SCREEN),
    (((DISPARITY, FAIL),), (FAIL, 1), (FAIL, 1), DISPARITY),
    (((EDGE_CASES, FAIL),), (FAIL, 1), (FAIL, 1), EDGE_CASES),
    (((EDGE_CASES, INCONCLUSIVE),), (INCONCLUSIVE, 3), (PASS, 0), EDGE_CASES),
    (((INTEGRITY, ERROR),), (ERROR, 4), (ERROR, 4), INTEGRITY),
    (((POLICY, ERROR),), (ERROR, 2), (ERROR, 2), POLICY),
    (((POLICY, ERROR), (INTEGRITY, ERROR)), (ERROR, 4), (ERROR, 4), INTEGRITY),
    (((POLICY, ERROR), (GUARDED, FAIL)), (ERROR, 2), (ERROR, 2), POLICY),
    (((INTEGRITY, ERROR), (GUARDED, FAIL), (SCREEN, FAIL)), (ERROR, 4), (ERROR, 4), INTEGRITY),
    (((GUARDED, INCONCLUSIVE), (GUARDED, FAIL)), (FAIL, 1), (FAIL, 1), GUARDED),
    (((GUARDED, INCONCLUSIVE), (SCREEN, FAIL)), (FAIL, 1), (FAIL, 1), SCREEN),
    (((DISPARITY, FAIL), (SCREEN, FAIL)), (FAIL, 1), (FAIL, 1), SCREEN),
    (((GUARDED, INCONCLUSIVE), (POLICY, ERROR)), (ERROR, 2), (ERROR, 2), POLICY),
    (((GUARDED, INCONCLUSIVE), (INTEGRITY, ERROR)), (ERROR, 4), (ERROR, 4), INTEGRITY),
]


@pytest.mark.parametrize(("found", "blocked", "noted", "first"), TABLE)
def test_verdicts(found, blocked, noted, first):
    for policy, wanted in (("block", blocked), ("note", noted)):
        verdict = decide(checks(*SOUND, *found), NOTHING_SEEN, inconclusive=policy)
        assert (verdict.outcome, verdict.exit_code) == wanted
        assert verdict.line.startswith(wanted[0])
        assert len(verdict.reasons) == sum(outcome is not PASS for _, outcome in found)
        if first is not None:
            assert verdict.reasons[0].startswith(first)


# found and waived | found and not waived | verdict, exit code | how many are waived
WAIVED = [
    (((GUARDED, FAIL),), (), (PASS, 0), 1),
    (((GUARDED, INCONCLUSIVE), (SCREEN, FAIL), (DISPARITY, FAIL), (EDGE_CASES, FAIL)), (), (PASS, 0), 4),
    (((GUARDED, FAIL),), ((GUARDED, INCONCLUSIVE),), (INCONCLUSIVE, 3), 1),
    (((SCREEN, FAIL),), ((GUARDED, FAIL),), (FAIL, 1), 1),
    (((GUARDED, FAIL),), ((POLICY, ERROR),), (ERROR, 2), 1),
    (((GUARDED, ERROR),), (), (ERROR, 4), 0),  # what could not be evaluated is never excused
    (((INTEGRITY, ERROR),), (), (ERROR, 4), 0),
    (((POLICY, ERROR),), (), (ERROR, 2), 0),
    (((GUARDED, PASS),), (), (PASS, 0), 0),
]


@pytest.mark.parametrize(("waived", "others", "wanted", "count"), WAIVED)
def test_what_is_waived_counts_as_pass_and_is_told_last(waived, others, wanted, count):
    excused = [replace(one, waived=("W-1", "W-2")) for one in checks(*waived)]
    verdict = decide([*checks(*SOUND, *others), *excused], NOTHING_SEEN)
    assert (verdict.outcome, verdict.exit_code, verdict.waived) == (*wanted, count)
    told = [reason.endswith("(waived by W-1 and W-2)") for reason in verdict.reasons]
    assert told == sorted(told)
    assert sum(told) == count
    assert verdict.line.startswith(f"PASS ({count} waived) · " if count and wanted[0] is PASS else f"{wanted[0]} · ")


def test_a_check_without_a_say_is_not_counted_as_waived():
    aside = replace(check(GUARDED, FAIL, gates=False), waived=("W-1",))
    assert decide([*checks(*SOUND), aside], NOTHING_SEEN).waived == 0


def test_only_waived_checks_still_were_checked():
    waived = replace(check(GUARDED, FAIL), waived=("W-1",))
    assert decide([waived], NOTHING_SEEN).line.startswith("PASS (1 waived) · 1 guarded check (1 waived)")


# without a single guarded check, or with none that passed: what was looked at | "block" | "note"
UNCHECKED = [
    ((), (ERROR, 4), (ERROR, 4)),
    (((INTEGRITY, PASS),), (ERROR, 4), (ERROR, 4)),
    (((INTEGRITY, PASS), (POLICY, PASS), (SCREEN, PASS), (DISPARITY, PASS)), (ERROR, 4), (ERROR, 4)),
    (((SCREEN, FAIL),), (ERROR, 4), (ERROR, 4)),
    (((INTEGRITY, ERROR),), (ERROR, 4), (ERROR, 4)),
    (((SCREEN, PASS), (GUARDED, INCONCLUSIVE)), (INCONCLUSIVE, 3), (INCONCLUSIVE, 3)),
    (((GUARDED, INCONCLUSIVE), (GUARDED, INCONCLUSIVE)), (INCONCLUSIVE, 3), (INCONCLUSIVE, 3)),
]


@pytest.mark.parametrize(("found", "blocked", "noted"), UNCHECKED)
def test_nothing_unchecked_passes(found, blocked, noted):
    for policy, wanted in (("block", blocked), ("note", noted)):
        verdict = decide(checks(*found), NOTHING_SEEN, inconclusive=policy)
        assert (verdict.outcome, verdict.exit_code) == wanted
        assert verdict.reasons


def test_a_verdict_without_guarded_checks_says_so_unless_an_error_says_why():
    nothing = "nothing was checked: no guarded slice could be evaluated"
    assert decide([], NOTHING_SEEN).reasons == (nothing,)
    assert decide(checks((SCREEN, FAIL)), NOTHING_SEEN).reasons == (nothing, "screen: 0: because")
    assert decide(checks((INTEGRITY, ERROR)), NOTHING_SEEN).reasons == ("integrity: 0: because",)


@pytest.mark.parametrize("outcome", Outcome)
def test_a_check_that_does_not_gate_has_no_say(outcome):
    shown = check(GUARDED, outcome, gates=False)
    assert decide([*checks(*SOUND), shown], NOTHING_SEEN).exit_code == 0
    assert decide([shown], NOTHING_SEEN).exit_code == 4


@pytest.mark.parametrize(
    ("codes", "worst"),
    [((), 4), ((0,), 0), ((0, 0), 0), ((0, 3), 3), ((3, 1, 0), 1), ((1, 2, 3), 2), ((2, 4, 1, 0, 3), 4)],
)
def test_several_runs_have_the_worst_exit_code(codes, worst):
    assert worst_exit(codes) == worst


any_checks = st.lists(
    st.builds(check, st.sampled_from(CheckKind), st.sampled_from(Outcome), gates=st.booleans()), max_size=6
)
policies = st.sampled_from(["block", "note"])


@given(any_checks, policies)
def test_a_pass_was_shown_by_a_guarded_check_and_contradicted_by_none(found, policy):
    verdict = decide(found, NOTHING_SEEN, inconclusive=policy)
    gating = [c for c in found if c.gates]
    assert (verdict.outcome is PASS) == (verdict.exit_code == 0)
    if verdict.outcome is PASS:
        assert any(c.kind is GUARDED and c.outcome is PASS for c in gating)
        assert not any(c.outcome in {FAIL, ERROR} for c in gating)
    else:
        assert verdict.reasons


@given(any_checks, policies, st.randoms(use_true_random=False))
def test_the_order_of_checks_does_not_matter(found, policy, random):
    shuffled = random.sample(found, len(found))
    one, two = (decide(some, NOTHING_SEEN, inconclusive=policy) for some in (found, shuffled))
    assert (one.outcome, one.exit_code, sorted(one.reasons)) == (two.outcome, two.exit_code, sorted(two.reasons))


@given(any_checks, st.sampled_from([FAIL, ERROR]), st.sampled_from(CheckKind), policies)
def test_one_more_failure_never_helps(found, outcome, kind, policy):
    assert decide([*found, check(kind, outcome)], NOTHING_SEEN, inconclusive=policy).outcome in {FAIL, ERROR}


def test_the_line_speaks_for_what_was_looked_at():
    guarded = [check(GUARDED, PASS, name=str(i)) for i in range(9)]
    together = Scope(screened=112, blind=27, blind_share=0.008, blind_unpooled=0)
    assert decide(guarded, together).line == (
        "PASS · 9 guarded checks · 112 slices screened · 27 (0.8 % of examples) too small to judge alone, judged together"
    )
    alone = Scope(screened=112, blind=27, blind_share=0.008, blind_unpooled=4)
    assert decide(guarded, alone).line.endswith("too small to judge alone, 4 of them not judged together either")


def test_the_line_counts_what_went_wrong():
    found = [
        *checks((GUARDED, FAIL), (GUARDED, INCONCLUSIVE), (GUARDED, PASS)),
        check(SCREEN, FAIL, flagged=3),
        check(DISPARITY, FAIL, flagged=1),
    ]
    scope = Scope(screened=40, blind=0, blind_share=0.0, blind_unpooled=0)
    assert decide(found, scope).line == (
        "FAIL · 3 guarded checks (1 failed, 1 inconclusive) · 40 slices screened (3 flagged) · disparity (1 flagged)"
    )
    noted = decide(checks((GUARDED, INCONCLUSIVE), (GUARDED, PASS)), scope, inconclusive="note")
    assert noted.line == "PASS · 2 guarded checks (1 inconclusive, noted) · 40 slices screened"
    assert noted.reasons == ("non-inferiority: 0: because",)  # excused, and still said


def test_the_line_names_the_check_in_error():
    assert decide(checks(*SOUND, (POLICY, ERROR)), NOTHING_SEEN).line.endswith("policy: 5")


def test_edge_cases_gate_and_are_no_guarded_slices():
    verdict = decide(checks((GUARDED, PASS), (EDGE_CASES, FAIL), (EDGE_CASES, PASS)), NOTHING_SEEN)
    assert (verdict.outcome, verdict.exit_code) == (FAIL, 1)
    assert "1 guarded check ·" in verdict.line
    assert "2 edge-case checks (1 failed)" in verdict.line
    assert decide(checks((EDGE_CASES, PASS)), NOTHING_SEEN).outcome is ERROR

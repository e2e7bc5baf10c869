"""Planted truth: what was damaged is caught there and nowhere else, and nothing passes that was not shown."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pairs import answers_of, flagged, grouped, judged, paired_rights
from tests.planted import people, plant
from tests.strategies import dataset, rights, suite
from validate.checks import integrity_check
from validate.gate import CheckKind
from validate.judgement import judge_pair
from validate.methods import methods
from validate.outcome import Outcome
from validate.predictions import constants, pair
from validate.slicing import build_membership
from validate.suite import Family, Gate, NamedSlice

FAMILY = Family(by=("sex", "race", "class", "education", "country"))
CROSSED = dataclasses.replace(FAMILY, cross=2)
SCREENS = ("holm", "westfall-young", "melded")


def outcome_of(judgement, name):
    (check,) = (check for check in judgement.checks if name in {check.slice, check.id})
    return check.outcome


def small(labels, classes=("no", "yes"), **columns):
    """A data set of these class names."""
    return dataset(pd.DataFrame({"label": labels, **columns}), classes=classes)


# --------------------------------------------------------------------------------------------------- planted damage
@pytest.mark.parametrize("screen", SCREENS)
def test_one_damaged_category_is_caught_there_and_nowhere_else(screen):
    data, dense = people()
    inside = (data.frame["class"] == "c3").to_numpy()
    compressed = plant(np.random.default_rng(1), dense, inside=inside, damage=0.15, churn=0.0)
    found = judged(data, dense, compressed, FAMILY, screen=screen, flips=500)
    assert flagged(found) == {"class: c3"}
    assert (found.verdict.outcome, found.verdict.exit_code) == (Outcome.FAIL, 1)
    assert outcome_of(found, "screen") is Outcome.FAIL
    assert outcome_of(found, "all") is Outcome.PASS


def test_damage_in_an_intersection_is_caught_where_it_is():
    data, dense = people()
    inside = ((data.frame["race"] == "r1") & (data.frame["education"] == "e2")).to_numpy()
    compressed = plant(np.random.default_rng(2), dense, inside=inside, damage=0.3, churn=0.01)
    found = judged(data, dense, compressed, CROSSED)
    worst = min((c for c in found.comparisons if c.flagged), key=lambda c: c.change.estimate)
    assert worst.slice.name == "race: r1 & education: e2"  # what contains it may be flagged too, and loses less


def test_a_damaged_minority_is_a_disparity():
    data, dense = people()
    rare = (data.frame["country"] == "c6").to_numpy()
    assert 0.01 < rare.mean() < 0.05
    compressed = plant(np.random.default_rng(3), dense, inside=rare, damage=0.2, churn=0.0)
    found = judged(data, dense, compressed, FAMILY)
    assert {d.slice for d in found.disparities if d.flagged} >= {"country: c6"}
    assert {d.slice for d in found.disparities if d.flagged} <= {"country: c6", "country: rare together"}
    assert outcome_of(found, "disparity") is Outcome.FAIL


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("exact", [False, True])
def test_the_same_model_twice_passes(screen, exact):
    data, dense = people()
    found = judged(data, dense, dense, FAMILY, screen=screen, exact=exact, flips=100)
    assert (found.verdict.outcome, found.verdict.exit_code) == (Outcome.PASS, 0)
    assert not flagged(found)
    assert not any(d.flagged for d in found.disparities)


def test_even_churn_passes_and_is_flagged_nowhere():
    data, dense = people()
    compressed = plant(np.random.default_rng(4), dense, inside=dense, damage=0.0, churn=0.02)
    found = judged(data, dense, compressed, CROSSED)
    assert found.verdict.outcome is Outcome.PASS
    assert not flagged(found)


def test_thirty_tiny_categories_that_all_lose_are_caught_together():
    rng = np.random.default_rng(5)
    tiny = np.repeat([f"v{i:02d}" for i in range(30)], 40)
    data = small(rng.choice(["no", "yes"], 30_000), group=np.concatenate([tiny, np.full(28_800, "common")]))
    dense = rng.random(30_000) < 0.95
    compressed = dense.copy()
    for start in range(0, 1200, 40):  # four of forty each
        compressed[rng.choice(start + np.flatnonzero(dense[start : start + 40]), 4, replace=False)] = False
    found = judged(data, dense, compressed, Family(by=("group",)))
    assert not {name for name in flagged(found) if name.startswith("group: v")}  # none by itself
    assert outcome_of(found, "group: rare together") is Outcome.FAIL
    assert outcome_of(found, "all") is Outcome.PASS
    assert found.verdict.exit_code == 1
    assert {spot.pooled for spot in found.blind_spots} == {"group: rare together"}


# ------------------------------------------------------------------------------------------------- nothing unchecked
@settings(deadline=None, max_examples=60)
@given(rights(7), st.sampled_from([0.01, 0.02, 0.1, 0.3]), st.booleans(), st.sampled_from(["block", "note"]))
def test_seven_examples_never_pass(given_rights, margin, exact, policy):
    dense, compressed = given_rights
    dense = dense | compressed  # the dense model is no worse
    data = small(["no", "yes"] * 3 + ["no"], group=["a"] * 7)
    found = judged(data, dense, compressed, Family(by=("group",)), margin=margin, exact=exact, inconclusive=policy)
    assert found.verdict.outcome is not Outcome.PASS
    assert found.verdict.exit_code in {1, 2, 3}


@pytest.mark.parametrize("n", [1, 2, 7, 30, 188])
def test_too_few_examples_are_inconclusive_even_without_a_flip(n):
    data = small((["no", "yes"] * n)[:n])
    right = np.ones(n, dtype=bool)
    found = judged(data, right, right)
    assert (found.verdict.outcome, found.verdict.exit_code) == (Outcome.INCONCLUSIVE, 3)
    assert "cannot pass without a gain" in found.verdict.reasons[0]


def test_a_slice_of_one_is_described_and_never_passed():
    n = 1000
    data = small(["no", "yes"] * (n // 2), group=["only me"] + ["others"] * (n - 1))
    right = np.arange(n) % 20 > 0
    found = judged(data, right, right, Family(by=("group",), guard=("only me",)))
    (one,) = (c for c in found.comparisons if c.slice.name == "group: only me")
    assert (one.slice.n, one.outcome) == (1, Outcome.INCONCLUSIVE)
    assert one.change.high == pytest.approx(0.793, abs=5e-4)
    assert (one.change.low, one.change.estimate) == (-one.change.high, 0)
    assert found.verdict.exit_code == 3
    assert [spot.slice for spot in found.blind_spots] == ["group: only me"]
    screened = judged(data, right, right, Family(by=("group",)))
    assert screened.verdict.exit_code == 0  # not guarded: described, and said to be too small
    assert "1 (0.1 % of examples) too small to judge alone" in screened.verdict.line


def test_all_examples_equal():
    data = small(["no"] * 5000, group=["a"] * 5000)
    right = np.ones(5000, dtype=bool)
    found = judged(data, right, right, Family(by=("group",)))
    assert found.verdict.exit_code == 2  # always "no" would pass: these examples can show nothing
    assert found.disparities == ()


@pytest.mark.parametrize("answer", ["no", "yes"])
@pytest.mark.parametrize("policy", ["block", "note"])
def test_a_constant_prediction_never_passes(answer, policy):
    data, dense = people()
    always = (data.frame["label"] == answer).to_numpy()
    found = judged(data, dense, always, FAMILY, inconclusive=policy)
    assert found.verdict.outcome is Outcome.FAIL
    assert outcome_of(found, "policy") is Outcome.PASS


@pytest.mark.parametrize("policy", ["block", "note"])
def test_a_vacuous_policy_is_wrong_usage_and_names_the_check(policy):
    data, dense = people()
    found = judged(data, dense, dense, class_margin=0.97, margin=0.05, inconclusive=policy)
    assert (found.verdict.outcome, found.verdict.exit_code) == (Outcome.ERROR, 2)
    assert found.verdict.reasons[0].startswith("policy: vacuous: a model that always answers 'no' would pass")
    (check,) = (check for check in found.checks if check.kind is CheckKind.POLICY)
    assert check.numbers == {"constants": 2, "passed": 1}


def test_a_class_too_rare_to_guard_or_to_screen_makes_accuracy_alone_vacuous():
    n = 3000
    data = small(["yes"] * 4 + ["no"] * (n - 4))
    right = np.ones(n, dtype=bool)
    found = judged(data, right, right)
    assert found.verdict.exit_code == 2
    assert "always answers 'no'" in found.verdict.reasons[0]


def test_every_constant_is_tried():
    data, dense = people()
    paired = paired_rights(data, dense, dense)
    assert [name for name, _ in constants(paired)] == list(data.classes)
    assert [name for name, _ in constants(paired, shares=True)] == [*data.classes, "the shares of the classes"]


# ----------------------------------------------------------------------------------------------------- missing answers
def test_missing_answers_count_as_wrong_and_are_reported():
    data, dense = people()
    missing = dense & (np.arange(len(data)) % 400 == 0)
    found = judged(data, dense, dense, FAMILY, missing=missing)
    everything = found.comparisons[0]
    assert everything.counts.losses == missing.sum()
    assert everything.counts.gains == 0
    (note,) = (note for note in found.notes if note.kind == "missing answers")
    assert note.text.startswith(f"{missing.sum()} examples without an answer")
    assert found.verdict.outcome is Outcome.PASS


def test_a_model_without_any_answer_fails():
    data, dense = people()
    found = judged(data, dense, dense, FAMILY, missing=np.ones(len(data), dtype=bool))
    assert found.verdict.outcome is Outcome.FAIL
    assert found.comparisons[0].compressed == 0


# ------------------------------------------------------------------------------------------------------------ classes
def test_classes_with_few_examples_are_judged_together():
    labels = ["a"] * 900 + ["b"] * 900 + ["c"] * 60 + ["d"] * 60
    data = small(labels, classes=("a", "b", "c", "d"))
    right = np.ones(len(labels), dtype=bool)
    found = judged(data, right, right)
    guarded = {check.slice for check in found.checks if check.kind is CheckKind.NON_INFERIORITY}
    assert guarded == {"all", "label: a", "label: b", "label: rare together"}
    assert found.verdict.outcome is Outcome.PASS
    worse = right.copy()
    worse[1800:1830] = False
    assert outcome_of(judged(data, right, worse), "label: rare together") is Outcome.FAIL


def test_a_class_of_no_examples_is_no_slice():
    labels = ["a"] * 400 + ["b"] * 400
    data = small(labels, classes=("a", "b", "never"))
    right = np.ones(800, dtype=bool)
    found = judged(data, right, right)
    assert "label: never" not in {c.slice.name for c in found.comparisons}
    assert found.verdict.outcome is Outcome.PASS


# ------------------------------------------------------------------------------------------------------ policy options
BETWEEN = {"a": (880, 1, 6, 113)}  # passes by the score interval, not by the exact one


def test_exact_is_stricter_about_what_must_pass():
    data, paired = grouped(BETWEEN)
    where = NamedSlice(name="guarded", where="group == 'a'", guard=True, margin=0.01218)
    outcomes = {}
    for exact in (False, True):
        declared = suite(where, exact=exact)
        found = judge_pair(paired, build_membership(data, declared), declared.gate, seed=0)
        outcomes[exact] = outcome_of(found, "guarded")
    assert outcomes == {False: Outcome.PASS, True: Outcome.INCONCLUSIVE}


def test_inconclusive_as_a_note_passes_and_says_so():
    n = 4000
    data = small(["no", "yes"] * (n // 2), group=["few"] * 60 + ["many"] * (n - 60))
    right = np.arange(n) % 20 > 0
    guarded = NamedSlice(name="few", where="group == 'few'", guard=True)
    blocked, noted = (judged(data, right, right, guarded, inconclusive=policy) for policy in ("block", "note"))
    assert (blocked.verdict.outcome, blocked.verdict.exit_code) == (Outcome.INCONCLUSIVE, 3)
    assert (noted.verdict.outcome, noted.verdict.exit_code) == (Outcome.PASS, 0)
    assert "4 guarded checks (1 inconclusive, noted)" in noted.verdict.line
    assert noted.verdict.reasons[0].startswith("non-inferiority: few: ")


def test_a_screened_slice_need_not_pass():
    n = 4000
    data = small(["no", "yes"] * (n // 2), group=["few"] * 60 + ["many"] * (n - 60))
    right = np.arange(n) % 20 > 0
    found = judged(data, right, right, NamedSlice(name="few", where="group == 'few'"))
    assert found.verdict.outcome is Outcome.PASS
    (few,) = (c for c in found.comparisons if c.slice.name == "few")
    assert few.outcome is Outcome.INCONCLUSIVE


def test_given_checks_come_first_and_count():
    data, dense = people()
    declared = suite(FAMILY)
    broken = integrity_check("contract", ["ages are negative"], "")
    membership = build_membership(data, declared)
    found = judge_pair(paired_rights(data, dense, dense), membership, declared.gate, seed=0, integrity=[broken])
    assert found.checks[0] is broken
    assert found.verdict.exit_code == 4
    kinds = [check.kind for check in found.checks]
    assert kinds == sorted(kinds, key=list(CheckKind).index)


def test_copies_of_one_example_do_not_count_as_many():
    data, dense = people(2_000)
    copies = 20
    frame = pd.concat([data.frame.iloc[:200]] * copies, ignore_index=True)
    many = dataset(frame)
    clustered = dataclasses.replace(many, clusters=np.tile(np.arange(200), copies))
    right = np.tile(dense[:200], copies)
    flips = np.tile(np.arange(200) % 100 == 1, copies) & right
    as_rows, as_clusters = (judged(each, right, right & ~flips) for each in (many, clustered))
    wide, narrow = as_clusters.comparisons[0].change, as_rows.comparisons[0].change
    assert narrow.high - narrow.low < 0.5 * (wide.high - wide.low)
    assert (as_clusters.comparisons[0].outcome, as_rows.comparisons[0].outcome) == (Outcome.INCONCLUSIVE, Outcome.PASS)
    assert "200 clusters" in as_clusters.comparisons[0].note


# ---------------------------------------------------------------------------------------------------------------- laws
@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_answers_does_not_matter(seed):
    data, dense = people(1_000)
    rng = np.random.default_rng(seed)
    compressed = plant(rng, dense, inside=dense, damage=0.0, churn=0.05)
    declared = suite(FAMILY)
    membership = build_membership(data, declared)

    def shuffled(right):
        answers, order = answers_of(data, right), rng.permutation(len(data))
        return dataclasses.replace(answers, ids=answers.ids[order].copy(), scores=answers.scores[order])

    straight = judge_pair(paired_rights(data, dense, compressed), membership, declared.gate, seed=0)
    mixed = judge_pair(pair(data, shuffled(dense), shuffled(compressed)), membership, declared.gate, seed=0)
    assert mixed == straight


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_the_names_of_the_ids_and_the_order_of_the_rows_do_not_matter(seed):
    data, dense = people(1_000)
    rng = np.random.default_rng(seed)
    compressed = plant(rng, dense, inside=dense, damage=0.0, churn=0.05)
    order = rng.permutation(len(data))
    moved = dataset(data.frame.iloc[order].reset_index(drop=True))
    renamed = dataclasses.replace(moved, ids=np.array([f"person {i}" for i in order], dtype=object))
    one = judged(data, dense, compressed, FAMILY)
    other = judged(renamed, dense[order], compressed[order], FAMILY)
    assert other == one


def test_a_gate_is_a_value():
    data, dense = people()
    one, two = (judged(data, dense, dense, FAMILY, **dataclasses.asdict(Gate())) for _ in range(2))
    assert one == two


# ------------------------------------------------------------------------------------------------- every method, told
def harmed(**gate):
    """Forty groups of 250, of which three lose a fifth; guarded are only the classes."""
    names = np.repeat([f"g{i}" for i in range(40)], 250)
    data = small(np.tile(["no", "yes"], 5_000), group=names)
    right = np.arange(10_000) % 10 > 0
    lost = np.isin(names, ["g3", "g4", "g5"]) & (np.arange(10_000) % 5 == 1)
    return judged(data, right, right & ~lost, Family(by=("group",)), **gate)


def test_what_is_listed_for_having_lost_has_an_interval_that_allows_for_its_having_been_picked():
    """The three groups and both classes: a level of 1 - 5 × 0.10 / m of m slices (Benjamini & Yekutieli 2005)."""
    found = harmed()
    listed = [c for c in found.comparisons if c.p_fdr is not None and c.p_fdr <= 0.10]
    family = {c.slice.name for c in found.comparisons if c.slice.screened}
    assert {c.slice.name for c in listed} == {"group: g3", "group: g4", "group: g5", "label: no", "label: yes"}
    for c in listed:
        assert c.fcr is not None
        assert c.fcr.level == pytest.approx(1 - len(listed) * 0.10 / len(family))
        assert c.fcr.low < c.change.low < c.change.high < c.fcr.high
    assert all(c.fcr is None for c in found.comparisons if c not in listed)


@pytest.mark.parametrize("screen", ["holm", "westfall-young", "melded"])
def test_every_screen_says_which_it_is_and_flags_the_same_plain_damage(screen):
    found = harmed(screen=screen)
    assert flagged(found) == {"group: g3", "group: g4", "group: g5"}
    told = {m.topic: m for m in methods(Gate(screen=screen), metric_kind="binary", clustered=False)}["screen"]
    assert {"holm": "Holm", "westfall-young": "Westfall", "melded": "Fay & Lumbard"}[screen] in told.source
    adjusted = {c.slice.name: c.p_adjusted for c in found.comparisons if c.slice.screened}
    if screen == "westfall-young":  # so many flips can show no less
        assert min(adjusted.values()) == pytest.approx(1 / 2_001)


def test_a_slice_without_a_flip_leaves_the_family_by_tarones_rule():
    """Thirty-seven of the forty never flip: after both classes Holm multiplies by the three that are left."""
    found = {c.slice.name: c for c in harmed().comparisons}
    three = sorted(found[f"group: g{i}"].p for i in (3, 4, 5))
    assert found["group: g3"].p_adjusted == pytest.approx(3 * three[0])
    assert found["group: g0"].p_adjusted == 1


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("gained", [0.0, 0.5, 1.0])
def test_where_every_answer_turns_no_more_is_passed_than_is_gained(exact, gained):
    data = small(["no", "yes"] * 500)
    gains = np.random.default_rng(1).random(1_000) < gained
    found = judged(data, ~gains, gains, exact=exact)
    everything = found.comparisons[0]
    assert everything.counts is not None
    assert everything.counts.gains + everything.counts.losses == 1_000
    wanted = {0.0: Outcome.FAIL, 0.5: Outcome.INCONCLUSIVE, 1.0: Outcome.PASS}[gained]
    assert everything.outcome is wanted
    assert -1 <= everything.change.low <= everything.change.estimate <= everything.change.high <= 1

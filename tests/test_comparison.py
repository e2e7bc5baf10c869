"""One slice on one metric: counts, interval, label, what it would take to know; and the laws that all of it obeys."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pairs import by_group, compared, grouped, paired_rights
from tests.small import small_dataset, small_predictions
from tests.strategies import dataset, frames, rights
from tests.strategies import suite as suite_of
from validate.comparison import compare, slack
from validate.counts import count, outcomes
from validate.outcome import Outcome
from validate.predictions import pair
from validate.slices import Kind, take
from validate.slicing import build_membership
from validate.stats.paired import melded_interval, tango_interval
from validate.stats.ratio import error_ratio_score_interval
from validate.stats.reuse import mixture_e_value
from validate.stats.significance import sign_test
from validate.suite import Family, NamedSlice
from validate.totals import add_up

TABLES = {"steady": (940, 10, 12, 38), "harmed": (500, 3, 61, 36), "tiny": (6, 0, 0, 1)}


def test_every_slice_has_its_counts_rates_and_interval():
    found = by_group(TABLES)
    for name, table in TABLES.items():
        one = found[f"group: {name}"]
        both_right, gains, losses, _ = table
        n = sum(table)
        assert dataclasses.astuple(one.counts) == table
        assert one.slice.n == n
        assert one.dense == pytest.approx((both_right + losses) / n)
        assert one.compressed == pytest.approx((both_right + gains) / n)
        wanted = tango_interval([gains], [losses], [n])
        assert (one.change.estimate, one.change.low, one.change.high) == (
            pytest.approx((gains - losses) / n),
            wanted.low[0],
            wanted.high[0],
        )
        assert (one.change.level, one.change.method) == (0.95, wanted.method)
        assert one.p == sign_test([gains], [losses])[0]
    everything = found["all"]
    assert dataclasses.astuple(everything.counts) == tuple(np.sum(list(TABLES.values()), axis=0))


def test_all_comes_first_then_what_is_guarded():
    found = list(by_group(TABLES, NamedSlice(name="named", where="group == 'harmed'", guard=True)).values())
    assert found[0].slice.kind is Kind.ALL
    guarded = [one.slice.guard for one in found]
    assert guarded == sorted(guarded, reverse=True)
    assert {one.slice.name for one in found if one.slice.guard} == {"all", "label: no", "label: yes", "named"}


def test_labels_follow_the_interval_and_the_margin():
    found = by_group({**TABLES, "unsure": (180, 2, 5, 13)})
    labels = {name: found[f"group: {name}"].outcome for name in [*TABLES, "unsure"]}
    assert labels == {
        "steady": Outcome.PASS,
        "harmed": Outcome.FAIL,
        "tiny": Outcome.INCONCLUSIVE,
        "unsure": Outcome.INCONCLUSIVE,
    }


def test_worse_within_the_margin_passes_and_says_so():
    one = by_group({"a": (9700, 20, 80, 200)})["group: a"]
    assert (one.outcome, one.regressed) == (Outcome.PASS, True)


def test_margins_are_the_slices_own():
    where = "group == 'harmed'"
    found = by_group(TABLES, NamedSlice(name="lenient", where=where, margin=0.2), class_margin=0.3)
    assert (found["group: harmed"].outcome, found["lenient"].outcome) == (Outcome.FAIL, Outcome.PASS)
    assert found["label: yes"].slice.margin == 0.3


def test_an_inconclusive_slice_says_what_it_would_take():
    tiny, decided = (by_group(TABLES)[f"group: {name}"] for name in ("tiny", "harmed"))
    assert tiny.n_smallest == 189  # of a margin of 0.02, without a flip
    assert tiny.n_needed is not None
    assert tiny.n_needed > 189
    assert decided.n_needed is None


@pytest.mark.parametrize("name", TABLES)
def test_the_smallest_margin_is_the_edge_of_passing(name):
    smallest = by_group(TABLES)[f"group: {name}"].smallest_margin
    for margin, passes in ((smallest + 1e-6, True), (smallest - 1e-6, False)):
        one = by_group(TABLES, margin=margin)[f"group: {name}"]
        assert (one.outcome is Outcome.PASS) is passes


@pytest.mark.parametrize("table", [(940, 10, 12, 38), (900, 5, 30, 65)])
def test_flips_are_the_losses_to_the_other_side(table):
    both_right, gains, losses, both_wrong = table
    one = by_group({"a": table})["group: a"]
    for more, passes in ((one.flips, one.flips < 0), (one.flips - int(np.sign(one.flips)), one.flips > 0)):
        moved = (both_right - more, gains, losses + more, both_wrong)
        assert (by_group({"a": moved})["group: a"].outcome is Outcome.PASS) is passes


def test_exact_uses_the_melded_interval():
    table = TABLES["steady"]
    one = by_group(TABLES, exact=True)["group: steady"]
    wanted = melded_interval([table[1]], [table[2]], [sum(table)])
    assert (one.change.low, one.change.high, one.change.method) == (wanted.low[0], wanted.high[0], wanted.method)
    score = by_group(TABLES)["group: steady"]
    assert one.change.low < score.change.low


def test_declared_attempts_share_alpha():
    alone, shared = (by_group(TABLES, attempts=attempts)["group: steady"] for attempts in (None, 4))
    assert (alone.change.level, shared.change.level) == (0.95, 0.9875)
    assert shared.change.low < alone.change.low
    assert by_group(TABLES, attempts=4)["group: tiny"].n_smallest > by_group(TABLES)["group: tiny"].n_smallest


def test_a_ratio_of_error_rates_replaces_the_margin():
    # errors from 10 to 40 of 4,000: within two points, and four times as many
    table = (3960, 0, 30, 10)
    points, ratio = (by_group({"a": table}, margin_ratio=factor)["all"] for factor in (None, 1.5))
    assert (points.outcome, points.ratio) == (Outcome.PASS, None)
    wanted = error_ratio_score_interval([10], [0], [30])
    assert (ratio.ratio.estimate, ratio.ratio.low, ratio.ratio.high) == (4.0, wanted.low[0], wanted.high[0])
    assert ratio.outcome is Outcome.FAIL
    assert by_group({"a": table}, margin_ratio=9)["all"].outcome is Outcome.PASS


def test_slices_judged_by_a_ratio_have_room_by_that_ratio():
    """b loses fewer points than a, and more of the errors that it may make."""
    tables = {"a": (3000, 0, 20, 980), "b": (3990, 0, 10, 90)}
    found = by_group(tables, margin_ratio=9)
    a, b = found["group: a"], found["group: b"]
    assert a.change.low < b.change.low
    assert a.ratio.high < b.ratio.high
    assert slack(b) < slack(a)


def test_slices_of_the_same_examples_say_so():
    same = NamedSlice(name="the steady ones", where="group == 'steady'")
    found = by_group(TABLES, same)
    notes = {found[name].note for name in ("group: steady", "the steady ones")}
    assert notes in ({"", "same examples as 'group: steady'"}, {"", "same examples as 'the steady ones'"})
    assert found["the steady ones"].p_adjusted == found["group: steady"].p_adjusted
    everyone = by_group({"a": (90, 0, 0, 10)})["group: a"]
    assert everyone.note == "same examples as 'all'"


def test_other_metrics_are_described_beside_where_the_outputs_allow():
    data = small_dataset([0, 0, 1, 1], group=["a", "a", "b", "b"])
    dense = small_predictions([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.4, 0.6]], outputs="probabilities")
    compressed = small_predictions([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.4, 0.6]], outputs="probabilities")
    suite = suite_of(Family(by=("group",)))
    found = compared(data, pair(data, dense, compressed), suite)
    scores = {score.metric: score for score in found["all"].scores}
    assert {"Brier score", "log-loss", "false-positive rate", "false-negative rate"} <= scores.keys()
    rate = scores["false-positive rate"]
    assert (rate.n, rate.dense, rate.compressed, rate.change) == (2, 0.0, 0.5, -0.5)
    assert scores["Brier score"].n == 4
    assert scores["Brier score"].change < 0  # a larger Brier score is harm
    assert "false-positive rate" not in {score.metric for score in found["group: b"].scores}  # it has no negatives
    labels = {score.metric for score in by_group(TABLES)["all"].scores}
    assert labels == {"false-positive rate", "false-negative rate"}


def test_intersections_go_without_other_metrics():
    data, paired = grouped(TABLES)
    data.frame["half"] = np.where(np.arange(len(data)) % 3, "x", "y")
    found = compared(data, paired, suite_of(Family(by=("group", "half"), cross=2)))
    crosses = [one for one in found.values() if one.slice.kind is Kind.CROSS]
    assert crosses
    assert not any(one.scores for one in crosses)
    assert found["half: x"].scores


# ------------------------------------------------------------------------------------------------------------ laws
SUITE = suite_of(
    Family(by=("colour", "flag"), cross=2),
    Family(by=("age",), bins={"age": (30.0, 60.0)}),
    NamedSlice(name="small", where="size < 4", guard=True),
)
exact = st.booleans()


@st.composite
def answered(draw, **bounds):
    """A frame, and whether each of two models is right on its rows."""
    frame = draw(frames(**bounds))
    return dataset(frame), *draw(rights(len(frame)))


def with_gate(suite, **gate):
    return dataclasses.replace(suite, gate=dataclasses.replace(suite.gate, **gate))


@settings(deadline=None, max_examples=25)
@given(answered(), exact)
def test_swapping_the_models_negates_the_change_and_mirrors_the_interval(case, exact):
    data, dense, compressed = case
    suite = with_gate(SUITE, exact=exact)
    there = compared(data, paired_rights(data, dense, compressed), suite)
    back = compared(data, paired_rights(data, compressed, dense), suite)
    for name, one in there.items():
        other = back[name]
        assert one.change.estimate == pytest.approx(-other.change.estimate)
        assert one.change.low == pytest.approx(-other.change.high, abs=1e-9)
        assert one.change.high == pytest.approx(-other.change.low, abs=1e-9)
        assert (one.dense, one.compressed) == (other.compressed, other.dense)
        assert (one.counts.gains, one.counts.losses) == (other.counts.losses, other.counts.gains)


@settings(deadline=None, max_examples=25)
@given(answered(min_rows=2), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_ids_does_not_matter(case, random):
    data, dense, compressed = case
    order = np.array(random.sample(range(len(data)), len(data)))
    moved = dataset(data.frame.iloc[order].reset_index(drop=True))
    before = compared(data, paired_rights(data, dense, compressed), SUITE)
    after = compared(moved, paired_rights(moved, dense[order], compressed[order]), SUITE)
    assert after == before


@settings(deadline=None, max_examples=25)
@given(answered(min_rows=2), st.integers(1, 10**6))
def test_counts_of_shards_add_up(case, cut):
    data, dense, compressed = case
    membership, outcome = build_membership(data, SUITE), outcomes(dense, compressed)
    rows = np.arange(len(data))
    parts = np.split(rows, [cut % len(data)])
    first, second = (count(take(membership, part), outcome[part]) for part in parts)
    np.testing.assert_array_equal((first + second).table, count(membership, outcome).table)


@settings(deadline=None, max_examples=25)
@given(answered(), exact)
def test_the_same_model_twice_changes_nothing_and_is_no_pass_by_itself(case, exact):
    data, dense, _ = case
    suite = with_gate(SUITE, exact=exact)
    for one in compared(data, paired_rights(data, dense, dense), suite).values():
        assert one.change.estimate == 0
        assert one.change.low < 0 < one.change.high
        assert one.outcome is Outcome.INCONCLUSIVE  # at most forty examples
        assert not one.flagged
        assert one.p == 1


@settings(deadline=None, max_examples=25)
@given(answered(), st.data())
def test_one_more_loss_never_helps(case, drawn):
    data, dense, compressed = case
    kept = np.flatnonzero(dense & compressed)
    if not len(kept):
        return
    worse = compressed.copy()
    worse[drawn.draw(st.sampled_from(kept.tolist()))] = False
    before = compared(data, paired_rights(data, dense, compressed), SUITE)
    after = compared(data, paired_rights(data, dense, worse), SUITE)
    assert all(after[name].change.low <= before[name].change.low + 1e-12 for name in before)
    assert all(after[name].p <= before[name].p + 1e-12 for name in before)


def test_the_same_seed_gives_the_same_comparisons():
    data, paired = grouped(TABLES)
    suite = suite_of(Family(by=("group",)), screen="westfall-young")
    totals = add_up(paired, build_membership(data, suite), suite.gate)
    one, two = (compare(totals, suite.gate, np.random.default_rng(5)) for _ in range(2))
    assert one == two


def test_growing_data_have_an_e_value_of_guarded_slices_that_may_be_looked_at_any_time():
    found = by_group(TABLES, NamedSlice(name="named", where="group == 'steady'", guard=True), growing=True)
    wanted = mixture_e_value(10, 12, 1000, 0.02)[0]
    assert found["named"].e_value == pytest.approx(wanted)
    assert found["group: tiny"].e_value is None
    assert by_group(TABLES)["all"].e_value is None
    assert by_group(TABLES, growing=True, margin_ratio=1.5)["all"].e_value is None

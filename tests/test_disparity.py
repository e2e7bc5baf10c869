"""A slice against its complement: extra loss of an under-represented category is flagged, loss for everyone is not."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pairs import grouped, paired_rights
from tests.strategies import dataset, suite
from validate.checks import notes
from validate.disparity import compare_complements
from validate.outcome import Outcome
from validate.slices import members
from validate.slicing import build_membership
from validate.stats.mover import difference_interval, difference_p
from validate.stats.multiplicity import benjamini_yekutieli, holm
from validate.stats.paired import tango_interval
from validate.suite import Family, NamedSlice
from validate.totals import add_up

RARE, COMMON = (380, 4, 6, 10), (9200, 90, 110, 600)  # both right, gains, losses, both wrong
RARE_HARMED, ALL_HARMED = (320, 4, 66, 10), (7600, 90, 1710, 600)


def disparities(tables, *slices, **gate):
    declared = suite(*(slices or (Family(by=("group",)),)), **gate)
    data, paired = grouped(tables)
    found = compare_complements(
        add_up(paired, build_membership(data, declared), declared.gate), declared.gate, np.random.default_rng(0)
    )
    return {one.slice: one for one in found}


def test_a_rare_category_that_loses_more_than_the_rest_is_flagged():
    found = disparities({"rare": RARE_HARMED, "common": COMMON})
    one = found["group: rare"]
    assert one.flagged
    assert one.outcome is Outcome.FAIL
    assert one.p_adjusted < 0.001
    assert one.ratio.low > 1  # its errors grew, those of the rest did not


def test_a_loss_that_everyone_has_is_no_disparity():
    found = disparities({"rare": RARE_HARMED, "common": ALL_HARMED})
    assert found["group: rare"].change < -0.15
    assert not any(one.flagged for one in found.values())


def test_a_difference_within_the_margin_is_listed_and_not_flagged():
    found = disparities({"rare": (3800, 10, 90, 100), "common": (92_000, 800, 800, 6400)}, disparity_margin=0.05)
    one = found["group: rare"]
    assert one.p_fdr < 0.001
    assert not one.flagged
    assert one.outcome is Outcome.PASS


def test_numbers_are_of_the_slice_and_of_all_others():
    one = disparities({"rare": RARE_HARMED, "common": COMMON})["group: rare"]
    assert (one.n, one.n_complement) == (sum(RARE_HARMED), sum(COMMON))
    assert one.change == pytest.approx((4 - 66) / 400)
    assert one.change_complement == pytest.approx((90 - 110) / 10_000)
    assert one.difference.estimate == pytest.approx(one.change - one.change_complement)
    assert one.p == difference_p([4], [66], [400], [90], [110], [10_000])[0]
    assert (one.difference.level, one.margin) == (0.95, 0.03)


def test_only_under_represented_categories_of_single_columns_and_their_pools_are_looked_at():
    declared = (
        Family(by=("group", "copy"), cross=2),
        NamedSlice(name="named", where="group == 'a'"),
    )
    data, _ = grouped({"a": RARE, "b": RARE, "common": COMMON})
    data.frame["copy"] = data.frame["group"]
    chosen = suite(*declared)
    membership = build_membership(data, chosen)
    looked = {entry.name for entry in membership.slices if entry.disparity}
    assert looked == {f"{column}: {value}" for column in ("group", "copy") for value in ("a", "b", "rare together")}


def test_a_slice_of_everything_has_no_complement_to_compare_with():
    assert disparities({"only": COMMON}) == {}
    data, _ = grouped({"only": COMMON})
    everything_is_rare = data.frame.iloc[:0]  # the training data had none of it
    declared = suite(Family(by=("group",)))
    membership = build_membership(dataclasses.replace(data, train=everything_is_rare), declared)
    (only,) = (entry for entry in membership.slices if entry.name == "group: only")
    assert only.under_represented
    assert not only.disparity


def test_adjusted_over_distinct_hypotheses():
    tables = {"a": RARE_HARMED, "b": RARE, "common": COMMON}
    data, paired = grouped(tables)
    data.frame["copy"] = data.frame["group"]
    declared = suite(Family(by=("group", "copy")))
    found = compare_complements(
        add_up(paired, build_membership(data, declared), declared.gate), declared.gate, np.random.default_rng(0)
    )
    p = {one.slice: one.p for one in found}
    distinct = [p[f"group: {name}"] for name in ("a", "b", "rare together")]
    for one in found:
        place = distinct.index(one.p)
        assert one.p_adjusted == pytest.approx(holm(distinct)[place])
        assert one.p_fdr == pytest.approx(benjamini_yekutieli(distinct)[place])


def test_many_tiny_categories_that_all_lose_are_seen_in_their_pool_alone():
    tables = {f"v{i:02d}": (31, 0, 7, 2) for i in range(30)} | {"common": (30_000, 0, 0, 2000)}
    found = disparities(tables)
    assert {name for name, one in found.items() if one.flagged} >= {"group: rare together"}


def test_whether_a_loss_of_the_margin_could_have_been_seen():
    found = disparities({"tiny": (40, 0, 1, 1), "rare": (3_000, 20, 20, 60), "common": (92_000, 500, 500, 7_000)})
    assert {name: one.could_see for name, one in found.items()} == {
        "group: tiny": False,
        "group: rare": True,
        "group: rare together": True,
    }


@pytest.mark.parametrize("exact", [False, True])
def test_one_example_alone_is_described_and_never_flagged(exact):
    one = disparities({"single": (0, 0, 1, 0), "common": COMMON}, exact=exact)["group: single"]
    assert one.change == -1
    assert not one.flagged
    assert one.p_adjusted > 0.05


cells = st.tuples(*[st.integers(0, 30)] * 4).filter(sum)


@settings(deadline=None, max_examples=20)
@given(cells, cells)
def test_the_difference_is_the_one_to_the_whole_scaled(rare, common):
    tables = {"rare": rare, "common": tuple(20 * cell for cell in common)}
    data, paired = grouped(tables)
    declared = suite(Family(by=("group",)), under_represented=0.99)
    membership = build_membership(data, declared)
    overall = (rare[1] - rare[2] + 20 * (common[1] - common[2])) / len(data)
    for one in compare_complements(add_up(paired, membership, declared.gate), declared.gate, np.random.default_rng(0)):
        share = one.n / len(data)
        assert one.n + one.n_complement == len(data)
        assert one.difference.estimate == pytest.approx((one.change - overall) / (1 - share))
        assert one.difference.low <= one.difference.estimate <= one.difference.high
    a, b = (
        members(membership, i)
        for i, entry in enumerate(membership.slices)
        if entry.name in {"group: rare", "group: common"}
    )
    assert not (a & b).any()


def by_class(slices):
    """A dense model that is right, and one that misses a tenth of the rare group's yes and nothing else."""
    group = np.repeat(["rare", "common"], [2_000, 60_000])
    data = dataset(pd.DataFrame({"group": group, "label": np.array(["no", "yes"])[np.arange(len(group)) % 2]}))
    dense = np.ones(len(data), dtype=bool)
    missed = (group == "rare") & (data.labels == 1) & (np.arange(len(group)) % 20 == 1)
    declared = suite(*slices, classes=data.classes)
    totals = add_up(paired_rights(data, dense, dense & ~missed), build_membership(data, declared), declared.gate)
    return compare_complements(totals, declared.gate, np.random.default_rng(0))


def test_misses_of_one_class_show_as_false_negatives_and_not_as_false_alarms():
    found = next(one for one in by_class([Family(by=("group",))]) if one.slice == "group: rare")
    rates = {r.rate: r for r in found.rates}
    assert set(rates) == {"false-positive rate", "false-negative rate"}
    missed, alarms = rates["false-negative rate"], rates["false-positive rate"]
    assert (missed.n, missed.n_complement, missed.dense, missed.compressed) == (1000, 30_000, 0, 0.1)
    assert (missed.change, missed.change_complement, missed.difference.estimate) == (-0.1, 0, -0.1)
    own, rest = tango_interval([0], [100], [1000]), tango_interval([0], [0], [30_000])
    wanted = difference_interval(own, rest)[0]
    assert (missed.difference.low, missed.difference.high) == (wanted.low, wanted.high)
    assert missed.p_fdr < 0.001
    assert (alarms.change, alarms.p, alarms.p_fdr) == (0, 0.5, 0.75)


def test_error_rates_are_listed_by_benjamini_yekutieli_and_never_gate():
    found = by_class([Family(by=("group",))])
    listed = [note for note in notes([], found, missing=0, rate=True) if note.kind == "disparity of error rates"]
    assert [note.slice for note in listed] == ["group: rare", "group: rare together"]  # the pool is the same examples
    assert "false-negative rate: −10.00 points" in listed[0].text
    p = [r.p for one in found[:1] for r in one.rates]
    np.testing.assert_allclose([r.p_fdr for r in found[0].rates], benjamini_yekutieli(p))


def test_a_slice_of_one_class_has_no_error_rate_of_the_other():
    found = disparities({"a": COMMON}, Family(by=("group",)), under_represented=0.6)
    assert all(not one.rates for name, one in found.items() if name.startswith("label"))


def test_more_than_two_classes_have_misses_each_and_clusters_none():
    group = np.repeat(["rare", "common"], [60, 3_000])
    frame = pd.DataFrame({"group": group, "label": np.array(["a", "b", "c"])[np.arange(len(group)) % 3]})
    data = dataset(frame, classes=("a", "b", "c"))
    right = np.arange(len(data)) % 7 > 0
    declared = suite(Family(by=("group",)), classes=data.classes)
    for clusters, expected in (
        (None, ["miss rate of 'a'", "miss rate of 'b'", "miss rate of 'c'"]),
        (np.arange(len(data)) // 2, []),
    ):
        some = dataclasses.replace(data, clusters=clusters)
        totals = add_up(paired_rights(some, right, right), build_membership(some, declared), declared.gate)
        found = compare_complements(totals, declared.gate, np.random.default_rng(0))
        assert [r.rate for r in found[0].rates] == expected

"""The screen flags what is really worse and by itself too much worse, and nothing else."""

import numpy as np
import pytest

from tests.pairs import by_group, compared, grouped
from tests.strategies import suite
from validate.counts import PairedCounts
from validate.outcome import Outcome
from validate.rate_changes import binary_changes
from validate.screen import Family as Hypotheses
from validate.screen import screen, sign_flip_p
from validate.slicing import build_membership
from validate.stats.multiplicity import holm
from validate.stats.noninferiority import beyond_margin_p, classify
from validate.stats.significance import sign_test
from validate.suite import Family, Gate


def looked_at(tables, gate, *, same_as=None, screened=None, margin=0.02, p_joint=None):
    """The screen of these paired tables."""
    counts = PairedCounts(table=np.array(tables))
    changes = binary_changes(counts, gate)
    labels = classify(changes.interval.low, changes.interval.high, margin)
    family = Hypotheses(
        screened=np.ones(len(counts), dtype=bool) if screened is None else np.array(screened),
        same_as=np.arange(len(counts)) if same_as is None else np.array(same_as),
        margins=np.full(len(counts), margin),
        beyond=np.array([label is Outcome.FAIL for label in labels]),
    )
    return screen(changes, family, gate, p_joint)


#                                                        both right, gains, losses, both wrong
QUIET, REALLY_WORSE, TOO_MUCH_WORSE, BOTH = (950, 5, 5, 40), (98_000, 50, 950, 1000), (8, 0, 4, 8), (700, 5, 95, 200)


def test_both_parts_are_needed():
    found = looked_at([QUIET, REALLY_WORSE, TOO_MUCH_WORSE, BOTH], Gate())
    assert found.flagged.tolist() == [False, False, False, True]
    assert found.p_adjusted[1] < 1e-100  # beyond doubt, and within the margin
    assert found.p_adjusted[2] > 0.05  # beyond the margin by its own interval, and perhaps by chance


def test_holm_over_the_family_on_the_exact_sign_test():
    tables = [(900, 20, 40, 40), (900, 20, 45, 35), (900, 20, 50, 30), (900, 30, 30, 40)]
    counts = np.array(tables)
    found = looked_at(tables, Gate())
    np.testing.assert_allclose(found.p_adjusted, holm(sign_test(counts[:, 1], counts[:, 2])))


def test_equal_slices_are_one_hypothesis():
    alone = looked_at([QUIET, BOTH], Gate())
    repeated = looked_at([QUIET, *[BOTH] * 50], Gate(), same_as=[0, *[1] * 50])
    assert repeated.p_adjusted[1] == alone.p_adjusted[1]
    assert repeated.flagged[1:].all()
    assert len(set(repeated.p_adjusted[1:])) == 1


def test_slices_with_too_few_flips_cost_nothing():
    worse = (200, 2, 18, 80)
    crowded = looked_at([worse, *[(30, 1, 2, 5)] * 500], Gate())
    assert crowded.p_adjusted[0] == sign_test([2], [18])[0]
    assert (crowded.p_adjusted[1:] == 1).all()
    assert crowded.flagged.tolist() == [True, *[False] * 500]


def test_what_is_not_screened_is_not_adjusted_for_and_never_flagged():
    found = looked_at([BOTH, BOTH, QUIET], Gate(), screened=[False, True, True])
    assert np.isnan(found.p_adjusted[0])
    assert np.isnan(found.p_fdr[0])
    assert found.flagged.tolist() == [False, True, False]


@pytest.mark.parametrize("method", ["holm", "westfall-young", "melded"])
def test_nothing_to_look_at_flags_nothing(method):
    data, paired = grouped({"a": BOTH})
    nothing = Hypotheses(
        screened=np.array([False]), same_as=np.array([0]), margins=np.array([0.02]), beyond=np.array([True])
    )
    membership = build_membership(data, suite())
    gate = Gate(screen=method)
    joint = sign_flip_p(paired, membership, nothing, gate, np.random.default_rng(0))
    assert joint.shape == (0,)
    for p_joint in (None, joint):
        found = looked_at([BOTH, QUIET], gate, screened=[False, False], p_joint=p_joint)
        assert np.isnan(found.p_adjusted).all()
        assert not found.flagged.any()


def test_melded_asks_whether_the_loss_is_beyond_the_margin():
    tables = [REALLY_WORSE, BOTH, (900, 20, 50, 30), QUIET]
    counts = np.array(tables)
    strict = looked_at(tables, Gate(screen="melded"))
    p = beyond_margin_p(counts[:, 1], counts[:, 2], counts.sum(axis=1), 0.02)
    np.testing.assert_allclose(strict.p_adjusted, holm(p))
    assert strict.flagged.tolist() == (strict.p_adjusted <= 0.05).tolist() == [False, True, False, False]


def test_a_slice_exactly_at_the_level_is_flagged():
    found = looked_at([BOTH, BOTH], Gate(screen="westfall-young"), p_joint=np.array([0.05, 0.0501]))
    assert found.flagged.tolist() == [1 - 0.95 >= 0.05, False]


def test_the_lists_are_benjamini_hochberg_for_losses_and_for_gains():
    found = looked_at([(900, 10, 30, 60), (900, 30, 10, 60), (900, 20, 20, 60)], Gate())
    assert (found.p_fdr <= 0.10).tolist() == [True, False, False]
    assert (found.p_gain_fdr <= 0.10).tolist() == [False, True, False]
    assert not found.flagged[1]


def test_westfall_young_knows_that_slices_overlap():
    data, paired = grouped({"a": (280, 4, 18, 98), "b": (380, 2, 2, 16), "c": (380, 3, 2, 15)})
    names = [f"copy{i}" for i in range(5)]
    for row, name in enumerate(names):  # the same groups but for one example
        data.frame[name] = data.frame["group"].where(data.frame.index != row, "b")
    declared = Family(by=("group", *names))
    by_method = {
        method: compared(data, paired, suite(declared, screen=method), seed=1)["group: a"].p_adjusted
        for method in ("holm", "westfall-young")
    }
    alone = sign_test([4], [18])[0]
    assert by_method["holm"] > 4 * alone
    assert alone < by_method["westfall-young"] < 3 * alone
    again = compared(data, paired, suite(declared, screen="westfall-young"), seed=1)["group: a"].p_adjusted
    assert again == by_method["westfall-young"]


@pytest.mark.parametrize("method", ["holm", "westfall-young", "melded"])
def test_every_method_finds_the_damaged_group_and_no_other(method):
    tables = {"a": BOTH, **dict.fromkeys("bcdefg", QUIET)}
    found = by_group(tables, screen=method)
    assert {name for name, c in found.items() if c.flagged} == {"group: a"}

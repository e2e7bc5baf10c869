"""What it takes to decide, against the numbers of the plan's literature and by brute force."""

import numpy as np
import pytest

from tests.pairs import by_group
from validate.outcome import Outcome
from validate.sample_size import fewest, needed, planned_churn
from validate.stats.rates import wilson_interval
from validate.suite import Gate


@pytest.mark.parametrize(("margin", "n"), [(0.01, 381), (0.02, 189), (0.05, 73), (0.10, 35)])
def test_the_fewest_examples_that_could_pass(margin, n):
    assert fewest(margin, Gate()) == n
    for examples, outcome in ((n, Outcome.PASS), (n - 1, Outcome.INCONCLUSIVE)):
        one = by_group({"a": (examples - 5, 0, 0, 5)}, margin=margin)["group: a"]
        assert (one.outcome, one.n_smallest) == (outcome, n)


@pytest.mark.parametrize("margin", [0.02, 0.05])
def test_the_fewest_examples_of_the_exact_interval(margin):
    n = fewest(margin, Gate(exact=True))
    for examples, outcome in ((n, Outcome.PASS), (n - 1, Outcome.INCONCLUSIVE)):
        assert by_group({"a": (examples, 0, 0, 0)}, margin=margin, exact=True)["group: a"].outcome is outcome


@pytest.mark.parametrize(
    ("churn", "margin", "n80", "n90"),
    [
        (0.01, 0.01, 1105, 1417),
        (0.01, 0.02, 390, 482),
        (0.02, 0.02, 549, 704),
        (0.05, 0.05, 215, 277),
        (0.10, 0.10, 104, 134),
    ],
)
def test_examples_needed_when_nothing_changed(churn, margin, n80, n90):
    assert needed(margin, churn, Gate()) == n80
    assert needed(margin, churn, Gate(), 0.90) == n90


def test_attempts_and_a_stricter_policy_need_more():
    assert needed(0.02, 0.02, Gate(attempts=5)) > needed(0.02, 0.02, Gate())
    assert fewest(0.02, Gate(attempts=10)) > fewest(0.02, Gate(confidence=0.99)) > fewest(0.02, Gate())


def test_churn_is_planned_by_the_upper_limit_of_all_examples():
    assert planned_churn(20, 1000, Gate()) == wilson_interval(20, 1000).high[0]
    assert planned_churn(20, 1000, Gate(metric="brier")) is None
    assert planned_churn(0, 1000, Gate()) > 0  # none seen is not none


def test_only_an_undecided_slice_is_told_how_many_it_needs():
    found = by_group({"a": (15_000, 100, 100, 800), "b": (400, 0, 60, 40), "c": (30, 0, 0, 3)})
    wanted = {"all": None, "group: a": None, "group: b": None}
    assert {name: found[name].n_needed for name in wanted} == wanted
    churn = float(wilson_interval(260, sum(found["all"].counts.__dict__.values())).high[0])
    assert found["group: c"].n_needed == needed(0.02, churn, Gate())


def test_flips_are_not_counted_where_the_interval_is_not_a_function_of_them():
    table = {"a": (900, 10, 12, 78)}
    assert by_group(table)["all"].flips is not None
    assert by_group(table, exact=True)["all"].flips is None
    assert by_group(table, margin_ratio=1.2)["all"].flips is None


def test_a_slice_that_only_gained_would_pass_any_margin():
    assert by_group({"a": (700, 60, 0, 240)})["group: a"].smallest_margin == 0
    assert not np.signbit(by_group({"a": (700, 60, 0, 240)})["group: a"].smallest_margin)

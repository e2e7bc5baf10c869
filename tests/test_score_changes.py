"""Metrics that are no rate, through the whole judgement: what is too little to pass does not, and says why."""

import numpy as np
import pytest
from scipy.stats import rankdata

from tests.small import small_dataset, small_predictions
from tests.strategies import suite as suite_of
from validate.judgement import judge_pair
from validate.outcome import Outcome
from validate.predictions import pair
from validate.slicing import build_membership
from validate.stats.bootstrap import bootstrap

SAMPLES = 200
RNG = np.random.default_rng(11)


def judged_values(extra, metric="mae", margin=0.5):
    """The check of all examples of a regression whose compressed model is off by so much more, (n,)."""
    labels = np.linspace(0, 100, len(extra))
    error = np.random.default_rng(3).exponential(size=len(extra))
    data = small_dataset(labels, ())
    paired = pair(
        data,
        small_predictions(labels + error, outputs="value"),
        small_predictions(labels + error + extra, outputs="value", name="small"),
    )
    suite = suite_of(classes=(), metric=metric, margin=margin)
    found = judge_pair(paired, build_membership(data, suite), suite.gate, seed=0)
    return next(check for check in found.checks if check.slice == "all")


@pytest.mark.parametrize("metric", ["mae", "mse", "rmse"])
def test_a_small_even_loss_passes(metric):
    assert judged_values(RNG.normal(0.001, 0.01, 200), metric).outcome is Outcome.PASS


@pytest.mark.parametrize("metric", ["mae", "mse", "rmse"])
@pytest.mark.parametrize("n", [10, 49])
def test_fewer_than_fifty_examples_do_not_pass_and_say_how_many_would(metric, n):
    check = judged_values(RNG.normal(0.001, 0.01, n), metric)
    assert check.outcome is Outcome.INCONCLUSIVE
    assert "fewer than 50 examples cannot pass" in check.reason


@pytest.mark.parametrize("metric", ["mae", "mse", "rmse"])
def test_a_few_large_losses_do_not_pass_and_say_why(metric):
    check = judged_values(np.where(np.arange(1_000) % 300 == 7, 1.0, 0.0), metric)
    assert check.outcome is Outcome.INCONCLUSIVE
    assert "changed examples of the 10" in check.reason


def test_a_large_loss_still_fails_however_few_lose():
    assert judged_values(RNG.normal(2.0, 0.1, 30)).outcome is Outcome.FAIL


@pytest.mark.parametrize("metric", ["mae", "mse", "rmse"])
def test_nothing_changed_or_all_changed_alike_is_no_pass(metric):
    assert judged_values(np.zeros(200), metric).outcome is Outcome.INCONCLUSIVE


def rmse(random, n):
    dense = random.standard_normal(n)
    return dense + 0.5 * random.standard_normal(n), dense, lambda x, _: -np.sqrt(np.mean(x**2))


def auc(random, n):
    label = random.random(n) < 0.3
    dense = 1.5 * label + random.standard_normal(n)

    def area(x, rows):
        positive = label[rows].sum()
        ranks = rankdata(x)[label[rows]].sum()
        others = len(x) - positive
        return (ranks - positive * (positive + 1) / 2) / (positive * others) if positive and others else np.nan

    return dense + 0.7 * random.standard_normal(n), dense, area


def f1(random, n):
    label = random.random(n) < 0.3
    dense = label ^ (random.random(n) < 0.1)

    def score(x, rows):
        truth = label[rows]
        return 2 * (x & truth).sum() / max(x.sum() + truth.sum(), 1)

    return dense ^ ((random.random(n) < 0.06) & (dense == label)), dense, score


def change(compressed, dense, number, rows):
    return number(compressed[rows], rows) - number(dense[rows], rows)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "n", "told"), [(rmse, 50, 0.046), (rmse, 200, 0.033), (auc, 50, 0.047), (f1, 100, 0.025)]
)
def test_aggregates_pass_at_their_margin_as_often_as_the_methods_say(draw, n, told):
    """200 samples, three standard errors; the truth is the change of two million examples."""
    random = np.random.default_rng(n)
    truth = change(*draw(random, 2_000_000), np.arange(2_000_000))
    passed = []
    for _ in range(SAMPLES):
        drawn = draw(random, n)
        found = bootstrap(lambda rows, drawn=drawn: change(*drawn, rows), n, resamples=999, rng=random)
        passed.append(found.interval.low > truth)
    assert np.mean(passed) <= told + 3 * np.sqrt(told * (1 - told) / SAMPLES)

import numpy as np
import pytest

from validate.stats.bootstrap import mean_bootstrap_interval
from validate.stats.clusters import cluster_sums, deff_tango_interval
from validate.stats.means import paired_t, welch_t
from validate.stats.mover import difference_interval, error_ratio_of_ratios
from validate.stats.noninferiority import error_ratio_interval
from validate.stats.paired import (
    agresti_min_interval,
    bonett_price_interval,
    melded_interval,
    newcombe_interval,
    tango_interval,
    wald_interval,
)
from validate.stats.poisson import poisson_interval, poisson_sums
from validate.stats.ratio import error_ratio_score_interval
from validate.stats.ratios import interleaved, retained_interval
from validate.stats.results import Intervals, source_of

VALUES = np.random.default_rng(1).standard_normal(40)
TIMES = 1 + np.random.default_rng(1).random((12, 5))
SUMS = poisson_sums(np.random.default_rng(1).standard_normal(400), np.arange(400), seed=1, replicates=200)
CLUSTERS = cluster_sums(np.zeros(12), np.ones(12), np.full(12, 5))


@pytest.mark.parametrize(
    ("found", "n", "source"),
    [
        (tango_interval(3, 5, 100)[0], 100, "1998"),
        (melded_interval(3, 5, 100)[0], 100, "Fay & Lumbard 2021"),
        (deff_tango_interval(CLUSTERS).interval[0], 60, "1998; after Rao & Scott 1992"),
        (difference_interval(tango_interval(3, 5, 100), tango_interval(1, 1, 900))[0], 100, "Zou & Donner 2008; 1998"),
        (mean_bootstrap_interval(VALUES, rng=np.random.default_rng(2), resamples=999), 40, "Efron & Tibshirani 1993"),
        (paired_t(VALUES).interval, 40, "Student 1908"),
        (newcombe_interval(80, 3, 5, 12)[0], 100, "1998, method 10"),
        (bonett_price_interval(3, 5, 100)[0], 100, "2012"),
        (agresti_min_interval(3, 5, 100)[0], 100, "2005"),
        (wald_interval(3, 5, 100)[0], 100, ""),
        (error_ratio_interval(12, 3, 5, 100)[0], 20, "2006"),
        (error_ratio_score_interval(12, 3, 5)[0], 20, "Tang, Tang & Chan 2003"),
        (retained_interval(80, 3, 5, 100)[0], 88, "2006"),
        (error_ratio_of_ratios(12, 3, 5, both_wrong_c=100, gains_c=7, losses_c=9)[0], 20, "after Bonett & Price 2006"),
        (interleaved(TIMES, TIMES + 0.1, 0.5, np.random.default_rng(2))[2], 12, "Hesterberg 2015"),
        (poisson_interval(SUMS), 400, "Chamandy et al. 2012"),
        (welch_t(VALUES, VALUES[:15] + 1).interval, 55, "1947"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_interval_says_what_it_is_made_from_and_by_whom(found, n, source):
    assert (found.n, found.source) == (n, source)
    assert 0 < found.level < 1
    assert found.low <= found.estimate <= found.high


def test_a_method_without_a_source_has_none():
    assert source_of("plain (of course)") == ""


def test_as_many_n_as_estimates():
    one, two = np.zeros(1), np.zeros(2)
    with pytest.raises(ValueError, match="one n"):
        Intervals(estimate=two, low=two, high=two, level=0.95, method="x", n=one)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from validate.stats.significance import format_p, mcnemar, mcnemar_log, sign_test, sign_test_log

whole = st.integers(0, 300)


@given(whole, whole)
def test_the_sign_test_is_the_binomial_one(gains, losses):
    n = gains + losses
    expected = binomtest(losses, n, 0.5, alternative="greater").pvalue if n else 1.0
    assert sign_test(gains, losses)[0] == pytest.approx(expected, rel=1e-9)
    assert sign_test_log(gains, losses)[0] == pytest.approx(np.log(expected), abs=1e-9)


@given(whole, whole)
def test_mcnemar_does_not_know_which_model_is_which(gains, losses):
    for kind in ("mid-p", "exact", "asymptotic"):
        p = mcnemar(gains, losses, kind=kind)[0]
        assert 0 < p <= 1
        assert p == mcnemar(losses, gains, kind=kind)[0]


@given(whole, whole)
def test_mid_p_leaves_half_of_what_was_seen(gains, losses):
    n, fewer = gains + losses, min(gains, losses)
    assert mcnemar(gains, losses)[0] <= mcnemar(gains, losses, kind="exact")[0] + 1e-12
    if gains != losses:
        expected = 2 * binom.cdf(fewer, n, 0.5) - binom.pmf(fewer, n, 0.5)
        assert mcnemar(gains, losses)[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("kind", ["mid-p", "exact", "asymptotic"])
def test_no_flip_says_nothing(kind):
    assert mcnemar(0, 0, kind=kind)[0] == 1
    assert sign_test(0, 0)[0] == 1


def test_a_p_value_never_becomes_nothing():
    assert sign_test(3, 10**6)[0] == 0
    assert sign_test_log(3, 10**6)[0] == pytest.approx(-693109.6052, abs=1e-3)
    assert mcnemar_log(3, 10**6)[0] == pytest.approx(-693109.6052 + np.log(2), abs=1e-3)
    assert np.isfinite(mcnemar_log(3, 10**6, kind="asymptotic")[0])


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_logarithm_agrees_where_both_exist(gains, losses):
    for kind in ("exact", "asymptotic"):
        assert mcnemar_log(gains, losses, kind=kind)[0] == pytest.approx(
            np.log(mcnemar(gains, losses, kind=kind)[0]), abs=1e-8
        )


def test_the_tail_by_logarithms_is_the_sum_of_its_terms():
    terms = binom.logpmf(np.arange(1001), 201_000, 0.5)
    assert sign_test_log(1000, 200_000)[0] == pytest.approx(np.logaddexp.reduce(terms), rel=1e-12)


@pytest.mark.parametrize(
    ("p", "text"),
    [(1, "1.000"), (0.031, "0.031"), (0.00042, "0.0004"), (2.14e-7, "2.1e-07"), (0, "< 1e-300"), (np.nan, "undefined")],
)
def test_p_in_words(p, text):
    assert format_p(p) == text


@pytest.mark.parametrize("flips", [(-1, 2), (1.5, 2), (np.nan, 1)])
def test_flips_are_whole_numbers(flips):
    with pytest.raises(ValueError, match=r"whole numbers|counts"):
        sign_test(*flips)

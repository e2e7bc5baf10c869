import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from validate.stats.rates import clopper_pearson_interval, wilson_interval


@given(st.integers(1, 500), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
@pytest.mark.parametrize(("interval", "method"), [(wilson_interval, "wilson"), (clopper_pearson_interval, "exact")])
def test_as_scipy(interval, method, n, data, level):
    events = data.draw(st.integers(0, n))
    expected = binomtest(events, n).proportion_ci(level, method=method)
    found = interval(events, n, level=level)[0]
    assert found.estimate == events / n
    assert found.low == pytest.approx(expected.low, abs=1e-12)
    assert found.high == pytest.approx(expected.high, abs=1e-12)


@pytest.mark.parametrize("interval", [wilson_interval, clopper_pearson_interval])
def test_without_examples_anything_is_possible(interval):
    found = interval(0, 0)[0]
    assert np.isnan(found.estimate)
    assert (found.low, found.high) == (0, 1)


def test_seeing_none_tells_little():
    assert clopper_pearson_interval(0, 100).high[0] == pytest.approx(3.6 / 100, abs=0.001)


def test_more_events_than_examples_are_refused():
    with pytest.raises(ValueError, match="cannot be more"):
        wilson_interval(3, 2)

"""What is learnt of rows in batches is what is learnt of them whole."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import dataset, frames, suite
from validate.attributes import edges_between, finite_counts, quantile_edges
from validate.errors import DataError
from validate.slices import members
from validate.slicing import build_membership, draw_slices
from validate.suite import Family, NamedSlice
from validate.survey import Quantiles, Survey

SUITE = suite(
    Family(by=("colour", "size", "flag"), cross=3),
    Family(by=("age", "rooms", "odd `name`"), cross=2, bins={"age": (18.0, 40.0)}, quantiles={"rooms": 2}),
    NamedSlice(name="some", where="size >= 0 or flag"),
)


@st.composite
def cut(draw):
    """A frame, and its rows in consecutive batches."""
    frame = draw(frames())
    ends = sorted({len(frame), *draw(st.lists(st.integers(1, len(frame)), max_size=4))})
    return frame, [frame.iloc[a:b].reset_index(drop=True) for a, b in zip([0, *ends], ends, strict=False)]


@settings(max_examples=60, deadline=None)
@given(cut())
def test_a_survey_in_batches_draws_the_same_slices(case):
    frame, batches = case
    try:
        whole = build_membership(dataset(frame), SUITE)
    except DataError:  # the predicate matches no row
        return
    quantiles = Quantiles(SUITE)
    for batch in batches:
        quantiles.add(batch)
    survey = Survey(SUITE, quantiles.edges())
    for batch in batches:
        survey.add(dataset(batch))
    slicing = draw_slices(survey, None)
    assert slicing.slices == whole.slices
    parts = [slicing.membership(dataset(batch)) for batch in batches]
    for i in range(len(whole.slices)):
        np.testing.assert_array_equal(np.concatenate([members(part, i) for part in parts]), members(whole, i))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-5, 5) | st.floats(-1e6, 1e6), min_size=1), st.integers(2, 10))
def test_quantiles_of_counts_are_those_of_the_numbers(numbers, bins):
    series = pd.Series(numbers, dtype="float64")
    exact = np.unique(np.quantile(series, np.arange(1, bins) / bins, method="inverted_cdf"))
    edges = quantile_edges(series, bins)
    assert edges == edges_between(*finite_counts(series), bins)
    assert len(edges) == len(exact)
    np.testing.assert_allclose(edges, exact, rtol=1e-2)

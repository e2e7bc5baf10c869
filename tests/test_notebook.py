"""Predictions in memory are judged like those of a suite, and bad ones are refused by name."""

import numpy as np
import pandas as pd
import pytest

from validate import judge
from validate.errors import DataError, SuiteError
from validate.outcome import Outcome


@pytest.fixture
def frame():
    rng = np.random.default_rng(5)
    n = 4000
    truth = rng.choice(["cat", "dog"], n)
    other = np.where(truth == "cat", "dog", "cat")
    dense = np.where(rng.random(n) < 0.9, truth, other)
    table = pd.DataFrame({"truth": truth, "dense": dense, "light": rng.choice(["day", "dusk"], n, p=[0.8, 0.2])})
    dusk = (table["light"] == "dusk") & (rng.random(n) < 0.3)
    return table.assign(worse=np.where(dusk, other, dense))


def test_the_same_answers_pass(frame):
    assert (
        judge(frame, label="truth", dense="dense", compressed="dense", slices=["light"]).verdict.outcome is Outcome.PASS
    )


def test_a_slice_that_loses_is_flagged_by_column_and_by_predicate(frame):
    judged = judge(frame, label="truth", dense="dense", compressed="worse", slices=["light", "light == 'dusk'"])
    assert judged.verdict.outcome is Outcome.FAIL
    assert {"light: dusk", "light == 'dusk'"} <= {c.slice.name for c in judged.comparisons if c.flagged}
    assert "light: day" not in {c.slice.name for c in judged.comparisons if c.flagged}


def test_arrays_and_probabilities_are_answers_too(frame):
    dense = frame["dense"].to_numpy()
    chances = np.column_stack([dense == "cat", dense == "dog"]).astype(float)
    for given in (dense, list(dense), chances):
        judged = judge(frame, label="truth", dense=given, compressed="dense")
        assert judged.comparisons[0].counts.losses == 0


def test_a_missing_answer_counts_as_wrong(frame):
    gaps = frame["dense"].where(frame.index % 100 > 0)
    counts = judge(frame, label="truth", dense="dense", compressed=gaps).comparisons[0].counts
    assert counts.losses == int((frame["dense"] == frame["truth"])[frame.index % 100 == 0].sum())


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"label": "thruth"}, DataError, "did you mean 'truth'"),
        ({"compressed": "wors"}, DataError, "did you mean 'worse'"),
        ({"compressed": ["cat"]}, DataError, "one answer for each of the 4,000 rows"),
        ({"compressed": ["bird"] * 4000}, DataError, "must be among the classes cat, dog"),
        ({"slices": ["weather == 'rain'"]}, SuiteError, "weather"),
        ({"slices": ["light == 'night'"]}, DataError, "matches no row"),
    ],
)
def test_bad_input_is_refused_by_name(frame, changed, error, message):
    given = {"label": "truth", "dense": "dense", "compressed": "worse", **changed}
    with pytest.raises(error, match=message):
        judge(frame, **given)

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.strategies import dataset, frames, rights, suite
from validate import joint
from validate.counts import PairedCounts, complement, count, identical, outcomes, score_sums
from validate.slices import Membership, index, members, take
from validate.slicing import build_membership
from validate.suite import Family, NamedSlice

FAMILIES = (
    Family(by=("colour", "size", "flag"), cross=3),
    Family(by=("age", "odd `name`"), cross=2, bins={"age": (18.0, 40.0)}),
    NamedSlice(name="everyone", where="size >= -2"),
)


@st.composite
def cases(draw):
    frame = draw(frames())
    return frame, *draw(rights(len(frame)))


def membership(frame) -> Membership:
    return build_membership(dataset(frame), suite(*FAMILIES))


def test_an_outcome_tells_both_answers():
    dense, compressed = np.array([True, False, True, False]), np.array([True, True, False, False])
    assert outcomes(dense, compressed).tolist() == [0, 1, 2, 3]


@settings(max_examples=60, deadline=None)
@given(cases())
def test_counts_are_those_of_boolean_masks(case):
    frame, dense, compressed = case
    slices = membership(frame)
    counts = count(slices, outcomes(dense, compressed))
    for i, entry in enumerate(slices.slices):
        inside = members(slices, i)
        assert counts.n[i] == entry.n == inside.sum()
        assert counts.both_right[i] == (inside & dense & compressed).sum()
        assert counts.gains[i] == (inside & ~dense & compressed).sum()
        assert counts.losses[i] == (inside & dense & ~compressed).sum()
        assert counts.both_wrong[i] == (inside & ~dense & ~compressed).sum()


@pytest.fixture
def small_tables(monkeypatch):
    """Limits so low that tables are split, held apart or reduced to known cells, and rows come in several blocks."""
    monkeypatch.setattr(joint, "SHARED_CELLS", 16)
    monkeypatch.setattr(joint, "HELD_CELLS", 40)
    monkeypatch.setattr(joint, "BLOCK", 7)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases())
def test_the_size_of_tables_and_blocks_changes_nothing(small_tables, case):
    frame, dense, compressed = case
    slices, outcome = membership(frame), outcomes(dense, compressed)
    table = count(slices, outcome).table
    expected = [np.bincount(outcome[members(slices, i)], minlength=4) for i in range(len(slices.slices))]
    np.testing.assert_array_equal(table, expected)


@settings(max_examples=40, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_examples_changes_nothing(case, random):
    frame, dense, compressed = case
    order = list(range(len(frame)))
    random.shuffle(order)
    shuffled = frame.iloc[order].reset_index(drop=True)
    there = count(membership(frame), outcomes(dense, compressed))
    here = count(membership(shuffled), outcomes(dense[order], compressed[order]))
    np.testing.assert_array_equal(there.table, here.table)


@settings(max_examples=40, deadline=None)
@given(cases(), st.floats(0, 1))
def test_counts_of_shards_add_up(case, at):
    frame, dense, compressed = case
    slices, outcome = membership(frame), outcomes(dense, compressed)
    first = np.arange(len(frame)) < at * len(frame)
    one, two = (count(take(slices, rows), outcome[rows]) for rows in (np.flatnonzero(first), np.flatnonzero(~first)))
    np.testing.assert_array_equal((one + two).table, count(slices, outcome).table)
    assert one.n[0] == first.sum()


@settings(max_examples=40, deadline=None)
@given(cases())
def test_swapping_the_models_swaps_gains_and_losses(case):
    frame, dense, compressed = case
    slices = membership(frame)
    there, back = count(slices, outcomes(dense, compressed)), count(slices, outcomes(compressed, dense))
    np.testing.assert_array_equal(there.gains, back.losses)
    np.testing.assert_array_equal(there.both_wrong, back.both_wrong)


@settings(max_examples=40, deadline=None)
@given(cases())
def test_sums_of_scores_are_those_of_boolean_masks(case):
    frame, dense, _ = case
    scores = np.stack([dense + 0.25, np.arange(len(frame)) - 3.0], axis=1)
    slices = membership(frame)
    sums = score_sums(slices, scores)
    for i in range(len(slices.slices)):
        inside = members(slices, i)
        assert sums.n[i] == inside.sum()
        np.testing.assert_allclose(sums.total[i], scores[inside].sum(axis=0), atol=1e-9)
        np.testing.assert_allclose(sums.squares[i], (scores[inside] ** 2).sum(axis=0), atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(frames())
def test_identical_slices_are_those_with_the_same_members(frame):
    slices = membership(frame)
    sets = [members(slices, i).tobytes() for i in range(len(slices.slices))]
    assert identical(slices).tolist() == [sets.index(entry) for entry in sets]


def test_a_complement_is_everyone_else():
    frame = pd.DataFrame({"colour": ["red", "red", "blue", None], "label": ["no", "yes", "no", "yes"]})
    slices = build_membership(dataset(frame), suite(Family(by=("colour",))))
    counts = count(slices, np.array([0, 1, 2, 3], dtype=np.uint8))
    rest = complement(counts)
    assert rest.table[index(slices, "colour: red")].tolist() == [0, 0, 1, 1]
    assert rest.n[0] == 0


def test_counts_of_other_slices_do_not_add_up():
    with pytest.raises(ValueError, match="2 and of 3 slices"):
        PairedCounts(table=np.zeros((2, 4), dtype=np.int64)) + PairedCounts(table=np.zeros((3, 4), dtype=np.int64))
    with pytest.raises(ValueError, match="shape"):
        PairedCounts(table=np.zeros((2, 3), dtype=np.int64))


def test_scores_that_are_missing_are_not_hidden():
    frame = pd.DataFrame({"colour": ["red", "blue"], "label": ["no", "yes"]})
    slices = build_membership(dataset(frame), suite(Family(by=("colour",))))
    sums = score_sums(slices, np.array([[np.nan], [1.0]]))
    assert np.isnan(sums.total[index(slices, "colour: red"), 0])
    assert sums.total[index(slices, "colour: blue"), 0] == 1.0

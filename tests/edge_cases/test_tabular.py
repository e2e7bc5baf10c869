"""Each tabular kind does what its severities say, keeps rows and types, and draws from its own random numbers."""

import numpy as np
import pandas as pd
import pytest

from validate.edge_kinds.kind import Kind, Request
from validate.edge_kinds.tabular import COPIES, KINDS, MISSING, NOISE, UNSEEN, Mix

N = 2000
RNG = np.random.default_rng(0)
DATA = pd.DataFrame(
    {
        "age": RNG.integers(18, 90, N),
        "pay": RNG.normal(100, 20, N),
        "word": RNG.choice(["a", "b", "c", "d"], N, p=[0.6, 0.35, 0.045, 0.005]),
    }
)


def made(name, severity, *columns, seed=1):
    request = Request(columns=columns, options=None, named={}, data=DATA)
    return KINDS[name].make(DATA.copy(), severity, np.random.default_rng(seed), request)


def chosen(name, severity, options=None, n=500, named=None):
    request = Request(columns=(), options=options, named=named or {}, data=DATA)
    return KINDS[name].choose(np.arange(N), severity, np.random.default_rng(1), request, n)


@pytest.mark.parametrize("severity", range(1, 6))
@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.make])
def test_a_kind_changes_the_columns_it_is_given_and_no_other(name, severity):
    numbers = KINDS[name].columns != {"text"}
    column, other = ("pay", "word") if numbers else ("word", "pay")
    first, second = made(name, severity, column), made(name, severity, column)
    pd.testing.assert_frame_equal(first, second)
    assert list(first.columns) == list(DATA.columns)
    assert len(first) == N
    pd.testing.assert_series_equal(first[other], DATA[other])
    assert not first[column].equals(DATA[column])


@pytest.mark.parametrize("severity", range(1, 6))
def test_cells_are_missing_as_often_as_said(severity):
    assert made("missing-values", severity, "word")["word"].isna().mean() == pytest.approx(
        MISSING[severity - 1], abs=0.03
    )


def test_categories_are_rare_and_at_last_unseen():
    assert set(made("rare-category", 1, "word")["word"]) == {"c", "d"}
    assert set(made("rare-category", 3, "word")["word"]) == {"d"}
    assert set(made("rare-category", 5, "word")["word"]) == {UNSEEN}


def test_numbers_leave_the_range_further_and_further_and_stay_whole():
    reach = [np.abs(made("out-of-range", s, "age")["age"] - DATA["age"].mean()).min() for s in range(1, 6)]
    assert reach == sorted(reach)
    found = made("out-of-range", 1, "age")["age"]
    assert found.dtype == np.int64
    assert ((found < DATA["age"].min()) | (found > DATA["age"].max())).all()


def test_boundaries_are_the_ends_and_then_one_past_them():
    assert set(made("boundary-values", 4, "age")["age"]) == {DATA["age"].min(), DATA["age"].max()}
    assert set(made("boundary-values", 5, "age")["age"]) == {DATA["age"].min() - 1, DATA["age"].max() + 1}


@pytest.mark.parametrize(
    ("severity", "factor", "columns"), [(1, 0.1, 1), (2, 10, 1), (3, 1000, 1), (4, 10, 2), (5, 1000, 2)]
)
def test_units_are_mistaken_in_one_column_of_a_row_or_in_all(severity, factor, columns):
    found = made("unit-mistakes", severity, "age", "pay")
    hit = np.column_stack([found[c] != DATA[c] for c in ("age", "pay")])
    assert (hit.sum(axis=1) == columns).all()
    assert np.allclose(found["pay"][hit[:, 1]], DATA["pay"][hit[:, 1]] * factor)


def test_rounding_takes_the_column_to_few_values():
    assert [made("rounding", s, "pay")["pay"].nunique() for s in (1, 3, 5)] == sorted(
        [made("rounding", s, "pay")["pay"].nunique() for s in (1, 3, 5)], reverse=True
    )
    assert (made("rounding", 5, "pay")["pay"] % (2 * DATA["pay"].to_numpy().std())).round(6).nunique() <= 2


@pytest.mark.parametrize("severity", range(1, 6))
def test_noise_is_of_the_columns_scale(severity):
    added = made("noise", severity, "pay")["pay"] - DATA["pay"]
    assert added.std() == pytest.approx(NOISE[severity - 1] * DATA["pay"].std(), rel=0.1)


def test_a_shuffled_column_keeps_its_values_and_loses_its_rows():
    found = made("column-shuffle", 5, "pay", "word")
    assert set(found["word"]) <= set(DATA["word"])
    assert abs(np.corrcoef(found["pay"], DATA["pay"])[0, 1]) < 0.1
    assert found["word"].value_counts(normalize=True)["a"] == pytest.approx(0.6, abs=0.05)


def test_duplicates_stand_side_by_side():
    assert chosen("duplicates", 1, n=2).tolist() == [0, 0, 1, 1]
    assert len(chosen("duplicates", 5)) == 500 * COPIES[4]


def test_a_shift_goes_to_the_mix_step_by_step_and_draws_nobody_twice():
    mix = Mix(mix={"rare word": 0.5})
    shares = []
    for severity in range(1, 6):
        rows = chosen("shift", severity, mix, n=100, named={"rare word": "word in ['c', 'd']"})
        assert len(set(rows)) == len(rows)
        shares.append(DATA["word"].iloc[rows].isin(["c", "d"]).mean())
    own = DATA["word"].isin(["c", "d"]).mean()
    assert shares == pytest.approx([own + (0.5 - own) * s / 5 for s in range(1, 6)], abs=0.02)


def test_a_shift_to_more_than_there_are_draws_fewer():
    rows = chosen("shift", 5, Mix(mix={"word == 'd'": 1.0}), n=500)
    assert len(rows) == (DATA["word"] == "d").sum()


def test_numbers_that_are_missing_stay_missing():
    gaps = DATA.assign(pay=DATA["pay"].mask(DATA["age"] < 30))
    request = Request(columns=("pay",), options=None, named={}, data=gaps)
    for name in ("out-of-range", "boundary-values", "unit-mistakes", "rounding", "noise"):
        found = KINDS[name].make(gaps.copy(), 3, np.random.default_rng(1), request)
        assert found["pay"].isna().equals(gaps["pay"].isna()), name


def test_a_kind_without_five_severities_is_none():
    with pytest.raises(ValueError, match="five severities"):
        Kind(about="x", severities=("one",), make=KINDS["noise"].make)

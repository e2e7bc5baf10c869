"""Tables that people really have, searched: a sensible result or a limit that is told, never a hang."""

import time
import tomllib

import numpy as np
import pandas as pd
import pytest

from tests.strategies import HOSTILE, dataset, suite
from validate.counts import BOTH_RIGHT, GAIN, LOSS
from validate.damage import damage_of_outcomes
from validate.discovery import discover
from validate.errors import SuiteError
from validate.predicates import evaluate, parse
from validate.searchable import MOST_COLUMNS, MOST_LEVELS
from validate.slicing import build_membership
from validate.suite import Family

N = 3_000


def searched(frame, outcome, **options):
    return discover(dataset(frame), suite(), damage_of_outcomes(outcome.astype(np.uint8)), seed=0, **options)


def table(rows=N, **columns):
    rng = np.random.default_rng(0)
    return pd.DataFrame({"group": rng.choice(list("abcd"), rows), "label": rng.choice(["no", "yes"], rows)} | columns)


def losses(inside, chance=0.25):
    lost = np.asarray(inside) & (np.random.default_rng(1).random(len(inside)) < chance)
    return np.where(lost, LOSS, BOTH_RIGHT)


def test_damage_is_found_among_columns_of_every_odd_kind():
    rng = np.random.default_rng(2)
    frame = table(
        missing=None,
        nan=np.nan,
        constant=1,
        mixed=pd.Series([1, "a", 2.5, None] * (N // 4), dtype=object),
        when=pd.date_range("2020-01-01", periods=N, freq="h"),
        infinite=np.where(rng.random(N) < 0.5, np.inf, rng.normal(size=N)),
        always=np.inf,
        large=rng.integers(2**60, 2**62, N),
        whole=pd.array(rng.integers(0, 5, N), dtype="Int64"),
        flag=rng.random(N) < 0.5,
        unused=pd.Categorical(rng.choice(["u", "v"], N), categories=["u", "v", "w"]),
        lists=[[1]] * N,
        hostile=np.array(HOSTILE)[rng.integers(0, len(HOSTILE), N)],
    )
    found = searched(frame, losses(frame["group"] == "b"))
    assert [f.where for f in found.findings] == ["group == 'b'"]
    assert {"missing", "nan", "constant", "always", "mixed", "lists"}.isdisjoint(found.attributes)
    assert {"flag", "whole", "unused", "hostile", "large", "infinite"} <= set(found.attributes)
    for name in ("mixed", "lists"):
        assert f"column {name!r}: its values are neither text, numbers, booleans nor times" in found.limits


@pytest.mark.parametrize("value", HOSTILE)
def test_a_slice_of_any_value_can_be_pasted(value):
    frame = table(odd=np.where(np.arange(N) % 9 == 0, value, "plain"))
    inside = (frame["odd"] == value).to_numpy()
    (finding,) = searched(frame, losses(inside)).findings
    (entry,) = tomllib.loads(finding.suggestion)["slices"]
    np.testing.assert_array_equal(evaluate(parse(entry["where"], "pasted"), frame), inside)
    assert entry["name"].isprintable()


def test_a_million_distinct_values_are_cut_to_the_frequent_ones_and_it_is_told():
    rows = 1_000_000
    frame = table(rows, key=np.arange(rows).astype(str))
    began = time.monotonic()
    found = searched(frame, losses(frame["group"] == "a", 0.02), depth=2)
    assert time.monotonic() - began < 60
    assert [f.where for f in found.findings] == ["group == 'a'"]
    assert found.limits == (f"column 'key': all but the {MOST_LEVELS} most frequent of 1,000,000 values",)


def test_a_family_of_a_million_values_is_refused():
    frame = table(200_000, key=np.arange(200_000).astype(str))
    with pytest.raises(SuiteError, match="'key' has more than 1,000 distinct values: group them in a derived column"):
        build_membership(dataset(frame), suite(Family(by=("key",))))


def test_two_hundred_columns_are_searched_and_the_combinations_left_out_are_counted():
    rng = np.random.default_rng(3)
    frame = table(4_000, **{f"c{i:03}": rng.integers(0, 4, 4_000) for i in range(MOST_COLUMNS + 3)})
    outcome = np.where(
        losses(frame["c007"] == 2, 0.6) == LOSS, LOSS, rng.choice([BOTH_RIGHT, GAIN], 4_000, p=[0.9, 0.1])
    )
    began = time.monotonic()
    found = searched(frame, outcome)
    assert time.monotonic() - began < 120
    assert "c007 == 2" in {f.where for f in found.findings}
    assert "column 'c202': it is beyond the first 200" in found.limits
    assert "combinations of the least promising columns with others: 80 were combined" in found.limits


def test_copies_of_one_column_are_one_cause():
    frame = table(**{f"copy{i}": np.arange(N) % 5 for i in range(20)})
    (finding,) = searched(frame, losses(frame["copy0"] == 3)).findings
    assert finding.where.startswith("copy")
    assert finding.versions


def test_one_class_no_losses_all_losses_and_a_handful_of_rows():
    frame = table(label="no")
    for outcome in (np.full(N, BOTH_RIGHT), np.full(N, GAIN), np.full(N, LOSS)):
        found = searched(frame, outcome)
        assert (found.findings, found.candidates) == ((), 0)
        assert found.summary.startswith("nothing found: no slice has enough damaged examples")
    assert [f.where for f in searched(frame, losses(frame["group"] == "c")).findings] == ["group == 'c'"]
    for rows in (1, 2, 7):
        wide = table(rows, **{f"c{i}": np.arange(rows) for i in range(30)})
        assert searched(wide, losses(wide["c0"] == 0, 1.0)).findings == ()

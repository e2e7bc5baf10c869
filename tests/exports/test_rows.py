"""rows.parquet: what is read back judges as what was written, and a table that does not fit is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from tests.pairs import answers_of
from tests.strategies import CLASSES, dataset, frames, suite
from validate.data import Dataset
from validate.errors import OutputError
from validate.exports.rows import read_rows, row_table
from validate.judgement import judge_pair
from validate.predictions import ModelIdentity, Predictions, pair
from validate.slices import members, take
from validate.slicing import build_membership
from validate.suite import Family, NamedSlice

MODEL = ModelIdentity(name="m", kind="memory", source="m", sha256=None, bytes=None)
SLICES = (Family(by=("colour", "odd `name`", "size"), cross=2), NamedSlice(name="rows of yes", where="label == 'yes'"))


def written(table: pd.DataFrame, path):
    table.to_parquet(path, index=False)
    return path


def scored(data: Dataset, scores, outputs="logits") -> Predictions:
    return Predictions(ids=data.ids, scores=np.asarray(scores, dtype=np.float64), outputs=outputs, model=MODEL)


@given(frames(min_rows=3))
@settings(max_examples=8)
def test_what_is_read_back_judges_the_same(tmp_path_factory, frame):
    frame.loc[0, "label"] = "yes"
    data, rng = dataset(frame), np.random.default_rng(len(frame))
    right = rng.random((2, len(frame))) < 0.8
    paired = pair(data, answers_of(data, right[0]), answers_of(data, right[1], missing=rng.random(len(frame)) < 0.1))
    made = suite(*SLICES)
    membership = build_membership(data, made)
    path = written(row_table(paired, membership), tmp_path_factory.mktemp("rows") / "rows.parquet")
    read = read_rows(path, data.classes, membership.slices, (MODEL, MODEL))
    assert not read.scores
    assert read.paired.missing == paired.missing
    for i in range(len(membership.slices)):
        assert np.array_equal(members(read.membership, i), members(membership, i)), membership.slices[i].name
    assert judge_pair(read.paired, read.membership, made.gate, seed=5) == judge_pair(
        paired, membership, made.gate, seed=5
    )


@pytest.fixture
def small():
    frame = pd.DataFrame({"label": ["yes", "no"] * 20, "colour": ["red"] * 30 + ["blue"] * 10})
    data = dataset(frame)
    return data, build_membership(data, suite(Family(by=("colour",))))


@pytest.mark.parametrize("outputs", ["logits", "probabilities"])
def test_scores_come_back_to_the_bit_with_what_they_are(small, tmp_path, outputs):
    data, membership = small
    scores = np.random.default_rng(0).random((40, 2))
    scores = scores / scores.sum(axis=1, keepdims=True)
    spoiled = scores.copy()
    spoiled[3] = np.nan
    paired = pair(data, scored(data, scores, outputs), scored(data, spoiled, outputs))
    path = written(row_table(paired, membership, scores=True), tmp_path / "rows.parquet")
    read = read_rows(path, CLASSES, membership.slices, (MODEL, MODEL))
    assert read.scores
    assert (read.paired.dense.outputs, read.paired.missing) == (outputs, 1)
    assert np.array_equal(read.paired.compressed.scores, spoiled, equal_nan=True)


def test_parts_of_the_data_go_below_each_other(small, tmp_path):
    data, membership = small
    right = np.arange(40) % 3 > 0
    whole = pair(data, answers_of(data, right), answers_of(data, ~right))
    halves = []
    for rows in (np.arange(25), np.arange(25, 40)):
        part = Dataset(
            **{**vars(data), "frame": data.frame.iloc[rows], "ids": data.ids[rows], "labels": data.labels[rows]}
        )
        paired = pair(part, answers_of(part, right[rows]), answers_of(part, ~right[rows]))
        halves.append(row_table(paired, take(membership, rows)))
    assert halves[0].attrs == halves[1].attrs == row_table(whole, membership).attrs
    together = pd.concat(halves, ignore_index=True)
    pd.testing.assert_frame_equal(together, row_table(whole, membership))
    read = read_rows(written(together, tmp_path / "rows.parquet"), CLASSES, membership.slices, (MODEL, MODEL))
    assert np.array_equal(members(read.membership, 3), members(membership, 3))


def test_values_that_look_alike_stay_apart(tmp_path):
    frame = pd.DataFrame({"label": ["yes", "no"] * 6, "x": pd.Series([1, "1", "1"] * 4, dtype=object)})
    data = dataset(frame)
    membership = build_membership(data, suite(Family(by=("x",))))
    paired = pair(data, answers_of(data, np.ones(12, bool)), answers_of(data, np.ones(12, bool)))
    read = read_rows(written(row_table(paired, membership), tmp_path / "r"), CLASSES, membership.slices, (MODEL, MODEL))
    sizes = [int(members(read.membership, i).sum()) for i in range(len(membership.slices))]
    assert sizes == [entry.n for entry in membership.slices]
    assert {4, 8} <= set(sizes)


def spoil_outcome(table):
    table["outcome"] = 0
    return table


def spoil_version(table):
    table.attrs["paritygate"]["version"] = 99
    return table


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (spoil_outcome, "the column 'outcome' is not what truth and answers say"),
        (spoil_version, "has version 99; this paritygate reads version 1"),
        (lambda table: table.drop(columns="truth"), "does not fit the record: KeyError: 'truth'"),
        (lambda table: pd.DataFrame(table.to_dict()), "has version None"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(small, tmp_path, spoil, rule):
    data, membership = small
    right = np.arange(40) % 3 > 0
    table = spoil(row_table(pair(data, answers_of(data, right), answers_of(data, ~right)), membership))
    with pytest.raises(OutputError, match=rule):
        read_rows(written(table, tmp_path / "rows.parquet"), CLASSES, membership.slices, (MODEL, MODEL))


def test_a_slice_that_nothing_tells_of_and_a_damaged_file(small, tmp_path):
    data, membership = small
    right = np.arange(40) % 3 > 0
    paired = pair(data, answers_of(data, right), answers_of(data, ~right))
    path = written(row_table(paired, membership), tmp_path / "rows.parquet")
    others = build_membership(data, suite(NamedSlice(name="new", where="colour == 'red'"))).slices
    with pytest.raises(OutputError, match="nothing says who is in 'new'"):
        read_rows(path, CLASSES, others, (MODEL, MODEL))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(OutputError, match="cannot be read"):
        read_rows(path, CLASSES, membership.slices, (MODEL, MODEL))

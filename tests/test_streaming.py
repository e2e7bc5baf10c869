"""A run in batches: the same record as of all rows at once, whatever the batches."""

import shutil

import numpy as np
import pandas as pd
import pytest

from validate.errors import DataError, SuiteError
from validate.evidence import as_json
from validate.exports.files import write
from validate.pipeline import evaluate
from validate.suite_file import load_suite

SUITE = """
suite = "small"
seed = 3
[data]
path = "PATH"
label = "truth"
classes = ["no", "yes"]
id = "id"
BATCHES
[[data.columns]]
name = "parity"
python = "columns.py:parity"
[models]
outputs = "probabilities"
[models.dense]
recorded = "dense.csv"
[models.compressed.good]
recorded = "good.csv"
[models.compressed.bad]
recorded = "bad.csv"
[[slices]]
by = ["group", "parity", "size", "flag"]
cross = 2
quantiles.size = 3
[[slices]]
name = "large b"
where = "size > 50 and group == 'b'"
guard = true
"""
COLUMNS = "def parity(frame):\n    return frame['id'].astype(int) % 2 == 0\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """3,000 examples with missing values and answers, and the data in every format."""
    folder, n = tmp_path_factory.mktemp("streamed"), 3000
    rng = np.random.default_rng(1)
    truth = rng.random(n) < 0.5
    size = pd.Series(rng.integers(0, 100, n), dtype="Int64").mask(rng.random(n) < 0.02)
    size[:500] = size[:500].fillna(1)  # missing values come late
    flag = pd.Series(rng.random(n) < 0.3, dtype="boolean").mask(np.arange(n) < 40)  # and early
    frame = pd.DataFrame(
        {
            "id": np.arange(n),
            "truth": np.array(["no", "yes"])[truth.astype(int)],
            "group": rng.choice(["a", "b", None, "rare"], n, p=[0.6, 0.3, 0.05, 0.05]),
            "size": size,
            "flag": flag,
        }
    )
    frame.to_csv(folder / "data.csv", index=False)
    frame.to_csv(folder / "data.tsv", index=False, sep="\t")
    frame.to_json(folder / "data.jsonl", orient="records", lines=True)
    (folder / "parts").mkdir()
    for i, part in enumerate(np.array_split(np.arange(n), 4)):
        frame.iloc[part].to_parquet(folder / "parts" / f"part-{i}.parquet", index=False, row_group_size=300)
    frame.iloc[:0].to_parquet(folder / "parts" / "part-9.parquet", index=False)  # an empty part says nothing
    (folder / "columns.py").write_text(COLUMNS)
    chance = np.clip(np.where(truth, 0.8, 0.2) + rng.normal(0, 0.2, n), 0, 1)
    bad = np.where((frame["group"] == "b") & (rng.random(n) < 0.2), 1 - chance, chance)
    for name, p in (("dense", chance), ("good", chance.round(1)), ("bad", bad)):
        table = pd.DataFrame({"id": np.arange(n), "no": 1 - p, "yes": p})
        table.drop(index=[7, 1999] if name == "bad" else []).to_csv(folder / f"{name}.csv", index=False)
    return folder


def evaluated(folder, path, batch_rows=None, rows_in=None):
    batches = "" if batch_rows is None else f"batch_rows = {batch_rows}"
    (folder / "suite.toml").write_text(SUITE.replace("PATH", path).replace("BATCHES", batches))
    return evaluate(load_suite(folder), rows_in=rows_in)


def comparable(judged):
    """The record without what differs between any two runs or suite files, and without what batches do not make."""
    record = as_json(judged.record)
    return {key: value for key, value in record.items() if key not in {"run", "suite", "profile", "review"}}


@pytest.mark.parametrize("path", ["data.csv", "data.tsv", "data.jsonl", "parts"])
@pytest.mark.parametrize("batch_rows", [61, 1000])
def test_a_run_in_batches_gives_the_record_of_the_whole(folder, path, batch_rows):
    if path != "parts" and batch_rows == 61:
        batch_rows = 333
    whole, parts = evaluated(folder, path), evaluated(folder, path, batch_rows)
    for one, other in zip(whole, parts, strict=True):
        assert one.record.missing_answers == (2 if one.record.compressed_name == "bad" else 0)
        assert comparable(one) == comparable(other)
    assert whole[1].record.verdict.exit_code == 1


def test_rows_are_those_of_the_whole(folder, tmp_path):
    whole, parts = evaluated(folder, "parts"), evaluated(folder, "parts", 250, rows_in=tmp_path / "parts")
    write([one.record for one in whole], [one.rows for one in whole], tmp_path / "whole")
    write([one.record for one in parts], [one.rows for one in parts], tmp_path / "parts")
    for name in ("good", "bad"):
        one, other = (pd.read_parquet(tmp_path / kind / name / "rows.parquet") for kind in ("whole", "parts"))
        pd.testing.assert_frame_equal(one, other)
        assert one.attrs == other.attrs
        assert not list((tmp_path / "parts" / name).glob(".*"))


@pytest.fixture
def copied(folder, tmp_path):
    """The folder, to be broken."""
    return shutil.copytree(folder, tmp_path / "suite")


def test_a_truncated_part_is_named(copied):
    part = copied / "parts" / "part-2.parquet"
    part.write_bytes(part.read_bytes()[:-100])
    for batch_rows in (None, 500):
        with pytest.raises(DataError, match=r"parts: part-2\.parquet: could not be read"):
            evaluated(copied, "parts", batch_rows)


def test_parts_of_other_columns_or_types_are_named(copied):
    part = copied / "parts" / "part-2.parquet"
    frame = pd.read_parquet(part)
    for broken, rule in (
        (frame.drop(columns="group"), r"part-2\.parquet: must have the columns of part-0\.parquet, and lacks"),
        (frame.assign(group=1), r"part-2\.parquet: column 'group' must hold .*string, as in part-0\.parquet"),
    ):
        broken.to_parquet(part, index=False)
        for batch_rows in (None, 500):
            with pytest.raises(DataError, match=rule):
                evaluated(copied, "parts", batch_rows)


def test_a_broken_row_in_a_late_batch_is_named(copied):
    table = copied / "data.csv"
    table.write_text(table.read_text() + "1,2\n")
    with pytest.raises(DataError, match=r"data\.csv: could not be read.*(Expected 5 columns, got 2|3,?00\d)"):
        evaluated(copied, "data.csv", 500)
    lines = copied / "data.jsonl"
    lines.write_text(lines.read_text() + "{broken\n")
    with pytest.raises(DataError, match=r"line 3001 is not JSON"):
        evaluated(copied, "data.jsonl", 500)


def test_an_id_that_comes_again_in_a_later_batch_is_found(copied):
    table = pd.read_csv(copied / "data.csv")
    table.loc[2900, "id"] = 17
    table.to_csv(copied / "data.csv", index=False)
    with pytest.raises(DataError, match=r"ids must be unique \(found '1 repeated, such as 17'\)"):
        evaluated(copied, "data.csv", 500)


def test_a_label_outside_the_classes_is_told_with_its_rows(copied):
    table = pd.read_csv(copied / "data.csv")
    table.loc[2900, "truth"] = "maybe"
    table.to_csv(copied / "data.csv", index=False)
    with pytest.raises(DataError, match=r"labels must be among .*, in rows 2,501 to 3,000 \(found 'maybe"):
        evaluated(copied, "data.csv", 500)


def test_recorded_answers_in_another_order_are_an_error_of_their_model_alone(copied):
    table = pd.read_csv(copied / "bad.csv")
    table.iloc[::-1].to_csv(copied / "bad.csv", index=False)
    good, bad = evaluated(copied, "data.csv", 500)
    assert good.record.comparisons
    assert bad.record.verdict.exit_code == 4
    assert "in the data's order: that is how [data] batch_rows reads them" in bad.record.verdict.reasons[0]


@pytest.mark.parametrize(
    ("key", "extra"),
    [
        ("gate.metric", '[gate]\nmetric = "brier"'),
        ("gate.screen", '[gate]\nscreen = "westfall-young"'),
        ("discover", "[discover]"),
    ],
)
def test_what_needs_all_rows_is_refused_before_anything_is_read(copied, key, extra):
    text = SUITE.replace("PATH", "nowhere.csv").replace("BATCHES", "batch_rows = 500")
    (copied / "suite.toml").write_text(f"{text}\n{extra}\n")
    with pytest.raises(SuiteError, match=rf"{key}.*needs all rows at once, and \[data\] batch_rows"):
        load_suite(copied)


def test_a_contract_that_speaks_of_all_rows_is_refused_and_others_hold_batch_by_batch(copied):
    contract = copied / "contract.toml"
    rows = '[[expectations]]\ntype = "expect_column_values_to_be_in_set"\ncolumn = "truth"\nvalue_set = ["no", "yes"]\n'
    mean = '[[expectations]]\ntype = "expect_column_mean_to_be_between"\ncolumn = "size"\nmin_value = 0\n'
    contract.write_text(rows + mean)
    with_contract = 'batch_rows = 1000\ncontract = "contract.toml"'
    (copied / "suite.toml").write_text(SUITE.replace("PATH", "data.csv").replace("BATCHES", with_contract))
    with pytest.raises(SuiteError, match=r"expectations\[1\].*speaks of all rows together"):
        evaluate(load_suite(copied))
    contract.write_text(rows)
    assert {c.outcome for judged in evaluate(load_suite(copied)) for c in judged.record.contract} == {"PASS"}

"""A run in batches: the same record as of all rows at once, whatever the batches."""

import numpy as np
import pandas as pd
import pytest

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
    """The record without what differs between any two runs or suite files."""
    record = as_json(judged.record)
    return {key: value for key, value in record.items() if key not in {"run", "suite"}}


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

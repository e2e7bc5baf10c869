import re

import numpy as np
import pandas as pd
import pytest

from validate.errors import DataError
from validate.tables import as_text, class_codes, content_sha256, counted, file_sha256, read_table, total_bytes

FRAME = pd.DataFrame({"id": ["a", "b", "c"], "x": [1.5, 2.5, 3.5], "n": [1, 2, 3], "t": ["NA", "é", "u,v"]})


@pytest.fixture
def files(tmp_path):
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    FRAME.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    FRAME.to_parquet(tmp_path / "t.parquet")
    FRAME.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    np.savez(tmp_path / "t.npz", **{name: FRAME[name].to_numpy(dtype=None if name in "xn" else str) for name in FRAME})
    (tmp_path / "parts").mkdir()
    FRAME[:2].to_parquet(tmp_path / "parts" / "0.parquet")
    FRAME[2:].to_parquet(tmp_path / "parts" / "1.parquet")
    (tmp_path / "parts" / "_SUCCESS").touch()
    return tmp_path


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet", "t.jsonl", "t.npz", "parts"])
def test_every_format_gives_the_same_table(files, name):
    pd.testing.assert_frame_equal(read_table(files / name, name), FRAME)


def read(tmp_path, name, content, **options):
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(tmp_path / name, f"data/{name}", **options)


def test_only_an_empty_cell_is_missing(tmp_path):
    frame = read(tmp_path, "t.csv", "country,n\nNA,1\nNone,\n,3\nnan,4\n")
    assert frame["country"].tolist()[:2] == ["NA", "None"]
    assert frame["country"].isna().tolist() == [False, False, True, False]
    assert frame["n"].isna().tolist() == [False, True, False, False]


def test_an_id_with_zeros_in_front_stays_itself(tmp_path):
    assert read(tmp_path, "t.csv", "id,n\n007,1\n08,2\n", text=["id"])["id"].tolist() == ["007", "08"]


def test_dates_and_times_of_a_csv(tmp_path):
    frame = read(tmp_path, "t.csv", "day,at,time\n2024-01-02,2024-01-02 03:04:05,03:04\n,,\n")
    assert frame["day"][0] == pd.Timestamp("2024-01-02")
    assert frame["at"][0] == pd.Timestamp("2024-01-02 03:04:05")
    assert frame["time"][0] == "03:04:00"
    assert frame.iloc[1].isna().all()


def test_lines_may_break_within_quotes(tmp_path):
    assert read(tmp_path, "t.csv", 'a,b\n"one\ntwo",2\n')["a"].tolist() == ["one\ntwo"]


def test_a_parquet_s_own_index_becomes_a_column(tmp_path):
    FRAME.set_index("id").to_parquet(tmp_path / "t.parquet")
    frame = read_table(tmp_path / "t.parquet", "t")
    assert sorted(frame.columns) == sorted(FRAME.columns)
    assert frame.index.equals(pd.RangeIndex(3))


def test_an_npz_may_hold_a_matrix(tmp_path):
    np.savez(tmp_path / "t.npz", id=np.array([b"a", b"b"]), pixels=np.arange(8, dtype=">f4").reshape(2, 2, 2))
    frame = read_table(tmp_path / "t.npz", "t")
    assert frame["id"].tolist() == ["a", "b"]
    assert frame[[f"pixels_{j}" for j in range(4)]].to_numpy().tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


NOISE = np.random.default_rng(0).bytes(3000)


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("t.csv", "", "the file is empty"),
        ("t.csv", "a,b\n", "holds no examples (found '0 rows, 2 columns')"),
        ("t.csv", "a,a\n1,2\n", "column names must be unique (found 'a')"),
        ("t.csv", "a,b\n1,2\n3\n", "could not be read: CSV parse error: Expected 2 columns, got 1"),
        ("t.csv", "a,b\ncafé,1\n".encode("latin-1"), "text must be UTF-8 (found \"column 'a'\")"),
        ("t.csv", NOISE, "could not be read"),
        ("t.tsv", NOISE, "could not be read"),
        ("t.parquet", NOISE, "could not be read"),
        ("t.parquet", "PAR1", "could not be read"),
        ("t.jsonl", NOISE, "could not be read"),
        ("t.jsonl", '{"a": 1}\n{"a": ', "line 2 is not JSON: Expecting value"),
        ("t.jsonl", '{"a": 1}\n[1]\n', "line 2 must be an object (found '[1]')"),
        ("t.npz", NOISE, "is not an npz archive"),
        ("t.xlsx", NOISE, "must be one of .csv, .tsv, .parquet"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(tmp_path, name, content, rule):
    with pytest.raises(DataError, match=re.escape(rule)) as caught:
        read(tmp_path, name, content)
    assert str(caught.value).startswith(f"data/{name}: ")
    assert str(caught.value).isprintable()
    assert caught.value.exit_code == 4


def test_truncated_files(files):
    for name in ("t.parquet", "t.npz"):
        content = (files / name).read_bytes()
        (files / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(DataError):
            read_table(files / name, name)


def test_missing_files_and_folders_without_parts(tmp_path):
    with pytest.raises(DataError, match=r"^data\.csv: there is no such file$"):
        read_table(tmp_path / "data.csv", "data.csv")
    with pytest.raises(
        DataError, match=r"^data: a folder must hold parts named \*\.parquet, or a sub-folder of images for each class$"
    ):
        read_table(tmp_path, "data")


def test_an_npz_is_never_unpickled(tmp_path):
    np.savez(tmp_path / "t.npz", a=np.array(["x", None], dtype=object))
    with pytest.raises(DataError, match="could not be read: Object arrays cannot be loaded"):
        read_table(tmp_path / "t.npz", "t")


@pytest.mark.parametrize("arrays", [{"a": np.arange(3), "b": np.arange(2)}, {"a": np.array(3)}])
def test_arrays_need_one_entry_per_example(tmp_path, arrays):
    np.savez(tmp_path / "t.npz", **arrays)
    with pytest.raises(DataError, match="arrays must have one entry per example"):
        read_table(tmp_path / "t.npz", "t")


def test_the_hash_of_a_folder_is_of_its_parts(files):
    before = file_sha256(files / "parts")
    assert len(before) == 64
    (files / "parts" / "_SUCCESS").write_text("x")
    assert file_sha256(files / "parts") == before
    (files / "parts" / "1.parquet").rename(files / "parts" / "2.parquet")
    assert file_sha256(files / "parts") != before
    assert total_bytes(files / "parts") == sum((files / "parts" / f"{i}.parquet").stat().st_size for i in (0, 2))


def test_the_hash_of_a_frame_is_of_its_names_values_and_order():
    digest = content_sha256(FRAME)
    assert content_sha256(FRAME.set_index("id", drop=False)) == digest
    assert content_sha256(FRAME.astype({"t": "category"})) == digest
    others = [FRAME[::-1], FRAME.rename(columns={"x": "y"}), FRAME.assign(n=[1, 2, 4]), FRAME[["x", "id", "n", "t"]]]
    assert len({content_sha256(other) for other in others} | {digest}) == 5
    assert content_sha256(pd.DataFrame({"a": [[1], [2]]})) != content_sha256(pd.DataFrame({"a": [[1], [3]]}))


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pd.Series([1, 2**60 + 1]), ["1", "1152921504606846977"]),
        (pd.Series([7.0, 2.5, np.nan]), ["7", "2.5", None]),
        (pd.Series([1, None], dtype="Int64"), ["1", None]),
        (pd.Series([1.0, None], dtype="Float64"), ["1", None]),
        (pd.Series([True, False]), ["True", "False"]),
        (pd.Series(["x", None]), ["x", None]),
        (pd.Series(["x", None], dtype="category"), ["x", None]),
    ],
)
def test_values_as_people_write_them(column, text):
    assert as_text(column).tolist() == text


def test_codes_of_classes():
    assert class_codes(pd.Series(["b", "a", "z", None]), ["a", "b"]).tolist() == [1, 0, -1, -1]
    assert class_codes(pd.Series([1.0, 0.0]), ["0", "1"]).tolist() == [1, 0]
    assert class_codes(pd.Series([True, False]), ["false", "true"]).tolist() == [1, 0]


def test_values_are_counted_for_messages():
    assert counted(pd.Series(["a", "b", "a"])) == "a (2×), b (1×)"

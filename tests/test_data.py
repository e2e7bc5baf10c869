import re
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from tests.small import small_dataset, small_suite
from validate.data import load_dataset
from validate.errors import DataError, SuiteError
from validate.suite import Data, DerivedColumn

CSV = "id,age,country,income\n7,30,NO,low\n8,41,NA,high\n9,,NO,low\n"


def load(folder, content=CSV, *, task="classification", **data):
    (folder / "t.csv").write_text(content)
    declared = {"path": "t.csv", "label": "income", "classes": ("low", "high"), "id": "id"} | data
    return load_dataset(small_suite(folder, Data(**declared), task=task))


def test_examples_with_ids_labels_and_hash(tmp_path):
    dataset = load(tmp_path)
    assert dataset.ids.tolist() == ["7", "8", "9"]
    assert dataset.labels.tolist() == [0, 1, 0]
    assert dataset.classes == ("low", "high")
    assert dataset.frame["country"].tolist() == ["NO", "NA", "NO"]
    assert (dataset.clusters, dataset.train, dataset.source) == (None, None, "t.csv")
    assert dataset.sha256 == sha256(CSV.encode()).hexdigest()
    assert len(dataset) == 3


def test_arrays_are_read_only_and_of_one_length(tmp_path):
    dataset = load(tmp_path)
    with pytest.raises(ValueError, match="read-only"):
        dataset.labels[0] = 1
    with pytest.raises(ValueError, match="one entry per row"):
        small_dataset([0, 1], x=[1.0])


def test_without_an_id_column_the_row_is_the_id(tmp_path):
    assert load(tmp_path, id=None).ids.tolist() == ["0", "1", "2"]


def test_an_integer_id_reads_the_same_from_every_format(tmp_path):
    pd.DataFrame({"id": [7, 8], "income": ["low", "high"]}).to_parquet(tmp_path / "t.parquet")
    assert load(tmp_path, path="t.parquet").ids.tolist() == ["7", "8"]


def test_classes_may_be_numbers(tmp_path):
    assert load(tmp_path, "id,y\n1,0\n2,1\n", label="y", classes=(0, 1)).labels.tolist() == [0, 1]


def test_a_regression_has_values(tmp_path):
    dataset = load(tmp_path, "id,y\n1,0.5\n2,1\n", task="regression", label="y", classes=())
    assert dataset.labels.tolist() == [0.5, 1.0]
    assert dataset.classes == ()


def test_clusters_are_codes(tmp_path):
    assert load(tmp_path, cluster="country").clusters.tolist() == [0, 1, 0]


def test_data_from_python(tmp_path):
    (tmp_path / "data.py").write_text(
        "import pandas as pd\n\ndef load():\n"
        "    return pd.DataFrame({'id': [1, 2], 'income': ['low', 'high']}, index=[5, 6])\n"
    )
    dataset = load(tmp_path, path=None, python="data.py:load")
    assert dataset.frame.index.equals(pd.RangeIndex(2))
    assert dataset.source == "data.py:load"
    assert dataset.sha256 == load(tmp_path, path=None, python="data.py:load").sha256


HOOKS = """
import pandas as pd

def old(frame): return frame["age"] > 35
def both(frame): return frame["old"] & (frame["country"] == "NA")
def spoils(frame):
    frame["country"] = "XX"
    return [1, 2, 3]
def shuffled(frame): return frame["age"].sample(frac=1, random_state=1)
def short(frame): return frame["age"].head(2)
def one(frame): return 1
def table(frame): return frame[["age"]]
def fails(frame): return frame["agee"]
"""


def derived(*functions):
    return tuple(DerivedColumn(name=name, python=f"columns.py:{name}") for name in functions)


@pytest.fixture
def hooks(tmp_path):
    (tmp_path / "columns.py").write_text(HOOKS)
    return tmp_path


def test_derived_columns_build_on_each_other(hooks):
    frame = load(hooks, columns=derived("old", "both")).frame
    assert frame["both"].tolist() == [False, True, False]


def test_a_hook_cannot_change_the_data(hooks):
    assert load(hooks, columns=derived("spoils")).frame["country"].tolist() == ["NO", "NA", "NO"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shuffled", "columns.py:shuffled must keep the order of the rows (found 'another index')"),
        ("short", "columns.py:short must return one value for each of the 3 rows (found 'Series of shape (2,)')"),
        ("one", "columns.py:one must return one value for each of the 3 rows (found 'int of shape ()')"),
        ("table", "columns.py:table must return one value for each of the 3 rows (found 'DataFrame of shape (3, 1)')"),
        ("fails", "columns.py, line 13: KeyError: 'agee'"),
    ],
)
def test_a_derived_column_must_fit(hooks, name, message):
    with pytest.raises(DataError) as caught:
        load(hooks, columns=derived(name))
    assert str(caught.value) == f"derived column '{name}': {message}"


def test_a_derived_column_needs_a_new_name(hooks):
    with pytest.raises(SuiteError, match="a derived column needs a new name \\(found 'age'\\)"):
        load(hooks, columns=(DerivedColumn(name="age", python="columns.py:old"),))


def test_training_attributes_have_the_derived_columns_that_they_can(hooks):
    pd.DataFrame({"age": [50, 20]}).to_csv(hooks / "train.csv", index=False)
    train = load(hooks, columns=derived("old", "both"), train="train.csv").train
    assert train["old"].tolist() == [True, False]
    assert "both" not in train


def test_a_derived_column_that_breaks_on_training_data_is_told(hooks):
    pd.DataFrame({"age": ["x", "y"]}).to_csv(hooks / "train.csv", index=False)
    with pytest.raises(DataError, match=r"derived column .old.: columns\.py, line 4: TypeError"):
        load(hooks, columns=derived("old"), train="train.csv")


@pytest.mark.parametrize(
    ("content", "data", "message"),
    [
        (CSV, {"label": "incom"}, "t.csv: there is no column 'incom', which data.label names; did you mean 'income'?"),
        (CSV, {"id": "ID"}, "t.csv: there is no column 'ID', which data.id names"),
        (CSV, {"cluster": "house"}, "t.csv: there is no column 'house', which data.cluster names"),
        (CSV, {"cluster": "age"}, "t.csv: column 'age': data.cluster must not be missing (found 'row 2')"),
        (
            "id,income\n1,low\n1,high\n2,low\n1,low\n",
            {},
            "t.csv: column 'id': ids must be unique (found '2 repeated, such as 1')",
        ),
        ("id,income\n1,low\n,high\n", {}, "t.csv: column 'id': data.id must not be missing (found 'row 1')"),
        (
            "id,income\n1,low\n2,\n3,\n4,\n5,\n",
            {},
            "t.csv: column 'income': data.label must not be missing (found '4 rows, the first at 1, 2, 3')",
        ),
        (
            "id,income\n1,low\n2,High\n3,High\n4,huge\n",
            {},
            "t.csv: column 'income': labels must be among data.classes ['low', 'high'] (found 'High (2×), huge (1×)')",
        ),
        (CSV, {"path": "none.csv"}, "none.csv: there is no such file"),
        (CSV, {"path": "."}, ".: a folder must hold parts named *.parquet"),
        (CSV, {"train": "train.csv"}, "train.csv: there is no such file"),
    ],
)
def test_bad_data_is_told_with_place_rule_and_value(tmp_path, content, data, message):
    with pytest.raises(DataError) as caught:
        load(tmp_path, content, **data)
    assert str(caught.value).startswith(message)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("column", "rule"),
    [("x\ny", "must be numbers (found 'x')"), ("1\ninf", "must be finite (found 'row 1')"), ("True\nFalse", "numbers")],
)
def test_labels_of_a_regression_are_finite_numbers(tmp_path, column, rule):
    with pytest.raises(DataError, match=re.escape(rule)):
        load(tmp_path, f"y\n{column}\n", task="regression", label="y", classes=(), id=None)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("return [1]", "must return a pandas DataFrame (found 'list')"),
        ("return pd.DataFrame({'income': []})", "holds no examples"),
        ("return pd.DataFrame([[1, 2]])", "column names must be text, each once (found 0)"),
        ("return pd.DataFrame([[1, 2]], columns=['a', 'a'])", "column names must be text, each once"),
        ("return pd.read_csv('nowhere.csv')", "data.py, line 4: FileNotFoundError"),
    ],
)
def test_a_python_source_must_give_a_table(tmp_path, body, rule):
    (tmp_path / "data.py").write_text(f"import pandas as pd\n\ndef load():\n    {body}\n")
    with pytest.raises(DataError, match=re.escape(rule)):
        load(tmp_path, path=None, python="data.py:load")


def test_one_example_is_a_dataset(tmp_path):
    assert len(load(tmp_path, "id,income\n1,low\n")) == 1


def test_labels_are_their_own_memory():
    labels = np.array([0, 1])
    small_dataset(labels)
    labels[0] = 1
    assert labels.tolist() == [1, 1]

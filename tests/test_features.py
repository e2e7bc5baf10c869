import numpy as np
import pytest

from tests.small import small_dataset, small_suite
from validate.errors import DataError, SuiteError
from validate.features import feature_clusters
from validate.suite import Data, Discover
from validate.suite_folder import hooks_of

HOOK = """
import numpy as np

def blobs(frame):
    return np.stack([frame["x"] // 20 * 100, np.zeros(len(frame))], axis=1)

def same(frame):
    return np.ones((len(frame), 3))

def short(frame):
    return np.ones((1, 2))

def flat(frame):
    return frame["x"].to_numpy()

def text(frame):
    return np.full((len(frame), 2), "a")

def broken(frame):
    return np.stack([frame["x"].where(frame["x"] > 3), frame["x"]], axis=1)

def fails(frame):
    raise KeyError("embedding")
"""


def loaded_with(folder, function, clusters=3):
    (folder / "hooks.py").write_text(HOOK)
    loaded = small_suite(folder, Data(path="d.csv", label="y", classes=("no", "yes")))
    discover = None if function is None else Discover(features=f"hooks.py:{function}", clusters=clusters)
    object.__setattr__(loaded.suite, "discover", discover)
    return loaded


def test_examples_that_look_alike_are_one_cluster(tmp_path):
    data = small_dataset([0, 1] * 30)
    found = feature_clusters(loaded_with(tmp_path, "blobs"), data)
    assert found.levels == ("1", "2", "3")
    assert [len(set(found.codes[i : i + 20])) for i in (0, 20, 40)] == [1, 1, 1]
    assert set(found.codes) == {0, 1, 2}
    assert found.where == ("", "", "")
    assert hooks_of(loaded_with(tmp_path, "blobs")) == ("hooks.py:blobs",)


def test_fewer_clusters_where_fewer_points_differ_and_none_where_none_are_asked_for(tmp_path):
    data = small_dataset([0, 1] * 30)
    assert feature_clusters(loaded_with(tmp_path, "same"), data).levels == ("1",)
    assert feature_clusters(loaded_with(tmp_path, "blobs", clusters=100), small_dataset([0, 1])).levels == ("1",)
    assert feature_clusters(loaded_with(tmp_path, None), data) is None


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("short", r"one row of numbers for each of the 60 examples \(found \(1, 2\)\)"),
        ("flat", r"one row of numbers for each of the 60 examples \(found \(60,\)\)"),
        ("text", "must return numbers"),
        ("broken", r"must return finite numbers \(found '4 rows, the first at 0'\)"),
        ("fails", "hooks.py, line 23: KeyError: 'embedding'"),
    ],
)
def test_features_that_cannot_be_clustered_are_refused(tmp_path, function, message):
    with pytest.raises(DataError, match=message):
        feature_clusters(loaded_with(tmp_path, function), small_dataset([0, 1] * 30))


def test_a_hook_that_is_not_there_is_a_mistake_of_the_suite(tmp_path):
    with pytest.raises(SuiteError, match="must define the function nowhere"):
        feature_clusters(loaded_with(tmp_path, "nowhere"), small_dataset([0, 1]))


def test_many_examples_go_to_centres_found_from_some(tmp_path, monkeypatch):
    monkeypatch.setattr("validate.features.FITTED", 30)
    found = feature_clusters(loaded_with(tmp_path, "blobs"), small_dataset([0, 1] * 30))
    np.testing.assert_array_equal(np.bincount(found.codes), [20, 20, 20])

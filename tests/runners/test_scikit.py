import os
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC
from skops import io

from tests.runners.folders import open_in, predict, suite_of, x_of
from validate.errors import ModelError
from validate.predictions import answers
from validate.runners import open_runner
from validate.suite import SklearnModel

X = pd.DataFrame({"x": np.arange(20.0)})
Y = np.where(X["x"] >= 10, "yes", "no")
SPEC = SklearnModel(sklearn="m.skops")


def save(folder, model, name="m.skops"):
    io.dump(model, folder / name)


def pipeline(x=X, y=Y):
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)


def test_a_pipeline_that_was_fitted_on_a_frame_sees_its_columns(tmp_path):
    save(tmp_path, pipeline())
    predictions = predict(open_in(tmp_path, SPEC, inputs=None, outputs="probabilities"))
    np.testing.assert_allclose(predictions.scores, pipeline().predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize("y", [Y, np.where(Y == "yes", 1, 0)], ids=["names", "codes"])
def test_one_that_was_fitted_on_an_array_sees_the_inputs(tmp_path, y):
    save(tmp_path, pipeline(X.to_numpy(), y))
    predictions = predict(open_in(tmp_path, SPEC, outputs="logits"))
    np.testing.assert_allclose(np.exp(predictions.scores), pipeline().predict_proba(X), rtol=1e-6)


def test_columns_follow_the_data_s_classes_and_unseen_ones_get_none(tmp_path):
    save(tmp_path, pipeline())
    classes = ("yes", "perhaps", "no")
    scores = predict(open_in(tmp_path, SPEC, inputs=None, outputs="probabilities", classes=classes)).scores
    no, yes = pipeline().predict_proba(X).T
    np.testing.assert_allclose(scores, np.column_stack([yes, np.zeros(20), no]), rtol=1e-6)


def test_labels_and_values(tmp_path):
    save(tmp_path, LinearSVC().fit(X, Y))
    labels = answers(predict(open_in(tmp_path, SPEC, inputs=None, outputs="labels")))
    assert labels.tolist() == [0] * 10 + [1] * 10
    with pytest.raises(ModelError, match='has no predict_proba; say outputs = "labels"'):
        predict(open_in(tmp_path, SPEC, inputs=None, outputs="probabilities"))
    save(tmp_path, LinearRegression().fit(X, 2 * X["x"]))
    values = predict(open_in(tmp_path, SPEC, inputs=None, outputs="value", classes=()))
    np.testing.assert_allclose(values.scores, 2 * x_of(values), atol=1e-9)


def test_identity(tmp_path):
    save(tmp_path, pipeline())
    identity = open_in(tmp_path, SPEC, name="small", inputs=None).identity
    assert (identity.name, identity.kind, identity.source) == ("small", "sklearn", "m.skops")
    assert dict(identity.details)["estimator"] == "Pipeline"


def halve(x):
    os.environ["HALVED"] = "yes"
    return x / 2


def test_types_of_others_are_named_until_they_are_trusted(tmp_path, monkeypatch):
    monkeypatch.delenv("HALVED", raising=False)
    save(tmp_path, make_pipeline(FunctionTransformer(halve), LogisticRegression()).fit(X.to_numpy(), Y))
    monkeypatch.delenv("HALVED", raising=False)
    (named,) = io.get_untrusted_types(file=tmp_path / "m.skops")
    assert named.endswith("halve")
    with pytest.raises(ModelError, match=rf"name them in `trusted` \(found '{named}'\)"):
        open_in(tmp_path, SPEC)
    assert "HALVED" not in os.environ
    spec = SklearnModel(sklearn="m.skops", trusted=(named,))
    assert predict(open_in(tmp_path, spec)).scores.shape == (20, 2)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize("name", ["m.pkl", "m.joblib", "m.pickle", "m.skops"])
def test_a_pickle_is_never_opened_without_leave(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ModelError, match=r"--allow-pickle|is no skops file"):
        open_in(tmp_path, SklearnModel(sklearn=name), inputs=None)
    assert not (tmp_path / "exploded").exists()


def test_a_pickle_is_opened_with_leave(tmp_path):
    from dataclasses import replace

    spec = SklearnModel(sklearn="m.pkl")
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(pipeline()))
    loaded = replace(suite_of(tmp_path, spec, inputs=None, outputs="probabilities"), allow_pickle=True)
    runner = open_runner(spec, name="small", loaded=loaded, classes=("no", "yes"))
    np.testing.assert_allclose(predict(runner).scores, pipeline().predict_proba(X), rtol=1e-6)


def test_other_classes_are_refused(tmp_path):
    save(tmp_path, pipeline(y=np.where(Y == "yes", "oui", "no")))
    with pytest.raises(
        ModelError, match=r"its classes must be among data\.classes \['no', 'yes'\] \(found \['oui'\]\)"
    ):
        open_in(tmp_path, SPEC, inputs=None, outputs="probabilities")


@pytest.mark.parametrize("content", [b"", b"noise" * 100, None])
def test_a_damaged_file(tmp_path, content):
    save(tmp_path, pipeline())
    whole = (tmp_path / "m.skops").read_bytes()
    (tmp_path / "m.skops").write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(ModelError, match="is no skops file that can be read"):
        open_in(tmp_path, SPEC, inputs=None)


def test_a_missing_column_is_told(tmp_path):
    save(tmp_path, pipeline(X.rename(columns={"x": "width"})))
    with pytest.raises(ModelError, match=r"needs the column 'width' \(found \['x'\]\)"):
        predict(open_in(tmp_path, SPEC, inputs=None))


def test_something_else_than_an_estimator(tmp_path):
    save(tmp_path, StandardScaler().fit(X))
    with pytest.raises(ModelError, match=r"with a predict method \(found 'StandardScaler'\)"):
        open_in(tmp_path, SPEC, inputs=None)

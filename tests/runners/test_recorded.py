import json
import re
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from tests.small import small_dataset, small_suite
from validate.answers import answer
from validate.errors import ModelError
from validate.predictions import answers, pair, probabilities
from validate.runners import open_runner
from validate.suite import Data, Models, RecordedModel

CLASSES = ("no", "yes")
LABELS = pd.DataFrame({"id": ["id0", "id1", "id2"], "prediction": ["yes", "no", None]})
SCORES = pd.DataFrame({"id": ["id0", "id1", "id2"], "no": [0.2, 0.7, np.nan], "yes": [0.8, 0.3, np.nan]})


def write(frame, path):
    kind = path.suffix
    if kind in {".csv", ".tsv"}:
        frame.to_csv(path, index=False, sep="," if kind == ".csv" else "\t")
    elif kind == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=True)


def predict(folder, file, outputs, *, classes=CLASSES, own_outputs=None, id_column="id"):
    spec = RecordedModel(recorded=file, id=id_column, outputs=own_outputs)
    task = "regression" if outputs == "value" else "classification"
    models = Models(outputs=outputs, dense=spec, compressed={"small": spec})
    loaded = small_suite(folder, Data(path="t.csv", label="y"), models=models, task=task)
    done = []
    runner = open_runner(spec, name="small", loaded=loaded, classes=classes)
    predictions = answer(runner, small_dataset([1, 0, 1]), advance=done.append).predictions
    assert done == [3]
    return predictions


@pytest.mark.parametrize("file", ["p.csv", "p.tsv", "p.parquet", "p.jsonl"])
def test_labels_from_every_format(tmp_path, file):
    write(LABELS, tmp_path / file)
    assert answers(predict(tmp_path, file, "labels")).tolist() == [1, 0, -1]


@pytest.mark.parametrize("file", ["p.csv", "p.tsv", "p.parquet", "p.jsonl"])
def test_scores_have_one_column_per_class(tmp_path, file):
    write(SCORES[["yes", "no", "id"]], tmp_path / file)
    found = probabilities(predict(tmp_path, file, "probabilities"))
    np.testing.assert_allclose(found, [[0.2, 0.8], [0.7, 0.3], [np.nan, np.nan]])


def test_an_npz_holds_scores_in_the_order_of_the_classes(tmp_path):
    np.savez(tmp_path / "p.npz", id=np.array(["id0", "id1"]), scores=np.array([[0, 1], [1, 0]], dtype=np.float16))
    assert answers(predict(tmp_path, "p.npz", "logits")).tolist() == [1, 0]
    np.savez(tmp_path / "p.npz", id=np.array(["id0", "id1"]), prediction=np.array(["no", "yes"]))
    assert answers(predict(tmp_path, "p.npz", "labels")).tolist() == [0, 1]


def test_values_of_a_regression(tmp_path):
    (tmp_path / "p.csv").write_text("id,prediction\nid0,0.5\nid1,\n")
    found = predict(tmp_path, "p.csv", "value", classes=())
    np.testing.assert_equal(answers(found), [0.5, np.nan])


def test_a_model_may_have_its_own_outputs_and_id_column(tmp_path):
    write(LABELS.rename(columns={"id": "row"}), tmp_path / "p.csv")
    predictions = predict(tmp_path, "p.csv", "logits", own_outputs="labels", id_column="row")
    assert predictions.outputs == "labels"
    assert predictions.ids.tolist() == ["id0", "id1", "id2"]


def test_ids_keep_their_zeros(tmp_path):
    (tmp_path / "p.csv").write_text("id,prediction\n007,yes\n7,no\n")
    assert predict(tmp_path, "p.csv", "labels").ids.tolist() == ["007", "7"]


def test_the_identity_is_of_the_file(tmp_path):
    write(LABELS, tmp_path / "p.csv")
    content = (tmp_path / "p.csv").read_bytes()
    model = predict(tmp_path, "p.csv", "labels").model
    assert (model.name, model.kind, model.source) == ("small", "recorded", "p.csv")
    assert (model.sha256, model.bytes) == (sha256(content).hexdigest(), len(content))
    assert dict(model.details) == {"rows": "3", "outputs": "labels"}


def test_recorded_answers_are_paired_by_id(tmp_path):
    write(LABELS[::-1], tmp_path / "p.csv")
    recorded = predict(tmp_path, "p.csv", "labels")
    dense = predict(tmp_path, "p.csv", "labels")
    with pytest.raises(ModelError, match="the dense model must answer every example"):
        pair(small_dataset([1, 0, 1]), dense, recorded)


@pytest.mark.parametrize(
    ("content", "outputs", "rule"),
    [
        ("id,prediction\n", "labels", "holds no examples"),
        ("", "labels", "the file is empty"),
        ("row,prediction\n1,yes\n", "labels", "there is no column 'id'"),
        ("id,predictions\n1,yes\n", "labels", "there is no column 'prediction'; did you mean 'predictions'?"),
        ("id,prediction\n1,yes\n,no\n", "labels", "column 'id' must not be missing (found '1 rows, first 1')"),
        (
            "id,prediction\n1,Yes\n2,maybe\n3,Yes\n",
            "labels",
            "labels must be among data.classes ['no', 'yes'] (found 'Yes (2×), maybe (1×)')",
        ),
        ("id,no,Yes\n1,0.5,0.5\n", "logits", "there is no column 'yes'; did you mean 'Yes'?"),
        ("id,no,yes\n1,0.5,half\n", "logits", "column 'yes' must hold numbers (found 'half')"),
        ("id,prediction\n1,much\n", "value", "column 'prediction' must hold numbers (found 'much')"),
    ],
)
def test_files_that_do_not_fit(tmp_path, content, outputs, rule):
    (tmp_path / "p.csv").write_text(content)
    with pytest.raises(ModelError, match=re.escape(rule)) as caught:
        predict(tmp_path, "p.csv", outputs)
    assert caught.value.place == "model 'small' (p.csv)"
    assert caught.value.exit_code == 4


def test_a_missing_file(tmp_path):
    with pytest.raises(ModelError, match=r"^model 'small' \(p\.csv\): there is no such file$"):
        predict(tmp_path, "p.csv", "labels")


def test_other_classes_than_the_suite_s(tmp_path):
    np.savez(tmp_path / "p.npz", id=np.array(["id0", "id1", "id2"]), scores=np.eye(3))
    recorded = predict(tmp_path, "p.npz", "logits")
    with pytest.raises(ModelError, match=r"must give one score for each of the 2 classes \(found '3 columns'\)"):
        pair(small_dataset([1, 0, 1]), recorded, recorded)


def log(folder, lines, file="samples_arc.jsonl"):
    (folder / file).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def line(i, resps, **more):
    """One question as lm-evaluation-harness logs it."""
    doc = {"question": "Which?", "choices": {"text": ["x", "y", "z"], "label": ["A", "B", "C"]}}
    return {
        "doc_id": i,
        "doc": doc,
        "target": "0",
        "resps": [[it] for it in resps],
        "filtered_resps": resps,
        "filter": "none",
        "acc": 1.0,
        **more,
    }


@pytest.mark.parametrize("text", [False, True])
def test_a_log_of_lm_evaluation_harness_scores_each_choice(tmp_path, text):
    answered = [
        [[-1.5, False], [-0.25, True]],
        [[-2.0, False], [-3.0, False], [-2.5, False]],
        [[-1.0, False], [-9.0, False]],
    ]
    if text:  # newer versions write everything as text
        answered = [[[str(part) for part in choice] for choice in choices] for choices in answered]
    file = log(tmp_path, [line(i, choices) for i, choices in enumerate(answered)])
    predictions = predict(tmp_path, file, "logits", classes=("A", "B", "C"))
    assert predictions.ids.tolist() == ["0", "1", "2"]
    assert predictions.scores.tolist() == [[-1.5, -0.25, -np.inf], [-2.0, -3.0, -2.5], [-1.0, -9.0, -np.inf]]
    assert answers(predictions).tolist() == [1, 0, 0]


def test_a_log_without_filtered_answers(tmp_path):
    lines = [line(i, [[-1.0, False], [-2.0, True]]) for i in range(3)]
    for entry in lines:
        del entry["filtered_resps"]
    assert predict(tmp_path, log(tmp_path, lines), "logits").scores[0].tolist() == [-1.0, -2.0]


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ([line(0, [["The answer is B"]])], r"line 1: must hold a log-likelihood per choice"),
        ([line(0, [[-1, False]] * 3)], r"line 1: has more choices than the data's 2 classes \(found 3\)"),
        ([line(0, [[-1, False]]), line(0, [[-1, False]], filter="strict")], "several filters"),
    ],
)
def test_logs_that_give_no_scores(tmp_path, lines, rule):
    with pytest.raises(ModelError, match=rule):
        predict(tmp_path, log(tmp_path, lines), "logits")

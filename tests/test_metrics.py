import numpy as np
import pytest
from hypothesis import given as examples
from hypothesis import strategies as st
from sklearn import metrics as peer

from tests.small import small_dataset, small_predictions
from validate.metrics import (
    CLIP,
    METRICS,
    MetricKind,
    aggregate,
    available,
    clipped,
    described,
    outputs,
    scores,
)
from validate.predictions import pair
from validate.suite import KNOWN_METRICS, SCORE_METRICS

NAN = np.nan


def paired_chances(labels, dense, compressed, classes=("no", "yes"), kind="probabilities"):
    return pair(
        small_dataset(labels, classes),
        small_predictions(dense, outputs=kind),
        small_predictions(compressed, outputs=kind, name="small"),
    )


def random_pair(seed, k, n=200):
    rng = np.random.default_rng(seed)
    return paired_chances(
        rng.integers(0, k, n),
        rng.dirichlet(np.ones(k), n),
        rng.dirichlet(np.ones(k), n),
        tuple(f"class {c}" for c in range(k)),
    )


PEERS = {
    "accuracy": lambda y, p, k: peer.accuracy_score(y, p.argmax(1)),
    "brier": lambda y, p, k: -peer.brier_score_loss(y, p, labels=range(k), scale_by_half=False),
    "log_loss": lambda y, p, k: -peer.log_loss(y, p, labels=range(k)),
    "f1": lambda y, p, k: peer.f1_score(y, p.argmax(1), average="binary" if k == 2 else "macro"),
    "auc": lambda y, p, k: peer.roc_auc_score(y, p[:, 1] if k == 2 else p, multi_class="ovr"),
}


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("k", [2, 4])
def test_classification_metrics_agree_with_scikit_learn(name, k):
    paired, metric = random_pair(1, k), METRICS[name]
    expected = PEERS[name](paired.labels, paired.dense.scores, k)
    found = aggregate(metric, paired.labels, outputs(metric, paired, "dense"), k)
    assert found == pytest.approx(expected, abs=1e-12)
    if metric.score is not None:
        assert scores(metric, paired, "dense").mean() == pytest.approx(expected, abs=1e-12)


def test_regression_metrics_agree_with_scikit_learn():
    rng = np.random.default_rng(1)
    labels, values = rng.normal(size=50), rng.normal(size=50)
    predictions = small_predictions(values, outputs="value")
    paired = pair(small_dataset(labels, ()), predictions, predictions)
    for name, expected in {
        "mae": peer.mean_absolute_error(labels, values),
        "mse": peer.mean_squared_error(labels, values),
        "rmse": peer.root_mean_squared_error(labels, values),
    }.items():
        metric = METRICS[name]
        assert aggregate(metric, labels, outputs(metric, paired, "dense"), 0) == pytest.approx(-expected)


def test_calibration_error_by_hand():
    # bin (9/15, 10/15]: confidences .65 and .64, one right; the top bin: certainty, right
    paired = paired_chances([1, 1, 0], [[0.35, 0.65], [0.64, 0.36], [1, 0]], [[1, 0]] * 3)
    metric = METRICS["ece"]
    found = aggregate(metric, paired.labels, outputs(metric, paired, "dense"), 2)
    assert found == pytest.approx(-abs(0.65 + 0.64 - 1) / 3)


def test_the_table_holds_what_a_policy_may_name():
    for task, names in KNOWN_METRICS.items():
        assert {m.name for m in METRICS.values() if m.gates and m.task == task} == set(names)
    assert {m.name for m in METRICS.values() if m.needs == "probabilities"} == set(SCORE_METRICS)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_each_metric_has_the_function_of_its_kind(metric):
    assert (metric.total is not None) == (metric.kind is MetricKind.AGGREGATE) == (metric.score is None)


@examples(st.integers(0, 10**6), st.sampled_from([2, 3]))
def test_a_better_answer_never_scores_lower(seed, k):
    paired = random_pair(seed, k, n=20)
    perfect = paired_chances(paired.labels, np.eye(k)[paired.labels], paired.dense.scores, paired.classes)
    for metric in described(perfect):
        better, worse = scores(metric, perfect, "dense"), scores(metric, perfect, "compressed")
        assert (np.nan_to_num(better) >= np.nan_to_num(worse)).all(), metric.name


def test_a_missing_answer_is_the_worst_answer():
    paired = paired_chances([0, 1], [[0.9, 0.1], [0.2, 0.8]], [[NAN, NAN], [NAN, NAN]])
    worst = {metric.name: scores(metric, paired, "compressed").tolist() for metric in described(paired)}
    assert worst["accuracy"] == [0, 0]
    assert worst["brier"] == [-2, -2]
    assert worst["log_loss"] == pytest.approx([np.log(CLIP)] * 2)
    for name in ("f1", "auc"):
        assert aggregate(METRICS[name], paired.labels, outputs(METRICS[name], paired, "compressed"), 2) == 0
    assert aggregate(METRICS["ece"], paired.labels, outputs(METRICS["ece"], paired, "compressed"), 2) == -1


def test_a_missing_value_is_as_far_off_as_anything_seen():
    data = small_dataset([0.0, 10.0, 4.0], ())
    dense = small_predictions([0, 9, 4], outputs="value")
    near = pair(data, dense, small_predictions([NAN, 10, 4], outputs="value"))
    assert scores(METRICS["mae"], near, "compressed").tolist() == [-10, 0, 0]
    far = pair(data, dense, small_predictions([np.inf, 10, -100], outputs="value"))
    assert scores(METRICS["mae"], far, "compressed").tolist() == [-104, 0, -104]


def test_error_rates_are_of_one_class_each():
    paired = paired_chances([0, 0, 1, 1], [[0, 1], [1, 0], [1, 0], [0, 1]], [[NAN, NAN], [1, 0], [1, 0], [1, 0]])
    false_positives, false_negatives = METRICS["false_positive_rate"], METRICS["false_negative_rate"]
    np.testing.assert_equal(scores(false_positives, paired, "dense"), [-1, 0, NAN, NAN])
    np.testing.assert_equal(scores(false_positives, paired, "compressed"), [-1, 0, NAN, NAN])
    np.testing.assert_equal(scores(false_negatives, paired, "dense"), [NAN, NAN, -1, 0])


def test_what_can_be_described_depends_on_the_outputs():
    every = {"accuracy", "brier", "log_loss", "false_positive_rate", "false_negative_rate"}
    assert {m.name for m in described(random_pair(0, 2))} == every
    assert {m.name for m in described(random_pair(0, 3))} == {"accuracy", "brier", "log_loss"}
    labels = paired_chances([0, 1], [0, 1], [0, 1], kind="labels")
    assert {m.name for m in described(labels)} == every - {"brier", "log_loss"}
    assert available(METRICS["f1"], labels)
    assert not available(METRICS["auc"], labels)
    assert not available(METRICS["mae"], labels)
    values = small_predictions([0.0], outputs="value")
    assert {m.name for m in described(pair(small_dataset([0.0], ()), values, values))} == {"mae", "mse"}


def test_probabilities_are_clipped_and_counted():
    paired = paired_chances([0, 1], [[1, 0], [1, 0]], [[1, 0], [0, 1]])
    assert scores(METRICS["log_loss"], paired, "dense").tolist() == pytest.approx([0, np.log(CLIP)])
    assert (clipped(paired, "dense"), clipped(paired, "compressed")) == (1, 0)


def test_undefined_is_nan_and_never_a_number():
    chances = np.array([[0.5, 0.5]])
    assert np.isnan(aggregate(METRICS["auc"], np.array([1]), chances, 2))
    assert np.isnan(aggregate(METRICS["f1"], np.array([0]), np.array([0]), 2))
    assert np.isnan(aggregate(METRICS["accuracy"], np.array([], dtype=int), np.array([], dtype=int), 2))
    with pytest.raises(ValueError, match="auc has no score per example"):
        scores(METRICS["auc"], random_pair(0, 2), "dense")
    with pytest.raises(ValueError, match="brier needs probabilities"):
        outputs(METRICS["brier"], paired_chances([0, 1], [0, 1], [0, 1], kind="labels"), "dense")

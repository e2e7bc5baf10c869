"""Metrics: a score per example first, its aggregate second, and which way is better."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.predictions import PairedPredictions, Which, answers, given, probabilities
from validate.stats.calibration import top_label_calibration_error
from validate.suite_words import Task

CLIP = float(np.finfo(np.float32).eps)  # of a probability in the log-loss: what float32 logits can tell from zero

Floats = NDArray[np.float64]
Labels = NDArray[Any]  # (n,) class codes or values
Outputs = NDArray[Any]  # what Needs says, n entries


class Needs(StrEnum):
    """What a metric is computed from."""

    ANSWERS = "answers"  # (n,) class codes, -1 for no answer
    PROBABILITIES = "probabilities"  # (n, k)
    VALUES = "values"  # (n,) of a regression


class MetricKind(StrEnum):
    """How a metric becomes the number of a slice, and with it which statistics hold."""

    BINARY = "binary"  # the share of examples that are right: paired counts
    MEAN = "mean"  # the mean of a score per example
    AGGREGATE = "aggregate"  # a number of all examples together: bootstrap


@dataclass(frozen=True, kw_only=True, eq=False)
class Metric:
    """One metric. `scores` and `aggregate` below orient it; its own functions are as people know it."""

    name: str  # as a suite's gate names it
    title: str  # as a report names it
    task: Task
    kind: MetricKind
    needs: Needs
    higher_is_better: bool = False
    score: Callable[[Labels, Outputs], Floats] | None = None  # per example (n,); None for an aggregate
    total: Callable[[Labels, Outputs, int], float] | None = None  # of an aggregate of k classes; nan where undefined
    truth: int | None = None  # of two classes, the one whose examples it is about; the others have no score
    gates: bool = True  # may a policy name it?

    @property
    def sign(self) -> int:
        """What turns it into higher-is-better."""
        return 1 if self.higher_is_better else -1


def scores(metric: Metric, paired: PairedPredictions, which: Which) -> Floats:
    """(n,) a score per example, higher is better; NaN where the metric says nothing of an example.

    A compressed model's missing answer scores as the worst answer.
    """
    if metric.score is None:
        raise ValueError(f"{metric.name} has no score per example")
    found = metric.sign * metric.score(paired.labels, outputs(metric, paired, which))
    if metric.truth is not None:
        found[paired.labels != metric.truth] = np.nan
    return found


def aggregate(metric: Metric, labels: Labels, outputs: Outputs, k: int) -> float:
    """The metric of some examples of k classes, higher is better; nan where it is undefined, such as for no example."""
    if not len(labels):
        return float("nan")
    if metric.total is not None:
        return metric.sign * metric.total(labels, outputs, k)
    assert metric.score is not None
    return metric.sign * float(metric.score(labels, outputs).mean())


def outputs(metric: Metric, paired: PairedPredictions, which: Which) -> Outputs:
    """What the metric is computed from, one entry per example, with the worst answer where there is none.

    Worst is: no class; certainty of a wrong class; a value as far off as the labels' range or any answer given.
    """
    predictions = paired.dense if which == "dense" else paired.compressed
    if metric.needs is Needs.ANSWERS:
        return answers(predictions)
    missing = ~given(predictions)
    if metric.needs is Needs.PROBABILITIES:
        found = probabilities(predictions)
        if found is None:
            raise ValueError(f"{metric.name} needs probabilities")
        wrong_class = (paired.labels[missing].astype(np.int64) + 1) % len(paired.classes)
        found[missing] = np.eye(len(paired.classes))[wrong_class]
        return found
    values = answers(predictions).astype(np.float64)
    values[missing] = paired.labels[missing] + _largest_error(paired)
    return values


def available(metric: Metric, paired: PairedPredictions) -> bool:
    """Whether both models gave what the metric needs, on a task that it is for."""
    if metric.needs is Needs.VALUES or not paired.classes:
        return metric.needs is Needs.VALUES and not paired.classes
    if metric.truth is not None and len(paired.classes) != 2:
        return False
    kinds = {paired.dense.outputs, paired.compressed.outputs}
    return metric.needs is Needs.ANSWERS or kinds <= {"logits", "probabilities"}


def needs_scores(metric: str) -> bool:
    """Whether the metric of this name takes more of a model than its answers."""
    return METRICS[metric].needs is Needs.PROBABILITIES


def described(paired: PairedPredictions) -> tuple[Metric, ...]:
    """The metrics with a score per example that these predictions allow: shown for every slice, beside the gate's."""
    return tuple(metric for metric in METRICS.values() if metric.score is not None and available(metric, paired))


def clipped(paired: PairedPredictions, which: Which) -> int:
    """How many examples have a probability of the true class that the log-loss clips."""
    found = outputs(METRICS["log_loss"], paired, which)
    return int((_of_truth(paired.labels, found) < CLIP).sum())


def _largest_error(paired: PairedPredictions) -> float:
    spread = np.ptp(paired.labels)
    errors = [np.abs(answers(predictions) - paired.labels) for predictions in (paired.dense, paired.compressed)]
    return float(np.nanmax(np.concatenate([[spread], *errors])))


def _of_truth(labels: Labels, chances: Outputs) -> Floats:
    truth: Floats = np.take_along_axis(chances, labels[:, None], axis=1)[:, 0]
    return truth


def _right(labels: Labels, codes: Outputs) -> Floats:
    right: Floats = (codes == labels).astype(np.float64)
    return right


def _wrong(labels: Labels, codes: Outputs) -> Floats:
    wrong: Floats = (codes != labels).astype(np.float64)
    return wrong


def _brier(labels: Labels, chances: Outputs) -> Floats:
    """Squared distance to the truth, summed over the classes: 0 to 2, twice the binary convention of scikit-learn."""
    distance: Floats = ((chances - np.eye(chances.shape[1])[labels]) ** 2).sum(axis=1)
    return distance


def _log_loss(labels: Labels, chances: Outputs) -> Floats:
    loss: Floats = -np.log(np.maximum(_of_truth(labels, chances), CLIP))
    return loss


def _absolute(labels: Labels, values: Outputs) -> Floats:
    error: Floats = np.abs(values - labels)
    return error


def _squared(labels: Labels, values: Outputs) -> Floats:
    error: Floats = (values - labels) ** 2
    return error


def _f1(labels: Labels, codes: Outputs, k: int) -> float:
    """F1 of the last of two classes, else the mean over the classes that occur; nan where none does."""
    from sklearn.metrics import f1_score

    every = np.array([1]) if k == 2 else np.arange(k)
    occur = every[np.isin(every, labels) | np.isin(every, codes)]
    return float(f1_score(labels, codes, labels=occur, average="macro")) if len(occur) else float("nan")


def _auc(labels: Labels, chances: Outputs, k: int) -> float:
    """Area under the ROC curve of the last of two classes, else the mean of each class against the rest."""
    from sklearn.metrics import roc_auc_score

    positives = [labels == c for c in ([1] if k == 2 else range(k))]
    defined = [(c, positive) for c, positive in enumerate(positives, start=k == 2) if 0 < positive.sum() < len(labels)]
    areas = [roc_auc_score(positive, chances[:, c]) for c, positive in defined]
    return float(np.mean(areas)) if areas else float("nan")


def _calibration_error(labels: Labels, chances: Outputs, _k: int) -> float:
    """Expected calibration error of the top label; a probability may be above 1 by what float32 rounds."""
    return top_label_calibration_error(np.clip(chances, 0, 1), labels).l1


def _rmse(labels: Labels, values: Outputs, _k: int) -> float:
    return float(np.sqrt(_squared(labels, values).mean()))


def _table(*metrics: Metric) -> Mapping[str, Metric]:
    return {metric.name: metric for metric in metrics}


METRICS = _table(
    Metric(
        name="accuracy",
        title="accuracy",
        task="classification",
        kind=MetricKind.BINARY,
        needs=Needs.ANSWERS,
        higher_is_better=True,
        score=_right,
    ),
    Metric(
        name="brier",
        title="Brier score",
        task="classification",
        kind=MetricKind.MEAN,
        needs=Needs.PROBABILITIES,
        score=_brier,
    ),
    Metric(
        name="log_loss",
        title="log-loss",
        task="classification",
        kind=MetricKind.MEAN,
        needs=Needs.PROBABILITIES,
        score=_log_loss,
    ),
    Metric(
        name="false_positive_rate",
        title="false-positive rate",
        task="classification",
        kind=MetricKind.MEAN,
        needs=Needs.ANSWERS,
        score=_wrong,
        truth=0,
        gates=False,
    ),
    Metric(
        name="false_negative_rate",
        title="false-negative rate",
        task="classification",
        kind=MetricKind.MEAN,
        needs=Needs.ANSWERS,
        score=_wrong,
        truth=1,
        gates=False,
    ),
    Metric(
        name="f1",
        title="F1",
        task="classification",
        kind=MetricKind.AGGREGATE,
        needs=Needs.ANSWERS,
        higher_is_better=True,
        total=_f1,
    ),
    Metric(
        name="auc",
        title="area under the ROC curve",
        task="classification",
        kind=MetricKind.AGGREGATE,
        needs=Needs.PROBABILITIES,
        higher_is_better=True,
        total=_auc,
    ),
    Metric(
        name="ece",
        title="expected calibration error",
        task="classification",
        kind=MetricKind.AGGREGATE,
        needs=Needs.PROBABILITIES,
        total=_calibration_error,
    ),
    Metric(
        name="mae",
        title="mean absolute error",
        task="regression",
        kind=MetricKind.MEAN,
        needs=Needs.VALUES,
        score=_absolute,
    ),
    Metric(
        name="mse",
        title="mean squared error",
        task="regression",
        kind=MetricKind.MEAN,
        needs=Needs.VALUES,
        score=_squared,
    ),
    Metric(
        name="rmse",
        title="root mean squared error",
        task="regression",
        kind=MetricKind.AGGREGATE,
        needs=Needs.VALUES,
        total=_rmse,
    ),
)

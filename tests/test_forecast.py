"""The predictors against closed forms, the planted rare slice, and correlations with a known answer."""

import json
import math
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from torch import nn

from tests import samples
from tests.small_runs import small_suite_of
from tests.small_torch import small_torch_suite
from validate import cli
from validate.forecast import correlations, forecast, score_predictors, training_share
from validate.forecasting import of_suite
from validate.progress import SILENT
from validate.runners import open_runner
from validate.runners.gradients import slopes
from validate.slices import Kind


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    return small_torch_suite(tmp_path_factory.mktemp("tiny") / "suite")


@pytest.fixture(scope="module")
def found(loaded):
    return of_suite(loaded, cache=None, progress=SILENT)


def dense(loaded, model=None):
    from validate.data import load_dataset

    runner = open_runner(loaded.suite.models.dense, name="dense", loaded=loaded, classes=("no", "yes"))
    return replace(runner, model=runner.model if model is None else model), load_dataset(loaded)


def test_the_planted_rare_slice_ranks_first(found):
    groups = {one.slice: one for one in found.slices if one.slice.startswith("group: ")}
    assert groups["group: rare"].of_training
    assert groups["group: rare"].values["training share"] == pytest.approx(0.03, abs=0.01)
    assert groups["group: rare"].ranks["training share"] == 1
    assert groups["group: rare"].ranks["gradient norm"] == 1
    assert next(one.slice for one in found.slices if one.slice in groups) == "group: rare"


def test_the_distance_of_a_linear_model_is_the_one_of_geometry(loaded):
    torch.manual_seed(1)
    linear = nn.Linear(4, 2).eval()
    runner, dataset = dense(loaded, linear)
    made = slopes(runner, dataset, [np.arange(10)], seed=0)
    x = dataset.frame[list("abcd")].to_numpy()
    w, b = linear.weight.detach().numpy().astype(float), linear.bias.detach().numpy().astype(float)
    normal = w[1] - w[0]
    expected = np.abs(x @ normal + b[1] - b[0]) / np.linalg.norm(normal)
    np.testing.assert_allclose(made.distance, expected, rtol=1e-4, atol=1e-6)
    assert made.notes == ()


def test_the_gradient_norm_of_a_linear_model_is_the_one_by_hand(loaded):
    torch.manual_seed(2)
    linear = nn.Linear(4, 2).eval()
    runner, dataset = dense(loaded, linear)
    rows = np.array([3, 8, 20, 41])
    made = slopes(runner, dataset, [rows, np.arange(0)], seed=0)
    x, y = dataset.frame[list("abcd")].to_numpy()[rows], dataset.labels[rows]
    logits = x @ linear.weight.detach().numpy().T.astype(float) + linear.bias.detach().numpy()
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    off = chances - np.eye(2)[y]
    grad = np.concatenate([off.T @ x / len(rows), off.mean(axis=0)[:, None]], axis=1)
    assert made.loss[0] == pytest.approx(np.linalg.norm(grad), rel=1e-4)
    assert math.isnan(made.loss[1])


def test_a_model_that_cannot_be_copied_is_said(loaded):
    runner, dataset = dense(loaded)
    runner.model.lock = threading.Lock()
    found = slopes(runner, dataset, [], seed=1)
    assert (found.distance, found.loss) == (None, None)
    assert found.notes[0].startswith("no gradients: cannot pickle")


def test_slopes_leave_the_model_as_it_is_and_are_the_same_again(loaded):
    runner, dataset = dense(loaded)
    before = {name: tensor.clone() for name, tensor in runner.model.state_dict().items()}
    made = [slopes(runner, dataset, [np.arange(600)], seed=4) for _ in range(2)]
    np.testing.assert_array_equal(made[0].distance, made[1].distance)
    np.testing.assert_array_equal(made[0].loss, made[1].loss)
    assert all(torch.equal(before[name], tensor) for name, tensor in runner.model.state_dict().items())
    assert not any(p.requires_grad or p.grad is not None for p in runner.model.parameters())


def test_whole_numbers_are_moved_in_the_first_embedding(loaded):
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(3)
            self.table, self.head = nn.Embedding(9, 4), nn.Linear(4, 2)

        def forward(self, tokens):
            return self.head(self.table(tokens).mean(dim=1))

    model = Words().eval()
    runner, dataset = dense(loaded, model)
    few = replace(
        runner.inputs,
        function=lambda frame: torch.tensor(frame["a"].abs().mul(3).clip(0, 8).to_numpy()).long()[:, None],
    )
    made = slopes(replace(runner, inputs=few), dataset, [np.arange(5)], seed=0)
    token = int(min(8, abs(dataset.frame["a"][0]) * 3))
    score = model.head(model.table.weight[token]).detach().numpy()
    normal = (model.head.weight[1] - model.head.weight[0]).detach().numpy()
    assert made.distance[0] == pytest.approx(abs(score[1] - score[0]) / np.linalg.norm(normal), rel=1e-4)
    assert "first embedding" in made.notes[0]


def test_margin_and_entropy():
    found, notes = score_predictors(np.array([[0.5, 0.5], [1.0, 0.0], [0.2, 0.8]]))
    np.testing.assert_allclose(found["margin"], [0, 1, 0.6])
    np.testing.assert_allclose(
        found["entropy"], stats.entropy([[0.5, 0.5], [1.0, 0.0], [0.2, 0.8]], axis=1), atol=1e-12
    )
    assert notes == []
    assert score_predictors(None)[0] == {}


def test_shares_of_the_training_data_where_its_attributes_tell_them():
    train = pd.DataFrame({"sex": ["a", "a", "b", "b"]})
    entry = replace(samples.comparison("sex: a", 100, 0, 0).slice, columns=("sex",), where="sex == 'a'")
    assert training_share(entry, train) == (0.5, True)
    assert training_share(replace(entry, train_share=0.2), train) == (0.2, True)
    assert training_share(replace(entry, columns=("age",)), train) == (entry.share, False)
    assert training_share(replace(entry, where="sex > 3"), train) == (entry.share, False)


def compared(found, loss):
    """Comparisons whose losses are what a function says of each slice's place."""
    everything = samples.comparison("all", 2000, 0, 20, kind=Kind.ALL, guard=True)
    made = []
    for i, one in enumerate(found.slices):
        c = samples.comparison(one.slice, max(one.n, 30), 0, 0)
        made.append(replace(c, change=replace(c.change, estimate=-loss(i, one))))
    return [everything, *made]


def many(n=12):
    """A forecast of some slices whose training shares fall from one to the next."""
    from validate.forecast import Forecast, SliceForecast

    slices = [
        SliceForecast(
            slice=f"g: {i}", n=100, guard=False, rank=i, of_training=True, ranks={"training share": i + 1.0},
            values={"training share": 0.5 / (i + 1), "entropy": 0.1 * i},
        )
        for i in range(n)
    ]  # fmt: skip
    return Forecast(suite="x", n=2000, slices=tuple(slices), notes=())


def test_a_loss_in_the_forecasts_order_correlates_by_one():
    found = many()
    by = {c.predictor: c for c in correlations(found, "m", compared(found, lambda i, _: 0.01 * i), seed=1)}
    assert by["training share"].rho == pytest.approx(1)
    assert by["entropy"].rho == pytest.approx(1)
    assert by["entropy"].slices == 12
    assert by["entropy"].p < 0.01
    reverse = correlations(found, "m", compared(found, lambda i, _: -0.01 * i), seed=1)
    assert [c.rho for c in reverse] == pytest.approx([-1, -1])


def test_a_loss_of_any_order_agrees_with_scipy_and_repeats():
    found, rng = many(20), np.random.default_rng(8)
    losses = rng.normal(size=20)
    first, again = (correlations(found, "m", compared(found, lambda i, _: losses[i]), seed=3) for _ in range(2))
    assert first == again
    assert first[1].rho == pytest.approx(stats.spearmanr(np.arange(20), losses).statistic)
    assert first[1].p == pytest.approx(stats.spearmanr(np.arange(20), losses).pvalue, abs=0.03)
    assert first[1].low < first[1].rho < first[1].high


def test_no_loss_at_all_has_no_correlation():
    found = many()
    assert all(
        math.isnan(c.rho) and math.isnan(c.p) for c in correlations(found, "m", compared(found, lambda *_: 0.0), seed=1)
    )
    assert correlations(many(2), "m", compared(many(2), lambda i, _: i), seed=1) == ()


def test_the_command_prints_an_order_and_what_is_missing(loaded, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("PARITYGATE_CACHE", str(tmp_path))
    assert cli.main(["forecast", str(loaded.folder), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert list(shown["slices"][0]["values"]) == ["training share", "margin", "entropy", "gradient norm", "distance"]
    assert cli.main(["forecast", str(loaded.folder), "--no-gradients"]) == 0
    out = capsys.readouterr().out
    assert "not asked for" in out
    assert "Ranks only" in out
    monkeypatch.setenv("COLUMNS", "120")
    assert cli.main(["forecast", str(loaded.folder), "--no-gradients"]) == 0
    assert "Ranks only" not in capsys.readouterr().out
    assert "group: rare" in out


def test_recorded_labels_give_what_they_can(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("PARITYGATE_CACHE", str(tmp_path / "cache"))
    small_suite_of(tmp_path / "small")
    assert cli.main(["forecast", str(tmp_path / "small")]) == 0
    out = capsys.readouterr().out
    assert "a recorded model shows none" in out
    assert "no margin and no entropy" in out
    assert "shares marked *" in " ".join(out.split())


def test_an_empty_forecast_is_said():
    from validate.slices import Membership

    nothing = Membership(n=0, slices=(), attributes=(), masks=(), where=())
    assert forecast(nothing, {}, None, None, suite="x").slices == ()

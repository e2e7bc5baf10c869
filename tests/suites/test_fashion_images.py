"""The suite of images is what it says: its models' sizes and sparsity, its rare classes, what a run finds."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from validate.data import load_dataset
from validate.hooks import load_hook
from validate.outcome import Outcome
from validate.pipeline import run
from validate.places import cache_dir
from validate.suite import TorchModel
from validate.suite_file import load_suite

FOLDER = Path(__file__).parents[2] / "suites" / "fashion_images"
LOADED = load_suite(FOLDER)
MODELS = {"dense": LOADED.suite.models.dense, **LOADED.suite.models.compressed}


def opened(name: str) -> torch.nn.Module:
    spec = MODELS[name]
    assert isinstance(spec, TorchModel)
    model = load_hook(FOLDER, spec.torch, "test")()
    model.load_state_dict(load_file(FOLDER / spec.weights), strict=True)
    return model.eval()


@pytest.mark.parametrize("name", MODELS)
def test_weights_are_small_and_fit(name):
    spec = MODELS[name]
    assert (FOLDER / spec.weights).stat().st_size <= 300_000
    assert opened(name)(torch.rand(3, 1, 28, 28)).shape == (3, 10)


@pytest.mark.parametrize(("name", "zeros"), [("pruned-70", 0.70), ("pruned-90", 0.90), ("pruned-95", 0.95)])
def test_pruned_models_are_as_sparse_as_their_names(name, zeros):
    weights = torch.cat([value.flatten() for key, value in opened(name).state_dict().items() if "weight" in key])
    assert (weights == 0).float().mean().item() == pytest.approx(zeros, abs=0.001)


def test_int8_answers_nearly_as_the_dense_model_and_has_a_gradient():
    x = torch.rand(20, 1, 28, 28, generator=torch.Generator().manual_seed(1), requires_grad=True)
    dense, small = opened("dense")(x), opened("int8")(x)
    assert (dense - small).abs().max().item() < 0.05 * dense.abs().max().item()
    (slope,) = torch.autograd.grad(small.sum(), x)
    assert (slope != 0).any(dim=(1, 2, 3)).all()


@pytest.fixture(scope="module")
def fetched() -> Path:
    folder = cache_dir() / FOLDER.name
    if not (folder / "test.parquet").exists():
        subprocess.run([sys.executable, FOLDER / "fetch.py"], check=True, env=os.environ)
    return folder


@pytest.mark.slow
def test_two_garments_are_rare_in_training_alone(fetched):
    shares = pd.read_parquet(fetched / "train_attributes.parquet")["garment"].value_counts()
    assert shares[["coat", "sandal"]].tolist() == [300, 300]
    assert (shares.drop(["coat", "sandal"]) == 6000).all()
    data = load_dataset(LOADED)
    assert data.frame["garment"].value_counts().tolist() == [1000] * 10
    assert data.frame["image"].iloc[0].shape == (28, 28)


@pytest.mark.slow
def test_a_run_finds_what_the_readme_says(fetched):
    found = {record.compressed_name: record for record in run(LOADED)}
    passed = {name for name, record in found.items() if record.verdict.outcome is Outcome.PASS}
    assert passed == {"int8", "pruned-70"}
    changes = {c.slice.name: c.change.estimate for c in found["pruned-95"].comparisons}
    assert changes["label: sandal"] == pytest.approx(-0.145, abs=0.01)
    assert changes["all"] == pytest.approx(-0.030, abs=0.005)
    failed = [check.id for check in found["pruned-90"].checks if check.outcome is Outcome.FAIL]
    assert failed == ["edge cases"]

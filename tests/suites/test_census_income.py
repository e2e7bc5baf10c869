"""The census suite is what it says: its rows, its split, its models' sizes and sparsity."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from validate.data import Dataset, load_dataset
from validate.hooks import load_hook
from validate.slicing import build_membership
from validate.suite import TorchModel
from validate.suite_file import load_suite

FOLDER = Path(__file__).parents[2] / "suites" / "census_income"
LOADED = load_suite(FOLDER)
MODELS = {"dense": LOADED.suite.models.dense, **LOADED.suite.models.compressed}


def hook(spec):
    return load_hook(FOLDER, spec, "test")


def open_model(name: str) -> torch.nn.Module:
    spec = MODELS[name]
    assert isinstance(spec, TorchModel)
    model = hook(spec.torch)()
    model.load_state_dict(load_file(FOLDER / spec.weights), strict=True)
    return model.eval()


def weights(name: str) -> torch.Tensor:
    state = load_file(FOLDER / MODELS[name].weights)
    return torch.cat([tensor.flatten() for key, tensor in state.items() if key.endswith("weight")])


def file_size(name: str) -> int:
    return (FOLDER / MODELS[name].weights).stat().st_size


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_dataset(LOADED)


@pytest.fixture(scope="module")
def train() -> pd.DataFrame:
    return pd.read_parquet(FOLDER / LOADED.suite.data.train)


@pytest.fixture(scope="module")
def inputs(dataset) -> torch.Tensor:
    return hook(LOADED.suite.models.inputs)(dataset.frame)


def answers(name: str, inputs: torch.Tensor) -> np.ndarray:
    with torch.inference_mode():
        return open_model(name)(inputs).argmax(dim=1).numpy()


def test_the_held_out_part_is_40_percent_of_the_adults_and_shares_no_row_with_training(dataset, train):
    test = dataset.frame
    assert (len(train), len(test)) == (129_188, 86_254)
    assert test["row"].is_unique
    assert train["row"].is_unique
    assert not set(test["row"]) & set(train["row"])
    assert min(test["age"].min(), train["age"].min()) == 18


def test_the_split_is_the_hash_of_the_row_number(dataset, train):
    held_out = hook("fetch.py:held_out")
    assert dataset.frame["row"].map(held_out).all()
    assert not train["row"].map(held_out).any()


def test_both_parts_hold_every_category_and_the_same_share_of_the_upper_class(dataset, train):
    test = dataset.frame
    for column in ("sex", "race", "origin", "citizenship", "education", "class_of_worker", "country", "year", "income"):
        assert set(test[column]) == set(train[column]), column
    shares = [(part["income"] == "50k or more").mean() for part in (test, train)]
    assert shares == pytest.approx([0.086, 0.086], abs=0.002)


def test_text_has_no_blanks_around_it(dataset):
    for column in dataset.frame.select_dtypes("str"):
        assert (dataset.frame[column] == dataset.frame[column].str.strip()).all(), column


def test_derived_columns_cover_every_row(dataset):
    frame = dataset.frame
    assert frame["birth_region"].nunique() == 13
    assert (frame.loc[frame["work_year"] == "no work", "weeks_worked"] == 0).all()
    assert (frame.loc[frame["work_year"] == "full year", "weeks_worked"] >= 50).all()
    assert (frame["property_income"] == frame["capital_gains"] - frame["capital_losses"] + frame["dividends"]).all()
    assert not frame[["birth_region", "work_year", "property_income"]].isna().any().any()


def test_every_guarded_domain_slice_is_large_enough_to_pass(dataset):
    slices = {each.name: each for each in build_membership(dataset, LOADED.suite).slices}
    guarded = [each for each in slices.values() if each.guard]
    assert len(guarded) == 22
    assert min(each.n for each in guarded) > 800
    assert slices["older workers without pay"].n == 14


def test_the_contract_and_the_statements_are_declared():
    expectations = tomllib.loads((FOLDER / "contract.toml").read_text())["expectations"]
    assert len(expectations) >= 20
    statements = tomllib.loads((FOLDER / "statements.toml").read_text())["statements"]
    assert [each["id"] for each in statements] == ["MEASURE 1.3", "MEASURE 2.2", "MEASURE 2.4", "MEASURE 3.3"]


def test_inputs_are_finite_and_have_one_column_per_category(dataset, inputs):
    encoders = json.loads((FOLDER / "encoders.json").read_text())
    assert torch.isfinite(inputs).all()
    onehot = inputs[:, len(encoders["numeric"]) :]
    assert torch.equal(onehot.sum(dim=1), torch.full((len(dataset),), float(len(encoders["categorical"]))))
    assert set(onehot.unique().tolist()) == {0.0, 1.0}


def test_a_category_that_training_never_saw_is_no_error(dataset):
    frame = dataset.frame.head(2).assign(country="Atlantis", sex="unheard of")
    encoders = json.loads((FOLDER / "encoders.json").read_text())
    onehot = hook("models.py:inputs")(frame)[:, len(encoders["numeric"]) :]
    assert (onehot.sum(dim=1) == len(encoders["categorical"]) - 1).all()  # countries share a column for the rare


@pytest.mark.parametrize("name", MODELS)
def test_weights_fit_the_factory_and_answers_do_not_depend_on_the_batch(name, inputs):
    model = open_model(name)
    with torch.inference_mode():
        together, alone = model(inputs[:64]), torch.cat([model(inputs[i : i + 1]) for i in range(64)])
    assert together.shape == (64, 2)
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_the_dense_model_finds_what_always_no_does_not(dataset, inputs):
    dense = answers("dense", inputs)
    rich = dataset.labels == 1
    assert (dense == dataset.labels).mean() > 1 - rich.mean() + 0.015
    assert (dense[rich] == 1).mean() > 0.35


def test_int8_agrees_with_dense_on_almost_all(inputs):
    assert (answers("int8", inputs) == answers("dense", inputs)).mean() > 0.99


@pytest.mark.parametrize("name", ["pruned-80", "pruned-90", "pruned-95", "oneshot-80"])
def test_sparsity_is_what_the_name_says(name):
    assert (weights(name) == 0).double().mean().item() == pytest.approx(int(name[-2:]) / 100, abs=1e-4)


def test_int8_is_eight_bits_and_neurons_are_gone():
    assert weights("int8").dtype == torch.int8
    assert weights("int8").abs().max() == 127
    assert [len(layer) for layer in load_file(FOLDER / MODELS["neurons-50"].weights).values()] == [
        128,
        128,
        64,
        64,
        2,
        2,
    ]


def test_sizes_on_disk():
    assert file_size("int8") < 0.5 * file_size("dense")
    assert file_size("neurons-50") < 0.5 * file_size("dense")
    assert file_size("pruned-95") == file_size("dense")  # zeros are stored like any other weight
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 8_000_000


def test_the_build_log_names_every_model_and_no_held_out_number(dataset):
    log = json.loads((FOLDER / "build.json").read_text())
    assert set(log["models"]) == set(MODELS)
    assert sum(log["rows"].values()) == 129_188
    assert {part for scores in log["models"].values() for part in scores} == {"fit", "check"}

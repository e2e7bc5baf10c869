import math
from dataclasses import replace

import numpy as np
import pytest

from tests.small import small_dataset, small_predictions
from validate.outcome import Outcome
from validate.pipeline import evaluate, run
from validate.places import suites_dir
from validate.predictions import ModelIdentity, pair
from validate.preflight import Seen, noise_floor, preflight_checks, sample, seen
from validate.suite import Models, RecordedModel
from validate.suite_file import load_suite

ONE = ModelIdentity(name="dense", kind="torch", source="a", sha256="1" * 64, bytes=1)
OTHER = replace(ONE, name="small", source="b", sha256="2" * 64)
FOUND = Seen(n=1000, identical=10, labels_only=False, dense=0.9, compressed=0.895, gains=5, losses=10)


def models(**more):
    return Models(dense=RecordedModel(recorded="d"), compressed={"small": RecordedModel(recorded="s")}, **more)


def outcomes(found=FOUND, *, one=ONE, other=OTHER, metric="accuracy", **more):
    checks = preflight_checks(found, one, other, models(**more), metric)
    return {check.id.removeprefix("integrity: "): check.outcome.value for check in checks}


def reason(found=FOUND, *, one=ONE, other=OTHER, metric="accuracy", **more):
    checks = preflight_checks(found, one, other, models(**more), metric)
    (broken,) = (check.reason for check in checks if check.outcome is Outcome.ERROR)
    return broken


def test_an_ordinary_pair_passes():
    assert outcomes() == {"two models": "PASS", "plausible": "PASS"}


@pytest.mark.parametrize(
    ("metric", "value", "declared", "outcome"),
    [
        ("accuracy", 0.9, 0.9, "PASS"),
        ("accuracy", 0.8999, 0.9, "ERROR"),
        ("mae", 2.0, 2.0, "PASS"),
        ("mae", 2.1, 2.0, "ERROR"),
        ("auc", math.nan, 0.5, "ERROR"),
    ],
)
def test_the_dense_model_reaches_what_is_declared(metric, value, declared, outcome):
    found = replace(FOUND, dense=value, compressed=value)
    assert outcomes(found, metric=metric, dense_minimum=declared)["reference"] == outcome


def test_a_broken_reference_says_the_number_and_the_rule():
    told = reason(replace(FOUND, dense=0.5, compressed=0.5), dense_minimum=0.9)
    assert told.startswith("the dense model's accuracy is 0.5, and at least 0.9 is declared")


def test_the_same_files_are_one_model():
    assert "the same files" in reason(one=ONE, other=replace(ONE, name="small"))
    other_hook = replace(ONE, name="small", source="models.py:pruned with w.pt")
    assert outcomes(other=other_hook)["two models"] == "PASS"  # the same weights in another module


def test_the_same_answers_to_the_last_bit_are_one_model():
    found = replace(FOUND, identical=1000)
    assert "answers all 1,000 examples as the dense one does, to the last bit" in reason(found)
    assert outcomes(replace(found, identical=999))["two models"] == "PASS"
    assert outcomes(replace(found, labels_only=True))["two models"] == "PASS"
    assert outcomes(found, expected=("identical",))["two models"] == "PASS"


GAIN = Seen(n=1000, identical=0, labels_only=False, dense=0.7, compressed=0.9, gains=220, losses=20)


def test_a_miracle_is_anomalous():
    assert reason(GAIN).startswith("ANOMALOUS: accuracy 0.9 after 0.7, less than half of the dense model's errors")
    assert outcomes(GAIN, expected=("gain",))["plausible"] == "PASS"


@pytest.mark.parametrize(
    "change",
    [
        {"compressed": 0.84, "gains": 160},  # more than half of the errors are left
        {"dense": 0.96, "compressed": 0.99, "gains": 35, "losses": 5},  # 3 points
        {"n": 99},
        {"gains": 15, "losses": 3},  # chance could do it
        {"dense": 1.0, "compressed": 1.0, "gains": 0, "losses": 0},
    ],
)
def test_what_can_happen_is_not_anomalous(change):
    assert outcomes(replace(GAIN, **change))["plausible"] == "PASS"


def test_errors_of_a_regression_are_judged_the_other_way_round():
    found = replace(GAIN, dense=3.0, compressed=1.4, gains=0, losses=0)
    assert outcomes(found, metric="mae")["plausible"] == "ERROR"
    assert outcomes(replace(found, compressed=1.6), metric="mae")["plausible"] == "PASS"
    assert outcomes(replace(found, dense=1.4, compressed=3.0), metric="mae")["plausible"] == "PASS"


def test_seen_counts_what_the_rows_say():
    dataset = small_dataset([0, 1, 1, 0])
    dense = small_predictions([[2, 1], [1, 2], [2, 1], [1, 2]])
    compressed = small_predictions([[2, 1], [2, 1], [1, 2], [1, 2.5]], name="small")
    found = seen(pair(dataset, dense, compressed), "accuracy")
    assert found == Seen(n=4, identical=1, labels_only=False, dense=0.5, compressed=0.5, gains=1, losses=1)
    again = seen(pair(dataset, dense, replace(dense, model=compressed.model)), "brier")
    assert (again.identical, again.dense) == (4, again.compressed)
    assert again.dense > 0


def test_the_noise_floor_compares_the_same_examples():
    dataset = small_dataset([0, 1] * 1000)
    scores = np.random.default_rng(1).normal(size=(2000, 2))
    some = sample(dataset, 3)
    assert len(some) == 1000
    assert sample(dataset, 3).ids.tolist() == some.ids.tolist()
    rows = some.frame["x"].to_numpy(dtype=int)
    again = scores[rows].copy()
    again[:7] = again[:7, ::-1]
    floor = noise_floor(small_predictions(scores), some, small_predictions(again, some.ids.tolist()), "upside down")
    assert (floor.n, floor.flips, floor.how) == (1000, 7, "upside down")
    assert floor.largest == pytest.approx(np.abs(scores[rows][:7, 0] - scores[rows][:7, 1]).max())


@pytest.fixture(scope="module")
def census():
    return load_suite(suites_dir() / "census_income")


def test_the_census_models_pass_and_tell_their_noise_floor(census):
    (record,) = run(census, compressed=["int8"])
    assert {
        check.id: check.outcome
        for check in record.checks
        if check.id in {"integrity: two models", "integrity: plausible"}
    } == {
        "integrity: two models": Outcome.PASS,
        "integrity: plausible": Outcome.PASS,
    }
    floor = record.noise_floor
    assert floor is not None
    assert (floor.n, floor.flips) == (1000, 0)
    assert floor.largest < 1e-3
    assert floor.how.startswith("in batches of 37 and with ")


def test_a_dense_model_in_disguise_and_one_below_its_minimum(census):
    spec = census.suite.models.dense
    swapped = replace(census.suite.models, compressed={"copy": spec}, dense_minimum=0.99)
    (judged,) = evaluate(replace(census, suite=replace(census.suite, models=swapped)))
    verdict = judged.record.verdict
    assert (verdict.outcome, verdict.exit_code) == (Outcome.ERROR, 4)
    assert any(
        reason.startswith("integrity: two models: the compressed model is the dense one") for reason in verdict.reasons
    )
    assert any(
        reason.startswith("integrity: reference: the dense model's accuracy is 0.9") for reason in verdict.reasons
    )

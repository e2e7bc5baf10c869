"""Claims, by a table of cases: exact numbers, intervals, and what cannot be found out."""

from dataclasses import replace

import numpy as np
import pytest

from tests.pairs import grouped
from validate.artifact_profile.cost import Cost, Measured
from validate.artifact_profile.stored import CompressionProfile, Weights, artifact
from validate.claims import Known, claim_checks, claims_of, retained, title
from validate.errors import SuiteError
from validate.gate import CheckKind
from validate.outcome import Outcome
from validate.stats.results import Interval
from validate.suite_claims import Claim
from validate.suite_file import load_suite

PASS, INCONCLUSIVE, FAIL, ERROR = Outcome
SUITE = """
suite = "claims"
task = "classification"
seed = 7
[data]
path = "data.csv"
label = "y"
id = "row"
classes = ["no", "yes"]
[models]
outputs = "labels"
dense = { recorded = "dense.csv" }
compressed.small = { recorded = "small.csv" }
"""


def model(*masks, dtype="float32", width=4, disk=1000, flops=200):
    weights = [
        Weights(name=f"w{i}", dtype=dtype, shape=mask.shape, bytes=width * mask.size, nonzero=mask)
        for i, mask in enumerate(masks)
    ]
    return artifact(weights, disk=disk, flops=flops, flops_note="" if flops else "not counted: unknown operator")


def interval(low, estimate, high):
    return Interval(estimate=estimate, low=low, high=high, level=0.95, method="")


def timed(quantity, batch, low, high):
    own = interval(2 * low, low + high, 2 * high)
    ratio = interval(low, (low + high) / 2, high)
    return Measured(quantity=quantity, unit="s", batch=batch, dense=own, compressed=own, ratio=ratio)


PRUNED = (np.arange(8) + np.arange(16)[:, None]) % 4 == 0  # three of four are zero: 1:4
DENSE = model(np.ones((16, 8), dtype=bool), np.ones(8, dtype=bool))
COST = Cost(
    machine="a machine",
    deployment=None,
    measured=(timed("latency_p50", 1, 0.5, 0.7), timed("throughput", 8, 1.1, 1.3), timed("throughput", 64, 1.4, 1.9)),
)
KNOWN = Known(
    profile=CompressionProfile(
        dense=DENSE, compressed=model(PRUNED, np.ones(8, dtype=bool), dtype="int8", width=1, disk=250, flops=100)
    ),
    cost=COST,
    retained=interval(0.93, 0.95, 0.97),
)


@pytest.mark.parametrize(
    ("claim", "bounds", "outcome"),
    [
        ("bytes", {"at_most_ratio": 0.25}, PASS),
        ("bytes", {"at_most_ratio": 0.2499}, FAIL),
        ("bytes", {"at_most": 250}, PASS),
        ("bytes", {"at_most": 249}, FAIL),
        ("memory", {"at_most_ratio": 0.25}, PASS),
        ("parameters", {"at_most_ratio": 0.99}, FAIL),
        ("parameters", {"at_least": 136}, PASS),
        ("nonzeros", {"at_most_ratio": 40 / 136}, PASS),
        ("flops", {"at_most_ratio": 0.5}, PASS),
        ("sparsity", {"at_least": 0.75}, PASS),
        ("sparsity", {"at_least": 0.76}, FAIL),
        ("sparsity", {"at_most": 0.7}, FAIL),
        ("dtype", {"value": "int8"}, PASS),
        ("dtype", {"value": "int4"}, FAIL),
        ("pattern", {"value": "1:4"}, PASS),
        ("pattern", {"value": "2:4", "at_least": 0.5}, FAIL),
        ("latency_p50", {"at_most_ratio": 0.71}, PASS),
        ("latency_p50", {"at_most_ratio": 0.7}, INCONCLUSIVE),
        ("latency_p50", {"at_most_ratio": 0.6}, INCONCLUSIVE),
        ("latency_p50", {"at_most_ratio": 0.5}, INCONCLUSIVE),
        ("latency_p50", {"at_most_ratio": 0.49}, FAIL),
        ("latency_p50", {"at_most": 1.5}, PASS),
        ("throughput", {"at_least_ratio": 1.39}, PASS),
        ("throughput", {"at_least_ratio": 2.0}, FAIL),
        ("throughput", {"at_least_ratio": 1.39, "batch": 8}, FAIL),
        ("accuracy", {"at_least_ratio": 0.92}, PASS),
        ("accuracy", {"at_least_ratio": 0.95}, INCONCLUSIVE),
        ("accuracy", {"at_least_ratio": 0.98}, FAIL),
    ],
)
def test_outcomes(claim, bounds, outcome):
    (check,) = claim_checks([Claim(claim=claim, **bounds)], KNOWN)
    assert (check.outcome, check.kind, check.gates) == (outcome, CheckKind.CLAIM, True)
    assert check.id == f"claim: {title(Claim(claim=claim, **bounds))}"


@pytest.mark.parametrize(
    ("claim", "known", "why"),
    [
        (Claim(claim="bytes", at_most_ratio=1), replace(KNOWN, profile=None), "not looked into"),
        (Claim(claim="cost", at_most_ratio=1), KNOWN, "not measured"),
        (Claim(claim="latency_p50", at_most_ratio=1), replace(KNOWN, cost=None), "not measured"),
        (
            Claim(claim="latency_p50", at_most_ratio=1),
            replace(KNOWN, cost=Cost(machine="", deployment=None, reason="recorded")),
            "not measured: recorded",
        ),
        (Claim(claim="accuracy", at_least_ratio=1), replace(KNOWN, retained=None), "not counted"),
        (
            Claim(claim="flops", at_most_ratio=1),
            replace(KNOWN, profile=replace(KNOWN.profile, compressed=model(PRUNED, flops=None))),
            "unknown operator",
        ),
        (
            Claim(claim="sparsity", at_least=0.5),
            replace(KNOWN, profile=replace(KNOWN.profile, compressed=replace(DENSE, reason="recorded predictions"))),
            "the compressed model: recorded predictions",
        ),
        (
            Claim(claim="dtype", value="int8"),
            replace(KNOWN, profile=replace(KNOWN.profile, compressed=model())),
            "holds no matrix",
        ),
        (
            Claim(claim="parameters", at_most_ratio=1),
            replace(KNOWN, profile=replace(KNOWN.profile, dense=model())),
            "nothing to compare with",
        ),
    ],
)
def test_what_cannot_be_checked_is_an_error(claim, known, why):
    (check,) = claim_checks([claim], known)
    assert check.outcome is ERROR
    assert why in check.reason


def test_rounding_never_crosses_the_bound():
    known = replace(KNOWN, retained=interval(0.949999, 0.949999, 0.949999))
    (check,) = claim_checks([Claim(claim="accuracy", at_least_ratio=0.95)], known)
    assert check.outcome is FAIL
    assert check.reason.startswith("0.949999 (")


def test_a_claim_on_a_time_names_the_place_of_its_numbers_and_the_machine():
    (check,) = claim_checks([Claim(claim="latency_p50", at_most_ratio=1)], KNOWN)
    assert check.numbers["recorded"] == "run.cost"
    assert "not the deployment machine" in check.reason
    (there,) = claim_checks(
        [Claim(claim="latency_p50", at_most_ratio=1)], replace(KNOWN, cost=replace(COST, deployment="box"))
    )
    assert "not the deployment machine" not in there.reason


def test_claims_of_a_model():
    everyone, some = Claim(claim="bytes", at_most=1), Claim(claim="bytes", at_most=2, models=("a",))
    assert claims_of([everyone, some], "a") == (everyone, some)
    assert claims_of([everyone, some], "b") == (everyone,)


def test_accuracy_retained_comes_from_the_paired_table():
    _, paired = grouped({"a": (800, 20, 60, 120)})
    found = retained(paired, level=0.95)
    assert found.estimate == pytest.approx(820 / 860)
    assert found.low < found.estimate < found.high


def test_clusters_widen_it_and_few_of_them_say_nothing():
    _, paired = grouped({"a": (800, 20, 60, 120)})
    alone = retained(paired, level=0.95)
    tens = retained(replace(paired, clusters=np.arange(1000) // 20), level=0.95)  # losses come in the same clusters
    few = retained(replace(paired, clusters=np.arange(1000) // 200), level=0.95)
    single = retained(replace(paired, clusters=np.arange(1000)), level=0.95)
    assert tens.estimate == pytest.approx(alone.estimate)
    assert tens.low < alone.low < alone.high < tens.high
    assert (few.low, few.high) == (0, np.inf)
    assert (single.low, single.high) == pytest.approx((alone.low, alone.high))


def test_a_suite_may_claim_several_things_of_a_model_and_each_once(tmp_path):
    suite = SUITE + '[[claims]]\nclaim = "bytes"\nat_most = 5000\n[[claims]]\nclaim = "bytes"\nat_most_ratio = 0.5\n'
    (tmp_path / "suite.toml").write_text(suite)
    assert [title(claim) for claim in load_suite(tmp_path).suite.claims] == [
        "bytes on disk at most 5000",
        "bytes on disk at most 0.5 of dense",
    ]
    (tmp_path / "suite.toml").write_text(suite + '[[claims]]\nclaim = "bytes"\nat_most = 4000\n')
    with pytest.raises(SuiteError, match="claims\\[2\\]: this is claimed of 'small' twice"):
        load_suite(tmp_path)

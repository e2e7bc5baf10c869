"""Timing: what comes out has the shape that was asked for; never how fast anything is."""

import time
from itertools import pairwise

import numpy as np
import pytest

from validate.artifact_profile.cost import Cost, measured
from validate.artifact_profile.timing import FEWEST, MOST_CALLS, ROUNDS, in_turn, latency, throughput
from validate.suite_claims import CostPlan

PLAN = CostPlan(batches=(4,), price_per_cpu_hour=36.0, currency="EUR")


def busy():
    return sum(range(20_000))


def test_both_have_their_turn_in_every_round_and_who_begins_changes():
    heard = []
    times = in_turn(lambda: heard.append("d"), lambda: heard.append("c"), 0.02)
    rounds, calls = times.dense.shape
    assert times.compressed.shape == (rounds, calls)
    assert times.dense_cpu.shape == times.compressed_cpu.shape == (rounds, 1)
    assert FEWEST <= rounds <= ROUNDS
    assert 1 <= calls <= MOST_CALLS
    counted = "".join(heard)[-2 * rounds * calls :]
    first = [counted[2 * i * calls] for i in range(rounds)]
    assert all(a != b for a, b in pairwise(first))
    assert counted.count("d") == counted.count("c")


def test_a_slow_model_still_has_some_rounds():
    times = in_turn(lambda: time.sleep(0.002), lambda: time.sleep(0.002), 1e-6)
    assert times.dense.shape == (FEWEST, 1)
    assert (times.dense > 0).all()


def test_what_a_model_raises_comes_through():
    with pytest.raises(MemoryError):
        in_turn(busy, lambda: (_ for _ in ()).throw(MemoryError()), 0.01)


def test_quantities_units_and_price():
    times = in_turn(busy, busy, 0.1)
    rng = np.random.default_rng(0)
    found = [*latency(times, rng, level=0.9), *throughput(times, 4, PLAN, rng, level=0.9)]
    assert [(it.quantity, it.unit, it.batch) for it in found] == [
        ("latency_p50", "s", 1),
        ("latency_p95", "s", 1),
        ("latency_p99", "s", 1),
        ("throughput", "examples/s", 4),
        ("cpu_time", "s per 1,000", 4),
        ("cost", "EUR per 1,000", 4),
    ]
    for it in found:
        for interval in (it.dense, it.compressed, it.ratio):
            assert 0 < interval.low <= interval.high
            assert interval.level == 0.9
    cpu, price = found[-2:]
    assert price.dense.estimate == pytest.approx(cpu.dense.estimate * 36 / 3600)
    assert found[0].dense.estimate <= found[1].dense.estimate <= found[2].dense.estimate


def test_a_quantity_is_found_at_its_batch_or_at_the_largest():
    times = in_turn(busy, busy, 0.02)
    rng = np.random.default_rng(0)
    ladder = [it for batch in (1, 64, 8) for it in throughput(times, batch, PLAN, rng, level=0.95)]
    cost = Cost(machine="", deployment=None, measured=tuple(ladder))
    assert measured(cost, "throughput").batch == 64
    assert measured(cost, "throughput", 8).batch == 8
    assert measured(cost, "throughput", 5) is None

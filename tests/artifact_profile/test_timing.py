"""Timing: what comes out has the shape that was asked for; never how fast anything is."""

import time
from itertools import pairwise

import numpy as np
import pytest

from validate.artifact_profile.cost import Cost, measured
from validate.artifact_profile.timing import (
    FEWEST,
    MOST_CALLS,
    ROUNDS,
    Times,
    TooSlowError,
    calls_needed,
    in_turn,
    latency,
    refuse_slower,
    throughput,
)
from validate.suite_claims import CostPlan

PLAN = CostPlan(batches=(4,), price_per_cpu_hour=36.0, currency="EUR")


def busy():
    return sum(range(2_000))


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


def test_no_round_begins_that_is_not_likely_to_end_in_the_time():
    for seconds in (0.05, 0.2):
        begun = time.perf_counter()
        times = in_turn(lambda: time.sleep(0.002), lambda: time.sleep(0.001), seconds)
        assert time.perf_counter() - begun < seconds + 0.05  # a round, on a busy machine
        assert FEWEST <= len(times.dense) <= ROUNDS


def test_too_little_time_for_an_interval_is_said_with_the_time_that_it_takes():
    heard = []
    with pytest.raises(TooSlowError) as failure:
        in_turn(lambda: (heard.append("d"), time.sleep(0.02)), lambda: heard.append("c"), 0.01)
    assert failure.value.needed >= (2 + FEWEST) * 0.02
    assert heard == ["d", "c"] * 2  # the first calls, and those that tell how long a round takes


@pytest.mark.parametrize(("level", "least"), [(0.8, 4), (0.95, FEWEST), (0.99, 8)])
def test_rounds_enough_for_the_level_hold_a_median(level, least):
    fewest = calls_needed(0.5, level=level)
    assert fewest == least
    assert 1 - 2 * 0.5**fewest >= level
    with pytest.raises(TooSlowError) as failure:
        in_turn(lambda: time.sleep(0.002), lambda: time.sleep(0.002), 0.01, fewest)
    assert failure.value.needed >= fewest * 0.004


def test_a_larger_batch_is_not_begun_where_the_smaller_one_was_too_slow():
    slow = np.full((FEWEST, 1), 0.5)
    times = Times(dense=slow, compressed=slow, dense_cpu=slow, compressed_cpu=slow)
    refuse_slower([], 0.0)
    refuse_slower([times], 2 + FEWEST)
    with pytest.raises(TooSlowError) as failure:
        refuse_slower([times], 1.9 + FEWEST)
    assert failure.value.needed == 2 + FEWEST


def test_percentiles_that_so_few_calls_cannot_bound_are_left_out():
    assert [calls_needed(share, level=0.95) for share in (0.5, 0.95, 0.99)] == [6, 72, 368]
    for calls, told in ((1, ["latency_p50"]), (12, ["latency_p50", "latency_p95"])):
        ones = np.ones((FEWEST, calls))
        times = Times(dense=ones, compressed=ones, dense_cpu=ones, compressed_cpu=ones)
        assert [it.quantity for it in latency(times, np.random.default_rng(0), level=0.95)] == told


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

"""Two models timed in turn: one call after the other, so that what disturbs a machine disturbs both."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.artifact_profile.cost import Measured
from validate.stats.ratios import interleaved
from validate.stats.results import Interval
from validate.suite_claims import CostPlan

Seconds = NDArray[np.float64]
Call = Callable[[], object]  # one answer to one batch, encoded before

ROUNDS = 30  # in which each model has its turn
FEWEST = 5  # rounds of a model that is too slow for the time it was given
MOST_CALLS = 200  # of one model in one round
WARM_UP = 5  # calls of each that are not counted: they tell how many fit into the time
LATENCIES = {"latency_p50": 0.50, "latency_p95": 0.95, "latency_p99": 0.99}


@dataclass(frozen=True, kw_only=True, eq=False)
class Times:
    """What the calls of both models took, (rounds, calls) each."""

    dense: Seconds  # wall seconds of each call
    compressed: Seconds
    dense_cpu: Seconds  # (rounds, 1) processor seconds of a call, of all threads
    compressed_cpu: Seconds


def in_turn(dense: Call, compressed: Call, seconds: float) -> Times:
    """Time both, first the one and then the other, in about so many seconds; who begins changes every round."""
    calls = (dense, compressed)
    _turn(calls, (0, 1), 1)  # first calls build what later ones use
    begun = time.perf_counter()
    _turn(calls, (0, 1), WARM_UP)
    both = max((time.perf_counter() - begun) / WARM_UP, 1e-7)
    each = int(np.clip(seconds / (both * ROUNDS), 1, MOST_CALLS))
    rounds: list[tuple[Seconds, Seconds]] = []
    while len(rounds) < ROUNDS and (len(rounds) < FEWEST or time.perf_counter() - begun < seconds):
        rounds.append(_turn(calls, (0, 1) if len(rounds) % 2 == 0 else (1, 0), each))
    wall = np.maximum(np.stack([wall for wall, _ in rounds], axis=1), 1e-9)  # a clock may be too coarse for a call
    cpu = np.stack([cpu for _, cpu in rounds], axis=1)
    return Times(dense=wall[0], compressed=wall[1], dense_cpu=cpu[0], compressed_cpu=cpu[1])


def _turn(calls: Sequence[Call], order: Sequence[int], each: int) -> tuple[Seconds, Seconds]:
    """One round: wall seconds of every call (2, calls), and processor seconds of a call (2, 1), in the calls' order."""
    wall, cpu = np.empty((2, each)), np.empty((2, 1))
    for which in order:
        used = time.process_time()
        for k in range(each):
            begun = time.perf_counter()
            calls[which]()
            wall[which, k] = time.perf_counter() - begun
        cpu[which, 0] = (time.process_time() - used) / each
    return wall, cpu


def latency(times: Times, rng: np.random.Generator, *, level: float) -> Iterator[Measured]:
    """What single calls of one example take: percentiles over all calls."""
    for name, share in LATENCIES.items():
        found = interleaved(times.dense, times.compressed, share, rng, level=level)
        yield _of(name, "s", 1, found)


def throughput(
    times: Times, batch: int, plan: CostPlan, rng: np.random.Generator, *, level: float
) -> Iterator[Measured]:
    """Examples a second, from the median call; processor time, and its price, of 1,000 examples."""
    wall = interleaved(times.dense, times.compressed, 0.5, rng, level=level)
    yield _of(
        "throughput", "examples/s", batch, [_turned(wall[0], batch), _turned(wall[1], batch), _turned(wall[2], 1)]
    )
    if not (times.dense_cpu.all() and times.compressed_cpu.all()):
        return  # a clock too coarse to see so short a call
    cpu = interleaved(times.dense_cpu, times.compressed_cpu, 0.5, rng, level=level)
    per_1000 = 1000 / batch
    yield _of("cpu_time", "s per 1,000", batch, [_times(cpu[0], per_1000), _times(cpu[1], per_1000), cpu[2]])
    if plan.price_per_cpu_hour is not None:
        price = per_1000 * plan.price_per_cpu_hour / 3600
        unit = f"{plan.currency} per 1,000"
        yield _of("cost", unit, batch, [_times(cpu[0], price), _times(cpu[1], price), cpu[2]])


def _of(quantity: str, unit: str, batch: int, found: Sequence[Interval]) -> Measured:
    return Measured(quantity=quantity, unit=unit, batch=batch, dense=found[0], compressed=found[1], ratio=found[2])


def _times(it: Interval, factor: float) -> Interval:
    return Interval(
        estimate=it.estimate * factor, low=it.low * factor, high=it.high * factor, level=it.level, method=it.method
    )


def _turned(it: Interval, n: float) -> Interval:
    """From seconds for n examples to examples in a second: the limits change places."""
    return Interval(estimate=n / it.estimate, low=n / it.high, high=n / it.low, level=it.level, method=it.method)

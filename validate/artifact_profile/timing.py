"""Two models timed in turn: one call after the other, so that what disturbs a machine disturbs both."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.artifact_profile.cost import Measured
from validate.stats.inputs import one_sided
from validate.stats.ratios import interleaved
from validate.stats.results import Interval
from validate.suite_claims import CostPlan

Seconds = NDArray[np.float64]
Call = Callable[[], object]  # one answer to one batch, encoded before

ROUNDS = 30  # in which each model has its turn
FEWEST = 6  # rounds at a level of 95 %: the least and the most of so many hold a median in 97 of 100 cases, of 5 in 94
MOST_CALLS = 20  # of one model in one round: 600 in all are enough for p99
WARM_UP = 5  # calls of each that are not counted: they tell how many fit into the time
LATENCIES = {"latency_p50": 0.50, "latency_p95": 0.95, "latency_p99": 0.99}


@dataclass(frozen=True, kw_only=True, eq=False)
class Times:
    """What the calls of both models took, (rounds, calls) each."""

    dense: Seconds  # wall seconds of each call
    compressed: Seconds
    dense_cpu: Seconds  # (rounds, 1) processor seconds of a call, of all threads
    compressed_cpu: Seconds


class TooSlowError(Exception):
    """The time is too short for as many rounds as an interval needs."""

    def __init__(self, needed: float) -> None:
        super().__init__(needed)
        self.needed = needed  # seconds that would have been enough, at least


def in_turn(dense: Call, compressed: Call, seconds: float, fewest: int = FEWEST) -> Times:
    """Time both, first the one and then the other, within so many seconds; who begins changes every round.

    Two calls of each are made whatever the time, and no round begins that is not likely to end in it.

    Raises:
        TooSlowError: fewer than `fewest` rounds fit.
    """
    calls, begun = (dense, compressed), time.perf_counter()
    _turn(calls, (0, 1), 1)  # first calls build what later ones use
    warm = [_taken(calls)]
    while len(warm) < WARM_UP and _since(begun) < seconds / 10:
        warm.append(_taken(calls))
    both = max(sum(warm) / len(warm), 1e-7)
    needed = _since(begun) + fewest * both
    if needed > seconds:
        raise TooSlowError(needed)
    each = int(np.clip((seconds - _since(begun)) / (both * ROUNDS), 1, MOST_CALLS))
    rounds: list[tuple[Seconds, Seconds]] = []
    longest = 0.0
    while len(rounds) < ROUNDS and _since(begun) + longest <= seconds:
        at = time.perf_counter()
        rounds.append(_turn(calls, (0, 1) if len(rounds) % 2 == 0 else (1, 0), each))
        longest = max(longest, _since(at))
    if len(rounds) < fewest:
        raise TooSlowError(_since(begun) + (fewest - len(rounds)) * longest)
    wall = np.maximum(np.stack([wall for wall, _ in rounds], axis=1), 1e-9)  # a clock may be too coarse for a call
    cpu = np.stack([cpu for _, cpu in rounds], axis=1)
    return Times(dense=wall[0], compressed=wall[1], dense_cpu=cpu[0], compressed_cpu=cpu[1])


def refuse_slower(times: Sequence[Times], seconds: float, fewest: int = FEWEST) -> None:
    """Begin no larger batch where the time would not suffice even if it were as fast as these smaller ones.

    Raises:
        TooSlowError: the calls that are made whatever the time, and the fewest rounds, would take longer.
    """
    for it in times:
        needed = (2 + fewest) * float(np.median(it.dense) + np.median(it.compressed))
        if needed > seconds:
            raise TooSlowError(needed)


def _taken(calls: Sequence[Call]) -> float:
    begun = time.perf_counter()
    _turn(calls, (0, 1), 1)
    return _since(begun)


def _since(begun: float) -> float:
    return time.perf_counter() - begun


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
    """What single calls of one example take: those percentiles that so many calls can bound from above."""
    for name, share in LATENCIES.items():
        if times.dense.size < calls_needed(share, level=level):
            continue
        found = interleaved(times.dense, times.compressed, share, rng, level=level)
        yield _of(name, "s", 1, found)


def calls_needed(share: float, *, level: float) -> int:
    """The fewest calls of which the slowest one bounds this percentile, by order statistics."""
    return math.ceil(math.log(one_sided(level)) / math.log(share))


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

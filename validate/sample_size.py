"""What it takes to decide: examples needed, the smallest margin that passes today, flips to the other side."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from validate.changes import Changes, independent_share, policy_level
from validate.metrics import METRICS
from validate.outcome import Outcome
from validate.slices import FEWEST_FOR_A_MEAN, Kind, Slice
from validate.stats.inputs import critical_value
from validate.stats.noninferiority import flips_to_change, smallest_margin, smallest_n
from validate.stats.power import nam_sample_size
from validate.stats.rates import wilson_interval
from validate.stats.ratio import errors_needed, smallest_errors
from validate.suite import Gate

POWER = 0.80  # of the sample sizes that an inconclusive slice is told


@dataclass(frozen=True, kw_only=True)
class SampleSize:
    """How far one slice is from a decision."""

    n_smallest: int  # examples without which it cannot PASS unless it gains
    n_needed: int | None  # for 80 % power if nothing changed, at the churn seen; None where it is decided or unknown
    smallest_margin: float  # that it would PASS today
    flips: int | None  # losses until it no longer passes (> 0), or losses too many to pass (< 0); None if not counted


def sample_sizes(
    changes: Changes, slices: Sequence[Slice], outcomes: Sequence[Outcome], churn: float | None, gate: Gate
) -> tuple[SampleSize, ...]:
    """What every slice would need; `churn` is the planning value of the rate of flips, None for other metrics."""
    level, margins = policy_level(gate), np.array([entry.margin for entry in slices])
    units = _units(changes)
    smallest = smallest_margin(changes.interval.low)
    flips = np.full(len(slices), np.nan)
    if changes.counts is not None and not gate.exact and not changes.clustered:
        flips = flips_to_change(changes.counts.gains, changes.counts.losses, changes.counts.n, margins, level=level)
    return tuple(
        SampleSize(
            n_smallest=_fewest(entry, units[i], gate),
            n_needed=None
            if churn is None or outcome is not Outcome.INCONCLUSIVE
            else _needed(entry, units[i], churn, gate),
            smallest_margin=float(smallest[i]),
            flips=int(flips[i]) if np.isfinite(flips[i]) and entry.margin_ratio is None else None,
        )
        for i, (entry, outcome) in enumerate(zip(slices, outcomes, strict=True))
    )


def planned_churn(flips: int, n: int, gate: Gate) -> float | None:
    """The rate of flips to plan with: the upper 95 % limit of that seen on all n examples; None for other metrics.

    A small slice's own rate says too little.
    """
    if METRICS[gate.metric].kind != "binary":
        return None
    return float(wilson_interval(flips, n).high[0])


@cache
def needed(margin: float, churn: float, gate: Gate, power: float = POWER) -> int:
    """Examples to PASS this margin with this power if the truth is no change at this rate of flips."""
    rate = churn / 2
    return nam_sample_size(rate, rate, margin, power=power, level=policy_level(gate))


def fewest(margin: float, gate: Gate) -> int:
    """Examples without which a slice cannot PASS unless it gains."""
    if METRICS[gate.metric].kind != "binary":
        return FEWEST_FOR_A_MEAN
    return smallest_n(margin, level=policy_level(gate), exact=gate.exact)


def too_small(entry: Slice, gate: Gate) -> bool:
    """Whether a class or category is too small to pass by itself unless it gains: a blind spot."""
    return entry.kind in {Kind.CLASS, Kind.CATEGORY} and entry.n < fewest(entry.margin, gate)


@dataclass(frozen=True, kw_only=True)
class _Unit:
    """What one example of a slice is worth."""

    worth: float  # independent examples; 1 unless they come in clusters
    errors: float  # of the dense model, at least half a one in the slice


def _units(changes: Changes) -> list[_Unit]:
    worth, n = independent_share(changes), np.maximum(changes.n, 1)
    errors = np.full(len(changes), 0.5) if changes.counts is None else changes.counts.both_wrong + changes.counts.gains
    return [_Unit(worth=float(w), errors=float(e)) for w, e in zip(worth, np.maximum(errors, 0.5) / n, strict=True)]


def _fewest(entry: Slice, unit: _Unit, gate: Gate) -> int:
    """`fewest` in examples of this slice."""
    if entry.margin_ratio is None:
        return _whole(fewest(entry.margin, gate) / unit.worth)
    return _whole(smallest_errors(entry.margin_ratio, level=policy_level(gate)) / unit.errors / unit.worth)


def _needed(entry: Slice, unit: _Unit, churn: float, gate: Gate) -> int:
    """`needed` in examples of this slice."""
    if entry.margin_ratio is None:
        return _whole(needed(entry.margin, churn, gate) / unit.worth)
    critical, power = critical_value(policy_level(gate)), critical_value(2 * POWER - 1)
    errors = errors_needed(churn / unit.errors, entry.margin_ratio, critical=critical, power=power)
    return _whole(errors / unit.errors / unit.worth)


def _whole(examples: float) -> int:
    return math.ceil(round(examples, 6))

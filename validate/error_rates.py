"""Error rates of one class, slice against complement: are the misses, or the false alarms, unequal? Never gating."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.changes import policy_level
from validate.stats.mover import difference_interval, difference_p
from validate.stats.multiplicity import benjamini_yekutieli
from validate.stats.paired import tango_interval
from validate.stats.results import Floats, Interval, Intervals
from validate.suite import Gate
from validate.totals import Totals

MOST_CLASSES = 20  # of a classification whose classes are compared one by one


@dataclass(frozen=True, kw_only=True)
class RateDisparity:
    """The change of one error rate in a slice minus its change in the complement, turned: negative means harm."""

    rate: str  # "false-positive rate", "false-negative rate", or "miss rate of 'cat'" of more than two classes
    n: int  # examples of that class in the slice
    n_complement: int
    dense: float  # error rate in the slice
    compressed: float
    change: float  # of the share that is right, in the slice
    change_complement: float
    difference: Interval
    p: float  # one-sided, of no extra loss
    p_fdr: float  # Benjamini-Yekutieli over all slices and rates


def rate_disparities(totals: Totals, gate: Gate) -> list[tuple[RateDisparity, ...]]:
    """For each slice (m,), every class that it and its complement hold.

    Empty for a regression, for more than 20 classes, and where examples come in clusters, which paired counts of a
    class would take for independent.
    """
    clustered = totals.rows is not None and totals.rows.paired.clusters is not None
    k, m = len(totals.classes), len(totals)
    if clustered or not 2 <= k <= MOST_CLASSES or not m:
        return [()] * m
    inside = totals.by_class.transpose(1, 0, 2).reshape(m * k, 4)  # slice by slice, its classes in order
    outside = np.tile(totals.everything, (m, 1)) - inside
    there = np.flatnonzero(np.minimum(inside.sum(axis=1), outside.sum(axis=1)))
    inside, outside = inside[there], outside[there]
    level = policy_level(gate)
    own, rest = _change(inside, level), _change(outside, level)
    p = difference_p(*_counts(inside), *_counts(outside))
    p_fdr = _listed(p, np.column_stack([there % k, totals.same_as[there // k]]))
    difference = difference_interval(own, rest)
    found: list[list[RateDisparity]] = [[] for _ in range(m)]
    for i, place in enumerate(there.tolist()):
        n, wrong = int(inside[i].sum()), inside[i, 3]
        found[place // k].append(
            RateDisparity(
                rate=_title(totals.classes, place % k),
                n=n,
                n_complement=int(outside[i].sum()),
                dense=float((wrong + inside[i, 1]) / n),
                compressed=float((wrong + inside[i, 2]) / n),
                change=float(own.estimate[i]),
                change_complement=float(rest.estimate[i]),
                difference=difference[i],
                p=float(p[i]),
                p_fdr=float(p_fdr[i]),
            )
        )
    return [tuple(rates) for rates in found]


def _title(classes: tuple[str, ...], code: int) -> str:
    if len(classes) == 2:
        return ("false-positive rate", "false-negative rate")[code]
    return f"miss rate of {classes[code]!r}"


def _counts(table: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    return table[:, 1], table[:, 2], table.sum(axis=1)


def _change(table: NDArray[np.int64], level: float) -> Intervals:
    return tango_interval(*_counts(table), level=level)


def _listed(p: Floats, keys: NDArray[np.int64]) -> Floats:
    """Benjamini-Yekutieli over the hypotheses: slices with the same examples are one."""
    if not len(p):
        return p
    _, first, hypothesis = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return benjamini_yekutieli(p[first])[hypothesis.reshape(-1)]

"""Tests of the paired change against zero, exact where they gate."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr, betaln, log_ndtr, logsumexp, ndtr

from validate.stats.inputs import paired_counts
from validate.stats.results import Floats

SIGN_TEST = "exact sign test, one-sided"
MCNEMAR = {
    "mid-p": "McNemar mid-p (Fagerland, Lydersen & Laake 2013)",
    "exact": "McNemar exact conditional",
    "asymptotic": "McNemar score, uncorrected (1947)",
}
_SMALLEST = 1e-300  # below it a p-value is printed as a bound, and computed from its logarithm


def sign_test(gains: ArrayLike, losses: ArrayLike) -> Floats:
    """One-sided exact p of no loss, P(Bin(flips, 1/2) >= losses); 1 without flips; (m,).

    Far in the tail it underflows to 0: `sign_test_log` does not.
    """
    gained, lost = _flips(gains, losses)
    return np.asarray(bdtr(gained, (gained + lost).astype(np.int64), 0.5))


def sign_test_log(gains: ArrayLike, losses: ArrayLike) -> Floats:
    """Natural logarithm of the sign test's p, finite however far the tail; (m,)."""
    gained, lost = _flips(gains, losses)
    p = bdtr(gained, (gained + lost).astype(np.int64), 0.5)
    logs = np.log(np.maximum(p, _SMALLEST))
    for i in np.flatnonzero(p < _SMALLEST):
        logs[i] = _log_tail(gained[i], gained[i] + lost[i])
    return np.asarray(logs)


def mcnemar(gains: ArrayLike, losses: ArrayLike, *, kind: Literal["mid-p", "exact", "asymptotic"] = "mid-p") -> Floats:
    """Two-sided p of no change; 1 without flips; (m,).

    Mid-p is the one to quote; the asymptotic kind rejects exactly where Tango's interval excludes 0. With as many gains
    as losses mid-p is 1 - P(gains) / 2, not the 1 that doubling gives.
    """
    gained, lost = _flips(gains, losses)
    flips = gained + lost
    if kind == "asymptotic":
        z = np.divide(lost - gained, np.sqrt(flips), out=np.zeros_like(flips), where=flips > 0)
        return np.asarray(2 * ndtr(-np.abs(z)))
    fewer = np.minimum(gained, lost)
    tail = bdtr(fewer, flips.astype(np.int64), 0.5)
    if kind == "exact":
        return np.asarray(np.minimum(2 * tail, 1.0))
    point = np.exp(-betaln(fewer + 1, flips - fewer + 1) - np.log1p(flips) - flips * np.log(2))
    return np.asarray(np.where(flips == 0, 1.0, np.where(gained == lost, 1 - point / 2, 2 * tail - point)))


def mcnemar_log(gains: ArrayLike, losses: ArrayLike, *, kind: Literal["exact", "asymptotic"] = "exact") -> Floats:
    """Natural logarithm of McNemar's two-sided p, finite however far the tail; (m,)."""
    gained, lost = _flips(gains, losses)
    fewer, more = np.minimum(gained, lost), np.maximum(gained, lost)
    if kind == "exact":
        return np.asarray(np.minimum(np.log(2) + sign_test_log(fewer, more), 0.0))
    flips = gained + lost
    z = np.divide(more - fewer, np.sqrt(flips), out=np.zeros_like(flips), where=flips > 0)
    return np.asarray(np.log(2) + log_ndtr(-z))


def format_p(p: float, *, log_p: float | None = None) -> str:
    """A p-value in words that never say 0: `0.031`, `2.1e-07`, `< 1e-300`, or the power of ten of its logarithm.

    >>> format_p(0.03125), format_p(2.1e-7), format_p(0.0), format_p(0.0, log_p=-693109.0)
    ('0.031', '2.1e-07', '< 1e-300', '1e-301013')
    """
    if np.isnan(p):
        return "undefined"
    if p < _SMALLEST:
        return "< 1e-300" if log_p is None else f"1e{log_p / np.log(10):.0f}"
    return f"{p:.1e}" if p < 0.0001 else f"{p:.4f}" if p < 0.001 else f"{p:.3f}"


def _flips(gains: ArrayLike, losses: ArrayLike) -> tuple[Floats, Floats]:
    """Checked whole numbers of gains and losses, each (m,)."""
    gained, lost, _ = paired_counts(gains, losses, np.add(gains, losses))
    if np.any((gained % 1 != 0) | (lost % 1 != 0)):
        raise ValueError("an exact test needs whole numbers of gains and losses")
    return gained, lost


def _log_tail(fewer: float, flips: float) -> float:
    """Log of P(Bin(flips, 1/2) <= fewer) by summing logarithms; scipy's logcdf returns -inf here.

    Terms fall faster than by the ratio fewer / (flips - fewer): some thousands hold all of the mass.
    """
    k = np.arange(max(0, fewer - 20_000), fewer + 1)
    return float(logsumexp(-betaln(k + 1, flips - k + 1)) - np.log1p(flips) - flips * np.log(2))

"""Using one test set more than once: alpha for each attempt, and evidence that may be looked at while data grow."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp, xlogy

from validate.stats.inputs import checked_margin, paired_counts
from validate.stats.results import Floats

MIXTURE_E = "mixture e-value (Waudby-Smith & Ramdas 2024)"


def attempt_alpha(alpha: float, attempt: int, *, attempts: int | None = None) -> float:
    """The error rate of the k-th attempt on one test set, so that all together stay below alpha.

    An equal share where the number of attempts is declared, and 0 beyond it: the set is used up. Otherwise
    6 alpha / (pi k)^2, which adds up to alpha over an endless number.

    Raises:
        ValueError: an attempt that is not at least 1, or an alpha outside (0, 1).
    """
    if attempt < 1 or not 0 < alpha < 1 or (attempts is not None and attempts < 1):
        raise ValueError("attempts count from 1, and alpha is between 0 and 1")
    if attempts is not None:
        return alpha / attempts if attempt <= attempts else 0.0
    return 6 * alpha / (np.pi * attempt) ** 2


def mixture_e_value(gains: ArrayLike, losses: ArrayLike, n: ArrayLike, margin: ArrayLike, *, bets: int = 50) -> Floats:
    """Evidence against H0: change <= -margin that may be looked at whenever data arrive; (m,).

    PASS as soon as it reaches 1 / alpha, at any time (Ville 1939). Values of disjoint batches multiply. Huge values
    overflow to infinity: `mixture_log_e_value` does not.
    """
    with np.errstate(over="ignore"):
        return np.exp(mixture_log_e_value(gains, losses, n, margin, bets=bets))


def mixture_log_e_value(
    gains: ArrayLike, losses: ArrayLike, n: ArrayLike, margin: ArrayLike, *, bets: int = 50
) -> Floats:
    """Natural logarithm of `mixture_e_value`; (m,)."""
    gained, lost, size, margins = (
        x[:, None] for x in np.broadcast_arrays(*paired_counts(gains, losses, n), checked_margin(margin))
    )
    bet = ((np.arange(bets) + 0.5) / bets) / (1 - margins)
    wealth = xlogy(gained, 1 + bet * (1 + margins)) + xlogy(lost, 1 - bet * (1 - margins))
    wealth += xlogy(size - gained - lost, 1 + bet * margins)
    return np.asarray(logsumexp(wealth, axis=1) - np.log(bets))

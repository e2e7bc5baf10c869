"""The screen: many slices looked at for trouble at once, adjusted for looking."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.changes import Changes
from validate.counts import GAIN, LOSS, outcomes
from validate.predictions import PairedPredictions, right
from validate.slices import Membership, members
from validate.stats.multiplicity import benjamini_hochberg, fcr_level, holm, tarone_family
from validate.stats.noninferiority import beyond_margin_p
from validate.stats.results import Floats
from validate.stats.sign_flips import sign_flip_min_p
from validate.suite import Gate

FDR = 0.10  # of the lists that never gate


@dataclass(frozen=True, kw_only=True, eq=False)
class Screen:
    """What the screen found; arrays have one entry per slice of the membership, NaN outside the family."""

    p_adjusted: Floats  # (m,) family-wise
    p_fdr: Floats  # (m,) Benjamini-Hochberg, of losses
    p_gain_fdr: Floats  # (m,) Benjamini-Hochberg, of gains
    flagged: NDArray[np.bool_]  # (m,) really worse, and by itself worse than the margin
    listed_level: float  # of intervals of the listed slices that cover all but a share FDR of them


@dataclass(frozen=True, kw_only=True, eq=False)
class Family:
    """Which slices are screened together, and what their own intervals say; arrays (m,) over the membership."""

    screened: NDArray[np.bool_]  # (m,)
    same_as: NDArray[np.int64]  # (m,) the first slice with the same members: together they are one hypothesis
    margins: Floats  # (m,)
    beyond: NDArray[np.bool_]  # (m,) the slice's own interval lies beyond its margin

    @property
    def distinct(self) -> NDArray[np.int64]:
        """One slice for each hypothesis."""
        return np.unique(self.same_as[self.screened])


def screen(changes: Changes, family: Family, gate: Gate, p_joint: Floats | None = None) -> Screen:
    """Adjust the p-values of the screened slices and flag those that are really and too much worse.

    `p_joint` are the p-values that Westfall-Young's resampling adjusted, one for each of `family.distinct`.
    """
    adjusted = _family_wise(changes, family, gate) if p_joint is None else p_joint
    spread = np.full(len(changes), np.nan)
    spread[family.distinct] = adjusted
    p_adjusted = np.where(family.screened, spread[family.same_as], np.nan)
    too_much = np.ones_like(family.beyond) if gate.screen == "melded" else family.beyond
    return Screen(
        p_adjusted=p_adjusted,
        p_fdr=_listed(changes.p, family),
        listed_level=fcr_level(changes.p[family.distinct], q=FDR)[1],
        p_gain_fdr=_listed(changes.p_gain, family),
        flagged=family.screened & (p_adjusted <= 1 - gate.confidence) & too_much,
    )


def _family_wise(changes: Changes, family: Family, gate: Gate) -> Floats:
    """Holm-adjusted p of each hypothesis; 1 for those that Tarone's rule leaves out of the family."""
    distinct = family.distinct
    adjusted = np.ones(len(distinct))
    if not len(distinct):
        return adjusted
    if gate.screen == "melded" and changes.effective is not None:
        gains, losses, n = (part[distinct] for part in changes.effective)
        return holm(beyond_margin_p(gains, losses, n, family.margins[distinct]))
    kept = np.ones(len(distinct), dtype=np.bool_)
    if changes.flipped is not None:
        kept = tarone_family(changes.flipped[distinct], alpha=1 - gate.confidence, size=len(distinct))
    adjusted[kept] = holm(changes.p[distinct][kept])
    return adjusted


def _listed(p: Floats, family: Family) -> Floats:
    """Benjamini-Hochberg over the hypotheses, NaN outside the screen."""
    spread = np.full(len(p), np.nan)
    spread[family.distinct] = benjamini_hochberg(p[family.distinct])
    return np.where(family.screened, spread[family.same_as], np.nan)


def sign_flip_p(
    paired: PairedPredictions, membership: Membership, family: Family, gate: Gate, rng: np.random.Generator
) -> Floats:
    """Westfall-Young's adjusted p of each hypothesis, which knows how the slices overlap."""
    outcome = outcomes(right(paired, "dense"), right(paired, "compressed"))
    flipped = np.flatnonzero((outcome == GAIN) | (outcome == LOSS))
    inside = np.zeros((len(flipped), len(family.distinct)), dtype=np.bool_)
    for column, i in enumerate(family.distinct.tolist()):
        inside[:, column] = members(membership, i)[flipped]
    signs = np.where(outcome[flipped] == GAIN, 1, -1)
    clusters = None if paired.clusters is None else paired.clusters[flipped]
    return sign_flip_min_p(signs, inside, flips=gate.flips, rng=rng, clusters=clusters).adjusted

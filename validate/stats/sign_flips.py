"""Westfall-Young adjustment by flipping signs: the joint distribution of many overlapping slices, as it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, sparray
from scipy.special import bdtr

from validate.stats.results import Floats

SIGN_FLIPS = "Westfall-Young min-P by sign flips (1993)"
_BLOCK = 256  # flips held in memory at once
_SPARSE = 0.05  # share of ones below which a sparse product is faster than a dense one
_TIES = 1 + 1e-12  # the same p reached with another number of flips differs by rounding


@dataclass(frozen=True, kw_only=True, eq=False)
class MinP:
    """p-values of m slices, adjusted for looking at all of them together."""

    raw: Floats  # (m,) the one-sided exact sign test; with clusters, its distribution under the flips
    adjusted: Floats  # (m,)
    flips: int  # how many sign patterns: all of them where they are few enough, else drawn at random
    exact: bool  # all patterns were enumerated
    method: str = SIGN_FLIPS


@dataclass(frozen=True, kw_only=True, eq=False)
class _Tails:
    """P(Bin(m_s, 1/2) >= losses) of every slice s and every number of losses, end to end."""

    values: Floats
    start: NDArray[np.int64]  # (m,) where a slice's tail begins

    def p(self, losses: NDArray[np.int64]) -> Floats:
        """The sign test's p for losses (m, b)."""
        return np.asarray(self.values[self.start[:, None] + losses])


def sign_flip_min_p(
    signs: ArrayLike,
    membership: ArrayLike | sparray,
    *,
    flips: int,
    rng: np.random.Generator,
    clusters: ArrayLike | None = None,
    step_down: bool = True,
) -> MinP:
    """Adjusted one-sided p of no loss of m slices (Westfall & Young 1993), from the d flipped examples alone.

    Under the null an example's gain could as well have been a loss; with clusters, all of a cluster's together. All
    2^d patterns are enumerated where `flips` allows it; otherwise the p-values are (1 + hits) / (1 + flips).

    Args:
        signs: (d,) +1 for a gain, -1 for a loss.
        membership: (d, m) 0/1, dense or sparse: which flipped example is in which slice.
        flips: how many patterns to draw.
        rng: where they are drawn from.
        clusters: (d,) the unit that was sampled, where one unit gives several examples.
        step_down: compare a slice only with those that are no more significant; more powerful, as valid.

    Raises:
        ValueError: a sign other than -1 and +1, or lengths that do not match.
    """
    lost = np.asarray(signs) == -1
    if not np.all(lost | (np.asarray(signs) == 1)):
        raise ValueError("a sign must be -1 (loss) or +1 (gain)")
    members = _members(membership, lost.size)
    units = np.unique(np.arange(lost.size) if clusters is None else np.asarray(clusters), return_inverse=True)[1]
    tails = _tails(np.asarray(members.sum(axis=1)).astype(np.int64))
    observed = tails.p(_losses(members, lost[:, None]))[:, 0]
    order = np.argsort(observed, kind="stable")
    count = int(units.max(initial=-1)) + 1
    exact = count < flips.bit_length()  # 2^count <= flips
    hits, alone, drawn = np.zeros(observed.size), np.zeros(observed.size), 0
    for flipped in _patterns(count, flips, exact, rng):
        p = tails.p(_losses(members, lost[:, None] ^ flipped[units]))[order]
        least = np.minimum.accumulate(p[::-1])[::-1] if step_down else p.min(axis=0, keepdims=True)
        hits += (least <= observed[order, None] * _TIES).sum(axis=1)
        alone += (p <= observed[order, None] * _TIES).sum(axis=1)
        drawn += flipped.shape[1]
    adjusted, own = (np.empty(observed.size) for _ in range(2))
    adjusted[order] = np.maximum.accumulate(_share(hits, drawn, exact))
    own[order] = _share(alone, drawn, exact)
    return MinP(raw=observed if clusters is None else own, adjusted=adjusted, flips=drawn, exact=exact)


def _members(membership: ArrayLike | sparray, d: int) -> csr_array | NDArray[np.float32]:
    """Slices × flipped examples, sparse where that is faster; float32 holds counts exactly up to 2^24."""
    given: Any = membership
    table: Any = csr_array(given, dtype=np.float32)
    if table.shape[0] != d:
        raise ValueError("signs and membership must have one row per flipped example")
    members: csr_array | NDArray[np.float32]
    members = table.T.tocsr() if table.nnz <= _SPARSE * d * table.shape[1] else table.toarray().T
    return members


def _losses(members: csr_array | NDArray[np.float32], lost: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.asarray(members @ lost.astype(np.float32)).astype(np.int64)


def _tails(sizes: NDArray[np.int64]) -> _Tails:
    kinds, kind = np.unique(sizes, return_inverse=True)
    lengths = kinds + 1
    start = np.cumsum(lengths) - lengths
    m = np.repeat(kinds, lengths)
    losses = np.arange(m.size) - np.repeat(start, lengths)
    return _Tails(values=np.asarray(bdtr(m - losses, m, 0.5)), start=start[kind])


def _patterns(units: int, flips: int, exact: bool, rng: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
    """Blocks (units, b) of which unit changes its sign: every pattern, or random ones."""
    total = 2**units if exact else flips
    for begin in range(0, total, _BLOCK):
        width = min(_BLOCK, total - begin)
        if exact:
            codes = np.arange(begin, begin + width)
            yield (codes >> np.arange(units)[:, None] & 1).astype(np.bool_)
        else:
            packed = np.frombuffer(rng.bytes(units * ((width + 7) // 8)), dtype=np.uint8).reshape(units, -1)
            yield np.unpackbits(packed, axis=1, count=width).astype(np.bool_)


def _share(hits: Floats, drawn: int, exact: bool) -> Floats:
    return hits / drawn if exact else (1 + hits) / (1 + drawn)

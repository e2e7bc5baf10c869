"""How the zeros of a tensor lie: whole rows and columns, tiles, or so many in every few inputs."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc

Mask = NDArray[np.bool_]

N_OF_M = ((1, 4), (2, 4), (4, 8))  # at most n of m consecutive inputs are not zero; the strictest first
TILES = ((64, 64), (32, 32), (16, 16), (8, 8), (4, 4), (1, 16), (1, 8), (1, 4))  # outputs × inputs, the largest first
FEW = 0.05  # share of zeros below which no pattern is looked for
EXPLAINED = 0.99  # share of the zeros that must lie in zero tiles
BROKEN = 5.0  # groups that zeros strewn at random would have to break, for a rule that all keep to mean something
BY_CHANCE = 0.5  # share of them that would lie there if zeros were strewn at random, above which it means nothing


def matrix(nonzero: Mask) -> Mask:
    """A tensor's mask as outputs × inputs; of a convolution the channels come last, as hardware reads them."""
    if nonzero.ndim > 2:
        nonzero = np.moveaxis(nonzero, 1, -1)
    return nonzero.reshape(len(nonzero), -1) if nonzero.size else np.zeros((0, 0), dtype=np.bool_)


def zero_lines(nonzero: Mask) -> tuple[int, int]:
    """How many outputs and how many inputs (channels, of a convolution) hold nothing but zeros."""
    if nonzero.ndim < 2 or not nonzero.size:
        return 0, 0
    outputs = ~nonzero.reshape(len(nonzero), -1).any(axis=1)
    inputs = ~np.moveaxis(nonzero, 1, 0).reshape(nonzero.shape[1], -1).any(axis=1)
    return int(outputs.sum()), int(inputs.sum())


def zero_heads(nonzero: Mask, heads: int | None) -> int:
    """How many of the attention heads that a matrix's outputs belong to hold nothing but zeros.

    Three matrices in one, for query, key and value, belong to the same heads.
    """
    if not heads or nonzero.ndim != 2 or not nonzero.size or len(nonzero) % heads:
        return 0
    together = 3 if len(nonzero) == 3 * nonzero.shape[1] and not len(nonzero) // 3 % heads else 1
    inside = nonzero.any(axis=1).reshape(together, heads, -1)
    return int((~inside.any(axis=(0, 2))).sum())


def pattern(nonzero: Mask) -> str | None:
    """The pattern that the zeros follow: "rows and columns", "16×16 blocks", "2:4"; None where they follow none.

    A pattern that zeros strewn at random would follow as well is none.
    """
    if nonzero.ndim < 2:
        return None
    flat = matrix(nonzero)
    zeros = flat.size - int(np.count_nonzero(flat))
    if zeros in (0, flat.size) or zeros < FEW * flat.size:
        return None
    if _only_lines(nonzero):
        return "rows and columns"
    return _tiles(flat, zeros) or _n_of_m(flat, zeros)


def _only_lines(nonzero: Mask) -> bool:
    """Whether what is left without the outputs and inputs that are all zero holds no zero."""
    outputs = nonzero.reshape(len(nonzero), -1).any(axis=1)
    inputs = np.moveaxis(nonzero, 1, 0).reshape(nonzero.shape[1], -1).any(axis=1)
    return bool(nonzero[outputs][:, inputs].all())


def _tiles(flat: Mask, zeros: int) -> str | None:
    """The largest tile that explains nearly all zeros; tiles that the edges cut are left out."""
    share = zeros / flat.size
    for rows, columns in TILES:
        high, wide = len(flat) // rows, flat.shape[1] // columns
        if not high or not wide or share ** (rows * columns - 1) > BY_CHANCE:
            continue
        inside = flat[: high * rows, : wide * columns].reshape(high, rows, wide, columns)
        whole = ~inside.any(axis=(1, 3))
        seen = inside.size - int(np.count_nonzero(inside))
        if seen and np.count_nonzero(whole) * rows * columns >= EXPLAINED * max(seen, 0.5 * zeros):
            return f"{rows}×{columns} blocks"
    return None


def _n_of_m(flat: Mask, zeros: int) -> str | None:
    """The strictest rule that every group of consecutive inputs keeps; a last, shorter group is filled with zeros."""
    for n, m in N_OF_M:
        by_chance = bdtrc(n, m, 1 - zeros / flat.size) * flat.size / m  # groups that would break it
        if flat.shape[1] >= m and by_chance >= BROKEN:
            padded = np.pad(flat, ((0, 0), (0, -flat.shape[1] % m)))
            if padded.reshape(len(flat), -1, m).sum(axis=2).max() <= n:
                return f"{n}:{m}"
    return None

"""Joint tables: the few histograms from which the sums of every slice are read.

Attributes that slices use together are covered by few groups, each small enough that its table stays in cache. Rows are
read once, block by block, into one table per group; the tables are then summed down to the cells of each slice.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from string import ascii_lowercase
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from validate.attributes import Attribute

SHARED_CELLS = 3 * 2**12  # of a table that several sets of attributes share: with four outcomes it stays in cache
HELD_CELLS = 2**19  # of a table that is held at all: with four outcomes, 16 MB
BLOCK = 2**16  # rows read at a time; where a table has more cells, as many rows as that

T = TypeVar("T", np.int64, np.float64)
Keys = NDArray[np.uint16] | NDArray[np.int64]
Cells = tuple[tuple[int, int], ...]  # of one slice: pairs (attribute, level), all of which hold


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """Attributes that are counted together, in one table."""

    attributes: tuple[int, ...]  # positions
    sizes: tuple[int, ...]  # codes of each, that of a missing value included
    known: NDArray[np.int64] | None = None  # sorted; of a table too large to hold, the cells that are slices

    @property
    def cells(self) -> int:
        """Cells of the table; where only some are known, the last is for all others."""
        return math.prod(self.sizes) if self.known is None else len(self.known) + 1

    @property
    def block(self) -> int:
        """Rows to read at a time, so that going through the table costs no more than going through the rows."""
        return max(BLOCK, min(self.cells, HELD_CELLS))


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """The slices of one set of attributes, and where they are in a group's table."""

    group: int
    attributes: tuple[int, ...]
    slices: NDArray[np.intp]  # (k,) positions
    levels: NDArray[np.int64]  # (len(attributes), k)


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """Which tables to fill, and which slices to read from them."""

    slices: int
    groups: tuple[Group, ...]
    readings: tuple[Reading, ...]


def plan(where: Sequence[Cells | int], attributes: Sequence[Attribute]) -> Plan:
    """Cover the sets of attributes that the slices use by few groups; slices given by a number are not read."""
    sizes = [max(2, len(a.levels), int(a.codes.max(initial=0)) + 1) for a in attributes]
    found = list(_by_attributes(where, len(attributes)))
    chosen = _cover(sorted((s for s, _, _ in found), key=lambda s: -math.prod(sizes[a] for a in s)), sizes)
    groups = [Group(attributes=group, sizes=tuple(sizes[a] for a in group)) for group in chosen]
    readings = []
    for used, slices, levels in found:
        at = next(i for i, group in enumerate(groups) if _covers(group.attributes, used, sizes))
        readings.append(Reading(group=at, attributes=used, slices=slices, levels=levels))
        if groups[at].cells > HELD_CELLS:
            known = np.unique(np.ravel_multi_index(tuple(levels), groups[at].sizes))
            groups[at] = replace(groups[at], known=known)
    return Plan(slices=len(where), groups=tuple(groups), readings=tuple(readings))


def tally(plan: Plan, attributes: Sequence[Attribute], outcome: NDArray[np.uint8], codes: int) -> NDArray[np.int64]:
    """How many examples of each slice have each outcome code: (slices, codes); zero for slices that are not read."""
    tables = [np.zeros(codes * group.cells, dtype=np.int64) for group in plan.groups]
    for i, rows in _passes(plan, len(outcome)):
        keys = _keys(plan.groups[i], attributes, rows, times=codes)
        keys += np.multiply(outcome[rows], plan.groups[i].cells, dtype=keys.dtype)
        tables[i] += np.bincount(keys, minlength=len(tables[i]))
    return _read(plan, [table.reshape(codes, -1) for table in tables])


def total(plan: Plan, attributes: Sequence[Attribute], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of each column of `values` (n, j) in each slice: (slices, j); zero for slices that are not read."""
    tables = [np.zeros((values.shape[1], group.cells)) for group in plan.groups]
    for i, rows in _passes(plan, len(values)):
        keys = _keys(plan.groups[i], attributes, rows)
        for j, column in enumerate(values[rows].T):
            tables[i][j] += np.bincount(keys, weights=column, minlength=plan.groups[i].cells)
    return _read(plan, tables)


def _by_attributes(
    where: Sequence[Cells | int], attributes: int
) -> Iterator[tuple[tuple[int, ...], NDArray[np.intp], NDArray[np.int64]]]:
    """Each set of attributes, in order, with the slices (k,) that use it and their levels (len(set), k)."""
    lengths = np.array([-1 if isinstance(found, int) else len(found) for found in where])
    for length in np.unique(lengths[lengths >= 0]).tolist():
        rows = np.flatnonzero(lengths == length)
        cells = [where[i] for i in rows.tolist()]
        flat = np.fromiter(chain.from_iterable(chain.from_iterable(cells)), dtype=np.int64)  # type: ignore[arg-type]  # no number among them
        used, levels = np.moveaxis(flat.reshape(len(rows), length, 2), 2, 0)
        order = np.argsort(used, axis=1)
        used, levels = (np.take_along_axis(values, order, axis=1) for values in (used, levels))
        _, first, same = np.unique(used @ attributes ** np.arange(length), return_index=True, return_inverse=True)
        by_set = np.argsort(same, kind="stable")
        for at, group in zip(first, np.split(by_set, np.cumsum(np.bincount(same))[:-1]), strict=True):
            yield tuple(used[at].tolist()), rows[group], levels[group].T


def _cover(sets: Sequence[tuple[int, ...]], sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """Greedy: a group starts with a set not yet covered, and takes in attributes that cover more while it is small."""
    groups: list[tuple[int, ...]] = []
    left = [frozenset(s) for s in sets] or [frozenset()]
    while left:
        group = left[0]
        while True:
            cells = math.prod(sizes[a] for a in group)
            missing = Counter(next(iter(rest)) for s in left if len(rest := s - group) == 1)
            small = [a for a in missing if cells * sizes[a] <= SHARED_CELLS]
            if not small:
                break
            group |= {max(small, key=lambda a: missing[a] / math.log(sizes[a] + 1))}
        groups.append(tuple(sorted(group)))
        left = [s for s in left if not _covers(groups[-1], tuple(s), sizes)]
    return groups


def _covers(group: tuple[int, ...], attributes: tuple[int, ...], sizes: Sequence[int]) -> bool:
    """Whether a group's table tells the cells of these attributes; one too large to hold tells its own only."""
    held = math.prod(sizes[a] for a in group) <= HELD_CELLS
    return set(attributes) <= set(group) if held else set(attributes) == set(group)


def _passes(plan: Plan, n: int) -> Iterator[tuple[int, slice]]:
    """Every group with every block of rows; groups that read the same blocks take turns, so that rows stay in cache."""
    for block in sorted({group.block for group in plan.groups}):
        together = [i for i, group in enumerate(plan.groups) if group.block == block]
        for start in range(0, n, block):
            for i in together:
                yield i, slice(start, min(n, start + block))


def _keys(group: Group, attributes: Sequence[Attribute], rows: slice, times: int = 1) -> Keys:
    """The cell of each of some rows, in a type that can hold so many times the number of cells."""
    narrow = group.known is None and group.cells * times < 2**16
    keys: Keys = np.zeros(rows.stop - rows.start, dtype=np.uint16 if narrow else np.int64)
    for attribute, size in zip(group.attributes, group.sizes, strict=True):
        keys *= keys.dtype.type(size)
        keys += attributes[attribute].codes[rows]
    return keys if group.known is None else _find(group.known, keys.astype(np.int64))


def _find(known: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of keys among the known cells; len(known) for all others."""
    at = np.searchsorted(known, keys)
    at[known[np.minimum(at, len(known) - 1)] != keys] = len(known)
    return at


def _read(plan: Plan, tables: Sequence[NDArray[T]]) -> NDArray[T]:
    """The rows of the slices: sums of the tables (j, cells) over the attributes that a slice leaves open."""
    found = np.zeros((plan.slices, len(tables[0])), dtype=tables[0].dtype)
    reading: Reading  # mypy cannot tell it in a generic function
    for reading in plan.readings:
        group, table = plan.groups[reading.group], tables[reading.group]
        if group.known is not None:
            at = _find(group.known, np.ravel_multi_index(tuple(reading.levels), group.sizes))
            found[reading.slices] = table[:, at].T
            continue
        axes = {attribute: ascii_lowercase[i] for i, attribute in enumerate(group.attributes)}
        kept = "".join(axes[attribute] for attribute in reading.attributes)
        marginal = np.einsum(f"Z{''.join(axes.values())}->Z{kept}", table.reshape(-1, *group.sizes))
        found[reading.slices] = marginal[(slice(None), *reading.levels)].T
    return found

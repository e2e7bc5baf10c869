"""Joint tables: the few histograms from which the sums of every slice are read.

Attributes that slices use together are covered by few groups, each small enough that its table stays in cache. Rows are
read once, block by block, into one table per group; the tables are then summed down to the cells of each slice.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from validate.slices import Membership

SHARED_CELLS = 2**12  # of a table that several sets of attributes share: with four outcomes it stays in cache
HELD_CELLS = 2**19  # of a table that is held at all: with four outcomes, 16 MB
BLOCK = 2**15  # rows read at a time; where a table has more cells, as many rows as that

T = TypeVar("T", bound=np.generic)
Keys = NDArray[np.uint16] | NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """Attributes that are counted together, in one table."""

    attributes: tuple[int, ...]  # positions in Membership.attributes
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
    slices: NDArray[np.intp]  # (k,) positions in Membership.slices
    levels: NDArray[np.int64]  # (len(attributes), k)


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """Which tables to fill, and which slices to read from them."""

    groups: tuple[Group, ...]
    readings: tuple[Reading, ...]


def plan(membership: Membership) -> Plan:
    """Cover the sets of attributes that the slices use by few groups."""
    used: dict[tuple[int, ...], list[int]] = {}
    cells: dict[tuple[int, ...], list[list[int]]] = {}
    for i, found in enumerate(membership.where):
        if not isinstance(found, int):
            attributes = tuple([attribute for attribute, _ in found])
            used.setdefault(attributes, []).append(i)
            cells.setdefault(attributes, []).append([level for _, level in found])
    sizes = [max(len(a.levels), int(a.codes.max(initial=0)) + 1) for a in membership.attributes]
    chosen = _cover(sorted(used, key=lambda s: -math.prod(sizes[a] for a in s)), sizes)
    groups = [Group(attributes=attributes, sizes=tuple(sizes[a] for a in attributes)) for attributes in chosen]
    readings = []
    for attributes, slices in used.items():
        order = np.argsort(attributes)
        reading = Reading(
            group=next(i for i, group in enumerate(groups) if _covers(group.attributes, attributes, sizes)),
            attributes=tuple(attributes[axis] for axis in order),
            slices=np.array(slices, dtype=np.intp),
            levels=np.array(cells[attributes], dtype=np.int64).reshape(len(slices), -1).T[order],
        )
        group = groups[reading.group]
        if group.cells > HELD_CELLS:
            groups[reading.group] = replace(
                group, known=np.unique(np.ravel_multi_index(tuple(reading.levels), group.sizes))
            )
        readings.append(reading)
    return Plan(groups=tuple(groups), readings=tuple(readings))


def tally(plan: Plan, membership: Membership, outcome: NDArray[np.uint8], codes: int) -> NDArray[np.int64]:
    """How many examples of each slice have each outcome code: (m, codes); zero for slices that are masks."""
    tables = [np.zeros(group.cells * codes, dtype=np.int64) for group in plan.groups]
    for i, rows in _passes(plan, len(outcome)):
        keys = _keys(plan.groups[i], membership, rows, times=codes)
        keys += outcome[rows]
        tables[i] += np.bincount(keys, minlength=len(tables[i]))
    return _read(plan, [table.reshape(-1, codes) for table in tables], len(membership.slices))


def total(plan: Plan, membership: Membership, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of each column of `values` (n, j) in each slice: (m, j); zero for slices that are masks."""
    tables = [np.zeros((group.cells, values.shape[1])) for group in plan.groups]
    for i, rows in _passes(plan, len(values)):
        keys = _keys(plan.groups[i], membership, rows)
        for j in range(values.shape[1]):
            tables[i][:, j] += np.bincount(keys, weights=values[rows, j], minlength=len(tables[i]))
    return _read(plan, tables, len(membership.slices))


def _cover(sets: Sequence[tuple[int, ...]], sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """Greedy: a group starts with a set not yet covered, and takes in attributes that cover more while it is small."""
    groups: list[tuple[int, ...]] = []
    left = list(sets)
    while left:
        group = set(left[0])
        while True:
            cells = math.prod(sizes[a] for a in group)
            small = [a for a in set().union(*left) - group if cells * sizes[a] <= SHARED_CELLS]
            gains = {a: sum(group | {a} >= set(s) for s in left) - sum(group >= set(s) for s in left) for a in small}
            best = max(small, key=lambda a: gains[a] / math.log(sizes[a] + 1), default=None)
            if best is None or not gains[best]:
                break
            group.add(best)
        groups.append(tuple(sorted(group)))
        left = [s for s in left if not _covers(groups[-1], s, sizes)]
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


def _keys(group: Group, membership: Membership, rows: slice, times: int = 1) -> Keys:
    """The cell of each of some rows, times a number of codes that the caller adds."""
    narrow = group.known is None and group.cells * times < 2**16
    keys: Keys = np.zeros(rows.stop - rows.start, dtype=np.uint16 if narrow else np.int64)
    for attribute, size in zip(group.attributes, group.sizes, strict=True):
        keys *= keys.dtype.type(size)
        keys += membership.attributes[attribute].codes[rows]
    if group.known is not None:
        keys = _find(group.known, keys.astype(np.int64))
    keys *= keys.dtype.type(times)
    return keys


def _find(known: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of keys among the known cells; len(known) for all others."""
    at = np.searchsorted(known, keys)
    at[known[np.minimum(at, len(known) - 1)] != keys] = len(known)
    return at


def _read(plan: Plan, tables: Sequence[NDArray[T]], slices: int) -> NDArray[T]:
    """The rows of the slices: sums of the tables over the attributes that a slice leaves open."""
    found = np.zeros((slices, tables[0].shape[1]), dtype=tables[0].dtype)
    for reading in plan.readings:
        group, table = plan.groups[reading.group], tables[reading.group]
        if group.known is not None:
            found[reading.slices] = table[_find(group.known, np.ravel_multi_index(tuple(reading.levels), group.sizes))]
            continue
        summed = tuple(axis for axis, a in enumerate(group.attributes) if a not in reading.attributes)
        marginal = table.reshape(*group.sizes, -1).sum(axis=summed)
        found[reading.slices] = marginal[tuple(reading.levels)]
    return found

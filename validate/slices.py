"""A slice, and the membership of examples in slices."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from validate import joint
from validate.attributes import Attribute
from validate.stats.clusters import independent_worth
from validate.stats.means import FEWEST_GUARDED
from validate.stats.noninferiority import smallest_n
from validate.suite import Gate

FEWEST_FOR_A_MEAN = FEWEST_GUARDED  # examples below which a metric that is no rate does not pass
_TURNS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})  # change the direction of text


class Kind(StrEnum):
    """Where a slice comes from."""

    ALL = "all"
    CLASS = "class"  # examples of one true class: the change of its recall
    CATEGORY = "category"  # one value (or bin) of one column
    CROSS = "cross"  # an intersection of categories
    WHERE = "where"  # a declared predicate
    NATURAL = "natural"  # examples that the dense model finds hard
    EDGE = "edge cases"  # variants of a set, or of one severity of it
    RARE = "rare together"  # the under-represented categories of one column, pooled


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A named subset of the examples, and the checks that it takes part in."""

    name: str  # unique in a run: "all", "label: yes", "race: Black", "race: Black & sex: Female", "race: rare together"
    kind: Kind
    where: str  # predicate that selects it, ready to paste into a suite; "" for all
    columns: tuple[str, ...]  # the columns it is made of
    n: int  # examples in it
    share: float  # of all examples
    train_share: float | None  # of the training data, where that is given
    margin: float  # largest tolerable loss
    guard: bool  # must PASS
    screened: bool  # looked at for trouble, with adjustment
    disparity: bool  # compared with its complement for the disparity check
    under_represented: bool  # share (in training, where given) below the policy's threshold
    members: tuple[str, ...] = ()  # of a pooled slice: the categories in it
    margin_ratio: float | None = None  # judged by this instead: the factor by which its errors may grow


@dataclass(frozen=True, kw_only=True, eq=False)
class Membership:
    """Which example is in which slice, as codes and packed bits rather than a table of rows × slices.

    `where[i]` tells how slice i is found: a tuple of (attribute index, level index) pairs, all of which hold
    (empty for `all`), or an index into `masks`.
    """

    n: int
    slices: tuple[Slice, ...]
    attributes: tuple[Attribute, ...]
    masks: tuple[NDArray[np.uint8], ...]  # np.packbits of a boolean (n,), for predicates and pooled slices
    where: tuple[tuple[tuple[int, int], ...] | int, ...]  # (len(slices),)
    planned: joint.Plan | None = None  # made before, for all batches

    @cached_property
    def plan(self) -> joint.Plan:
        """How the sums of the slices are read from few tables: made once for all that is counted."""
        return self.planned or joint.plan(self.where, self.attributes)


def members(membership: Membership, i: int) -> NDArray[np.bool_]:
    """Whether each example is in slice i: (n,)."""
    found = membership.where[i]
    if isinstance(found, int):
        return np.unpackbits(membership.masks[found], count=membership.n).astype(np.bool_)
    inside: NDArray[np.bool_] = np.ones(membership.n, dtype=np.bool_)
    for attribute, level in found:
        inside &= membership.attributes[attribute].codes == level
    return inside


def index(membership: Membership, name: str) -> int:
    """The position of the slice of this name; KeyError where there is none."""
    for i, entry in enumerate(membership.slices):
        if entry.name == name:
            return i
    raise KeyError(name)


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How much a slice may lose: so much, or so many times its errors."""

    margin: float
    margin_ratio: float | None


def tolerance(declared: float | None, gate: Gate) -> Tolerance:
    """A slice's own margin, else what the policy says of slices."""
    ratio = gate.margin_ratio if declared is None else None
    return Tolerance(margin=gate.margin if declared is None else declared, margin_ratio=ratio)


def enough(n: float, margin: float, gate: Gate) -> bool:
    """Whether a slice of n independent examples could PASS at this margin if not one answer got worse."""
    if gate.metric != "accuracy":
        return n >= FEWEST_FOR_A_MEAN
    level = 1 - (1 - gate.confidence) / (gate.attempts or 1)
    return n >= smallest_n(margin, level=level)


def implied(slices: Sequence[Slice], gate: Gate) -> tuple[Slice, ...]:
    """The slices as their kind, their size and the policy have them, whatever they say of it themselves.

    What a suite declares stays: guards and margins of its own slices.
    """
    levels = {entry.name: _implied(entry, gate) for entry in slices if entry.kind is not Kind.RARE}
    return tuple(levels[e.name] if e.name in levels else _implied_pool(e, levels, gate) for e in slices)


def _implied(entry: Slice, gate: Gate) -> Slice:
    if entry.kind in {Kind.CLASS, Kind.CATEGORY}:
        share = entry.share if entry.train_share is None else entry.train_share
        rare = share < gate.under_represented
        guard = enough(entry.n, entry.margin, gate) if entry.kind is Kind.CLASS else entry.guard
        return replace(entry, guard=guard, screened=True, under_represented=rare, disparity=rare and entry.share < 1)
    crossed, everything = entry.kind is Kind.CROSS, entry.kind is Kind.ALL
    guard = everything or (entry.guard and not crossed)
    return replace(entry, guard=guard, screened=not guard, under_represented=False, disparity=False)


def _implied_pool(entry: Slice, levels: Mapping[str, Slice], gate: Gate) -> Slice:
    rare = all(levels[name].under_represented for name in entry.members if name in levels)
    return replace(
        entry,
        guard=enough(entry.n, entry.margin, gate),
        screened=False,
        under_represented=rare,
        disparity=rare and entry.share < 1,
    )


def independent(inside: NDArray[np.bool_], clusters: NDArray[np.int64] | None) -> float:
    """How many independent examples a slice (n,) holds at most: clusters count as one each, if equal in size."""
    if clusters is None:
        return float(inside.sum())
    sizes = np.bincount(clusters[inside])
    return independent_worth(sizes[sizes > 0])


def shown(text: str) -> str:
    """A value as a name shows it: control and direction-changing characters as escapes, so that none hides."""
    visible = "".join(c.encode("unicode_escape").decode() if _hides(c) else c for c in text.strip())
    return visible or ("(blank)" if text else "(empty)")


def _hides(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or unicodedata.bidirectional(character) in _TURNS


def only(membership: Membership, which: Sequence[int]) -> Membership:
    """The membership in some of its slices; all examples stay."""
    return replace(
        membership,
        slices=tuple(membership.slices[i] for i in which),
        where=tuple(membership.where[i] for i in which),
        planned=None,
    )


def without_intersections(membership: Membership) -> Membership:
    """The membership in all slices but the intersections."""
    return only(membership, [i for i, entry in enumerate(membership.slices) if entry.kind is not Kind.CROSS])


def take(membership: Membership, rows: NDArray[np.intp]) -> Membership:
    """The membership of some examples, or of a sample with repetition; slices keep the whole's n and share."""
    masks = [np.unpackbits(mask, count=membership.n)[rows] for mask in membership.masks]
    return replace(
        membership,
        n=len(rows),
        attributes=tuple(attribute.at(rows) for attribute in membership.attributes),
        masks=tuple(np.packbits(mask) for mask in masks),
    )

"""Predicates and families become slices, and each example's membership in them."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Kind(StrEnum):
    """Where a slice comes from."""

    ALL = "all"
    CLASS = "class"  # examples of one true class: the change of its recall
    CATEGORY = "category"  # one value (or bin) of one column
    CROSS = "cross"  # an intersection of categories
    WHERE = "where"  # a declared predicate
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribute:
    """A column as small integer codes."""

    name: str  # the column's; "label" for the true class
    codes: NDArray[np.int32]  # (n,) index into levels; len(levels) where the value is missing
    levels: tuple[str, ...]


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

    # members(membership, i) -> boolean (n,) is a function of this module

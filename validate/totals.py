"""What a shard of the rows adds up to: all that a judgement needs of them; `+` joins shards."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from validate.counts import PairedCounts, count, first_alike, outcomes, set_keys
from validate.description import Described, describe_rows
from validate.metrics import METRICS, MetricKind, Needs
from validate.predictions import PairedPredictions, constants, right
from validate.sample_size import too_small
from validate.slices import Membership, Slice, members, only, take
from validate.suite import Gate


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """The rows themselves, for what is no sum over them."""

    paired: PairedPredictions
    membership: Membership


@dataclass(frozen=True, kw_only=True, eq=False)
class Totals:
    """The sums of some rows: exact integers, and scores on a grid on which sums are exact too."""

    slices: tuple[Slice, ...]
    classes: tuple[str, ...]  # (k,) empty for a regression
    n: int  # rows
    missing: int  # answers that the compressed model did not give
    everything: NDArray[np.int64]  # (k, 4) of each true class: both right, gains, losses, both wrong
    by_class: NDArray[np.int64]  # (k, m, 4) the same in each slice
    keys: NDArray[np.float64]  # (m, 4) that tell sets of examples apart
    blind: int  # rows in a class or category too small to be judged alone
    described: Described | None = None
    rows: Rows | None = None  # where all of them are in memory

    def __post_init__(self) -> None:
        for array in (self.everything, self.by_class, self.keys):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.slices)

    def __add__(self, other: "Totals") -> "Totals":
        if self.slices != other.slices:
            raise ValueError("shards must have the same slices")
        both = self.described, other.described
        return replace(
            self,
            n=self.n + other.n,
            missing=self.missing + other.missing,
            everything=self.everything + other.everything,
            by_class=self.by_class + other.by_class,
            keys=self.keys + other.keys,
            blind=self.blind + other.blind,
            described=None if both[0] is None or both[1] is None else both[0] + both[1],
            rows=None,
        )

    @property
    def counts(self) -> PairedCounts:
        """The paired counts of every slice."""
        return PairedCounts(table=self.by_class.sum(axis=0))

    @property
    def complement(self) -> PairedCounts:
        """The paired counts of all rows outside each slice."""
        return PairedCounts(table=self.everything.sum(axis=0) - self.by_class.sum(axis=0))

    @property
    def flips(self) -> int:
        """Rows on which one model is right and the other wrong."""
        return int(self.everything[:, 1:3].sum())

    @property
    def same_as(self) -> NDArray[np.int64]:
        """For each slice, the first slice with the same examples: (m,)."""
        return first_alike(self.keys)

    @property
    def all_rows(self) -> Rows:
        """The rows. Raises ValueError where only sums are left: a suite that is read in batches may not ask."""
        if self.rows is None:
            raise ValueError("only sums of the rows are left")
        return self.rows

    def counted(self, gate: Gate) -> bool:
        """Whether paired counts decide: a metric that is right or wrong per example, and examples without clusters."""
        clustered = self.rows is not None and self.rows.paired.clusters is not None
        return METRICS[gate.metric].kind is MetricKind.BINARY and not clustered


def add_up(
    paired: PairedPredictions, membership: Membership, gate: Gate, *, start: int = 0, described: bool = True
) -> Totals:
    """The totals of some rows, the first of which has this number among all rows."""
    k, slices = len(paired.classes), membership.slices
    everything, by_class = np.zeros((k, 4), np.int64), np.zeros((k, len(slices), 4), np.int64)
    outcome = outcomes(right(paired, "dense"), right(paired, "compressed")) if k else np.zeros(0, np.uint8)
    for code in range(k):
        rows = np.flatnonzero(paired.labels == code)
        if len(rows):
            some = replace(take(membership, rows), planned=membership.plan)
            by_class[code] = count(some, outcome[rows]).table
            everything[code] = np.bincount(outcome[rows], minlength=4)
    small = np.zeros(membership.n, dtype=np.bool_)
    for i, entry in enumerate(slices):
        if too_small(entry, gate):
            small |= members(membership, i)
    return Totals(
        slices=slices,
        classes=paired.classes,
        n=membership.n,
        missing=paired.missing,
        everything=everything,
        by_class=by_class,
        keys=set_keys(membership, start),
        blind=int(small.sum()),
        described=describe_rows(paired, membership, gate) if described else None,
        rows=Rows(paired=paired, membership=membership),
    )


def some_slices(totals: Totals, which: Sequence[int]) -> Totals:
    """The totals of some of the slices; all rows stay."""
    rows, chosen = totals.rows, list(which)
    return replace(
        totals,
        slices=tuple(totals.slices[i] for i in chosen),
        by_class=totals.by_class[:, chosen],
        keys=totals.keys[chosen],
        described=None,
        rows=None if rows is None else replace(rows, membership=only(rows.membership, chosen)),
    )


def constant_totals(totals: Totals, gate: Gate) -> Iterator[tuple[str, Totals]]:
    """Every constant prediction in the compressed model's place, with its name, for the check of the policy."""
    if not totals.counted(gate):
        rows = totals.all_rows
        for name, paired in constants(rows.paired, shares=METRICS[gate.metric].needs is Needs.PROBABILITIES):
            yield name, add_up(paired, rows.membership, gate, described=False)
        return
    for code, name in enumerate(totals.classes):
        made = replace(
            totals,
            everything=_always(totals.everything, code),
            by_class=_always(totals.by_class, code),
            missing=0,
            described=None,
            rows=None,
        )
        yield name, made


def _always(tables: NDArray[np.int64], code: int) -> NDArray[np.int64]:
    """The cells (k, …, 4) if the compressed model always said this class."""
    dense_right, dense_wrong = tables[..., 0] + tables[..., 2], tables[..., 1] + tables[..., 3]
    made = np.zeros_like(tables)
    made[..., 2], made[..., 3] = dense_right, dense_wrong
    made[code, ..., 0], made[code, ..., 1] = dense_right[code], dense_wrong[code]
    made[code, ..., 2:] = 0
    return made

"""Edge-case sets as one dataset: its rows are the variants of all sets, its clusters the sources."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate.data import Dataset
from validate.edge_kinds.catalogue import made_by
from validate.edge_rules import severity_name
from validate.slices import Kind, Membership, Slice, tolerance
from validate.suite import Gate
from validate.suite_edge_cases import EdgeCaseSpec, set_name

Rows = NDArray[np.intp]
NO_SOURCE = -1
ANY_SEVERITY = 0  # of cases whose severity nobody stated


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell:
    """One set at one severity. Whatever makes edge cases makes cells, and is judged like all others."""

    spec: EdgeCaseSpec
    severity: int
    sources: Rows  # (n,) row of the data that each variant came from, or NO_SOURCE
    make: Callable[[], pd.DataFrame]  # n rows in the order of the sources, with all columns; called when they are read
    paired: bool = True  # False: the set as a whole is compared with all examples
    groups: NDArray[np.int64] | None = None  # (n,) clusters of variants without a source; None: each is its own
    labels: NDArray[np.int64] | NDArray[np.float64] | None = None  # (n,) None: the sources'
    ids: NDArray[np.object_] | None = None  # (n,) None: made of set, severity and source
    critical: NDArray[np.bool_] | None = None  # (n,) must not be lost
    remarks: NDArray[np.object_] | None = None  # (n,) why each matters, and where it comes from
    digest: str = ""  # of what made it, beside suite and data
    about: str = ""  # what was done to the sources, at this severity


@dataclass(frozen=True, kw_only=True, eq=False)
class EdgeDataset(Dataset):
    """A dataset whose rows are made when they are read: its frame tells only set, severity and source."""

    starts: NDArray[np.intp]  # (cells + 1,)
    frame_of: Callable[[int], pd.DataFrame]  # the rows of a cell; it remembers the last one

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all that decides what the variants are; their content is known only when they are made."""
        return self.sha256

    def rows(self, start: int, stop: int) -> pd.DataFrame:
        """Consecutive variants with all their columns, made cell by cell."""
        first = int(np.searchsorted(self.starts, start, side="right")) - 1
        parts = []
        while self.starts[first] < stop:
            offset = self.starts[first]
            parts.append(self.frame_of(first).iloc[max(start - offset, 0) : stop - offset])
            first += 1
            if first == len(self.starts) - 1:
                break
        return parts[0].reset_index(drop=True) if len(parts) == 1 else pd.concat(parts, ignore_index=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class EdgeSets:
    """What judging edge cases needs to know of them, beside the answers: also what their rows tell a year later."""

    membership: Membership  # a slice per set, and one per severity of a set that has several
    sources: Rows  # (n,) row of the data, or NO_SOURCE
    critical: NDArray[np.bool_]  # (n,) must not be lost
    remarks: NDArray[np.object_]  # (n,) why each matters, and where it comes from; "" for those that a kind made
    facts: tuple["SetFacts", ...]  # (slices,) of each slice of the membership
    sha256: str  # of all that decides what the variants are


@dataclass(frozen=True, kw_only=True, eq=False)
class EdgeCases(EdgeSets):
    """All edge cases of a suite, before any model has answered."""

    dataset: EdgeDataset
    cells: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True)
class SetFacts:
    """What a slice of edge cases is."""

    set: str  # name of the set
    severity: int | None  # None: all of them, or not stated
    paired: bool
    sources: int  # distinct sources, or groups of cases without one
    about: str  # what was done to the sources


def assemble(cells: Sequence[Cell], dataset: Dataset, gate: Gate) -> EdgeCases | None:
    """The cells as one dataset with its slices; None where there are none.

    Variants of one source are one cluster, and so are the variants of one cluster of the data.
    """
    if not cells:
        return None
    sources = np.concatenate([cell.sources for cell in cells])
    clusters = _clusters(cells, sources, dataset)
    starts = np.cumsum([0, *(len(cell.sources) for cell in cells)])
    numbers = np.repeat(np.arange(len(cells)), np.diff(starts))
    named = [set_name(cell.spec) for cell in cells]
    ids = np.concatenate([_ids(cell, name, dataset) for cell, name in zip(cells, named, strict=True)])
    frame = pd.DataFrame(
        {
            "set": pd.Categorical.from_codes(*_coded(named, numbers)),
            "severity": np.array([cell.severity for cell in cells])[numbers],
            "source": np.where(sources >= 0, dataset.ids[sources], ""),
        }
    )
    made = EdgeDataset(
        frame=frame,
        ids=ids,
        labels=np.concatenate([_labels(cell, dataset) for cell in cells]),
        classes=dataset.classes,
        clusters=clusters,
        train=None,
        sha256=_digest(cells, ids, dataset),
        source="edge cases",
        starts=starts,
        frame_of=lru_cache(maxsize=1)(lambda i: cells[i].make()),
    )
    membership, facts = _membership(cells, named, numbers, clusters, gate)
    return EdgeCases(
        dataset=made,
        membership=membership,
        sources=sources,
        critical=np.concatenate([_critical(cell) for cell in cells]),
        remarks=np.concatenate([_remarks(cell) for cell in cells]),
        cells=tuple(cells),
        facts=facts,
        sha256=made.sha256,
    )


def _clusters(cells: Sequence[Cell], sources: Rows, dataset: Dataset) -> NDArray[np.int64]:
    """(n,) the source's row or cluster; groups of cases without a source come after."""
    known = np.arange(len(dataset)) if dataset.clusters is None else dataset.clusters
    groups = []
    for i, cell in enumerate(cells):
        own = np.arange(len(cell.sources)) if cell.groups is None else cell.groups
        groups += [(set_name(cell.spec), int(g)) if cell.groups is not None else (i, int(g)) for g in own]
    codes = pd.factorize(pd.Series(groups, dtype=object))[0] + len(dataset) + int(known.max(initial=0)) + 1
    mixed = np.where(sources >= 0, known[sources], codes)
    return pd.factorize(mixed)[0].astype(np.int64)


def _coded(names: Sequence[str], numbers: Rows) -> tuple[NDArray[np.intp], pd.Index]:
    codes, levels = pd.factorize(np.array(names, dtype=object))
    return codes[numbers], pd.Index(levels)


def _ids(cell: Cell, name: str, dataset: Dataset) -> NDArray[np.object_]:
    """(n,) such as "missing-values/3/4711", numbered from 2 where a source has several variants."""
    if cell.ids is not None:
        return cell.ids
    times = pd.Series(cell.sources).groupby(cell.sources).cumcount().to_numpy() + 1
    numbered = (
        f"{source}#{time}" if time > 1 else source
        for source, time in zip(dataset.ids[cell.sources], times, strict=True)
    )
    return np.array([f"{name}/{cell.severity}/{source}" for source in numbered], dtype=object)


def _labels(cell: Cell, dataset: Dataset) -> NDArray[np.int64] | NDArray[np.float64]:
    return dataset.labels[cell.sources] if cell.labels is None else cell.labels


def _critical(cell: Cell) -> NDArray[np.bool_]:
    return np.zeros(len(cell.sources), dtype=np.bool_) if cell.critical is None else cell.critical


def _remarks(cell: Cell) -> NDArray[np.object_]:
    return np.full(len(cell.sources), "", dtype=object) if cell.remarks is None else cell.remarks


def _digest(cells: Sequence[Cell], ids: NDArray[np.object_], dataset: Dataset) -> str:
    """Of all that decides what the variants are: the data, the sets, what made them, the sources that were drawn."""
    parts = [
        dataset.fingerprint,
        made_by(),
        *(f"{cell.spec!r}\0{cell.severity}\0{cell.digest}" for cell in cells),
        *ids,
    ]
    return sha256("\n".join(parts).encode()).hexdigest()


def _membership(
    cells: Sequence[Cell], named: Sequence[str], numbers: Rows, clusters: NDArray[np.int64], gate: Gate
) -> tuple[Membership, tuple[SetFacts, ...]]:
    slices, facts, masks = [], [], []
    for name in dict.fromkeys(named):
        own = [i for i, other in enumerate(named) if other == name]
        parts: list[tuple[list[int], int | None]] = [(own, None if len(own) > 1 else cells[own[0]].severity or None)]
        parts += [([i], cells[i].severity) for i in own] if len(own) > 1 else []
        for which, severity in parts:
            inside, cell = np.isin(numbers, which), cells[which[0]]
            part = len(which) < len(own)
            where = f"set == {name!r}" + (f" and severity == {severity}" if part else "")
            title = severity_name(name, cell.severity) if part else name
            slices.append(_slice(title, where, inside, cell.spec, gate, guard=cell.spec.guard and not part))
            masks.append(np.packbits(inside))
            facts.append(
                SetFacts(
                    set=name,
                    severity=severity,
                    paired=cell.paired,
                    sources=len(np.unique(clusters[inside])),
                    about=cell.about if len(which) == 1 else "",
                )
            )
    membership = Membership(
        n=len(numbers), slices=tuple(slices), attributes=(), masks=tuple(masks), where=tuple(range(len(masks)))
    )
    return membership, tuple(facts)


def _slice(name: str, where: str, inside: NDArray[np.bool_], spec: EdgeCaseSpec, gate: Gate, *, guard: bool) -> Slice:
    n = int(inside.sum())
    return Slice(
        name=name,
        kind=Kind.EDGE,
        where=where,
        columns=(),
        n=n,
        share=n / len(inside),
        train_share=None,
        margin=tolerance(spec.margin, gate).margin,
        guard=guard,
        screened=not guard and getattr(spec, "screen", True),
        disparity=False,
        under_represented=False,
    )

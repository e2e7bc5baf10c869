"""Predicates and families of a suite become slices, and each example's membership in them."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate import joint
from validate.attributes import Attribute, Coding, compact
from validate.data import Dataset
from validate.errors import DataError, did_you_mean
from validate.predicates import Predicate, evaluate
from validate.slices import Kind, Membership, Slice, Tolerance, enough, shown, tolerance
from validate.suite import Family, Gate, NamedSlice, Suite
from validate.survey import Column, Survey, surveyed


def build_membership(dataset: Dataset, suite: Suite) -> Membership:
    """All slices that the suite declares or implies: all, classes, categories and pools, intersections, predicates.

    Raises SuiteError for a family or predicate that cannot be, DataError for one that matches no example.
    """
    return draw_slices(surveyed(dataset, suite), dataset.train).membership(dataset)


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """Several levels of one column."""

    position: int
    levels: tuple[int, ...]


Found = tuple[tuple[int, int], ...] | Pooled | Predicate


@dataclass(frozen=True, kw_only=True, eq=False)
class Slicing:
    """All slices of a suite, and how to find the examples of each in any batch of rows."""

    slices: tuple[Slice, ...]
    names: tuple[str, ...]  # of the columns
    codings: tuple[Coding, ...]  # of the columns; the label's classes first, where there are any
    found: tuple[Found, ...]  # (len(slices),)

    @cached_property
    def plan(self) -> joint.Plan:
        """How sums are read from few tables, for batches with and without missing values."""
        masks = itertools.count()
        attributes = [
            Attribute(name=it.name, codes=np.full(1, len(it.levels), np.int32), levels=it.levels, where=it.where)
            for it in self.codings
        ]
        return joint.plan([it if isinstance(it, tuple) else next(masks) for it in self.found], attributes)

    def membership(self, dataset: Dataset, planned: joint.Plan | None = None) -> Membership:
        """Which of these examples is in which slice; `planned` is a plan for all batches."""
        attributes = [
            _classes_of(dataset, coding) if not i and dataset.classes else coding.attribute(dataset.frame[name])
            for i, (name, coding) in enumerate(zip(self.names, self.codings, strict=True))
        ]
        masks: list[NDArray[np.uint8]] = []
        where: list[tuple[tuple[int, int], ...] | int] = []
        for found in self.found:
            if isinstance(found, tuple):
                where.append(found)
                continue
            where.append(len(masks))
            if isinstance(found, Pooled):
                masks.append(np.packbits(np.isin(attributes[found.position].codes, found.levels)))
            else:
                masks.append(np.packbits(evaluate(found, dataset.frame)))
        return Membership(
            n=len(dataset),
            slices=self.slices,
            attributes=tuple(attributes),
            masks=tuple(masks),
            where=tuple(where),
            planned=planned,
        )


def _classes_of(dataset: Dataset, coding: Coding) -> Attribute:
    codes = compact(dataset.labels.astype(np.int64), len(dataset.classes))
    return Attribute(name=coding.name, codes=codes, levels=coding.levels, where=coding.where)


def draw_slices(survey: Survey, train: pd.DataFrame | None) -> Slicing:
    """The slices that a suite makes of examples that were surveyed."""
    suite, columns = survey.suite, survey.columns(train)
    drafts = [_all(survey.n, suite.gate)]
    drafts += _classes(columns, survey) if survey.classes else []
    categories = _categories(columns, survey)
    drafts += categories
    drafts += _pools(categories, columns, survey)
    drafts += _predicates(survey)
    drafts += _crosses(columns, survey)
    drafts = _uniquely_named(drafts)
    return Slicing(
        slices=tuple(draft.slice for draft in drafts),
        names=tuple(column.name for column in columns),
        codings=tuple(column.coding for column in columns),
        found=tuple(draft.found for draft in drafts),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Draft:
    """A slice and how its examples are found."""

    slice: Slice
    found: Found


def _all(total: int, gate: Gate) -> _Draft:
    everything = Slice(
        name="all",
        kind=Kind.ALL,
        where="",
        columns=(),
        n=total,
        share=1.0,
        train_share=None,
        margin=gate.margin,
        margin_ratio=gate.margin_ratio,
        guard=True,
        screened=False,
        disparity=False,
        under_represented=False,
    )
    return _Draft(slice=everything, found=())


def _level(
    columns: Sequence[Column], cell: tuple[int, int], kind: Kind, survey: Survey, *, allowed: Tolerance, guard: bool
) -> _Draft:
    """The slice of one level of a column."""
    column, level = columns[cell[0]], cell[1]
    coding, n, total = column.coding, int(column.n[level]), survey.n
    rare = bool(column.rare[level])
    entry = Slice(
        name=f"{coding.name}: {shown(coding.levels[level])}",
        kind=kind,
        where=coding.where[level],
        columns=(column.name,),
        n=n,
        share=n / total,
        train_share=None if column.train_share is None else float(column.train_share[level]),
        margin=allowed.margin,
        margin_ratio=allowed.margin_ratio,
        guard=guard,
        screened=True,
        disparity=rare and n < total,
        under_represented=rare,
    )
    return _Draft(slice=entry, found=(cell,))


def _classes(columns: Sequence[Column], survey: Survey) -> list[_Draft]:
    """Each class that has examples; those too few to be able to pass are pooled."""
    gate = survey.suite.gate
    allowed = Tolerance(margin=gate.class_margin, margin_ratio=None)
    drafts = [
        _level(columns, (0, level), Kind.CLASS, survey, allowed=allowed, guard=enough(n, gate.class_margin, gate))
        for level, n in enumerate(columns[0].n.tolist())
        if n
    ]
    pooled = [draft for draft in drafts if not draft.slice.guard]
    return drafts + ([_pool("label", pooled, columns, survey)] if pooled else [])


def _categories(columns: Sequence[Column], survey: Survey) -> list[_Draft]:
    """Each level of each family's columns, guarded as the family says."""
    suite, drafts = survey.suite, []
    for position, column in enumerate(columns):
        for i in column.families:
            family = suite.slices[i]
            assert isinstance(family, Family)
            allowed = tolerance(family.margin, suite.gate)
            for level, text in enumerate(column.coding.levels):
                guard = family.guard if isinstance(family.guard, bool) else text in family.guard
                drafts.append(_level(columns, (position, level), Kind.CATEGORY, survey, allowed=allowed, guard=guard))
    _check_guards(columns, suite)
    return _merged(drafts)


def _check_guards(columns: Sequence[Column], suite: Suite) -> None:
    """A guarded value that matches no row is usually a typo."""
    for i, family in enumerate(suite.slices):
        if isinstance(family, Family) and not isinstance(family.guard, bool):
            levels = {text for column in columns if i in column.families for text in column.coding.levels}
            for value in family.guard:
                if value not in levels:
                    rule = f"matches no row of {', '.join(family.by)}{did_you_mean(value, levels)}"
                    raise DataError(f"slices[{i}].guard", rule, value)


def _pools(categories: Sequence[_Draft], columns: Sequence[Column], survey: Survey) -> list[_Draft]:
    """Per column, its under-represented categories together."""
    rare: dict[str, list[_Draft]] = {}
    for draft in categories:
        if draft.slice.under_represented:
            rare.setdefault(draft.slice.columns[0], []).append(draft)
    return [_pool(name, drafts, columns, survey) for name, drafts in rare.items()]


def _pool(name: str, drafts: Sequence[_Draft], columns: Sequence[Column], survey: Survey) -> _Draft:
    """One slice of several levels of one column, guarded if it is large enough to be able to pass."""
    gate, total = survey.suite.gate, survey.n
    cells = [cell for draft in drafts if isinstance(draft.found, tuple) for cell in draft.found]
    n, slices = sum(int(columns[at].n[level]) for at, level in cells), [draft.slice for draft in drafts]
    margin = min(entry.margin for entry in slices)
    trained = [entry.train_share for entry in slices if entry.train_share is not None]
    entry = Slice(
        name=f"{name}: {Kind.RARE}",
        kind=Kind.RARE,
        where=" or ".join(entry.where for entry in slices),
        columns=slices[0].columns,
        n=n,
        share=n / total,
        train_share=sum(trained) if trained else None,
        margin=margin,
        margin_ratio=gate.margin_ratio if all(entry.margin_ratio for entry in slices) else None,
        guard=enough(n, margin, gate),
        screened=False,
        disparity=n < total and all(entry.under_represented for entry in slices),
        under_represented=all(entry.under_represented for entry in slices),
        members=tuple(entry.name for entry in slices),
    )
    return _Draft(slice=entry, found=Pooled(position=cells[0][0], levels=tuple(level for _, level in cells)))


def _crosses(columns: Sequence[Column], survey: Survey) -> list[_Draft]:
    """The non-empty intersections of each family's columns, screened."""
    drafts: list[_Draft] = []
    for i, family in enumerate(survey.suite.slices):
        if isinstance(family, Family):
            allowed = tolerance(family.margin, survey.suite.gate)
            for combination in survey.crossed(i):
                drafts += _cells(columns, combination, survey, allowed)
    return _merged(drafts)


def _cells(columns: Sequence[Column], combination: Sequence[int], survey: Survey, allowed: Tolerance) -> list[_Draft]:
    """The non-empty cells of some columns' cross table."""
    drafts, labels = [], bool(survey.classes)
    chosen = [at + labels for at in combination]
    levels, n = survey.levels(combination)
    for row, count in zip(levels.tolist(), n.tolist(), strict=True):
        cells = tuple(zip(chosen, row, strict=True))
        named = [(columns[p], columns[p].coding, level) for p, level in cells]
        entry = Slice(
            name=" & ".join(f"{c.name}: {shown(c.levels[level])}" for _, c, level in named),
            kind=Kind.CROSS,
            where=" and ".join(c.where[level] for _, c, level in named),
            columns=tuple(column.name for column, _, _ in named),
            n=count,
            share=count / survey.n,
            train_share=None,
            margin=allowed.margin,
            margin_ratio=allowed.margin_ratio,
            guard=False,
            screened=True,
            disparity=False,
            under_represented=False,
        )
        drafts.append(_Draft(slice=entry, found=cells))
    return drafts


def _predicates(survey: Survey) -> list[_Draft]:
    """The declared predicates, guarded or screened; one that matches no example is usually a typo."""
    drafts = []
    for i, predicate in survey.predicates.items():
        named, n = survey.suite.slices[i], survey.predicate_n[i]
        assert isinstance(named, NamedSlice)
        if not n:
            raise DataError(predicate.place, "matches no row", named.where)
        allowed = tolerance(named.margin, survey.suite.gate)
        entry = Slice(
            name=named.name,
            kind=Kind.WHERE,
            where=named.where,
            columns=predicate.columns,
            n=n,
            share=n / survey.n,
            train_share=None,
            margin=allowed.margin,
            margin_ratio=allowed.margin_ratio,
            guard=named.guard,
            screened=not named.guard,
            disparity=False,
            under_represented=False,
        )
        drafts.append(_Draft(slice=entry, found=predicate))
    return drafts


def _merged(drafts: Sequence[_Draft]) -> list[_Draft]:
    """Each slice once: guarded if it is anywhere, at its smallest margin; one of its own goes before the policy's."""
    merged: dict[str, _Draft] = {}
    for draft in drafts:
        known = merged.setdefault(draft.slice.where, draft)
        if known is not draft:
            entry = replace(
                known.slice,
                guard=known.slice.guard or draft.slice.guard,
                margin=min(known.slice.margin, draft.slice.margin),
                margin_ratio=known.slice.margin_ratio and draft.slice.margin_ratio,
            )
            merged[draft.slice.where] = replace(known, slice=entry)
    return list(merged.values())


def _uniquely_named(drafts: Sequence[_Draft]) -> list[_Draft]:
    """Values such as "b" and "b & c: d" could give two slices one name: a later one gets a number."""
    taken = {draft.slice.name for draft in drafts if draft.slice.kind is Kind.WHERE}
    unique = []
    for draft in drafts:
        if draft.slice.kind is not Kind.WHERE:
            name = draft.slice.name
            numbered = (f"{name} ({number})" for number in itertools.count(2))
            while name in taken:
                name = next(numbered)
            taken.add(name)
            draft = replace(draft, slice=replace(draft.slice, name=name))  # noqa: PLW2901 - the same draft, renamed
        unique.append(draft)
    return unique

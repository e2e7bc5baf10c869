"""A sheet of edge cases: sources beside their variants, so that people can judge whether a set is fair."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from validate.data import Dataset
from validate.edge_cases.attacked import AttackedExample
from validate.edge_cases.sets import NO_SOURCE, Cell, EdgeCases, Rows
from validate.edge_kinds.catalogue import fitting, modality
from validate.report.attack_sheet import attack_group
from validate.report.page import layout
from validate.report.sheet_cells import CELLS, SheetGroup, SheetRow, picture, whole
from validate.suite import LoadedSuite
from validate.suite_edge_cases import AttackCases, GeneratedCases, set_name

SHOWN = 4  # sources of each set


@dataclass(frozen=True, kw_only=True)
class SheetSet:
    """One edge-case set."""

    name: str
    about: str
    severities: tuple[str, ...]
    facts: str
    groups: tuple[SheetGroup, ...]


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """All sets of a suite."""

    title: str
    sets: tuple[SheetSet, ...]


def edge_sheet(loaded: LoadedSuite, dataset: Dataset, edge: EdgeCases, attacks: Sequence[AttackedExample] = ()) -> str:
    """One HTML page that needs no network and runs nothing.

    `edge` are all sets; what attacks made of the first sources, and for which model, stands in `attacks`.
    """
    names = [set_name(cell.spec) for cell in edge.cells]
    sets = []
    for name in dict.fromkeys(names):
        cells = [cell for cell, own in zip(edge.cells, names, strict=True) if own == name]
        if isinstance(cells[0].spec, AttackCases):
            groups = [attack_group([one for one in attacks if one.set == name], cells[0].spec.bounds, dataset)]
        else:
            groups = list(_groups(cells, loaded, dataset))
        sets.append(_set(name, cells, groups, loaded))
    page = Sheet(title=loaded.suite.release.system or loaded.suite.suite, sets=tuple(sets))
    return layout("sheet.html.j2", page)


def _set(name: str, cells: Sequence[Cell], groups: Sequence[SheetGroup], loaded: LoadedSuite) -> SheetSet:
    spec, about = cells[0].spec, cells[0].about
    attack = isinstance(spec, AttackCases)
    if isinstance(spec, GeneratedCases):
        about = fitting(loaded.suite)[spec.kind].about
    elif attack:
        about = "What the dense model sees, changed so that it errs; each compressed model is attacked by itself."
    sources = {int(row) for cell in cells for row in cell.sources if row != NO_SOURCE}
    stated = [cell.about if attack else f"{cell.severity}: {cell.about}" for cell in cells if cell.severity]
    role = "guarded" if spec.guard else "screened" if getattr(spec, "screen", True) else "described only"
    return SheetSet(
        name=name,
        about=about,
        severities=tuple(stated),
        facts=f"{sum(len(cell.sources) for cell in cells):,} variants of {len(sources):,} sources, {role}",
        groups=tuple(groups),
    )


def _groups(cells: Sequence[Cell], loaded: LoadedSuite, dataset: Dataset) -> Iterator[SheetGroup]:
    """The first sources of a set with their variants; of a set that chooses examples, a few of each severity."""
    frames = [cell.make() for cell in cells]
    first = cells[0]
    paired = first.paired and (first.sources != NO_SOURCE).any()
    picked = [row for row in dict.fromkeys(first.sources.tolist()) if row != NO_SOURCE][:SHOWN] if paired else []
    found = [
        [(cell, frame, np.flatnonzero(cell.sources == source)[:1]) for cell, frame in zip(cells, frames, strict=True)]
        for source in picked
    ]
    image = loaded.suite.data.image
    if image is not None and all(len(rows) and cell.ids is None for one in found for cell, _, rows in one) and found:
        yield _side_by_side(picked, found, image, dataset)
        return
    for source, variants in zip(picked, found, strict=True):
        yield _group(source, variants, loaded, dataset)
    if not picked:
        rows = [np.arange(min(SHOWN, len(frame))) for frame in frames]
        yield _group(NO_SOURCE, list(zip(cells, frames, rows, strict=True)), loaded, dataset)


def _side_by_side(
    picked: Sequence[int], found: Sequence[Sequence[tuple[Cell, pd.DataFrame, Rows]]], image: str, dataset: Dataset
) -> SheetGroup:
    """Images are compared at a glance: a row for each source, its variants beside it."""
    rows = [
        SheetRow(
            title="",
            id=dataset.ids[source],
            label=_label(dataset, dataset.labels[source]),
            cells=(
                picture(dataset.frame[image].iloc[source]),
                *(picture(frame[image].iloc[int(places[0])]) for _, frame, places in variants),
            ),
        )
        for source, variants in zip(picked, found, strict=True)
    ]
    return SheetGroup(columns=("source", *(f"severity {cell.severity}" for cell, _, _ in found[0])), rows=tuple(rows))


def _group(
    source: int,
    found: Sequence[tuple[Cell, pd.DataFrame, Rows]],
    loaded: LoadedSuite,
    dataset: Dataset,
) -> SheetGroup:
    cells_of = CELLS[modality(loaded.suite)]
    clean = dataset.frame.iloc[source] if source != NO_SOURCE else None
    variants = [(cell, int(i), frame.iloc[int(i)]) for cell, frame, rows in found for i in rows]
    columns = _columns(clean, [row for _, _, row in variants], loaded, dataset)
    rows = []
    if clean is not None:
        label = _label(dataset, dataset.labels[source])
        rows.append(SheetRow(title="source", id=dataset.ids[source], label=label, cells=cells_of(clean, None, columns)))
    for cell, i, row in variants:
        truth = dataset.labels[cell.sources[i]] if cell.labels is None else cell.labels[i]
        rows.append(
            SheetRow(
                title=f"severity {cell.severity}" if cell.severity else "case",
                id="" if cell.ids is None else cell.ids[i],
                label=_label(dataset, truth),
                cells=cells_of(row, clean, columns),
                remark="" if cell.remarks is None else cell.remarks[i],
            )
        )
    return SheetGroup(columns=tuple(columns), rows=tuple(rows))


def _columns(clean: pd.Series | None, rows: Sequence[pd.Series], loaded: LoadedSuite, dataset: Dataset) -> list[str]:
    """The columns in which a variant differs from its source; all of them where there is nothing to compare with."""
    data = loaded.suite.data
    apart = {data.label, data.id, data.cluster}
    if data.image is not None:  # what is derived from a picture says little beside it
        apart |= {column.name for column in data.columns}
    shown = [str(name) for name in dataset.frame.columns if name not in apart]
    if clean is None:
        return shown
    known = {data.text, data.image}
    differ = [name for name in shown if name in known or any(whole(row[name]) != whole(clean[name]) for row in rows)]
    return differ or shown


def _label(dataset: Dataset, truth: "np.generic | float") -> str:
    return dataset.classes[int(truth)] if dataset.classes else f"{float(truth):.6g}"

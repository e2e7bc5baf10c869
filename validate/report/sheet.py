"""A sheet of edge cases: sources beside their variants, so that people can judge whether a set is fair."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from validate.data import Dataset
from validate.edge_cases.sets import NO_SOURCE, Cell, EdgeCases, Rows
from validate.edge_kinds.catalogue import fitting, modality
from validate.edge_kinds.kind import Modality
from validate.images import to_png
from validate.report.page import layout
from validate.suite import LoadedSuite
from validate.suite_edge_cases import GeneratedCases, set_name
from validate.tables import as_text

SHOWN = 4  # sources of each set
LONGEST = 300  # characters of a cell


@dataclass(frozen=True, kw_only=True)
class SheetCell:
    """One value of an example."""

    text: str
    changed: bool = False  # it is not the source's
    image: str = ""  # a data: URI in place of the text


@dataclass(frozen=True, kw_only=True)
class SheetRow:
    """A source, or a variant of it."""

    title: str  # "source", "severity 3"
    id: str
    label: str
    cells: tuple[SheetCell, ...]
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class SheetGroup:
    """A source with its variants."""

    columns: tuple[str, ...]
    rows: tuple[SheetRow, ...]


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


# (one row of the data, the row it is compared with or None, the columns to show) -> a cell for each column
Cells = Callable[[pd.Series, pd.Series | None, Sequence[str]], tuple[SheetCell, ...]]


def plain_cells(row: pd.Series, source: pd.Series | None, columns: Sequence[str]) -> tuple[SheetCell, ...]:
    """Values as text, those that are not the source's marked."""
    found = []
    for name in columns:
        text = _text(row[name])
        found.append(SheetCell(text=text, changed=source is not None and text != _text(source[name])))
    return tuple(found)


def image_cells(row: pd.Series, source: pd.Series | None, columns: Sequence[str]) -> tuple[SheetCell, ...]:
    """Images drawn, other values as text."""
    found = []
    for name, plain in zip(columns, plain_cells(row, source, columns), strict=True):
        value, cell = row[name], plain
        if isinstance(value, np.ndarray):
            uri = f"data:image/png;base64,{b64encode(to_png(value)).decode()}"
            cell = SheetCell(text=f"image, {value.shape[1]} × {value.shape[0]}", image=uri)
        found.append(cell)
    return tuple(found)


# How each modality shows its values.
CELLS: Mapping[Modality, Cells] = {"tabular": plain_cells, "text": plain_cells, "image": image_cells}


def edge_sheet(loaded: LoadedSuite, dataset: Dataset, edge: EdgeCases) -> str:
    """One HTML page that needs no network and runs nothing."""
    names = [set_name(cell.spec) for cell in edge.cells]
    sets = []
    for name in dict.fromkeys(names):
        cells = [cell for cell, own in zip(edge.cells, names, strict=True) if own == name]
        sets.append(_set(name, cells, loaded, dataset))
    page = Sheet(title=loaded.suite.release.system or loaded.suite.suite, sets=tuple(sets))
    return layout("sheet.html.j2", page)


def _set(name: str, cells: Sequence[Cell], loaded: LoadedSuite, dataset: Dataset) -> SheetSet:
    spec = cells[0].spec
    about = fitting(loaded.suite)[spec.kind].about if isinstance(spec, GeneratedCases) else cells[0].about
    sources = {int(row) for cell in cells for row in cell.sources if row != NO_SOURCE}
    stated = [f"{cell.severity}: {cell.about}" for cell in cells if cell.severity]
    return SheetSet(
        name=name,
        about=about,
        severities=tuple(stated),
        facts=f"{sum(len(cell.sources) for cell in cells):,} variants of {len(sources):,} sources"
        f"{', guarded' if spec.guard else ', screened'}",
        groups=tuple(_groups(cells, loaded, dataset)),
    )


def _groups(cells: Sequence[Cell], loaded: LoadedSuite, dataset: Dataset) -> Iterator[SheetGroup]:
    """The first sources of a set with their variants; of a set that chooses examples, a few of each severity."""
    frames = [cell.make() for cell in cells]
    first = cells[0]
    paired = first.paired and (first.sources != NO_SOURCE).any()
    picked = [row for row in dict.fromkeys(first.sources.tolist()) if row != NO_SOURCE][:SHOWN] if paired else []
    for source in picked:
        found = [
            (cell, frame, np.flatnonzero(cell.sources == source)[:1]) for cell, frame in zip(cells, frames, strict=True)
        ]
        yield _group(source, found, loaded, dataset)
    if not picked:
        rows = [np.arange(min(SHOWN, len(frame))) for frame in frames]
        found = list(zip(cells, frames, rows, strict=True))
        yield _group(NO_SOURCE, found, loaded, dataset)


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
    shown = [str(name) for name in dataset.frame.columns if name not in apart]
    if clean is None:
        return shown
    known = {data.text, data.image}
    differ = [name for name in shown if name in known or any(_text(row[name]) != _text(clean[name]) for row in rows)]
    return differ or shown


def _text(value: object) -> str:
    (text,) = as_text(pd.Series([value]))
    if text is None:
        return "(missing)"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _label(dataset: Dataset, truth: "np.generic | float") -> str:
    return dataset.classes[int(truth)] if dataset.classes else f"{float(truth):.6g}"

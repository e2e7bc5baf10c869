"""What the sheet of edge cases is made of, and how it shows a value: as text with what changed marked, or drawn."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate.edge_kinds.kind import Modality
from validate.images import Image, to_png
from validate.tables import as_text

LONGEST = 300  # characters of a cell
COMPARED = 2000  # characters of a text that are looked at for what changed
WINDOW = LONGEST  # words and gaps compared from the first change on: no cell holds more
CONTEXT = 60  # characters before the first change that are shown


@dataclass(frozen=True, kw_only=True)
class SheetCell:
    """One value of an example."""

    text: str
    changed: bool = False  # it is not the source's
    parts: tuple[tuple[str, str], ...] = ()  # of a changed text: "ins", "del" or "" for what is the source's, and what
    image: str = ""  # a data: URI in place of the text
    caption: str = ""  # under an image


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


# (one row of the data, the row it is compared with or None, the columns to show) -> a cell for each column
Cells = Callable[[pd.Series, pd.Series | None, Sequence[str]], tuple[SheetCell, ...]]


def plain_cells(row: pd.Series, source: pd.Series | None, columns: Sequence[str]) -> tuple[SheetCell, ...]:
    """Values as text, those that are not the source's marked."""
    found = []
    for name in columns:
        changed = source is not None and whole(row[name]) != whole(source[name])
        found.append(SheetCell(text=shown(row[name]), changed=changed))
    return tuple(found)


def text_cells(row: pd.Series, source: pd.Series | None, columns: Sequence[str]) -> tuple[SheetCell, ...]:
    """The same, with what changed inside a text marked word by word."""
    cells = plain_cells(row, source, columns)
    return tuple(
        SheetCell(text=cell.text, changed=True, parts=changes(whole(source[name]), whole(row[name])))
        if source is not None and cell.changed and isinstance(row[name], str) and isinstance(source[name], str)
        else cell
        for name, cell in zip(columns, cells, strict=True)
    )


def image_cells(row: pd.Series, source: pd.Series | None, columns: Sequence[str]) -> tuple[SheetCell, ...]:
    """Images drawn, other values as text."""
    cells = plain_cells(row, source, columns)
    return tuple(
        picture(row[name]) if isinstance(row[name], np.ndarray) else cell
        for name, cell in zip(columns, cells, strict=True)
    )


# How each modality shows its values.
CELLS: Mapping[Modality, Cells] = {"tabular": plain_cells, "text": text_cells, "image": image_cells}


def picture(image: Image, caption: str = "") -> SheetCell:
    """An image, drawn."""
    uri = f"data:image/png;base64,{b64encode(to_png(image)).decode()}"
    return SheetCell(text=f"image, {image.shape[1]} × {image.shape[0]}", image=uri, caption=caption)


def whole(value: object) -> str:
    """A value as text, numbers to six digits."""
    if isinstance(value, float | np.floating) and not np.isnan(value) and value != np.trunc(value):
        return f"{float(value):.6g}"
    (text,) = as_text(pd.Series([value]))
    return "(missing)" if text is None else text or "(empty)"


def shown(value: object) -> str:
    """The same, no longer than a cell."""
    text = whole(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def changes(before: str, after: str) -> tuple[tuple[str, str], ...]:
    """A text's words with those that came ("ins") and went ("del"), from shortly before the first of them."""
    one, two = (re.findall(r"\s+|\S+", text[:COMPARED]) for text in (before, after))
    alike = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    same = 0 if one == two else alike
    found = list(_steps(one[same : same + WINDOW], two[same : same + WINDOW]))
    lead = "".join(one[:same])
    cut = f"… {lead[-CONTEXT:]}" if len(lead) > CONTEXT + LONGEST // 3 else lead
    parts, room = [], LONGEST
    for how, text in [*([("", cut)] if cut else []), *found]:
        if room <= 0:
            break
        parts.append((how, text if len(text) <= room else f"{text[:room]}…"))
        room -= len(text)
    return tuple(parts)


def _steps(one: Sequence[str], two: Sequence[str]) -> Iterator[tuple[str, str]]:
    for how, a, b, c, d in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if how == "equal":
            yield "", "".join(two[c:d])
            continue
        if how != "insert" and not two[c:d]:  # what was replaced is in the source's row above
            yield "del", "".join(one[a:b])
        if two[c:d]:
            yield "ins", "".join(two[c:d])


def pixels(values: NDArray[np.float64], low: float, high: float) -> Image | None:
    """What a model sees as an image, `low` black and `high` white; None where it is none by its shape."""
    grid = values
    if grid.ndim == 3 and grid.shape[0] in {1, 3}:
        grid = np.moveaxis(grid, 0, -1)
    if grid.ndim == 3 and grid.shape[2] == 1:
        grid = grid[:, :, 0]
    if grid.ndim not in {2, 3} or (grid.ndim == 3 and grid.shape[2] != 3) or min(grid.shape[:2]) < 4:
        return None
    levels = (grid - low) / ((high - low) or 1.0)
    return np.ascontiguousarray(np.rint(np.clip(levels, 0, 1) * 255).astype(np.uint8))


def largest(clean: NDArray[np.float64], changed: NDArray[np.float64], most: int = 5) -> str:
    """The numbers that moved farthest, where they are no image: their places, from 1."""
    one, two = clean.ravel(), changed.ravel()
    places = np.argsort(-np.abs(two - one), kind="stable")[:most]
    told = (f"number {place + 1}: {one[place]:.4g} → {two[place]:.4g}" for place in sorted(places.tolist()))
    return "; ".join(chain(told, ["…"] if one.size > most else []))

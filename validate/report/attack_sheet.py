"""Attacks on the sheet: what the dense model sees before and after, and the difference, enlarged."""

from collections.abc import Sequence

import numpy as np

from validate.data import Dataset
from validate.edge_cases.attacked import AttackedExample
from validate.report.sheet_cells import SheetCell, SheetGroup, SheetRow, largest, picture, pixels


def attack_group(found: Sequence[AttackedExample], bounds: tuple[float, float] | None, dataset: Dataset) -> SheetGroup:
    """A row for each source: as it is, and for each epsilon what was made of it and the difference."""
    columns = ["source"]
    for epsilon in dict.fromkeys(one.epsilon for one in found):
        columns += [f"epsilon {epsilon:g}", f"difference {_times(found, epsilon, bounds)}"]
    rows = []
    for source in dict.fromkeys(one.source for one in found):
        own = [one for one in found if one.source == source]
        cells = [_seen(own[0].clean, own[0].before, own, bounds)]
        for one in own:
            cells += [_seen(one.changed, one.after, own, bounds), _difference(one, found)]
        label = dataset.classes[int(dataset.labels[source])]
        rows.append(SheetRow(title="", id=dataset.ids[source], label=label, cells=tuple(cells)))
    return SheetGroup(columns=tuple(columns), rows=tuple(rows))


def _range(own: Sequence[AttackedExample], bounds: tuple[float, float] | None) -> tuple[float, float]:
    if bounds is not None:
        return bounds
    values = [array for one in own for array in (one.clean, one.changed)]
    return min(float(it.min()) for it in values), max(float(it.max()) for it in values)


def _farthest(found: Sequence[AttackedExample], epsilon: float) -> float:
    """How far a number moved at most."""
    return max(float(np.abs(one.changed - one.clean).max()) for one in found if one.epsilon == epsilon) or 1.0


def _times(found: Sequence[AttackedExample], epsilon: float, bounds: tuple[float, float] | None) -> str:
    low, high = _range(found, bounds)
    return f"× {(high - low) / 2 / _farthest(found, epsilon):.3g}"


def _seen(
    values: np.ndarray, answer: str, own: Sequence[AttackedExample], bounds: tuple[float, float] | None
) -> SheetCell:
    drawn = pixels(values, *_range(own, bounds))
    answered = f"dense: {answer}"
    return SheetCell(text=answered) if drawn is None else picture(drawn, answered)


def _difference(one: AttackedExample, found: Sequence[AttackedExample]) -> SheetCell:
    far = _farthest(found, one.epsilon)
    drawn = pixels(one.changed - one.clean, -far, far)
    return SheetCell(text=largest(one.clean, one.changed)) if drawn is None else picture(drawn)

"""Whom the calibration set of a quantized model knows: slices that are absent from it, or rare, told as notes."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate.checks import Note
from validate.data import Dataset, derive, derived_hooks
from validate.errors import DataError, ModelError, ParitygateError
from validate.predicates import evaluate, parse
from validate.slices import Kind, Membership, Slice, members
from validate.suite import LoadedSuite
from validate.tables import as_text, read_table
from validate.wording import listing, plural

KIND = "calibration set"
FEWEST = 10  # examples below which a slice is rare in a calibration set
NAMED = 9  # slices that one note names

_KINDS = frozenset({Kind.CLASS, Kind.CATEGORY, Kind.WHERE})


def calibration_notes(name: str, loaded: LoadedSuite, dataset: Dataset, membership: Membership) -> tuple[Note, ...]:
    """What a compressed model's calibration set lacks; nothing where the suite names none.

    Raises:
        ModelError: a calibration set that cannot be read, or tells nothing about any slice.
    """
    file = loaded.suite.models.compressed[name].calibration
    if file is None:
        return ()
    place = f"models.compressed.{name}.calibration"
    try:
        frame = derive(read_table(loaded.file(file), file), loaded, derived_hooks(loaded), absent_is_fine=True)
    except DataError as error:
        raise ModelError(place, str(error)) from error
    known = [i for i, entry in enumerate(membership.slices) if entry.kind in _KINDS]
    told = [i for i in known if set(membership.slices[i].columns) <= set(frame.columns)]
    if told:
        found = tuple(_notes(len(frame), [(membership.slices[i], _count(membership.slices[i], frame)) for i in told]))
        silent = len(known) - len(told)
        if not silent or (loaded.suite.data.id or "id") not in frame.columns:
            return found
        text = f"told by its columns, and not by its ids; they say nothing of {plural(silent, 'other slice')}"
        return (*found, Note(kind=KIND, slice=None, text=text))
    rows = _rows(frame, loaded, dataset, place)
    counted = [(membership.slices[i], int(members(membership, i)[rows].sum())) for i in known]
    text = f"its {plural(len(rows), 'example')} are of this test set: the model may look better here than it is"
    return (Note(kind=KIND, slice=None, text=text), *_notes(len(rows), counted))


def _count(entry: Slice, frame: pd.DataFrame) -> int | None:
    """How many examples of the set are in the slice; None where its columns hold something else there."""
    try:
        return int(evaluate(parse(entry.where, entry.name), frame).sum())
    except ParitygateError:
        return None


def _rows(frame: pd.DataFrame, loaded: LoadedSuite, dataset: Dataset, place: str) -> NDArray[np.intp]:
    """The data's rows that the set names by their ids."""
    column = loaded.suite.data.id or "id"
    if column not in frame.columns:
        rule = f"must have the columns of at least one slice, or the data's ids in a column {column!r}"
        raise ModelError(place, rule, list(frame.columns)[:NAMED])
    rows = pd.Index(dataset.ids, dtype=object).get_indexer(pd.Index(as_text(frame[column]), dtype=object))
    if (rows < 0).any():
        unknown = as_text(frame[column])[rows < 0]
        raise ModelError(place, "ids must be those of the data", f"{len(unknown):,} others, such as {unknown[0]}")
    return rows


def _notes(n: int, counted: Sequence[tuple[Slice, int | None]]) -> Iterator[Note]:
    """The guarded slices one by one, all others in one note; and which the set says nothing about."""
    few = [(entry, count) for entry, count in counted if count is not None and count < FEWEST]
    for entry, count in few:
        if entry.guard:
            what = "absent from" if not count else f"rare in, with {plural(count, 'example')},"
            yield Note(kind=KIND, slice=entry.name, text=f"{what} the {plural(n, 'example')} of calibration")
    for word, found in (
        ("absent", [entry.name for entry, count in few if not count and not entry.guard]),
        (f"fewer than {FEWEST}", [entry.name for entry, count in few if count and not entry.guard]),
    ):
        if found:
            text = f"{word} among the {plural(n, 'example')} of calibration: {listing(found, NAMED)}"
            yield Note(kind=KIND, slice=None, text=text)
    told = sum(count is not None for _, count in counted)
    if not told:
        yield Note(
            kind=KIND, slice=None, text=f"the {plural(n, 'example')} of calibration tell nothing about any slice"
        )
    elif not few:
        text = f"each of {plural(told, 'slice')} has at least {FEWEST} of the {plural(n, 'example')}"
        yield Note(kind=KIND, slice=None, text=text)

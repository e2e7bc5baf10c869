"""rows.parquet: what each example's answers and slices were, from which a judgement can be made again."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate.attributes import Attribute, compact
from validate.counts import outcomes
from validate.errors import OutputError, one_line
from validate.predictions import ModelIdentity, PairedPredictions, Predictions, answers, given, right
from validate.slices import Membership, Slice, members
from validate.suite_words import Outputs

# 1: first format.
ROWS_VERSION = 1
KEY = "paritygate"  # of the table's metadata
_MODELS: tuple[Literal["dense", "compressed"], ...] = ("dense", "compressed")


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """What a table of rows holds: enough to judge again, if the gate needs no more than it says."""

    paired: PairedPredictions
    membership: Membership
    scores: bool  # all that the models gave, not their answers alone
    beyond: Mapping[str, bool]  # slices that the table knows and the record does not: whether it is an intersection


def row_table(paired: PairedPredictions, membership: Membership, *, scores: bool = False) -> pd.DataFrame:
    """One row per example: id, cluster, truth, both answers, outcome, and the slice codes; no inputs.

    The codes are the categories that the suite slices by: they can be sensitive. With `scores` also each model's score
    for each class. Tables of parts of the data, made with the same slices, go below each other; their `attrs`, which
    say how each slice is found, are the same.
    """
    table: dict[str, object] = {"id": paired.ids}
    if paired.clusters is not None:
        table["cluster"] = paired.clusters
    table |= {"truth": paired.labels, "dense": answers(paired.dense), "compressed": answers(paired.compressed)}
    if paired.classes:
        table["outcome"] = outcomes(right(paired, "dense"), right(paired, "compressed"))
    outputs = outputs_of(paired) if scores else {}
    table |= score_columns(paired) if scores else {}
    columns = _unique([f"slice.{attribute.name}" for attribute in membership.attributes])
    levels = {name: _unique(it.levels) for name, it in zip(columns, membership.attributes, strict=True)}
    for column, attribute in zip(columns, membership.attributes, strict=True):
        codes = attribute.codes.astype("int32")
        codes[codes == len(attribute.levels)] = -1
        table[column] = pd.Categorical.from_codes(codes, categories=pd.Index(levels[column], dtype=object))
    found: dict[str, object] = {}  # in the order of the membership: ties and random draws follow it
    for i, (entry, where) in enumerate(zip(membership.slices, membership.where, strict=True)):
        if isinstance(where, int):
            found[entry.name] = f"in.{entry.name}"
            table[f"in.{entry.name}"] = members(membership, i)
        else:
            found[entry.name] = [(columns[attribute], level) for attribute, level in where]
    made = pd.DataFrame(table)
    made.attrs[KEY] = {"version": ROWS_VERSION, "outputs": outputs, "levels": levels, "slices": found}
    return made


def outputs_of(paired: PairedPredictions) -> dict[str, str]:
    """What each model's scores are, for a table that holds them."""
    return {model: getattr(paired, model).outputs for model in _MODELS}


def score_columns(paired: PairedPredictions) -> dict[str, NDArray[np.float64]]:
    """Each model's score for each class, by the name of its column."""
    given = [(model, getattr(paired, model).scores) for model in _MODELS]
    return {f"{model}.score.{k}": column for model, scores in given for k, column in enumerate(scores.T)}


def read_rows(
    path: Path, classes: Sequence[str], slices: Sequence[Slice], models: tuple[ModelIdentity, ModelIdentity]
) -> Rows:
    """Both models' answers and the membership in these slices, as `row_table` wrote them.

    Raises:
        OutputError: a table that is damaged, of another version, or does not say who is in one of the slices.
    """
    with fitting(path, ROWS_VERSION) as (table, meta):
        paired = paired_of(table, tuple(classes), meta["outputs"], models)
        membership = _membership(table, meta, slices)
        known = {entry.name for entry in membership.slices}
        found = {name: place for name, place in meta["slices"].items() if name not in known}
        beyond = {name: not isinstance(place, str) and len(place) > 1 for name, place in found.items()}
        return Rows(paired=paired, membership=membership, scores=bool(meta["outputs"]), beyond=beyond)


@contextmanager
def fitting(path: Path, version: int) -> Iterator[tuple[pd.DataFrame, Mapping[str, Any]]]:
    """A table of this version and what it says of itself; whatever does not fit within the block is told of the file.

    Raises:
        OutputError: the table is damaged, of another version, or does not say what the block needs.
    """
    table = _table(path, version)
    try:
        yield table, table.attrs[KEY]
    except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        rule = f"does not fit the record: {one_line(f'{type(error).__name__}: {error}')}"
        raise OutputError(str(path), rule) from error


def _unique(texts: Sequence[str]) -> list[str]:
    """The texts, with a number behind one that was there before."""
    taken: dict[str, None] = {}
    for text in texts:
        numbered = itertools.chain([text], (f"{text} ({number})" for number in itertools.count(2)))
        taken[next(candidate for candidate in numbered if candidate not in taken)] = None
    return list(taken)


def _table(path: Path, known: int) -> pd.DataFrame:
    import pyarrow

    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise OutputError(str(path), f"cannot be read: {one_line(error)}") from error
    meta = table.attrs.get(KEY)
    version = meta.get("version") if isinstance(meta, dict) else None
    if version != known:
        raise OutputError(str(path), f"has version {version}; this paritygate reads version {known}")
    return table


def paired_of(
    table: pd.DataFrame,
    classes: tuple[str, ...],
    outputs: Mapping[str, Outputs],
    models: tuple[ModelIdentity, ModelIdentity],
) -> PairedPredictions:
    """Both models' answers in a table; ValueError where its columns contradict each other."""
    dense, compressed = (
        _predictions(table, which, outputs.get(which, "labels" if classes else "value"), identity)
        for which, identity in zip(_MODELS, models, strict=True)
    )
    if len(set(dense.ids)) < len(dense.ids):
        raise ValueError("ids repeat")
    paired = PairedPredictions(
        ids=dense.ids,
        labels=table["truth"].to_numpy(dtype=np.int64 if classes else np.float64),
        classes=classes,
        clusters=table["cluster"].to_numpy(dtype=np.int64) if "cluster" in table else None,
        dense=dense,
        compressed=compressed,
        missing=int((~given(compressed)).sum()),
    )
    for which in _MODELS:
        if not np.array_equal(table[which], answers(getattr(paired, which)), equal_nan=not classes):
            raise ValueError(f"the answers of the {which} model are not what its scores say")
    if classes and not np.array_equal(table["outcome"], outcomes(right(paired, "dense"), right(paired, "compressed"))):
        raise ValueError("the column 'outcome' is not what truth and answers say")
    return paired


def _predictions(table: pd.DataFrame, which: str, outputs: Outputs, model: ModelIdentity) -> Predictions:
    names = [name for name in table.columns if name.startswith(f"{which}.score.")] or [which]
    scores = table[names].to_numpy(dtype=np.float64, copy=True)
    if names == [which] and outputs == "labels":
        scores[scores < 0] = np.nan
    return Predictions(ids=table["id"].to_numpy(dtype=object), scores=scores, outputs=outputs, model=model)


def _membership(table: pd.DataFrame, meta: Mapping[str, Any], wanted: Sequence[Slice]) -> Membership:
    """The slices that the record has, in the order of the table."""
    found: Mapping[str, Any] = meta["slices"]
    known = {entry.name: entry for entry in wanted}
    if unknown := known.keys() - found.keys():
        raise ValueError(f"nothing says who is in {min(unknown)!r}")
    columns = list(meta["levels"])
    masks: list[NDArray[np.uint8]] = []
    where: list[tuple[tuple[int, int], ...] | int] = []
    for name in (kept := [name for name in found if name in known]):
        place = found[name]
        if isinstance(place, str):
            where.append(len(masks))
            masks.append(np.packbits(table[place].to_numpy(dtype=np.bool_)))
        else:
            where.append(tuple((columns.index(column), int(level)) for column, level in place))
    return Membership(
        n=len(table),
        slices=tuple(known[name] for name in kept),
        attributes=tuple(_attribute(table[column], levels) for column, levels in meta["levels"].items()),
        masks=tuple(masks),
        where=tuple(where),
    )


def _attribute(column: pd.Series, levels: Sequence[str]) -> Attribute:
    """A column of slice codes, from its texts."""
    codes = pd.Categorical(column.astype(object), categories=list(levels)).codes.astype(np.int64)
    codes[codes < 0] = len(levels)
    name = str(column.name).removeprefix("slice.")
    return Attribute(name=name, codes=compact(codes, len(levels)), levels=tuple(levels), where=("",) * len(levels))

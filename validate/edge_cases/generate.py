"""Variants of the suite's own examples: sources drawn by the seed, rows made when they are read."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import TypeAdapter

from validate.columns import kind_of
from validate.data import Dataset, derive
from validate.edge_cases.sets import Cell, Rows
from validate.edge_kinds.catalogue import fitting
from validate.edge_kinds.image import is_large
from validate.edge_kinds.kind import Kind, Request
from validate.errors import DataError, SuiteError, did_you_mean
from validate.hooks import hook_files, load_hook, user_code
from validate.images import read_images
from validate.predicates import evaluate, parse
from validate.suite import LoadedSuite, NamedSlice
from validate.suite_edge_cases import SAMPLED, DrawnCases, GeneratedCases, PythonCases, VariantCases, set_name
from validate.tables import as_text

SOURCE = "source"  # column in which a function of the suite's own may say which source a row came from

Change = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


def generated_cells(loaded: LoadedSuite, dataset: Dataset) -> Iterator[Cell]:
    """The cells of all sets that are made from the suite's own examples.

    Raises:
        SuiteError: a column that is not there, or that the kind cannot change; a hook that cannot be loaded.
        DataError: a predicate that matches no example; when rows are read, a hook that fails or returns other rows.
    """
    for i, spec in enumerate(loaded.suite.edge_cases):
        if isinstance(spec, GeneratedCases):
            yield from _by_kind(spec, i, loaded, dataset)
        elif isinstance(spec, PythonCases):
            yield from _by_hook(spec, i, loaded, dataset)


def stream(seed: int, *about: object) -> np.random.Generator:
    """Random numbers of their own for each set and severity, whatever else is drawn and in whichever order."""
    digest = sha256("\0".join(map(str, about)).encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, dtype="<u4").tolist()])


def plain(dataset: Dataset, loaded: LoadedSuite, rows: Rows) -> pd.DataFrame:
    """Some examples as they came, without derived columns: a frame of one's own."""
    derived = [column.name for column in loaded.suite.data.columns]
    return dataset.frame.drop(columns=derived).iloc[rows].reset_index(drop=True)


def _by_kind(spec: GeneratedCases, i: int, loaded: LoadedSuite, dataset: Dataset) -> Iterator[Cell]:
    name, kind = set_name(spec), fitting(loaded.suite)[spec.kind]
    options: Any = TypeAdapter(kind.options).validate_python(dict(spec.options))
    request = Request(
        columns=_columns(spec, i, kind, loaded, dataset),
        options=options,
        named={entry.name: entry.where for entry in loaded.suite.slices if isinstance(entry, NamedSlice)},
        data=dataset.frame,
    )
    candidates, count = candidates_of(spec, i, loaded, dataset)
    digest = code_of(loaded)
    for severity in spec.severity:
        sources = candidates[:count]
        if kind.choose is not None:
            rng = stream(loaded.suite.seed, name, "choose", severity)
            sources = kind.choose(candidates, severity, rng, request, count)
        if not len(sources):
            raise DataError(f"edge_cases[{i}]", f"no example is left at severity {severity}", name)

        def change(frame: pd.DataFrame, rng: np.random.Generator, severity: int = severity) -> pd.DataFrame:
            return frame if kind.make is None else kind.make(frame, severity, rng, request)

        make = _maker(change, sources, stream_of=(name, severity), loaded=loaded, dataset=dataset)
        yield Cell(
            spec=spec,
            severity=severity,
            sources=sources,
            make=make,
            paired=kind.paired and spec.expect is None,
            labels=_expected(spec, dataset, len(sources)),
            digest=digest,
            about=_stated(kind, loaded, dataset)[severity - 1],
        )


def _stated(kind: Kind, loaded: LoadedSuite, dataset: Dataset) -> tuple[str, ...]:
    """What each severity means for these data."""
    image = loaded.suite.data.image
    large = image is not None and bool(kind.large) and is_large(dataset.frame[image].iloc[0])
    return kind.large if large else kind.severities


def _by_hook(spec: PythonCases, i: int, loaded: LoadedSuite, dataset: Dataset) -> Iterator[Cell]:
    hook = load_hook(loaded.folder, spec.python, f"{loaded.path.name}: edge_cases[{i}].python")
    digest = code_of(loaded, spec.python)
    candidates, count = candidates_of(spec, i, loaded, dataset)
    sources = candidates[:count]
    for severity in spec.severity:

        def change(frame: pd.DataFrame, rng: np.random.Generator, severity: int = severity) -> pd.DataFrame:
            place = f"edge cases {spec.name!r}, severity {severity}"
            with user_code(DataError, place, loaded.folder):
                made = hook(frame.copy(), severity, rng)
            made = _fitted(made, frame, dataset.ids[sources], f"{place}: {spec.python}")
            image = loaded.suite.data.image
            if image is not None:
                made[image] = read_images(made[image], loaded.folder, place, like=frame[image].iloc[0])
            return made

        make = _maker(change, sources, stream_of=(spec.name, severity), loaded=loaded, dataset=dataset)
        yield Cell(
            spec=spec,
            severity=severity,
            sources=sources,
            make=make,
            paired=spec.expect is None,
            labels=_expected(spec, dataset, len(sources)),
            digest=digest,
            about=spec.python,
        )


def _expected(spec: VariantCases, dataset: Dataset, n: int) -> NDArray[np.int64] | None:
    """(n,) the class that the suite says is right; None where it is the sources' own."""
    return None if spec.expect is None else np.full(n, dataset.classes.index(spec.expect), dtype=np.int64)


def _maker(
    change: Change, sources: Rows, *, stream_of: tuple[str, int], loaded: LoadedSuite, dataset: Dataset
) -> Callable[[], pd.DataFrame]:
    """The rows of a cell with derived columns anew; each call starts the same random numbers again."""

    def make() -> pd.DataFrame:
        frame = change(plain(dataset, loaded, sources), stream(loaded.suite.seed, *stream_of))
        return derive(frame, loaded)

    return make


def code_of(loaded: LoadedSuite, *hooks: str) -> str:
    """The seed, and all code of the suite's own that takes part."""
    specs = [*(column.python for column in loaded.suite.data.columns), *hooks]
    return repr((loaded.suite.seed, hook_files(loaded.folder, specs)))


def candidates_of(spec: DrawnCases, i: int, loaded: LoadedSuite, dataset: Dataset) -> tuple[Rows, int]:
    """The rows that may be sources, in the order in which they are drawn, and how many are.

    Sets that draw from the same examples draw the same ones first, so that they can be compared.
    """
    rows = np.arange(len(dataset))
    if spec.where is not None:
        rows = np.flatnonzero(evaluate(parse(spec.where, f"edge_cases[{i}].where"), dataset.frame))
        if not len(rows):
            raise DataError(f"edge_cases[{i}].where", "matches no row", spec.where)
    count = spec.examples or SAMPLED
    if spec.share is not None:
        count = max(1, round(spec.share * len(dataset)))
    return stream(loaded.suite.seed, "sources", spec.where).permutation(rows), min(count, len(rows))


def _columns(spec: GeneratedCases, i: int, kind: Kind, loaded: LoadedSuite, dataset: Dataset) -> tuple[str, ...]:
    """The columns that are changed: those named, or all that the kind can change."""
    if kind.columns is None:
        return ()
    data = loaded.suite.data
    apart = {data.label, data.id, data.cluster, *(column.name for column in data.columns)}
    kinds = {str(name): kind_of(column) for name, column in dataset.frame.items() if name not in apart}
    for column in spec.columns:
        if column not in kinds:
            raise SuiteError(f"edge_cases[{i}].columns", f"no such column{did_you_mean(column, kinds)}", column)
        if kinds[column] not in kind.columns:
            rule = (
                f"{spec.kind} changes columns of {' or '.join(sorted(kind.columns))}, and {column!r} is {kinds[column]}"
            )
            raise SuiteError(f"edge_cases[{i}].columns", rule, column)
    read = tuple(name for name in (data.text, data.image) if name is not None)  # what the models read of such data
    found = spec.columns or read or tuple(name for name, found in kinds.items() if found in kind.columns)
    if not found:
        raise SuiteError(
            f"edge_cases[{i}].kind", f"there is no column of {' or '.join(sorted(kind.columns))}", spec.kind
        )
    return found


def _fitted(made: Any, given: pd.DataFrame, ids: Any, place: str) -> pd.DataFrame:  # noqa: ANN401  # a hook's value
    """What a hook returned, checked, in the order of the sources."""
    if not isinstance(made, pd.DataFrame):
        raise DataError(place, "must return a DataFrame", type(made).__name__)
    if len(made) != len(given):
        raise DataError(place, f"must return as many rows as it was given, {len(given):,}", f"{len(made):,} rows")
    missing = [name for name in given.columns if name not in made.columns]
    if missing:
        raise DataError(place, "must return all columns that it was given", f"{', '.join(map(repr, missing))} missing")
    if SOURCE in made.columns and SOURCE not in given.columns:
        order = pd.Index(as_text(made[SOURCE]), dtype=object)
        if not order.is_unique or not order.isin(ids).all():
            wrong = order[order.duplicated() | ~order.isin(ids)][0]
            raise DataError(place, f"column {SOURCE!r} must name each source once", wrong)
        made = made.iloc[order.get_indexer(ids)]
    elif not made.index.equals(given.index):
        raise DataError(place, f"must keep the order of the rows, or say it in a column {SOURCE!r}", "another index")
    kept: pd.DataFrame = made[list(given.columns)]
    return kept.reset_index(drop=True)

"""Cases that people collected: a table with the right labels, why each matters, and where it comes from."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate.columns import kind_of
from validate.data import Dataset, derive
from validate.edge_cases.sets import ANY_SEVERITY, NO_SOURCE, Cell, Rows
from validate.edge_kinds.kind import SEVERITIES
from validate.errors import DataError, did_you_mean
from validate.images import FILE, IMAGE, LABEL, SUFFIXES, image_files, read_images
from validate.suite import LoadedSuite
from validate.suite_edge_cases import CuratedCases, set_name
from validate.tables import as_text, class_codes, content_sha256, file_sha256, has_parts, read_table

WHY, FROM, SOURCE, SEVERITY, CRITICAL, ID = "why", "from", "source", "severity", "must_not_lose", "id"
_NOTES = frozenset({".md", ".txt"})  # that may lie among images
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}


def curated_cells(loaded: LoadedSuite, dataset: Dataset) -> Iterator[Cell]:
    """The cells of all curated sets: one per set, or one per severity where the table states it.

    Raises:
        DataError: a table that cannot be read or does not fit the data, with file, row and value.
    """
    for spec in loaded.suite.edge_cases:
        if isinstance(spec, CuratedCases):
            yield from _cells(_read(spec, loaded, dataset), spec, loaded, dataset)


class _Cases(NamedTuple):
    """A table of cases, checked; one entry per case."""

    inputs: pd.DataFrame  # the data's own columns, label and derived ones apart
    labels: NDArray[np.int64] | NDArray[np.float64]
    ids: NDArray[np.object_]
    sources: Rows
    severity: NDArray[np.int64]
    critical: NDArray[np.bool_]
    remarks: NDArray[np.object_]
    digest: str


def _cells(cases: _Cases, spec: CuratedCases, loaded: LoadedSuite, dataset: Dataset) -> Iterator[Cell]:
    truth = pd.Series([dataset.classes[code] for code in cases.labels] if dataset.classes else cases.labels)
    table = cases.inputs.assign(**{loaded.suite.data.label: truth})
    for severity in np.unique(cases.severity).tolist():
        rows = np.flatnonzero(cases.severity == severity)

        def make(rows: Rows = rows) -> pd.DataFrame:
            return derive(table.iloc[rows].reset_index(drop=True), loaded)

        yield Cell(
            spec=spec,
            severity=severity,
            sources=cases.sources[rows],
            make=make,
            labels=cases.labels[rows],
            ids=cases.ids[rows],
            critical=cases.critical[rows],
            remarks=cases.remarks[rows],
            digest=cases.digest,
            about=f"cases of {spec.curated}",
        )


def _read(spec: CuratedCases, loaded: LoadedSuite, dataset: Dataset) -> _Cases:
    data, place = loaded.suite.data, spec.curated
    path = loaded.file(spec.curated)
    own_id = data.id or ID
    table = read_table(path, place, text=tuple({own_id, SOURCE, *_text_columns(dataset, loaded)}))
    if path.is_dir() and not has_parts(path):
        table = _of_images(table, spec, loaded, dataset)
    if spec.why is not None:
        table = _with_reason(table, spec.why, place, own_id)
    _known_columns(table, place, loaded, dataset)
    if data.image in table:
        like = dataset.frame[data.image].iloc[0]
        base = path if path.is_dir() else path.parent
        table[data.image] = read_images(table[data.image], base, place, like=like, within=loaded.folder)
    sources = _sources(table, place, dataset)
    ids = as_text(table[own_id]) if own_id in table else np.array([str(i + 1) for i in range(len(table))], dtype=object)
    _once(ids, place, own_id)
    inputs = _inputs(table, place, loaded, dataset, sources)
    repeated = inputs.astype(object).map(_comparable).duplicated()
    if repeated.any():
        raise DataError(_row(place, repeated), "repeats an earlier case", ids[repeated][0])
    told = zip(_told(table, WHY, place), _told(table, FROM, place), strict=True)
    critical = _flags(table, place) | spec.must_not_lose
    if critical.any() and not dataset.classes:
        raise DataError(place, "must_not_lose counts right and wrong answers: needs a classification")
    return _Cases(
        inputs=inputs,
        labels=_labels(table, place, loaded, dataset),
        ids=np.array([f"{set_name(spec)}/{own}" for own in ids], dtype=object),
        sources=sources,
        severity=_severities(table, place),
        critical=critical,
        remarks=np.array([f"{why} ({origin})" for why, origin in told], dtype=object),
        digest=f"{file_sha256(path)} {content_sha256(inputs)}",  # a table may only name its images
    )


def _of_images(table: pd.DataFrame, spec: CuratedCases, loaded: LoadedSuite, dataset: Dataset) -> pd.DataFrame:
    """A folder of images as a table of cases: the sub-folder is the label, the path the id."""
    data, place, path = loaded.suite.data, spec.curated, loaded.file(spec.curated)
    if data.image is None:
        raise DataError(place, "is a folder of images, and [data] image names no column that holds them")
    known = set(image_files(path))
    for each in sorted(each for each in path.rglob("*") if each.is_file() and each not in known):
        inside = each.relative_to(path)
        if each.suffix.lower() not in _NOTES and not any(part[0] in "._" for part in inside.parts):
            rule = f"each file is an image in the sub-folder of its class ({', '.join(sorted(SUFFIXES))}), or a note"
            raise DataError(place, rule, inside.as_posix())
    if spec.why is None:
        raise DataError(place, 'a folder of images does not say why they matter: add why = "…" to the set')
    made = pd.DataFrame({data.id or ID: table[FILE], data.label: table[LABEL], data.image: table[IMAGE]})
    return made.assign(**{name: table[name] for name in (FILE,) if name in _columns(loaded, dataset)})


def _with_reason(table: pd.DataFrame, why: str, place: str, own_id: str) -> pd.DataFrame:
    """The table with the set's reason for every case that states none, and with where in the file each is."""
    if WHY in table:
        raise DataError(place, "has a column 'why', so that the set has no why of its own", why)
    where = as_text(table[own_id]) if own_id in table else [f"row {i + 1}" for i in range(len(table))]
    told = table.assign(**{WHY: why})
    return told if FROM in table else told.assign(**{FROM: [f"{place.rstrip('/')}: {one}" for one in where]})


def _comparable(value: object) -> object:
    """A value that can be told from others; images are told apart by their bytes."""
    return value.tobytes() if isinstance(value, np.ndarray) else value


def _columns(loaded: LoadedSuite, dataset: Dataset) -> list[str]:
    """The data's own columns that a model can see."""
    data = loaded.suite.data
    apart = {data.label, data.id, data.cluster, *(column.name for column in data.columns)}
    return [str(name) for name in dataset.frame.columns if name not in apart]


def _text_columns(dataset: Dataset, loaded: LoadedSuite) -> list[str]:
    return [name for name in _columns(loaded, dataset) if kind_of(dataset.frame[name]) == "text"]


def _known_columns(table: pd.DataFrame, place: str, loaded: LoadedSuite, dataset: Dataset) -> None:
    """Every column means something, and those that are needed are there."""
    data = loaded.suite.data
    own = [WHY, FROM, SOURCE, SEVERITY, CRITICAL, data.id or ID, data.label]
    known = [*own, *_columns(loaded, dataset), *((data.cluster,) if data.cluster else ())]
    for name in {WHY, FROM, SOURCE, SEVERITY, CRITICAL} & set(_columns(loaded, dataset)):
        raise DataError(place, "the data have a column of this name, which a table of cases needs for itself", name)
    for name in table.columns:
        if name not in known:
            raise DataError(place, f"unknown column{did_you_mean(name, known)}", name)
    for name in (data.label, WHY, FROM):
        if name not in table:
            raise DataError(place, f"there is no column {name!r}: each case has a label, a why and a from", list(table))


def _sources(table: pd.DataFrame, place: str, dataset: Dataset) -> Rows:
    """(n,) row of the example that each case came from; NO_SOURCE where the cell is empty."""
    if SOURCE not in table:
        return np.full(len(table), NO_SOURCE, dtype=np.intp)
    named = as_text(table[SOURCE])
    rows = pd.Index(dataset.ids, dtype=object).get_indexer(pd.Index(named, dtype=object))
    unknown = (rows < 0) & (named != None)  # noqa: E711  # element by element
    if unknown.any():
        raise DataError(_row(f"{place}: column {SOURCE!r}", unknown), "is no id of the data", named[unknown][0])
    return rows.astype(np.intp)


def _inputs(table: pd.DataFrame, place: str, loaded: LoadedSuite, dataset: Dataset, sources: Rows) -> pd.DataFrame:
    """The columns that models see, of the data's own types; those that the table leaves out are the source's."""
    made = {}
    for name in _columns(loaded, dataset):
        model = dataset.frame[name]
        if name not in table:
            if (sources == NO_SOURCE).any():
                orphan = _row(place, sources == NO_SOURCE)
                raise DataError(orphan, f"needs column {name!r}, which only a case with a source may leave out")
            made[name] = model.iloc[sources].reset_index(drop=True)
            continue
        column, kind = table[name], kind_of(model)
        if column.notna().any() and kind_of(column) != kind:
            wrong = column.notna()
            if kind == "number":
                wrong &= pd.to_numeric(column, errors="coerce").isna()
            where = _row(f"{place}: column {name!r}", wrong)
            raise DataError(where, f"must be {kind}, as in the data", column[wrong].iloc[0])
        made[name] = column
    for role in (loaded.suite.data.id, loaded.suite.data.cluster):
        if role is not None:
            made[role] = pd.Series([None] * len(table), dtype=object)
    return pd.DataFrame(made)


def _labels(
    table: pd.DataFrame, place: str, loaded: LoadedSuite, dataset: Dataset
) -> NDArray[np.int64] | NDArray[np.float64]:
    column = table[loaded.suite.data.label]
    where = f"{place}: column {loaded.suite.data.label!r}"
    if dataset.classes:
        codes = class_codes(column, dataset.classes)
        if (codes < 0).any():
            rule = f"must be among data.classes {list(dataset.classes)}"
            raise DataError(_row(where, codes < 0), rule, column[codes < 0].iloc[0])
        return codes
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    wrong = ~np.isfinite(values)
    if wrong.any():
        raise DataError(_row(where, wrong), "must be a finite number", column[wrong].iloc[0])
    return values


def _severities(table: pd.DataFrame, place: str) -> NDArray[np.int64]:
    if SEVERITY not in table:
        return np.full(len(table), ANY_SEVERITY)
    values = pd.to_numeric(table[SEVERITY], errors="coerce").to_numpy(dtype=np.float64)
    wrong = ~np.isin(values, np.arange(1, SEVERITIES + 1))
    if wrong.any():
        found = table[SEVERITY][wrong].iloc[0]
        raise DataError(_row(f"{place}: column {SEVERITY!r}", wrong), "must be a whole number from 1 to 5", found)
    return values.astype(np.int64)


def _flags(table: pd.DataFrame, place: str) -> NDArray[np.bool_]:
    if CRITICAL not in table:
        return np.zeros(len(table), dtype=np.bool_)
    words = [("" if word is None else word.lower()) for word in as_text(table[CRITICAL])]
    wrong = np.array([word not in _WORDS for word in words])
    if wrong.any():
        found = table[CRITICAL][wrong].iloc[0]
        raise DataError(_row(f"{place}: column {CRITICAL!r}", wrong), "must be true or false", found)
    return np.array([_WORDS[word] for word in words])


def _told(table: pd.DataFrame, name: str, place: str) -> list[str]:
    """What people say of each case: never nothing."""
    text = as_text(table[name])
    silent = np.array([value is None or not value.strip() for value in text])
    if silent.any():
        rule = "must not be empty: each case says why it matters and where it is from"
        raise DataError(_row(f"{place}: column {name!r}", silent), rule)
    return [str(value).strip() for value in text]


def _once(ids: NDArray[np.object_], place: str, name: str) -> None:
    missing = np.array([value is None for value in ids])
    repeated = pd.Index(ids, dtype=object).duplicated()
    if missing.any() or repeated.any():
        wrong = missing | repeated
        raise DataError(_row(f"{place}: column {name!r}", wrong), "each case needs an id of its own", ids[wrong][0])


def _row(place: str, wrong: "NDArray[np.bool_] | pd.Series[bool] | Sequence[bool]") -> str:
    """The first row that breaks a rule, counted from 1."""
    return f"{place}, row {int(np.flatnonzero(np.asarray(wrong))[0]) + 1}"

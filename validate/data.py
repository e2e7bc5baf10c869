"""The examples: read from files or a hook of the suite, hashed, with unique ids."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate.errors import DataError, SuiteError, did_you_mean
from validate.hooks import load_hook, user_code
from validate.images import read_images
from validate.suite import DerivedColumn, LoadedSuite
from validate.tables import as_text, class_codes, content_sha256, counted, file_sha256, read_table

DerivedHooks = tuple[tuple[DerivedColumn, Callable[..., Any]], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Examples in the order of the data; every array has one entry per example."""

    frame: pd.DataFrame  # all columns, derived ones included; default RangeIndex
    ids: NDArray[np.object_]  # (n,) unique, as str
    labels: NDArray[np.int64] | NDArray[np.float64]  # (n,) class codes (index into classes), or values for regression
    classes: tuple[str, ...]  # empty for regression
    clusters: NDArray[np.int64] | None  # (n,) codes of the sampled unit, None when every row is its own
    train: pd.DataFrame | None  # attributes of the training data, derived columns included
    sha256: str  # of the bytes of the data file or parts; of the frame's content for a python source
    source: str  # path as written in the suite, or the hook

    def __post_init__(self) -> None:
        arrays = [array for array in (self.ids, self.labels, self.clusters) if array is not None]
        if any(array.shape != (len(self.frame),) for array in arrays):
            raise ValueError("ids, labels and clusters must have one entry per row of the frame")
        for array in arrays:
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all that inputs can be made from: the frame's names, number formats and values."""
        return f"{content_sha256(self.frame)} {' '.join(str(kind) for kind in self.frame.dtypes)}"

    def rows(self, start: int, stop: int) -> pd.DataFrame:
        """Consecutive examples with all their columns, as the suite's `inputs` gets them."""
        return self.frame.iloc[start:stop].reset_index(drop=True)


def load_dataset(loaded: LoadedSuite) -> Dataset:
    """The suite's examples with their derived columns, ids, labels, clusters and training attributes.

    Raises:
        DataError: unreadable or empty data, images of another size or mode, a column that is not there, ids that are
            missing or not unique, labels that are missing or outside the classes, a derived column that fails or does
            not fit.
        SuiteError: a derived column whose name is taken.
    """
    frame, digest = _read(loaded)
    hooks = derived_hooks(loaded)
    return make_dataset(frame, loaded, hooks, sha256=digest, train=train_attributes(loaded, hooks))


def make_dataset(
    frame: pd.DataFrame,
    loaded: LoadedSuite,
    hooks: DerivedHooks,
    *,
    sha256: str,
    train: pd.DataFrame | None = None,
    start: int = 0,
) -> Dataset:
    """The examples of a frame, or of a batch whose first row has this number among all rows; raises as above."""
    data = loaded.suite.data
    source = data.path or data.python or ""
    names = set(frame.columns) & {column.name for column in data.columns}
    if names:
        raise SuiteError(f"{loaded.path.name}: data.columns", "a derived column needs a new name", min(names))
    if data.image is not None:
        images = _column(frame, data.image, source, "data.image")
        frame = frame.assign(**{data.image: read_images(images, image_folder(loaded), source, within=loaded.folder)})
    frame = derive(frame, loaded, hooks)
    classes = tuple(str(name) for name in data.classes)
    labels = _column(frame, data.label, source, "data.label")
    place = f"{source}: column {data.label!r}"
    return Dataset(
        frame=frame,
        ids=_ids(frame, loaded, start),
        labels=_codes(labels, classes, place) if loaded.suite.task == "classification" else _values(labels, place),
        classes=classes,
        clusters=None if data.cluster is None else _clusters(frame, data.cluster, source),
        train=train,
        sha256=sha256,
        source=source,
    )


def image_folder(loaded: LoadedSuite) -> Path:
    """The folder that names of image files are relative to: the data's own."""
    path = loaded.folder if loaded.suite.data.path is None else loaded.place(loaded.suite.data.path)
    return path if path.is_dir() else path.parent


def _read(loaded: LoadedSuite) -> tuple[pd.DataFrame, str]:
    """The frame as it came, and its hash."""
    data = loaded.suite.data
    if data.path is not None:
        path = loaded.file(data.path)
        frame = read_table(path, data.path, text=() if data.id is None else (data.id,))
        return frame, file_sha256(path)
    spec = data.python or ""
    hook = load_hook(loaded.folder, spec, f"{loaded.path.name}: data.python")
    with user_code(DataError, spec, loaded.folder):
        frame = hook()
    if not isinstance(frame, pd.DataFrame):
        raise DataError(spec, "must return a pandas DataFrame", type(frame).__name__)
    unfit = [name for name in frame.columns if not isinstance(name, str)]
    if unfit or not frame.columns.is_unique:
        raise DataError(spec, "column names must be text, each once", (unfit or list(frame.columns))[0])
    if frame.empty:
        raise DataError(spec, "holds no examples", f"{len(frame)} rows, {frame.shape[1]} columns")
    return frame.reset_index(drop=True), content_sha256(frame)


def derived_hooks(loaded: LoadedSuite) -> DerivedHooks:
    """The functions that make the suite's derived columns, loaded once for all batches."""
    place = f"{loaded.path.name}: data.columns"
    return tuple(
        (column, load_hook(loaded.folder, column.python, f"{place}[{i}].python"))
        for i, column in enumerate(loaded.suite.data.columns)
    )


def derive(
    frame: pd.DataFrame, loaded: LoadedSuite, hooks: DerivedHooks | None = None, *, absent_is_fine: bool = False
) -> pd.DataFrame:
    """The frame with the derived columns; where the columns that one needs may be absent, so may it."""
    frame = frame.copy(deep=False)
    for column, hook in derived_hooks(loaded) if hooks is None else hooks:
        if column.name in frame:
            continue
        try:
            with user_code(DataError, f"derived column {column.name!r}", loaded.folder):
                made = hook(frame.copy(deep=False))
        except DataError as error:
            if absent_is_fine and isinstance(error.__cause__, KeyError | AttributeError):
                continue
            raise
        frame[column.name] = _fitted(made, len(frame), column)
    return frame


def _fitted(made: Any, n: int, column: DerivedColumn) -> pd.Series:  # noqa: ANN401  # a hook may return anything
    """What a hook returned, as a column of n rows in the order of the data."""
    place = f"derived column {column.name!r}"
    if np.shape(made) != (n,):
        found = f"{type(made).__name__} of shape {np.shape(made)}"
        raise DataError(place, f"{column.python} must return one value for each of the {n:,} rows", found)
    if isinstance(made, pd.Series) and not made.index.equals(pd.RangeIndex(n)):
        raise DataError(place, f"{column.python} must keep the order of the rows", "another index")
    return pd.Series(made)


def _column(frame: pd.DataFrame, name: str, source: str, key: str) -> pd.Series:
    if name not in frame:
        rule = f"there is no column {name!r}, which {key} names{did_you_mean(name, frame.columns)}"
        raise DataError(source, rule, list(frame.columns))
    column: pd.Series = frame[name]
    if column.isna().any():
        rows = np.flatnonzero(column.isna())
        raise DataError(f"{source}: column {name!r}", f"{key} must not be missing", _rows(rows))
    return column


def _rows(rows: NDArray[np.intp]) -> str:
    first = ", ".join(str(row) for row in rows[:3])
    return f"{len(rows):,} rows, the first at {first}" if len(rows) > 3 else f"row {first}"


def _ids(frame: pd.DataFrame, loaded: LoadedSuite, start: int) -> NDArray[np.object_]:
    name, source = loaded.suite.data.id, loaded.suite.data.path or loaded.suite.data.python or ""
    if name is None:
        return np.array([str(row) for row in range(start, start + len(frame))], dtype=object)
    ids = as_text(_column(frame, name, source, "data.id"))
    repeated = pd.Index(ids, dtype=object).duplicated()
    if repeated.any():
        raise repeated_ids(loaded, ids[repeated].tolist())
    return ids


def repeated_ids(loaded: LoadedSuite, repeated: Sequence[str]) -> DataError:
    """What is said of ids that came before."""
    data = loaded.suite.data
    examples = ", ".join(dict.fromkeys(repeated[:3]))
    place = f"{data.path or data.python}: column {data.id!r}"
    return DataError(place, "ids must be unique", f"{len(repeated):,} repeated, such as {examples}")


def _codes(labels: pd.Series, classes: Sequence[str], place: str) -> NDArray[np.int64]:
    """(n,) position of each label in the classes."""
    codes = class_codes(labels, classes)
    if (codes < 0).any():
        found = counted(labels[codes < 0])
        raise DataError(place, f"labels must be among data.classes {list(classes)}", found)
    return codes


def _values(labels: pd.Series, place: str) -> NDArray[np.float64]:
    """(n,) finite numbers."""
    if not pd.api.types.is_numeric_dtype(labels.dtype) or pd.api.types.is_bool_dtype(labels.dtype):
        raise DataError(place, "labels of a regression must be numbers", labels.iloc[0])
    values: NDArray[np.float64] = labels.to_numpy(dtype=np.float64, copy=True)
    if not np.isfinite(values).all():
        raise DataError(place, "labels must be finite", _rows(np.flatnonzero(~np.isfinite(values))))
    return values


def _clusters(frame: pd.DataFrame, name: str, source: str) -> NDArray[np.int64]:
    codes, _ = pd.factorize(_column(frame, name, source, "data.cluster"))
    return codes.astype(np.int64)


def train_attributes(loaded: LoadedSuite, hooks: DerivedHooks) -> pd.DataFrame | None:
    """The training data's attributes with what derived columns can be made of them, where the suite names some."""
    if loaded.suite.data.train is None:
        return None
    frame = read_table(loaded.file(loaded.suite.data.train), loaded.suite.data.train)
    return derive(frame, loaded, hooks, absent_is_fine=True)

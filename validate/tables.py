"""Tables from files of any of our formats, their hashes, and their values as text."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from validate.errors import DataError, one_line
from validate.images import FILE, IMAGE, LABEL, image_files

FORMATS = ".csv, .tsv, .parquet (a file or a folder of parts), .jsonl, .npz, a folder of images"


def read_table(path: Path, place: str, *, text: Sequence[str] = ()) -> pd.DataFrame:
    """A table with unique column names and a default index, at least one row.

    Only an empty cell of a csv is missing: "NA" and "None" stay text. Columns of a csv named in `text` are not taken
    for numbers, so that the id "007" stays itself. A two-dimensional array of an npz becomes columns name_0, name_1, …
    A folder with a sub-folder of images per class gives their relative paths, as `file` and `image`, and the sub-folder
    as `label`.

    Raises:
        DataError: no such file, another format, unreadable, truncated, empty, or two columns of one name.
    """
    reader = _reader(path, place)
    try:
        frame = reader(path, text)
    except DataError as error:
        raise DataError(": ".join(filter(None, (place, error.place))), error.rule, error.value) from None
    except MemoryError:
        raise DataError(place, "does not fit into memory: [data] batch_rows reads it in batches") from None
    except Exception as failure:
        raise DataError(place, f"could not be read: {one_line(failure)}") from failure
    check_columns(frame.columns, place)
    if frame.empty:
        raise DataError(place, "holds no examples", f"{len(frame)} rows, {frame.shape[1]} columns")
    return frame


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes; of a folder, of its files' names and hashes, sorted; hidden files apart."""
    if path.is_dir():
        files = [*visible(path), *image_files(path)]
        parts = [f"{part.relative_to(path).as_posix()}\0{file_sha256(part)}\n" for part in files]
        return sha256("".join(parts).encode()).hexdigest()
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def total_bytes(path: Path) -> int:
    """Size of a file, or of a folder's visible files."""
    return sum(part.stat().st_size for part in (visible(path) if path.is_dir() else [path]))


def content_sha256(frame: pd.DataFrame) -> str:
    """sha256 of a frame's column names and values, in order; the index takes no part."""
    digest = sha256()
    for name, column in frame.items():
        try:
            rows = pd.util.hash_pandas_object(column, index=False)
        except TypeError:  # lists and other values without a hash
            rows = pd.util.hash_pandas_object(column.map(_content), index=False)
        digest.update(f"{name}\0{len(column)}\0".encode())
        digest.update(rows.to_numpy().astype("<u8").tobytes())
    return digest.hexdigest()


def _content(value: object) -> str:
    """A value without a hash as text that differs where the value does: the repr of a long array leaves out most."""
    return f"{value.dtype} {value.shape} {value.tobytes().hex()}" if isinstance(value, np.ndarray) else repr(value)


def as_text(column: pd.Series) -> NDArray[np.object_]:
    """Values as people write them: 7 and 7.0 are "7", True is "True", a missing value is None."""
    if isinstance(column.dtype, pd.StringDtype):
        plain: NDArray[np.object_] = np.array(column, dtype=object)
        plain[column.isna().to_numpy()] = None
        return plain
    missing = column.isna().to_numpy()
    if pd.api.types.is_float_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        whole = np.isfinite(values) & (values == np.trunc(values)) & (np.abs(values) < 2**53)
        text = values.astype(object)
        text[whole] = values[whole].astype(np.int64)
    else:
        text = column.to_numpy(dtype=object, copy=True)
    result: NDArray[np.object_] = np.array([str(value) for value in text], dtype=object)
    result[missing] = None
    return result


def class_codes(column: pd.Series, classes: Sequence[str]) -> NDArray[np.int64]:
    """(n,) position of each value in the classes; -1 where it is missing or none of them."""
    try:
        codes, found = pd.factorize(column)
        text = as_text(pd.Series(found))
    except TypeError:  # unhashable
        codes, text = np.arange(len(column)), as_text(column)
    if pd.api.types.is_bool_dtype(column.dtype):  # a csv's "true" comes as True
        text, classes = np.char.lower(text.astype(str)).astype(object), [name.lower() for name in classes]
    position = {name: code for code, name in enumerate(classes)}
    return np.array([*(position.get(value, -1) for value in text), -1], dtype=np.int64)[codes]


def counted(column: pd.Series) -> str:
    """The most frequent values with their counts, for a message."""
    counts = Counter(as_text(column).tolist()).most_common(5)
    return ", ".join(f"{value} ({times:,}×)" for value, times in counts)


def visible(folder: Path) -> list[Path]:
    """The files of a folder of parts, sorted; names that begin with . or _ are bookkeeping of whoever wrote it."""
    return sorted(part for part in folder.iterdir() if part.is_file() and part.name[0] not in "._")


def check_path(path: Path, place: str) -> None:
    """Refuse what is no table of any of our formats."""
    if not path.exists():
        raise DataError(place, "there is no such file")
    if path.is_dir():
        if not has_parts(path) and not image_files(path):
            raise DataError(place, "a folder must hold parts named *.parquet, or a sub-folder of images for each class")
    elif path.suffix.lower() not in _READERS:
        raise DataError(place, f"must be one of {FORMATS}")
    elif path.stat().st_size == 0:
        raise DataError(place, "the file is empty")


def check_columns(names: Iterable[str], place: str) -> None:
    """Refuse two columns of one name."""
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise DataError(place, "column names must be unique", repeated[0])


Reader = Callable[[Path, Sequence[str]], pd.DataFrame]


def _reader(path: Path, place: str) -> Reader:
    check_path(path, place)
    if path.is_dir():
        return _parquet if has_parts(path) else _image_folder
    return _READERS[path.suffix.lower()]


def has_parts(folder: Path) -> bool:
    """Whether it is a folder of parts: any parquet makes it one."""
    return any(part.suffix == ".parquet" for part in visible(folder))


def _image_folder(path: Path, _: Sequence[str]) -> pd.DataFrame:
    names = [file.relative_to(path) for file in image_files(path)]
    paths = [name.as_posix() for name in names]
    return pd.DataFrame({FILE: paths, LABEL: [name.parts[0] for name in names], IMAGE: paths})


def _delimited(delimiter: str) -> Reader:
    def read(path: Path, text: Sequence[str]) -> pd.DataFrame:
        from pyarrow import csv, types

        parse, convert = csv_options(delimiter, text)
        table = csv.read_csv(path, parse_options=parse, convert_options=convert)
        for field in table.schema:
            if types.is_binary(field.type):
                raise DataError("", "text must be UTF-8", f"column {field.name!r}")
        return arrow_frame(table)

    return read


def csv_options(delimiter: str, text: Sequence[str], types: Mapping[str, Any] | None = None) -> tuple[Any, Any]:
    """How pyarrow parses and converts a csv: columns in `text` stay text, others may have types that are known."""
    from pyarrow import csv, string

    columns = {**(types or {}), **dict.fromkeys(text, string())}
    parse = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    return parse, csv.ConvertOptions(null_values=[""], strings_can_be_null=True, column_types=columns)


def _parquet(path: Path, _: Sequence[str]) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import parquet

    schema, parts = parquet_parts(path, "")
    tables = []
    for name, part in parts.items():
        try:
            tables.append(parquet.ParquetFile(part).read().select(schema.names).cast(schema))
        except (OSError, ValueError) as failure:
            raise DataError(name if path.is_dir() else "", f"could not be read: {one_line(failure)}") from failure
    return arrow_frame(pa.concat_tables(tables))


def parquet_parts(path: Path, place: str) -> tuple[Any, dict[str, Path]]:
    """The types of the columns, and each part by its name. Raises DataError for parts that differ in them."""
    from pyarrow import field, null, parquet, schema

    first = ""
    types: dict[str, Any] = {}
    parts: dict[str, Path] = {}
    for part in [part for part in visible(path) if part.suffix == ".parquet"] if path.is_dir() else [path]:
        where = ": ".join(filter(None, (place, part.name if path.is_dir() else "")))
        try:
            own = parquet.read_schema(part)
        except (OSError, ValueError) as failure:
            raise DataError(where, f"could not be read: {one_line(failure)}") from failure
        first, names, parts[part.name] = first or part.name, own.names, part
        for name in sorted({*names} ^ {*types}) if types else []:
            rule = f"must have the columns of {first}, and {'lacks' if name in types else 'has another'}"
            raise DataError(where, rule, name)
        for one in own:
            known = types.get(one.name, one.type)
            if known not in (one.type, null()) and one.type != null():
                raise DataError(where, f"column {one.name!r} must hold {known}, as in {first}", str(one.type))
            types[one.name] = one.type if known == null() else known
        if len(set(names)) < len(names):
            check_columns(names, where)
    return schema([field(name, kind) for name, kind in types.items()]), parts


def arrow_frame(table: Any) -> pd.DataFrame:  # noqa: ANN401  # a pyarrow.Table: pyarrow ships no types
    """An Arrow table as a frame."""
    from pyarrow import float64, string, types

    for i, field in enumerate(table.schema):  # what pandas would hold as slow Python objects
        if types.is_time(field.type) or types.is_decimal(field.type):
            plain = string() if types.is_time(field.type) else float64()
            table = table.set_column(i, field.name, table.column(i).cast(plain))
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, date_as_object=False)
    return frame


def _jsonl(path: Path, _: Sequence[str]) -> pd.DataFrame:
    with path.open(encoding="utf-8-sig") as lines:
        return pd.DataFrame([json_row(line, i, "") for i, line in enumerate(lines, 1) if not line.isspace()])


def json_row(line: str, number: int, place: str) -> dict[str, Any]:
    """One line of a jsonl."""
    try:
        row = json.loads(line)
    except json.JSONDecodeError as failure:
        raise DataError(place, f"line {number} is not JSON: {failure.msg}", line.strip()[:80]) from None
    if not isinstance(row, dict):
        raise DataError(place, f"line {number} must be an object", line.strip()[:80])
    return row


def _npz(path: Path, _: Sequence[str]) -> pd.DataFrame:
    if not is_zipfile(path):
        raise DataError("", "is not an npz archive")
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    sizes = {name: array.shape[:1] for name, array in arrays.items()}
    if len(set(sizes.values())) > 1 or () in sizes.values():
        raise DataError("", "arrays must have one entry per example", {n: a.shape for n, a in arrays.items()})
    return pd.concat([_columns(name, array) for name, array in arrays.items()], axis=1)


def _columns(name: str, array: NDArray[Any]) -> pd.DataFrame:
    values = array.astype(array.dtype.newbyteorder("=") if array.dtype.kind != "S" else str)
    if values.ndim == 1:
        return pd.DataFrame({name: values})
    flat = values.reshape(len(values), -1)
    return pd.DataFrame(flat, columns=[f"{name}_{j}" for j in range(flat.shape[1])])


_READERS: Mapping[str, Reader] = {
    ".csv": _delimited(","),
    ".tsv": _delimited("\t"),
    ".parquet": _parquet,
    ".jsonl": _jsonl,
    ".npz": _npz,
}

"""A table that is read in batches: its columns' types are learnt first, so that every batch has the same."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from validate.errors import DataError, one_line
from validate.tables import (
    FORMATS,
    arrow_frame,
    check_columns,
    check_path,
    csv_options,
    has_parts,
    json_row,
    parquet_parts,
)

IN_BATCHES = {".csv": ",", ".tsv": "\t", ".jsonl": "", ".parquet": ""}


@dataclass(frozen=True, kw_only=True)
class Batches:
    """A table that has been looked through once, and can be read again and again."""

    place: str
    n: int  # rows
    names: tuple[str, ...]  # of the columns
    dtypes: Mapping[str, str]  # of columns that one batch alone would take for something else
    frames: Callable[[], Iterator[pd.DataFrame]]

    def __iter__(self) -> Iterator[pd.DataFrame]:
        """The rows in order. Raises DataError with the rows that were read before the one that cannot be."""
        done = 0
        with _place(self.place, lambda: done):
            for frame in self.frames():
                yield frame.astype(self.dtypes) if self.dtypes else frame
                done += len(frame)


def open_batches(path: Path, place: str, rows: int, *, text: Sequence[str] = ()) -> Batches:
    """Look through a table of csv, tsv, jsonl or parquet (a file or a folder of parts); columns in `text` stay text.

    Raises:
        DataError: what `read_table` refuses, another format, or parts that do not go together, with file and row.
    """
    check_path(path, place)
    suffix = ".parquet" if path.is_dir() else path.suffix.lower()
    if suffix not in IN_BATCHES or (path.is_dir() and not has_parts(path)):
        raise DataError(
            place, f"batch_rows is for {FORMATS.partition(', .npz')[0]}", path.suffix or "a folder of images"
        )
    if suffix == ".parquet":
        found = _parquet(path, place, rows)
    elif suffix == ".jsonl":
        found = _jsonl(path, place, rows)
    else:
        found = _delimited(path, place, rows, delimiter=IN_BATCHES[suffix], text=text)
    check_columns(found.names, place)
    if not found.n:
        raise DataError(place, "holds no examples", f"0 rows, {len(found.names)} columns")
    return found


@contextmanager
def _place(place: str, done: Callable[[], int]) -> Iterator[None]:
    """What a reader raises, with the place and how many rows were read before."""
    try:
        yield
    except DataError:
        raise
    except MemoryError:
        raise DataError(place, "a batch does not fit into memory: lower batch_rows") from None
    except GeneratorExit:
        raise
    except (OSError, ValueError, TypeError, UnicodeError) as failure:  # pyarrow's own errors are ValueErrors
        raise DataError(place, f"could not be read after row {done():,}: {one_line(failure)}") from failure


def _parquet(path: Path, place: str, rows: int) -> Batches:
    from pyarrow import parquet, types

    schema, parts = parquet_parts(path, place)
    missing: set[str] = set()
    n = 0
    for part in parts.values():
        opened = parquet.ParquetFile(part)  # and closed again: an open part keeps what was read of it
        n += opened.metadata.num_rows
        missing |= {name for name in schema.names if name not in missing and _holes(opened, name)}
    dtypes = {}
    for field in schema:
        if field.name in missing and types.is_integer(field.type):
            dtypes[field.name] = "float64"
        elif field.name in missing and types.is_boolean(field.type):
            dtypes[field.name] = "boolean"

    def frames() -> Iterator[pd.DataFrame]:
        import pyarrow as pa

        for name, part in parts.items():
            done = 0
            with _place(f"{place}: {name}" if path.is_dir() else place, lambda: done):  # noqa: B023 - used within the loop
                for batch in parquet.ParquetFile(part).iter_batches(batch_size=rows):
                    if len(batch):
                        yield arrow_frame(pa.Table.from_batches([batch]).select(schema.names).cast(schema))
                        done += len(batch)

    return Batches(place=place, n=n, names=tuple(schema.names), dtypes=dtypes, frames=frames)


def _holes(part: Any, name: str) -> bool:  # noqa: ANN401  # a pyarrow.parquet.ParquetFile: pyarrow ships no types
    """Whether a column of a part has missing values: from what the file says of itself, else by looking."""
    metadata = part.metadata
    at = next((j for j in range(metadata.num_columns) if metadata.schema.column(j).path == name), None)
    if at is not None:
        known = [metadata.row_group(i).column(at).statistics for i in range(metadata.num_row_groups)]
        if all(found is not None and found.has_null_count for found in known):
            return any(found.null_count for found in known)
    return any(batch.column(0).null_count for batch in part.iter_batches(columns=[name]))


def _delimited(path: Path, place: str, rows: int, *, delimiter: str, text: Sequence[str]) -> Batches:
    """A csv's types, block by block, each widened until it fits all: the same as if it were read whole."""
    import pyarrow as pa
    from pyarrow import csv

    n = 0
    found: dict[str, Any] = {}
    missing: set[str] = set()
    parse, convert = csv_options(delimiter, text)
    with _place(place, lambda: n):
        names = csv.open_csv(path, parse_options=parse, convert_options=convert).schema.names
        _, as_text = csv_options(delimiter, names)
        for batch in csv.open_csv(path, parse_options=parse, convert_options=as_text):
            sink = pa.BufferOutputStream()
            csv.write_csv(batch, sink)
            block: Any = csv.read_csv(pa.BufferReader(sink.getvalue()), convert_options=convert)
            for field in block.schema:
                found[field.name] = _wider(found.get(field.name), field.type)
                missing |= {field.name} if block.column(field.name).null_count else set()
            n += len(batch)
    dtypes = {name: "float64" for name, kind in found.items() if name in missing and pa.types.is_integer(kind)}
    dtypes |= {name: "boolean" for name, kind in found.items() if name in missing and pa.types.is_boolean(kind)}

    def frames() -> Iterator[pd.DataFrame]:
        _, exactly = csv_options(delimiter, (), types=found)
        waiting: list[Any] = []
        for batch in csv.open_csv(path, parse_options=parse, convert_options=exactly):
            waiting.append(batch)
            while sum(map(len, waiting)) >= rows:
                table = pa.Table.from_batches(waiting)
                yield arrow_frame(table.slice(0, rows))
                waiting = table.slice(rows).to_batches()
        if any(map(len, waiting)):
            yield arrow_frame(pa.Table.from_batches(waiting))

    return Batches(place=place, n=n, names=tuple(names), dtypes=dtypes, frames=frames)


def _wider(known: Any, kind: Any) -> Any:  # noqa: ANN401  # pyarrow ships no types
    """The type that holds what either of two types holds."""
    import pyarrow as pa

    if known is None or known == kind or pa.types.is_null(known):
        return kind
    if pa.types.is_null(kind):
        return known
    if {known, kind} == {pa.int64(), pa.float64()}:
        return pa.float64()
    if all(pa.types.is_date(one) or pa.types.is_timestamp(one) for one in (known, kind)):
        return known if pa.types.is_timestamp(known) else kind
    return pa.string()


def _jsonl(path: Path, place: str, rows: int) -> Batches:
    """A jsonl's types: those that its values have in all batches together."""

    def read() -> Iterator[list[dict[str, Any]]]:
        with path.open(encoding="utf-8-sig") as lines:
            made = (json_row(line, number, place) for number, line in enumerate(lines, 1) if not line.isspace())
            while batch := list(islice(made, rows)):
                yield batch

    n = 0
    kinds: dict[str, set[str]] = {}
    missing: set[str] = set()
    with _place(place, lambda: n):
        for batch in read():
            frame = pd.DataFrame(batch)
            if n:  # columns that some batches lack altogether
                missing |= {*map(str, frame.columns)} ^ {*kinds}
            for name in map(str, frame.columns):
                column = frame[name]
                missing |= {name} if column.isna().any() else set()
                if column.notna().any():
                    kinds.setdefault(name, set()).add(str(column.dropna().infer_objects().dtype))
                kinds.setdefault(name, set())
            n += len(batch)
    names = list(kinds)
    dtypes = {name: dtype for name in names if (dtype := _dtype(kinds[name], missing=name in missing))}

    def frames() -> Iterator[pd.DataFrame]:
        for batch in read():
            yield pd.DataFrame(batch).reindex(columns=names)

    return Batches(place=place, n=n, names=tuple(names), dtypes=dtypes, frames=frames)


def _dtype(kinds: set[str], *, missing: bool) -> str:
    """The dtype that pandas gives a column with values of these; "" where each batch keeps its own."""
    if kinds <= {"int64", "float64"} and kinds:
        return "int64" if kinds == {"int64"} and not missing else "float64"
    if kinds == {"bool"}:
        return "boolean" if missing else "bool"
    return "str" if kinds == {"str"} else "object" if kinds else ""

"""The files of a run, written so that an interruption leaves the old evidence or the new, never half of either."""

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from validate.attempts import append_attempts
from validate.errors import OutputError
from validate.evidence import EvidenceRecord, read_record, to_json
from validate.exports.junit import junit
from validate.exports.summary import summary
from validate.exports.tables import slice_table
from validate.recording import attempts_of
from validate.report import render

ATTEMPTS = "attempts.jsonl"  # which models were gated on which test set, over all runs into one folder

_TOGETHER: dict[str, Callable[[Sequence[EvidenceRecord]], str]] = {
    "report.html": render,
    "summary.md": summary,
    "junit.xml": junit,
}


def write(records: Sequence[EvidenceRecord], rows: Sequence[pd.DataFrame | None], out: Path) -> tuple[Path, ...]:
    """Write every file of a run below `out` and return their paths.

    Per compressed model: `results.json`, `slices.parquet` and, where given, `rows.parquet`. Raises OutputError.
    """
    written: list[Path] = []
    for record, table in zip(records, rows, strict=True):
        folder = out / record.compressed_name
        written.append(_replace(folder / "results.json", to_json(record)))
        if record.comparisons:
            written.append(_replace(folder / "slices.parquet", _parquet(slice_table(record))))
        if table is not None:
            written.append(_replace(folder / "rows.parquet", _parquet(table)))
    attempts = attempts_of(records)
    if attempts:
        append_attempts(out / ATTEMPTS, attempts)
    # from what was written, so that `report` makes the same files again, to the byte
    kept = [read_record(out / record.compressed_name / "results.json") for record in records]
    return (*written, *write_together(kept, out))


def write_together(records: Sequence[EvidenceRecord], out: Path) -> tuple[Path, ...]:
    """Write the files that speak of all compressed models of a run; they are made from the records alone."""
    return tuple(_replace(out / name, make(records).encode()) for name, make in _TOGETHER.items())


def _parquet(table: pd.DataFrame) -> bytes:
    return table.to_parquet(index=False)


def _replace(path: Path, content: bytes) -> Path:
    """Write under a temporary name in the same folder, flush to disk, then rename."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(str(path), f"cannot be written: {error.strerror or error}") from error
    return path

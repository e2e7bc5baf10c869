"""The files of a run, written so that an interruption leaves the old evidence or the new, never half of either."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pandas as pd

from validate import decisions
from validate.attempts import append_attempts
from validate.decisions import Decisions
from validate.errors import OutputError
from validate.evidence import EvidenceRecord, read_record, to_json
from validate.exports.checksums import NAME, SIGNATURE, as_lines, broken, checksums, read_checksums, with_file
from validate.exports.intoto import svr, test_result
from validate.exports.junit import junit
from validate.exports.mlbom import mlbom
from validate.exports.pdf import NAME as PDF
from validate.exports.pdf import print_pdf
from validate.exports.rowfile import arrow_table
from validate.exports.sarif import sarif
from validate.exports.summary import summary
from validate.exports.tables import slice_table
from validate.exports.whole import settle, whole
from validate.ledger import since as ledger_since
from validate.ledger.beside import Beside, read_beside
from validate.ledger.since import Since
from validate.recording import attempts_of
from validate.report import render
from validate.suite_folder import ATTEMPTS

RESULTS = "results.json"
ROWS = "rows.parquet"
EDGE_ROWS = "edge_rows.parquet"
SLICES = "slices.parquet"

REPORT = "report.html"
_TOGETHER: dict[str, Callable[[Sequence[EvidenceRecord]], str]] = {
    "summary.md": summary,
    "junit.xml": junit,
    "results.sarif": sarif,
}
_OF_EACH: dict[str, Callable[[EvidenceRecord], str | None]] = {
    "test-result.intoto.json": test_result,
    "svr.intoto.json": svr,
    "mlbom.cdx.json": mlbom,
}


def write(
    records: Sequence[EvidenceRecord],
    rows: Sequence[pd.DataFrame | Path | None],
    out: Path,
    *,
    edge_rows: Sequence[pd.DataFrame | None] = (),
    since: Mapping[str, Since] | None = None,
) -> tuple[Path, ...]:
    """Write every file of a run below `out` and return their paths.

    Per compressed model: `results.json`, `slices.parquet` and, where given, `rows.parquet` and `edge_rows.parquet`;
    with a ledger `since.json`. A decision about an earlier run is set aside under the first digits of that run's hash.
    A process that is killed leaves the old files or the new ones. Raises OutputError.
    """
    edges = edge_rows or [None] * len(records)
    written = []
    with changing(records, out) as stage:
        for record, *tables in zip(records, rows, edges, strict=True):
            written += _write_one(record, tables, stage, (since or {}).get(record.compressed_name))
        attempts = attempts_of(records)
        if attempts:
            append_attempts(stage / ATTEMPTS, attempts)
        # from what was written, so that `report` makes the same files again, to the byte
        kept = [read_record(stage / record.compressed_name / RESULTS) for record in records]
        written += _write_together(kept, stage, pdf=False)
        return tuple(out / path.relative_to(stage) for path in written)


def changing(records: Sequence[EvidenceRecord], out: Path) -> AbstractContextManager[Path]:
    """A folder to change in place of a run's, whose files then change together; see `whole`."""
    return whole(out, [r.compressed_name for r in records], (REPORT, PDF, *_TOGETHER, NAME, SIGNATURE, ATTEMPTS))


def rendered(records: Sequence[EvidenceRecord], out: Path) -> dict[str, bytes | None]:
    """The files that records give, by path: those of all compressed models together, then of each.

    A file that a record does not give, such as a pass of a model that failed, is None: it must not be there.
    They are made from the records and, in the report, from what lies beside them: decisions and earlier runs.
    """
    beside = [_beside(out / record.compressed_name, record) for record in records]
    made = {name: make(records).encode() for name, make in _TOGETHER.items()}
    return {REPORT: render(records, beside).encode(), **made, **_of_each(records)}


def _of_each(records: Sequence[EvidenceRecord]) -> dict[str, bytes | None]:
    made = {(r.compressed_name, name): make(r) for r in records for name, make in _OF_EACH.items()}
    return {f"{model}/{name}": None if text is None else text.encode() for (model, name), text in made.items()}


def _beside(folder: Path, record: EvidenceRecord) -> Beside:
    """What lies in a model's folder, with the hashes of those files that nothing changes after the run."""
    sums = read_checksums(folder) if (folder / NAME).is_file() else {}
    files = {name: sums[name] for name in (RESULTS, SLICES, ROWS, EDGE_ROWS) if name in sums}
    return replace(read_beside(folder, record), files=files)


def read_records(folder: Path) -> list[EvidenceRecord]:
    """The records of a run, in the order of its suite; OutputError where there is none, or one cannot be read.

    A command that was killed while its files were on their way to their places is finished first.
    """
    settle(folder)
    records = [_read(file) for file in sorted(folder.glob(f"*/{RESULTS}"))]
    if not records:
        raise OutputError(str(folder), f"must hold the evidence of a run: <compressed>/{RESULTS}")
    order = {name: place for place, name in enumerate(records[0].suite.compressed_names)}
    return sorted(records, key=lambda record: order.get(record.compressed_name, len(order)))


def _read(file: Path) -> EvidenceRecord:
    """One model's record. It says itself where its files belong: another folder than its own is no place for them."""
    record = read_record(file)
    if record.compressed_name != file.parent.name:
        raise OutputError(str(file), f"is not of {file.parent.name}", record.compressed_name)
    return record


def write_together(records: Sequence[EvidenceRecord], out: Path, *, pdf: bool = False) -> tuple[Path, ...]:
    """Write the files that records give, and enter them in the sums; on request the report as PDF too.

    A PDF of an earlier report goes away: it would not say what the page says. Raises OutputError.
    """
    with changing(records, out) as stage:
        return tuple(out / path.relative_to(stage) for path in _write_together(records, stage, pdf=pdf))


def _write_together(records: Sequence[EvidenceRecord], out: Path, *, pdf: bool) -> tuple[Path, ...]:
    made = rendered(records, out)
    printed = print_pdf(made[REPORT] or b"") if pdf else None
    written = []
    for name, content in {**made, PDF: printed}.items():
        if content is None:
            _remove(out / name)
        else:
            written.append(_replace(out / name, content))
    for record in records:
        _enter(out / record.compressed_name)
    beside = (PDF, ATTEMPTS, *(f"{record.compressed_name}/{NAME}" for record in records))
    names = [REPORT, *_TOGETHER, *(name for name in beside if (out / name).is_file())]
    return (*written, _replace_sums(out, checksums(out, names)))


def _enter(folder: Path) -> None:
    """Bring the sums of one model's folder up to date with the files that its record gives; leave the others be."""
    if not (folder / NAME).is_file():
        return
    before = (folder / NAME).read_bytes()
    sums = read_checksums(folder)
    there = {name: (folder / name).read_bytes() for name in _OF_EACH if (folder / name).is_file()}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in there.items()}
    kept = {name: digest for name, digest in sums.items() if name not in _OF_EACH or name in there}
    after = as_lines({**kept, **digests})
    if after != before:
        _replace_sums(folder, after)


def write_text(path: Path, text: str) -> Path:
    """Write one text file that is no part of a run's evidence. Raises OutputError."""
    return _replace(path, text.encode())


def write_decisions(made: Decisions, folder: Path) -> Path:
    """Write a model's decisions beside its record, and enter them in the folder's SHA256SUMS.

    Raises:
        OutputError: the evidence is not what was written: nobody can decide on it.
    """
    sums = read_checksums(folder)
    changed = broken(folder, {name: digest for name, digest in sums.items() if name != decisions.FILE})
    if changed:
        raise OutputError(str(folder), "the evidence was changed since it was written", changed[0])
    content = decisions.to_json(made)
    path = _replace(folder / decisions.FILE, content)
    _replace_sums(folder, with_file(sums, decisions.FILE, content))
    return path


def _write_one(
    record: EvidenceRecord, given: Sequence[pd.DataFrame | Path | None], out: Path, since: Since | None
) -> list[Path]:
    """One compressed model's files; a table of an earlier run that this one does not have goes away."""
    folder = out / record.compressed_name
    tables = {
        SLICES: slice_table(record) if record.comparisons else None,
        **dict(zip((ROWS, EDGE_ROWS), given, strict=True)),
    }
    _set_aside(folder)
    written = [_replace(folder / RESULTS, to_json(record))]
    for name, table in tables.items():
        if table is None:
            _remove(folder / name)
        elif isinstance(table, Path):
            written.append(_renamed(table, folder / name))
        else:
            written.append(_replace(folder / name, _parquet(table)))
    if since is None:
        _remove(folder / ledger_since.FILE)
    else:
        written.append(_replace(folder / ledger_since.FILE, ledger_since.to_json(since)))
    names = [path.name for path in (*written, *sorted(folder.glob("decision-*.json")))]
    return [*written, _replace_sums(folder, checksums(folder, names))]


def _set_aside(folder: Path) -> None:
    """Keep a decision whose record is about to be replaced."""
    path = folder / decisions.FILE
    try:
        digest = hashlib.sha256((folder / RESULTS).read_bytes()).hexdigest()
        path.replace(folder / f"decision-{digest[:12]}.json")
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(str(path), f"cannot be set aside: {error.strerror or error}") from error


def _replace_sums(folder: Path, content: bytes) -> Path:
    """Write a folder's sums; a signature on other sums goes, lest it look like one on these."""
    path = folder / NAME
    same = path.is_file() and path.read_bytes() == content
    _replace(path, content)
    if not same:
        _remove(folder / SIGNATURE)
    return path


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(str(path), f"cannot be removed: {error.strerror or error}") from error


def _renamed(written: Path, path: Path) -> Path:
    """Give a file that was written under a temporary name its own."""
    try:
        return written.replace(path)
    except OSError as error:
        raise OutputError(str(path), f"cannot be written: {error.strerror or error}") from error


def _parquet(table: pd.DataFrame) -> bytes:
    from pyarrow import BufferOutputStream, parquet

    sink = BufferOutputStream()
    parquet.write_table(arrow_table(table), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


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

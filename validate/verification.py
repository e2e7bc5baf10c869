"""Is a folder of evidence still what its run wrote, and does its verdict follow from its rows?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from validate import recomputation
from validate.errors import OutputError
from validate.evidence import EvidenceRecord, is_canonical, read_record
from validate.exports.checksums import NAME, SIGNATURE, broken, read_checksums
from validate.exports.edge_rows import EdgeRows, read_edge_rows
from validate.exports.files import EDGE_ROWS, RESULTS, ROWS, SLICES, read_records, rendered
from validate.exports.rows import Rows, read_rows
from validate.exports.tables import slice_table
from validate.exports.whole import interrupted, is_staged
from validate.gate import verdict_text
from validate.signatures import check_signatures
from validate.wording import plural

DIFFERS = 1
UNREADABLE = 4


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What was found; `+` puts findings together."""

    wrong: tuple[str, ...] = ()  # "int8/results.json: what is not as it should be"
    unreadable: tuple[str, ...] = ()  # by this paritygate
    held: tuple[str, ...] = ()  # what was checked and is so
    not_shown: tuple[str, ...] = ()  # what could not be checked, and why
    checked: int = 0  # files whose sums were compared

    def __add__(self, other: "Verification") -> "Verification":
        return Verification(
            wrong=self.wrong + other.wrong,
            unreadable=self.unreadable + other.unreadable,
            held=self.held + other.held,
            not_shown=self.not_shown + other.not_shown,
            checked=self.checked + other.checked,
        )

    @property
    def exit_code(self) -> int:
        """0 verified, 1 something differs, 4 something cannot be read."""
        return DIFFERS if self.wrong else UNREADABLE if self.unreadable else 0


def verify(folder: Path, keys: Sequence[Path] | None = ()) -> Verification:
    """Check every file of a run against its sums, its verdicts against their rows, and its signatures with these keys.

    Without keys it says whether there are signatures, and of these sums; with None it leaves them alone, for who is
    about to sign.

    Raises:
        OutputError: the folder holds no evidence, or no sums to check it by.
        SuiteError: a key that cannot be used.
    """
    if not folder.is_dir():
        raise OutputError(str(folder), "must be the folder of a run")
    if interrupted(folder):
        rule = (
            f"a command was killed while it wrote here; `paritygate report {folder}` brings its files to their places"
        )
        raise OutputError(str(folder), rule)
    listed = (path.relative_to(folder) for path in folder.glob(f"*/{NAME}"))
    names = sorted(path.parent.name for path in listed if not is_staged(path))
    if not names:
        raise OutputError(str(folder), f"must hold the evidence of a run: <compressed>/{RESULTS} and {NAME}")
    found = _sums(folder, names)
    open_questions: dict[str, list[str]] = {}
    for name in names:
        of_model, questions = _model(folder, name)
        found += of_model
        for question in questions:
            open_questions.setdefault(question, []).append(name)
    found += Verification(not_shown=tuple(_named(text, named, names) for text, named in open_questions.items()))
    if not found.unreadable and all((folder / name / RESULTS).is_file() for name in names):
        found += _together(folder)
    if keys is None:
        return found
    signed = check_signatures(folder, names, keys)
    return found + Verification(wrong=signed.wrong, held=signed.held, not_shown=signed.not_shown)


def _named(text: str, models: Sequence[str], of: Sequence[str]) -> str:
    """What is not shown, said once for all models that it is true of."""
    if len(of) == 1:
        return text
    return f"{'all models' if len(models) == len(of) else ', '.join(models)}: {text}"


def _sums(folder: Path, models: list[str]) -> Verification:
    """Whether each file is listed, there and unchanged."""
    wrong: list[str] = []
    listed: set[str] = set()
    for prefix in ("", *(f"{name}/" for name in models)):
        listed |= {f"{prefix}{NAME}", f"{prefix}{SIGNATURE}"}
        try:
            sums = read_checksums(folder / prefix)
        except OutputError as error:
            wrong.append(f"{prefix}{NAME}: {error.rule}")
            continue
        wrong += [f"{prefix}{problem}" for problem in broken(folder / prefix, sums)]
        listed |= {f"{prefix}{name}" for name in sums}
        if not prefix:
            left = [name for name in models if f"{name}/{NAME}" not in sums]
            wrong += [f"{name}/{NAME}: is not listed in {NAME}: not of this run" for name in left]
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    there = {path.as_posix() for path in found if not is_staged(path)}
    wrong += [f"{name}: is not listed in {NAME}" for name in sorted(there - listed)]
    checked = len({name for name in listed & there if not name.endswith(SIGNATURE)})
    return Verification(wrong=tuple(dict.fromkeys(wrong)), checked=checked)


def _model(folder: Path, name: str) -> tuple[Verification, tuple[str, ...]]:
    """Whether one model's verdict follows from its rows and its policy, and what cannot be told."""
    path = folder / name / RESULTS
    try:
        record = read_record(path)
        wrong = list(_form(record, path, name))
        rows = _rows(record, folder / name)
        edge = _edge_rows(record, folder / name, rows)
        again = recomputation.undecided(record) if rows is None else recomputation.problems(record, rows, edge)
        wrong += [f"{name}/{RESULTS}: {problem}" for problem in again]
        if not (record.edge_cases and record.edge_cases.comparisons) and (folder / name / EDGE_ROWS).is_file():
            wrong.append(f"{name}/{EDGE_ROWS}: holds edge cases, and {RESULTS} tells of none")
        wrong += [f"{name}/{problem}" for problem in _slices(record, folder / name)]
    except OutputError as error:
        return Verification(unreadable=(str(error),)), ()
    held: tuple[str, ...] = ()
    if rows is not None and not wrong:
        cases = "" if edge is None else f" and {plural(len(edge.variants.ids), 'edge case')}"
        verdict = verdict_text(record.verdict.outcome, record.verdict.waived)
        held = (f"{name}: {verdict}, recomputed from {len(rows.paired.ids):,} rows{cases}",)
    return Verification(wrong=tuple(wrong), held=held), tuple(_not_shown(record, rows))


def _form(record: EvidenceRecord, path: Path, name: str) -> Iterator[str]:
    if record.compressed_name != name:
        yield f"{name}/{RESULTS}: is the record of {record.compressed_name!r}, in another model's folder"
    if not is_canonical(path.read_bytes()):
        yield f"{name}/{RESULTS}: is not in the canonical form of RFC 8785"


def _rows(record: EvidenceRecord, folder: Path) -> Rows | None:
    """The rows of a record, where it has any."""
    path = folder / ROWS
    if not record.comparisons or record.data is None or record.dense is None or record.compressed is None:
        return None
    if not path.is_file() and not record.suite.release.rows:
        return None
    slices = [c.slice for c in record.comparisons]
    return read_rows(path, record.data.classes, slices, (record.dense, record.compressed))


def _edge_rows(record: EvidenceRecord, folder: Path, rows: Rows | None) -> EdgeRows | None:
    """The edge cases of a record, where it has any and its rows were written."""
    if rows is None or record.dense is None or record.compressed is None:
        return None
    if record.edge_cases is None or not record.edge_cases.comparisons:
        return None
    models = (record.dense, record.compressed)
    return read_edge_rows(folder / EDGE_ROWS, record.edge_cases, rows.paired, models)


def _slices(record: EvidenceRecord, folder: Path) -> Iterator[str]:
    """Whether the table of slices says what the record says; tables of another version may have other columns."""
    if not record.comparisons or not _same_version(record):
        return
    try:
        table = pd.read_parquet(folder / SLICES)
        pd.testing.assert_frame_equal(table, slice_table(record), check_dtype=False, rtol=0, atol=0)
    except AssertionError:
        yield f"{SLICES}: does not say what {RESULTS} says"
    except (OSError, ValueError) as error:
        raise OutputError(str(folder / SLICES), f"cannot be read: {error}") from error


def _not_shown(record: EvidenceRecord, rows: Rows | None) -> Iterator[str]:
    if not record.comparisons:
        yield "nothing was compared, so there is nothing to recompute"
    elif rows is None:
        yield f"the verdict was not recomputed: the suite leaves {ROWS} out"
    else:
        yield from recomputation.not_recomputed(record, rows)
    if not _same_version(record):
        written = record.tool.get("version")
        yield f"what is rendered was not compared: written by paritygate {written}, this is {version('paritygate')}"


def _together(folder: Path) -> Verification:
    """Whether what is rendered from the records is what they give today."""
    records = read_records(folder)
    wrong = []
    if len({record.run.id for record in records}) > 1:
        wrong.append(f"{RESULTS}: the models' records are not of one run")
    if not all(map(_same_version, records)):
        return Verification(wrong=tuple(wrong))
    try:
        made = rendered(records, folder)
    except OutputError as error:
        return Verification(wrong=tuple(wrong), unreadable=(str(error),))
    wrong += [f"{name}: is not what the records give" for name in made if _bytes(folder / name) != made[name]]
    there = ", ".join(name for name, content in made.items() if content is not None)
    return Verification(wrong=tuple(wrong), held=() if wrong else (f"{there}: rendered again, to the byte",))


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _same_version(record: EvidenceRecord) -> bool:
    return record.tool.get("version") == version("paritygate")

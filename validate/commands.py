"""What the commands that judge do: read a suite, call the pipeline, write and show the evidence."""

import dataclasses
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from validate import finding_text, pipeline, planning, terminal, verification
from validate.attempts import Remembered, read_attempts
from validate.cache import open_cache
from validate.comparison import total
from validate.data import load_dataset
from validate.edge_cases.attacked import attack_cells, attacked_examples
from validate.edge_cases.build import build_edge_cases
from validate.edge_cases.sets import assemble
from validate.errors import OutputError, SuiteError
from validate.evidence import EvidenceRecord
from validate.exports.annotations import annotations
from validate.exports.checksums import envelopes_in
from validate.exports.files import read_records, write, write_text, write_together
from validate.gate import worst_exit
from validate.ledger.since import Since
from validate.places import find_suite
from validate.progress import SILENT, Progress
from validate.recording import Judged
from validate.report.facts import overall
from validate.report.sheet import SHOWN, edge_sheet
from validate.stats.rates import wilson_interval
from validate.suite_claims import CostPlan
from validate.suite_file import load_statements, load_suite, with_search
from validate.suite_folder import ATTEMPTS, OUT
from validate.waivers import check_waivers

DEMO = "census_income"
NOT_EVALUATED = 4


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the command line asks of a run."""

    suite: str  # a file, a folder, or the name of a shipped suite
    compressed: tuple[str, ...] = ()  # judge only these; empty: all
    out: Path | None = None  # folder for the evidence
    report_only: bool = False  # do not gate
    use_cache: bool = True  # of answers that were computed before
    allow_pickle: bool = False  # open models that are pickles, which can run any code
    cost: bool = False  # time the models though the suite does not ask for it
    ledger: str | None = None  # file or URL of the ledger that learns of it


@dataclass(frozen=True, kw_only=True)
class Search:
    """What the command line asks of a search."""

    suite: str
    compressed: tuple[str, ...] = ()  # search only these; empty: all
    aim: str | None = None  # instead of the suite's
    depth: int | None = None
    out: Path | None = None  # file for the slices that are found


def run(asked: Run, *, as_json: bool) -> int:
    """Judge, write the evidence, show it, and give the exit code."""
    records, folder, problem = _judge(asked)
    code = 0 if asked.report_only else worst_exit(record.verdict.exit_code for record in records)
    if problem is not None:
        code = problem.exit_code
    if as_json:
        print_json({"exit_code": code, "out": str(folder), "compressed": [_brief(record) for record in records]})
    else:
        _show(records, folder)
    if os.environ.get("GITHUB_ACTIONS") == "true" and not as_json:
        print_text("\n".join(annotations(records)))
    if problem is not None:
        raise problem
    return code


def demo(out: Path | None) -> int:
    """Judge the census suite and tell each compressed model's exit code; 0 when all could be evaluated."""
    records, folder, _ = _judge(Run(suite=DEMO, out=out))
    _show(records, folder)
    print_text(f"\nAs a gate, `paritygate run {DEMO} --compressed NAME` exits with:")
    print_text("\n".join(f"  {record.verdict.exit_code}  {record.compressed_name}" for record in records))
    return NOT_EVALUATED if any(record.verdict.exit_code == NOT_EVALUATED for record in records) else 0


def plan(suite: str, *, churn: float | None, earlier: Path | None, as_json: bool) -> None:
    """Show what each slice is, and which are large enough to pass at this churn, or at that of an earlier run."""
    if churn is not None and earlier is not None:
        raise SuiteError("--churn", "is either given or taken from an earlier run, not both", churn)
    if churn is not None and not 0 < churn < 1:
        raise SuiteError("--churn", "must be more than 0 and less than 1", churn)
    expected = planning.CHURN if churn is None else churn
    source = "assumed" if churn is None else "as given"
    if earlier is not None:
        expected, source = _churn_of(read_records(earlier), earlier)
    made = planning.plan(load_suite(find_suite(suite)), churn=expected, source=source)
    if as_json:
        print_json(planning.as_json(made))
    else:
        screen = terminal.console()
        screen.print(terminal.plan(made, width=screen.width))


def discover(asked: Search, *, as_json: bool) -> None:
    """Search the damage of each compressed model, and show the slices that are found and confirmed."""
    loaded = with_search(load_suite(find_suite(asked.suite)), aim=asked.aim, depth=asked.depth)
    if asked.out is not None:
        refuse_unwritable(asked.out.absolute().parent)
        if asked.out.is_dir():
            raise OutputError("--out", "must be a file", str(asked.out))
    names = asked.compressed or None
    found = pipeline.discover(loaded, compressed=names, cache=open_cache(), progress=progress())
    if asked.out is not None:
        write_text(asked.out, finding_text.toml(found, suite=asked.suite))
    if as_json:
        print_json(finding_text.as_json(found))
    else:
        print_text(finding_text.text(found, suite=loaded.suite.suite))


def edge_cases(suite: str, out: Path) -> None:
    """Write the sheet that shows what each edge-case set looks like."""
    loaded = load_suite(find_suite(suite))
    dataset = load_dataset(loaded)
    gate, plain = loaded.suite.gate, build_edge_cases(loaded, dataset)
    cells = [*(plain.cells if plain else ()), *attack_cells(loaded, dataset)]
    edge = assemble(cells, dataset, gate)
    if edge is None:
        raise SuiteError(loaded.path.name, "declares no edge cases to show; natural ones are slices of a run's report")
    attacks = attacked_examples(loaded, dataset, SHOWN)
    print_text(str(write_text(out, edge_sheet(loaded, dataset, edge, attacks))))


def report(folder: Path, *, pdf: bool = False) -> None:
    """Write the files that are made from the evidence again, and name them."""
    records = read_records(folder)
    with telling_of_signatures(folder):
        print_text("\n".join(map(str, write_together(records, folder, pdf=pdf))))


def _churn_of(records: Sequence[EvidenceRecord], folder: Path) -> tuple[float, str]:
    """The largest upper limit of a compressed model's share of flips, and where it comes from."""
    seen = [(c.counts, record.compressed_name) for record in records if (c := overall(record)) and c.counts]
    if not seen:
        raise OutputError(str(folder), "must hold the evidence of a run that counted right and wrong answers")
    flips = [(counts.gains + counts.losses, total(counts), name) for counts, name in seen]
    upper, k, n, name = max((float(wilson_interval(k, n).high[0]), k, n, name) for k, n, name in flips)
    return upper, f"upper 95 % limit of the {k:,} flips of {n:,} examples that {name} had in {folder}"


def verify(folder: Path, keys: Sequence[Path] = (), *, as_json: bool) -> int:
    """Check a run's evidence, say what was found and what was not checked, and give the exit code."""
    found = verification.verify(folder, keys)
    if as_json:
        print_json({"exit_code": found.exit_code, **dataclasses.asdict(found)})
    else:
        terminal.console().print(terminal.verification(found))
    return found.exit_code


def verdict(folder: Path) -> None:
    """Print the worst verdict of an earlier run, in a word."""
    outcomes = {record.verdict.exit_code: record.verdict.outcome for record in read_records(folder)}
    print_text(str(outcomes[worst_exit(outcomes)]))


def check(suites: Sequence[str]) -> int:
    """Say of each suite whether it can be read, and list the mistakes of those that cannot; 2 where there are any."""
    wrong = 0
    for name in suites:
        try:
            loaded = load_suite(find_suite(name))
            load_statements(loaded)
            check_waivers(loaded, datetime.now(UTC).date())
        except SuiteError as error:
            wrong += 1
            print(f"paritygate: {error}", file=sys.stderr)
        else:
            print_text(f"{loaded.path}: no mistake found")
    return SuiteError.exit_code if wrong else 0


def print_text(text: str) -> None:
    """Print the text as it is; a reader that went away changes nothing."""
    terminal.console().out(text)


def print_json(value: object) -> None:
    """Print one JSON object."""
    print_text(json.dumps(value, indent=2, ensure_ascii=False))


def _judge(asked: Run) -> tuple[list[EvidenceRecord], Path, OutputError | None]:
    """The records, their folder, and what kept the ledger from learning of them, which leaves the evidence complete."""
    loaded = replace(load_suite(find_suite(asked.suite)), allow_pickle=asked.allow_pickle)
    if asked.cost and loaded.suite.data.batch_rows is not None:
        raise SuiteError("--cost", "needs all rows at once, and [data] batch_rows reads a batch at a time")
    if asked.cost and loaded.suite.cost is None:
        loaded = replace(loaded, suite=replace(loaded.suite, cost=CostPlan()))
    folder = asked.out or Path(OUT) / loaded.suite.suite
    refuse_unwritable(folder)
    book = None
    if asked.ledger is not None:
        from validate.bookkeeping import open_book

        book = open_book(asked.ledger)
    judged = pipeline.evaluate(
        loaded,
        compressed=asked.compressed or None,
        command=_command(asked),
        report_only=asked.report_only,
        rows_in=folder,
        attempts=Remembered(read_attempts(folder / ATTEMPTS)) if book is None else book.attempts,
        cache=open_cache() if asked.use_cache else None,
        progress=progress(),
    )
    records = [one.record for one in judged]
    if book is None:
        _write(judged, folder)
        return records, folder, None
    since, problem = book.since(records)
    _write(judged, folder, since)
    return records, folder, book.enter(records, folder) or problem or book.attempts.problem


@contextmanager
def telling_of_signatures(folder: Path) -> Iterator[None]:
    """Say which signatures went away with the files that they were on."""
    before = envelopes_in(folder)
    try:
        yield
    finally:
        gone = [str(path) for path in before if not path.is_file()]
        if gone:
            told = f"removed {', '.join(gone)}: what was signed has been replaced; sign again"
            print(f"paritygate: {told}", file=sys.stderr)


def _write(judged: Sequence[Judged], folder: Path, since: Mapping[str, Since] | None = None) -> None:
    records, rows, edge_rows = zip(*((one.record, one.rows, one.edge_rows) for one in judged), strict=True)
    with telling_of_signatures(folder):
        write(records, rows, folder, edge_rows=edge_rows, since=since)


def progress() -> Progress:
    """A bar where a person looks on."""
    return terminal.Bar(terminal.console(sys.stderr)) if sys.stderr.isatty() else SILENT


def _command(asked: Run) -> str:
    names = [part for name in asked.compressed for part in ("--compressed", name)]
    flags = ["--report-only"] * asked.report_only + ["--no-cache"] * (not asked.use_cache)
    flags += ["--allow-pickle"] * asked.allow_pickle + ["--cost"] * asked.cost
    return shlex.join(["paritygate", "run", asked.suite, *names, *flags])


def refuse_unwritable(folder: Path) -> None:
    """Find out before the models run, and leave nothing behind."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise OutputError("--out", "must be a folder that can be written", str(folder))


def _show(records: Sequence[EvidenceRecord], folder: Path) -> None:
    screen = terminal.console()
    screen.print(terminal.summary(records, report=folder / "report.html", width=screen.width))


def _brief(record: EvidenceRecord) -> dict[str, object]:
    verdict = record.verdict
    return {
        "name": record.compressed_name,
        "verdict": str(verdict.outcome),
        "waived": verdict.waived,
        "exit_code": verdict.exit_code,
        "line": verdict.line,
        "reasons": list(verdict.reasons),
    }

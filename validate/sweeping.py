"""What the command `sweep` does: judge every level and round, and write how far compression can go."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from validate import pipeline, terminal, terminal_sweep
from validate.cache import open_cache
from validate.commands import print_json, progress, refuse_unwritable
from validate.errors import ParitygateError
from validate.evidence import EvidenceRecord
from validate.exports.files import write_text
from validate.finding_text import finite
from validate.forecast import Correlation, correlations
from validate.forecasting import of_suite
from validate.making import TABLES, Wanted, made_suite, tables
from validate.places import find_suite
from validate.report.sweep import render_sweep
from validate.suite import LoadedSuite
from validate.suite_claims import TIMED
from validate.suite_file import load_suite
from validate.suite_folder import OUT
from validate.sweep import Sweep, sweep

PAGE, NUMBERS = "sweep.html", "sweep.json"
NOT_EVALUATED = 4


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line asks of a sweep."""

    suite: str
    compressed: tuple[str, ...] = ()  # judge only these; empty: all
    out: Path | None = None
    use_cache: bool = True
    allow_pickle: bool = False
    forecast: bool = True  # compare with what the dense model alone foretold
    wanted: Wanted = field(default_factory=Wanted)  # to be made now


def run(asked: Asked, *, as_json: bool) -> int:
    """Judge the suite's compressed models, write and show the sweep; 4 where one could not be evaluated, else 0."""
    loaded = replace(load_suite(find_suite(asked.suite)), allow_pickle=asked.allow_pickle)
    folder = asked.out or Path(OUT) / f"{loaded.suite.suite}-sweep"
    refuse_unwritable(folder)
    names = asked.compressed
    if asked.wanted:
        loaded, made = made_suite(loaded, asked.wanted, folder, progress())
        write_text(folder / TABLES, tables(loaded, made))
        names = (*names, *made)
    records = _judged(only_judged(loaded), names, use_cache=asked.use_cache)
    held = only_judged(loaded).suite.claims
    found = sweep(records, loaded.suite.models.compressed)
    found = replace(found, unheld=len(loaded.suite.claims) - len(held))
    if asked.forecast and any(record.comparisons for record in records):
        try:
            found = replace(found, correlations=_correlations(loaded, records, use_cache=asked.use_cache))
        except ParitygateError as error:  # what was judged is written all the same
            found = replace(found, unforetold=str(error))
    numbers = as_numbers(found)
    write_text(folder / NUMBERS, json.dumps(numbers, indent=2, ensure_ascii=False) + "\n")
    page = write_text(folder / PAGE, render_sweep(found))
    code = 0 if all(record.comparisons for record in records) else NOT_EVALUATED
    if as_json:
        print_json({"exit_code": code, "out": str(folder), **numbers})
    else:
        terminal.console().print(terminal_sweep.sweep(found, page=page))
    return code


def only_judged(loaded: LoadedSuite) -> LoadedSuite:
    """The suite without what takes time beside the verdict: searches, populations, measurements, rows."""
    suite = loaded.suite
    bare = replace(
        suite,
        discover=None,
        populations={},
        cost=None,
        claims=tuple(claim for claim in suite.claims if claim.claim not in {*TIMED, "cost"}),
        release=replace(suite.release, rows=False),
    )
    return replace(loaded, suite=bare)


def as_numbers(found: Sweep) -> dict[str, Any]:
    """The sweep for machines; a limit that is not finite is null."""
    numbers = finite(dataclasses.asdict(found))
    assert isinstance(numbers, dict)
    return numbers


def _correlations(
    loaded: LoadedSuite, records: Sequence[EvidenceRecord], *, use_cache: bool
) -> tuple[Correlation, ...]:
    """Of the dense model's forecast with what happened to each compressed model."""
    foretold = of_suite(loaded, cache=open_cache() if use_cache else None, progress=progress())
    seed = loaded.suite.seed
    return tuple(one for it in records for one in correlations(foretold, it.compressed_name, it.comparisons, seed=seed))


def _judged(loaded: LoadedSuite, names: Sequence[str], *, use_cache: bool) -> tuple[EvidenceRecord, ...]:
    judged = pipeline.evaluate(
        loaded,
        compressed=names or None,
        report_only=True,
        cache=open_cache() if use_cache else None,
        progress=progress(),
    )
    return tuple(one.record for one in judged)

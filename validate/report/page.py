"""The sign-off report: one HTML file that needs no network and no other file, and is complete without its script."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from validate import wording
from validate.contract import ContractResult
from validate.evidence import EvidenceRecord, sha256
from validate.frameworks import frameworks, unplaced
from validate.ledger.beside import NOTHING, Beside
from validate.methods import Method
from validate.places import reports_dir
from validate.report.edge_cases import EdgeMap, edge_map
from validate.report.model import ModelView, model_view
from validate.report.run import (
    Fact,
    FrameworkView,
    Overview,
    data_facts,
    framework_view,
    header,
    overview,
    policy_facts,
    reproduction,
)
from validate.report.tables import Status, status
from validate.report.trade import Trade, trade
from validate.report.untested import untested
from validate.suite import Statement

MOST_ROWS = 600  # of each kind of table that is cut short, in a whole page
SHARED = frozenset({"scope", "data", "policy", "method", "limits", "reproduce", "files"})  # sections of all models


@dataclass(frozen=True, kw_only=True)
class ContractRow:
    """One expectation of the data contract."""

    expectation: str
    subject: str
    status: Status
    reason: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """The whole report, ready to be laid out."""

    title: str
    suite: str
    task: str
    declared: tuple[str, ...]  # all compressed models that the suite names
    gated: bool
    header: tuple[Fact, ...]
    overview: Overview
    trade: Trade
    edge_map: EdgeMap | None
    models: tuple[ModelView, ...]
    data: tuple[Fact, ...]
    contract: tuple[ContractRow, ...]
    policy: tuple[Fact, ...]
    methods: tuple[Method, ...]
    frameworks: tuple[FrameworkView, ...]
    unplaced: tuple[Statement, ...]
    command: str
    reproduction: tuple[Fact, ...]
    untested: tuple[str, ...]
    files: tuple[tuple[str, str], ...]  # name, SHA-256


def render(records: Sequence[EvidenceRecord], beside: Sequence[Beside] | None = None) -> str:
    """The report on all compressed models of a run as one HTML page.

    The records are of one run: they share suite, data and policy. `beside` holds each record's decisions and earlier
    runs, where there are any. ValueError without a record.
    """
    if not records:
        raise ValueError("a report needs at least one record")
    return layout("page.html.j2", page_view(records, beside or [NOTHING] * len(records)))


def layout(template: str, page: object) -> str:
    """A view laid out by a template of ours, in a page that fetches nothing and runs at most its own script."""
    folder = reports_dir() / "templates"
    style = (folder / "style.css").read_text(encoding="utf-8")
    script = (folder / "page.js").read_text(encoding="utf-8")
    made = _environment(folder).get_template(template)
    return made.render(
        page=page,
        style=style,
        style_hash=_csp_hash(style),
        script=script,
        script_hash=_csp_hash(script),
        icons=_ICONS,
    )


def page_view(records: Sequence[EvidenceRecord], beside: Sequence[Beside]) -> Page:
    """The view of a run."""
    first = records[0]
    shown = frameworks()
    most = max(40, round(MOST_ROWS / len(records) ** 1.25))  # a page of many models has many tables
    return Page(
        title=first.suite.release.system or first.suite.name,
        suite=first.suite.name,
        task=first.suite.task,
        declared=first.suite.compressed_names,
        gated=not first.run.report_only,
        header=header(first),
        overview=overview(records),
        trade=trade(records),
        edge_map=edge_map(records),
        models=tuple(
            model_view(record, f"m{i}", most=most, beside=known)
            for i, (record, known) in enumerate(zip(records, beside, strict=True), start=1)
        ),
        data=tuple(data_facts(first)),
        contract=tuple(_contract_row(found) for found in first.contract),
        policy=tuple(policy_facts(first)),
        methods=first.methods,
        frameworks=tuple(framework_view(framework, records, SHARED) for framework in shown),
        unplaced=unplaced(shown, first),
        command=first.run.command,
        reproduction=tuple(reproduction(records)),
        untested=tuple(dict.fromkeys(text for record in records for text in untested(record))),
        files=tuple(_files(records, beside)),
    )


def _files(records: Sequence[EvidenceRecord], beside: Sequence[Beside]) -> Iterator[tuple[str, str]]:
    """The files of each model's folder that do not change after the run, and so can be named without a circle."""
    for record, known in zip(records, beside, strict=True):
        for name, digest in known.files.items() or {"results.json": sha256(record)}.items():
            yield f"{record.compressed_name}/{name}", digest


def _contract_row(found: ContractResult) -> ContractRow:
    return ContractRow(
        expectation=found.expectation,
        subject=found.subject or "table",
        status=status(found.outcome, {"PASS": "holds", "FAIL": "does not hold"}.get(found.outcome, "not evaluated")),
        reason=found.reason,
    )


def _environment(folder: Path) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_readable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _readable(value: object) -> object:
    """What HTML forbids, replaced; a string that is already markup stays as it is."""
    return wording.clean(value) if type(value) is str else value


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# the outcome's symbol, drawn, so that no font is needed: 16 × 16
_ICONS: Mapping[str, str] = {
    "pass": "M4 8.5 7 11.5 12.5 5",
    "fail": "M4.5 4.5 11.5 11.5 M11.5 4.5 4.5 11.5",
    "inconclusive": "M5.6 6a2.4 2.4 0 1 1 3.6 2.1c-.8.5-1.2.9-1.2 1.7 M8 12.2v.2",
    "error": "M8 3.6v5.2 M8 11.8v.3",
    "waived": "M8 2.5a5.5 5.5 0 1 0 .01 0 M8 5v3.2l2.2 1.6",
}

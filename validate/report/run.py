"""What all compressed models of a run share: header, overview, scope, data, policy, method, limits, reproduction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from validate import wording
from validate.evidence import EvidenceRecord, sha256
from validate.frameworks import Found, Framework, rows
from validate.report.facts import change_text, flagged_text, limit, margin_text, overall, rate, worst_guarded
from validate.report.forest import Forest, Scale, forest, scale
from validate.report.tables import Status
from validate.report.waivers import verdict_status
from validate.suite import Statement


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A name and what was recorded under it."""

    name: str
    text: str
    code: bool = False  # a hash or a command: set in a fixed width


@dataclass(frozen=True, kw_only=True)
class OverviewRow:
    """One compressed model in the table that comes first."""

    anchor: str
    name: str
    status: Status
    gated: bool
    change: str
    forest: Forest | None
    worst: str
    worst_change: str
    flagged: str
    blind: str


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The table that comes first."""

    metric: str
    rows: tuple[OverviewRow, ...]
    scale: Scale | None


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What the records hold for one piece of evidence: one text, or one for each model where they differ."""

    label: str
    texts: tuple[tuple[str, str, str], ...]  # model's name ("" where all agree), text, anchor


@dataclass(frozen=True, kw_only=True)
class RowView:
    """A framework's row."""

    id: str
    level: str
    title: str
    paraphrase: str
    quotes: tuple[Quote, ...]
    statements: tuple[Statement, ...]
    human_needed: str
    out_of_scope: str
    guard: str


@dataclass(frozen=True, kw_only=True)
class FrameworkView:
    """A framework, its rows grouped by the first word of their ids."""

    anchor: str
    name: str
    version: str
    footer: str
    levels: tuple[tuple[str, str], ...]
    groups: tuple[tuple[str, tuple[RowView, ...]], ...]


def header(record: EvidenceRecord) -> tuple[Fact, ...]:
    """What a reader must know before anything else."""
    release, data = record.suite.release, record.data
    found = [
        Fact(name="Intended use", text=release.intended_use or "not declared"),
        Fact(name="Owner", text=release.owner or "not declared"),
        Fact(name="Suite", text=f"{record.suite.name}, policy {_short(record.suite.policy_sha256)}"),
        Fact(name="Metric", text=record.policy.metric),
        Fact(
            name="Examples",
            text=f"{data.n:,} from {data.source}, {_short(data.sha256)}" if data else "could not be read",
        ),
        Fact(name="Dense model", text=_short_identity(record)),
        Fact(name="Run", text=f"{wording.moment(record.run.started)}, {record.run.id}"),
        Fact(name="Signature", text="Not told by this page: paritygate verify --key checks it"),
    ]
    return tuple(found)


def _short_identity(record: EvidenceRecord) -> str:
    if record.dense is None:
        return "not loaded"
    digest = f", {_short(record.dense.sha256)}" if record.dense.sha256 else ""
    return f"{record.dense.source}{digest}"


def _short(digest: str) -> str:
    return f"SHA-256 {digest[:12]}…"


def overview(records: Sequence[EvidenceRecord]) -> Overview:
    """Every compressed model in one row, in the order of the run."""
    everything = [c for record in records if (c := overall(record)) is not None]
    on = scale(everything) if everything else None
    rows = tuple(_overview_row(record, f"m{i}", on) for i, record in enumerate(records, start=1))
    return Overview(metric=records[0].policy.metric, rows=rows, scale=on)


def _overview_row(record: EvidenceRecord, anchor: str, on: Scale | None) -> OverviewRow:
    everything, worst = overall(record), worst_guarded(record)
    drawn = (
        forest(everything.change, limit(everything), on, css=everything.outcome.lower()) if everything and on else None
    )
    return OverviewRow(
        anchor=anchor,
        name=record.compressed_name,
        status=verdict_status(record.verdict.outcome, record.verdict.waived),
        gated=not record.run.report_only,
        change=change_text(everything) if everything else wording.ABSENT,
        forest=drawn,
        worst=worst.slice.name if worst else wording.ABSENT,
        worst_change=f"{change_text(worst)}, margin {margin_text(worst)}" if worst else "",
        flagged=flagged_text(record),
        blind=wording.count(len(record.blind_spots)) if record.comparisons else wording.ABSENT,
    )


def policy_facts(record: EvidenceRecord) -> Iterator[Fact]:
    """The policy in force, with its hash."""
    policy, told = record.policy, rate(record) or record.policy.metric == "accuracy"
    yield Fact(name="Metric", text=policy.metric)
    yield Fact(name="Margin", text=wording.margin(policy.margin, rate=told))
    if policy.margin_ratio is not None:
        yield Fact(name="Margin as a ratio of errors", text=f"{policy.margin_ratio:g}")
    yield Fact(name="Margin of a class’s recall", text=wording.margin(policy.class_margin, rate=True))
    yield Fact(name="Disparity margin", text=wording.margin(policy.disparity_margin, rate=told))
    yield Fact(name="Confidence", text=f"{100 * policy.confidence:g} %, two-sided")
    yield Fact(name="Under-represented", text=f"below {wording.percent(policy.under_represented, 1)} of the examples")
    yield Fact(name="Screen", text=policy.screen)
    inconclusive = "withholds a PASS" if policy.inconclusive == "block" else "is noted, and withholds nothing by itself"
    yield Fact(name="An inconclusive guarded slice", text=inconclusive)
    waivers = f"{policy.waivers}, each for at most {policy.waiver_days} days" if policy.waivers else "none"
    yield Fact(name="Waivers", text=waivers)
    if policy.critical:
        yield Fact(name="Critical: nothing excuses its checks", text=wording.listing(policy.critical, most=40))
    attempts = f"{policy.attempts:,}" if policy.attempts else "none declared, so the level is not shared out"
    yield Fact(name="Declared attempts on these examples", text=attempts)
    yield Fact(name="SHA-256 of the policy", text=record.suite.policy_sha256, code=True)


def data_facts(record: EvidenceRecord) -> Iterator[Fact]:
    """Which examples were used."""
    data = record.data
    if data is None:
        return
    yield Fact(name="Source", text=data.source)
    yield Fact(name="SHA-256", text=data.sha256, code=True)
    yield Fact(name="Examples", text=wording.count(data.n))
    yield Fact(name="Label", text=data.label)
    if data.classes:
        counted = zip(data.classes, data.class_counts, strict=False)
        yield Fact(
            name="Classes", text="; ".join(f"{name}: {n:,} ({wording.share(n / data.n)})" for name, n in counted)
        )
    units = (
        f"{data.clusters:,} sampled units"
        if data.clusters is not None
        else "none declared: each example is its own unit"
    )
    yield Fact(name="Clusters", text=units)
    train = (
        f"{data.train_n:,} examples" if data.train_n is not None else "not given: shares are shares of the test data"
    )
    yield Fact(name="Training data", text=train)


def reproduction(records: Sequence[EvidenceRecord]) -> Iterator[Fact]:
    """What it takes to run this again and get the same numbers."""
    first = records[0]
    yield Fact(name="Tool", text=f"{first.tool.get('name', '')} {first.tool.get('version', '')}".strip())
    yield Fact(name="Suite file", text=f"{first.suite.file}, SHA-256 {first.suite.sha256}", code=True)
    for hook in first.suite.hooks:
        yield Fact(name="Code of the suite", text=f"{hook.path}, SHA-256 {hook.sha256}", code=True)
    yield Fact(name="Seed", text=str(first.suite.seed))
    for record in records:
        yield Fact(name=f"results.json of {record.compressed_name}", text=f"SHA-256 {sha256(record)}", code=True)
    for name, version in sorted(first.environment.items()):
        yield Fact(name=name, text=version)
    taken = "; ".join(f"{stage} {seconds:.2f} s" for stage, seconds in sorted(first.run.seconds.items()))
    yield Fact(name="Wall time", text=taken or "not recorded in this run")


def framework_view(framework: Framework, records: Sequence[EvidenceRecord], shared: frozenset[str]) -> FrameworkView:
    """A framework's rows over all records; `shared` names the sections that all models have in common."""
    found = [rows(framework, record) for record in records]
    groups: dict[str, list[RowView]] = {}
    for i, spec in enumerate(framework.rows):
        view = RowView(
            id=spec.id,
            level=spec.level,
            title=spec.title,
            paraphrase=spec.paraphrase,
            quotes=tuple(
                _quote([of[i].found[k] for of in found], [r.compressed_name for r in records], shared)
                for k in range(len(spec.evidence))
            ),
            statements=found[0][i].statements,
            human_needed=wording.listing(spec.human_needed, most=9),
            out_of_scope=spec.out_of_scope,
            guard=spec.guard,
        )
        groups.setdefault(spec.id.partition(" ")[0], []).append(view)
    return FrameworkView(
        anchor="framework-" + "".join(c if c.isalnum() else "-" for c in framework.short.lower()),
        name=framework.framework,
        version=framework.framework_version,
        footer=framework.footer,
        levels=tuple(framework.levels.items()),
        groups=tuple((name, tuple(members)) for name, members in groups.items()),
    )


def _quote(found: Sequence[Found], names: Sequence[str], shared: frozenset[str]) -> Quote:
    section = found[0].section
    anchors = [section if section in shared else f"m{i}-{section}" for i in range(1, len(found) + 1)]
    if len({f.text for f in found}) == 1:
        return Quote(label=found[0].label, texts=(("", found[0].text, anchors[0]),))
    texts = zip(names, (f.text for f in found), anchors, strict=True)
    return Quote(label=found[0].label, texts=tuple(texts))

"""Evidence records made by hand, in every status: for the tests of what is rendered from them."""

import math
from collections.abc import Sequence
from dataclasses import replace

from validate.checks import BlindSpot, Note
from validate.comparison import Comparison, Counts, Score
from validate.contract import ContractResult
from validate.decisions import Decision, Decisions
from validate.discovery import Discovery, Finding
from validate.disparity import Disparity
from validate.evidence import FORMAT_VERSION, DataFacts, EvidenceRecord, Hook, RunFacts, SuiteFacts, case_of, sha256
from validate.gate import CheckKind, CheckResult, Scope, decide
from validate.ledger.beside import Beside
from validate.ledger.entries import ORIGIN, Entry, chained, read_slices, run_draft, signature_draft
from validate.ledger.runs import runs
from validate.ledger.since import since
from validate.methods import Method
from validate.outcome import Outcome
from validate.predictions import ModelIdentity
from validate.slices import Kind, Slice
from validate.stats.results import Interval
from validate.suite import Gate, Release, Statement
from validate.waiver_file import Waiver
from validate.waivers import Findings, excuse

N = 40_000
HOSTILE = (
    "<script>alert(1)</script>\"><img src=x onerror=alert(2)> & 'q' `| **b** \x00\x07\u202e [l](javascript:x) @all"
)
RTL = "السكن: مستأجر مع عائلة"
LONG = "occupation: " + "Handlers-equipment-cleaners-and-labourers-without-any-space-" * 8


def interval(gains: int, losses: int, n: int) -> Interval:
    """Limits by a formula that fits in one line; the engine's own are tested elsewhere."""
    pg, pl = (gains + 1) / (n + 2), (losses + 1) / (n + 2)
    half = 1.96 * math.sqrt((pg + pl - (pg - pl) ** 2) / (n + 2))
    low, high = max(-1.0, pg - pl - half), min(1.0, pg - pl + half)
    return Interval(estimate=(gains - losses) / n, low=low, high=high, level=0.95, method="Bonett–Price (2012)")


def comparison(
    name: str,
    n: int,
    gains: int,
    losses: int,
    *,
    kind: Kind = Kind.CATEGORY,
    guard: bool = False,
    margin: float = 0.02,
    p_adjusted: float | None = 1.0,
    dense: float = 0.952,
    members: tuple[str, ...] = (),
) -> Comparison:
    found = interval(gains, losses, n)
    outcome = Outcome.PASS if found.low > -margin else Outcome.FAIL if found.high < -margin else Outcome.INCONCLUSIVE
    right = max(round(dense * n), losses)
    smallest = math.ceil(1.96**2 * (1 - margin) / margin)
    column = name.partition(": ")[0]
    return Comparison(
        slice=Slice(
            name=name,
            kind=kind,
            where="" if kind is Kind.ALL else f"{column} == '{name.partition(': ')[2]}'",
            columns=() if kind is Kind.ALL else (column,),
            n=n,
            share=n / N,
            train_share=None,
            margin=margin,
            guard=guard,
            screened=kind in {Kind.CATEGORY, Kind.CROSS, Kind.WHERE, Kind.CLASS},
            disparity=n / N < 0.05,
            under_represented=n / N < 0.05,
            members=members,
        ),
        metric="accuracy",
        counts=Counts(both_right=right - losses, gains=gains, losses=losses, both_wrong=max(0, n - right - gains)),
        dense=right / n,
        compressed=(right - losses + gains) / n,
        change=found,
        ratio=None,
        outcome=outcome,
        regressed=found.high < 0,
        p=0.5 if losses <= gains else 0.002,
        p_method="exact one-sided sign test",
        p_adjusted=p_adjusted if kind is not Kind.RARE and kind is not Kind.ALL else None,
        p_fdr=p_adjusted,
        p_gain_fdr=None,
        flagged=p_adjusted is not None and p_adjusted < 0.05 and outcome is Outcome.FAIL,
        n_smallest=smallest,
        n_needed=2 * smallest + 17 if outcome is Outcome.INCONCLUSIVE else None,
        smallest_margin=-found.low,
        flips={Outcome.PASS: 3, Outcome.INCONCLUSIVE: -2, Outcome.FAIL: -40}[outcome],
        scores=(
            Score(metric="Brier score", n=n, dense=0.0712, compressed=0.0723, change=-0.0011),
            Score(metric="false negative rate", n=n, dense=0.52, compressed=0.541, change=-0.021),
        )
        if guard or kind is Kind.CLASS
        else (),
    )


def disparity(found: Comparison, *, flagged: bool = False) -> Disparity:
    low, high = (-0.12, -0.041) if flagged else (-0.03, 0.02)
    estimate = (low + high) / 2
    return Disparity(
        slice=found.slice.name,
        n=found.slice.n,
        n_complement=N - found.slice.n,
        change=found.change.estimate,
        change_complement=found.change.estimate - estimate,
        difference=Interval(estimate=estimate, low=low, high=high, level=0.95, method="MOVER on Tango limits"),
        margin=0.03,
        p=0.0001 if flagged else 0.2,
        p_adjusted=0.003 if flagged else 1.0,
        p_fdr=0.009 if flagged else 1.0,
        flagged=flagged,
        outcome=Outcome.FAIL if flagged else Outcome.PASS,
        could_see=found.slice.n > 300,
        ratio=Interval(estimate=1.4, low=0.9, high=2.2, level=0.95, method="log-scale"),
    )


def check(found: Comparison) -> CheckResult:
    return CheckResult(
        id=f"non-inferiority: {found.slice.name}",
        kind=CheckKind.NON_INFERIORITY,
        slice=found.slice.name,
        outcome=found.outcome,
        reason=f"change {found.change.estimate:+.4f}, 95 % interval {found.change.low:+.4f} to {found.change.high:+.4f}, "
        f"margin {found.slice.margin:g}, n {found.slice.n}",
        numbers={"change": found.change.estimate, "n": found.slice.n},
    )


def discovery(name: str = "crop: maize", **changes: object) -> Discovery:
    """A search that found one slice."""
    change = Interval(estimate=-0.0521, low=-0.08, high=-0.031, level=0.95, method="Tango")
    finding = Finding(
        name=name,
        where="crop == 'maize'",
        n=1_204,
        share=0.034,
        change=change,
        p=1e-7,
        p_adjusted=4e-6,
        found_change=-0.06,
        versions=("light: dusk", "month: May", "a: 1", "b: 2"),
        ids=("p1", "p9"),
        suggestion='[[slices]]  # n = 1,204\nname = "crop: maize"\nwhere = "crop == \'maize\'"\n',
    )
    return replace(
        Discovery(
            aim="excess",
            metric="accuracy",
            depth=3,
            attributes=("crop", "light"),
            findings=(finding,),
            candidates=2,
            halves=(50, 51),
            level=0.05,
            limits=("column 'id': too many values",),
            summary="1 found",
        ),
        **changes,
    )


INTEGRITY = (
    CheckResult(id="integrity: contract", kind=CheckKind.INTEGRITY, slice=None, outcome=Outcome.PASS, reason="2 hold"),
    CheckResult(
        id="integrity: pairing",
        kind=CheckKind.INTEGRITY,
        slice=None,
        outcome=Outcome.PASS,
        reason="40,000 examples paired by id",
    ),
    CheckResult(
        id="policy: constant predictions",
        kind=CheckKind.POLICY,
        slice=None,
        outcome=Outcome.PASS,
        reason="no constant prediction passes",
    ),
)


def record(
    name: str,
    comparisons: Sequence[Comparison],
    *,
    screen: Sequence[str] = (),
    disparities: Sequence[Disparity] = (),
    release: Release | None = None,
    notes: Sequence[Note] = (),
) -> EvidenceRecord:
    """A complete record; `screen` names the slices that the screen flags."""
    unequal = [d.slice for d in disparities if d.flagged]
    screened = sum(c.slice.screened for c in comparisons)
    blind = (
        BlindSpot(slice="race: Eskimo", n=31, share=31 / N, smallest_margin=0.11, pooled="race: rare together"),
        BlindSpot(slice="country: Laos", n=7, share=7 / N, smallest_margin=0.354),
    )
    checks = (
        *INTEGRITY,
        *(check(c) for c in comparisons if c.slice.guard),
        CheckResult(
            id="screen",
            kind=CheckKind.SCREEN,
            slice=None,
            outcome=Outcome.FAIL if screen else Outcome.PASS,
            reason=f"really worse and too much worse: {', '.join(screen)}"
            if screen
            else f"none of {screened} slices was shown to lose more than the margin",
            numbers={"flagged": len(screen), "screened": screened},
        ),
        CheckResult(
            id="disparity",
            kind=CheckKind.DISPARITY,
            slice=None,
            outcome=Outcome.FAIL if unequal else Outcome.PASS,
            reason=f"loses more than the rest: {', '.join(unequal)}"
            if unequal
            else f"none of {len(disparities)} categories was shown to lose more than the rest",
            numbers={"flagged": len(unequal)},
        ),
    )
    scope = Scope(screened=screened, blind=len(blind), blind_share=sum(b.share for b in blind), blind_unpooled=1)
    return EvidenceRecord(
        format_version=FORMAT_VERSION,
        tool={"name": "paritygate", "version": "0.1.0"},
        run=RunFacts(
            id="2026-01-02T03-04-05Z-1a2b3c",
            started="2026-01-02T03:04:05Z",
            finished="2026-01-02T03:04:31Z",
            command="paritygate run census_income",
            report_only=False,
            attempt=2,
            seconds={"data": 1.2, "models": 3.4, "comparison": 0.2},
        ),
        suite=SuiteFacts(
            name="census-income",
            task="classification",
            seed=7,
            file="suite.toml",
            sha256="5" * 64,
            policy_sha256="9" * 64,
            release=release
            or Release(
                system="Income screening",
                intended_use="Rank households for a follow-up survey; a person reads every answer.",
                owner="Survey methods group",
            ),
            statements=(
                Statement(
                    id="MEASURE 2.2",
                    text="The data are public-use files; no study with people was made, and the files are safe to share.",
                    by="A. Lind",
                    date="2026-01-01",
                ),
            ),
            hooks=(Hook(path="models.py", sha256="a" * 64), Hook(path="columns.py", sha256="b" * 64)),
            compressed_names=("int8", "pruned-80", "pruned-95"),
        ),
        policy=Gate(),
        data=DataFacts(
            source="data/test.parquet",
            sha256="d" * 64,
            n=N,
            label="income",
            classes=("- 50000.", "50000+."),
            class_counts=(36_600, 3_400),
            clusters=None,
            train_n=None,
        ),
        contract=(
            ContractResult(
                expectation="expect_column_values_to_not_be_null",
                subject="age",
                outcome=Outcome.PASS,
                reason="0 of 40,000 unexpected",
            ),
            ContractResult(
                expectation="expect_table_row_count_to_be_between",
                subject="",
                outcome=Outcome.PASS,
                reason="40,000 rows",
            ),
        ),
        dense=ModelIdentity(
            name="dense",
            kind="torch",
            source="models.py:build",
            sha256="e" * 64,
            bytes=412_345,
            details=(("parameters", "101,122"), ("device", "cpu")),
        ),
        compressed=ModelIdentity(
            name=name,
            kind="torch",
            source="models.py:build",
            sha256="f" * 64,
            bytes=104_000,
            details=(("parameters", "101,122"),),
        ),
        compressed_name=name,
        missing_answers=0,
        comparisons=tuple(comparisons),
        disparities=tuple(disparities),
        checks=checks,
        verdict=decide(checks, scope),
        blind_spots=blind,
        notes=(Note(kind="improvement", slice="label: 50000+.", text="recall rose by 2.1 points"), *notes),
        methods=(
            Method(
                topic="interval",
                text="Score interval of the paired difference, two-sided 95 %.",
                source="Tango 1998, Statistics in Medicine 17:891",
            ),
            Method(
                topic="screen",
                text="One-sided exact sign test, Holm at 0.05, and the slice's own upper limit below −margin.",
                source="Holm 1979",
            ),
        ),
        environment={"python": "3.11.2", "platform": "Linux x86_64", "torch": "2.13.0", "numpy": "2.4.0"},
    )


def slices(loss: float = 0.002, **special: tuple[int, int, int]) -> list[Comparison]:
    """A census-like set: all, two classes, a pool, a predicate and twelve categories."""
    found = [
        comparison("all", N, 90, 90 + round(N * loss), kind=Kind.ALL, guard=True),
        comparison("label: - 50000.", 36_600, 40, 60, kind=Kind.CLASS, guard=True, margin=0.05, dense=0.988),
        comparison("label: 50000+.", 3_400, 120, 60, kind=Kind.CLASS, guard=True, margin=0.05, dense=0.46),
        comparison(
            "race: rare together", 610, 2, 3, kind=Kind.RARE, guard=True, members=("race: Eskimo", "race: Other")
        ),
        comparison("older workers without pay", 420, 0, 1, kind=Kind.WHERE, guard=True, margin=0.05),
    ]
    names = [
        "White",
        "Black",
        "Asian",
        "Other",
        "Female",
        "Male",
        "Citizen",
        "Foreign",
        "Self-employed",
        "Private",
        "Federal",
        "Rural",
    ]
    found += [comparison(f"group: {word}", 600 + 900 * i, i, i + 2) for i, word in enumerate(names)]
    return found


def passing() -> EvidenceRecord:
    found = slices()
    return record("int8", found, disparities=[disparity(c) for c in found if c.slice.under_represented])


def failing() -> EvidenceRecord:
    """One guarded slice fails, one screened slice is flagged, one category loses more than the rest."""
    found = [c for c in slices(loss=0.006) if c.slice.name not in {"label: 50000+.", "group: Black"}]
    found.insert(2, comparison("label: 50000+.", 3_400, 10, 640, kind=Kind.CLASS, guard=True, margin=0.05, dense=0.46))
    found.append(comparison("group: Black", 1_500, 4, 140, p_adjusted=1e-30))
    found.append(comparison("group: Black & sex: Female", 700, 1, 70, kind=Kind.CROSS, p_adjusted=2e-15))
    found.append(comparison("group: Tiny", 44, 0, 2, p_adjusted=1.0))
    low = [c for c in found if c.slice.under_represented]
    made = record(
        "pruned-95",
        found,
        screen=("group: Black", "group: Black & sex: Female"),
        disparities=[disparity(c, flagged=c.slice.name == "group: Black") for c in low],
        notes=(Note(kind="loss", slice="group: Tiny", text="any loss, Benjamini–Hochberg at 0.10"),),
    )
    return replace(made, discovery=discovery())


def inconclusive() -> EvidenceRecord:
    found = slices(loss=0.001)
    found.append(comparison("rare disease codes", 120, 0, 1, kind=Kind.WHERE, guard=True))
    return replace(record("pruned-80", found), missing_answers=3)


def waived(found: EvidenceRecord, *waivers: Waiver) -> EvidenceRecord:
    """The record with these waivers, judged as it would have been."""
    gate, scope = (
        replace(found.policy, waivers="waivers.toml"),
        Scope(screened=17, blind=2, blind_share=0.001, blind_unpooled=1),
    )
    findings = Findings(checks=found.checks, comparisons=found.comparisons, disparities=found.disparities, edge=())
    checks, assessed = excuse(waivers, findings, gate, case_of(found))
    return replace(found, policy=gate, checks=checks, waivers=assessed, verdict=decide(checks, scope))


def waiver(check: str, name: str, **changes: object) -> Waiver:
    made = Waiver(
        id=f"W-{check[0]}{len(name)}",
        check=check,
        slice=name,
        compressed="pruned-95",
        reason="Replaced by the next training run; the list is read by a person until then.",
        risk_owner="A. Lind",
        approved_by="C. Holm",
        created="2025-12-01",
        expires="2026-02-20",
    )
    return replace(made, **changes)


def all_waived() -> EvidenceRecord:
    """A PASS that rests on waivers: one of each kind, one that ends soon, one that nothing needs any more."""
    return waived(
        failing(),
        waiver("non-inferiority", "label: 50000+.", id="W-1", ticket="RISK-7", ceiling=0.25),
        waiver("screen", "group: Black", id="W-2", expires="2026-01-10"),
        waiver("screen", "group: Black & sex: Female", id="W-3"),
        waiver("disparity", "group: Black", id="W-4"),
        waiver("screen", "group: Tiny", id="W-5"),
    )


def expired() -> EvidenceRecord:
    """Waivers that do not hold: one expired, one lapsed, one approved by nobody who may; and one that does."""
    found = failing()
    authored = replace(found, suite=replace(found.suite, release=replace(found.suite.release, author="B. Berg")))
    return waived(
        authored,
        waiver("non-inferiority", "label: 50000+.", id="W-1", ceiling=0.1),
        waiver("screen", "group: Black", id="W-2", expires="2025-12-31"),
        waiver("screen", "group: Black & sex: Female", id="W-3", approved_by="b. berg"),
        waiver("disparity", "group: Black", id="W-4"),
    )


def error() -> EvidenceRecord:
    """The data broke its contract: nothing was evaluated."""
    checks = (
        CheckResult(
            id="integrity: contract",
            kind=CheckKind.INTEGRITY,
            slice=None,
            outcome=Outcome.ERROR,
            reason="1 of 2 expectations does not hold",
        ),
    )
    return replace(
        passing(),
        contract=(
            ContractResult(
                expectation="expect_column_values_to_be_between",
                subject="age",
                outcome=Outcome.FAIL,
                reason="17 of 40,000 values outside 0 to 120",
            ),
        ),
        dense=None,
        compressed=None,
        comparisons=(),
        disparities=(),
        checks=checks,
        verdict=decide(checks, Scope(screened=0, blind=0, blind_share=0.0, blind_unpooled=0)),
        blind_spots=(),
        notes=(),
    )


def empty() -> EvidenceRecord:
    """Not even the data could be read, and no check was made."""
    none = decide((), Scope(screened=0, blind=0, blind_share=0.0, blind_unpooled=0))
    bare = replace(
        error(), run=replace(error().run, attempt=None), data=None, contract=(), checks=(), methods=(), verdict=none
    )
    return replace(bare, suite=replace(bare.suite, release=Release(), statements=(), hooks=()))


def hostile() -> EvidenceRecord:
    """Markup, control characters, right-to-left and endless names wherever a name can be."""
    found = [
        *slices(),
        comparison(HOSTILE, 900, 1, 90, guard=True),
        comparison(RTL, 800, 1, 50, p_adjusted=1e-9),
        comparison(LONG, 700, 1, 2),
    ]
    bad = record(
        "evil.name",
        found,
        screen=(RTL, HOSTILE),
        disparities=[disparity(found[-1], flagged=True)],
        release=Release(system=HOSTILE, intended_use=LONG, owner=RTL),
        notes=(Note(kind=HOSTILE, slice=HOSTILE, text=HOSTILE),),
    )
    spoiled = replace(
        bad.suite,
        statements=(Statement(id="MEASURE 2.5", text=HOSTILE, by=HOSTILE, date=HOSTILE),),
        hooks=(Hook(path=HOSTILE, sha256="c" * 64),),
        name=HOSTILE,
    )
    assert bad.data is not None
    said = {"reason": HOSTILE, "risk_owner": HOSTILE, "approved_by": HOSTILE, "ticket": HOSTILE}
    excused = waiver("disparity", LONG, id=HOSTILE, compressed="evil.name", expires="2026-01-03", **said)
    bad = waived(bad, excused, waiver("screen", HOSTILE, id=RTL, compressed="evil.name", **said))
    return replace(
        bad,
        suite=spoiled,
        data=replace(bad.data, source=HOSTILE, label=HOSTILE, classes=(HOSTILE, RTL)),
        environment={HOSTILE: HOSTILE},
        run=replace(bad.run, command=HOSTILE),
        discovery=replace(
            discovery(limits=(HOSTILE, RTL), summary=HOSTILE),
            findings=(
                replace(
                    discovery().findings[0], name=HOSTILE, versions=(RTL, HOSTILE), ids=(HOSTILE,), suggestion=HOSTILE
                ),
            ),
        ),
    )


def many(m: int = 500) -> EvidenceRecord:
    """So many slices that a report must choose what to show."""
    found = slices()
    found += [
        comparison(
            f"country: {i:04d} & sex: {'Female' if i % 2 else 'Male'}",
            40 + 7 * (i % 300),
            i % 3,
            i % 5,
            kind=Kind.CROSS,
        )
        for i in range(m - len(found))
    ]
    return record("int8", found, disparities=[disparity(c) for c in found if c.slice.disparity][:100])


def clustered() -> EvidenceRecord:
    """A metric that is no rate, clusters, a pool too small to decide, an interval without limits."""
    base = passing()
    assert base.data is not None
    open_interval = Interval(estimate=-0.01, low=-math.inf, high=math.inf, level=0.95, method="paired t")
    found = tuple(
        replace(c, metric="mae", counts=None, dense=3.1, compressed=3.2, note="clusters: design effect 2.3")
        for c in base.comparisons
    )
    found = (
        found[0],
        replace(found[1], change=open_interval, outcome=Outcome.INCONCLUSIVE, dense=math.nan),
        *found[2:],
    )
    return replace(
        base,
        policy=Gate(metric="mae", margin=0.1),
        comparisons=found,
        data=replace(base.data, clusters=9_000, classes=(), class_counts=(), train_n=100_000),
    )


def of_every_status() -> dict[str, EvidenceRecord]:
    """Each sample under a name that fits a test id."""
    return {
        "pass": passing(),
        "fail": failing(),
        "inconclusive": inconclusive(),
        "error": error(),
        "waived": all_waived(),
        "expired": expired(),
        "empty": empty(),
        "hostile": hostile(),
        "clustered": clustered(),
    }


def beside(found: EvidenceRecord, *, text: str = "") -> Beside:
    """Two decisions about a record, the first of them expired, and three earlier runs in a ledger, two comparable."""
    first = Decision(
        decision="conditional",
        by=text or "A. Lind",
        role=text or "accountable owner",
        date="2026-01-03",
        conditions=(text or "Watch the complaints of group Black for four weeks.", "Report to the board."),
        expires="2026-02-01",
        author="B. Berg",
    )
    last = Decision(
        decision="no-go",
        by=text or "B. Berg",
        role="author",
        date="2026-03-01",
        reason=text or "r",
        author=text or "B. Berg",
    )
    earlier = [
        replace(found, run=replace(found.run, id="run-1", finished="2025-11-02T10:00:00+00:00", report_only=True)),
        replace(found, run=replace(found.run, id="run-2", finished="2025-11-30T10:00:00+00:00")),
        replace(found, run=replace(found.run, id="run-3", finished="2025-12-24T10:00:00+00:00")),
    ]
    if found.comparisons:
        better = replace(found.comparisons[0], outcome=Outcome.PASS, flagged=False)
        earlier[1] = replace(earlier[1], comparisons=(better, *found.comparisons[2:]))
    drafts = [run_draft(record) for record in earlier]
    drafts.append(signature_draft(earlier[1], sha256(earlier[1]), key="ed25519:1", date="2025-12-01"))
    entries: list[Entry] = []
    for seq, draft in enumerate(drafts, start=1):
        prev = entries[-1].sha256 if entries else ORIGIN
        entries.append(chained(draft, seq=seq, at="2026-01-01T00:00:00+00:00", prev_sha256=prev))
    return Beside(
        decisions=Decisions(format_version=1, record_sha256=sha256(found), as_of=last.date, decisions=(first, last)),
        since=since(found, runs(entries), lambda seq: read_slices(drafts[seq - 1].slices or "")),
    )

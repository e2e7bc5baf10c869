"""Comparisons and disparities become checks, blind spots and notes: what the gate decides on, in words and numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from validate.comparison import Comparison
from validate.disparity import Disparity
from validate.gate import CheckKind, CheckResult, Scope
from validate.outcome import Outcome
from validate.screen import FDR
from validate.slices import Kind
from validate.wording import change, fixed, interval, listing, p_value, plural, unit
from validate.wording import margin as margin_text


@dataclass(frozen=True, kw_only=True)
class BlindSpot:
    """A category that is too small to be judged alone."""

    slice: str
    n: int
    share: float
    smallest_margin: float  # that it would pass today
    pooled: str | None = None  # the guarded slice in which it is judged together with others, if there is one


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something listed that never gates."""

    kind: str  # "loss" (BH), "disparity" (BY), "improvement", "missing answers", …
    slice: str | None
    text: str


def non_inferiority_checks(comparisons: Sequence[Comparison]) -> tuple[CheckResult, ...]:
    """One check per guarded slice: it must PASS by itself (intersection-union, so without adjustment)."""
    return tuple(_non_inferiority(c) for c in comparisons if c.slice.guard)


def screen_check(comparisons: Sequence[Comparison]) -> tuple[CheckResult, ...]:
    """One check on all screened slices together; none where nothing is screened."""
    screened = [c for c in comparisons if c.slice.screened]
    flagged = sorted((c for c in screened if c.flagged), key=lambda c: c.change.estimate)
    if flagged:
        named = listing([f"{c.slice.name} ({_changed(c)}, n = {c.slice.n:,})" for c in flagged])
        reason = (
            f"{len(flagged):,} of {plural(len(screened), 'slice')} really worse, and by more than the margin: {named}"
        )
    else:
        reason = f"none of {plural(len(screened), 'slice')} shown to lose more than the margin"
    return _flagging("screen", CheckKind.SCREEN, reason, looked=len(screened), flagged=len(flagged))


def disparity_check(disparities: Sequence[Disparity], *, rate: bool) -> tuple[CheckResult, ...]:
    """One check on all under-represented categories together; none where there are none."""
    flagged = sorted((d for d in disparities if d.flagged), key=lambda d: d.difference.estimate)
    looked = plural(len(disparities), "under-represented category", "under-represented categories")
    if flagged:
        named = listing([f"{d.slice} ({_difference(d, rate=rate)}, n = {d.n:,})" for d in flagged])
        reason = f"{len(flagged):,} of {looked} lose more than the rest, beyond the margin: {named}"
    else:
        reason = f"none of {looked} shown to lose more than the rest by the margin"
    return _flagging("disparity", CheckKind.DISPARITY, reason, looked=len(disparities), flagged=len(flagged))


def integrity_check(name: str, problems: Sequence[str], held: str) -> CheckResult:
    """An integrity check: ERROR with its problems, or PASS with what was held to be true."""
    return CheckResult(
        id=f"{CheckKind.INTEGRITY}: {name}",
        kind=CheckKind.INTEGRITY,
        slice=None,
        outcome=Outcome.ERROR if problems else Outcome.PASS,
        reason=listing(problems) if problems else held,
        numbers={"problems": len(problems)},
    )


def blind_spots(comparisons: Sequence[Comparison]) -> tuple[BlindSpot, ...]:
    """Every class and category too small to pass by itself even without a loss, smallest first."""
    pools = [c.slice for c in comparisons if c.slice.kind is Kind.RARE and c.slice.guard]
    pooled = {member: pool.name for pool in pools for member in pool.members}
    small = [c for c in comparisons if c.slice.kind in {Kind.CLASS, Kind.CATEGORY} and c.slice.n < c.n_smallest]
    return tuple(
        BlindSpot(
            slice=c.slice.name,
            n=c.slice.n,
            share=c.slice.share,
            smallest_margin=c.smallest_margin,
            pooled=pooled.get(c.slice.name),
        )
        for c in sorted(small, key=lambda c: (c.slice.n, c.slice.name))
    )


def scope(comparisons: Sequence[Comparison], spots: Sequence[BlindSpot], blind_share: float) -> Scope:
    """How much a verdict speaks for; `blind_share` are the examples in one blind spot or another."""
    return Scope(
        screened=sum(c.slice.screened for c in comparisons),
        blind=len(spots),
        blind_share=blind_share,
        blind_unpooled=sum(spot.pooled is None for spot in spots),
    )


def notes(
    comparisons: Sequence[Comparison], disparities: Sequence[Disparity], *, missing: int, rate: bool
) -> tuple[Note, ...]:
    """What is listed without gating: losses and gains by Benjamini-Hochberg, disparities by Benjamini-Yekutieli."""
    ordered = sorted(comparisons, key=lambda c: c.change.estimate)
    found = []
    if missing:
        text = f"{plural(missing, 'example')} without an answer of the compressed model, counted as wrong"
        found.append(Note(kind="missing answers", slice=None, text=text))
    found += [_listed("loss", c, c.p_fdr) for c in ordered if c.p_fdr is not None and c.p_fdr <= FDR]
    found += [
        Note(kind="worse within the margin", slice=c.slice.name, text=f"{_changed(c)}, n = {c.slice.n:,}")
        for c in ordered
        if c.slice.guard and c.outcome is Outcome.PASS and c.regressed
    ]
    found += [
        Note(
            kind="disparity",
            slice=d.slice,
            text=f"{_difference(d, rate=rate)}, n = {d.n:,}, adjusted p {p_value(d.p_fdr)}",
        )
        for d in disparities
        if d.p_fdr <= FDR
    ]
    found += [
        Note(
            kind="disparity of error rates",
            slice=d.slice,
            text=f"{r.rate}: {change(r.difference.estimate, rate=True)} points against the rest (negative is harm), "
            f"n = {r.n:,}, adjusted p {p_value(r.p_fdr)}",
        )
        for d in disparities
        for r in d.rates
        if r.p_fdr <= FDR
    ]
    found += [
        _listed("improvement", c, c.p_gain_fdr)
        for c in reversed(ordered)
        if c.p_gain_fdr is not None and c.p_gain_fdr <= FDR
    ]
    found += _closest(comparisons)
    screened = [c for c in ordered if c.slice.screened]
    below = sum(c.change.estimate < 0 for c in screened)
    if below:
        text = f"{below:,} of {plural(len(screened), 'screened slice')} have a change below zero, chance included"
        found.append(Note(kind="below zero", slice=None, text=text))
    return tuple(found)


def _flagging(name: str, kind: CheckKind, reason: str, *, looked: int, flagged: int) -> tuple[CheckResult, ...]:
    """A check that fails at the first flag, and is not there where there is nothing to look at."""
    if not looked:
        return ()
    outcome = Outcome.FAIL if flagged else Outcome.PASS
    numbers = {"looked_at": looked, "flagged": flagged}
    return (CheckResult(id=name, kind=kind, slice=None, outcome=outcome, reason=reason, numbers=numbers),)


def _non_inferiority(c: Comparison) -> CheckResult:
    numbers: dict[str, float | int | str] = {
        "n": c.slice.n,
        "dense": c.dense,
        "compressed": c.compressed,
        "change": c.change.estimate,
        "low": c.change.low,
        "high": c.change.high,
        "margin": c.slice.margin,
        "smallest_margin": c.smallest_margin,
    }
    if c.ratio is not None and c.slice.margin_ratio is not None:
        numbers |= {"ratio": c.ratio.estimate, "ratio_high": c.ratio.high, "margin_ratio": c.slice.margin_ratio}
    numbers |= {name: n for name, n in (("n_needed", c.n_needed), ("flips", c.flips)) if n is not None}
    return CheckResult(
        id=f"{CheckKind.NON_INFERIORITY}: {c.slice.name}",
        kind=CheckKind.NON_INFERIORITY,
        slice=c.slice.name,
        outcome=c.outcome,
        reason=_reason(c),
        numbers=numbers,
    )


def _reason(c: Comparison) -> str:
    """Why a guarded slice came out as it did, in one sentence with its numbers."""
    relation = {Outcome.PASS: "within", Outcome.FAIL: "beyond", Outcome.INCONCLUSIVE: "not decided against"}
    if c.ratio is not None and c.slice.margin_ratio is not None:
        times, low, high = (fixed(x, 2) for x in (c.ratio.estimate, c.ratio.low, c.ratio.high))
        found = f"errors {times} times those of before ({low} to {high})"
        allowed = f"{c.slice.margin_ratio:g} times"
    else:
        rate = c.counts is not None
        limits = interval(c.change, rate=rate, margin=c.slice.margin)
        found, allowed = f"{_changed(c)} ({limits})", margin_text(c.slice.margin, rate=rate)
    sentence = f"{found}, {relation[c.outcome]} the margin of {allowed}, n = {c.slice.n:,}"
    return f"{sentence}; {_wanted(c)}" if c.outcome is Outcome.INCONCLUSIVE else sentence


def _wanted(c: Comparison) -> str:
    """What an inconclusive slice would need."""
    needs = []
    if c.slice.n < c.n_smallest:
        gain = " without a gain" if c.counts is not None else ""
        needs.append(f"fewer than {c.n_smallest:,} examples cannot pass{gain}")
    elif c.counts is None and c.note:
        needs.append(c.note)
    if c.n_needed is not None and c.n_needed > c.slice.n:
        needs.append(f"about {c.n_needed:,} would pass with 80 % power if nothing changed")
    rate = c.counts is not None
    passing = f"{fixed(c.ratio.high, 3)} times" if c.ratio else margin_text(round(c.smallest_margin, 5), rate=rate)
    needs.append(f"it passes today with a margin above {passing}")
    return "; ".join(needs)


def _closest(comparisons: Sequence[Comparison]) -> list[Note]:
    """How few answers it would have taken to change the outcome of a guarded slice: of the nearest one."""
    near = [c for c in comparisons if c.slice.guard and c.flips is not None]
    if not near:
        return []
    c = min(near, key=lambda c: abs(c.flips or 0))
    flips = c.flips or 0
    other = "more and it would not have passed" if flips > 0 else "fewer and it would have passed"
    return [Note(kind="closest call", slice=c.slice.name, text=f"{plural(abs(flips), 'loss', 'losses')} {other}")]


def _listed(kind: str, c: Comparison, p: float | None) -> Note:
    text = f"{_changed(c)}, n = {c.slice.n:,}, adjusted p {p_value(p)}"
    if kind == "loss" and c.fcr is not None:
        text += f", {interval(c.fcr, rate=c.counts is not None)} allowing for its having been picked"
    return Note(kind=kind, slice=c.slice.name, text=text)


def _changed(c: Comparison) -> str:
    rate = c.counts is not None
    return change(c.change.estimate, rate=rate, limit=-c.slice.margin) + unit(rate=rate)


def _difference(d: Disparity, *, rate: bool) -> str:
    return f"{change(d.difference.estimate, rate=rate, limit=-d.margin)}{unit(rate=rate)} against the rest"

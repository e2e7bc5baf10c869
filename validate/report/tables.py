"""Rows of the report's tables: every text, order and class is decided here, so that the template only lays out."""

from collections.abc import Sequence
from dataclasses import dataclass

from validate import wording
from validate.comparison import Comparison, slack
from validate.description import Score
from validate.disparity import Disparity
from validate.evidence import EvidenceRecord
from validate.outcome import Outcome
from validate.report.facts import is_rate, limit, margin_text, rate
from validate.report.forest import Forest, Scale, forest
from validate.slices import Kind, Slice

MEMBERS = 12  # of a pooled slice that are named in a row


@dataclass(frozen=True, kw_only=True)
class Status:
    """An outcome as a word and a CSS class; its symbol comes from the class."""

    word: str
    css: str


@dataclass(frozen=True, kw_only=True)
class SliceRow:
    """One slice on the gate's metric."""

    name: str
    where: str
    tags: tuple[str, ...]
    n: str
    share: str
    dense: str
    compressed: str
    flips: str  # gains and losses
    change: str
    interval: str
    margin: str
    forest: Forest | None
    status: Status
    remarks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SliceTable:
    """Slices on one scale."""

    id: str
    caption: str
    rows: tuple[SliceRow, ...]
    scale: Scale
    counted: bool  # gains and losses are shown
    more: str  # how many are left out, and where they are; empty where none


@dataclass(frozen=True, kw_only=True)
class DisparityRow:
    """An under-represented category against all other examples."""

    name: str
    n: str
    share: str
    change: str
    rest: str
    difference: str
    interval: str
    width: str  # of the interval
    forest: Forest | None
    ratio: str
    p: str
    could_see: str
    status: Status


@dataclass(frozen=True, kw_only=True)
class RateRow:
    """One error rate of an under-represented category against that of all other examples."""

    name: str
    rate: str
    n: str
    levels: str  # dense → compressed
    change: str
    rest: str
    difference: str
    interval: str
    p: str


@dataclass(frozen=True, kw_only=True)
class ScoreCell:
    """A described metric of one slice on both models."""

    dense: str
    compressed: str
    change: str
    n: str  # of an error rate: the examples that it is about


@dataclass(frozen=True, kw_only=True)
class ScoreTable:
    """Described metrics, one slice in a row."""

    metrics: tuple[str, ...]
    rows: tuple[tuple[str, tuple[ScoreCell | None, ...]], ...]  # slice, one cell for each metric
    more: int  # slices that are left out


def status(outcome: Outcome, word: str = "") -> Status:
    """The status of an outcome."""
    return Status(word=word or str(outcome), css=str(outcome).lower())


def slice_table(
    name: str, caption: str, found: Sequence[Comparison], on: Scale, *, most: int | None = None
) -> SliceTable:
    """A table of slices, at most so many of them."""
    shown = found if most is None else found[:most]
    left = len(found) - len(shown)
    return SliceTable(
        id=name,
        caption=caption,
        rows=tuple(slice_row(c, on) for c in shown),
        scale=on,
        counted=any(c.counts is not None for c in shown),
        more=f"{wording.plural(left, 'more slice')} in slices.parquet, beside this report." if left else "",
    )


def slice_row(c: Comparison, on: Scale) -> SliceRow:
    """One slice's row."""
    told = is_rate(c)
    shown = _label(c)
    return SliceRow(
        name=c.slice.name,
        where=c.slice.where,
        tags=_tags(c.slice),
        n=wording.count(c.slice.n),
        share=wording.share(c.slice.share),
        dense=wording.level(c.dense, rate=told),
        compressed=wording.level(c.compressed, rate=told),
        flips=f"+{c.counts.gains:,} / −{c.counts.losses:,}" if c.counts else "",
        change=wording.change(c.change.estimate, rate=told, limit=None if limit(c) is None else -c.slice.margin),
        interval=wording.interval(c.change, rate=told, margin=limit(c)),
        margin=margin_text(c),
        forest=forest(c.change, limit(c), on, css=shown.css),
        status=shown,
        remarks=tuple(_remarks(c)),
    )


def disparity_row(d: Disparity, record: EvidenceRecord, on: Scale) -> DisparityRow:
    """One row of the disparity register."""
    told = rate(record)
    shown = status(Outcome.FAIL, "flagged") if d.flagged else status(d.outcome)
    return DisparityRow(
        name=d.slice,
        n=wording.count(d.n),
        share=wording.share(d.n / max(d.n + d.n_complement, 1)),
        change=wording.change(d.change, rate=told),
        rest=wording.change(d.change_complement, rate=told),
        difference=wording.change(d.difference.estimate, rate=told, limit=-d.margin),
        interval=wording.interval(d.difference, rate=told, margin=d.margin),
        width=wording.level(d.difference.high - d.difference.low, rate=told).replace(" %", ""),
        forest=forest(d.difference, d.margin, on, css=shown.css),
        ratio=f"{d.ratio.estimate:.2f} ({d.ratio.low:.2f} to {d.ratio.high:.2f})" if d.ratio else wording.ABSENT,
        p=wording.p_value(d.p_adjusted),
        could_see="yes" if d.could_see else "no",
        status=shown,
    )


def rate_rows(disparities: Sequence[Disparity]) -> list[RateRow]:
    """Every error rate, those that grew most against the rest first."""
    found = sorted(((d.slice, r) for d in disparities for r in d.rates), key=lambda pair: pair[1].difference.estimate)
    return [
        RateRow(
            name=name,
            rate=r.rate,
            n=wording.count(r.n),
            levels=f"{wording.level(r.dense, rate=True)} → {wording.level(r.compressed, rate=True)}",
            change=wording.change(r.change, rate=True),
            rest=wording.change(r.change_complement, rate=True),
            difference=wording.change(r.difference.estimate, rate=True),
            interval=wording.interval(r.difference, rate=True),
            p=wording.p_value(r.p_fdr),
        )
        for name, r in found
    ]


def score_table(comparisons: Sequence[Comparison], most: int) -> ScoreTable:
    """Described metrics of the slices that have any, of at most so many slices."""
    found = [c for c in comparisons if c.scores]
    metrics = tuple(dict.fromkeys(score.metric for c in found for score in c.scores))
    rows = []
    for c in found[:most]:
        cells = {score.metric: _score_cell(score) for score in c.scores}
        rows.append((c.slice.name, tuple(cells.get(metric) for metric in metrics)))
    return ScoreTable(metrics=metrics, rows=tuple(rows), more=len(found) - len(rows))


def _score_cell(score: Score) -> ScoreCell:
    told = score.metric.endswith(("rate", "recall", "accuracy", "precision"))
    return ScoreCell(
        dense=wording.level(score.dense, rate=told),
        compressed=wording.level(score.compressed, rate=told),
        change=wording.change(score.change, rate=told) + wording.unit(rate=told),
        n=wording.count(score.n),
    )


def by_room(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """All examples first, then the slices with the least room to their margin."""
    return sorted(comparisons, key=lambda c: (c.slice.kind is not Kind.ALL, slack(c)))


def _wanted(c: Comparison) -> float:
    """The e-value that shows a slice to be within its margin: one over the one-sided error rate."""
    return round(2 / (1 - c.change.level), 6)


def _label(c: Comparison) -> Status:
    return (
        status(Outcome.FAIL, "FAIL, flagged" if c.outcome is Outcome.FAIL else "flagged")
        if c.flagged
        else status(c.outcome)
    )


def _tags(found: Slice) -> tuple[str, ...]:
    tags = ["under-represented"] * found.under_represented
    if found.train_share is not None:
        tags.append(f"{wording.share(found.train_share)} of training")
    return tuple(tags)


def _remarks(c: Comparison) -> list[str]:
    """What a reader of one row should know besides its numbers."""
    told = is_rate(c)
    remarks = []
    if c.outcome is Outcome.INCONCLUSIVE:
        if c.slice.n < c.n_smallest:
            remarks.append(f"cannot pass with fewer than {c.n_smallest:,} examples, even without a loss")
        if c.n_needed is not None and c.n_needed > c.slice.n:
            remarks.append(f"about {c.n_needed:,} examples would do (80 % power, if nothing changed)")
        if c.slice.margin_ratio is None:
            remarks.append(f"smallest margin that it passes today: {wording.enough(c.smallest_margin, rate=told)}")
    if c.ratio is not None:
        shown = f"{c.ratio.estimate:.3f} ({c.ratio.low:.3f} to {c.ratio.high:.3f})"
        remarks.append(f"errors, compressed against dense: {shown}")
    if c.outcome is Outcome.PASS and c.regressed:
        remarks.append("worse than before, inside the margin")
    if c.p_adjusted is not None and c.p_adjusted <= 0.10:
        remarks.append(f"adjusted p of no loss {wording.p_value(c.p_adjusted)}")
    if c.fcr is not None:
        picked = wording.interval(c.fcr, rate=told)
        remarks.append(f"{picked} allowing for its having been picked")
    if c.slice.members:
        named = [member.partition(": ")[2] or member for member in c.slice.members]
        remarks.append(f"speaks for the average of its members: {wording.listing(named, MEMBERS)}")
    if c.e_value is not None:
        remarks.append(f"e-value {c.e_value:,.3g}, valid at any look: within the margin from {_wanted(c):g} on")
    if c.note:
        remarks.append(c.note)
    return remarks

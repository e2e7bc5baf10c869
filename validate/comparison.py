"""Slice × metric: what the compressed model changed, how sure that is, and what it would take to know."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.changes import Changes, independent_share, policy_level
from validate.counts import PairedCounts
from validate.description import Score, describe
from validate.measure import slice_changes
from validate.outcome import Outcome
from validate.sample_size import planned_churn, sample_sizes
from validate.screen import FDR, Family, Screen, screen, sign_flip_p
from validate.slices import Kind, Slice
from validate.stats.noninferiority import classify, classify_ratio
from validate.stats.paired import tango_interval
from validate.stats.ratio import error_ratio_score_interval
from validate.stats.results import Interval
from validate.stats.reuse import mixture_e_value
from validate.suite import Gate
from validate.totals import Totals

_WORST_FIRST = (Outcome.ERROR, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """The paired table of one slice."""

    both_right: int
    gains: int  # dense wrong, compressed right
    losses: int  # dense right, compressed wrong
    both_wrong: int


def total(counts: Counts) -> int:
    """The examples of a paired table."""
    return counts.both_right + counts.gains + counts.losses + counts.both_wrong


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One slice on the gate's metric."""

    slice: Slice
    metric: str
    counts: Counts | None  # of a metric that is right or wrong per example; None for the others
    dense: float
    compressed: float
    change: Interval  # compressed - dense, oriented: negative means harm
    ratio: Interval | None = None  # of the error rates, compressed / dense, where the margin is a ratio
    outcome: Outcome  # PASS | INCONCLUSIVE | FAIL: describes; only guarded slices make it a check
    regressed: bool  # the whole interval is below zero, whatever the margin
    p: float  # one-sided, of no loss
    p_method: str
    p_adjusted: float | None  # over the screen's family; None outside it
    p_fdr: float | None  # Benjamini-Hochberg over the screen's family
    p_gain_fdr: float | None  # the same for gains
    fcr: Interval | None = None  # wider: of a slice listed by p_fdr, for its having been picked
    flagged: bool  # by the screen: really worse, and by itself worse than the margin
    n_smallest: int  # examples without which it cannot PASS unless it gains
    n_needed: int | None  # for 80 % power if nothing changed, at the churn seen; None where it is decided or unknown
    smallest_margin: float  # the smallest margin that it would PASS today
    flips: int | None  # losses until it no longer passes (> 0), or losses too many to pass (< 0); None if not counted
    e_value: float | None = None  # against a loss of the margin, valid at any look; where the policy says data grow
    note: str = ""  # such as "design effect 2.3", "same examples as 'sex: Male'"
    scores: tuple[Score, ...] = ()


def slack(c: Comparison) -> tuple[int, float]:
    """What sorts the worst first: the outcome, then the room between the limit that judges it and its margin."""
    if c.ratio is not None and c.slice.margin_ratio is not None:
        room = c.slice.margin_ratio - c.ratio.high
    else:
        room = c.change.low + c.slice.margin
    return _WORST_FIRST.index(c.outcome), -math.inf if math.isnan(room) else room


def compare(totals: Totals, gate: Gate, rng: np.random.Generator) -> tuple[Comparison, ...]:
    """Every slice on the gate's metric: `all` first, then guarded slices, then the others."""
    changes = slice_changes(totals, gate, rng)
    slices, same_as = totals.slices, totals.same_as
    ratios = _ratios(changes, slices, gate)
    outcomes = _outcomes(changes, slices, ratios)
    family = Family(
        screened=np.array([s.screened for s in slices]),
        same_as=same_as,
        margins=np.array([s.margin for s in slices]),
        beyond=np.array([outcome is Outcome.FAIL for outcome in outcomes]),
    )
    joint = None
    if gate.screen == "westfall-young":
        joint = sign_flip_p(totals.all_rows.paired, totals.all_rows.membership, family, gate, rng)
    found = screen(changes, family, gate, joint)
    sizes = sample_sizes(changes, slices, outcomes, planned_churn(totals.flips, totals.n, gate), gate)
    picked = _picked(changes, found)
    e_values = _e_values(changes, slices, gate)
    beside = describe(totals.described, slices)
    made = [
        Comparison(
            slice=entry,
            metric=gate.metric,
            counts=_counts(changes.counts, i),
            dense=float(changes.dense[i]),
            compressed=float(changes.compressed[i]),
            change=changes.interval_of(i),
            ratio=ratios[i],
            outcome=outcomes[i],
            regressed=bool(changes.interval.high[i] < 0),
            p=float(changes.p[i]),
            p_method=changes.p_method,
            p_adjusted=_number(found.p_adjusted[i]),
            p_fdr=_number(found.p_fdr[i]),
            p_gain_fdr=_number(found.p_gain_fdr[i]),
            fcr=picked[i],
            flagged=bool(found.flagged[i]),
            e_value=e_values[i],
            note=_note(i, changes, slices, same_as),
            scores=beside[i],
            n_smallest=sizes[i].n_smallest,
            n_needed=sizes[i].n_needed,
            smallest_margin=sizes[i].smallest_margin,
            flips=sizes[i].flips,
        )
        for i, entry in enumerate(slices)
    ]
    return tuple(sorted(made, key=lambda c: (c.slice.kind is not Kind.ALL, not c.slice.guard)))


def outcomes_alone(totals: Totals, gate: Gate, rng: np.random.Generator) -> list[Outcome]:
    """Each slice's label without all that surrounds it: (m,) in the totals' order."""
    changes = slice_changes(totals, gate, rng)
    return _outcomes(changes, totals.slices, _ratios(changes, totals.slices, gate))


def _picked(changes: Changes, found: Screen) -> list[Interval | None]:
    """Intervals of the slices that are listed because they look worst, at the level that allows for the picking."""
    listed = found.p_fdr <= FDR
    if not listed.any() or changes.effective is None or found.listed_level <= 0.5:
        return [None] * len(changes)
    wider = tango_interval(*changes.effective, level=found.listed_level)
    return [wider[i] if chosen else None for i, chosen in enumerate(listed)]


def _ratios(changes: Changes, slices: Sequence[Slice], gate: Gate) -> list[Interval | None]:
    """The ratio of error rates of the slices that are judged by it."""
    judged = [s.margin_ratio is not None for s in slices]
    if not any(judged) or changes.counts is None:
        return [None] * len(slices)
    c, scale = changes.counts, independent_share(changes)
    found = error_ratio_score_interval(
        c.both_wrong * scale, c.gains * scale, c.losses * scale, level=policy_level(gate)
    )
    return [found[i] if ratio else None for i, ratio in enumerate(judged)]


def _outcomes(changes: Changes, slices: Sequence[Slice], ratios: Sequence[Interval | None]) -> list[Outcome]:
    """Each slice's interval against its margin."""
    interval = changes.interval
    found = classify(interval.low, interval.high, np.array([s.margin for s in slices]))
    for i, (entry, ratio) in enumerate(zip(slices, ratios, strict=True)):
        if ratio is not None and entry.margin_ratio is not None:
            found[i] = classify_ratio(ratio.low, ratio.high, entry.margin_ratio)[0]
    return found


def _e_values(changes: Changes, slices: Sequence[Slice], gate: Gate) -> list[float | None]:
    """Of guarded slices that are judged by a difference: what growing data may be looked at by, again and again."""
    if not gate.growing or changes.counts is None or changes.clustered:
        return [None] * len(slices)
    c = changes.counts
    found = mixture_e_value(c.gains, c.losses, c.n, np.array([s.margin for s in slices]))
    return [float(e) if s.guard and s.margin_ratio is None else None for e, s in zip(found, slices, strict=True)]


def _counts(counts: PairedCounts | None, i: int) -> Counts | None:
    if counts is None:
        return None
    both_right, gains, losses, both_wrong = counts.table[i].tolist()
    return Counts(both_right=both_right, gains=gains, losses=losses, both_wrong=both_wrong)


def _note(i: int, changes: Changes, slices: Sequence[Slice], same_as: NDArray[np.int64]) -> str:
    """What is special about a slice."""
    found = [changes.notes[i]] if changes.notes and changes.notes[i] else []
    if same_as[i] != i:
        found.append(f"same examples as {slices[same_as[i]].name!r}")
    return "; ".join(found)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)

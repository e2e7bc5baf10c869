"""Search for slices where the damage is, and confirm them on examples that were not searched."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from validate.attributes import Attribute
from validate.damage import AIMS, Bools, Damage, Lens, counted, lenses
from validate.data import Dataset
from validate.search import COMBINED, Found, Penalty, search
from validate.searchable import searchable
from validate.slices import shown
from validate.stats.means import mean_interval
from validate.stats.multiplicity import weighted_holm
from validate.stats.paired import tango_interval
from validate.stats.results import Interval
from validate.stats.significance import format_p
from validate.suite import Aim, Suite

CANDIDATES = 8  # slices of one half that are tested on the other
OPTIONS = 20  # best slices of each view among which a candidate is chosen
COMBINATIONS = 5_000  # of three attributes, the most promising ones: all of up to 32
NEAR = 0.9  # of the most evidence: among these a slice is taken that can be declared
AGREE = 3.0  # how much the evidence of a view counts that must merely agree
VERSIONS = 5  # named with a finding
SAME = 0.5  # share of its damaged examples in the finding that makes another slice a version of it
EXAMPLES = 5  # ids given with a finding
STREAM = 104  # with the seed: data that was itself drawn with that seed must not decide who is searched


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A slice where the damage is, found on one half of the examples and confirmed on the other.

    Only `found_change` is of the half that was searched.
    """

    name: str
    where: str  # ready to paste; "" where a condition is on no column of the data
    n: int  # examples in it, of the half that confirmed it
    share: float  # of that half
    change: Interval  # on that half: compressed - dense, negative means harm
    p: float  # one-sided, on that half, beyond what the candidates before it explain
    p_adjusted: float  # weighted Holm over the candidates of the other half, and for two halves
    found_change: float  # on the half that was searched: flattered by the search
    versions: tuple[str, ...]  # other slices that found the same damaged examples
    ids: tuple[str, ...]  # of some damaged examples in it
    suggestion: str  # TOML for the suite file


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """What a search found, and how hard it looked."""

    aim: Aim
    metric: str  # whose change the findings tell
    depth: int  # conjunctions of up to so many values
    attributes: tuple[str, ...]  # whose values were searched
    findings: tuple[Finding, ...]  # confirmed, the largest score first
    candidates: int  # slices of one half that were tested on the other
    halves: tuple[int, int]  # examples of each
    level: float  # of the family-wise error of the findings
    limits: tuple[str, ...]  # what was not looked at
    summary: str  # one sentence


@dataclass(frozen=True, kw_only=True, eq=False)
class _Run:
    """What one discovery works on."""

    attributes: Sequence[Attribute]
    damage: Damage
    clusters: NDArray[np.int64] | None
    aim: Aim
    depth: int
    level: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Candidate:
    """A slice to confirm."""

    found: Found
    inside: Bools  # (n,) of all examples
    fresh: Bools  # (n,) those in no candidate before it
    evidence: float  # on the searched half, in nats beyond chance
    change: float  # on the searched half
    versions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Confirmed:
    """A candidate that the half confirmed on which it was not searched."""

    candidate: _Candidate
    half: Bools  # (n,)
    p: float
    p_adjusted: float
    same: tuple[_Candidate, ...] = ()  # others of the same cause


def discover(
    dataset: Dataset,
    suite: Suite,
    damage: Damage,
    *,
    seed: int,
    aim: Aim = "excess",
    depth: int = 3,
    level: float = 0.05,
    extra: Sequence[Attribute] = (),
) -> Discovery:
    """Conjunctions of up to `depth` values or ranges of the columns (and of `extra` attributes) with most damage.

    Each half of the examples (whole clusters, where there are any) is searched, exactly, one cause at a time: the slice
    with most evidence is taken, its examples are set aside, and the rest is searched again. What was found is tested on
    the other half, each beyond what those before it explain. Both halves share the level, and within one Holm's
    adjustment is weighted by the evidence of the half that was searched. A slice needs so many damaged examples that
    it could be significant (Tarone 1990); there is no other floor to its size.
    """
    rng = np.random.default_rng((seed, STREAM))
    half = _half(rng, dataset)
    columns, limits = searchable(dataset, suite)
    attributes = [*columns, *extra]
    run = _Run(attributes=attributes, damage=damage, clusters=dataset.clusters, aim=aim, depth=depth, level=level)
    confirmed, candidates, left_out = list[_Confirmed](), 0, set[str]()
    for searched in (half, ~half):
        found, limit = _candidates(run, searched)
        confirmed += _confirmed(run, found, ~searched)
        candidates, left_out = candidates + len(found), left_out | limit
    findings = tuple(_finding(run, one, dataset, rng) for one in _causes(run, confirmed))
    return Discovery(
        aim=aim,
        metric=damage.metric,
        depth=depth,
        attributes=tuple(attribute.name for attribute in attributes),
        findings=findings,
        candidates=candidates,
        halves=(int(half.sum()), int((~half).sum())),
        level=level,
        limits=(*limits, *sorted(left_out)),
        summary=_summary(aim, len(findings), candidates),
    )


def _half(rng: np.random.Generator, dataset: Dataset) -> Bools:
    """The examples to search: a random half of them, or of the clusters."""
    if dataset.clusters is None:
        return rng.random(len(dataset)) < 0.5
    units, codes = np.unique(dataset.clusters, return_inverse=True)
    return (rng.random(len(units)) < 0.5)[codes]


def _candidates(run: _Run, half: Bools) -> tuple[list[_Candidate], set[str]]:
    """One cause at a time, while there is more evidence than the best of as many slices would show by chance.

    Also returns, in words, which combinations were too many to be looked at.
    """
    chance = 1 / max(2, sum(len(attribute.levels) for attribute in run.attributes))
    least = math.ceil(math.log2(2 / run.level))  # fewer could not be significant even without a gain
    penalty = _penalty(run.attributes)
    fresh, found, skipped = np.ones(len(half), dtype=np.bool_), list[_Candidate](), set[str]()
    while len(found) < CANDIDATES:
        views = lenses(run.aim, run.damage, np.flatnonzero(half & fresh), run.clusters)
        options: dict[tuple[tuple[int, int], ...], Found] = {}
        for view in views:
            left = [attribute.at(view.rows) for attribute in run.attributes]
            result = search(left, view.values, view.score, k=OPTIONS, depth=run.depth, damaged=least, penalty=penalty)
            options |= {option.cells: option for option in result.found}
            if result.alone:
                skipped.add(f"combinations of the least promising columns with others: {COMBINED} were combined")
            if result.skipped:
                skipped.add(f"the least promising combinations of three columns: {COMBINATIONS:,} were looked at")
        evidence = {option: _evidence(run, views, option, penalty) for option in options.values()}
        if not evidence or max(evidence.values()) <= 0:
            break
        best = _best(run, evidence)
        inside = _inside(run.attributes, best)
        if run.clusters is not None and max(view.p(inside) for view in views) > chance:
            break
        found.append(
            _Candidate(
                found=best,
                inside=inside,
                fresh=fresh,
                evidence=evidence[best],
                change=-float(run.damage.values[inside & half].mean()),
                versions=_versions(run, evidence, best, (run.damage.values > 0) & half & fresh),
            )
        )
        fresh = fresh & ~inside
    return found, skipped


def _penalty(attributes: Sequence[Attribute]) -> Penalty:
    """The evidence that chance gives to the best of all single values, of all pairs and of all triples, in nats."""
    one, two, three = (sum(len(attribute.levels) ** power for attribute in attributes) for power in (1, 2, 3))
    pairs, triples = (one**2 - two) / 2, (one**3 - 3 * one * two + 2 * three) / 6
    logs = [math.log(max(1.0, number)) for number in (one, pairs, triples)]
    return logs[0], max(logs[:2]), max(logs)


def _evidence(run: _Run, views: Sequence[Lens], option: Found, penalty: Penalty) -> float:
    """What the last view says beyond chance; the views before it must agree, and they need less: a third."""
    inside = _inside(run.attributes, option)
    *others, last = (view.strength(inside) for view in views)
    return min(last - penalty[len(option.cells) - 1], *(AGREE * other for other in others), math.inf)


def _best(run: _Run, evidence: Mapping[Found, float]) -> Found:
    """The one with most evidence; one that can be declared as a slice goes before one that cannot."""
    most = max(evidence.values())
    near = [option for option in evidence if evidence[option] >= NEAR * most]
    return max(near, key=lambda option: (bool(_where(run.attributes, option)), evidence[option]))


def _versions(run: _Run, strength: Mapping[Found, float], best: Found, damaged: Bools) -> tuple[str, ...]:
    """The strongest other slices whose damaged examples are mostly in the best one."""
    inside = _inside(run.attributes, best)
    names: list[str] = []
    for other in sorted(strength, key=lambda o: -strength[o]):
        lost = damaged & _inside(run.attributes, other)
        if other is not best and (lost & inside).sum() >= SAME * lost.sum() and len(names) < VERSIONS:
            names.append(_name(run.attributes, other))
    return tuple(names)


def _confirmed(run: _Run, found: Sequence[_Candidate], half: Bools) -> list[_Confirmed]:
    """The candidates that are significant on this half, at half of the level."""
    p = np.array([_p(run, candidate, half) for candidate in found])
    adjusted = np.minimum(1.0, 2 * weighted_holm(p, [candidate.evidence for candidate in found]))
    return [
        _Confirmed(candidate=candidate, half=half, p=float(p[i]), p_adjusted=float(adjusted[i]))
        for i, candidate in enumerate(found)
        if adjusted[i] <= run.level
    ]


def _p(run: _Run, candidate: _Candidate, half: Bools) -> float:
    """One-sided p on the confirming half, without the examples of earlier candidates: all views must agree."""
    views = lenses(run.aim, run.damage, np.flatnonzero(half & candidate.fresh), run.clusters)
    return max((view.p(candidate.inside) for view in views), default=1.0)


def _causes(run: _Run, confirmed: Sequence[_Confirmed]) -> list[_Confirmed]:
    """What both halves confirmed, each cause once; another slice with mostly the same damage is a version of it."""
    damaged, causes = run.damage.values > 0, list[_Confirmed]()
    for one in sorted(confirmed, key=lambda c: c.p_adjusted):
        lost = damaged & one.candidate.inside
        for i, cause in enumerate(causes):
            if (lost & cause.candidate.inside).sum() >= SAME * lost.sum():
                causes[i] = replace(cause, same=(*cause.same, one.candidate))
                break
        else:
            causes.append(one)
    return causes


def _finding(run: _Run, one: _Confirmed, dataset: Dataset, rng: np.random.Generator) -> Finding:
    candidate, damage = one.candidate, run.damage
    rows = np.flatnonzero(one.half & candidate.inside)
    change = _change(damage, rows, dataset, rng)
    name, where = _name(run.attributes, candidate.found), _where(run.attributes, candidate.found)
    also = [_name(run.attributes, other.found) for other in one.same] + list(candidate.versions)
    lost = np.flatnonzero(candidate.inside & (damage.values > 0))
    return Finding(
        name=name,
        where=where,
        n=len(rows),
        share=len(rows) / max(1, int(one.half.sum())),
        change=change,
        p=one.p,
        p_adjusted=one.p_adjusted,
        found_change=candidate.change,
        versions=tuple(version for version in dict.fromkeys(also) if version != name)[:VERSIONS],
        ids=tuple(str(i) for i in dataset.ids[lost[:EXAMPLES]]),
        suggestion=_suggestion(name, where, len(rows), change, one.p_adjusted),
    )


def _change(damage: Damage, rows: NDArray[np.intp], dataset: Dataset, rng: np.random.Generator) -> Interval:
    """The change of a slice on the confirming half."""
    values = damage.values[rows]
    if dataset.clusters is None and damage.right is not None:
        return tango_interval(*counted(values))[0]
    codes = None if dataset.clusters is None else np.unique(dataset.clusters[rows], return_inverse=True)[1]
    return mean_interval(-values, rng=rng, clusters=codes)


def _inside(attributes: Sequence[Attribute], found: Found) -> Bools:
    inside: Bools = np.logical_and.reduce([attributes[a].codes == level for a, level in found.cells])
    return inside


def _name(attributes: Sequence[Attribute], found: Found) -> str:
    return " & ".join(f"{attributes[a].name}: {shown(attributes[a].levels[level])}" for a, level in found.cells)


def _where(attributes: Sequence[Attribute], found: Found) -> str:
    """The predicate; empty where one of the conditions has none."""
    conditions = [attributes[a].where[level] for a, level in found.cells]
    return " and ".join(conditions) if all(conditions) else ""


def _suggestion(name: str, where: str, n: int, change: Interval, p: float) -> str:
    """TOML to paste into the suite; JSON's strings are TOML's, but for one character."""
    numbers = f"n = {n:,}, change {change.estimate:+.4f} ({change.low:+.4f} to {change.high:+.4f}), p = {format_p(p)}"
    if not where:
        return (
            f"# {name}: {numbers}\n# one of its conditions is on no column: derive the column, then declare the slice"
        )
    quoted = (json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f") for text in (name[:200].strip(), where))
    return "[[slices]]  # {}\nname = {}\nwhere = {}\n".format(numbers, *quoted)


def _summary(aim: Aim, findings: int, candidates: int) -> str:
    """What came out, in one sentence."""
    looked = f"{candidates} candidates of one half of the examples were tested on the other"
    if not candidates:
        return f"nothing found: no slice has enough damaged examples to show {AIMS[aim]}"
    if not findings:
        return f"nothing found: {looked}, and none showed {AIMS[aim]}"
    return f"{findings} found to have {AIMS[aim]}; {looked}"

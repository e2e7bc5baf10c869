"""Exact search for the k conjunctions of attribute values with the highest score of damage.

Damage is a number per example, positive where the compressed model did worse. Sums of damage over any conjunction come
from the damaged examples alone; how many examples a conjunction of three has is counted only for those whose upper
bound still beats the k-th score, best first.
"""

import heapq
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate import joint
from validate.attributes import Attribute, Codes
from validate.scores import Floats, Ints, Score

DENSE_CELLS = 2**20  # of a table of sums; of a larger one, only the cells that occur
COMBINED = 80  # attributes whose values are combined: the most promising ones
COVERED = 150  # pairs of attributes whose examples are counted together: a cover of many takes long to find
BATCH = 64  # triples sized before the score to beat is looked at again
Penalty = tuple[float, float, float]  # what a conjunction of one, two, three values must score beyond; never falling
NO_PENALTY: Penalty = (0.0, 0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A conjunction of attribute values."""

    cells: tuple[tuple[int, int], ...]  # (attribute, level) pairs
    n: int
    positive: float  # sum of the positive damage
    negative: float  # minus the sum of the negative damage
    score: float


@dataclass(frozen=True, kw_only=True)
class _Floors:
    """How many examples a conjunction must have."""

    support: int
    damaged: int  # of them


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """The best conjunctions, best first, and how far the search went."""

    found: tuple[Found, ...]
    sized: int  # conjunctions of three whose examples were counted
    skipped: int  # combinations of three attributes that were not looked at, because there were too many
    alone: int  # attributes whose values were not combined with others, because there were too many


def search(
    attributes: Sequence[Attribute],
    damage: Floats,
    score: Score,
    *,
    k: int,
    depth: int = 3,
    support: int = 1,
    damaged: int = 1,
    penalty: Penalty = NO_PENALTY,
    combinations: int = 20_000,
) -> SearchResult:
    """The k conjunctions of up to `depth` (1..3) values with the highest positive score, less the penalty.

    Exact among those with at least `support` examples, of which at least `damaged` have positive damage, unless
    `skipped` says that more than `combinations` triples of attributes were possible; the least promising are left out.
    """
    floors = _Floors(support=max(support, damaged, 1), damaged=max(damaged, 1))
    run = _Search(attributes, damage, score, k=k, floors=floors, penalty=penalty)
    run.singles()
    if depth > 1:
        run.pairs()
    sized, skipped = run.triples(combinations) if depth > 2 else (0, 0)
    return SearchResult(found=run.best.ranked(), sized=sized, skipped=skipped, alone=run.alone)


class _Best:
    """The k highest scores so far."""

    def __init__(self, k: int) -> None:
        self._k = k
        self._heap: list[tuple[float, int, Found]] = []
        self._ties = itertools.count()

    @property
    def least(self) -> float:
        """The score to beat."""
        return self._heap[0][0] if len(self._heap) == self._k else 0.0

    def offer(self, score: Floats, cells: Sequence[Ints], n: Ints, positive: Floats, negative: Floats) -> None:
        """Take in those that beat the k-th; `cells` holds attribute and level of each value in turn, each (c,)."""
        better = np.flatnonzero(score > self.least)
        for i in better[np.argsort(-score[better], kind="stable")[: self._k]]:
            if score[i] > self.least:
                pairs = tuple((int(a[i]), int(level[i])) for a, level in zip(cells[::2], cells[1::2], strict=True))
                found = Found(
                    cells=pairs,
                    n=int(n[i]),
                    positive=float(positive[i]),
                    negative=float(negative[i]),
                    score=float(score[i]),
                )
                push = heapq.heappushpop if len(self._heap) == self._k else heapq.heappush
                push(self._heap, (found.score, -next(self._ties), found))

    def ranked(self) -> tuple[Found, ...]:
        """The best first."""
        return tuple(found for _, _, found in sorted(self._heap, key=lambda entry: entry[:2], reverse=True))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Coded:
    """What is left of an attribute: the levels that could still be part of a good slice."""

    position: int  # of the attribute
    attribute: Attribute  # with the levels that are left, all others coded as missing
    levels: Ints  # (levels,) in the original attribute
    n: Ints  # (levels,)
    losing: Ints  # codes of the examples with positive damage
    gaining: Ints  # codes of those with negative damage

    @property
    def size(self) -> int:
        return len(self.levels) + 1


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """The examples with positive, or with negative, damage."""

    rows: NDArray[np.intp]
    weight: Floats | None  # None where every example counts as 1

    def sums(self, keys: Codes | Ints, cells: int) -> Floats:
        """The damage in each cell."""
        return np.bincount(keys, self.weight, minlength=cells).astype(np.float64, copy=False)


def _part(damage: Floats) -> _Part:
    rows = np.flatnonzero(damage > 0)
    weight = damage[rows]
    return _Part(rows=rows, weight=None if np.all(weight == 1) else weight)


# two attributes, the levels of their hopeful values (c,), and the positive and negative damage of each (c,)
_Pairs = tuple[int, int, Ints, Ints, Floats, Floats]


class _Search:
    """One search, level by level."""

    def __init__(
        self,
        attributes: Sequence[Attribute],
        damage: Floats,
        score: Score,
        *,
        k: int,
        floors: _Floors,
        penalty: Penalty,
    ) -> None:
        self.best = _Best(k)
        self._attributes, self._score, self._penalty = attributes, score, penalty
        self._n, self._support, self._damaged = len(damage), floors.support, floors.damaged
        self._losing, self._gaining = _part(damage), _part(-damage)
        self.alone = 0
        self._coded: list[_Coded] = []
        self._sizes: dict[
            tuple[int, int], Ints
        ] = {}  # of pairs of coded attributes: (levels, levels), 0 where hopeless
        self._hope: dict[tuple[int, int], float] = {}  # the highest bound of each pair
        self._bits: dict[tuple[int, int], NDArray[np.uint64]] = {}

    def singles(self) -> None:
        """Score every value, and keep those that could be part of better ones."""
        scored = []
        for position, attribute in enumerate(self._attributes):
            size = len(attribute.levels)
            codes = attribute.codes[self._losing.rows], attribute.codes[self._gaining.rows]
            n = attribute.sizes[:-1]
            positive, negative = (
                part.sums(code, size + 1)[:-1] for part, code in zip((self._losing, self._gaining), codes, strict=True)
            )
            damaged = np.bincount(codes[0], minlength=size + 1)[:-1]
            kept = np.flatnonzero((n >= self._support) & (damaged >= self._damaged))
            n, positive, negative = n[kept], positive[kept], negative[kept]
            scored.append((position, kept, n, positive))
            value = self._score.value(n, positive, negative) - self._penalty[0]
            self.best.offer(value, (np.full(len(kept), position), kept), n, positive, negative)
        hopeful = []
        for position, kept, n, positive in scored:
            bound = self._bound(2, np.full(len(n), self._support), n, positive)
            left = bound > self.best.least
            if left.any():
                hopeful.append((float(bound.max()), position, kept[left], n[left]))
        hopeful.sort(key=lambda entry: -entry[0])
        self.alone = max(0, len(hopeful) - COMBINED)
        for _, position, levels, n in sorted(hopeful[:COMBINED], key=lambda entry: entry[1]):
            self._coded.append(self._recoded(position, levels, n))

    def _bound(self, values: int, low: Ints, high: Ints, positive: Floats) -> Floats:
        """No conjunction of so many values or more, within one with these facts, scores more after its penalty."""
        return self._score.bound(low, high, positive) - self._penalty[values - 1]

    def _recoded(self, position: int, levels: Ints, n: Ints) -> _Coded:
        attribute = self._attributes[position]
        recode = np.full(len(attribute.levels) + 1, len(levels), dtype=attribute.codes.dtype)
        recode[levels] = np.arange(len(levels))
        codes = recode[attribute.codes]
        names = tuple(attribute.levels[level] for level in levels)
        return _Coded(
            position=position,
            attribute=Attribute(name=attribute.name, codes=codes, levels=names, where=names),
            levels=levels,
            n=n,
            losing=codes[self._losing.rows].astype(np.int64),
            gaining=codes[self._gaining.rows].astype(np.int64),
        )

    def pairs(self) -> None:
        """Score every pair of values that could beat the k-th, and keep those that could be part of better ones."""
        found: list[_Pairs] = []
        for a, b in itertools.combinations(range(len(self._coded)), 2):
            one, two = self._coded[a], self._coded[b]
            (la, lb), positive, negative = self._cells((one, two))
            high = np.minimum(one.n[la], two.n[lb])
            low = np.maximum(self._support, one.n[la] + two.n[lb] - self._n)
            hopeful = self._bound(2, low, high, positive) > self.best.least
            if hopeful.any():
                found.append((a, b, la[hopeful], lb[hopeful], positive[hopeful], negative[hopeful]))
        for start in range(0, len(found), COVERED):
            self._sized(found[start : start + COVERED])

    def _sized(self, found: Sequence[_Pairs]) -> None:
        """Count the examples of these pairs, score them, and keep those that could be part of better ones."""
        cells = [(a, b, la.tolist(), lb.tolist()) for a, b, la, lb, _, _ in found]
        sizes = self._counted([((a, i), (b, j)) for a, b, la, lb in cells for i, j in zip(la, lb, strict=True)])
        ends = np.cumsum([len(entry[2]) for entry in found])
        for (a, b, la, lb, positive, negative), n in zip(found, np.split(sizes, ends[:-1]), strict=True):
            one, two = self._coded[a], self._coded[b]
            enough = n >= self._support
            value = self._score.value(np.maximum(n, 1), positive, negative) - self._penalty[1]
            score = np.where(enough, value, -np.inf)
            places = np.full(len(la), one.position), np.full(len(lb), two.position)
            self.best.offer(score, (places[0], one.levels[la], places[1], two.levels[lb]), n, positive, negative)
            bound = np.where(enough, self._bound(3, np.full(len(n), self._support), n, positive), -np.inf)
            table = np.zeros((one.size - 1, two.size - 1), dtype=np.int64)
            table[la, lb] = np.where(bound > self.best.least, n, 0)
            self._sizes[a, b], self._hope[a, b] = table, float(bound.max())

    def triples(self, combinations: int) -> tuple[int, int]:
        """Score every triple of values that could beat the k-th; how many were sized, and combinations skipped."""
        hope, triples = self._hopeful()
        best = np.sort(np.argsort(-hope, kind="stable")[:combinations])
        bounds, found = [np.empty(0)], [np.empty((6, 0), dtype=np.int64)]
        sums = [np.empty((2, 0))]
        for a, b, c in triples[:, best].T.tolist():
            bound, levels, both = self._triple(a, b, c)
            bounds.append(bound)
            sums.append(both)
            found.append(np.concatenate([np.repeat([[a], [b], [c]], len(bound), axis=1), levels]))
        sized = self._best_first(np.concatenate(bounds), np.concatenate(found, axis=1), np.concatenate(sums, axis=1))
        return sized, max(0, len(hope) - combinations)

    def _hopeful(self) -> tuple[Floats, Ints]:
        """The combinations (3, t) of attributes of which each two could be part of what beats the k-th; their bound."""
        hope = np.full((len(self._coded),) * 2, -math.inf)
        for pair, bound in self._hope.items():
            hope[pair] = bound
        least, triples = [np.empty(0)], [np.empty((3, 0), dtype=np.int64)]
        for a, b in np.argwhere(hope > self.best.least).tolist():
            bounds = np.minimum(np.minimum(hope[a, b + 1 :], hope[b, b + 1 :]), hope[a, b])
            c = np.flatnonzero(bounds > self.best.least)
            least.append(bounds[c])
            triples.append(np.stack([np.full(len(c), a), np.full(len(c), b), c + b + 1]))
        return np.concatenate(least), np.concatenate(triples, axis=1)

    def _triple(self, a: int, b: int, c: int) -> tuple[Floats, Ints, Floats]:
        """Bound (t,), levels (3, t) and damage (2, t) of the triples of three attributes that could beat the k-th."""
        one, two, three = (self._coded[i] for i in (a, b, c))
        levels, positive, negative = self._cells((one, two, three))
        la, lb, lc = levels
        ab, ac, bc = self._sizes[a, b][la, lb], self._sizes[a, c][la, lc], self._sizes[b, c][lb, lc]
        high = np.minimum(np.minimum(ab, ac), bc)
        low = np.maximum.reduce([ab + ac - one.n[la], ab + bc - two.n[lb], ac + bc - three.n[lc]])
        kept = np.flatnonzero(high >= self._support)
        low, high = np.maximum(low, self._support)[kept], high[kept]
        bound = self._bound(3, low, high, positive[kept])
        better = bound > self.best.least
        kept = kept[better]
        return bound[better], levels[:, kept], np.stack([positive[kept], negative[kept]])

    def _cells(self, chosen: Sequence[_Coded]) -> tuple[Ints, Floats, Floats]:
        """The cells with enough damaged examples: levels (d, c), positive and negative damage (c,)."""
        sizes = [coded.size for coded in chosen]
        losing = np.ravel_multi_index([coded.losing for coded in chosen], sizes)
        gaining = np.ravel_multi_index([coded.gaining for coded in chosen], sizes)
        cells = math.prod(sizes)
        if cells > DENSE_CELLS:  # number the cells that occur
            known, losing = np.unique(losing, return_inverse=True)
            at = np.searchsorted(known, gaining)
            gaining = np.where(known[np.minimum(at, len(known) - 1)] == gaining, at, len(known))
            cells = len(known)
        else:
            known = np.arange(cells)
        damaged = np.bincount(losing, minlength=cells)
        kept = np.flatnonzero(damaged >= self._damaged)
        levels = np.array(np.unravel_index(known[kept], sizes))
        named = np.all(levels < np.array(sizes)[:, None] - 1, axis=0)
        kept = kept[named]
        positive, negative = self._losing.sums(losing, cells), self._gaining.sums(gaining, cells)
        return levels[:, named], positive[kept], negative[kept]

    def _counted(self, where: Sequence[joint.Cells]) -> Ints:
        """How many examples each conjunction of coded levels has: (len(where),)."""
        attributes = [coded.attribute for coded in self._coded]
        everything = np.zeros(self._n, dtype=np.uint8)
        return joint.tally(joint.plan(where, attributes), attributes, everything, codes=1)[:, 0]

    def _best_first(self, bound: Floats, found: Ints, sums: Floats) -> int:
        """Size triples, the most hopeful first, until none can beat the k-th; returns how many were sized."""
        positions = np.array([coded.position for coded in self._coded])
        order = np.argsort(-bound, kind="stable")
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            batch = batch[bound[batch] > self.best.least]
            if not len(batch):
                return start
            n = np.array([self._size(found[:3, i], found[3:, i]) for i in batch])
            value = self._score.value(np.maximum(n, 1), *sums[:, batch]) - self._penalty[2]
            score = np.where(n >= self._support, value, -np.inf)
            cells: list[Ints] = []
            for coded, level in zip(found[:3, batch], found[3:, batch], strict=True):
                original = [self._coded[c].levels[i] for c, i in zip(coded, level, strict=True)]
                cells += [positions[coded], np.array(original)]
            self.best.offer(score, cells, n, *sums[:, batch])
        return len(order)

    def _size(self, coded: Ints, levels: Ints) -> int:
        one, two, three = (self._packed(c, level) for c, level in zip(coded.tolist(), levels.tolist(), strict=True))
        return int(np.bitwise_count(one & two & three).sum(dtype=np.int64))

    def _packed(self, coded: int, level: int) -> NDArray[np.uint64]:
        """The members of one level as bits, made when first asked for."""
        key = coded, level
        if key not in self._bits:
            bits = np.packbits(self._coded[coded].attribute.codes == level)
            self._bits[key] = np.pad(bits, (0, -len(bits) % 8)).view(np.uint64)
        return self._bits[key]

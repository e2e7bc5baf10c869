"""How much planted damage is found on the census, by its size and depth, and how often something that is not there.

    python -m tests.detection              six cases in each cell, a hundred without damage: some minutes
    python -m tests.detection --each 20 --nulls 400 --seed 3

Found means: a finding (or, for the gate's screen, a flagged slice) that shares at least half of its examples with the
planted slice, as intersection over union. Elsewhere means: a finding that holds none of the planted slice's examples.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.pairs import compared, paired_rights
from tests.planted import Planted, census, damaged, grid, nulls
from validate.counts import outcomes
from validate.damage import damage_of_outcomes
from validate.discovery import discover
from validate.predicates import evaluate, parse
from validate.slices import members
from validate.slicing import build_membership

Bools = NDArray[np.bool_]
SAME = 0.5  # intersection over union from which two slices are one


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one planted case."""

    cell: tuple[int, int]  # size, damage
    case: Planted
    found: bool  # by discovery
    elsewhere: bool  # discovery named a slice without any of it
    screened: bool | None  # by the gate's screen; None where it was not asked


def planted_cases(each: int, seed: int, *, screen: bool) -> Iterator[Outcome]:
    """Cases in every cell of the grid, one after the other."""
    data, suite, dense = census()
    membership = build_membership(data, suite)
    rng = np.random.default_rng(seed)
    for turn, (cell, case) in enumerate(grid(rng, membership, each)):
        inside = members(membership, case.slice)
        compressed = damaged(rng, dense, membership, case)
        selected = found_slices(compressed, seed=1000 * seed + turn)
        flagged: list[Bools] = []
        if screen:
            told = compared(data, paired_rights(data, dense, compressed), suite)
            names = {name for name, comparison in told.items() if comparison.flagged}
            flagged = [members(membership, i) for i, s in enumerate(membership.slices) if s.name in names]
        yield Outcome(
            cell=cell,
            case=case,
            found=any(same(one, inside) for one in selected),
            elsewhere=any(not (one & inside).any() for one in selected),
            screened=any(same(one, inside) for one in flagged) if screen else None,
        )


def false_findings(runs: int, seed: int) -> tuple[int, ...]:
    """Without any damage, of so many runs: in how many something was found, by kind of flips."""
    _, _, dense = census()
    wrong = [0, 0]
    for turn, (kind, compressed) in enumerate(nulls(np.random.default_rng(seed), dense, runs)):
        wrong[kind] += bool(found_slices(compressed, seed=1000 * seed + turn))
    return tuple(wrong)


def found_slices(compressed: Bools, *, seed: int) -> list[Bools]:
    """What discovery finds on the census, as masks of all examples."""
    data, suite, dense = census()
    result = discover(data, suite, damage_of_outcomes(outcomes(dense, compressed)), seed=seed)
    return [evaluate(parse(f.where, f.name), data.frame) for f in result.findings]


def same(one: Bools, other: Bools) -> bool:
    """Whether two slices are nearly one."""
    return bool((one & other).sum() >= SAME * (one | other).sum())


def table(outcomes: Sequence[Outcome], what: str) -> str:
    """Found of planted, a row for each size and a column for each damage."""
    from tests.planted import DAMAGES, SIZES

    lines = [f"{what:24}" + "".join(f"{100 * a:g}–{100 * b:g} points".rjust(15) for a, b in DAMAGES)]
    for i, (low, high) in enumerate(SIZES):
        cells = [[getattr(o, what) for o in outcomes if o.cell == (i, j)] for j in range(len(DAMAGES))]
        row = "".join(f"{sum(c)} of {len(c)}".rjust(15) for c in cells)
        lines.append(f"{100 * low:g}–{100 * high:g} % of examples".ljust(24) + row)
    hits = [getattr(o, what) for o in outcomes]
    return "\n".join([*lines, f"all: {sum(hits)} of {len(hits)}"])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=6)
    parser.add_argument("--nulls", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    done = list(planted_cases(options.each, options.seed, screen=True))
    print(table(done, "found"), table(done, "screened"), sep="\n\n")
    for name, chosen in {"compensated": True, "not compensated": False}.items():
        hits = [o.found for o in done if o.case.compensate is chosen]
        print(f"{name}: {sum(hits)} of {len(hits)}")
    print(f"a finding elsewhere: {sum(o.elsewhere for o in done)} of {len(done)}")
    wrong = false_findings(options.nulls, options.seed + 1)
    rate = sum(wrong) / max(1, options.nulls)
    error = np.sqrt(rate * (1 - rate) / max(1, options.nulls))
    print(
        f"without damage: something found in {sum(wrong)} of {options.nulls} ({rate:.3f} ± {error:.3f}), by kind {wrong}"
    )


if __name__ == "__main__":
    main()

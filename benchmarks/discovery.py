"""Search for the worst conjunctions of up to three values, against the sliceline package by the same score.

    python benchmarks/discovery.py                     50,000 rows; ours also at 5 million and 40 attributes
    python benchmarks/discovery.py --rows 50000 500000 also the larger table, where only the corrected package ends
    python benchmarks/discovery.py --json              one JSON object on the last line

Every search runs in a process of its own, so that its memory is its own; the rounds are interleaved, because machines
are noisy, and medians count. Attributes are encoded before the clock starts, for each in the form that it reads.
sliceline 0.3.0 hands the number of one-hot columns to a bound that needs the number of rows: it stays exact and hardly
prunes. "corrected" is the same package with the number of rows in its place. Both must give our top-k.
"""

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from validate.attributes import Attribute
from validate.scores import Excess, Score, SliceLine
from validate.search import Found, search

SIZES = (9, 17, 7, 15, 6, 5, 2, 42, 10, 5, 6, 3)  # values of the twelve attributes, as in Adult
PLANTED = {((0, 1), (4, 2)): 0.15, ((1, 2), (5, 1), (6, 1)): 0.2, ((8, 2),): 0.06, ((3, 1), (9, 0)): 0.06}
ALPHA, K, SUPPORT = 0.95, 20, 0.01
SECONDS = 300  # after which a search is given up
METHODS = ("ours", "sliceline", "corrected")


def main() -> None:
    """Run what was asked for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[50_000], help="of the comparison with the package")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="only ours, at 5 million rows and 40 attributes")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(**json.loads(options.one))
        return
    results: dict[str, float] = {}
    print("search                    method      seconds   ours is × faster   extra MB   its MB / ours")
    for rows in [] if options.alone else options.rows:
        results |= compared(rows, options.rounds)
    for name, case in CASES.items():
        results |= alone(name, case, options.rounds)
    if options.json:
        print(json.dumps(results))


def compared(rows: int, rounds: int) -> dict[str, float]:
    """Every method on one table; the package as it is only where it ends."""
    methods = [name for name in METHODS if name != "sliceline" or rows <= 50_000]
    took: dict[str, list[dict]] = {name: [] for name in methods}
    for _ in range(rounds if rows <= 50_000 else 1):
        for name in methods:
            took[name].append(apart(method=name, rows=rows))
    for name in methods:
        np.testing.assert_allclose(took[name][0]["scores"], took["ours"][0]["scores"], rtol=1e-9, err_msg=name)
        assert took[name][0]["sizes"] == took["ours"][0]["sizes"], name
    results = {}
    seconds = {name: statistics.median(run["seconds"] for run in runs) for name, runs in took.items()}
    extra = {name: statistics.median(run["mb"] for run in runs) for name, runs in took.items()}
    for name in methods:
        ratio, lighter = seconds[name] / seconds["ours"], extra[name] / max(extra["ours"], 1)
        row = f"{rows:<9,} 12 attributes   {name:10} {seconds[name]:8.3f}   {ratio:15.1f}   {extra[name]:9.0f}"
        print(f"{row}   {lighter:12.1f}")
        key = f"{name}_{rows}"
        results |= {f"{key}_seconds": seconds[name], f"{key}_mb": extra[name]}
        if name != "ours":
            results |= {f"{key}_ratio": ratio, f"{key}_memory_ratio": lighter}
    return results


CASES = {
    "5 million rows": {"rows": 5_000_000},
    "5 million rows, any number": {"rows": 5_000_000, "floats": True},
    "5 million rows, 0.2 %": {"rows": 5_000_000, "alpha": 0.99, "k": 10, "support": 0.002},
    "100,000 rows, 40 columns": {"rows": 100_000, "attributes": 40},
}


def alone(name: str, case: dict, rounds: int) -> dict[str, float]:
    """Ours on what the package cannot search."""
    runs = [apart(method="ours", **case) for _ in range(rounds)]
    seconds, extra = (statistics.median(run[key] for run in runs) for key in ("seconds", "mb"))
    print(f"{name:26}ours       {seconds:8.3f}                     {extra:9.0f}")
    key = "ours_" + "_".join(f"{key}_{value}" for key, value in case.items())
    return {f"{key}_seconds": seconds, f"{key}_mb": extra}


def apart(**case: object) -> dict:
    """One search in a process of its own."""
    command = [sys.executable, __file__, "--one", json.dumps(case)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{case}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def one(*, method: str, rows: int, attributes: int = 12, floats: bool = False, **how: float) -> None:
    """Make the table, search it, and print what came out with time and memory."""
    codes, sizes, damage = made(rows, attributes, floats=floats)
    how = {"alpha": ALPHA, "k": K, "support": SUPPORT} | how
    if method == "ours":
        run = ours(codes, sizes, damage, floats=floats, **how)
    else:
        run = theirs(codes, damage, corrected=method == "corrected", **how)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    found = run()
    seconds = time.perf_counter() - start
    extra = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps({"seconds": seconds, "mb": extra, **found}))


def made(rows: int, attributes: int, *, floats: bool) -> tuple[np.ndarray, list[int], np.ndarray]:
    """Skewed attributes, losses of 3 %, and more in a few conjunctions; or the fall of a score."""
    rng = np.random.default_rng(7)
    sizes = [SIZES[i % len(SIZES)] for i in range(attributes)]
    codes = np.empty((attributes, rows), dtype=np.uint8)
    for i, size in enumerate(sizes):
        weights = 1 / np.arange(1, size + 1)
        codes[i] = rng.choice(size, rows, p=weights / weights.sum())
    chance = np.full(rows, 0.03)
    for conjunction, more in PLANTED.items():
        chance[np.logical_and.reduce([codes[a] == level for a, level in conjunction])] += more
    if floats:
        return codes, sizes, rng.gamma(0.5, chance) - rng.gamma(0.5, 0.02, rows)
    return codes, sizes, (rng.random(rows) < chance).astype(np.float64)


def ours(
    codes: np.ndarray, sizes: list[int], damage: np.ndarray, *, floats: bool, alpha: float, k: int, support: float
) -> Callable[[], dict]:
    """The engine's search."""
    attributes = [
        Attribute(name=f"a{i}", codes=column, levels=tuple(map(str, range(size))), where=tuple(map(str, range(size))))
        for i, (column, size) in enumerate(zip(codes, sizes, strict=True))
    ]
    n, largest = len(damage), float(damage.max())
    score: Score = SliceLine(alpha=alpha, n=n, damage=float(damage.sum()), largest=largest)
    if floats:
        score = Excess(n=n, mean=float(damage.mean()), variance=float(damage.var()), largest=largest)

    def run() -> dict:
        result = search(attributes, damage, score, k=k, support=math.ceil(support * n))
        assert not result.skipped
        return named(result.found)

    return run


def named(found: tuple[Found, ...]) -> dict:
    """Scores and sizes, best first."""
    return {"scores": [f.score for f in found], "sizes": [f.n for f in found]}


def theirs(
    codes: np.ndarray, damage: np.ndarray, *, corrected: bool, alpha: float, k: int, support: float
) -> Callable[[], dict]:
    """The package's search, as it is or with the number of rows in its bound."""
    from sliceline.slicefinder import Slicefinder

    class Corrected(Slicefinder):
        def _score_ub(self, *arguments):  # the last one is the number of rows that the bound divides by
            return super()._score_ub(*arguments[:-1], len(damage))

    finder = (Corrected if corrected else Slicefinder)(
        alpha=alpha, k=k, max_l=3, min_sup=math.ceil(support * len(damage)), verbose=False
    )
    table = np.ascontiguousarray(codes.T.astype(np.int64))

    def run() -> dict:
        finder.fit(table, damage)
        statistics_ = finder.top_slices_statistics_[:k]
        return {
            "scores": [entry["slice_score"] for entry in statistics_],
            "sizes": [int(entry["slice_size"]) for entry in statistics_],
        }

    return run


if __name__ == "__main__":
    main()

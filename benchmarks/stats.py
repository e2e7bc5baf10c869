"""Intervals, tests and adjustment of 10,000 slices, and the screen's sign flips, against the loops one would write.

    python benchmarks/stats.py                10,000 slices, and 1,000 slices x 2,000 flips at 100,000 examples
    python benchmarks/stats.py --slices 10000 as many slices for the flips too
    python benchmarks/stats.py --json         one JSON object on the last line

The peers get a part of the work, and their time is scaled to all of it. On that part their answers must equal ours, or
lie within what their own random draws allow. The rounds are interleaved, because machines are noisy: the median counts.
"""

import argparse
import itertools
import json
import statistics
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import statsmodels.stats.multitest  # noqa: F401 - a second to import, which is not what is measured
from scipy import sparse, stats

from validate.stats.mover import difference_p
from validate.stats.multiplicity import benjamini_hochberg, holm, tarone_family
from validate.stats.noninferiority import beyond_margin_p, classify, noninferiority_p
from validate.stats.paired import melded_interval, tango_interval
from validate.stats.sign_flips import MinP, sign_flip_min_p
from validate.stats.significance import sign_test

SLICES = 10_000
EXAMPLES, CHURN, FLIPS = 100_000, 0.03, 2_000
MARGIN, ALPHA = 0.02, 0.05
PART, FEW = 200, 20  # slices, and flips or slices to resample, that the peers get

Counts = tuple[np.ndarray, np.ndarray, np.ndarray]  # gains, losses, n; each (m,)


def main() -> None:
    """Run what was asked for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=1_000, help="slices that the signs are flipped in")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    print("what                                     seconds   ours is × faster")
    results = of_counts(options.rounds) | of_flips(options.slices, options.rounds)
    if options.json:
        print(json.dumps(results))


def of_counts(rounds: int) -> dict[str, float]:
    """Everything that the gate computes from counts, for 10,000 slices."""
    counts = made_counts()
    part = tuple(x[:PART] for x in counts)
    methods: dict[str, tuple[Callable[[], object], float]] = {  # with how often its work makes 10,000 slices
        "tango": (lambda: tango_interval(*counts), 1),
        "tests": (lambda: (sign_test(*counts[:2]), noninferiority_p(*counts, MARGIN)), 1),
        "gate": (lambda: gate(counts), 1),
        "melded": (lambda: (melded_interval(*counts), beyond_margin_p(*counts, MARGIN)), 1),
        "mover": (lambda: difference_p(*counts, *(x.sum() - x for x in counts)), 1),
        "binomtest_loop": (lambda: binomtests(*part[:2]), SLICES / PART),
        "bootstrap_loop": (lambda: bootstraps(part), SLICES / FEW),
    }
    seconds, answers = timed(methods, rounds)
    np.testing.assert_allclose(answers["binomtest_loop"], sign_test(*part[:2]), rtol=1e-9)
    against = {"binomtest_loop": "tests", "bootstrap_loop": "tango"}
    return report("10,000 slices", "counts", seconds, against)


def of_flips(slices: int, rounds: int) -> dict[str, float]:
    """Min-P of many overlapping slices of 100,000 examples."""
    rng = np.random.default_rng(7)
    signs, membership = made_flips(slices, rng)
    peer_rng = np.random.default_rng(8)
    tracemalloc.start()
    ours = sign_flip_min_p(signs, membership, flips=FLIPS, rng=rng)
    extra = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    dense = membership.toarray().astype(np.float64)
    methods: dict[str, tuple[Callable[[], object], float]] = {
        "sign_flips": (lambda: sign_flip_min_p(signs, membership, flips=FLIPS, rng=rng), 1),
        "naive_flips": (lambda: naive_min_p(signs, dense, FEW, peer_rng), FLIPS / FEW),
        "permutation_test": (lambda: permutation_tests(signs, dense[:, :1]), slices),
    }
    seconds, answers = timed(methods, min(rounds, 3))
    assert_flips_agree(ours, signs, dense[:, :FEW], answers["permutation_test"])
    results = report(
        f"{slices:,} slices x {FLIPS:,} flips, {len(signs):,} flipped examples",
        f"flips_{slices}",
        seconds,
        dict.fromkeys(["naive_flips", "permutation_test"], "sign_flips"),
    )
    print(f"{'extra memory of the sign flips':38} {extra:9.1f} MB")
    return results | {f"flips_{slices}_sign_flips_mb": extra}


def timed(
    methods: dict[str, tuple[Callable[[], object], float]], rounds: int
) -> tuple[dict[str, float], dict[str, object]]:
    """Median seconds of each method for all of the work, and its last answer; the first round warms up.

    A peer runs once: it is slower by far more than the noise.
    """
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    answers = {}
    for turn in range(rounds + 1):
        for name, (method, times) in methods.items():
            if times > 1 and turn != 1:
                continue
            start = time.perf_counter()
            answers[name] = method()
            if turn:
                seconds[name].append((time.perf_counter() - start) * times)
    return {name: statistics.median(found) for name, found in seconds.items()}, answers


def report(title: str, key: str, seconds: dict[str, float], against: dict[str, str]) -> dict[str, float]:
    """Print the rows of one table and name its numbers."""
    print(title)
    results = {}
    for name, value in seconds.items():
        results[f"{key}_{name}_seconds"] = value
        ratio = ""
        if name in against:
            results[f"{key}_{name}_ratio"] = value / seconds[against[name]]
            ratio = f"{results[f'{key}_{name}_ratio']:12,.0f} (scaled; than {against[name]})"
        print(f"  {name:36} {value:9.3f} {ratio}")
    return results


def gate(counts: Counts) -> object:
    """Interval, outcome, tests and adjustments: what a run of 10,000 slices needs from counts."""
    interval = tango_interval(*counts)
    p = sign_test(*counts[:2])
    family = tarone_family(counts[0] + counts[1], alpha=ALPHA, size=len(p))
    return (
        classify(interval.low, interval.high, MARGIN),
        noninferiority_p(*counts, MARGIN),
        holm(p[family]),
        benjamini_hochberg(p),
    )


def made_counts() -> Counts:
    """Slices of 20 to 50,000 examples, with up to a tenth of them flipped."""
    rng = np.random.default_rng(7)
    n = np.exp(rng.uniform(np.log(20), np.log(50_000), SLICES)).astype(np.int64)
    gains, losses, _ = rng.multinomial(n, [0.02, 0.025, 0.955]).T
    return gains, losses, n


def made_flips(slices: int, rng: np.random.Generator) -> tuple[np.ndarray, sparse.csr_array]:
    """Signs (d,) of the flipped examples and their slices (d, m): values of twelve skewed attributes, then pairs."""
    d = int(EXAMPLES * CHURN)
    weights = 1 / np.arange(1, 25)
    values = [rng.choice(24, d, p=weights / weights.sum()) for _ in range(12)]
    singles = [value == level for value in values for level in range(24)]
    pairs = (
        (values[a] == x) & (values[b] == y)
        for a, b in itertools.combinations(range(12), 2)
        for x, y in itertools.product(range(24), repeat=2)
    )
    columns = itertools.islice(itertools.chain(singles, pairs), slices)
    signs = np.where(rng.random(d) < 0.5, 1, -1)
    return signs, sparse.csr_array(np.stack(list(columns), axis=1).astype(np.float32))


def binomtests(gains: np.ndarray, losses: np.ndarray) -> list[float]:
    """The sign test, slice by slice."""
    return [
        stats.binomtest(int(lost), int(gained + lost), alternative="greater").pvalue if gained + lost else 1.0
        for gained, lost in zip(gains, losses, strict=True)
    ]


def bootstraps(counts: Counts) -> list[float]:
    """A percentile bootstrap of each slice's examples, which the sparse corner does not allow anyway."""
    limits = []
    for gained, lost, n in list(zip(*counts, strict=True))[:FEW]:
        change = np.repeat([1.0, -1.0, 0.0], [gained, lost, n - gained - lost])
        found = stats.bootstrap((change,), np.mean, n_resamples=999, method="percentile", rng=7)
        limits.append(found.confidence_interval.low)
    return limits


def naive_min_p(signs: np.ndarray, members: np.ndarray, flips: int, rng: np.random.Generator) -> np.ndarray:
    """Single-step min-P, one flip after the other, with scipy's binomial distribution."""
    sizes = members.sum(axis=0)
    observed = stats.binom.sf((signs == -1) @ members - 1, sizes, 0.5)
    hits = np.zeros(len(observed))
    for _ in range(flips):
        lost = rng.random(len(signs)) < 0.5
        hits += stats.binom.sf(lost @ members - 1, sizes, 0.5).min() <= observed
    return (1 + hits) / (1 + flips)


def permutation_tests(signs: np.ndarray, members: np.ndarray) -> list[float]:
    """scipy's sign flips of one slice after the other, which say nothing of all of them together."""
    return [
        stats.permutation_test(
            (signs[inside > 0].astype(float),),
            lambda x, axis: x.sum(axis=axis),
            permutation_type="samples",
            n_resamples=FLIPS,
            alternative="less",
            vectorized=True,
            rng=7,
        ).pvalue
        for inside in members.T
    ]


def assert_flips_agree(ours: MinP, signs: np.ndarray, members: np.ndarray, permuted: list[float]) -> None:
    """The raw p equal the binomial's; scipy's and a naive min-P of 20 slices lie within five Monte-Carlo errors."""
    sizes = members.sum(axis=0)
    raw = stats.binom.sf((signs == -1) @ members - 1, sizes, 0.5)
    np.testing.assert_allclose(ours.raw[:FEW], raw, rtol=1e-6)
    assert abs(permuted[0] - raw[0]) < 5 * np.sqrt(raw[0] * (1 - raw[0]) / FLIPS) + 1 / FLIPS
    few = sign_flip_min_p(signs, members, flips=FLIPS, rng=np.random.default_rng(1), step_down=False).adjusted
    naive = naive_min_p(signs, members, 1_000, np.random.default_rng(2))
    error = np.sqrt(naive * (1 - naive) * (1 / 1_000 + 1 / FLIPS))
    assert np.all(np.abs(few - naive) <= 5 * error + 0.002)


if __name__ == "__main__":
    main()

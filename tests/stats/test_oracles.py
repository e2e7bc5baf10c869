"""Numbers that nobody here wrote: published tables and other implementations, one adapter per method."""

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validate.metrics import METRICS
from validate.stats.bootstrap import mean_bootstrap_se
from validate.stats.calibration import (
    CalibrationError,
    calibration_error,
    equal_width_edges,
    top_label_calibration_error,
)
from validate.stats.clusters import (
    ClusterSums,
    cluster_se,
    cluster_sums,
    deff_tango_interval,
    durkalski,
    modified_obuchowski,
    obuchowski,
)
from validate.stats.means import StudentT, paired_t, welch_t
from validate.stats.mover import difference_interval
from validate.stats.multiplicity import benjamini_hochberg, benjamini_yekutieli, fcr_level, holm, hommel
from validate.stats.noninferiority import classify, error_ratio_interval, melded_p, noninferiority_p, smallest_n
from validate.stats.paired import (
    agresti_min_interval,
    bonett_price_interval,
    bonett_price_parts,
    melded_interval,
    newcombe_interval,
    tango_interval,
    tango_z,
    wald_interval,
)
from validate.stats.populations import class_change
from validate.stats.power import connor_sample_size, mcnemar_power, nam_sample_size, paired_t_sample_size, tango_power
from validate.stats.rates import clopper_pearson_interval, wilson_interval
from validate.stats.results import Interval, Intervals
from validate.stats.reuse import attempt_alpha, mixture_e_value
from validate.stats.sign_flips import sign_flip_min_p
from validate.stats.significance import mcnemar, mcnemar_log, sign_test

Input = Mapping[str, Any]
Answer = dict[str, Any]
CELLS = ("both_right", "gains", "losses", "both_wrong")


def folders() -> list[Path]:
    further = os.environ.get("PARITYGATE_ORACLES")
    return [Path(__file__).parents[1] / "oracles", *([Path(further)] if further else [])]


def cases() -> list[Any]:
    found = []
    for folder in folders():
        files = sorted(folder.glob("*.json"))
        assert files, f"no oracles in {folder}"
        for file in files:
            content = json.loads(file.read_text(encoding="utf-8"))
            listed = content["cases"] if isinstance(content, dict) else content
            found += [pytest.param(case, id=case["id"]) for case in listed]
    return found


def limits(interval: Interval) -> Answer:
    return {"estimate": interval.estimate, "lower": interval.low, "upper": interval.high}


def counts(given: Input) -> tuple[float, float, float]:
    n = given["n"] if "n" in given else sum(given[cell] for cell in CELLS)
    return given["gains"], given["losses"], n


def sums(given: Input) -> ClusterSums:
    return cluster_sums(given["gains"], given["losses"], np.sum([given[cell] for cell in CELLS], axis=0))


def level(given: Input) -> float:
    return 1 - 2 * given["alpha_one_sided"]


def of_counts(interval: Callable[..., Intervals]) -> Callable[[Input], Answer]:
    return lambda given: limits(interval(*counts(given), level=given["level"])[0])


def bonett_price(given: Input) -> Answer:
    center, se = (float(x[0]) for x in bonett_price_parts(*(np.array([x], dtype=float) for x in counts(given))))
    return {"center": center, "se": se} | of_counts(bonett_price_interval)(given)


def mcnemar_all(given: Input) -> Answer:
    gains, losses = given["gains"], given["losses"]
    return {
        "midp": mcnemar(gains, losses)[0],
        "exact": mcnemar(gains, losses, kind="exact")[0],
        "asymptotic": mcnemar(gains, losses, kind="asymptotic")[0],
        "ln_exact": mcnemar_log(gains, losses)[0],
        "chi2": tango_z(gains, losses, gains + losses, 0)[0] ** 2,
    }


def clustered(given: Input) -> Answer:
    gains, losses = np.array(given["gains"]), np.array(given["losses"])
    n = np.sum([given[cell] for cell in CELLS], axis=0)
    return {
        "mcnemar": tango_z(gains.sum(), losses.sum(), n.sum(), 0)[0] ** 2,
        "obuchowski": obuchowski(sums(given))[0],
        "durkalski": durkalski(gains, losses, n),
        "yang": modified_obuchowski(sums(given))[0],
    }


def deff_tango(given: Input) -> Answer:
    found = deff_tango_interval(sums(given), level=given["level"], few_clusters=False)
    return limits(found.interval[0]) | {"deff": found.deff[0]}


def cluster_estimate(given: Input) -> Answer:
    found = sums(given)
    return {"estimate": (found.gains / found.n - found.losses / found.n)[0], "se": cluster_se(found)[0]}


def cluster_bootstrap(given: Input) -> Answer:
    codes = np.repeat(np.arange(len(given["clusters"])), [len(cluster) for cluster in given["clusters"]])
    return {"se": mean_bootstrap_se(np.concatenate(given["clusters"]), clusters=codes)}


def mover(given: Input) -> Answer:
    inside, outside = (
        newcombe_interval(*(given[side][cell] for cell in CELLS), level=given["level"])
        for side in ("slice", "complement")
    )
    return limits(difference_interval(inside, outside)[0])


def ratio(given: Input) -> Answer:
    both, losses, gains = given["events_both"], given["events_first_only"], given["events_second_only"]
    found = error_ratio_interval(both, gains, losses, both + gains + losses, level=given["level"])[0]
    return {"ratio": found.estimate, "lower": found.low, "upper": found.high}


def nam(given: Input) -> Answer:
    planned = given["p_gain"], given["p_loss"], given["margin"]
    n = nam_sample_size(*planned, power=given["power"], level=level(given))
    return {"n": n, "exact_power_at_n": round(tango_power(n, *planned, level=level(given)), 4)}


def verdict(given: Input) -> Answer:
    found = tango_interval(*counts(given), level=level(given))
    return {"verdict": classify(found.low, found.high, given["margin"])[0]}


def min_p(given: Input) -> Answer:
    rng = np.random.default_rng(0)
    found = sign_flip_min_p(given["discordant"], given["membership"], flips=2**20, rng=rng, step_down=False)
    assert found.exact
    return {"raw": found.raw, "adjusted": found.adjusted}


def selected(given: Input) -> Answer:
    chosen, ci_level = fcr_level(given["p"], q=given["q"])
    return {"selected": int(chosen.sum()), "ci_level": ci_level}


def e_value(given: Input) -> Answer:
    e = mixture_e_value(*counts(given), given["margin"], bets=given["K"])[0]
    return {"e": e, "reject_at_025": bool(e >= 1 / 0.025)}


def student(found: StudentT) -> Answer:
    return limits(found.interval) | {"t": found.t, "df": found.df, "p": found.p}


def harm(found: StudentT | None) -> Answer:
    """The literature's sign: positive where the compressed models are worse."""
    assert found is not None
    return {"t": -found.t, "df": found.df, "p": found.p}


def level_mean(given: Input) -> Answer:
    sides = given["dense_recall"], given["comp_recall"], given["dense_mean_acc"], given["comp_mean_acc"]
    return harm(class_change(*sides, normalise="level-mean", matched=False).test)


def per_model(given: Input) -> Answer:
    sides = given["dense_recall"], given["comp_recall"], given["dense_acc"], given["comp_acc"]
    return {
        "welch": harm(class_change(*sides, matched=False).test),
        "paired": harm(class_change(*sides).test),
    }


def gaps(found: CalibrationError) -> Answer:
    return {"l1": found.l1, "l2": found.l2, "max": found.max}


def score(metric: str, labels: Any, probabilities: Any) -> float:
    function = METRICS[metric].score
    assert function is not None
    return float(function(np.asarray(labels), np.asarray(probabilities, dtype=float)).mean())


def brier_binary(given: Input) -> Answer:
    """Half of our convention, which sums over both classes."""
    chance = np.asarray(given["p"], dtype=float)
    return {"brier": score("brier", given["y"], np.column_stack([1 - chance, chance])) / 2}


METHODS: dict[str, Callable[[Input], Answer]] = {
    "adjusted_p": lambda x: {
        "bh": benjamini_hochberg(x["p"]),
        "by": benjamini_yekutieli(x["p"]),
        "holm": holm(x["p"]),
        "hommel": hommel(x["p"]),
    },
    "agresti_min_interval": of_counts(agresti_min_interval),
    "attempt_alpha": lambda x: {"alpha_k": np.vectorize(attempt_alpha)(x["alpha"], x["k"])},
    "binned_calibration_error": lambda x: gaps(
        calibration_error(x["confidence"], x["outcome"], equal_width_edges(x["n_bins"]))
    ),
    "bonett_price_interval": bonett_price,
    "bonett_price_ratio": ratio,
    "bootstrap_se": lambda x: {"se": mean_bootstrap_se(x["d"])},
    "brier_binary": brier_binary,
    "brier_multiclass": lambda x: {"brier": score("brier", x["y"], x["probs"])},
    "class_welch_level_mean": level_mean,
    "class_welch_per_model": per_model,
    "cluster_bootstrap_se": cluster_bootstrap,
    "cluster_se": cluster_estimate,
    "clustered_mcnemar": clustered,
    "connor_sample_size": lambda x: {
        "n": connor_sample_size(x["p_gain"], x["p_loss"], alpha=x["alpha"], sides=x["sides"], power=x["power"])
    },
    "deff_tango_interval": deff_tango,
    "fcr_level": selected,
    "log_loss": lambda x: {"logloss": score("log_loss", x["y"], x["probs"])},
    "mcnemar": mcnemar_all,
    "mcnemar_power": lambda x: {
        "exact": mcnemar_power(x["n"], x["p_gain"], x["p_loss"], kind="exact"),
        "asymptotic": mcnemar_power(x["n"], x["p_gain"], x["p_loss"], kind="asymptotic"),
    },
    "melded_interval": of_counts(melded_interval),
    "melded_test": lambda x: {"p": melded_p(*counts(x), x["margin"])[0]},
    "min_p": min_p,
    "mixture_e_value": e_value,
    "mover_newcombe": mover,
    "nam_sample_size": nam,
    "newcombe_interval": lambda x: limits(newcombe_interval(*(x[cell] for cell in CELLS), level=x["level"])[0]),
    "paired_t": lambda x: student(paired_t(np.subtract(x["x"], x["y"]))),
    "paired_t_sample_size": lambda x: {
        "n": paired_t_sample_size(x["margin"], x["sd_diff"], power=x["power"], level=level(x))
    },
    "rate_interval": lambda x: {
        "wilson": limits(wilson_interval(x["x"], x["n"], level=x["level"])[0]),
        "clopper_pearson": limits(clopper_pearson_interval(x["x"], x["n"], level=x["level"])[0]),
    },
    "sign_test": lambda x: {"p": sign_test(x["gains"], x["losses"])[0]},
    "smallest_n": lambda x: {"n": smallest_n(x["margin"], level=level(x))},
    "tango_interval": of_counts(tango_interval),
    "tango_power": lambda x: {"power": tango_power(x["n"], x["p_gain"], x["p_loss"], x["margin"], level=level(x))},
    "tango_test": lambda x: {
        "z": tango_z(*counts(x), x["margin"])[0],
        "p": noninferiority_p(*counts(x), x["margin"])[0],
    },
    "top_label_calibration_error": lambda x: gaps(
        top_label_calibration_error(x["probs"], x["target"], bins=x["n_bins"])
    ),
    "verdict": verdict,
    "wald_interval": of_counts(wald_interval),
    "welch_t": lambda x: student(welch_t(x["x"], x["y"])),
}


def compare(found: Any, expected: Any, tolerance: float | Mapping[str, float], place: str) -> None:
    """`expected` may name a part of what was found; a number may be off by the absolute or relative tolerance."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            assert key in found, f"{place}: nothing computes {key!r}"
            compare(found[key], value, tolerance, f"{place}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), place
        for i, value in enumerate(expected):
            compare(found[i], value, tolerance, f"{place}[{i}]")
    elif isinstance(expected, (str, bool)):
        assert found == expected, place
    else:
        allowed = tolerance["rel"] * abs(expected) if isinstance(tolerance, Mapping) else tolerance
        assert math.isfinite(found), place
        assert abs(found - expected) <= allowed + 1e-15, f"{place}: {found} is not {expected} within {allowed}"


@pytest.mark.parametrize("case", cases())
def test_oracle(case: Mapping[str, Any]) -> None:
    assert case["method"] in METHODS, f"no method computes {case['method']!r}"
    compare(METHODS[case["method"]](case["input"]), case["expected"], case["tolerance"], case["id"])


def test_every_method_has_an_oracle() -> None:
    assert {case.values[0]["method"] for case in cases()} >= set(METHODS)

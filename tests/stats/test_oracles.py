"""Every method against numbers that nobody here wrote: publications, documented output of other software, R, algebra.

Cases are read from tests/oracles and, if it is set, from the folder that PARITYGATE_ORACLES names; a case of an unknown
method fails. A case may expect only some of a method's numbers.
"""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from validate.metrics import METRICS
from validate.stats import (
    calibration,
    clusters,
    mover,
    multiplicity,
    noninferiority,
    paired,
    power,
    rates,
    significance,
)
from validate.stats.bootstrap import mean_bootstrap_se
from validate.stats.means import paired_t, welch_t
from validate.stats.populations import class_change
from validate.stats.reuse import attempt_alpha, mixture_e_value
from validate.stats.sign_flips import sign_flip_min_p

FOLDERS = [Path(__file__).parents[1] / "oracles", *map(Path, filter(None, [os.environ.get("PARITYGATE_ORACLES")]))]
CASES = [case for folder in FOLDERS for path in sorted(folder.glob("*.json")) for case in json.loads(path.read_text())]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_agrees_with_the_oracle(case):
    found = METHODS[case["method"]](case["input"])
    assert case["expected"]
    for key, expected in case["expected"].items():
        assert differences(found[key], expected, case["tolerance"]) == [], (key, case["source"])


def test_every_folder_has_cases_and_every_method_has_one():
    assert all(any(folder.glob("*.json")) for folder in FOLDERS)
    assert {case["method"] for case in CASES} == set(METHODS)


def differences(found, expected, tolerance):
    """Pairs (found, expected) that are further apart than an absolute tolerance, or a relative one: {"rel": x}."""
    if isinstance(expected, dict):
        return [pair for key, value in expected.items() for pair in differences(found[key], value, tolerance)]
    if isinstance(expected, list):
        pairs = zip(found, expected, strict=True)
        return [pair for one, value in pairs for pair in differences(one, value, tolerance)]
    if isinstance(expected, str | bool):
        return [] if found == expected else [(found, expected)]
    allowed = {"rel_tol": tolerance["rel"]} if isinstance(tolerance, dict) else {"rel_tol": 0, "abs_tol": tolerance}
    return [] if math.isclose(found, expected, **allowed) else [(found, expected)]


def level_of(case):
    return 1 - 2 * case["alpha_one_sided"]


def counts(case):
    """Gains, losses and n of one table, or of each cluster."""
    if "n" in case:
        return case["gains"], case["losses"], case["n"]
    return case["gains"], case["losses"], sum(np.asarray(cell) for cell in table(case))


def table(case):
    return case["both_right"], case["gains"], case["losses"], case["both_wrong"]


def limits(interval, i=0):
    return {"estimate": interval[i].estimate, "lower": interval[i].low, "upper": interval[i].high}


def student(result, sign=1):
    return {
        "t": sign * result.t,
        "df": result.df,
        "p": result.p,
        "lower": result.interval.low,
        "upper": result.interval.high,
    }


def bonett_price(case):
    center, se = paired.bonett_price_parts(*(np.array([x], dtype=float) for x in counts(case)))
    return limits(paired.bonett_price_interval(*counts(case), level=case["level"])) | {"center": center[0], "se": se[0]}


def bonett_price_ratio(case):
    ratio = noninferiority.error_ratio_interval(
        case["events_both"],
        case["events_second_only"],  # wrong in the second (dense) model only: a gain
        case["events_first_only"],
        case["events_both"] + case["events_second_only"] + case["events_first_only"],
        level=case["level"],
    )
    return limits(ratio) | {"ratio": ratio[0].estimate}


def mcnemar(case):
    flips = case["gains"], case["losses"]
    return {
        "chi2": paired.tango_z(*flips, sum(flips), 0)[0] ** 2,
        "ln_exact": significance.mcnemar_log(*flips)[0],
        **{kind.replace("-", ""): significance.mcnemar(*flips, kind=kind)[0] for kind in significance.MCNEMAR},
    }


def mcnemar_power(case):
    rate = case["n"], case["p_gain"], case["p_loss"]
    return {kind: power.mcnemar_power(*rate, kind=kind) for kind in ("exact", "asymptotic")}


def nam(case):
    rates, level = (case["p_gain"], case["p_loss"], case["margin"]), level_of(case)
    n = power.nam_sample_size(*rates, power=case["power"], level=level)
    return {"n": n, "exact_power_at_n": power.tango_power(n, *rates, level=level)}


def fcr(case):
    selected, level = multiplicity.fcr_level(case["p"], q=case["q"])
    return {"selected": selected.sum(), "ci_level": level}


def min_p(case):
    signs = case["discordant"]
    result = sign_flip_min_p(
        signs, case["membership"], flips=2 ** len(signs), rng=np.random.default_rng(0), step_down=False
    )
    assert result.exact
    return {"raw": result.raw, "adjusted": result.adjusted}


def mover_newcombe(case):
    slice, rest = (paired.newcombe_interval(*table(case[k]), level=case["level"]) for k in ("slice", "complement"))
    return limits(mover.difference_interval(slice, rest))


def cluster_se(case):
    sums = clusters.cluster_sums(*counts(case))
    return {"estimate": ((sums.gains - sums.losses) / sums.n)[0], "se": clusters.cluster_se(sums)[0]}


def clustered_mcnemar(case):
    sums = clusters.cluster_sums(*counts(case))
    return {
        "mcnemar": (paired.tango_z(sums.gains, sums.losses, sums.n, 0) ** 2)[0],
        "obuchowski": clusters.obuchowski(sums)[0],
        "yang": clusters.modified_obuchowski(sums)[0],
        "durkalski": clusters.durkalski(*counts(case)),
    }


def deff_tango(case):
    sums = clusters.cluster_sums(*counts(case))
    found = clusters.deff_tango_interval(sums, level=case["level"], few_clusters=False)
    return limits(found.interval) | {"deff": found.deff[0]}


def cluster_bootstrap_se(case):
    sizes = [len(cluster) for cluster in case["clusters"]]
    codes = np.repeat(np.arange(len(sizes)), sizes)
    return {"se": mean_bootstrap_se(np.concatenate(case["clusters"]), clusters=codes)}


def calibration_of(error):
    return {"l1": error.l1, "l2": error.l2, "max": error.max}


def score(name, labels, probabilities):
    return METRICS[name].score(np.array(labels), np.array(probabilities)).mean()


def class_welch(case, **normalise):
    test = class_change(case["dense_recall"], case["comp_recall"], **normalise).test
    return {key: student(test, sign=-1)[key] for key in ("t", "df", "p")}  # theirs is positive where a class is hurt


def class_welch_level_mean(case):
    means = {"dense_accuracy": [case["dense_mean_acc"]], "compressed_accuracy": [case["comp_mean_acc"]]}
    return class_welch(case, **means, normalise="level-mean", matched=False)


def class_welch_per_model(case):
    own = {"dense_accuracy": case["dense_acc"], "compressed_accuracy": case["comp_acc"]}
    return {"welch": class_welch(case, **own, matched=False), "paired": class_welch(case, **own, matched=True)}


def verdict(case):
    interval = paired.tango_interval(*counts(case), level=level_of(case))
    return {"verdict": noninferiority.classify(interval.low, interval.high, case["margin"])[0].value}


METHODS = {
    "adjusted_p": lambda case: {
        "holm": multiplicity.holm(case["p"]),
        "hommel": multiplicity.hommel(case["p"]),
        "bh": multiplicity.benjamini_hochberg(case["p"]),
        "by": multiplicity.benjamini_yekutieli(case["p"]),
    },
    "agresti_min_interval": lambda case: limits(paired.agresti_min_interval(*counts(case), level=case["level"])),
    "attempt_alpha": lambda case: {"alpha_k": [attempt_alpha(case["alpha"], k) for k in case["k"]]},
    "binned_calibration_error": lambda case: calibration_of(
        calibration.calibration_error(
            case["confidence"], case["outcome"], calibration.equal_width_edges(case["n_bins"])
        )
    ),
    "bonett_price_interval": bonett_price,
    "bonett_price_ratio": bonett_price_ratio,
    "bootstrap_se": lambda case: {"se": mean_bootstrap_se(case["d"])},
    "brier_binary": lambda case: {  # half of the sum over classes
        "brier": score("brier", case["y"], [[1 - p, p] for p in case["p"]]) / 2
    },
    "brier_multiclass": lambda case: {"brier": score("brier", case["y"], case["probs"])},
    "class_welch_level_mean": class_welch_level_mean,
    "class_welch_per_model": class_welch_per_model,
    "cluster_bootstrap_se": cluster_bootstrap_se,
    "cluster_se": cluster_se,
    "clustered_mcnemar": clustered_mcnemar,
    "connor_sample_size": lambda case: {"n": power.connor_sample_size(**case)},
    "deff_tango_interval": deff_tango,
    "fcr_level": fcr,
    "log_loss": lambda case: {"logloss": score("log_loss", case["y"], case["probs"])},
    "mcnemar": mcnemar,
    "mcnemar_power": mcnemar_power,
    "melded_interval": lambda case: limits(paired.melded_interval(*counts(case), level=case["level"])),
    "melded_test": lambda case: {"p": noninferiority.melded_p(*counts(case), case["margin"])[0]},
    "min_p": min_p,
    "mixture_e_value": lambda case: {
        "e": (e := mixture_e_value(*counts(case), case["margin"], bets=case["K"])[0]),
        "reject_at_025": bool(e >= 1 / 0.025),
    },
    "mover_newcombe": mover_newcombe,
    "nam_sample_size": nam,
    "newcombe_interval": lambda case: limits(paired.newcombe_interval(*table(case), level=case["level"])),
    "paired_t": lambda case: student(paired_t(np.subtract(case["x"], case["y"]))),
    "paired_t_sample_size": lambda case: {
        "n": power.paired_t_sample_size(case["margin"], case["sd_diff"], power=case["power"], level=level_of(case))
    },
    "rate_interval": lambda case: {
        "wilson": limits(rates.wilson_interval(case["x"], case["n"], level=case["level"])),
        "clopper_pearson": limits(rates.clopper_pearson_interval(case["x"], case["n"], level=case["level"])),
    },
    "sign_test": lambda case: {"p": significance.sign_test(case["gains"], case["losses"])[0]},
    "smallest_n": lambda case: {"n": noninferiority.smallest_n(case["margin"], level=level_of(case))},
    "tango_interval": lambda case: limits(paired.tango_interval(*counts(case), level=case["level"])),
    "tango_power": lambda case: {
        "power": power.tango_power(case["n"], case["p_gain"], case["p_loss"], case["margin"], level=level_of(case))
    },
    "tango_test": lambda case: {
        "z": paired.tango_z(*counts(case), case["margin"])[0],
        "p": noninferiority.noninferiority_p(*counts(case), case["margin"])[0],
    },
    "top_label_calibration_error": lambda case: calibration_of(
        calibration.top_label_calibration_error(case["probs"], case["target"], bins=case["n_bins"])
    ),
    "verdict": verdict,
    "wald_interval": lambda case: limits(paired.wald_interval(*counts(case), level=case["level"])),
    "welch_t": lambda case: student(welch_t(case["x"], case["y"])),
}

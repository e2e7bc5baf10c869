"""How each kind of number was made, in words: the report's method section, quoted by every export."""

from dataclasses import dataclass

from validate.changes import policy_level
from validate.stats.means import FEWEST_CHANGED, FEWEST_GUARDED
from validate.stats.noninferiority import smallest_n
from validate.suite import Gate


@dataclass(frozen=True, kw_only=True)
class Method:
    """How one kind of number was made."""

    topic: str  # "interval", "screen", …
    text: str
    source: str


def methods(
    gate: Gate, *, metric_kind: str, clustered: bool, edge_cases: bool = False, attacks: bool = False
) -> tuple[Method, ...]:
    """The methods that this policy uses, in the order in which a reader meets them."""
    level = policy_level(gate)
    alpha = (1 - level) / 2
    return (
        Method(
            topic="estimand",
            text=f"The change of {gate.metric} from the dense to the compressed model on the population that these "
            "examples "
            "were drawn from, for these fixed weights; negative means harm.",
            source="paired design: both models answer the same examples",
        ),
        _interval(gate, level, metric_kind=metric_kind, clustered=clustered),
        Method(
            topic="decision rule",
            text=f"A guarded slice passes when the lower {level:.1%} limit of its change lies above minus its "
            "margin, fails when "
            f"the upper limit lies below it, and is inconclusive otherwise. One-sided alpha {alpha:.4g} each way. "
            "All guarded "
            "slices must pass, so no adjustment is needed: a release of a model that is truly worse than the margin "
            "on any "
            f"guarded slice passes no more often than that one slice does (intersection-union test).",
            source="Berger 1982",
        ),
        _error_rate(gate, metric_kind=metric_kind, clustered=clustered),
        _screen(gate),
        Method(
            topic="disparity",
            text="Each under-represented category, and each pool of them, against all other examples: difference of "
            "the two changes "
            "with a square-and-add interval. Flagged when the one-sided p of no difference, Holm-adjusted over the "
            "family, is at "
            f"most {1 - gate.confidence:.2g} and the difference's upper limit lies below -{gate.disparity_margin:g}. "
            "Listed, without gating, by Benjamini-Yekutieli at 0.10.",
            source="Newcombe 2001; Zou & Donner 2008; Holm 1979; Benjamini & Yekutieli 2001",
        ),
        Method(
            topic="error rates of categories",
            text="Described only. False positives and false negatives (with more than two classes: the misses of each) "
            "of an under-represented category against all other examples: difference of the two changes with a "
            "square-and-add interval on score intervals, listed by Benjamini-Yekutieli at 0.10 over all of them, "
            "because differences of a category and of its complement mirror each other. Not where examples come in "
            "clusters.",
            source="Newcombe 2001; Benjamini & Yekutieli 2001",
        ),
        Method(
            topic="families",
            text="Which adjustment where, and why. Guarded slices: none, for all of them must pass. The screen: family-"
            "wise, for one flag fails the release. Notes on losses and gains: Benjamini-Hochberg, for one-sided tests "
            "of overlapping slices lean the same way; their intervals are widened for having been picked (false "
            "coverage rate). Disparities: Holm to flag and Benjamini-Yekutieli to list, for slices and complements "
            "oppose each other. Hommel's method is a function of the library and decides nothing here.",
            source="Berger 1982; Holm 1979; Benjamini & Hochberg 1995; Benjamini & Yekutieli 2001, 2005",
        ),
        *_growing(gate, alpha),
        Method(
            topic="small slices",
            text=f"Fewer than {smallest_n(gate.margin, level=level):,} examples cannot pass a margin of "
            f"{gate.margin:g} without a "
            "gain. Such categories are judged together where their pool is large enough, and listed as blind spots "
            "always.",
            source="closed form of the score interval without discordant pairs",
        ),
        Method(
            topic="sample sizes",
            text="Examples needed: for 80 % power to pass if the truth is no change, at the upper 95 % limit of the "
            "churn seen over all examples.",
            source="Nam 1997; Liu et al. 2002",
        ),
        Method(
            topic="calibration",
            text="Described only. Gap between the confidence of the most likely class and the share that is right, in "
            "15 bins of equal width, closed on the right, for guarded slices of 300 examples or more. The mean gap is "
            "biased upwards by chance, more so in small slices; the debiased one (root of the mean square) takes that "
            "out.",
            source="Guo et al. 2017; Ferro & Fricker 2012; Kumar et al. 2019",
        ),
        Method(
            topic="labels of slices",
            text="The outcome shown beside a slice that is not guarded describes that slice alone; among many slices "
            "some labels are "
            "wrong by chance. Only the checks decide.",
            source="comparison-wise error",
        ),
        *(_edge_cases(gate) if edge_cases else ()),
        *(_attacks() if attacks else ()),
    )


def _edge_cases(gate: Gate) -> tuple[Method, ...]:
    return (
        Method(
            topic="edge cases",
            text="Variants of one source are one cluster, and are never counted as if each were an example of its "
            "own. Guarded sets are decided like guarded slices. All other sets, and each severity of a set, are one "
            f"screen of their own: flagged when really worse (sign test of clusters, Holm-adjusted over the family, at "
            f"most {1 - gate.confidence:.2g}) and by themselves beyond their margin. Cases that must not be lost fail "
            "at the first loss; the exact interval of their rate of losses counts each source once.",
            source="Holm 1979; Rao & Scott 1992; Clopper & Pearson 1934",
        ),
        Method(
            topic="edge cases: interaction",
            text="Whether compression costs more on the variants than on their sources: the change on the variants "
            "minus the change on the sources, pair by pair, with an interval for clusters of sources. A set that only "
            "re-weights the data is compared with all examples instead, as if the two had none in common. "
            "Invariance: how often each model's answer to a variant is not its answer to the source. Both describe, "
            "without gating.",
            source="difference in differences; Tango 1998; Rao & Scott 1992; Ribeiro et al. 2020",
        ),
    )


def _attacks() -> tuple[Method, ...]:
    return (
        Method(
            topic="edge cases: attacks",
            text="Inputs changed within a bound so that a model errs, along the gradient of its own loss: in one step, "
            "or in many from a random start, of all that were looked at the one that fools it most. Each model is "
            "attacked itself and, source by source, counts as wrong where that fools it, or what was made to fool the "
            "other model, or noise as large as the bound. Each of the three is also described by itself. An attack "
            "shows how little is enough, not how much is safe: a stronger one may exist, and a model without gradients "
            "is not safer for it.",
            source="Goodfellow et al. 2015; Madry et al. 2018; Athalye et al. 2018",
        ),
    )


def _growing(gate: Gate, alpha: float) -> tuple[Method, ...]:
    """What may be looked at again and again while data grow."""
    if not gate.growing:
        return ()
    text = (
        "Described beside the decision, which holds for one look at a fixed number of examples. The e-value of a "
        f"guarded slice may be looked at whenever examples are added: from {1 / alpha:.4g} on it shows that the slice "
        f"loses less than its margin, wrongly with probability {alpha:.4g} at most over all looks together. It needs "
        "one and a half to twice the examples of a single look, and independent ones."
    )
    return (Method(topic="growing data", text=text, source="Waudby-Smith & Ramdas 2024"),)


def _interval(gate: Gate, level: float, *, metric_kind: str, clustered: bool) -> Method:
    if metric_kind == "binary":
        return _interval_of_rates(gate, level, clustered=clustered)
    if metric_kind == "mean":
        text = (
            f"{level:.1%} interval of the mean of paired differences: Student's t; for guarded slices of fewer than 30 "
            "examples or with skewed differences, and where examples come in clusters, a studentised bootstrap of "
            "9,999 resamples (fewer beyond 20,000 examples, 999 where a slice is not guarded). Fewer than 10 "
            "examples, or differences that are all the same, are inconclusive. A guarded slice has the lower of this "
            "limit and of Student's after two losses as large as the largest difference were added, so that losses "
            f"which are large and rare do not pass; fewer than {FEWEST_GUARDED} examples (or clusters), or differences "
            f"worth fewer than {FEWEST_CHANGED} changed ones (Kish's effective number), do not pass at all."
        )
        source = "Student 1908; Efron & Tibshirani 1993; Agresti & Coull 1998; Kish 1965"
        return Method(topic="interval", text=text, source=source)
    text = (
        f"{level:.1%} seeded bootstrap of the paired difference, 999 resamples (BCa up to 1,000 examples, percentiles "
        "beyond); fewer than 10 examples are inconclusive. A guarded slice does not pass with fewer than "
        f"{FEWEST_GUARDED} examples (or clusters), nor with changes worth fewer than {FEWEST_CHANGED} changed examples "
        "(Kish's effective number)."
    )
    return Method(topic="interval", text=text, source="Efron 1987; Kish 1965")


def _interval_of_rates(gate: Gate, level: float, *, clustered: bool) -> Method:
    name = "melded confidence interval" if gate.exact and not clustered else "score interval for paired proportions"
    source = "Fay & Lumbard 2021" if gate.exact and not clustered else "Tango 1998"
    text = f"{level:.1%} {name}, from gains and losses of each slice."
    if clustered:
        text += (
            " Examples come in clusters: each cluster counts as one example (fewer where their sizes differ), and its "
            "gains and losses as many flips as the variance between clusters shows. Fewer than 10 clusters decide "
            "nothing; below 30, Student's t takes the place of the normal distribution."
        )
        source += "; after Rao & Scott 1992"
    if gate.margin_ratio is not None:
        text += (
            f" Where errors may grow by a factor ({gate.margin_ratio:g}), the limits of that factor come from a "
            "score test of the ratio of the two error rates, with a continuity correction; without errors of the "
            "dense model nothing is decided."
        )
        source += "; Tang, Tang & Chan 2003"
    return Method(topic="interval", text=text, source=source)


# How often a slice that truly loses as much as its margin passes, where 0.025 is nominal: asserted by the slow tests.
_FALSE_PASS = {
    "score": "by the score interval at most 0.0261 (exact enumeration of 20 to 2,000 examples, gains up to 4 %, "
    "margins of 2, 5 and 10 points)",
    "melded": "by the melded interval at most 0.025 (exact enumeration of 30 to 200 examples)",
    "clusters": "with clusters at most 0.025, within the simulation's error of 0.0035 (10 to 500 clusters of 1 to 20 "
    "examples, of one size or many, from independent flips to clusters that flip whole or hide among others)",
    "ratio": "by the ratio of errors at most 0.0251 (exact enumeration of 1 to 40 errors and factors of 1.05 to 3)",
    "mean": "by the limit of guarded means at most 0.025, within the simulation's error of 0.0025 (50 to 1,000 "
    "examples: normal, exponential or lognormal differences, losses in one example of 10 to one of 200 and no other "
    "difference, losses in a tenth of them above noise; 50 to 300 clusters likewise). What remains are losses that "
    "most samples do not hold: one in 20 examples above noise passes 0.078 with 50, one in 50 passes 0.12 with 100, "
    "and lognormal losses with a spread of 1.5 pass 0.064 with 50 and 0.032 with 200 examples. Losses rarer than about "
    "4 in n are not seen by n examples",
    "aggregate": "by the bootstrap, simulated: of F1 at most 0.025 with 100 examples; of RMSE 0.046 with 50 and 0.033 "
    "with 100 and 200 examples (error 0.005); of AUC 0.047 with 50 (error 0.012)",
}


def _error_rate(gate: Gate, *, metric_kind: str, clustered: bool) -> Method:
    """How far the decision can be trusted, method by method."""
    if metric_kind == "binary":
        used = ["clusters"] if clustered else ["melded" if gate.exact else "score"]
        used += ["ratio"] * (gate.margin_ratio is not None)
    else:
        used = [metric_kind]
    measured = "; ".join(_FALSE_PASS[name] for name in used)
    return Method(
        topic="false passes",
        text=f"How often a slice that truly loses as much as its margin passes, where 0.025 is nominal: {measured}.",
        source="the project's own tests",
    )


def _screen(gate: Gate) -> Method:
    alpha = 1 - gate.confidence
    beyond = "and its own upper limit lies below minus its margin"
    rules = {
        "holm": (
            "A slice is flagged when it is really worse (one-sided exact sign test, Holm-adjusted over the family, "
            f"at most {alpha:.2g}) "
            f"{beyond}. Slices with the same members are one hypothesis; slices with too few discordant examples to "
            "reach "
            "the level are left out of the family (Tarone).",
            "Holm 1979; Tarone 1990",
        ),
        "westfall-young": (
            "A slice is flagged when it is really worse (sign flips of discordant examples, step-down minimum p "
            "over the family, "
            f"{gate.flips:,} flips, at most {alpha:.2g}) {beyond}.",
            "Westfall & Young 1993",
        ),
        "melded": (
            "Strict: a slice is flagged when the exact one-sided p of a loss no larger than its margin, "
            "Holm-adjusted over the "
            f"family, is at most {alpha:.2g}.",
            "Fay & Lumbard 2021; Holm 1979",
        ),
    }
    text, source = rules[gate.screen]
    return Method(topic="screen", text=text + " Listed, without gating, by Benjamini-Hochberg at 0.10.", source=source)

"""What the keys of a sweep must observe beyond the type of each."""

from collections import Counter
from collections.abc import Iterator

from validate.mistakes import Mistake, key_path
from validate.suite import ModelSpec, Suite
from validate.suite_sweep import ABOUT


def sweep_mistakes(suite: Suite) -> Iterator[Mistake]:
    """Every rule that series, levels, rounds and calibration sets break."""
    others: dict[tuple[str | int, ...], ModelSpec] = {("models", "dense"): suite.models.dense}
    for name, population in suite.populations.items():
        for side, specs in (("dense", population.dense), ("compressed", population.compressed)):
            others |= {("populations", name, side, i): spec for i, spec in enumerate(specs)}
    for where, spec in others.items():
        for key in sorted(ABOUT):
            if getattr(spec, key) is not None:
                rule = "belongs to a model of [models.compressed]: no other is a step of a sweep"
                yield Mistake(key_path(*where, key), rule, getattr(spec, key))
    places: Counter[tuple[object, ...]] = Counter()
    for name, spec in suite.models.compressed.items():
        for key in ("level", "round"):
            if getattr(spec, key) is not None and spec.series is None:
                rule = "needs a series: what is it a step of?"
                yield Mistake(key_path("models", "compressed", name, key), rule, getattr(spec, key))
        if spec.calibration is not None and suite.data.batch_rows is not None:
            rule = "needs all rows at once, and [data] batch_rows reads a batch at a time: remove one of them"
            yield Mistake(key_path("models", "compressed", name, "calibration"), rule, spec.calibration)
        place = spec.series, spec.level, spec.round
        places[place] += 1
        if places[place] == 2 and (spec.level, spec.round) != (None, None):
            rule = "another model of this series has the same level and round"
            yield Mistake(key_path("models", "compressed", name), rule, spec.series)

"""Several trainings per side, from the suite file to the report; described, whatever they show."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.pairs import answers_of
from tests.strategies import dataset
from validate import cli
from validate.errors import SuiteError
from validate.populations import compare_populations, sides
from validate.stats.multiplicity import benjamini_hochberg
from validate.stats.populations import class_change
from validate.suite_file import load_suite

RNG = np.random.default_rng(4)
LABELS = np.array(["no", "yes"])[(np.arange(600) % 3 == 0).astype(int)]
DATA = dataset(pd.DataFrame({"group": "g", "label": LABELS}))


def right(rate, *, yes):
    """Which of the 600 examples a model gets right, with this rate, and another on the class yes."""
    return RNG.random(600) < np.where(LABELS == "yes", yes, rate)


DENSE = [answers_of(DATA, right(0.95, yes=0.9)) for _ in range(4)]
HURT = [answers_of(DATA, right(0.95, yes=0.5)) for _ in range(4)]


def test_a_class_that_every_training_loses_is_told_in_both_normalisations():
    found = compare_populations("p", DATA, sides(DATA, DENSE, HURT), matched=True)
    no, yes = found.classes
    assert (found.seeds, no.n, yes.n) == ((4, 4), 400, 200)
    for shift in yes.shifts:
        assert shift.change < -0.15
        assert shift.p_fdr < 0.01
        assert shift.interval.high < 0
    assert [shift.normalise for shift in yes.shifts] == ["per-model", "level-mean"]
    assert all(shift.change > 0 for shift in no.shifts)  # less than its models did


def test_the_numbers_are_those_of_the_library_adjusted_over_the_classes():
    answered = sides(DATA, DENSE, HURT[:3])
    found = compare_populations("p", DATA, answered, matched=False)
    hits = [codes == DATA.labels for codes in (answered.dense, answered.compressed)]
    accuracy = [side.mean(axis=1) for side in hits]
    p = []
    for code, one in enumerate(found.classes):
        recall = [side[:, DATA.labels == code].mean(axis=1) for side in hits]
        wanted = class_change(*recall, *accuracy, matched=False)
        assert one.shifts[0].change == wanted.change
        p.append(wanted.test.p)
    assert [one.shifts[0].p for one in found.classes] == p
    np.testing.assert_allclose([one.shifts[0].p_fdr for one in found.classes], benjamini_hochberg(p))


def test_exemplars_are_the_examples_whose_usual_label_changes():
    everything, flipped = np.ones(600, dtype=bool), np.arange(600) == 7
    dense = [answers_of(DATA, everything)] * 3
    compressed = [answers_of(DATA, everything & ~flipped)] * 2 + [answers_of(DATA, everything)]
    found = compare_populations("p", DATA, sides(DATA, dense, compressed), matched=True)
    assert (found.exemplars, found.exemplar_ids) == (1, ("7",))
    assert found.classes[0].shifts[0].p is None or found.classes[0].shifts[0].p > 0


def test_two_seeds_are_ranges_without_a_test():
    found = compare_populations("p", DATA, sides(DATA, DENSE[:2], HURT[:2]), matched=True)
    assert all(shift.p is None and shift.interval is None for one in found.classes for shift in one.shifts)
    assert found.classes[1].dense[0] <= found.classes[1].dense[1]


def test_models_that_do_not_vary_have_no_p():
    same = [answers_of(DATA, np.arange(600) % 10 > 0)] * 3
    found = compare_populations("p", DATA, sides(DATA, same, same), matched=True)
    assert all(shift.p is None and not np.isfinite(shift.interval.low) for shift in found.classes[0].shifts)


def test_a_missing_answer_is_wrong_and_a_label_of_its_own():
    missing = np.arange(600) == 3
    silent = [answers_of(DATA, np.ones(600, dtype=bool), missing=missing)] * 3
    found = compare_populations("p", DATA, sides(DATA, DENSE[:1] * 3, silent), matched=True)
    assert "3" in found.exemplar_ids
    assert found.compressed[0] == pytest.approx(599 / 600)


def declare(folder, text):
    with (folder / "suite.toml").open("a", encoding="utf-8") as file:
        file.write(text)


TABLE = """
[populations.seeds]
dense = [{ recorded = "dense.csv", id = "photo" }, { recorded = "dense.csv", id = "photo" }, { recorded = "dense.csv", id = "photo" }]
compressed = [{ recorded = "int8.csv", id = "photo" }, { recorded = "int8.csv", id = "photo" }, { recorded = "int8.csv", id = "photo" }]
"""


def test_populations_of_a_suite_are_described_and_do_not_gate(mine):
    before = cli.main(["run", "mine", "--out", "without"])
    declare(mine, TABLE)
    assert cli.main(["run", "mine", "--out", "with"]) == before
    record = json.loads((next(Path("with").glob("*/results.json"))).read_text(encoding="utf-8"))
    found = record["populations"][0]
    assert (found["name"], found["seeds"]) == ("seeds", [3, 3])
    flips = [c["counts"]["gains"] + c["counts"]["losses"] for c in record["comparisons"] if c["slice"]["name"] == "all"]
    assert found["exemplars"] >= flips[0]  # a change from wrong to another wrong counts too
    text = Path("with/report.html").read_text(encoding="utf-8")
    assert "Several trainings" in text
    assert "Neither speaks for both" in text
    assert cli.main(["verify", "with"]) == 0


def test_a_population_that_cannot_be_run_says_why_and_stops_nothing(mine):
    before = cli.main(["run", "mine", "--out", "without"])
    declare(mine, TABLE.replace("int8.csv", "nowhere.csv"))
    assert cli.main(["run", "mine", "--out", "with"]) == before
    record = json.loads((next(Path("with").glob("*/results.json"))).read_text(encoding="utf-8"))
    assert "nowhere.csv" in record["populations"][0]["problem"]
    assert "could not be compared" in Path("with/report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            (', { recorded = "int8.csv", id = "photo" }]', "]"),
            "matched seeds need as many compressed models as dense ones",
        ),
        (("compressed =", "matched = 1\ncompressed ="), "must be true or false"),
        (("dense = [", "dense = []\nother = ["), "must not be empty"),
        (
            ('{ recorded = "dense.csv", id = "photo" }, {', '{ recorder = "dense.csv", id = "photo" }, {'),
            "a model is a table",
        ),
    ],
)
def test_a_table_that_cannot_be_is_refused(mine, change, message):
    declare(mine, TABLE.replace(*change, 1))
    with pytest.raises(SuiteError, match=message):
        load_suite(mine)

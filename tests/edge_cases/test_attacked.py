"""Attacks in a run: each model on what fools itself, what carries over described beside it, and who cannot be attacked."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from skops import io

from tests.edge_cases.folder import tiny
from validate import cli
from validate.errors import SuiteError
from validate.evidence import read_record
from validate.gate import CheckKind
from validate.outcome import Outcome
from validate.pipeline import evaluate, run
from validate.planning import plan
from validate.suite_file import load_suite

PGD = '[[edge_cases]]\nattack = "pgd"\nepsilon = [0.1, 0.3]\nsteps = 5\nexamples = 80\n'
FGSM = '[[edge_cases]]\nattack = "fgsm"\nepsilon = 0.1\nexamples = 80\n'
MISSING = '[[edge_cases]]\nkind = "missing-values"\ncolumns = ["income"]\nexamples = 50\nseverity = [3]\n'
MASKED = """
class Rounded(torch.nn.Linear):
    def forward(self, x):
        return super().forward(torch.round(x * 8) / 8)

def masked():
    return Rounded(3, 2)
"""


MISLED = MASKED.replace("super().forward(torch.round(x * 8) / 8)", "super().forward(torch.round(x * 8) / 8 - 1e-6 * x)")


def masked(folder, edge_cases, *, which="small", code=MASKED):
    """The tiny suite with a model whose inputs are rounded, so that its loss has no gradient."""
    tiny(folder, edge_cases)
    with (folder / "models.py").open("a") as models:
        models.write(code)
    file = folder / "suite.toml"
    old = f'torch = "models.py:build"\nweights = "{which}.pt"'
    file.write_text(file.read_text().replace(old, f'torch = "models.py:masked"\nweights = "{which}.pt"'))
    return load_suite(folder)


def sklearn(folder, edge_cases, *, framed=False):
    """The tiny suite with a compressed model of scikit-learn, which has no gradients."""
    tiny(folder, edge_cases)
    frame = pd.read_csv(folder / "data.csv")
    x = (
        frame[["age", "income"]]
        if framed
        else np.column_stack([frame["age"] / 50, frame["income"] / 1000, frame["age"]])
    )
    io.dump(LogisticRegression().fit(x, frame["truth"]), folder / "small.skops")
    file = folder / "suite.toml"
    old = 'torch = "models.py:build"\nweights = "small.pt"'
    file.write_text(file.read_text().replace(old, 'sklearn = "small.skops"'))
    return load_suite(folder)


def levels(evidence) -> dict[tuple[str, str], tuple[float, float]]:
    return {(t.slice, t.made_on): (t.dense, t.compressed) for t in evidence.transfers}


def test_each_model_is_judged_on_what_fools_itself_and_the_rest_is_described(tmp_path):
    (record,) = run(tiny(tmp_path, MISSING + PGD + FGSM))
    evidence = record.edge_cases
    names = ["missing-values", "pgd", "pgd, severity 1", "pgd, severity 2", "fgsm"]
    assert [c.slice.name for c in evidence.comparisons] == names
    told = levels(evidence)
    assert len(told) == 3 * 3
    for c in evidence.comparisons[2:]:
        assert c.dense == told[c.slice.name, "dense"][0]
        assert c.compressed == told[c.slice.name, "compressed"][1]
    for name in names[2:]:  # a model's own attack is the strongest of all on it, and stronger than chance
        for model, own in enumerate(("dense", "compressed")):
            assert told[name, own][model] == min(
                told[name, made_on][model] for made_on in ("dense", "compressed", "noise")
            )
            assert told[name, own][model] < told[name, "noise"][model]
    (check,) = [check for check in record.checks if check.kind is CheckKind.EDGE_CASES]
    assert check.numbers["looked_at"] == len(names)
    result = next(result for result in evidence.results if result.slice == "pgd, severity 2")
    assert result.invariance is not None
    assert result.interaction.estimate == pytest.approx(
        told["pgd, severity 2", "compressed"][1]
        - told["pgd, severity 2", "dense"][0]
        - (result.clean_compressed - result.clean_dense)
    )


def test_a_larger_bound_fools_at_least_as_many(tmp_path):
    (record,) = run(tiny(tmp_path, PGD))
    told = levels(record.edge_cases)
    assert told["pgd, severity 2", "dense"][0] <= told["pgd, severity 1", "dense"][0]


def test_of_two_equal_models_nothing_differs(tmp_path):
    tiny(tmp_path, PGD)
    file = tmp_path / "suite.toml"
    file.write_text(
        file.read_text()
        .replace("small.pt", "dense.pt")
        .replace("[models]\n", '[models]\nexpected = ["identical"]\n', 1)
    )
    (record,) = run(load_suite(tmp_path))
    assert all(c.counts.gains == c.counts.losses == 0 for c in record.edge_cases.comparisons)
    assert all(t.dense == t.compressed for t in record.edge_cases.transfers)


def test_rows_hold_what_was_judged_and_two_runs_agree(tmp_path):
    loaded = tiny(tmp_path, MISSING + PGD)
    (first,), (second,) = evaluate(loaded), evaluate(loaded)
    assert first.record.edge_cases == second.record.edge_cases
    rows = first.edge_rows
    own = rows[(rows["set"] == "pgd") & (rows["severity"] == 2)]
    dense, compressed = levels(first.record.edge_cases)["pgd, severity 2", "dense"][0], None
    assert (own["dense"] == own["truth"]).mean() == dense
    compressed = levels(first.record.edge_cases)["pgd, severity 2", "compressed"][1]
    assert (own["compressed"] == own["truth"]).mean() == compressed


def test_through_the_command_line_it_is_judged_described_and_verified(tmp_path, capsys):
    described = FGSM.replace("fgsm", "pgd") + 'name = "by the way"\nscreen = false\n'
    tiny(tmp_path, MISSING + PGD + described)
    out = tmp_path / "out"
    assert cli.main(["run", str(tmp_path), "--out", str(out), "--report-only"]) == 0
    page = (out / "report.html").read_text()
    assert "Attacks: how many both models have right of the same changed inputs" in page
    assert "described only" in page
    capsys.readouterr()
    assert cli.main(["verify", str(out)]) == 0
    told = capsys.readouterr().out
    assert "290 edge cases" in " ".join(told.split())
    assert "what carries over of attacks" in " ".join(told.split())
    assert cli.main(["plan", str(tmp_path)]) == 0
    assert "described" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("extra", "checks"), [("", ["edge cases"]), ("guard = true\n", ["edge cases: fgsm"]), ("screen = false\n", [])]
)
def test_an_attack_is_screened_or_guarded_or_described(tmp_path, extra, checks):
    (record,) = run(tiny(tmp_path, FGSM + extra))
    assert [check.id for check in record.checks if check.kind is CheckKind.EDGE_CASES] == checks
    assert [c.slice.name for c in record.edge_cases.comparisons] == ["fgsm"]
    (planned,) = plan(tiny(tmp_path, FGSM + extra)).edge_cases
    assert (planned.guard, planned.screened) == (extra.startswith("guard"), not extra)


@pytest.mark.parametrize("which", ["dense", "small"])
def test_a_model_without_a_gradient_is_an_error_that_names_it(tmp_path, which):
    (record,) = run(masked(tmp_path, PGD, which=which))
    assert record.verdict.outcome is Outcome.ERROR
    assert f"model '{which}'" in record.verdict.reasons[0]
    assert "gradient masking" in record.verdict.reasons[0]


def test_a_model_that_the_suite_spares_is_told_by_the_dense_model_s_inputs(tmp_path):
    (record,) = run(masked(tmp_path, MISSING + PGD + 'against = ["dense"]\n'))
    evidence = record.edge_cases
    assert [c.slice.name for c in evidence.comparisons] == ["missing-values"]
    assert {made_on for _, made_on in levels(evidence)} == {"dense", "noise"}
    assert evidence.spared.startswith("not attacked itself by pgd")


def test_a_model_whose_gradients_mislead_is_not_judged_stronger_than_what_carries_over(tmp_path):
    """Rounding hides which way its loss grows, and a slope that is too small to matter points the wrong way."""
    (record,) = run(masked(tmp_path, PGD, code=MISLED))
    evidence, told = record.edge_cases, levels(record.edge_cases)
    fooled = 0
    for c in evidence.comparisons[1:]:
        shares = [told[c.slice.name, made_on][1] for made_on in ("dense", "compressed", "noise")]
        assert c.compressed <= min(shares)
        fooled += c.compressed < told[c.slice.name, "compressed"][1]
    assert fooled


def test_that_a_model_was_not_attacked_is_told_everywhere_and_judges_nothing(tmp_path, capsys):
    sklearn(tmp_path, PGD)
    out = tmp_path / "out"
    assert cli.main(["run", str(tmp_path), "--out", str(out), "--report-only"]) == 0
    (told,) = [check for check in read_record(out / "small" / "results.json").checks if not check.gates]
    assert (told.kind, told.outcome) == (CheckKind.EDGE_CASES, Outcome.INCONCLUSIVE)
    for name in ("report.html", "summary.md", "junit.xml", "results.sarif"):
        assert "not attacked itself by pgd" in (out / name).read_text(), name
    capsys.readouterr()
    assert cli.main(["verify", str(out)]) == 0


def test_models_of_other_frameworks_see_what_fools_the_dense_one(tmp_path):
    (judged,) = evaluate(sklearn(tmp_path, PGD))
    evidence = judged.record.edge_cases
    assert evidence.comparisons == ()
    assert judged.edge_rows is None
    told = levels(evidence)
    assert told["pgd, severity 2", "dense"][1] < told["pgd, severity 2", "noise"][1]
    assert "not attacked itself by pgd" in evidence.spared


def test_one_that_sees_other_inputs_is_not_asked(tmp_path):
    (record,) = run(sklearn(tmp_path, PGD, framed=True))
    assert record.edge_cases.transfers == ()
    assert "does not see what [models] inputs makes" in record.edge_cases.spared


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('attack = "cw"\nepsilon = 1.0', "edge_cases[0].attack: must be 'fgsm' or 'pgd'"),
        ('attack = "pgd"', "edge_cases[0].epsilon: is required"),
        ('attack = "pgd"\nepsilon = 0.0', "edge_cases[0].epsilon: must be more than 0 (found 0.0)"),
        ('attack = "pgd"\nepsilon = []', "edge_cases[0].epsilon: must be more than 0"),
        ('attack = "pgd"\nepsilon = [nan]', "edge_cases[0].epsilon"),
        ('attack = "pgd"\nepsilon = "2/255"', "edge_cases[0].epsilon: must be a number"),
        ('attack = "pgd"\nepsilon = [0.2, 0.1]', "edge_cases[0].epsilon: must grow from one to the next"),
        ('attack = "pgd"\nepsilon = [1, 2, 3, 4, 5, 6]', "must be at most 5 numbers (found 6)"),
        ('attack = "pgd"\nepsilon = 1\nbounds = [1.0, 0.0]', "edge_cases[0].bounds: must be the least and"),
        ('attack = "pgd"\nepsilon = 1\nsteps = 0', "edge_cases[0].steps: must be at least 1"),
        ('attack = "fgsm"\nepsilon = 1\nsteps = 3', "edge_cases[0].steps: fgsm takes one step"),
        ('attack = "fgsm"\nepsilon = 1\nnorm = "l2"', "edge_cases[0].norm: fgsm is bounded by linf"),
        ('attack = "pgd"\nepsilon = 1\nagainst = ["dens"]', "is no model of this suite; did you mean 'dense'?"),
        ('attack = "pgd"\nepsilon = 1\nagainst = ["small"]', "edge_cases[0].against: must name 'dense' too"),
        ('attack = "pgd"\nepsilon = 1\nagainst = ["dense", "dense"]', "edge_cases[0].against: models must differ"),
        ('attack = "pgd"\nepsilon = 1\nguard = true\nagainst = ["dense"]', "edge_cases[0].guard: a guarded attack is"),
        ('attack = "pgd"\nepsilon = 1\nguard = true\nscreen = false', "edge_cases[0].screen: a guarded set gates"),
        ('attack = "pgd"\nepsilon = 1\nexamples = 3\nshare = 0.5', "edge_cases[0].share: a set has either"),
        ('attack = "pgd"\nepsilon = 1\nwhere = "age >"', "edge_cases[0].where"),
        ('attack = "pgd"\nepsilon = 1\nkind = "noise"', "exactly one of the keys"),
        (
            'attack = "pgd"\nepsilon = 1\n[[edge_cases]]\nattack = "pgd"\nepsilon = 2',
            "names of edge-case sets must differ",
        ),
    ],
)
def test_a_mistake_in_an_attack_is_found_when_it_is_read(tmp_path, text, message):
    with pytest.raises(SuiteError) as error:
        tiny(tmp_path, f"[[edge_cases]]\n{text}\n")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'torch = "models.py:build"\nweights = "dense.pt"',
            'sklearn = "d.skops"',
            "models.dense is of the kind 'sklearn'",
        ),
        ('torch = "models.py:build"\nweights = "dense.pt"', 'transformers = "folder"\ntext = "word"', "reads texts as"),
        ('torch = "models.py:build"\nweights = "dense.pt"', 'recorded = "dense.csv"', "kind 'recorded'"),
        (
            'inputs = "models.py:inputs"',
            'inputs = "models.py:inputs"\noutputs = "labels"',
            "with logits or probabilities",
        ),
    ],
)
def test_a_suite_whose_dense_model_cannot_be_attacked_is_refused(tmp_path, old, new, message, capsys):
    tiny(tmp_path, FGSM)
    file = tmp_path / "suite.toml"
    file.write_text(file.read_text().replace(old, new, 1))
    assert cli.main(["check", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "edge_cases[0].attack" in told
    assert message in told


def test_a_compressed_model_that_cannot_be_attacked_is_not_to_be_named(tmp_path):
    with pytest.raises(
        SuiteError, match=r"edge_cases\[0\]\.against\[1\]: cannot be attacked: it is of the kind 'sklearn'"
    ):
        sklearn(tmp_path, FGSM + 'against = ["dense", "small"]\n')


def test_inputs_outside_the_bounds_are_an_error_of_the_run(tmp_path):
    (record,) = run(tiny(tmp_path, FGSM + "bounds = [0.0, 1.0]\n"))
    assert record.verdict.outcome is Outcome.ERROR
    assert "inputs must be within bounds [0.0, 1.0]" in record.verdict.reasons[0]
    assert replace(record).edge_cases is None

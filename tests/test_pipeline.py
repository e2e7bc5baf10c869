"""From a suite's files to records: what is judged, what is refused, and what is written down all the same."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from validate.attempts import Remembered, read_attempts
from validate.errors import DataError, OutputError, SuiteError
from validate.exports.files import write
from validate.outcome import Outcome
from validate.pipeline import evaluate, run
from validate.suite_file import load_suite
from validate.suite_folder import ATTEMPTS

CLASSES = """
[data]
path = "data.csv"
label = "truth"
classes = ["no", "yes"]
id = "id"
EXTRA
[models]
outputs = "labels"
[models.dense]
recorded = "dense.csv"
[models.compressed.good]
recorded = "good.csv"
[models.compressed.bad]
recorded = "bad.csv"
[[slices]]
by = ["group"]
"""
VALUES = CLASSES.replace('classes = ["no", "yes"]\n', "").replace('"labels"', '"value"')


def suite(folder, *, text=CLASSES, task="classification", extra="", gate=""):
    head = f'suite = "small"\ntask = "{task}"\nseed = 3\n'
    (folder / "suite.toml").write_text(head + text.replace("EXTRA", extra) + f"[gate]\n{gate}\n")
    return load_suite(folder)


def answers(folder, name, ids, given):
    pd.DataFrame({"id": ids, "prediction": given}).to_csv(folder / f"{name}.csv", index=False)


@pytest.fixture
def folder(tmp_path):
    """3,000 examples; the bad model loses a fifth of one group."""
    rng, n = np.random.default_rng(1), 3000
    truth = rng.random(n) < 0.5
    group = rng.choice(["a", "b", "c"], n, p=[0.6, 0.35, 0.05])
    words = np.array(["no", "yes"])
    frame = pd.DataFrame(
        {"id": np.arange(n), "truth": words[truth.astype(int)], "group": group, "house": np.arange(n) // 3}
    )
    frame.to_csv(tmp_path / "data.csv", index=False)
    dense = truth ^ (rng.random(n) < 0.1)
    bad = dense ^ ((group == "b") & (rng.random(n) < 0.2))
    for name, given in (("dense", dense), ("good", dense), ("bad", bad)):
        answers(tmp_path, name, np.arange(n), words[given.astype(int)])
    return tmp_path


def test_each_model_gets_its_own_verdict(folder):
    good, bad = run(suite(folder))
    assert (good.compressed_name, good.verdict.outcome, good.verdict.exit_code) == ("good", Outcome.PASS, 0)
    assert (bad.verdict.outcome, bad.verdict.exit_code) == (Outcome.FAIL, 1)
    assert {c.slice.name for c in bad.comparisons if c.flagged} >= {"group: b"}


def test_the_order_of_the_answers_does_not_matter(folder):
    before = run(suite(folder))[1].comparisons
    table = pd.read_csv(folder / "bad.csv").sample(frac=1, random_state=0)
    table.to_csv(folder / "bad.csv", index=False)
    assert run(suite(folder))[1].comparisons == before


def test_a_model_is_named_or_refused(folder):
    loaded = suite(folder)
    assert [record.compressed_name for record in run(loaded, compressed=["bad"])] == ["bad"]
    with pytest.raises(SuiteError, match="did you mean 'good'"):
        run(loaded, compressed=["goood"])


def test_a_broken_contract_stops_every_model_and_says_why(folder):
    contract = (
        '[[expectations]]\ntype = "expect_column_values_to_be_in_set"\ncolumn = "group"\nvalue_set = ["a", "b"]\n'
    )
    (folder / "contract.toml").write_text(contract)
    for record in run(suite(folder, extra='contract = "contract.toml"')):
        assert (record.verdict.outcome, record.verdict.exit_code) == (Outcome.ERROR, 4)
        assert "integrity: contract" in record.verdict.reasons[0]
        assert not record.comparisons


def test_a_model_that_cannot_be_paired_leaves_the_others_judged(folder):
    answers(folder, "bad", [1, 1], ["no", "yes"])
    good, bad = run(suite(folder))
    assert good.verdict.outcome is Outcome.PASS
    assert (bad.verdict.exit_code, bad.comparisons) == (4, ())
    assert "ids must be unique" in bad.verdict.reasons[0]


def test_a_dense_model_with_a_gap_judges_nothing(folder):
    table = pd.read_csv(folder / "dense.csv")
    table.iloc[1:].to_csv(folder / "dense.csv", index=False)
    assert [record.verdict.exit_code for record in run(suite(folder))] == [4, 4]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "data.csv").unlink(), "no such file"),
        (lambda f: (f / "data.csv").write_bytes(b""), "empty"),
        (lambda f: (f / "data.csv").write_text("id,truth,group,house\n1,no,a,1\n1,no,a,1\n"), "unique"),
        (lambda f: (f / "data.csv").write_text("id,truth,group,house\n1,perhaps,a,1\n2,no,a,1\n"), "perhaps"),
    ],
)
def test_data_that_cannot_be_judged_is_refused(folder, spoil, message):
    spoil(folder)
    with pytest.raises(DataError, match=message):
        run(suite(folder))


def test_values_are_gated_like_classes(folder):
    rng, data = np.random.default_rng(2), pd.read_csv(folder / "data.csv")
    truth = rng.normal(10, 3, len(data))
    data.assign(truth=truth).to_csv(folder / "data.csv", index=False)
    dense = truth + rng.normal(0, 1, len(data))
    bad = dense + np.where(data["group"] == "c", 3.0, 0.0)
    for name, given in (("dense", dense), ("good", dense + rng.normal(0, 0.01, len(data))), ("bad", bad)):
        answers(folder, name, data["id"], given)
    for metric in ("mae", "mse", "rmse"):
        loaded = suite(folder, text=VALUES, task="regression", gate=f'metric = "{metric}"\nmargin = 0.2')
        good, bad_record = run(loaded)
        assert (good.verdict.outcome, bad_record.verdict.outcome) == (Outcome.PASS, Outcome.FAIL), metric


def test_the_same_values_again_decide_nothing_and_do_not_pass(folder):
    data = pd.read_csv(folder / "data.csv")
    truth = np.random.default_rng(2).normal(10, 3, len(data))
    data.assign(truth=truth).to_csv(folder / "data.csv", index=False)
    for name in ("dense", "good", "bad"):
        answers(folder, name, data["id"], truth + 1)
    loaded = suite(folder, text=VALUES, task="regression", gate='metric = "mae"\nmargin = 0.2')
    assert "to the last bit" in run(loaded)[0].verdict.reasons[0]
    meant = replace(loaded.suite.models, expected=("identical",))
    good, _ = run(replace(loaded, suite=replace(loaded.suite, models=meant)))
    assert good.verdict.outcome is Outcome.INCONCLUSIVE


def test_rows_of_one_cluster_are_not_counted_as_independent(folder):
    alone, clustered = (run(suite(folder, extra=extra))[1].comparisons[0] for extra in ("", 'cluster = "house"'))
    assert clustered.change.estimate == alone.change.estimate
    assert "1,000 clusters" in clustered.note
    assert "a cluster as one example" in clustered.change.method


def test_attempts_on_one_test_set_are_counted_once_per_model(folder):
    out = folder / "out"

    def judged():
        made = evaluate(suite(folder), attempts=Remembered(read_attempts(out / ATTEMPTS)))
        write([one.record for one in made], [one.rows for one in made], out)
        return [one.record.run.attempt for one in made]

    assert judged() == judged() == [1, 2]
    table = pd.read_csv(folder / "good.csv")
    table.iloc[::-1].to_csv(folder / "good.csv", index=False)
    assert judged() == [3, 2]
    (out / ATTEMPTS).write_text("not an attempt\n")
    with pytest.raises(OutputError, match="is no attempt"):
        read_attempts(out / ATTEMPTS)


def test_a_spent_budget_of_attempts_is_an_error(folder):
    good, bad = run(suite(folder, gate="attempts = 1"))
    assert good.verdict.exit_code == 0
    assert bad.verdict.exit_code == 4
    assert any("must be retired" in reason for reason in bad.verdict.reasons)


def test_report_only_runs_are_not_attempts(folder):
    assert [one.record.run.attempt for one in evaluate(suite(folder), report_only=True)] == [None, None]

"""Edge-case sets go through the same runners and statistics, are made from the seed alone, and say what they cost."""

import numpy as np
import pandas as pd
import pytest

from tests.edge_cases.folder import tiny, tiny_data
from validate.data import load_dataset
from validate.edge_cases.build import build_edge_cases
from validate.edge_cases.sets import EdgeCases
from validate.errors import DataError, SuiteError
from validate.evidence import read_record, to_json
from validate.exports.files import write
from validate.gate import CheckKind
from validate.outcome import Outcome
from validate.pipeline import evaluate, run
from validate.slices import members
from validate.suite_file import load_suite

MISSING = '[[edge_cases]]\nkind = "missing-values"\ncolumns = ["income"]\nexamples = 100\n'
LOUDER = '[[edge_cases]]\nname = "louder"\npython = "models.py:louder"\nexamples = 100\n'


def built(folder, edge_cases) -> EdgeCases:
    edge = build_edge_cases(*tiny_data(folder, edge_cases))
    assert edge is not None
    return edge


def test_each_severity_has_a_variant_of_the_same_sources(tmp_path):
    edge = built(tmp_path, MISSING)
    assert len(edge.dataset) == 300
    first, second, third = np.split(edge.sources, 3)
    assert set(first) == set(second) == set(third)
    assert len(set(first)) == 100
    assert len(np.unique(edge.dataset.clusters)) == 100
    assert edge.dataset.ids[0] == f"missing-values/1/p{first[0]}"
    assert [s.name for s in edge.membership.slices] == [
        "missing-values",
        *(f"missing-values, severity {s}" for s in (1, 3, 5)),
    ]
    assert [int(members(edge.membership, i).sum()) for i in range(4)] == [300, 100, 100, 100]


def test_rows_are_the_same_however_they_are_read(tmp_path):
    edge = built(tmp_path, MISSING + LOUDER)
    whole = edge.dataset.rows(0, 600)
    parts = [edge.dataset.rows(start, min(start + 70, 600)) for start in range(0, 600, 70)]
    pd.testing.assert_frame_equal(whole, pd.concat(parts, ignore_index=True), check_dtype=False)
    assert whole["income"].isna()[200:300].all()


def test_a_set_does_not_depend_on_its_neighbours(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    alone, after = built(tmp_path / "a", MISSING), built(tmp_path / "b", LOUDER + MISSING)
    pd.testing.assert_frame_equal(alone.dataset.rows(0, 300), after.dataset.rows(300, 600), check_dtype=False)


def test_labels_are_the_sources_and_derived_columns_are_made_anew(tmp_path):
    loaded, data = tiny_data(tmp_path, LOUDER)
    edge = build_edge_cases(loaded, data)
    assert (edge.dataset.labels == data.labels[edge.sources]).all()
    rows = edge.dataset.rows(0, 300)
    assert (rows["large"] == (rows["income"] > 1000)).all()
    assert (rows["large"].to_numpy() != data.frame["large"].to_numpy()[edge.sources]).any()


def test_a_hook_may_say_which_source_each_row_came_from(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    forwards = built(tmp_path / "a", LOUDER)
    backwards = built(tmp_path / "b", LOUDER.replace("py:louder", "py:backwards"))
    pd.testing.assert_frame_equal(forwards.dataset.rows(0, 300), backwards.dataset.rows(0, 300))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("shorter", "must return as many rows as it was given, 100"),
        ("poorer", "'income' missing"),
        ("mixed", "must keep the order of the rows"),
        ("stranger", "must name each source once"),
        ("nothing", "must return a DataFrame"),
    ],
)
def test_a_hook_that_returns_something_else_is_refused(tmp_path, function, message):
    edge = built(tmp_path, LOUDER.replace("py:louder", f"py:{function}"))
    with pytest.raises(DataError, match="louder") as error:
        edge.dataset.rows(0, 1)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('["income"]', '["incme"]', "no such column; did you mean 'income'"),
        ('"missing-values"\ncolumns = ["income"]', '"rounding"\ncolumns = ["word"]', "of number, and 'word' is text"),
        ('columns = ["income"]', 'where = "age > 1000"', "matches no row"),
    ],
)
def test_what_the_data_do_not_have_is_refused(tmp_path, old, new, message):
    with pytest.raises((SuiteError, DataError)) as error:
        built(tmp_path, MISSING.replace(old, new))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "missing-valus"', "did you mean 'missing-values'"),
        ('kind = "missing-values"\nseverity = [6]', "edge_cases[0].severity[0]: must be at most 5"),
        ('kind = "missing-values"\nseverity = [nan]', "edge_cases[0].severity[0]: must be a whole number"),
        ('kind = "missing-values"\nseverity = []', "must not be empty"),
        ('kind = "missing-values"\nseverity = [1, 1]', "severities must differ"),
        ('kind = "missing-values"\nexamples = 3\nshare = 0.1', "either examples or share"),
        ('kind = "missing-values"\nwhere = "age >"', "edge_cases[0].where"),
        ('kind = "missing-values"\nmargin = 2.0', "must be less than 1"),
        ('kind = "missing-values"\ncolumns = ["truth"]', "must not change the label"),
        ('kind = "missing-values"\ncolumns = ["large"]', "derived column"),
        ('kind = "missing-values"\ncolumns = ["age", "age"]', "columns must differ"),
        ('kind = "missing-values"\noptions.factor = 3', "edge_cases[0].options.factor: unknown key"),
        ('kind = "duplicates"\ncolumns = ["age"]', "takes no columns"),
        ('kind = "shift"\noptions.mix = {}', "edge_cases[0].options.mix: must not be empty"),
        ('kind = "shift"\noptions.mix = { old = 0.6, "age < 30" = 0.6 }', "shares must not sum to more than 1"),
        ('kind = "shift"\noptions.mix = { "ol d" = 0.6 }', "did you mean 'old'"),
        ('kind = "shift"\noptions.mix = { old = 1.5 }', "edge_cases[0].options.mix.old: must be at most 1"),
        ('kind = "noise"\npython = "models.py:louder"', "exactly one of the keys"),
        ('python = "models.py:louder"', "edge_cases[0].name: is required"),
        ('kind = "noise"\nexpect = "yess"', "edge_cases[0].expect: must be one of the classes; did you mean 'yes'?"),
        ('kind = "typos"', "is a kind for text: name the column in data.text"),
        ('kind = "noise"\n[[edge_cases]]\nkind = "noise"', "names of edge-case sets must differ"),
    ],
)
def test_a_mistake_in_the_suite_is_found_when_it_is_read(tmp_path, text, message):
    with pytest.raises(SuiteError) as error:
        tiny(tmp_path, f"[[edge_cases]]\n{text}\n")
    assert message in str(error.value)


def test_a_suite_may_expect_another_answer_than_the_sources(tmp_path):
    edge = built(tmp_path, LOUDER + 'where = "truth == \'no\'"\nexpect = "yes"\n')
    assert set(edge.dataset.labels) == {1}
    assert not any(facts.paired for facts in edge.facts)


def test_where_the_data_name_a_text_its_kinds_change_that_column_alone(tmp_path):
    tiny(tmp_path, "")
    file = tmp_path / "suite.toml"
    named = file.read_text().replace("[data]\n", '[data]\ntext = "word"\n', 1)
    file.write_text(named + '[[edge_cases]]\nkind = "case"\nseverity = [5]\nexamples = 50\n')
    loaded = load_suite(tmp_path)
    data = load_dataset(loaded)
    edge = build_edge_cases(loaded, data)
    assert edge is not None
    made, clean = edge.dataset.rows(0, 50), data.frame.iloc[edge.sources].reset_index(drop=True)
    assert made["word"].tolist() == clean["word"].str.upper().tolist()
    pd.testing.assert_frame_equal(made.drop(columns="word"), clean.drop(columns="word"))


def test_a_run_says_what_the_variants_cost_beyond_their_sources(tmp_path):
    (record,) = run(tiny(tmp_path, MISSING + LOUDER))
    evidence = record.edge_cases
    found = {result.slice: result for result in evidence.results}
    assert (evidence.n, evidence.sources) == (600, 100)
    assert len(evidence.comparisons) == len(found) == 8
    loud = found["louder, severity 5"]
    own = next(c for c in evidence.comparisons if c.slice.name == "louder, severity 5")
    clean = loud.clean_compressed - loud.clean_dense
    assert loud.interaction.estimate == pytest.approx(own.change.estimate - clean)
    assert loud.interaction.low < loud.interaction.estimate < loud.interaction.high
    assert loud.invariance.change.estimate == pytest.approx(loud.invariance.dense - loud.invariance.compressed)


def test_all_sets_that_are_not_guarded_are_one_check_of_their_own(tmp_path):
    (record,) = run(tiny(tmp_path, MISSING + "guard = true\n" + LOUDER))
    checks = [check for check in record.checks if check.kind is CheckKind.EDGE_CASES]
    assert [check.id for check in checks] == ["edge cases: missing-values", "edge cases"]
    assert checks[1].numbers["looked_at"] == 7
    assert checks[0].outcome is next(c.outcome for c in record.edge_cases.comparisons if c.slice.guard)
    assert "2 edge-case checks" in record.verdict.line


def test_a_model_that_breaks_only_on_the_variants_is_caught(tmp_path):
    """What the small model hears of the income is cut, so that tenfold incomes are no longer enough for a yes."""
    loaded = tiny(
        tmp_path, '[[edge_cases]]\nkind = "out-of-range"\ncolumns = ["income"]\nseverity = [4]\nexamples = 300\n'
    )
    (record,) = run(loaded)
    (comparison,) = record.edge_cases.comparisons
    check = next(check for check in record.checks if check.id == "edge cases")
    assert check.outcome is (Outcome.FAIL if comparison.flagged else Outcome.PASS)
    assert comparison.slice.where == "set == 'out-of-range'"


def test_the_same_suite_gives_the_same_record_and_the_rows_hold_its_numbers(tmp_path):
    loaded = tiny(tmp_path, MISSING + LOUDER)
    (first,), (second,) = evaluate(loaded), evaluate(loaded)
    assert first.record.edge_cases == second.record.edge_cases
    write([first.record], [first.rows], tmp_path / "out", edge_rows=[first.edge_rows])
    rows = pd.read_parquet(tmp_path / "out" / "small" / "edge_rows.parquet")
    assert read_record(tmp_path / "out" / "small" / "results.json").edge_cases == first.record.edge_cases
    assert to_json(first.record)
    for result in first.record.edge_cases.results:
        own = rows[(rows["set"] == result.set) & ((rows["severity"] == result.severity) | (result.severity is None))]
        assert len(own) == result.n
        assert (own["dense"] != own["source_dense"]).mean() == pytest.approx(result.invariance.dense)
        net = (own["compressed"] == own["truth"]).mean() - (own["dense"] == own["truth"]).mean()
        clean = (own["source_compressed"] == own["source_truth"]).mean()
        clean -= (own["source_dense"] == own["source_truth"]).mean()
        assert net - clean == pytest.approx(result.interaction.estimate)


def test_recorded_answers_are_no_answers_to_new_examples(tmp_path):
    tiny(tmp_path, MISSING)
    file = tmp_path / "suite.toml"
    torch, recorded = 'torch = "models.py:build"\nweights = "small.pt"', 'recorded = "small.csv"'
    file.write_text(file.read_text().replace(torch, recorded))
    with pytest.raises(SuiteError, match=r"models\.compressed\.small is recorded"):
        load_suite(tmp_path)

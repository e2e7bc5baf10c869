"""Cases that people collected: read strictly, judged with the right labels, and never lost in silence."""

import pandas as pd
import pytest

from tests.edge_cases.folder import tiny, tiny_data
from validate.edge_cases.build import build_edge_cases
from validate.errors import DataError
from validate.outcome import Outcome
from validate.pipeline import run

SUITE = '[[edge_cases]]\ncurated = "cases.csv"\n'
CASES = """id,age,income,word,truth,why,from
a,80,900,b,yes,an old person,desk of A. Lind
b,20,200,c,no,a poor student,ticket 12
c,30,2000,a,yes,rich and young,ticket 13
"""


def written(folder, cases=CASES, suite=SUITE):
    (folder / "cases.csv").write_text(cases)
    return tiny_data(folder, suite)


def test_cases_have_their_own_labels_ids_and_reasons(tmp_path):
    edge = build_edge_cases(*written(tmp_path))
    assert edge.dataset.ids.tolist() == ["cases.csv/a", "cases.csv/b", "cases.csv/c"]
    assert edge.dataset.labels.tolist() == [1, 0, 1]
    assert edge.remarks[1] == "a poor student (ticket 12)"
    assert len(set(edge.dataset.clusters)) == 3
    rows = edge.dataset.rows(0, 3)
    assert rows["large"].tolist() == [False, False, True]
    assert rows["truth"].tolist() == ["yes", "no", "yes"]


def test_a_case_with_a_source_says_only_what_differs(tmp_path):
    loaded, data = written(
        tmp_path, "source,income,truth,why,from\np3,5,no,poor,me\np3,6,no,poorer,me\np9,7,yes,x,me\n"
    )
    edge = build_edge_cases(loaded, data)
    assert edge.sources.tolist() == [3, 3, 9]
    assert len(set(edge.dataset.clusters)) == 2
    rows = edge.dataset.rows(0, 3)
    assert rows["income"].tolist() == [5, 6, 7]
    assert rows["age"].tolist() == data.frame["age"].iloc[[3, 3, 9]].tolist()


def test_severities_are_slices_of_their_own(tmp_path):
    cases = CASES.replace("from\n", "from,severity\n").replace("Lind\n", "Lind,1\n").replace("12\n", "12,4\n")
    edge = build_edge_cases(*written(tmp_path, cases.replace("13\n", "13,4\n")))
    assert [s.name for s in edge.membership.slices] == ["cases.csv", "cases.csv, severity 1", "cases.csv, severity 4"]
    assert [s.n for s in edge.membership.slices] == [3, 1, 2]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("c,no,a poor", "c,maybe,a poor", "cases.csv: column 'truth', row 2: must be among data.classes"),
        ("b,20,200", "a,20,200", "cases.csv: column 'id', row 2: each case needs an id of its own (found 'a')"),
        ("b,20,200,c,no", "b,80,900,b,no", "row 2: repeats an earlier case (found 'b')"),
        ("income", "incme", "unknown column; did you mean 'income'? (found 'incme')"),
        (",why,", ",age2,", "unknown column"),
        ("a poor student", "", "column 'why', row 2: must not be empty"),
        ("b,20,", "b,young,", "column 'age', row 2: must be number, as in the data (found 'young')"),
        ("id,age", "source,age", "row 1: is no id of the data (found 'a')"),
        ("why,from\n", "why,severity\n", "there is no column 'from'"),
        (CASES, "id,age,word,truth,why,from\na,1,b,no,x,y\n", "row 1: needs column 'income'"),
        (CASES, CASES.partition("\n")[0] + "\n", "holds no examples"),
    ],
)
def test_what_does_not_fit_is_refused_with_file_row_and_value(tmp_path, old, new, message):
    assert old in CASES
    with pytest.raises(DataError) as error:
        build_edge_cases(*written(tmp_path, CASES.replace(old, new, 1)))
    assert "cases.csv" in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize("severity", ["", "0", "6", "1.5", "nan", "bad"])
def test_a_severity_is_a_whole_number_from_1_to_5(tmp_path, severity):
    cases = f"id,age,income,word,truth,why,from,severity\na,1,2,b,no,x,y,{severity}\nb,2,2,b,no,x,y,2\n"
    with pytest.raises(DataError, match=r"cases.csv: column 'severity', row 1: must be a whole number from 1 to 5"):
        build_edge_cases(*written(tmp_path, cases))


def must_not_lose(folder, income):
    """One case that the dense model gets right at any income above 1,000, the small one only above 2,000."""
    cases = f"id,age,income,word,truth,why,from,must_not_lose\na,60,{income},a,yes,x,y,true\nb,20,100,a,yes,x,y,yes\n"
    (folder / "cases.csv").write_text(cases)
    (record,) = run(tiny(folder, SUITE))
    return record, next(check for check in record.checks if check.id == "edge cases: cases.csv: must not lose")


def test_a_case_that_must_not_be_lost_fails_the_release_by_itself(tmp_path):
    record, check = must_not_lose(tmp_path, 1500)
    assert check.outcome is record.verdict.outcome is Outcome.FAIL
    assert "1 of 1 case that must not be lost lost: cases.csv/a" in check.reason
    assert "the dense model has 1 more wrong" in check.reason
    (found,) = record.edge_cases.must_not_lose
    assert (found.n, found.at_stake, found.lost) == (2, 1, ("cases.csv/a",))


def test_cases_that_are_kept_bound_the_rate_of_losses(tmp_path):
    record, check = must_not_lose(tmp_path, 2900)
    assert check.outcome is Outcome.PASS
    (found,) = record.edge_cases.must_not_lose
    assert found.rate.high == pytest.approx(1 - 0.025)  # one case: Clopper-Pearson's upper limit is 1 - alpha / 2
    assert "at most 97.5 % (exact 95%)" in check.reason


def test_cases_that_the_dense_model_gets_wrong_prove_nothing(tmp_path):
    _, check = must_not_lose(tmp_path, 100)
    assert check.outcome is Outcome.INCONCLUSIVE


def test_rows_say_which_cases_must_not_be_lost(tmp_path):
    from validate.pipeline import evaluate

    (tmp_path / "cases.csv").write_text(CASES)
    (judged,) = evaluate(tiny(tmp_path, SUITE + "must_not_lose = true\n"))
    assert isinstance(judged.edge_rows, pd.DataFrame)
    assert judged.edge_rows["must_not_lose"].all()

import re

import numpy as np
import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from tests.small import small_dataset, small_predictions
from validate.errors import ModelError
from validate.predictions import answers, constants, given, pair, probabilities, right

NAN, INF = np.nan, np.inf


def test_answers_are_the_greatest_score_and_ties_go_to_the_first_class():
    assert answers(small_predictions([[0, 1], [2, 1], [3, 3], [NAN, 1], [-INF, 0]])).tolist() == [1, 0, 0, -1, 1]


def test_an_overflow_is_no_answer():
    predictions = small_predictions([[INF, 0], [-INF, -INF], [-INF, 5]])
    assert given(predictions).tolist() == [False, False, True]
    assert answers(predictions).tolist() == [-1, -1, 1]


def test_labels_and_values_are_answers_themselves():
    assert answers(small_predictions([1, 0, NAN], outputs="labels")).tolist() == [1, 0, -1]
    np.testing.assert_equal(answers(small_predictions([1.5, INF], outputs="value")), [1.5, NAN])


def test_logits_become_probabilities_without_overflow():
    found = probabilities(small_predictions([[1000, 1000], [0, np.log(3)], [-INF, 0], [NAN, 0]]))
    np.testing.assert_allclose(found, [[0.5, 0.5], [0.25, 0.75], [0, 1], [NAN, NAN]])


def test_labels_and_values_have_no_probabilities():
    assert probabilities(small_predictions([1], outputs="labels")) is None
    assert probabilities(small_predictions([1], outputs="value")) is None


def test_rounded_probabilities_are_probabilities():
    found = probabilities(small_predictions([[0.3334, 0.3333, 0.3333], [NAN, 0, 0]], outputs="probabilities"))
    np.testing.assert_equal(found, [[0.3334, 0.3333, 0.3333], [NAN, NAN, NAN]])


@pytest.mark.parametrize("row", [[0.5, 0.6], [-0.1, 1.1], [2.0, -3.0], [0.0, 0.0]])
def test_scores_of_another_scale_are_no_probabilities(row):
    with pytest.raises(ModelError, match=r"must be within \[0, 1\] and sum to 1.*1 examples, such as id1"):
        probabilities(small_predictions([[0.5, 0.5], row], outputs="probabilities"))


DATA = small_dataset([0, 1, 1])
DENSE = small_predictions([[1, 0], [0, 1], [1, 0]])


@examples(st.permutations(range(3)), st.permutations(range(3)))
def test_the_order_of_ids_does_not_matter(dense_order, compressed_order):
    compressed = small_predictions([[1, 0], [1, 0], [0, 1]], name="small")
    shuffled = [
        small_predictions(predictions.scores[order], predictions.ids[order])
        for predictions, order in ((DENSE, dense_order), (compressed, compressed_order))
    ]
    paired = pair(DATA, *shuffled)
    assert paired.ids.tolist() == ["id0", "id1", "id2"]
    assert right(paired, "dense").tolist() == [True, True, False]
    assert right(paired, "compressed").tolist() == [True, False, True]
    assert paired.missing == 0


def test_missing_answers_of_the_compressed_model_are_wrong_and_counted():
    compressed = small_predictions([[NAN, 0], [0, 1]], ["id0", "id1"], name="small")
    paired = pair(DATA, DENSE, compressed)
    assert paired.missing == 2
    assert right(paired, "compressed").tolist() == [False, True, False]


def test_the_models_may_give_different_outputs():
    paired = pair(DATA, DENSE, small_predictions([0, 1, 1], outputs="labels", name="small"))
    assert right(paired, "compressed").all()


@pytest.mark.parametrize(
    ("dense", "compressed", "message"),
    [
        (small_predictions([[1, 0]] * 2), None, "model 'dense' (dense.csv): the dense model must answer every example"),
        (
            small_predictions([[1, 0], [NAN, 0], [0, INF]]),
            None,
            "model 'dense' (dense.csv): the dense model must answer every example "
            "(found '2 without an answer, such as id1, id2')",
        ),
        (
            None,
            small_predictions([[1, 0]] * 3, ["id0", "id0", "id1"], name="small"),
            "model 'small' (small.csv): ids must be unique (found '1 repeated, such as id0')",
        ),
        (
            None,
            small_predictions([[1, 0]] * 3, ["id0", "7", "8"], name="small"),
            "model 'small' (small.csv): ids must be those of the data "
            "(found '2 of 3, such as 7, 8; the data has id0, id1, id2')",
        ),
        (
            None,
            small_predictions([[1, 0, 0]] * 3, name="small"),
            "model 'small' (small.csv): must give one score for each of the 2 classes (found '3 columns')",
        ),
        (
            small_predictions([0, 2, 1], outputs="labels"),
            None,
            "model 'dense' (dense.csv): class codes must be 0 to 1 (found 2.0)",
        ),
        (
            small_predictions([0, 0.5, 1], outputs="labels"),
            None,
            "model 'dense' (dense.csv): class codes must be 0 to 1 (found 0.5)",
        ),
        (
            small_predictions([0, 0.5, 1], outputs="value"),
            None,
            "model 'dense' (dense.csv): outputs must be logits, probabilities or labels for this task (found 'value')",
        ),
        (
            None,
            small_predictions([[1, 1]] * 3, outputs="probabilities", name="small"),
            "model 'small' (small.csv): outputs = \"probabilities\" must be within [0, 1] and sum to 1",
        ),
    ],
)
def test_predictions_that_cannot_be_paired(dense, compressed, message):
    with pytest.raises(ModelError, match=re.escape(message)) as caught:
        pair(DATA, dense or DENSE, compressed or DENSE)
    assert caught.value.exit_code == 4


def test_a_regression_takes_values_only():
    data = small_dataset([0.5, 1.5], classes=())
    with pytest.raises(ModelError, match=r"outputs must be value for this task \(found 'logits'\)"):
        pair(data, small_predictions([[1, 0]] * 2), small_predictions([[1, 0]] * 2))
    values = small_predictions([0.5, 1], outputs="value")
    with pytest.raises(ValueError, match="not right or wrong"):
        right(pair(data, values, values), "dense")


def test_constant_predictions():
    paired = pair(DATA, DENSE, small_predictions([[1, 0], [NAN, 1], [0, 1]], name="small"))
    found = dict(constants(paired))
    assert {name: right(constant, "compressed").tolist() for name, constant in found.items()} == {
        "no": [True, False, False],
        "yes": [False, True, True],
    }
    assert all(constant.missing == 0 for constant in found.values())
    shares = dict(constants(paired, shares=True))["the shares of the classes"]
    np.testing.assert_allclose(probabilities(shares.compressed), [[1 / 3, 2 / 3]] * 3)


def test_the_constant_of_a_regression_is_the_mean():
    values = small_predictions([0.0, 1.0], outputs="value")
    ((name, constant),) = constants(pair(small_dataset([1.0, 2.0], classes=()), values, values))
    assert name == "the mean"
    assert answers(constant.compressed).tolist() == [1.5, 1.5]


def test_predictions_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        DENSE.scores[0, 0] = 1
    with pytest.raises(ValueError, match="one row per id"):
        small_predictions([[1, 0]], ["a", "b"])

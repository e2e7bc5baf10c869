"""The examples that the dense model finds hardest are slices; those that compressed models leave wait for people."""

import numpy as np
import pytest

from tests.edge_cases.folder import tiny, tiny_data
from tests.small import small_dataset, small_predictions
from validate.edge_cases.natural import with_natural
from validate.edge_cases.review import review_queue
from validate.errors import ModelError, SuiteError
from validate.outcome import Outcome
from validate.pipeline import run
from validate.predictions import probabilities
from validate.runners import open_runner
from validate.slices import Kind, members
from validate.slicing import build_membership

NATURAL = '[[edge_cases]]\nnatural = "{}"\nshare = 0.1\n'


def hardest(folder, by):
    loaded, data = tiny_data(folder, NATURAL.format(by))
    runner = open_runner(loaded.suite.models.dense, name="dense", loaded=loaded, classes=data.classes)
    from validate.answers import answer

    dense = answer(runner, data).predictions
    membership = with_natural(build_membership(data, loaded.suite), loaded, data, dense)
    assert membership.slices[-1].kind is Kind.NATURAL
    return members(membership, len(membership.slices) - 1), probabilities(dense), data


@pytest.mark.parametrize("by", ["lowest-margin", "highest-entropy"])
def test_of_two_classes_the_hardest_are_those_nearest_to_a_half(tmp_path, by):
    inside, chances, _ = hardest(tmp_path, by)
    lead = np.abs(chances[:, 0] - chances[:, 1])
    assert inside.sum() == 40
    assert lead[inside].max() <= lead[~inside].min()


def test_the_least_dense_lie_far_from_all_others(tmp_path):
    """By brute force: the mean distance to the ten nearest, in what the models see."""
    inside, _, data = hardest(tmp_path, "least-dense")
    frame = data.frame
    points = np.column_stack([frame["age"] / 50, frame["income"] / 1000, frame["word"] == "b"]).astype(float)
    distances = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    nearest = np.sort(distances + np.where(np.eye(len(points)), np.inf, 0), axis=1)[:, :10].mean(axis=1)
    assert nearest[inside].min() >= nearest[~inside].max() - 1e-5


def test_a_natural_set_is_screened_or_guarded_like_any_slice(tmp_path):
    (record,) = run(tiny(tmp_path, NATURAL.format("lowest-margin") + "guard = true\nmargin = 0.5\n"))
    found = next(c for c in record.comparisons if c.slice.kind is Kind.NATURAL)
    assert (found.slice.guard, found.slice.screened, found.slice.margin) == (True, False, 0.5)
    check = next(check for check in record.checks if check.slice == "lowest-margin")
    assert check.outcome is found.outcome
    assert check.outcome in {Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL}
    assert record.edge_cases is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('natural = "hardest"', "edge_cases[0].natural: must be 'lowest-margin', 'highest-entropy' or 'least-dense'"),
        ('natural = "lowest-margin"\nname = "old"', "a slice has this name"),
        ('natural = "lowest-margin"\nshare = 1.5', "must be less than 1"),
    ],
)
def test_a_mistake_in_a_natural_set_is_found_when_it_is_read(tmp_path, text, message):
    with pytest.raises(SuiteError) as error:
        tiny(tmp_path, f"[[edge_cases]]\n{text}\n")
    assert message in str(error.value)


def test_labels_alone_have_no_margin(tmp_path):
    loaded, data = tiny_data(tmp_path, NATURAL.format("lowest-margin"))
    labels = small_predictions([0.0] * len(data), data.ids, outputs="labels")
    with pytest.raises(ModelError, match="lowest-margin needs logits or probabilities"):
        with_natural(build_membership(data, loaded.suite), loaded, data, labels)


def test_the_queue_holds_what_most_compressed_models_answer_otherwise():
    data = small_dataset([0, 0, 1, 1])
    dense = small_predictions([0.0, 0.0, 0.0, 1.0], data.ids, outputs="labels")
    given = {"a": [0, 1, 1, 1], "b": [1, 1, 1, 1], "c": [0, 1, 1, -1]}
    queue = review_queue(data, dense, {name: np.array(row) for name, row in given.items()}, inputs=["x"])
    assert (queue.n, queue.dense_right, queue.models) == (2, 1, ("a", "b", "c"))
    assert [(item.id, item.models, item.dense, item.compressed) for item in queue.items] == [
        ("id1", 3, "no", "yes"),  # the dense model was right: before the one where it was not
        ("id2", 3, "no", "yes"),
    ]
    assert queue.items[0].inputs == {"x": "1.0"}
    assert review_queue(data, dense, {"a": np.array([0, 1, 1, 1])}) is None


def test_inputs_are_listed_only_where_the_suite_allows_it(tmp_path):
    more = '[models.compressed.tiny]\ntorch = "models.py:build"\nweights = "small.pt"\n'
    for extra, listed in (("", False), ("[release]\ninputs = true\n", True)):
        records = run(tiny(tmp_path, more, extra=extra))
        queue = records[0].review
        assert queue is not None
        assert queue == records[1].review
        assert queue.n == len(queue.items) > 0
        assert all((item.inputs is not None) is listed for item in queue.items)

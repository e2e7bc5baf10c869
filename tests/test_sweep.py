"""How far compression goes: order by size, the last step before the first that does not pass, slice by slice."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sweeps import example, judged, step, swept, weights
from validate.artifact_profile.stored import Artifact, CompressionProfile
from validate.outcome import Outcome
from validate.report.sweep_facts import reached
from validate.suite_sweep import Compressed
from validate.sweep import Rung, potential, size_left


def rung(i):
    return Rung(
        name=f"m{i}", series="s", level=None, round=None, counted=True, left=1 - i / 10, memory=None, nonzeros=None,
        outcome=Outcome.PASS, reason="", everything=None, worst=None,
    )  # fmt: skip


def reach(outcomes):
    return potential("x", [(rung(i), outcome) for i, outcome in enumerate(outcomes)], guard=True, n=9)


@pytest.mark.parametrize(
    ("outcomes", "highest", "stopped", "above"),
    [
        ("PPP", "m2", None, ()),
        ("PPF", "m1", "m2", ()),
        ("PFP", "m0", "m1", ("m2",)),  # a pass above a failure is said, not counted
        ("FPP", None, "m0", ("m1", "m2")),
        ("PIPF", "m0", "m1", ("m2",)),  # inconclusive is no pass
        ("E", None, "m0", ()),
    ],
)
def test_a_slice_goes_up_to_the_step_before_the_first_that_does_not_pass(outcomes, highest, stopped, above):
    words = {word[0]: word for word in Outcome}
    found = reach([words[letter] for letter in outcomes])
    assert (found.highest, found.stopped, found.above) == (highest, stopped, above)
    assert found.outcome == (None if stopped is None else words[outcomes[int(stopped[1:])]])


@given(st.lists(st.sampled_from(list(Outcome)), min_size=1, max_size=8), st.data())
def test_one_pass_less_never_reaches_further(outcomes, data):
    at = data.draw(st.integers(0, len(outcomes) - 1))
    worse = [*outcomes[:at], Outcome.FAIL, *outcomes[at + 1 :]]
    assert (reach(worse).left or 2) >= (reach(outcomes).left or 2)


def test_models_come_in_the_order_of_their_size_and_rounds_on_the_way_do_not_count():
    series = {one.name: one for one in example().series}
    found = series["magnitude"]
    assert [(it.name, it.counted) for it in found.rungs] == [
        ("m30", True),
        ("m50-r1", False),
        ("m50", True),
        ("m70", True),
    ]
    assert [it.left for it in found.rungs] == pytest.approx([0.7, 0.65, 0.5, 0.3])
    assert found.verdict.highest == "m30"
    assert found.verdict.stopped == "m50"
    reached = {one.slice: (one.highest, one.stopped, one.above) for one in found.slices}
    assert reached["sex: Female"] == ("m50", "m70", ())
    assert reached["sex: Male"] == ("m30", "m50", ("m70",))
    assert "race: Eskimo" not in reached  # too small to pass for any model
    assert example().too_small == 1
    assert example().best == "int8"


def test_what_could_not_be_evaluated_passes_nowhere():
    (broken,) = [one for one in example().series if one.name == "broken"]
    assert broken.verdict.highest is None
    assert broken.verdict.outcome is Outcome.ERROR
    assert broken.rungs[0].everything is None
    assert broken.slices == ()


def test_the_worst_guarded_slice_is_the_one_with_the_least_room():
    (found,) = swept([judged("m", (10, 40))]).series
    assert found.rungs[0].worst.slice == "sex: Male"
    assert found.rungs[0].worst.change == pytest.approx(-0.01)


def test_without_sizes_levels_tell_the_order_and_without_either_nothing_does():
    def unknown(name):
        return judged(name, (0, 0), artifact=Artifact(reason="recorded"))

    (found,) = swept([unknown("b"), unknown("a")], a=step(0.3), b=step(0.6)).series
    assert [it.name for it in found.rungs] == ["a", "b"]
    assert found.verdict.highest == "b"
    (found,) = swept([unknown("b"), unknown("a")], a=Compressed(series="s"), b=Compressed(series="s")).series
    assert (found.ordered, found.verdict) == (False, None)
    assert swept([unknown("b")]).best is None
    assert [*reached(swept([unknown("b")]))][-1].startswith(
        "Which of the passing models is the smallest cannot be told"
    )
    assert [*reached(swept([judged("m", (900, 2))]))] == ["No model passes."]


def test_passes_out_of_order_or_without_a_size_are_told_as_they_are():
    early = swept([judged("a", (900, 2), zeros=100), judged("b", (0, 0), zeros=500)], a=step(0.1), b=step(0.5))
    assert [*reached(early)][-1] == "Some models pass, but not in an order that shows how far compression can go."
    some = swept([judged("a", (0, 0), zeros=100), replace(judged("b", (0, 0)), profile=None)])
    assert [*reached(some)] == ["Highest compression that still passes, of those whose size is known: a."]
    told = [*reached(replace(some, unheld=2, unforetold="it cannot be copied."))]
    assert told[1:] == [
        "Not held here: 2 claims about what answers cost; a run holds them.",
        "No forecast to compare with: it cannot be copied.",
    ]


def test_a_guarded_slice_is_in_the_table_whatever_it_takes_to_pass():
    """In clusters the fewest examples differ from model to model."""
    one, two = judged("a", (2, 2), zeros=300), judged("b", (2, 2), zeros=500)
    first, *others = one.comparisons[1:]
    needy = replace(one, comparisons=(one.comparisons[0], replace(first, n_smallest=9_999), *others))
    found = swept([needy, two], a=step(0.3), b=step(0.5))
    assert first.slice.name in {potential.slice for potential in found.series[0].slices}
    assert found.too_small == 1


@pytest.mark.parametrize(
    ("compressed", "left"),
    [
        (weights(0), 1.0),
        (weights(750), 0.25),
        (weights(0, dtype="int8", size=1), 0.25),
        (weights(0, dtype="int4 in int8", size=1), 0.125),  # four bits in whole bytes
        (weights(0, dtype="int4 in int8", size=0.5), 0.125),  # and packed
        (weights(500, dtype="int8", size=1), 0.125),
        (Artifact(reason="unknown", disk=1000), 0.25),
        (Artifact(reason="recorded"), None),
    ],
)
def test_size_left_counts_no_zeros(compressed, left):
    assert size_left(CompressionProfile(dense=weights(0), compressed=compressed)) == pytest.approx(left)
    assert size_left(None) is None

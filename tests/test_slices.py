import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import dataset, frames, suite
from validate.errors import DataError, SuiteError
from validate.predicates import check, evaluate, kinds, parse
from validate.slices import Kind, index, members, shown, take
from validate.slicing import build_membership
from validate.suite import Family, NamedSlice


def people(rows=400):
    """400 rows: colours of 50, 45, 3 and 2 %, ages 0–99, 8 in a hundred of class yes."""
    i = np.arange(rows)
    return pd.DataFrame(
        {
            "colour": np.select([i % 100 < 50, i % 100 < 95, i % 100 < 98], ["red", "blue", "green"], "grey"),
            "age": (i * 7) % 100,
            "income": i / 3,
            "label": np.where(i % 100 < 8, "yes", "no"),
        }
    )


def built(*slices, frame=None, train=None, **gate):
    return build_membership(dataset(people() if frame is None else frame, train=train), suite(*slices, **gate))


def named(membership, name):
    return membership.slices[index(membership, name)]


@settings(max_examples=60, deadline=None)
@given(frames())
def test_the_predicate_of_a_slice_selects_its_members(frame):
    families = (
        Family(by=("colour", "size", "flag"), cross=3),
        Family(by=("age", "rooms", "odd `name`"), cross=2, quantiles={"age": 3}),
    )
    membership = built(*families, frame=frame, under_represented=0.3)
    names = [entry.name for entry in membership.slices]
    assert len(set(names)) == len(names)
    for i, entry in enumerate(membership.slices):
        inside = members(membership, i)
        assert entry.n == inside.sum() > 0
        if entry.where:
            predicate = parse(entry.where, "where")
            check(predicate, kinds(frame))
            np.testing.assert_array_equal(evaluate(predicate, frame), inside, err_msg=entry.where)


@settings(max_examples=30, deadline=None)
@given(frames())
def test_the_levels_of_a_column_share_out_its_known_values(frame):
    membership = built(Family(by=("colour", "size", "rooms", "age"), bins={"age": (10.0, 60.0)}), frame=frame)
    for column in ("colour", "size", "rooms", "age"):
        parts = [
            members(membership, i)
            for i, s in enumerate(membership.slices)
            if s.kind is Kind.CATEGORY and s.columns == (column,)
        ]
        shares = np.sum(parts, axis=0) if parts else np.zeros(len(frame))
        np.testing.assert_array_equal(shares, frame[column].notna())


def test_all_examples_are_guarded_and_not_screened():
    everything = built(margin=0.03).slices[0]
    assert (everything.name, everything.n, everything.where) == ("all", 400, "")
    assert (everything.guard, everything.screened, everything.disparity, everything.margin) == (
        True,
        False,
        False,
        0.03,
    )


def test_a_class_is_guarded_if_it_could_pass():
    membership = built(class_margin=0.05)  # needs 73 examples
    no, yes, pool = (named(membership, f"label: {text}") for text in ("no", "yes", "rare together"))
    assert (no.n, no.guard, no.screened, no.kind, no.margin) == (368, True, True, Kind.CLASS, 0.05)
    assert (yes.n, yes.guard, yes.screened) == (32, False, True)
    assert (pool.n, pool.guard, pool.screened, pool.members) == (32, False, False, ("label: yes",))
    assert named(built(class_margin=0.2), "label: yes").guard
    with pytest.raises(KeyError):
        index(built(class_margin=0.2), "label: rare together")


def test_classes_too_few_alone_are_guarded_together():
    i = np.arange(4000)
    frame = pd.DataFrame({"label": np.where(i < 120, (i % 3).astype(str), "common")})
    data = dataset(frame, classes=("0", "1", "2", "common"))
    membership = build_membership(data, suite(classes=data.classes))
    pool = named(membership, "label: rare together")
    assert (pool.n, pool.guard, pool.disparity) == (120, True, True)
    assert pool.members == ("label: 0", "label: 1", "label: 2")
    assert pool.where == "label == '0' or label == '1' or label == '2'"


def test_a_class_without_examples_makes_no_slice():
    data = dataset(people(), classes=("no", "yes", "maybe"))
    assert "label: maybe" not in {s.name for s in build_membership(data, suite(classes=data.classes)).slices}


def test_rare_categories_are_judged_for_disparity_and_pooled():
    membership = built(Family(by=("colour",)), margin=0.2)
    red, green = named(membership, "colour: red"), named(membership, "colour: green")
    assert (red.under_represented, red.disparity, red.screened, red.guard) == (False, False, True, False)
    assert (green.under_represented, green.disparity, green.share) == (True, True, 0.03)
    pool = named(membership, "colour: rare together")
    assert (pool.n, pool.guard, pool.screened, pool.disparity) == (20, True, False, True)
    assert not named(built(Family(by=("colour",)), margin=0.1), "colour: rare together").guard


def test_training_shares_decide_what_is_under_represented():
    train = people().query("colour != 'blue'")
    membership = built(Family(by=("colour",)), train=train)
    blue = named(membership, "colour: blue")
    assert (blue.train_share, blue.share, blue.under_represented) == (0.0, 0.45, True)
    assert named(membership, "label: yes").train_share == pytest.approx(32 / 220)
    assert named(built(Family(by=("colour",)), train=train[["age"]]), "colour: blue").train_share is None


def test_bins_are_closed_on_the_left():
    membership = built(Family(by=("age",), bins={"age": (18, 60)}))
    young, middle, old = (named(membership, f"age: {text}") for text in ("below 18", "18–60", "60 and over"))
    assert (young.where, middle.where, old.where) == ("age < 18", "18 <= age < 60", "age >= 60")
    assert (young.n, middle.n, old.n) == (72, 168, 160)


def test_a_bin_without_examples_makes_no_slice():
    membership = built(Family(by=("age",), bins={"age": (-5, 50, 500)}))
    assert [s.name for s in membership.slices if s.kind is Kind.CATEGORY] == ["age: -5–50", "age: 50–500"]


def test_quantiles_are_round_and_about_equally_filled():
    membership = built(Family(by=("income",), quantiles={"income": 4}))
    quarters = [s for s in membership.slices if s.kind is Kind.CATEGORY]
    assert [s.name for s in quarters] == [
        "income: below 33",
        "income: 33–66.3",
        "income: 66.3–99.7",
        "income: 99.7 and over",
    ]
    assert all(95 <= s.n <= 105 for s in quarters)


def test_whole_numbers_read_as_people_write_them():
    frame = people().assign(rooms=[1.0, 2.0, np.nan, 10.0] * 100)
    names = [s.name for s in built(Family(by=("rooms",)), frame=frame).slices]
    assert [name for name in names if name.startswith("rooms")] == ["rooms: 1", "rooms: 2", "rooms: 10"]


def test_intersections_are_screened_only_and_never_empty():
    frame = pd.DataFrame({"a": ["x", "x", "y"], "b": ["u", "v", "u"], "label": ["no", "yes", "no"]})
    membership = built(Family(by=("b", "a"), cross=2, guard=True, margin=0.1), frame=frame)
    crosses = [s for s in membership.slices if s.kind is Kind.CROSS]
    assert [s.name for s in crosses] == ["b: u & a: x", "b: u & a: y", "b: v & a: x"]
    assert all((s.guard, s.screened, s.disparity, s.margin) == (False, True, False, 0.1) for s in crosses)
    assert named(membership, "a: x").guard


def test_a_slice_declared_twice_is_one():
    membership = built(
        Family(by=("colour", "age"), bins={"age": (18,)}, cross=2, margin=0.1),
        Family(by=("age", "colour"), bins={"age": (18,)}, cross=2, margin=0.05),
        Family(by=("age",), bins={"age": (18, 60)}, guard=("below 18",)),
    )
    names = [s.name for s in membership.slices]
    assert len(set(names)) == len(names)
    below = named(membership, "age: below 18")
    assert (below.guard, below.margin) == (True, 0.02)
    assert named(membership, "colour: red & age: below 18").margin == 0.05


def test_a_guarded_value_that_matches_no_row_is_an_error():
    with pytest.raises(DataError) as error:
        built(Family(by=("colour",), guard=("rad",)))
    assert str(error.value) == "slices[0].guard: matches no row of colour; did you mean 'red'? (found 'rad')"


def test_declared_predicates_are_guarded_or_screened():
    membership = built(
        NamedSlice(name="old reds", where="colour == 'red' and age >= 60", guard=True, margin=0.2),
        NamedSlice(name="colour: red", where="colour == 'red'"),
        Family(by=("colour",)),
    )
    old = named(membership, "old reds")
    assert (old.kind, old.guard, old.screened, old.margin) == (Kind.WHERE, True, False, 0.2)
    assert sorted(old.columns) == ["age", "colour"]
    assert named(membership, "colour: red").kind is Kind.WHERE
    assert named(membership, "colour: red (2)").kind is Kind.CATEGORY


def test_a_predicate_that_matches_no_row_is_an_error():
    with pytest.raises(DataError, match=r"slices\[1\].where: matches no row"):
        built(Family(by=("colour",)), NamedSlice(name="ancient", where="age > 1000"))


@pytest.mark.parametrize(
    ("family", "message"),
    [
        (Family(by=("color",)), "slices[0].by: no such column; did you mean 'colour'? (found 'color')"),
        (Family(by=("label",)), "slices[0].by: the label's classes are slices already: leave it out (found 'label')"),
        (
            Family(by=("income",)),
            "slices[0].by: 'income' is a number with many values: give it bins.income = […] or quantiles.income = 4"
            " (found '400 distinct values')",
        ),
        (
            Family(by=("colour",), bins={"colour": (1.0,)}),
            "slices[0].by: bins and quantiles need a column of numbers (found 'colour')",
        ),
    ],
)
def test_a_family_that_cannot_be_is_an_error(family, message):
    with pytest.raises(SuiteError) as error:
        built(family)
    assert str(error.value) == message


def test_too_many_values_and_too_many_intersections_name_the_limit():
    frame = pd.DataFrame({"id": [f"p{i}" for i in range(1001)], "label": ["no"] * 1001})
    with pytest.raises(SuiteError, match=r"'id' has more than 1,000 distinct values.*found '1,001 distinct values'"):
        built(Family(by=("id",)), frame=frame)
    rng = np.random.default_rng(0)
    wide = pd.DataFrame({name: rng.integers(0, 199, 60_000) for name in "abcdef"}).assign(label="no")
    with pytest.raises(SuiteError, match=r"slices\[0\].cross: more than 100,000 intersections"):
        built(Family(by=tuple("abcdef"), cross=2), frame=wide)


@pytest.mark.parametrize("column", [pd.Series([None] * 3, dtype="str"), pd.Series([np.nan] * 3)])
def test_a_column_without_values_makes_no_slice(column):
    frame = pd.DataFrame({"empty": column, "label": ["no", "yes", "no"]})
    for family in (Family(by=("empty",)), Family(by=("empty",), cross=1)):
        assert {s.kind for s in built(family, frame=frame).slices} == {Kind.ALL, Kind.CLASS, Kind.RARE}


def test_a_constant_column_is_one_slice_without_a_complement():
    membership = built(Family(by=("same",)), frame=people().assign(same="x"), train=people().assign(same="y"))
    only = named(membership, "same: x")
    assert (only.share, only.under_represented, only.disparity) == (1.0, True, False)
    assert not named(membership, "same: rare together").disparity


def test_values_that_cannot_be_told_apart_are_an_error():
    frame = people(3).assign(tags=pd.Series([["a"], ["b"], ["a"]], dtype=object))
    with pytest.raises(DataError, match="column 'tags'"):
        built(Family(by=("tags",)), frame=frame)


def test_names_show_what_would_hide():
    assert shown("line\nbreak\u202etxt") == "line\\nbreak\\u202etxt"
    assert (shown(""), shown("  "), shown("US ")) == ("(empty)", "(blank)", "US")
    assert shown("שלום, café 😀") == "שלום, café 😀"


def test_a_regression_has_no_classes_and_may_slice_its_label():
    data = dataclasses.replace(dataset(people()), labels=people()["income"].to_numpy(), classes=())
    policy = dataclasses.replace(
        suite(Family(by=("income",), quantiles={"income": 2}), metric="mae"), task="regression"
    )
    policy = dataclasses.replace(policy, data=dataclasses.replace(policy.data, label="income", classes=()))
    kinds_found = [s.kind for s in build_membership(data, policy).slices]
    assert kinds_found == [Kind.ALL, Kind.CATEGORY, Kind.CATEGORY]


@settings(max_examples=30, deadline=None)
@given(frames(min_rows=2), st.data())
def test_taking_rows_keeps_their_slices(frame, data):
    membership = built(Family(by=("colour", "size"), cross=2), NamedSlice(name="any", where="size >= -2"), frame=frame)
    rows = np.array(data.draw(st.lists(st.integers(0, len(frame) - 1), min_size=1, max_size=20)))
    taken = take(membership, rows)
    for i in range(len(membership.slices)):
        np.testing.assert_array_equal(members(taken, i), members(membership, i)[rows])

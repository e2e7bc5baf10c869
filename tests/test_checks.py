"""Checks in words and numbers, blind spots, and what is listed without gating."""

import numpy as np
import pytest

from tests.pairs import by_group, grouped, judged, paired_rights
from tests.strategies import suite
from validate.checks import (
    blind_spots,
    disparity_check,
    integrity_check,
    non_inferiority_checks,
    notes,
    scope,
    screen_check,
)
from validate.disparity import compare_complements
from validate.gate import CheckKind
from validate.outcome import Outcome
from validate.slicing import build_membership
from validate.suite import Family
from validate.totals import add_up

TABLES = {"steady": (9400, 90, 110, 400), "harmed": (500, 3, 61, 36), "tiny": (6, 0, 0, 1)}


def comparisons(tables=None, *slices, **gate):
    return list(by_group(tables or TABLES, *slices, **gate).values())


def test_each_guarded_slice_is_a_check_of_its_own():
    found = comparisons()
    made = non_inferiority_checks(found)
    assert [check.slice for check in made] == [c.slice.name for c in found if c.slice.guard]
    assert {check.kind for check in made} == {CheckKind.NON_INFERIORITY}
    assert all(check.gates for check in made)
    for check, c in zip(made, (c for c in found if c.slice.guard), strict=True):
        assert check.outcome is c.outcome
        assert check.id == f"non-inferiority: {c.slice.name}"
        assert (check.numbers["n"], check.numbers["low"], check.numbers["margin"]) == (
            c.slice.n,
            c.change.low,
            c.slice.margin,
        )


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ((9400, 90, 110, 400), ["−0.20 points (−0.48 to +0.08)", "within the margin of 2 points", "n = 10,000"]),
        ((500, 3, 61, 36), ["−9.67 points", "beyond the margin of 2 points", "n = 600"]),
        (
            (60, 0, 1, 3),
            [
                "not decided against the margin of 2 points, n = 64",
                "fewer than 189 examples cannot pass without a gain",
                "would pass with 80 % power if nothing changed",
                "it passes today with a margin above",
            ],
        ),
    ],
)
def test_reasons_are_sentences_with_their_numbers(table, words):
    check = non_inferiority_checks(comparisons({"a": table}))[0]
    assert all(word in check.reason for word in words), check.reason


def test_a_ratio_is_told_in_times():
    check = non_inferiority_checks(comparisons({"a": (3960, 0, 30, 10)}, margin_ratio=1.5))[0]
    assert check.reason.startswith("errors 4.00 times those of before")
    assert "beyond the margin of 1.5 times" in check.reason
    assert (check.numbers["ratio"], check.numbers["margin_ratio"]) == (4.0, 1.5)


def test_the_screen_is_one_check_that_names_the_worst_first():
    tables = TABLES | {"worse": (400, 0, 160, 40)}
    (check,) = screen_check(comparisons(tables))
    assert (check.kind, check.outcome, check.slice) == (CheckKind.SCREEN, Outcome.FAIL, None)
    assert check.reason.index("group: worse (−26.67 points, n = 600)") < check.reason.index("group: harmed (−9.67")
    (fine,) = screen_check(comparisons({"steady": TABLES["steady"]}))
    assert (fine.outcome, fine.numbers["flagged"]) == (Outcome.PASS, 0)
    assert "shown to lose more than the margin" in fine.reason


def test_no_slices_no_screen_and_no_categories_no_disparity():
    assert screen_check([]) == ()
    assert disparity_check([], rate=True) == ()


def test_the_disparity_is_one_check():
    data, paired = grouped(TABLES)
    declared = suite(Family(by=("group",)), under_represented=0.1)
    found = compare_complements(
        add_up(paired, build_membership(data, declared), declared.gate), declared.gate, np.random.default_rng(0)
    )
    (check,) = disparity_check(found, rate=True)
    assert (check.kind, check.outcome) == (CheckKind.DISPARITY, Outcome.FAIL)
    assert "of 3 under-represented categories lose more than the rest" in check.reason
    assert "group: harmed (−9.4" in check.reason
    (fine,) = disparity_check([one for one in found if not one.flagged], rate=True)
    assert fine.outcome is Outcome.PASS
    assert fine.reason.startswith("none of 1 under-represented category shown")


def test_integrity_is_an_error_or_says_what_held():
    held = integrity_check("pairing", (), "all paired")
    assert (held.outcome, held.reason) == (Outcome.PASS, "all paired")
    broken = integrity_check("models", ["no weights", "no data"], "")
    assert (broken.id, broken.outcome, broken.reason) == ("integrity: models", Outcome.ERROR, "no weights and no data")


def test_blind_spots_are_the_categories_too_small_to_be_judged_alone():
    tables = {"common": (9400, 90, 110, 400), "a": (6, 0, 0, 1), "b": (150, 0, 0, 10), "c": (70, 0, 0, 5)}
    found = comparisons(tables)
    spots = blind_spots(found)
    assert [(spot.slice, spot.n, spot.pooled) for spot in spots] == [
        ("group: a", 7, "group: rare together"),
        ("group: c", 75, "group: rare together"),
        ("group: b", 160, "group: rare together"),
    ]
    assert all(spot.smallest_margin > 0.02 for spot in spots)
    alone = blind_spots(comparisons({"common": (9400, 90, 110, 400), "a": (6, 0, 0, 1)}))
    assert [(spot.slice, spot.pooled) for spot in alone] == [("group: a", None)]  # its pool is too small as well


def test_the_scope_counts_each_blind_example_once():
    data, _ = grouped({"common": (9400, 90, 110, 400), "a": (6, 0, 0, 1)})
    data.frame["copy"] = data.frame["group"]
    found = judged(data, data.labels >= 0, data.labels >= 0, Family(by=("group", "copy")))
    membership = build_membership(data, suite(Family(by=("group", "copy"))))
    totals = add_up(paired_rights(data, data.labels >= 0, data.labels >= 0), membership, suite().gate)
    seen = scope(found.comparisons, found.blind_spots, totals.blind / totals.n)
    assert (seen.blind, seen.blind_unpooled) == (2, 2)
    assert seen.blind_share == pytest.approx(7 / 10_007)
    assert seen.screened == 6  # two classes, two groups twice


def kinds(found):
    return {note.kind for note in found}


def test_losses_gains_and_missing_answers_are_listed():
    tables = TABLES | {"better": (500, 61, 3, 36)}
    found = notes(comparisons(tables), (), missing=3, rate=True)
    by_kind = {kind: {note.slice for note in found if note.kind == kind} for kind in kinds(found)}
    assert by_kind["loss"] >= {"group: harmed"}
    assert by_kind["improvement"] == {"group: better"}
    (missing,) = (note for note in found if note.kind == "missing answers")
    assert missing.text == "3 examples without an answer of the compressed model, counted as wrong"
    (below,) = (note for note in found if note.kind == "below zero")
    assert "screened slices have a change below zero" in below.text


def test_what_is_worse_within_the_margin_is_said():
    found = notes(comparisons({"a": (9700, 20, 80, 200)}), (), missing=0, rate=True)
    assert "all" in {note.slice for note in found if note.kind == "worse within the margin"}


def test_the_same_model_leaves_nothing_to_list():
    found = notes(comparisons({"a": (900, 0, 0, 100), "b": (700, 0, 0, 80)}), (), missing=0, rate=True)
    assert kinds(found) <= {"closest call"}

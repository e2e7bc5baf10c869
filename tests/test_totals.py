"""What rows add up to does not depend on how they are cut."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pairs import paired_rights
from tests.strategies import dataset, frames, rights, suite
from validate.judgement import judge_totals
from validate.slicing import draw_slices
from validate.suite import Family, NamedSlice
from validate.survey import surveyed
from validate.totals import add_up

SUITE = suite(Family(by=("colour", "size", "flag"), cross=2), NamedSlice(name="everyone", where="size >= -2"))


@st.composite
def cases(draw):
    frame = draw(frames(min_rows=2))
    ends = sorted({len(frame), *draw(st.lists(st.integers(1, len(frame)), max_size=4))})
    return frame, *draw(rights(len(frame))), list(zip([0, *ends], ends, strict=False))


@settings(max_examples=40, deadline=None)
@given(cases())
def test_any_partition_adds_up_to_the_same_and_is_judged_the_same(case):
    frame, dense, compressed, parts = case
    slicing = draw_slices(surveyed(dataset(frame), SUITE), None)

    def totals(start, stop):
        part = dataset(frame.iloc[start:stop].reset_index(drop=True))
        paired = paired_rights(part, dense[start:stop], compressed[start:stop])
        return add_up(paired, slicing.membership(part, slicing.plan), SUITE.gate, start=start)

    whole, summed = totals(0, len(frame)), totals(*parts[0])
    for start, stop in parts[1:]:
        summed += totals(start, stop)
    for name in ("n", "missing", "blind", "everything", "by_class"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(summed, name))
    np.testing.assert_array_equal(whole.same_as, summed.same_as)
    assert judge_totals(whole, SUITE.gate, seed=0) == judge_totals(summed, SUITE.gate, seed=0)

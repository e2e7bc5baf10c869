"""How much planted damage the discovery finds on the census, and how often it finds what is not there."""

import pytest
from scipy.stats import binom

from tests.detection import false_findings, planted_cases, table

NULLS = 36


@pytest.mark.slow
def test_planted_damage_is_found_where_it_is():
    """`python -m tests.detection` measures it; docs/discovery.md has the table. The bounds allow for chance."""
    done = list(planted_cases(2, seed=5, screen=False))
    told = table(done, "found")
    small = [o.found for o in done if o.cell in {(0, 0), (0, 1), (1, 0)}]
    large = [o.found for o in done if o.cell not in {(0, 0), (0, 1), (1, 0)}]
    assert sum(large) >= 0.85 * len(large), told
    assert sum(small) >= 1, told
    assert sum(o.elsewhere for o in done) <= binom.ppf(0.999, len(done), 0.05), told


@pytest.mark.slow
def test_flips_alone_are_seldom_taken_for_damage():
    """Each run may be wrong with probability 0.05."""
    wrong = false_findings(NULLS, seed=6)
    assert sum(wrong) <= binom.ppf(0.999, NULLS, 0.05), wrong

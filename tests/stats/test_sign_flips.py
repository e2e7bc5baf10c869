import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from validate.stats.sign_flips import sign_flip_min_p
from validate.stats.significance import sign_test


def rng():
    return np.random.default_rng(5)


@st.composite
def discordant(draw, *, most=7):
    d = draw(st.integers(1, most))
    m = draw(st.integers(1, 4))
    signs = draw(st.lists(st.sampled_from([-1, 1]), min_size=d, max_size=d))
    inside = draw(st.lists(st.lists(st.booleans(), min_size=m, max_size=m), min_size=d, max_size=d))
    return np.array(signs), np.array(inside, dtype=int).reshape(d, m)


def by_hand(signs, inside, *, step_down):
    """Every sign pattern, in plain loops."""

    def p(pattern):
        lost = np.array(pattern) == -1
        return np.array([sign_test((~lost & m).sum(), (lost & m).sum())[0] for m in inside.T.astype(bool)])

    patterns = [p(pattern) for pattern in itertools.product([-1, 1], repeat=len(signs))]
    observed = p(signs)
    order = np.argsort(observed, kind="stable")
    adjusted, worst = np.empty(len(order)), 0.0
    for rank, i in enumerate(order):
        rivals = order[rank:] if step_down else order
        worst = max(worst, np.mean([found[rivals].min() <= observed[i] + 1e-12 for found in patterns]))
        adjusted[i] = worst
    return observed, adjusted


@settings(max_examples=40)
@given(discordant(), st.booleans(), st.booleans())
def test_all_patterns_as_by_hand(case, step_down, sparse):
    signs, inside = case
    raw, adjusted = by_hand(signs, inside, step_down=step_down)
    membership = csr_array(inside) if sparse else inside
    found = sign_flip_min_p(signs, membership, flips=2**10, rng=rng(), step_down=step_down)
    assert found.exact
    np.testing.assert_allclose(found.raw, raw)
    np.testing.assert_allclose(found.adjusted, adjusted)


@settings(max_examples=20)
@given(discordant())
def test_clusters_of_one_are_no_clusters(case):
    signs, inside = case
    plain = sign_flip_min_p(signs, inside, flips=2**10, rng=rng())
    clustered = sign_flip_min_p(signs, inside, flips=2**10, rng=rng(), clusters=np.arange(len(signs)) * 7)
    np.testing.assert_allclose(clustered.adjusted, plain.adjusted)
    np.testing.assert_allclose(clustered.raw, plain.raw)


def test_a_cluster_flips_as_one():
    """Eight losses of one source are one surprise, not eight."""
    signs, inside = np.full(8, -1), np.ones((8, 1))
    assert sign_flip_min_p(signs, inside, flips=1000, rng=rng()).adjusted[0] == 1 / 256
    assert sign_flip_min_p(signs, inside, flips=1000, rng=rng(), clusters=np.zeros(8)).adjusted[0] == 0.5


def test_drawn_flips_come_near_all_flips():
    random = np.random.default_rng(0)
    signs, inside = random.choice([-1, 1], 12), random.random((12, 5)) < 0.5
    every = sign_flip_min_p(signs, inside, flips=2**12, rng=rng())
    drawn = sign_flip_min_p(signs, inside, flips=4000, rng=rng())
    assert every.exact
    assert not drawn.exact
    assert drawn.flips == 4000
    np.testing.assert_allclose(drawn.adjusted, every.adjusted, atol=4 * np.sqrt(0.25 / 4000))


def test_the_seed_decides():
    signs, inside = np.tile([-1, -1, 1], 20), np.ones((60, 2))
    first, again = (sign_flip_min_p(signs, inside, flips=500, rng=rng()).adjusted for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_a_drawn_p_is_never_zero():
    found = sign_flip_min_p(np.full(200, -1), np.ones((200, 1)), flips=99, rng=rng())
    assert found.adjusted[0] == 0.01


def test_sparse_and_dense_products_agree():
    random = np.random.default_rng(1)
    signs, inside = random.choice([-1, 1], 300), random.random((300, 80)) < 0.02
    wide = np.hstack([inside, np.ones((300, 30), dtype=bool)])
    alone = sign_flip_min_p(signs, csr_array(inside), flips=300, rng=rng(), step_down=False)
    beside = sign_flip_min_p(signs, wide, flips=300, rng=rng(), step_down=False)
    np.testing.assert_array_equal(alone.raw, beside.raw[:80])


def test_without_flips_nothing_is_found():
    found = sign_flip_min_p([], np.empty((0, 3)), flips=100, rng=rng())
    assert found.raw.tolist() == found.adjusted.tolist() == [1, 1, 1]


def test_without_slices_nothing_is_asked():
    assert sign_flip_min_p([1, -1], np.empty((2, 0)), flips=100, rng=rng()).adjusted.size == 0


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="sign"):
        sign_flip_min_p([0, 1], np.ones((2, 1)), flips=100, rng=rng())
    with pytest.raises(ValueError, match="one row per"):
        sign_flip_min_p([1, -1, 1], np.ones((2, 1)), flips=100, rng=rng())

"""Hypothesis strategies for paired counts."""

from hypothesis import strategies as st


@st.composite
def paired(draw, *, most=400, least=1):
    """Gains, losses and examples of one slice."""
    n = draw(st.integers(least, most))
    flips = draw(st.integers(0, n))
    gains = draw(st.integers(0, flips))
    return gains, flips - gains, n


margins = st.sampled_from([0.005, 0.01, 0.02, 0.05, 0.1, 0.3])
levels = st.sampled_from([0.8, 0.9, 0.95, 0.99, 0.999])

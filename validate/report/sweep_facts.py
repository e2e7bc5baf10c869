"""What the terminal and the page say of a sweep, in the same words."""

from collections.abc import Iterator, Sequence

from validate import wording
from validate.forecast import FEWEST_ROWS, FEWEST_SLICES, Correlation, SliceForecast
from validate.outcome import Outcome
from validate.sweep import Potential, Rung, Seen, Series, Sweep

FLATTERS = (
    "Nothing was gated. The best of many models looks better on these examples than it is: judge the chosen one with "
    "paritygate run, on examples it was not chosen on."
)

FORECASTS = (
    "Ranks by each predictor, in brackets beside its value; 1 is most at risk; the order is by the mean of the ranks. "
    "A forecast orders what to test first and where to collect data. It shows nothing about any compressed model."
)


def reached(found: Sweep) -> Iterator[str]:
    """How far each series goes, in a sentence each, and the smallest model of all that passes."""
    for series in found.series:
        if len(series.rungs) > 1:
            yield f"{series.name}: {how_far(series)}."
    reached = [series.verdict.highest for series in found.series if series.verdict and series.verdict.highest]
    rungs = {rung.name: rung for series in found.series for rung in series.rungs}
    if found.best is not None:
        known = "" if all(rungs[name].left is not None for name in reached) else ", of those whose size is known"
        yield f"Highest compression that still passes{known}: {found.best}."
    elif reached:
        yield "Which of the passing models is the smallest cannot be told: their sizes are not known."
    elif any(rung.counted and rung.outcome is Outcome.PASS for rung in rungs.values()):
        yield "Some models pass, but not in an order that shows how far compression can go."
    else:
        yield "No model passes."
    if found.unheld:
        yield f"Not held here: {wording.plural(found.unheld, 'claim')} about what answers cost; a run holds them."
    if found.unforetold:
        yield f"No forecast to compare with: {found.unforetold}"


def calibration_lines(found: Sweep) -> Iterator[str]:
    """What each model's calibration set lacks."""
    for series in found.series:
        for rung in series.rungs:
            yield from (f"Calibration set of {rung.name}: {text}." for text in rung.calibration)


def how_far(series: Series) -> str:
    """`passes up to a (28.0 % left); b FAIL`."""
    if series.verdict is None:
        return "its order is not known: say level = … of each model"
    return far(series.verdict)


def far(one: Potential) -> str:
    """The same of one slice."""
    left = "" if one.left is None else f" ({wording.share(one.left)} left)"
    text = f"passes up to {one.highest}{left}" if one.highest else "passes nowhere"
    if one.stopped:
        text += f"; {one.stopped} {one.outcome}"
    if one.above:
        text += f"; beyond it {wording.listing(one.above)} would pass, which does not count"
    return text


def level_text(rung: Rung) -> str:
    """`90 %`, `90 %, round 2`, or nothing."""
    level = "" if rung.level is None else f"{100 * rung.level:g}\u00a0%"
    return ", ".join(filter(None, [level, f"round {rung.round}" if rung.round is not None else ""]))


def change_of(seen: Seen | None, *, rate: bool) -> str:
    """The change without its unit."""
    if seen is None:
        return wording.ABSENT
    return wording.change(seen.change, rate=rate, limit=None if seen.margin is None else -seen.margin)


def rho_text(one: Correlation) -> str:
    """`+0.45`, or nothing where it is undefined."""
    return wording.signed(one.rho, 2)


def correlation_notes(found: Sequence[Correlation]) -> Iterator[str]:
    """How the correlations are to be read."""
    n = min(one.slices for one in found)
    yield (
        f"Spearman’s rank correlation over {wording.plural(n, 'slice')} of at least {FEWEST_ROWS} examples: +1 where "
        "the slices foretold to be most at risk lost most, beyond what all lost; 0 where the forecast said nothing."
    )
    if n < FEWEST_SLICES:
        yield f"Fewer than {FEWEST_SLICES} slices: chance alone gives large correlations."


def forecast_cell(one: SliceForecast, name: str, *, values: bool) -> str:
    """A predictor's rank, with its value: `3.1 % (2)`, `0.81 (7)`; or alone: `2`, `7`."""
    value, rank = one.values[name], f"{one.ranks[name]:g}"
    star = "*" if name == "training share" and not one.of_training else ""
    shown = wording.share(value) if name == "training share" else f"{value:.2g}"
    return f"{shown}{star} ({rank})" if values else f"{rank}{star}"

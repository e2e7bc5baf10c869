"""What the terminal and the page say of a sweep, in the same words."""

from collections.abc import Iterator

from validate import wording
from validate.sweep import Potential, Rung, Seen, Series, Sweep

FLATTERS = (
    "Nothing was gated. The best of many models looks better on these examples than it is: judge the chosen one with "
    "`paritygate run` on examples it was not chosen on."
)


def reached(found: Sweep) -> Iterator[str]:
    """How far each series goes, in a sentence each, and the smallest model of all that passes."""
    for series in found.series:
        if len(series.rungs) > 1:
            yield f"{series.name}: {how_far(series)}."
    if found.best is None:
        yield "No model passes."
    else:
        yield f"Highest compression that still passes: {found.best}."


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

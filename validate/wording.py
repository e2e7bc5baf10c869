"""How numbers and names are written, the same in every output: rounding never crosses a limit."""

import math
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

from validate.stats.results import Interval

ABSENT = "–"
_MINUS = "−"
# what no output may carry: control characters, turns of the text's direction, lone surrogates, non-characters
_ILLEGAL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_MOST_DECIMALS = 8


def clean(text: str) -> str:
    """The text with the replacement character for all that HTML, XML and terminals forbid, or could be misled by."""
    return _ILLEGAL.sub("\ufffd", text)


def same_person(one: str, other: str) -> bool:
    """Whether two names are the same but for case, spacing and the way in which letters are encoded."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def cleaned(node: object) -> object:
    """JSON values with every text in them cleaned, wherever it comes from."""
    if isinstance(node, dict):
        return {key: cleaned(value) for key, value in node.items()}
    if isinstance(node, list):
        return [cleaned(value) for value in node]
    return clean(node) if isinstance(node, str) else node


def count(n: int) -> str:
    """`12,345`."""
    return f"{n:,}"


def percent(share: float, decimals: int = 2) -> str:
    """`95.12 %`, from a share of one."""
    return f"{fixed(100 * share, decimals)} %" if math.isfinite(share) else ABSENT


def share(part: float) -> str:
    """`0.8 %`; what is there is never written as nothing."""
    return "< 0.1 %" if 0 < part < 0.0005 else percent(part, 1)


def fixed(value: float, decimals: int) -> str:
    """The number with so many decimals and a real minus sign; no `−0.00`."""
    if math.isnan(value):
        return ABSENT
    if math.isinf(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    text = f"{value:,.{decimals}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text.replace("-", _MINUS)


def signed(value: float, decimals: int) -> str:
    """`+0.31`, `−1.20`, `0.00`."""
    text = fixed(value, decimals)
    return f"+{text}" if value > 0 and text.strip("0.,") else text


def p_value(p: float | None) -> str:
    """`0.012`, `< 0.0001`; never 0."""
    if p is None or math.isnan(p):
        return ABSENT
    if p <= 0:
        return "< 1e-300"
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}" if p < 0.01 else f"{p:.3f}"


def level(value: float, *, rate: bool) -> str:
    """A metric's value: `95.12 %` for a rate, else four decimals."""
    return percent(value) if rate else fixed(value, 4)


def unit(*, rate: bool) -> str:
    """What a change is counted in: `points` (of a hundred) for a rate, nothing for another metric."""
    return " points" if rate else ""


def change(value: float, *, rate: bool, limit: float | None = None) -> str:
    """A change without its unit: `−1.20` points for a rate; more decimals where rounding would cross `limit`."""
    scale, decimals = (100, 2) if rate else (1, 4)
    if limit is not None:
        decimals = _apart(scale * value, scale * limit, decimals)
    return signed(scale * value, decimals)


def margin(value: float, *, rate: bool) -> str:
    """A margin with its unit: `2 points`, `0.015`."""
    scaled = 100 * value if rate else value
    return f"{scaled:.10g}{unit(rate=rate)}" if math.isfinite(scaled) else ABSENT


def enough(smallest: float, *, rate: bool) -> str:
    """The smallest margin that would do, with its unit: rounded up, so that what is shown would do too."""
    digits = 4 if rate else 5
    up = math.ceil(smallest * 10**digits) / 10**digits if math.isfinite(smallest) else smallest
    return margin(up, rate=rate)


def interval(found: Interval, *, rate: bool, margin: float | None = None) -> str:
    """`−2.00 to +0.31`; the limits keep their side of −margin."""
    limit = None if margin is None else -margin
    low, high = (change(x, rate=rate, limit=limit) for x in (found.low, found.high))
    return f"{low} to {high}"


def moment(stamp: str) -> str:
    """`2026-03-31 14:05 UTC`, from a time stamp of ISO 8601; as it stands where it is none."""
    try:
        return f"{datetime.fromisoformat(stamp).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return stamp


def plural(n: int, word: str, many: str | None = None) -> str:
    """`1 slice`, `2 slices`."""
    return f"{n:,} {word if n == 1 else many or word + 's'}"


def listing(items: Sequence[str], most: int = 5) -> str:
    """`a, b and c`, or `a, b and 3 more`."""
    shown = list(items[:most])
    if len(items) > most:
        shown.append(f"{len(items) - most} more")
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + f" and {shown[-1]}" if shown else ""


def _apart(value: float, limit: float, decimals: int) -> int:
    """How many decimals it takes until the rounded value lies on its own side of the limit."""
    if value == limit or not math.isfinite(value):
        return decimals
    while decimals < _MOST_DECIMALS and round(value, decimals) == round(limit, decimals):
        decimals += 1
    # a limit with more decimals than the display, such as 0.02345, must not be overtaken by rounding either
    while decimals < _MOST_DECIMALS and (round(value, decimals) < limit) != (value < limit):
        decimals += 1
    return decimals

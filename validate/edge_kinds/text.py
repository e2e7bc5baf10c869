"""Kinds for text: what happens to words between a writer and a model.

Each kind changes one text at a time, by its own random numbers, and leaves the label as it was: a reader would still
give the same answer. Where a reader would not (negation), the suite says what it expects instead. The lists of
look-alikes, names and spellings are in text_lists.toml beside this file: small, documented, and easy to add to.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from validate.edge_kinds.kind import Kind, Request

if TYPE_CHECKING:
    import pandas as pd

Change = Callable[[str, int, np.random.Generator], str]  # (text, severity, rng) -> text

WORD = re.compile(r"\w+(?:['’]\w+)*")
PUNCTUATION = re.compile(r"[^\w\s]")
TYPOS = (0.05, 0.1, 0.2, 0.3, 0.5)  # share of words
LETTERS = (0.01, 0.02, 0.05, 0.1, 0.25)  # share of letters
SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)  # share of what could be changed
KEPT = (0.75, 0.5, 0.25, 0.1, 0.0)  # share of the words, of which at least one
TIMES = (2, 4, 8, 16, 64)
LONGEST = 1_000_000  # characters that a text may grow to


def typos(text: str, severity: int, rng: np.random.Generator) -> str:
    """Words with one slip of a finger: a neighbour on the keyboard, a letter left out, doubled, or swapped."""
    return _some_words(text, TYPOS[severity - 1], rng, _slip)


def ocr(text: str, severity: int, rng: np.random.Generator) -> str:
    """Characters that a scanner takes for others."""
    return _some_letters(text, LETTERS[severity - 1], rng, lists()["ocr"])


def homoglyphs(text: str, severity: int, rng: np.random.Generator) -> str:
    """Letters of other alphabets that look the same."""
    return _some_letters(text, LETTERS[severity - 1], rng, lists()["homoglyphs"])


def accents(text: str, severity: int, rng: np.random.Generator) -> str:
    """Letters with accents that do not belong there."""
    return _some_letters(text, LETTERS[severity - 1], rng, lists()["accents"])


def speech(text: str, severity: int, rng: np.random.Generator) -> str:
    """What dictation makes of it: words that sound alike, small letters, no punctuation; um, from severity 3 on."""
    heard = _some_words(text, SHARES[severity - 1], rng, _one_of("homophones"))
    spoken = " ".join(PUNCTUATION.sub(" ", heard.lower()).split())
    return _some_words(spoken, 0.05, rng, lambda word, _: f"{word} um") if severity > 2 else spoken


def case(text: str, severity: int, rng: np.random.Generator) -> str:
    """Small and capital letters in the wrong places."""
    if severity in {1, 2, 5}:
        return {1: text.lower(), 2: text.title(), 5: text.upper()}[severity]
    flip = rng.random(len(text)) < {3: 0.1, 4: 0.5}[severity]
    return "".join(letter.swapcase() if flipped else letter for letter, flipped in zip(text, flip, strict=True))


def punctuation(text: str, severity: int, rng: np.random.Generator) -> str:
    """Punctuation left out, and as much of it where it does not belong."""
    share = TYPOS[severity - 1]
    marks = [m.start() for m in PUNCTUATION.finditer(text)]
    dropped = {at for at, out in zip(marks, rng.random(len(marks)) < share, strict=True) if out}
    rest = "".join(letter for at, letter in enumerate(text) if at not in dropped)
    return _some_words(rest, share, rng, lambda word, own: word + str(own.choice(list(",.;:-!?"))))


def negation(text: str, severity: int, _rng: np.random.Generator) -> str:
    """A "not" put in after so many verbs such as is, has and will, or taken out where there was one."""
    left = (1, 2, 3, 5, 1_000_000)[severity - 1]

    def turned(found: re.Match[str]) -> str:
        nonlocal left
        if left == 0:
            return found[0]
        left -= 1
        return found[1] if found[2] else f"{found[1]} not"

    return _NEGATABLE.sub(turned, text)


def number_words(text: str, severity: int, rng: np.random.Generator) -> str:
    """Whole numbers below a hundred: figures become words, and words figures."""
    return _some_words(text, SHARES[severity - 1], rng, lambda word, _: _numbers().get(word.lower(), word))


def truncation(text: str, severity: int, _rng: np.random.Generator) -> str:
    """The beginning of the text, and nothing after it."""
    words = text.split()
    return " ".join(words[: max(1, round(KEPT[severity - 1] * len(words)))])


def long_input(text: str, severity: int, _rng: np.random.Generator) -> str:
    """The text said again and again."""
    times = min(TIMES[severity - 1], max(1, LONGEST // max(1, len(text))))
    return "\n".join([text] * times)


def blank(text: str, severity: int, _rng: np.random.Generator) -> str:
    """White space where nobody needs it, and at the end nothing else."""
    return (f"{text}   ", "\n".join(text.split()), f"\t\t{text}\r\n\x00", "…", "")[severity - 1]


def name_swap(text: str, severity: int, rng: np.random.Generator) -> str:
    """Given names that are common in other communities."""
    return _some_words(text, SHARES[severity - 1], rng, _other_name)


def dialect(text: str, severity: int, rng: np.random.Generator) -> str:
    """British for American spelling and the other way round, and words as they are spoken."""
    return _some_words(text, SHARES[severity - 1], rng, _one_of("dialect"))


@cache
def lists() -> Mapping[str, Mapping[str, Any]]:
    """The lists of text_lists.toml."""
    return tomllib.loads(Path(__file__).with_name("text_lists.toml").read_text(encoding="utf-8"))


def _slip(word: str, rng: np.random.Generator) -> str:
    at = int(rng.integers(len(word)))
    letter = word[at]
    match int(rng.integers(4)):
        case 0:
            near = lists()["keyboard"].get(letter.lower(), letter)
            new = str(rng.choice(list(near)))
            return word[:at] + (new.upper() if letter.isupper() else new) + word[at + 1 :]
        case 1 if len(word) > 1:
            return word[:at] + word[at + 1 :]
        case 2 if at + 1 < len(word):
            return word[:at] + word[at + 1] + letter + word[at + 2 :]
    return word[:at] + letter + word[at:]


def _some_words(
    text: str, share: float, rng: np.random.Generator, change: Callable[[str, np.random.Generator], str]
) -> str:
    """The text with a share of its words changed, each with this probability."""
    return WORD.sub(lambda found: change(found[0], rng) if rng.random() < share else found[0], text)


def _some_letters(text: str, share: float, rng: np.random.Generator, table: Mapping[str, str]) -> str:
    """The text with a share of the characters that the table knows replaced."""
    chosen = rng.random(len(text)) < share
    return "".join(table.get(letter, letter) if on else letter for letter, on in zip(text, chosen, strict=True))


def _one_of(name: str) -> Callable[[str, np.random.Generator], str]:
    """Replaces a word by another of its row in the list of this name."""

    def replaced(word: str, rng: np.random.Generator) -> str:
        others = _rows(name).get(word.lower())
        return _like(word, str(rng.choice(others))) if others else word

    return replaced


def _other_name(word: str, rng: np.random.Generator) -> str:
    """A name of another community with the same use: first names of women, of men."""
    names: Mapping[str, Mapping[str, Sequence[str]]] = lists()["names"]
    for use in names.values():
        for community, known in use.items():
            if word.lower() in known:
                others = [other for other in use if other != community]
                return _like(word, str(rng.choice(use[str(rng.choice(others))])))
    return word


def _like(word: str, other: str) -> str:
    """The other word in the case of the first."""
    if word.isupper() and len(word) > 1:
        return other.upper()
    return other.capitalize() if word[:1].isupper() else other


@cache
def _rows(name: str) -> Mapping[str, Sequence[str]]:
    """For each word of a list of rows, the others of its row."""
    rows: Sequence[Sequence[str]] = lists()[name]["rows"]
    return {word: [other for other in row if other != word] for row in rows for word in row}


@cache
def _numbers() -> Mapping[str, str]:
    """The whole numbers below a hundred in figures and in words, each to the other."""
    found = lists()["numbers"]
    words = list(found["small"])
    for ten in found["tens"]:
        words += [ten, *(f"{ten}-{one}" for one in found["small"][1:10])]
    return {str(n): word for n, word in enumerate(words)} | {word: str(n) for n, word in enumerate(words)}


_NEGATABLE = re.compile(
    r"\b(is|are|was|were|has|have|had|will|would|can|could|should|may|might|must|does|do|did)\b(\s+not\b)?",
    re.IGNORECASE,
)


def _kind(change: Change, about: str, severities: Sequence[str]) -> Kind:
    """A kind that changes the texts of one column, one by one."""

    def make(frame: "pd.DataFrame", severity: int, rng: np.random.Generator, request: Request) -> "pd.DataFrame":
        for column in request.columns:
            frame[column] = [change(text, severity, rng) if isinstance(text, str) else text for text in frame[column]]
        return frame

    return Kind(about=about, severities=tuple(severities), make=make, columns=frozenset({"text"}))


def _of(shares: Sequence[float], what: str) -> list[str]:
    return [f"{share:.0%} of {what}" for share in shares]


KINDS: Mapping[str, Kind] = {
    "typos": _kind(typos, "Words have one slip of a finger.", _of(TYPOS, "words")),
    "ocr": _kind(ocr, "Characters are read wrongly by a scanner.", _of(LETTERS, "characters that can be mistaken")),
    "speech": _kind(
        speech,
        "The text as dictation hears it: no capitals, no punctuation.",
        [f"{share:.0%} of words that have a homophone{'; um' * (i > 2)}" for i, share in enumerate(SHARES, start=1)],
    ),
    "case": _kind(
        case,
        "Small and capital letters are in the wrong places.",
        ("all small", "every word capitalised", "10 % of letters changed", "50 % of letters changed", "all capitals"),
    ),
    "punctuation": _kind(
        punctuation,
        "Punctuation is missing, and is where it does not belong.",
        [f"{share:.0%} of marks missing, a mark after {share:.0%} of words" for share in TYPOS],
    ),
    "accents": _kind(accents, "Letters have accents that do not belong there.", _of(LETTERS, "letters")),
    "negation": _kind(
        negation,
        "The text says the opposite. A reader may answer otherwise: say what the suite expects.",
        ("one verb", "two verbs", "three verbs", "five verbs", "all verbs"),
    ),
    "number-words": _kind(
        number_words, "Numbers below a hundred are in words for figures.", _of(SHARES, "such numbers")
    ),
    "homoglyphs": _kind(homoglyphs, "Letters of other alphabets look the same.", _of(LETTERS, "letters")),
    "truncation": _kind(
        truncation,
        "The text ends early.",
        (*(f"the first {share:.0%} of the words" for share in KEPT[:4]), "the first word"),
    ),
    "long-input": _kind(long_input, "The text is said again and again.", [f"{k} times" for k in TIMES]),
    "blank": _kind(
        blank,
        "White space is where nobody needs it.",
        (
            "blanks at the end",
            "a line for each word",
            "tabs and a null character",
            "only an ellipsis",
            "no text at all",
        ),
    ),
    "name-swap": _kind(
        name_swap, "Given names are those of other communities.", _of(SHARES, "the names that the lists know")
    ),
    "dialect": _kind(
        dialect, "Spelling of another English, and words as they are spoken.", _of(SHARES, "the words in the list")
    ),
}

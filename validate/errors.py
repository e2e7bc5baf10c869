"""What a user can mend: each error says place, rule and value, and carries its exit code; `cli` alone catches them."""

import difflib
from collections.abc import Iterable
from typing import ClassVar


class ParitygateError(Exception):
    """Something that the user can mend, with its place, the rule it breaks and the value found."""

    exit_code: ClassVar[int] = 4

    def __init__(self, place: str, rule: str, value: object = None) -> None:
        self.place = place
        self.rule = rule
        self.value = value
        super().__init__(f"{place}: {rule}" if value is None else f"{place}: {rule} (found {_short(value)})")


class SuiteError(ParitygateError):
    """The command, the suite file or its policy is wrong: nothing was evaluated."""

    exit_code = 2


class DataError(ParitygateError):
    """The data could not be read, or breaks its contract."""


class ModelError(ParitygateError):
    """A model or its recorded predictions could not be loaded, run or paired."""


class OutputError(ParitygateError):
    """Evidence could not be written or read back."""


def _short(value: object, limit: int = 120) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """The nearest known name as the end of a rule, or nothing where none is near."""
    near = difflib.get_close_matches(str(name), [str(other) for other in known], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def one_line(text: object, limit: int = 300) -> str:
    """Somebody else's message as one printable line: no line breaks, no control characters, not too long."""
    words = " ".join(str(text).split())
    line = "".join(character if character.isprintable() else "?" for character in words)
    return line if len(line) <= limit else line[: limit - 1] + "…"

"""The four outcomes, of a check or as the label of a slice."""

from enum import StrEnum


class Outcome(StrEnum):
    """Of a check, or the label of a slice."""

    PASS = "PASS"
    INCONCLUSIVE = "INCONCLUSIVE"
    FAIL = "FAIL"
    ERROR = "ERROR"

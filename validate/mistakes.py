"""A broken rule of the suite file, and its place as the file's author would write it."""

import json
import re
from typing import NamedTuple


class Mistake(NamedTuple):
    """Where a rule is broken, which rule, and what stands there."""

    key: str  # "gate.margin"
    rule: str
    value: object = None


def key_path(*parts: str | int) -> str:
    """The way to a key as a suite's author would write it, such as slices[2].bins."years of age"; counted from 0."""
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += "." * bool(path) + (
                part if re.fullmatch(r"[\w-]+", part, re.ASCII) else json.dumps(part, ensure_ascii=False)
            )
    return path

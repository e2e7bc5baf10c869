"""All kinds of edge cases, by modality: a new kind is a function in its modality's file and an entry in its dict."""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

from validate.edge_kinds import image, tabular, text
from validate.edge_kinds.kind import Kind, Modality
from validate.errors import did_you_mean
from validate.suite import Suite

KINDS: Mapping[Modality, Mapping[str, Kind]] = {
    "image": image.KINDS,
    "tabular": tabular.KINDS,
    "text": text.KINDS,
}


def modality(suite: Suite) -> Modality:
    """What the suite's models read: a text or an image if the data name such a column, else a row of a table."""
    if suite.data.text is not None:
        return "text"
    return "tabular" if suite.data.image is None else "image"


def fitting(suite: Suite) -> Mapping[str, Kind]:
    """The kinds that a suite can use."""
    return KINDS.get(modality(suite), {})


def misfit(name: str, suite: Suite) -> str:
    """Why the suite cannot use the kind of this name, with the nearest one that it can; "" where it can."""
    here = fitting(suite)
    if name in here:
        return ""
    wanted = modality(suite)
    others = [other for other, kinds in KINDS.items() if name in kinds]
    if others:
        means = {"text": "data.text", "image": "data.image"}.get(others[0])
        hint = f"name the column in {means}" if means else f"this suite's models read {_READ[wanted]}"
        return f"is a kind for {_READ[others[0]]}: {hint}, or use one of {', '.join(here)}"
    return f"must be one of {', '.join(here)}{did_you_mean(name, here)}"


@cache
def made_by() -> str:
    """Hash of the kinds' own files: another version may make other variants."""
    files = sorted(
        path for path in Path(__file__).parent.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    return sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


_READ: Mapping[Modality, str] = {"tabular": "rows of a table", "text": "text", "image": "images"}

"""What the tables of a suite file are made of: the kinds of value that their keys hold."""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

Task = Literal["classification", "regression"]
Outputs = Literal["logits", "probabilities", "labels", "value"]

Text = Annotated[str, Field(min_length=1)]
FOLDER_NAME = r"^[A-Za-z0-9][\w.-]*$"
HOOK = r"^([A-Za-z0-9_-]+/)*[A-Za-z0-9_-]+\.py:[A-Za-z_][A-Za-z0-9_]*$"
SLICE_NAME = r"^\S([\s\S]*\S)?$"
NOT_BLANK = r"\S"
FolderName = Annotated[str, Field(pattern=FOLDER_NAME, max_length=100)]
HookSpec = Annotated[str, Field(pattern=HOOK)]
SliceName = Annotated[str, Field(pattern=SLICE_NAME, max_length=200)]
Said = Annotated[str, Field(pattern=NOT_BLANK, max_length=2000)]
Margin = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Table:
    """A table of the file: it knows its keys, and none but finite numbers."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


def tag(table: object, kinds: Iterable[tuple[str, type]]) -> str | None:
    """The tag of the one kind of table that this is: a tag is a word that no key of a suite file can be."""
    found = [f"({key})" for key, kind in kinds if isinstance(table, kind) or (isinstance(table, dict) and key in table)]
    return found[0] if len(found) == 1 else None

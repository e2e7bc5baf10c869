"""Which table of the suite file declares what, and where: how a finding leads to the lines that ask for it."""

from collections.abc import Iterator
from dataclasses import dataclass

from validate.claims import title
from validate.mistakes import key_path
from validate.slices import shown
from validate.suite import Family, LoadedSuite, Suite
from validate.suite_edge_cases import set_name


@dataclass(frozen=True, kw_only=True)
class DeclaredTable:
    """A table of the suite file that checks come from."""

    key: str  # "gate", "slices[2]", "models.compressed.int8"
    line: int  # of its header, from 1
    names: tuple[
        str, ...
    ] = ()  # what it declares: a slice, a family's columns and the values it guards, a set, a claim
    guard: bool = False  # all that it declares must PASS


def declared_tables(loaded: LoadedSuite) -> tuple[DeclaredTable, ...]:
    """The tables that checks come from, in the file's order; none for a suite that was not read from a file.

    What stands in one line, as in slices = [{ by = ["sex"] }], has no header and is not among them.
    """
    declared = {key: (names, guard) for key, names, guard in _declared(loaded.suite)}
    return tuple(
        DeclaredTable(key=key, line=line, names=declared[key][0], guard=declared[key][1])
        for key, line in loaded.lines.items()
        if key in declared
    )


def _declared(suite: Suite) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    for key in ("data", "models", "gate"):
        yield key, (), False
    for name in suite.models.compressed:
        yield key_path("models", "compressed", name), (name,), False
    for i, entry in enumerate(suite.slices):
        if isinstance(entry, Family):
            values = () if isinstance(entry.guard, bool) else entry.guard
            guarded = [f"{column}: {shown(value)}" for column in entry.by for value in values]
            yield f"slices[{i}]", (*entry.by, *guarded), entry.guard is True
        else:
            yield f"slices[{i}]", (entry.name,), entry.guard
    for i, spec in enumerate(suite.edge_cases):
        yield f"edge_cases[{i}]", (set_name(spec),), spec.guard
    for i, claim in enumerate(suite.claims):
        yield f"claims[{i}]", (title(claim),), True

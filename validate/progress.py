"""How far a run is, for whoever wants to show it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Progress(Protocol):
    """Whoever wants to show how far a run is; library code never prints."""

    def stage(self, name: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """A stage of `total` examples begins; its value is called with how many more are done."""


class _Silent:
    @contextmanager
    def stage(self, _name: str, _total: int) -> Iterator[Callable[[int], None]]:
        yield lambda _: None


SILENT: Progress = _Silent()

"""A suite's `inputs` as batches of tensors, encoded once for all models that judge the same examples."""

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable
from weakref import WeakKeyDictionary

import torch

from validate.data import Dataset
from validate.errors import ModelError, SuiteError
from validate.hooks import hook_files, load_hook, user_code
from validate.suite import LoadedSuite

Tensors = torch.Tensor | tuple[torch.Tensor, ...] | dict[str, torch.Tensor]

PROBE_ROWS = 16  # encoded first, to learn how much memory one example takes
CHUNK_ROWS = 8192
CHUNK_BYTES = 64 * 2**20
CHANGED_ROWS = 128  # of examples that are changed after they are encoded, which takes long
KEPT_BYTES = 512 * 2**20  # of a dataset's encoded examples stay in memory for the next model


@runtime_checkable
class Changing(Protocol):
    """A dataset whose examples are changed after they are encoded."""

    def changed(self, tensors: Tensors, start: int, stop: int) -> Tensors:
        """The tensors that stand in the place of those of these rows."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Chunk:
    """Consecutive examples as the model sees them."""

    start: int  # row of the first example
    stop: int  # row after the last one
    tensors: Tensors  # first dimension: examples

    def part(self, start: int, stop: int) -> Tensors:
        """Some of the examples, copied: a model that works in place must not change what the next one sees."""
        return mapped(torch.clone, cut(self.tensors, start - self.start, stop - self.start))


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """The suite's `inputs` function."""

    function: Callable[..., Any]  # frame -> tensor, tuple or dict of tensors
    loaded: LoadedSuite
    key: tuple[object, ...]  # what it is: folder, spec, hashes of its files

    @property
    def place(self) -> str:
        """Where its errors point to."""
        return f"{self.loaded.path.name}: models.inputs"


@dataclass(kw_only=True)
class _Encoded:
    """A dataset as the models see it, cut into chunks of the same number of rows whatever is asked first."""

    few: Tensors  # of the first two examples, to measure a model by
    rows: int  # of a chunk
    kept: dict[int, Chunk] = field(default_factory=dict)  # by first row, as many as may stay in memory


# Keyed weakly: what was encoded goes when its dataset goes.
_KEPT: MutableMapping[Dataset, dict[tuple[object, ...], _Encoded]] = WeakKeyDictionary()


def open_inputs(loaded: LoadedSuite) -> Inputs:
    """Load the function that the suite's models share."""
    spec, place = loaded.suite.models.inputs, f"{loaded.path.name}: models.inputs"
    if spec is None:
        raise SuiteError(place, 'this model needs inputs = "file.py:function", function(frame) -> tensor')
    key = (loaded.folder.resolve(), spec, *hook_files(loaded.folder, [spec]))
    return Inputs(function=load_hook(loaded.folder, spec, place), loaded=loaded, key=key)


def chunks(dataset: Dataset, inputs: Inputs, start: int, stop: int) -> Iterator[Chunk]:
    """The rows from `start` to `stop` encoded in order, in chunks of at most 64 MiB; kept ones are not encoded again.

    Raises:
        ModelError: inputs that fail, or return something else than tensors with one entry per example.
    """
    encoded = _encoded(dataset, inputs)
    while start < stop:
        first = start - start % encoded.rows
        chunk = encoded.kept.get(first)
        if chunk is None:
            chunk = encode(dataset, inputs, first, min(first + encoded.rows, len(dataset)))
            held = sum(total_bytes(other.tensors) for other in encoded.kept.values())
            if held + total_bytes(chunk.tensors) <= KEPT_BYTES:
                encoded.kept[first] = chunk
        end = min(chunk.stop, stop)
        yield (
            chunk
            if (chunk.start, chunk.stop) == (start, end)
            else Chunk(start=start, stop=end, tensors=chunk.part(start, end))
        )
        start = end


def first_two(dataset: Dataset, inputs: Inputs) -> Tensors:
    """The first two examples as the model sees them."""
    return mapped(torch.clone, _encoded(dataset, inputs).few)


def _encoded(dataset: Dataset, inputs: Inputs) -> _Encoded:
    """What is known of the dataset's encoding; a few examples tell how much memory one takes."""
    known = _KEPT.setdefault(dataset, {})
    if inputs.key not in known:
        n = min(PROBE_ROWS, len(dataset))
        probe = encode(dataset, inputs, 0, n)
        most = CHANGED_ROWS if isinstance(dataset, Changing) else CHUNK_ROWS
        rows = max(1, min(most, CHUNK_BYTES * n // max(1, total_bytes(probe.tensors))))
        known[inputs.key] = _Encoded(few=probe.part(0, min(2, n)), rows=rows)
    return known[inputs.key]


def encode(dataset: Dataset, inputs: Inputs, start: int, stop: int) -> Chunk:
    """One call of the suite's `inputs`, checked."""
    place = f"{inputs.place}, {examples(start, stop)}"
    with user_code(ModelError, place, inputs.loaded.folder):
        made = inputs.function(dataset.rows(start, stop))
    if not isinstance(made, torch.Tensor | tuple | dict):
        raise ModelError(place, "must return a tensor, or a tuple or dict of tensors", type(made).__name__)
    for tensor in listed(made):
        if not isinstance(tensor, torch.Tensor):
            raise ModelError(place, "must return a tensor, or a tuple or dict of tensors", type(tensor).__name__)
        if tensor.ndim == 0 or len(tensor) != stop - start:
            rule = f"the first dimension must be the {stop - start} examples"
            raise ModelError(place, rule, tuple(tensor.shape))
    if isinstance(dataset, Changing):
        made = dataset.changed(made, start, stop)
    return Chunk(start=start, stop=stop, tensors=made)


def examples(start: int, stop: int) -> str:
    """Rows in words, as people count them: the first is 1."""
    return f"examples {start + 1:,} to {stop:,}"


def listed(tensors: Tensors) -> list[torch.Tensor]:
    """The tensors, whatever holds them."""
    if isinstance(tensors, torch.Tensor):
        return [tensors]
    return list(tensors.values()) if isinstance(tensors, dict) else list(tensors)


def mapped(change: Callable[[torch.Tensor], torch.Tensor], tensors: Tensors) -> Tensors:
    """The same structure with each tensor changed."""
    if isinstance(tensors, torch.Tensor):
        return change(tensors)
    if isinstance(tensors, dict):
        return {name: change(tensor) for name, tensor in tensors.items()}
    return tuple(change(tensor) for tensor in tensors)


def cut(tensors: Tensors, start: int, stop: int) -> Tensors:
    """Some of the examples."""
    return mapped(lambda tensor: tensor[start:stop], tensors)


def joined(parts: Sequence[Tensors]) -> Tensors:
    """The examples of all parts, one after the other; the parts are built alike."""
    merged = iter([torch.cat(same) for same in zip(*map(listed, parts), strict=True)])
    return mapped(lambda _: next(merged), parts[0])


def total_bytes(tensors: Tensors) -> int:
    """Memory that the tensors take."""
    return sum(tensor.nbytes for tensor in listed(tensors))

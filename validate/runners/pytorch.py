"""PyTorch modules: built by a function of the suite's own, with weights that cannot run code."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from validate.data import Dataset
from validate.errors import ModelError, one_line
from validate.hooks import load_hook, user_code
from validate.predictions import ModelIdentity
from validate.runners.batches import Inputs, Tensors, chunks, examples, first_two, listed, mapped, open_inputs
from validate.runners.settings import settings, versions
from validate.runners.weights import load_weights, parts
from validate.suite import LoadedSuite, TorchModel
from validate.suite_words import Outputs
from validate.tables import file_sha256
from validate.wording import plural

BATCH_ROWS = 4096
BATCH_BYTES = 256 * 2**20  # of inputs and layers' outputs in one batch, on a CPU
GPU_SHARE = 16  # on a GPU: this part of its memory
# Taken for one number of the inputs where the layers cannot be seen: a few layers' floats, or those of a token.
OPAQUE_BYTES = {True: 64, False: 32_768}  # by whether it is a float


@dataclass(frozen=True, kw_only=True, eq=False)
class TorchRunner:
    """A module in evaluation mode, on its device."""

    identity: ModelIdentity
    model: torch.nn.Module
    device: torch.device
    inputs: Inputs
    width: int  # columns of its output
    loaded: LoadedSuite
    hooks: tuple[str, ...] = ()  # functions of the suite's own that it is made by
    packages: tuple[str, ...] = ()  # whose versions can change its answers, beside torch
    threads: int | None = None  # of the processor; None: as many as torch takes
    rows: int | None = None  # of a batch; None: as many as memory allows
    outside: bool = False  # it computes with threads that are not torch's
    opaque: bool = False  # its layers cannot be seen, so the memory that they take is estimated

    @property
    def outputs(self) -> Outputs:
        """What its answers are."""
        return self.loaded.suite.models.outputs

    @property
    def settings(self) -> Mapping[str, str]:
        """All that its answers depend on, beside the examples."""
        return settings(
            self.identity,
            self.loaded,
            hooks=(*self.hooks, self.loaded.suite.models.inputs or ""),
            packages=self.packages,
            details=self.identity.details,
            threads=self.threads,
            rows=self.rows,
            processor=torch.backends.cpu.get_cpu_capability(),
            batches=f"{BATCH_ROWS} rows, {BATCH_BYTES} bytes, a GPU's {GPU_SHARE}th",
        )

    def answers(self, dataset: Dataset, start: int, stop: int) -> Iterator[NDArray[np.float64]]:
        """Answers in the data's order, in batches sized to memory; without enough of it, in smaller ones.

        Batches begin and end at the same rows wherever the first of them is.

        Raises:
            ModelError: inputs or a model that fail, or an output of another shape, with the examples where.
        """
        with torch.inference_mode(), reproducible(self.loaded.suite.seed, self.threads):
            rows = self.rows or self._batch_rows(first_two(dataset, self.inputs))
            for chunk in chunks(dataset, self.inputs, start, stop):
                at = chunk.start
                while at < chunk.stop:
                    end = min(at + rows, chunk.stop)
                    self._seed(at)  # whatever was computed before it
                    scores = self._forward(chunk.part(at, end), at, end)
                    if scores is None:
                        rows = (end - at) // 2
                        continue
                    yield scores
                    at = end

    def otherwise(self, rows: int) -> "tuple[TorchRunner, str]":
        """The same model asked in batches of so many examples and, where it can be, with another number of threads."""
        if self.outside:
            return replace(self, rows=rows), f"in batches of {rows}"
        threads = 2 if (self.threads or torch.get_num_threads()) == 1 else 1
        return replace(self, rows=rows, threads=threads), f"in batches of {rows} and with {plural(threads, 'thread')}"

    def _seed(self, at: int) -> None:
        """Chance begins anew; torch.manual_seed notes a stack trace for each GPU that may come, so not on a CPU."""
        seed = self.loaded.suite.seed + at
        if self.device.type == "cpu":
            torch.default_generator.manual_seed(seed)
        else:
            torch.manual_seed(seed)

    def _forward(self, tensors: Tensors, start: int, stop: int) -> NDArray[np.float64] | None:
        """(stop - start, width) scores; None where memory does not suffice for so many examples at once."""
        place = f"{_place(self.identity)}, {examples(start, stop)}"
        with user_code(ModelError, place, self.loaded.folder):
            try:
                output = called(self.model, mapped(lambda tensor: tensor.to(self.device), tensors))
                scores = output.to("cpu", torch.float64) if isinstance(output, torch.Tensor) else None
            except (RuntimeError, MemoryError) as failure:
                if not out_of_memory(failure) or stop - start == 1:
                    raise
                torch.cuda.empty_cache()
                return None
        if scores is None:
            raise ModelError(place, "must return a tensor", type(output).__name__)
        wanted = (stop - start, self.width)
        if scores.shape != wanted and not (self.width == 1 and scores.shape == wanted[:1]):
            raise ModelError(place, f"must return a tensor of shape {wanted}", tuple(scores.shape))
        return scores.numpy().reshape(wanted)

    def _batch_rows(self, few: Tensors) -> int:
        """Examples of one batch, from what the inputs and all layers' outputs of a few take: the same in every run."""
        taken = sum(tensor.nbytes for tensor in listed(few))
        if self.opaque:
            taken += sum(tensor.numel() * OPAQUE_BYTES[tensor.is_floating_point()] for tensor in listed(few))

        def count(_module: object, _inputs: object, output: object) -> None:
            nonlocal taken
            found = list(output.values()) if isinstance(output, dict) else output
            tensors = found if isinstance(found, tuple | list) else [found]
            taken += sum(tensor.nbytes for tensor in tensors if isinstance(tensor, torch.Tensor))

        handles = [module.register_forward_hook(count) for module in self.model.modules()]
        try:
            self._forward(few, 0, len(listed(few)[0]))
        finally:
            for handle in handles:
                handle.remove()
        budget = BATCH_BYTES
        if self.device.type == "cuda":
            budget = torch.cuda.get_device_properties(self.device).total_memory // GPU_SHARE
        return int(max(1, min(BATCH_ROWS, budget * len(listed(few)[0]) // max(1, taken))))


def open_model(spec: TorchModel, *, name: str, loaded: LoadedSuite, classes: tuple[str, ...]) -> TorchRunner:
    """Build the module, load its weights, and put it on a GPU if there is one.

    Raises:
        ModelError: a factory that fails or builds no module, weights that cannot be read or do not fit.
        SuiteError: a hook that cannot be loaded.
    """
    key = "models.dense" if name == "dense" else f"models.compressed.{name}"
    build = load_hook(loaded.folder, spec.torch, f"{loaded.path.name}: {key}.torch")
    place = f"model {name!r} ({spec.torch})"
    with reproducible(loaded.suite.seed), user_code(ModelError, place, loaded.folder):
        model = build()
    if not isinstance(model, torch.nn.Module):
        raise ModelError(place, "must return a torch.nn.Module", type(model).__name__)
    weights = None if spec.weights is None else loaded.file(spec.weights)
    if weights is not None:
        load_weights(model, weights, f"model {name!r} ({spec.weights})")
    device, threads = chosen_device(loaded), loaded.suite.models.threads
    model.eval().requires_grad_(requires_grad=False).to(device)
    return TorchRunner(
        identity=ModelIdentity(
            name=name,
            kind="torch",
            source=spec.torch if spec.weights is None else f"{spec.torch} with {spec.weights}",
            sha256=None if weights is None else file_sha256(weights),
            bytes=None if weights is None else weights.stat().st_size,
            details=(*stored(model), *where(device, threads, versions("torch"))),
        ),
        model=model,
        device=device,
        inputs=open_inputs(loaded),
        width=1 if loaded.suite.models.outputs in {"labels", "value"} else len(classes),
        loaded=loaded,
        hooks=(spec.torch,),
        threads=threads,
    )


def chosen_device(loaded: LoadedSuite) -> torch.device:
    """The device that the suite names, or else a GPU if there is one.

    Raises:
        ModelError: a device that this machine does not have, or no device at all.
    """
    named = loaded.suite.models.device
    if named == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    place = f"{loaded.path.name}: models.device"
    try:
        device = torch.device(named)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as failure:
        raise ModelError(place, f"torch cannot use this device: {one_line(failure, 160)}", named) from failure
    return device


def where(device: torch.device, threads: int | None, backend: str) -> tuple[tuple[str, str], ...]:
    """What a model runs on, for its identity."""
    return (
        ("device", torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)),
        ("threads", str(threads or torch.get_num_threads())),
        ("backend", backend),
    )


@contextmanager
def reproducible(seed: int, threads: int | None = None) -> Iterator[None]:
    """With the suite's seed, deterministic kernels and so many threads; the caller's own settings come back after."""
    before = torch.get_num_threads()
    devices = range(torch.cuda.device_count())
    flags = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    with torch.random.fork_rng(devices=devices), flags:
        torch.manual_seed(seed)
        if threads is not None:
            torch.set_num_threads(threads)
        try:
            yield
        finally:
            if threads is not None:
                torch.set_num_threads(before)


def called(model: torch.nn.Module, tensors: Tensors) -> object:
    """The model's own answer to tensors, whatever holds them."""
    if isinstance(tensors, dict):
        return model(**tensors)
    return model(*tensors) if isinstance(tensors, tuple) else model(tensors)


def out_of_memory(failure: Exception) -> bool:
    return isinstance(failure, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(failure)


def _place(identity: ModelIdentity) -> str:
    return f"model {identity.name!r} ({identity.source})"


def stored(model: torch.nn.Module) -> tuple[tuple[str, str], ...]:
    """Size, number formats and share of non-zeros of all that the module stores, buffers included."""
    tensors = [tensor for tensor in model.state_dict().values() if isinstance(tensor, torch.Tensor)]
    plain = [part for tensor in tensors for part in parts(tensor)]
    total = sum(tensor.numel() for tensor in tensors)
    nonzero = sum(int(torch.count_nonzero(part)) for part in plain)
    formats: Counter[str] = Counter()
    for part in plain:
        formats[str(part.dtype).removeprefix("torch.")] += part.numel()
    return (
        ("parameters", f"{total:,}"),
        ("dtypes", ", ".join(f"{name} {count:,}" for name, count in formats.most_common())),
        ("non-zero", f"{nonzero / max(1, sum(part.numel() for part in plain)):.1%}"),
    )

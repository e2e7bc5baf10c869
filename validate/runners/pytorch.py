"""PyTorch modules: built by a function of the suite's own, with weights that cannot run code."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from validate.data import Dataset
from validate.errors import ModelError
from validate.hooks import load_hook, user_code
from validate.predictions import ModelIdentity, Predictions
from validate.runners.batches import Inputs, Tensors, chunks, examples, listed, mapped, open_inputs
from validate.runners.weights import load_weights
from validate.suite import LoadedSuite, TorchModel
from validate.tables import file_sha256

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
    opaque: bool = False  # its layers cannot be seen, so the memory that they take is estimated

    def predict(self, dataset: Dataset, advance: Callable[[int], None]) -> Predictions:
        """Answers in the data's order, in batches sized to memory; without enough of it, in smaller ones.

        Raises:
            ModelError: inputs or a model that fail, or an output of another shape, with the examples where.
        """
        scores, rows = np.empty((len(dataset), self.width)), 0
        with torch.inference_mode(), reproducible(self.loaded.suite.seed):
            for chunk in chunks(dataset, self.inputs):
                rows = rows or self._batch_rows(chunk.part(chunk.start, min(chunk.start + 2, chunk.stop)))
                start = chunk.start
                while start < chunk.stop:
                    stop = min(start + rows, chunk.stop)
                    output = self._forward(chunk.part(start, stop), start, stop)
                    if output is None:
                        rows = (stop - start) // 2
                        continue
                    scores[start:stop] = output
                    advance(stop - start)
                    start = stop
        return Predictions(
            ids=dataset.ids, scores=scores, outputs=self.loaded.suite.models.outputs, model=self.identity
        )

    def _forward(self, tensors: Tensors, start: int, stop: int) -> NDArray[np.float64] | None:
        """(stop - start, width) scores; None where memory does not suffice for so many examples at once."""
        place = f"{_place(self.identity)}, {examples(start, stop)}"
        with user_code(ModelError, place, self.loaded.folder):
            try:
                output = _call(self.model, mapped(lambda tensor: tensor.to(self.device), tensors))
                scores = output.to("cpu", torch.float64) if isinstance(output, torch.Tensor) else None
            except (RuntimeError, MemoryError) as failure:
                if not _out_of_memory(failure) or stop - start == 1:
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
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.eval().requires_grad_(requires_grad=False).to(device)
    return TorchRunner(
        identity=ModelIdentity(
            name=name,
            kind="torch",
            source=spec.torch if spec.weights is None else f"{spec.torch} with {spec.weights}",
            sha256=None if weights is None else file_sha256(weights),
            bytes=None if weights is None else weights.stat().st_size,
            details=_details(model, device),
        ),
        model=model,
        device=device,
        inputs=open_inputs(loaded),
        width=1 if loaded.suite.models.outputs in {"labels", "value"} else len(classes),
        loaded=loaded,
    )


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """With the suite's seed and deterministic kernels; the caller's own settings come back after."""
    devices = range(torch.cuda.device_count())
    flags = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    with torch.random.fork_rng(devices=devices), flags:
        torch.manual_seed(seed)
        yield


def _call(model: torch.nn.Module, tensors: Tensors) -> object:
    if isinstance(tensors, dict):
        return model(**tensors)
    return model(*tensors) if isinstance(tensors, tuple) else model(tensors)


def _out_of_memory(failure: Exception) -> bool:
    return isinstance(failure, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(failure)


def _place(identity: ModelIdentity) -> str:
    return f"model {identity.name!r} ({identity.source})"


def _details(model: torch.nn.Module, device: torch.device) -> tuple[tuple[str, str], ...]:
    """Size, number formats and share of non-zeros of all that the module stores, buffers included."""
    tensors = [tensor for tensor in model.state_dict().values() if isinstance(tensor, torch.Tensor)]
    total = sum(tensor.numel() for tensor in tensors)
    nonzero = sum(int(torch.count_nonzero(tensor)) for tensor in tensors)
    formats: Counter[str] = Counter()
    for tensor in tensors:
        formats[str(tensor.dtype).removeprefix("torch.")] += tensor.numel()
    return (
        ("parameters", f"{total:,}"),
        ("dtypes", ", ".join(f"{name} {count:,}" for name, count in formats.most_common())),
        ("non-zero", f"{nonzero / max(1, total):.1%}"),
        ("device", torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"),
    )

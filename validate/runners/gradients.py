"""Slopes of a torch model: of its loss in its weights, and of its margin in its inputs; the model stays as it is."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention

from validate.data import Dataset
from validate.errors import ModelError, one_line
from validate.hooks import user_code
from validate.runners import Runner
from validate.runners.batches import Tensors, listed, mapped
from validate.runners.contents import call
from validate.runners.pytorch import TorchRunner, reproducible

ROWS = 256  # of one batch
SLICE_ROWS = 256  # examples of a slice, drawn by the seed, whose loss's gradient is taken
KINDS = frozenset({"torch", "transformers"})  # runners whose modules show their weights


Computed = TypeVar("Computed")


@dataclass(frozen=True, kw_only=True, eq=False)
class Slopes:
    """What gradients tell, and what they could not."""

    distance: NDArray[np.float64] | None  # (n,) margin / norm of its gradient in the inputs
    loss: NDArray[np.float64] | None  # (slices,) norm of the gradient of a slice's mean loss in all weights
    notes: tuple[str, ...] = ()  # what was differentiated, and why something is missing


def slopes(
    runner: Runner,
    dataset: Dataset,
    members: Sequence[NDArray[np.intp]],
    *,
    seed: int,
    advance: Callable[[int], None] = lambda _: None,
) -> Slopes:
    """The distances of all examples, and the gradient norms of slices given by their rows.

    The distance is to first order, and exact for a linear model of two classes.
    """
    if not isinstance(runner, TorchRunner) or runner.identity.kind not in KINDS:
        return Slopes(distance=None, loss=None, notes=(f"no gradients: a {runner.identity.kind} model shows none",))
    if runner.outputs == "labels":
        return Slopes(distance=None, loss=None, notes=("no gradients: labels have none",))
    notes: list[str] = []
    made = _kept(lambda: _Differentiable(runner, dataset), notes, "gradients")
    if made is None:
        return Slopes(distance=None, loss=None, notes=tuple(notes))
    with torch.enable_grad(), reproducible(seed, runner.threads):
        distance = _kept(lambda: made.distances(advance), notes, "distance to the boundary")
        loss = _kept(lambda: made.loss_norms(members, seed, advance), notes, "gradient of the loss")
    return Slopes(distance=distance, loss=loss, notes=(*made.notes, *notes))


def _kept(compute: Callable[[], Computed], notes: list[str], what: str) -> Computed | None:
    """What was computed; nothing, with a note, where the model cannot be copied or differentiated."""
    try:
        return compute()
    except ModelError:
        raise
    except (RuntimeError, NotImplementedError, TypeError, MemoryError) as failure:
        notes.append(f"no {what}: {one_line(failure, 160)}")
        return None


class _Differentiable:
    """A copy of the model whose weights take gradients."""

    def __init__(self, runner: TorchRunner, dataset: Dataset) -> None:
        self.runner, self.dataset = runner, dataset
        self.model = copy.deepcopy(runner.model).eval()
        self.weights = [p for p in self.model.parameters() if p.is_floating_point()]
        self.notes: list[str] = []
        for weight in self.weights:
            weight.requires_grad_(True)

    def distances(self, advance: Callable[[int], None]) -> NDArray[np.float64] | None:
        """(n,) of each example; none where there is no margin."""
        if self.runner.width < 2:
            self.notes.append("no distance to the boundary: there are no classes to have one between")
            return None
        found = np.empty(len(self.dataset))
        for weight in self.weights:
            weight.requires_grad_(False)
        for rows in _batches(np.arange(len(self.dataset))):
            found[rows] = self._distances(self._inputs(rows))
            advance(len(rows))
        for weight in self.weights:
            weight.requires_grad_(True)
        return found

    def loss_norms(
        self, members: Sequence[NDArray[np.intp]], seed: int, advance: Callable[[int], None]
    ) -> NDArray[np.float64] | None:
        """(slices,) from up to so many examples of each."""
        if not self.weights:
            self.notes.append("no gradient of the loss: the model has no weights that take one")
            return None
        rng = np.random.default_rng(seed)
        norms = []
        for inside in members:
            chosen = inside if len(inside) <= SLICE_ROWS else np.sort(rng.choice(inside, SLICE_ROWS, replace=False))
            self.model.zero_grad(set_to_none=True)
            for rows in _batches(chosen):
                (self._loss(rows) / max(1, len(chosen))).backward()  # type: ignore[no-untyped-call]  # torch's
                advance(len(rows))
            grads = [weight.grad for weight in self.weights if weight.grad is not None]
            norms.append(sum(float(grad.double().square().sum()) for grad in grads) ** 0.5 if len(inside) else np.nan)
        return np.array(norms)

    def _inputs(self, rows: NDArray[np.intp]) -> Tensors:
        frame = self.dataset.frame.iloc[rows].reset_index(drop=True)
        with user_code(ModelError, self.runner.inputs.place, self.runner.loaded.folder):
            made: Tensors = self.runner.inputs.function(frame)
        return mapped(lambda tensor: tensor.to(self.runner.device), made)

    def _distances(self, tensors: Tensors) -> NDArray[np.float64]:
        held: list[torch.Tensor] = []
        tensors = mapped(lambda tensor: _leaf(tensor, held), tensors)
        handle = None if held else self._watch_embedding(held)
        try:
            scores = self._scores(tensors)
        finally:
            if handle is not None:
                handle.remove()
        top = scores.topk(2, dim=1).values
        margin = top[:, 0] - top[:, 1]
        slopes = torch.autograd.grad(margin.sum(), held, allow_unused=True)
        squares = sum(slope.double().flatten(1).square().sum(dim=1) for slope in slopes if slope is not None)
        norm = torch.as_tensor(squares).sqrt()
        far = torch.where(norm > 0, margin.double() / norm, torch.inf)
        return far.detach().cpu().numpy()

    def _watch_embedding(self, held: list[torch.Tensor]) -> torch.utils.hooks.RemovableHandle:
        """Whole numbers have no slope: that of what the first embedding makes of them is taken."""
        first = next((it for it in self.model.modules() if isinstance(it, torch.nn.Embedding)), None)
        if first is None:
            rule = "the inputs are whole numbers, and there is no embedding whose output could be moved"
            raise NotImplementedError(rule)
        note = "distance to the boundary: in the space of the first embedding, as the inputs are whole numbers"
        if note not in self.notes:
            self.notes.append(note)

        def watch(_module: object, _inputs: object, output: torch.Tensor) -> torch.Tensor:
            return _leaf(output, held)

        return first.register_forward_hook(watch)

    def _scores(self, tensors: Tensors) -> torch.Tensor:
        scores = call(self.model, tensors)
        assert isinstance(scores, torch.Tensor)
        return scores.reshape(len(listed(tensors)[0]), -1)

    def _loss(self, rows: NDArray[np.intp]) -> torch.Tensor:
        scores = self._scores(self._inputs(rows))
        truth = torch.as_tensor(self.dataset.labels[rows].copy(), device=scores.device)
        if self.runner.outputs == "logits":
            return F.cross_entropy(scores.float(), truth, reduction="sum")
        if self.runner.outputs == "probabilities":
            return F.nll_loss(scores.float().clamp_min(1e-12).log(), truth, reduction="sum")
        return F.mse_loss(scores[:, 0].double(), truth.double(), reduction="sum")


def _leaf(tensor: torch.Tensor, held: list[torch.Tensor]) -> torch.Tensor:
    """The tensor as something that slopes are taken in; whole numbers as they are."""
    if not tensor.is_floating_point():
        return tensor
    found = tensor.detach().requires_grad_(True)
    held.append(found)
    return found


def _batches(rows: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    for start in range(0, len(rows), ROWS):
        yield rows[start : start + ROWS]

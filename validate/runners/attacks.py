"""Inputs changed on purpose, within a bound, so that a model errs: one step or many along its loss's gradient.

All of it happens to what `inputs` makes of an example, in the units of those numbers; whole numbers, such as the places
of words in a vocabulary, are left alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch

from validate.data import Dataset
from validate.errors import ModelError
from validate.hooks import user_code
from validate.runners import Runner
from validate.runners.batches import Tensors, cut, examples, joined, listed, mapped
from validate.runners.pytorch import TorchRunner, called, out_of_memory, reproducible

if TYPE_CHECKING:  # rows are frames
    import pandas as pd

Norm = Literal["linf", "l2"]
FLAT = 0.05  # of a batch may have no gradient
STRIDE = 2.5  # all steps of pgd together reach so many times across its bound
ADVICE = "a compressed model that cannot be attacked can be left out of `against`; then nothing of it is judged here"
ROUNDED = 0.01  # of epsilon: how far a number may be from where an attack moved it, once it is rounded to its type
TINY = 1e-300  # least probability that a logarithm is taken of


@dataclass(frozen=True, kw_only=True)
class Attack:
    """What is done to an example's inputs."""

    method: Literal["fgsm", "pgd"]
    norm: Norm
    epsilon: float  # of the bound
    steps: int = 1  # of pgd
    bounds: tuple[float, float] | None = None  # what an input can be


@dataclass(frozen=True, kw_only=True, eq=False)
class Stretch:
    """Consecutive rows of a dataset that are attacked in the same way."""

    start: int
    stop: int
    attack: Attack


@dataclass(frozen=True, kw_only=True, eq=False)
class AttackedDataset(Dataset):
    """Examples whose inputs are changed after they are encoded, so that one model errs; batch by batch, when read."""

    plain: Dataset  # the same rows before that
    stretches: tuple[Stretch, ...]  # of all rows, in order
    runner: TorchRunner | None  # the model that is attacked; None: noise of the same size in place of an attack
    random: Callable[[int], np.random.Generator]  # the random numbers of a row, the same in whichever batch it is

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all that decides what the inputs are: the attacked model and how it computes, too."""
        return self.sha256

    def rows(self, start: int, stop: int) -> "pd.DataFrame":
        """The examples as they are before they are encoded."""
        return self.plain.rows(start, stop)

    def changed(self, tensors: Tensors, start: int, stop: int) -> Tensors:
        """The inputs of these rows, attacked.

        Raises:
            ModelError: inputs that are no floating-point numbers or not within the bounds, a model without a gradient.
        """
        parts = []
        for stretch in self.stretches:
            first, last = max(start, stretch.start), min(stop, stretch.stop)
            if first < last:
                own = cut(tensors, first - start, last - start)
                with torch.inference_mode(mode=False), torch.enable_grad():
                    parts.append(self._attacked(own, stretch.attack, first, last))
        return joined(parts)

    def _attacked(self, tensors: Tensors, attack: Attack, start: int, stop: int) -> Tensors:
        """All at once, or in halves where memory does not suffice."""
        try:
            return self._at_once(tensors, attack, start, stop)
        except ModelError as error:
            if stop - start == 1 or not isinstance(error.__cause__, Exception) or not out_of_memory(error.__cause__):
                raise
        half = (stop - start) // 2
        first = self._attacked(cut(tensors, 0, half), attack, start, start + half)
        return joined([first, self._attacked(cut(tensors, half, stop - start), attack, start + half, stop)])

    def _at_once(self, tensors: Tensors, attack: Attack, start: int, stop: int) -> Tensors:
        space = _Space(tensors, attack, f"edge cases, {examples(start, stop)}")
        random = space.random([self.random(row) for row in range(start, stop)])
        noise = space.within(random.noise)
        space.refuse_rounding(noise)
        if self.runner is None:
            return space.inputs(noise)
        labels = torch.from_numpy(self.labels[start:stop].astype(np.int64))
        with reproducible(self.runner.loaded.suite.seed, self.runner.threads):
            return space.inputs(_strike(self.runner, space, labels, random.start, start))


def attacked_dataset(
    plain: Dataset,
    stretches: Sequence[Stretch],
    random: Callable[[int], np.random.Generator],
    runner: Runner | None,
) -> AttackedDataset:
    """The dataset with its inputs attacked for this model, or with noise of the same size.

    Raises:
        ModelError: a model that is not torch's.
    """
    if runner is not None and not isinstance(runner, TorchRunner):
        raise ModelError(f"model {runner.identity.name!r} ({runner.identity.source})", f"gives no gradient: {ADVICE}")
    made_for = "noise" if runner is None else repr(sorted(runner.settings.items()))
    labels = sha256(plain.labels.astype(np.int64).tobytes()).hexdigest()  # the loss is theirs
    parts = [plain.fingerprint, labels, _own_sha256(), made_for, *(repr(stretch) for stretch in stretches)]
    return AttackedDataset(
        frame=plain.frame,
        ids=plain.ids,
        labels=plain.labels,
        classes=plain.classes,
        clusters=plain.clusters,
        train=None,
        sha256=sha256("\0".join(parts).encode()).hexdigest(),
        source="edge cases",
        plain=plain,
        stretches=tuple(stretches),
        runner=runner,
        random=random,
    )


@cache
def _own_sha256() -> str:
    """Hash of this file: another version may find other inputs."""
    return sha256(Path(__file__).read_bytes()).hexdigest()


class _Random(NamedTuple):
    """What is random in an attack, in the size of its bound."""

    start: torch.Tensor  # (n, d) somewhere within the bound
    noise: torch.Tensor  # (n, d) on its edge: what an attack is compared with


class _Look(NamedTuple):
    """What a model makes of changed inputs."""

    loss: torch.Tensor  # (n,)
    wrong: torch.Tensor  # (n,)
    gradient: torch.Tensor  # (n, d) of the loss; empty where nobody asked for it


class _Space:
    """All numbers of a few examples that may be changed, side by side, and how far."""

    def __init__(self, tensors: Tensors, attack: Attack, place: str) -> None:
        self.tensors, self.attack, self.place = mapped(torch.clone, tensors), attack, place  # inference's: no gradient
        floats = [it for it in listed(self.tensors) if it.is_floating_point()]
        if not floats:
            found = ", ".join(str(it.dtype) for it in listed(tensors))
            raise ModelError(place, "an attack changes floating-point inputs, and there are none", found)
        self.wide = torch.float64 if any(it.dtype == torch.float64 for it in floats) else torch.float32
        self.clean = self.flat(self.tensors)
        low, high = attack.bounds or (-torch.inf, torch.inf)
        if not bool(((self.clean >= low) & (self.clean <= high)).all()):
            outside = self.clean[(self.clean < low) | (self.clean > high) | self.clean.isnan()][0].item()
            rule = "inputs must be numbers" if attack.bounds is None else f"inputs must be within bounds {[low, high]}"
            raise ModelError(place, rule, f"{outside:g}")

    def flat(self, tensors: Tensors) -> torch.Tensor:
        """(n, d) their numbers that may be changed."""
        floats = [it for it in listed(tensors) if it.is_floating_point()]
        return torch.cat([it.reshape(len(it), -1).to(self.wide) for it in floats], dim=1)

    def random(self, streams: Sequence[np.random.Generator]) -> _Random:
        """Each example's own random numbers."""
        width, epsilon = self.clean.shape[1], self.attack.epsilon
        if self.attack.norm == "linf":
            drawn = np.stack([rng.random(width, dtype=np.float32) for rng in streams])
            start = torch.from_numpy(drawn).to(self.clean.dtype) * 2 - 1
            return _Random(start=start * epsilon, noise=torch.where(start < 0, -epsilon, epsilon).to(self.clean.dtype))
        drawn = np.stack([rng.standard_normal(width, dtype=np.float32) for rng in streams])
        far = np.array([rng.random() ** (1 / width) for rng in streams])
        noise = _unit(torch.from_numpy(drawn).to(self.clean.dtype)) * epsilon
        return _Random(start=noise * torch.from_numpy(far).to(noise.dtype)[:, None], noise=noise)

    def steepest(self, gradient: torch.Tensor) -> torch.Tensor:
        """The change of size epsilon along which the loss grows most, as far as its gradient tells."""
        return self.attack.epsilon * (gradient.sign() if self.attack.norm == "linf" else _unit(gradient))

    def within(self, delta: torch.Tensor) -> torch.Tensor:
        """The nearest change that keeps to the bound and to what an input can be."""
        epsilon = self.attack.epsilon
        if self.attack.norm == "linf":
            delta = delta.clamp(-epsilon, epsilon)
        else:
            delta = delta * (epsilon / delta.norm(dim=1, keepdim=True).clamp_min(epsilon))
        if self.attack.bounds is None:
            return delta
        return (self.clean + delta).clamp(*self.attack.bounds) - self.clean

    def inputs(self, delta: torch.Tensor) -> Tensors:
        """The changed examples as the model sees them."""
        moved, at = self.clean + delta, 0

        def place(it: torch.Tensor) -> torch.Tensor:
            nonlocal at
            if not it.is_floating_point():
                return it.clone()  # a model that works in place must not change what the next one sees
            own = moved[:, at : at + it[0].numel()]
            at += it[0].numel()
            return own.reshape(it.shape).to(it.dtype)

        return mapped(place, self.tensors)

    def refuse_rounding(self, delta: torch.Tensor) -> None:
        """Refuse inputs whose types round a change of this size away, or make it larger."""
        made = self.inputs(delta)
        off = (self.flat(made) - self.clean - delta).abs()
        far = off.amax() if self.attack.norm == "linf" else off.norm(dim=1).amax()
        if far > ROUNDED * self.attack.epsilon:
            kinds = ", ".join(sorted({str(it.dtype) for it in listed(made) if it.is_floating_point()}))
            rule = f"a change of {self.attack.epsilon:g} is lost in the rounding of {kinds}: scale the inputs"
            raise ModelError(self.place, rule, f"numbers up to {self.clean.abs().amax():g}")


def _unit(direction: torch.Tensor) -> torch.Tensor:
    """Each row at length 1, however small its numbers, whose squares could vanish; a row of zeros stays."""
    largest = direction.abs().amax(dim=1, keepdim=True)
    scaled = direction / torch.where(largest > 0, largest, 1)
    length = scaled.norm(dim=1, keepdim=True)
    return scaled / torch.where(length > 0, length, 1)


def _strike(runner: TorchRunner, space: _Space, labels: torch.Tensor, start: torch.Tensor, row: int) -> torch.Tensor:
    """(n, d) the change under which the model errs, or else its loss is greatest, of all that were looked at.

    Goodfellow et al. 2015 for the single step; for many, Madry et al. 2018 from a random start, beside the examples as
    they are and the single step: so it is never weaker than that.
    """
    attack, none = space.attack, torch.zeros_like(space.clean)
    first = _look(runner, space, none, labels, row)
    flat = ~first.gradient.any(dim=1)
    step = space.within(space.steepest(first.gradient))
    if attack.method == "fgsm":
        _refuse_flat(flat & ~first.wrong, runner, row)
        return step
    best = _Best(none, first)
    best.keep(step, _look(runner, space, step, labels, row, gradient=False))
    delta = space.within(start)
    for _ in range(attack.steps):
        found = _look(runner, space, delta, labels, row)
        best.keep(delta, found)
        flat &= ~found.gradient.any(dim=1)
        delta = space.within(delta + STRIDE / attack.steps * space.steepest(found.gradient))
    best.keep(delta, _look(runner, space, delta, labels, row, gradient=False))
    _refuse_flat(flat & ~first.wrong, runner, row)
    return best.delta


class _Best:
    """The strongest change so far of each example: one that makes the model err, then the one of the greatest loss."""

    def __init__(self, delta: torch.Tensor, found: _Look) -> None:
        self.delta, self.loss, self.wrong = delta.clone(), found.loss, found.wrong

    def keep(self, delta: torch.Tensor, found: _Look) -> None:
        better = (found.wrong & ~self.wrong) | ((found.wrong == self.wrong) & (found.loss > self.loss))
        self.delta = torch.where(better[:, None], delta, self.delta)
        self.loss, self.wrong = torch.where(better, found.loss, self.loss), self.wrong | found.wrong


def _look(
    runner: TorchRunner, space: _Space, delta: torch.Tensor, labels: torch.Tensor, row: int, *, gradient: bool = True
) -> _Look:
    """What the attacked model makes of a change, and which way its loss grows from there."""
    place = f"{_place(runner)}, {examples(row, row + len(labels))} of the edge cases"
    delta = delta.detach().requires_grad_(gradient)
    with user_code(ModelError, place, runner.loaded.folder):
        output = called(runner.model, mapped(lambda it: it.to(runner.device), space.inputs(delta)))
    if not isinstance(output, torch.Tensor) or output.shape != (len(labels), runner.width):
        found = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise ModelError(place, f"must return a tensor of shape {(len(labels), runner.width)}", found)
    if gradient and not output.requires_grad:
        raise ModelError(place, f"gives no gradient, so that it cannot be attacked: {ADVICE}")
    loss, wrong = _loss(runner, output.to("cpu", torch.float64), labels)
    found_gradient = torch.empty(0)
    if gradient:
        with user_code(ModelError, f"{place}: its gradient", runner.loaded.folder):
            (found_gradient,) = torch.autograd.grad(loss.sum(), delta)
        if not bool(found_gradient.isfinite().all()):
            rule = f"the gradient of its loss is not finite, so that this attack shows nothing: {ADVICE}"
            raise ModelError(place, rule)
    return _Look(loss=loss.detach(), wrong=wrong, gradient=found_gradient)


def _loss(runner: TorchRunner, scores: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(n,) the logarithmic loss of the true class, and whether another class is named."""
    logs = scores.clamp_min(TINY).log() if runner.outputs == "probabilities" else scores.log_softmax(dim=1)
    return -logs.gather(1, labels[:, None])[:, 0], scores.detach().argmax(dim=1) != labels


def _refuse_flat(flat: torch.Tensor, runner: TorchRunner, row: int) -> None:
    """Refuse a model whose loss does not move: an attack that follows its gradient would leave it looking strong."""
    n, many = len(flat), int(flat.sum())
    if many > max(1, FLAT * n):
        rule = f"gradient masking: its loss has no gradient at {many:,} of {n:,} examples that it has right, "
        rule += f"so that this attack shows nothing: {ADVICE}"
        raise ModelError(f"{_place(runner)}, {examples(row, row + n)} of the edge cases", rule)


def _place(runner: TorchRunner) -> str:
    return f"model {runner.identity.name!r} ({runner.identity.source})"

"""A model seen from outside the judgement: what it holds, and calls of it that can be timed, preprocessing done."""

from collections.abc import Callable

import torch

from validate.artifact_profile.stored import Artifact, artifact
from validate.data import Dataset
from validate.errors import ModelError, one_line
from validate.hooks import user_code
from validate.runners import contents
from validate.runners.batches import Tensors, encode, mapped
from validate.runners.fixed import FixedBatch
from validate.runners.onnx import OnnxModule
from validate.runners.pytorch import TorchRunner, reproducible
from validate.runners.torchscript import Program


def describe(runner: TorchRunner, dataset: Dataset) -> Artifact:
    """What the model stores, and the operations of one answer; with a reason where it cannot be looked into."""
    try:
        with (
            user_code(ModelError, runner.identity.source, runner.loaded.folder),
            reproducible(runner.loaded.suite.seed, runner.threads),
        ):
            return _described(runner, example(runner, dataset, 1))
    except ModelError as failure:
        return Artifact(disk=runner.identity.bytes, reason=f"could not be looked into: {one_line(failure)}")


def example(runner: TorchRunner, dataset: Dataset, rows: int) -> Tensors:
    """The first examples as the model sees them."""
    return encode(dataset, runner.inputs, 0, min(rows, len(dataset))).tensors


def rehearsal(runner: TorchRunner, tensors: Tensors) -> Callable[[], object]:
    """One answer to these tensors, as a call to be timed: from the processor's memory and back to it."""

    def answer() -> object:
        with torch.inference_mode():
            output = contents.call(runner.model, mapped(lambda tensor: tensor.to(runner.device), tensors))
            return output.cpu() if isinstance(output, torch.Tensor) else output

    return answer


def _described(runner: TorchRunner, tensors: Tensors) -> Artifact:
    if runner.identity.kind == "onnx":
        return _described_onnx(runner, tensors)
    model = mapped(lambda tensor: tensor.to(runner.device), tensors)
    try:
        operations, note = contents.flops(runner.model, model)
    except (RuntimeError, NotImplementedError, TypeError) as failure:  # operators that torch cannot trace
        operations, note = None, f"not counted: {one_line(failure)}"
    found, disk = contents.weights(_inside(runner.model)), runner.identity.bytes
    return artifact(found, disk=disk, flops=operations, flops_note=note)


def _inside(model: torch.nn.Module) -> torch.nn.Module:
    """What holds the tensors: a program lies in wrappers that show none."""
    while isinstance(model, FixedBatch | Program):
        held = model.model if isinstance(model, FixedBatch) else model.call[0]
        if not isinstance(held, torch.nn.Module):
            return model
        model = held
    return model


def _described_onnx(runner: TorchRunner, tensors: Tensors) -> Artifact:
    from validate.runners import onnx_graph

    fixed = isinstance(runner.model, FixedBatch)
    module = runner.model.model if isinstance(runner.model, FixedBatch) else runner.model
    assert isinstance(module, OnnxModule)
    rows = runner.model.rows if isinstance(runner.model, FixedBatch) else 1
    found = module.matched(tensors)
    shapes = {it.name: (rows, *tensor.shape[1:]) for it, tensor in found}
    model = onnx_graph.load(runner.loaded.file(runner.identity.source))
    operations, note = onnx_graph.flops(model, shapes)
    if fixed and operations is not None:
        operations, note = round(operations / rows), f"{note}; a {rows}th of its batch of {rows}"
    return artifact(onnx_graph.weights(model), disk=runner.identity.bytes, flops=operations, flops_note=note)

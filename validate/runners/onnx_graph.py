"""What an ONNX file stores, and the floating-point operations of its answer, counted from the shapes in its graph."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.artifact_profile.stored import Weights
from validate.runners.onnx import graph_tensors

# Operators of matrices, and which input says how many products make one number of the output.
_PRODUCTS = {"MatMul": 0, "MatMulInteger": 0, "QLinearMatMul": 0, "FusedMatMul": 0}  # the last size of this input
_FILTERS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3}  # all sizes but the first of this input
_OPAQUE = {"LSTM", "GRU", "RNN", "Einsum", "ConvTranspose", "DeformConv", "Attention", "If", "Loop", "Scan"}
_OWN = {"", "ai.onnx", "ai.onnx.ml"}  # domains whose other operators multiply no matrices
# Where an operator takes the zero point of a quantized input: (the input, its zero point).
_ZERO_POINTS = {
    "DequantizeLinear": ((0, 2),),
    "MatMulInteger": ((0, 2), (1, 3)),
    "ConvInteger": ((0, 2), (1, 3)),
    "QLinearMatMul": ((0, 2), (3, 5)),
    "QLinearConv": ((0, 2), (3, 5)),
}


def load(path: Path) -> Any:  # noqa: ANN401  # messages of protobuf, made at run time
    """The model in a file that a session could already be opened on, with the tensors that it stores outside."""
    import onnx

    return onnx.load(path)


def weights(model: Any) -> Iterator[Weights]:  # noqa: ANN401
    """Every tensor that the file stores, those of constants and branches included, under a name of its own."""
    from onnx import numpy_helper

    tensors = list(graph_tensors(model.graph))
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    points = _zero_points(model.graph, arrays)
    for i, tensor in enumerate(tensors):
        array = numpy_helper.to_array(tensor)
        if array.dtype.kind in "OUS":
            continue  # text
        yield Weights(
            name=tensor.name or f"constant {i}",
            dtype=str(array.dtype),
            shape=array.shape,
            bytes=math.ceil(array.size / 2) if "int4" in str(array.dtype) else array.nbytes,
            nonzero=_nonzero(array, points.get(tensor.name, ())),
        )


def flops(model: Any, shapes: Mapping[str, Sequence[int]]) -> tuple[int | None, str]:  # noqa: ANN401
    """Operations of one call on inputs of these shapes, two per multiplication and addition; and what was counted.

    None where an operator that multiplies is unknown here, or a shape is not known before the model runs.
    """
    for node in model.graph.node:
        if node.op_type in _OPAQUE or (node.domain not in _OWN and node.op_type not in _PRODUCTS):
            return None, f"not counted: the operator {node.op_type} is not known here"
    known = _shapes(model, shapes)
    total, counted = 0, set()
    for node in model.graph.node:
        each = _products(node, known)
        if each is None:
            continue
        output = known.get(node.output[0])
        if output is None or math.isnan(each):
            return None, f"not counted: the shapes of a {node.op_type} are not known before it runs"
        total += 2 * int(each) * math.prod(output)
        counted.add(node.op_type)
    if not counted:
        return None, "not counted: the graph multiplies no matrices"
    return total, f"from the graph's shapes, zeros included: {', '.join(sorted(counted))}"


def _products(node: Any, known: Mapping[str, Sequence[int]]) -> float | None:  # noqa: ANN401
    """Products that make one number of the output; NaN where a shape is missing, None for an operator without any."""
    if node.op_type in _PRODUCTS:
        shape = known.get(node.input[_PRODUCTS[node.op_type]])
        return math.nan if not shape else shape[-1]
    if node.op_type in _FILTERS:
        shape = known.get(node.input[_FILTERS[node.op_type]])
        return math.nan if not shape else math.prod(shape[1:])
    if node.op_type == "Gemm":
        shape = known.get(node.input[0])
        turned = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
        return math.nan if not shape else shape[0 if turned else 1]
    return None


def _shapes(model: Any, shapes: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:  # noqa: ANN401
    """The shape of every value of the graph, where it follows from the inputs'."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    stored = {tensor.name for tensor in copy.graph.initializer}
    for value in copy.graph.input:
        if value.name in shapes and value.name not in stored:
            for size, dimension in zip(shapes[value.name], value.type.tensor_type.shape.dim, strict=True):
                dimension.dim_value = size
    for value in (*copy.graph.output, *copy.graph.value_info):
        value.type.tensor_type.ClearField("shape")  # what the file says may be for another number of examples
    try:
        graph = onnx.shape_inference.infer_shapes(copy, data_prop=True).graph
    except onnx.shape_inference.InferenceError:
        graph = copy.graph
    found = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.output, *graph.value_info):
        dimensions = value.type.tensor_type.shape.dim
        if value.type.tensor_type.HasField("shape") and all(it.HasField("dim_value") for it in dimensions):
            found[value.name] = [it.dim_value for it in dimensions]
    return found


def _zero_points(graph: Any, arrays: Mapping[str, NDArray[Any]]) -> dict[str, tuple[NDArray[Any], int]]:  # noqa: ANN401
    """By quantized tensor: which number stands for zero, and along which axis it differs."""
    found = {}
    for node in graph.node:
        axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
        for tensor, point in _ZERO_POINTS.get(node.op_type, ()):
            if len(node.input) > point and node.input[point] in arrays:
                along = axis if node.op_type == "DequantizeLinear" else 0 if "Conv" in node.op_type else -1
                found[node.input[tensor]] = (arrays[node.input[point]], along)
    return found


def _nonzero(array: NDArray[Any], point: tuple[()] | tuple[NDArray[Any], int]) -> NDArray[np.bool_] | None:
    """Where the array stands for something else than zero; None where that cannot be told."""
    if not point:
        return np.asarray(array != 0)
    zero, axis = point
    if zero.size == 1:
        return np.asarray(array != zero.reshape(()))
    if array.ndim == 0 or zero.ndim != 1 or len(zero) != array.shape[axis]:
        return None  # one zero point per block of numbers
    shape = [1] * array.ndim
    shape[axis] = len(zero)
    return np.asarray(array != zero.reshape(shape))

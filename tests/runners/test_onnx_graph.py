"""What an ONNX file stores, float and quantized, and operations counted from its shapes."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from validate.artifact_profile.stored import artifact, plain_name
from validate.runners.onnx_graph import flops, weights


def model(nodes, initializers, *, inputs=(("x", ["n", 8]),), outputs=(("y", None),), opset=17):
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        [numpy_helper.from_array(array, name) for name, array in initializers.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def mlp():
    first = np.ones((8, 16), dtype=np.float32)
    first[:, :5] = 0
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "second", "bias"], ["y"], transB=1),
    ]
    second = np.ones((3, 16), dtype=np.float32)
    return model(nodes, {"first": first, "second": second, "bias": np.zeros(3, dtype=np.float32)})


def found(onnx_model):
    return dict(artifact(weights(onnx_model), disk=None).tensors)


def test_tensors_of_a_float_file():
    tensors = found(mlp())
    assert {name: (it.shape, it.zeros, it.bytes) for name, it in tensors.items()} == {
        "first": ((8, 16), 40, 512),
        "second": ((3, 16), 0, 192),
        "bias": ((3,), 3, 12),
    }


def test_operations_of_products():
    counted, note = flops(mlp(), {"x": (1, 8)})
    assert counted == 2 * (8 * 16 + 16 * 3)
    assert note == "from the graph's shapes, zeros included: Gemm, MatMul"


def test_operations_of_a_convolution():
    node = helper.make_node("Conv", ["x", "w"], ["y"], group=2)
    filters = np.ones((8, 2, 3, 3), dtype=np.float32)
    counted, _ = flops(model([node], {"w": filters}, inputs=[("x", ["n", 4, 6, 6])]), {"x": (1, 4, 6, 6)})
    assert counted == 2 * 8 * 4 * 4 * 2 * 9


@pytest.mark.parametrize("asymmetric", [False, True])
def test_quantized_weights_keep_their_name_and_their_zeros(tmp_path, asymmetric):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    onnx.save(mlp(), tmp_path / "m.onnx")
    kind = QuantType.QUInt8 if asymmetric else QuantType.QInt8
    quantize_dynamic(tmp_path / "m.onnx", tmp_path / "q.onnx", weight_type=kind)
    quantized = onnx.load(tmp_path / "q.onnx")
    tensors = {plain_name(name): it for name, it in found(quantized).items()}
    first = tensors["first"]
    assert (first.dtype, first.zeros, first.bytes) == ("uint8" if asymmetric else "int8", 40, 128)
    counted, note = flops(quantized, {"x": (1, 8)})
    assert counted == 2 * (8 * 16 + 16 * 3)
    assert "MatMulInteger" in note


def test_a_weight_between_quantize_and_dequantize():
    nodes = [
        helper.make_node("DequantizeLinear", ["w_quantized", "w_scale", "w_zero_point"], ["w"], axis=0),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    stored = np.array([[3, 1, 3, 3], *[[7, 7, 7, 7]] * 7], dtype=np.uint8)
    points = np.array([3, *[0] * 7], dtype=np.uint8)
    made = model(nodes, {"w_quantized": stored, "w_scale": np.ones(8, dtype=np.float32), "w_zero_point": points})
    assert found(made)["w_quantized"].zeros == 3
    assert flops(made, {"x": (1, 8)})[0] == 2 * 8 * 4


def test_constants_and_text_and_hostile_names():
    hostile = "<script>alert(1)</script>\x00"
    nodes = [
        helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.ones((8, 2), dtype=np.float32))),
        helper.make_node("MatMul", ["x", "c"], ["y"]),
    ]
    made = model(nodes, {hostile: np.zeros(3, dtype=np.float16)})
    made.graph.initializer.append(helper.make_tensor("words", TensorProto.STRING, [1], [b"a"]))
    assert {name: it.dtype for name, it in found(made).items()} == {hostile: "float16", "constant 2": "float32"}


@pytest.mark.parametrize(
    ("node", "why"),
    [
        (helper.make_node("LSTM", ["x", "w", "w"], ["y"]), "LSTM"),
        (helper.make_node("Own", ["x"], ["y"], domain="com.example"), "Own"),
        (helper.make_node("Relu", ["x"], ["y"]), "multiplies no matrices"),
        (helper.make_node("MatMul", ["unknown", "w"], ["y"]), "shapes of a MatMul"),
    ],
)
def test_what_is_not_counted(node, why):
    counted, note = flops(model([node], {"w": np.ones((8, 8), dtype=np.float32)}), {"x": (1, 8)})
    assert counted is None
    assert note.startswith("not counted: ")
    assert why in note

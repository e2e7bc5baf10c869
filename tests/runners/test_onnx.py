import re
from importlib.metadata import version

import numpy as np
import onnx
import pytest
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from tests.runners.folders import open_in, predict, x_of
from tests.small import small_dataset
from validate.errors import ModelError
from validate.predictions import answers
from validate.suite import OnnxModel

WEIGHT = np.array([[2.0, -1.0]], dtype=np.float32)
BIAS = np.array([0.5, 4.0], dtype=np.float32)


def linear(format_=np.float32, *, rows="n", opset=17, outputs=("scores",), width=1):
    """`x @ WEIGHT + BIAS`, in a number format, for a number of examples."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(format_))
    weight = np.tile(WEIGHT, (width, 1)).astype(format_)
    nodes = [helper.make_node("Gemm", ["x", "weight", "bias"], [name]) for name in outputs]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("x", kind, [rows, width])],
        [helper.make_tensor_value_info(name, kind, [rows, 2]) for name in outputs],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(BIAS.astype(format_), "bias")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def opened(folder, model, *, file="m.onnx", spec=None, **how):
    (folder / file).write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return open_in(folder, spec or OnnxModel(onnx=file), **how)


def test_scores_are_those_of_the_model(tmp_path):
    predictions = predict(opened(tmp_path, linear()))
    np.testing.assert_allclose(predictions.scores, x_of(predictions) @ WEIGHT + BIAS)
    assert predictions.outputs == "logits"


def test_half_precision_takes_the_same_inputs(tmp_path):
    runner = opened(tmp_path, linear(np.float16))
    predictions = predict(runner)
    np.testing.assert_allclose(predictions.scores, x_of(predictions) @ WEIGHT + BIAS, rtol=1e-3)
    assert dict(runner.identity.details)["dtypes"] == "float16 4"


def test_eight_bits(tmp_path):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    (tmp_path / "m.onnx").write_bytes(linear().SerializeToString())
    quantize_dynamic(tmp_path / "m.onnx", tmp_path / "int8.onnx", weight_type=QuantType.QInt8)
    runner = open_in(tmp_path, OnnxModel(onnx="int8.onnx"))
    predictions = predict(runner)
    np.testing.assert_allclose(predictions.scores, x_of(predictions) @ WEIGHT + BIAS, atol=0.3)
    assert "int8 3" in dict(runner.identity.details)["dtypes"]  # two weights and a zero point


@pytest.mark.parametrize("rows", [1, 3, 64])
def test_a_file_for_a_fixed_number_of_examples(tmp_path, rows):
    predictions = predict(opened(tmp_path, linear(rows=rows)))
    np.testing.assert_allclose(predictions.scores, x_of(predictions) @ WEIGHT + BIAS)


@pytest.mark.parametrize("inputs", ["named", "doubles"])
def test_inputs_by_name_or_of_another_width(tmp_path, inputs):
    assert predict(opened(tmp_path, linear(), inputs=inputs)).scores[3].tolist() == [6.5, 1.0]


def test_whole_numbers_are_converted_where_they_fit(tmp_path):
    token = helper.make_tensor_value_info("x", TensorProto.INT32, ["n", 1])
    cast = helper.make_node("Cast", ["x"], ["scores"], to=TensorProto.FLOAT)
    value = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 1])
    model = helper.make_model(
        helper.make_graph([cast], "cast", [token], [value]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    how = {"inputs": "whole", "outputs": "value", "classes": ()}
    assert answers(predict(opened(tmp_path, model, **how))).tolist() == list(range(20))
    huge = small_dataset([0.0], classes=(), x=np.array([2.0**40], dtype=np.float64))
    with pytest.raises(ModelError, match=r"input 'x' holds int32, and the inputs' numbers do not fit it"):
        predict(opened(tmp_path, model, **how), huge)


def test_one_of_several_outputs(tmp_path):
    both = linear(outputs=("scores", "again"))
    with pytest.raises(ModelError, match=r'has several outputs; name one of them: output = "scores"'):
        opened(tmp_path, both)
    spec = OnnxModel(onnx="m.onnx", output="again")
    assert predict(opened(tmp_path, both, spec=spec)).scores[0].tolist() == [0.5, 4.0]
    with pytest.raises(ModelError, match=r"has the outputs scores, again; did you mean 'again'\?"):
        opened(tmp_path, both, spec=OnnxModel(onnx="m.onnx", output="agian"))


def test_identity(tmp_path):
    runner = opened(tmp_path, linear(), name="small")
    identity = runner.identity
    assert (identity.name, identity.kind, identity.source) == ("small", "onnx", "m.onnx")
    assert identity.bytes == (tmp_path / "m.onnx").stat().st_size
    assert identity.details == (
        ("opset", "ai.onnx 17"),
        ("parameters", "4"),
        ("dtypes", "float32 4"),
        ("non-zero", "100.0%"),
        ("device", "CPUExecutionProvider"),
        ("threads", "as onnxruntime chooses"),
        ("backend", f"onnxruntime {version('onnxruntime')}"),
    )


def stored_outside(folder, location="m.onnx.data"):
    model = linear()
    external_data_helper.convert_model_to_external_data(model, location=location, size_threshold=0)
    onnx.save(model, folder / "m.onnx")
    return (folder / "m.onnx").read_bytes()


def test_weights_outside_the_file_are_part_of_its_hash(tmp_path):
    stored_outside(tmp_path)
    first = open_in(tmp_path, OnnxModel(onnx="m.onnx"))
    assert predict(first).scores[3].tolist() == [6.5, 1.0]
    assert first.identity.bytes == sum((tmp_path / name).stat().st_size for name in ("m.onnx", "m.onnx.data"))
    data = bytearray((tmp_path / "m.onnx.data").read_bytes())
    data[0] ^= 1
    (tmp_path / "m.onnx.data").write_bytes(data)
    assert open_in(tmp_path, OnnxModel(onnx="m.onnx")).identity.sha256 != first.identity.sha256


def test_weights_outside_the_file_stay_in_its_folder(tmp_path):
    suite = tmp_path / "suite"
    suite.mkdir()
    content = stored_outside(suite)
    (suite / "m.onnx.data").rename(tmp_path / "m.onnx.data")
    with pytest.raises(ModelError, match=r"is no ONNX model that can be read"):
        open_in(suite, OnnxModel(onnx="m.onnx"))
    (suite / "m.onnx").write_bytes(content.replace(b"location\x12\x0bm.onnx.data", b"location\x12\x0b../onnx.dat"))
    (tmp_path / "m.onnx.data").rename(tmp_path / "onnx.dat")
    with pytest.raises(ModelError, match=r"is no ONNX model that can be read"):
        open_in(suite, OnnxModel(onnx="m.onnx"))


@pytest.mark.parametrize(
    ("how", "rule"),
    [
        ({"inputs": "two_wide"}, "input 'x' has the shape (examples, 1) (found (2, 2))"),
        ({"inputs": "misnamed"}, "takes inputs named x (found 'features')"),
        ({"inputs": "pair"}, "takes 1 inputs (x) (found '2 tensors')"),
        ({"inputs": "whole"}, "input 'x' holds float32, and the inputs' numbers do not fit it (found 'int64')"),
        ({"classes": ("a", "b", "c")}, "must return a tensor of shape (2, 3) (found (2, 2))"),
    ],
)
def test_inputs_that_do_not_fit(tmp_path, how, rule):
    with pytest.raises(ModelError, match=re.escape(rule)) as caught:
        predict(opened(tmp_path, linear(), **how))
    assert caught.value.place.startswith("model 'dense' (m.onnx)")
    assert caught.value.exit_code == 4


def test_another_opset(tmp_path):
    with pytest.raises(ModelError, match=r"m\.onnx\): onnxruntime cannot run it: .*Opset 99"):
        opened(tmp_path, linear(opset=99))


@pytest.mark.parametrize("content", [b"", b"noise" * 100, linear().SerializeToString()[:-20]])
def test_a_damaged_file(tmp_path, capfd, content):
    with pytest.raises(ModelError, match=r"is no ONNX model|cannot run it") as caught:
        opened(tmp_path, content)
    assert str(caught.value).isprintable()
    assert capfd.readouterr() == ("", "")


def test_no_file(tmp_path):
    with pytest.raises(ModelError, match=r"model 'dense' \(none\.onnx\): there is no such file"):
        open_in(tmp_path, OnnxModel(onnx="none.onnx"))


def test_a_provider_that_is_not_there(tmp_path):
    spec = OnnxModel(onnx="m.onnx", providers=("CPUExecutonProvider",))
    with pytest.raises(ModelError, match="did you mean 'CPUExecutionProvider'"):
        opened(tmp_path, linear(), spec=spec)


def test_what_an_operator_fails_at_is_told_with_the_examples(tmp_path):
    model = linear()
    model.graph.node.insert(0, helper.make_node("Reshape", ["x", "shape"], ["y"]))
    model.graph.node[1].input[0] = "y"
    model.graph.initializer.append(numpy_helper.from_array(np.array([7, 1]), "shape"))
    with pytest.raises(ModelError, match=r"m\.onnx\), examples 1 to 2: .*[Rr]eshape"):
        predict(opened(tmp_path, model))


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_the_install_command_is_named_where_a_package_is_missing(tmp_path, monkeypatch, package):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ModelError, match=r"pip install 'paritygate\[onnx\]'"):
        opened(tmp_path, linear())


def test_not_enough_memory_means_smaller_batches(tmp_path, monkeypatch):
    runner = opened(tmp_path, linear())
    run = runner.model.session.run

    def starved(names, feed):
        if len(feed["x"]) > 5:
            raise RuntimeError("Failed to allocate memory for requested buffer of size 400")
        return run(names, feed)

    monkeypatch.setattr(runner.model, "session", type("Session", (), {"run": staticmethod(starved)}))
    assert len(predict(runner).scores) == 20

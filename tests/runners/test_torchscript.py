import warnings

import numpy as np
import pytest
import torch
from torch import nn

from tests.runners.folders import open_in, predict, x_of
from validate.errors import ModelError
from validate.suite import TorchScriptModel

WEIGHT, BIAS = torch.tensor([[2.0], [-1.0]]), torch.tensor([0.5, 4.0])
SPEC = TorchScriptModel(torchscript="m.ts")


def linear():
    layer = nn.Linear(1, 2)
    layer.load_state_dict({"weight": WEIGHT, "bias": BIAS})
    return layer.eval()


@pytest.fixture
def folder(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(linear(), torch.ones(2, 1)).save(tmp_path / "m.ts")
    return tmp_path


def test_scores_are_those_of_the_module(folder):
    predictions = predict(open_in(folder, SPEC))
    np.testing.assert_allclose(predictions.scores, x_of(predictions) @ WEIGHT.numpy().T + BIAS.numpy())


def test_identity(folder):
    identity = open_in(folder, SPEC, name="small").identity
    assert (identity.name, identity.kind, identity.source) == ("small", "torchscript", "m.ts")
    assert identity.bytes == (folder / "m.ts").stat().st_size
    assert dict(identity.details)["dtypes"] == "float32 4"
    assert dict(identity.details)["backend"] == f"TorchScript of torch {torch.__version__}"


@pytest.mark.parametrize("content", [b"", b"noise" * 100, None])
def test_a_damaged_file(folder, content):
    whole = (folder / "m.ts").read_bytes()
    (folder / "m.ts").write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(ModelError, match=r"\(m\.ts\): is no TorchScript archive that can be read"):
        open_in(folder, SPEC)


def test_no_file(folder):
    with pytest.raises(ModelError, match="there is no such file"):
        open_in(folder, TorchScriptModel(torchscript="none.ts"))


def test_another_shape_is_told_with_the_examples(folder):
    with pytest.raises(ModelError, match=r"examples 1 to 2: must return a tensor of shape \(2, 3\)"):
        predict(open_in(folder, SPEC, classes=("a", "b", "c")))

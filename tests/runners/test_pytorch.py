import os
import pickle
import re

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tests.small import small_dataset, small_suite
from validate.answers import answer
from validate.errors import ModelError, SuiteError
from validate.predictions import answers
from validate.runners import batches, open_runner, pytorch
from validate.suite import Data, Models, TorchModel

HOOKS = """
import torch
from torch import nn

calls = []

def inputs(frame):
    with open(__file__ + ".log", "a") as log:
        log.write(f"{len(frame)} {frame.index[0]}\\n")
    return torch.tensor(frame[["x"]].to_numpy())

def pair_inputs(frame): return torch.tensor(frame["x"].to_numpy())[:, None], torch.ones(len(frame), 1)
def named_inputs(frame): return {"left": torch.tensor(frame["x"].to_numpy())[:, None], "right": torch.ones(len(frame), 1)}
def short_inputs(frame): return torch.zeros(3, 1)
def array_inputs(frame): return frame[["x"]].to_numpy()
def list_inputs(frame): return (frame["x"].tolist(),)
def failing_inputs(frame): return torch.tensor(frame["y"].to_numpy())

def build(): return nn.Sequential(nn.Linear(1, 4), nn.Dropout(0.5), nn.Linear(4, 2))
def wide(): return nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.5), nn.Linear(8, 2))
def three(): return nn.Linear(1, 3)
def flat(): return nn.Flatten(0)
def nothing(): return None
def fails(): raise RuntimeError("no model today")

class Sum(nn.Module):
    def forward(self, left, right): return torch.cat([left, right], dim=1)

class Texts(nn.Module):
    def forward(self, x): return "yes"

class Spoils(nn.Module):
    def forward(self, x):
        x += 1
        return torch.cat([x, x], dim=1)

class Breaks(nn.Module):
    def forward(self, x):
        if (x == 1000).any():
            raise ValueError("example 1,001 is too much")
        return torch.cat([x, x], dim=1)

class Greedy(nn.Module):
    largest = 0
    def forward(self, x):
        if len(x) > 5:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
        Greedy.largest = max(Greedy.largest, len(x))
        return torch.cat([x, -x], dim=1)

class Starved(nn.Module):
    def forward(self, x): raise MemoryError("none left")

class Random(nn.Module):
    def forward(self, x): return torch.rand(len(x), 2)

class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(1, 1), nn.Linear(1, 1)
        self.b.weight = self.a.weight
    def forward(self, x): return torch.cat([self.a(x), self.b(x)], dim=1)

class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("weight", torch.zeros(2, 1, dtype=torch.int8))
    def forward(self, x): return x @ self.weight.float().T
"""


@pytest.fixture
def suite(tmp_path):
    (tmp_path / "models.py").write_text(HOOKS)
    torch.manual_seed(1)
    save_file(reference().state_dict(), tmp_path / "dense.safetensors")
    return tmp_path


def reference():
    return nn.Sequential(nn.Linear(1, 4), nn.Dropout(0.5), nn.Linear(4, 2))


def open_torch(
    folder, build="build", weights=None, *, inputs="inputs", outputs="logits", name="dense", classes=("no", "yes")
):
    spec = TorchModel(torch=f"models.py:{build}", weights=weights)
    models = Models(inputs=inputs and f"models.py:{inputs}", outputs=outputs, dense=spec, compressed={"small": spec})
    loaded = small_suite(folder, Data(path="t.csv", label="y", classes=classes), models=models)
    return open_runner(spec, name=name, loaded=loaded, classes=classes)


def predict(runner, dataset=None):
    done = []
    dataset = small_dataset([0, 1] * 10) if dataset is None else dataset
    predictions = answer(runner, dataset, advance=done.append).predictions
    assert sum(done) == len(dataset)
    return predictions


def test_scores_are_those_of_the_module_in_evaluation_mode(suite):
    model = reference()
    torch.save(model.state_dict(), suite / "dense.pt")
    save_file(model.state_dict(), suite / "dense.safetensors")
    with torch.inference_mode():
        expected = model.eval()(torch.arange(20, dtype=torch.float32)[:, None]).double().numpy()
    for weights in ("dense.pt", "dense.safetensors"):
        predictions = predict(open_torch(suite, weights=weights))
        np.testing.assert_allclose(predictions.scores, expected, rtol=1e-6)
        assert predictions.ids.tolist() == [f"id{i}" for i in range(20)]
        assert predictions.outputs == "logits"


def test_batches_do_not_change_the_scores(suite, monkeypatch):
    whole = predict(open_torch(suite, weights="dense.safetensors")).scores
    monkeypatch.setattr(pytorch, "BATCH_ROWS", 3)
    monkeypatch.setattr(batches, "CHUNK_ROWS", 7)
    np.testing.assert_allclose(predict(open_torch(suite, weights="dense.safetensors")).scores, whole, rtol=1e-6)


def test_batches_are_sized_by_what_one_example_takes(suite, monkeypatch):
    # an input of 4 bytes; outputs of 16, 16 and 8 bytes, and of the whole 8: 52 bytes an example
    monkeypatch.setattr(pytorch, "BATCH_BYTES", 5 * 52 + 51)
    batches = open_torch(suite, weights="dense.safetensors").answers(small_dataset([0, 1] * 6), 0, 12)
    assert [len(scores) for scores in batches] == [5, 5, 2]


def test_inputs_are_encoded_once_for_all_models(suite):
    dataset = small_dataset([0, 1] * 10)
    for name in ("dense", "small", "smaller"):
        predict(open_torch(suite, weights="dense.safetensors", name=name), dataset)
    calls = (suite / "models.py.log").read_text().splitlines()
    assert calls == ["16 0", "20 0"]  # the probe, and all


def test_what_does_not_fit_the_memory_set_aside_is_encoded_again(suite, monkeypatch):
    monkeypatch.setattr(batches, "CHUNK_ROWS", 8)
    monkeypatch.setattr(batches, "KEPT_BYTES", 40)  # of 8 rows × 4 bytes
    dataset = small_dataset([0, 1] * 10)
    first = predict(open_torch(suite, weights="dense.safetensors"), dataset)
    second = predict(open_torch(suite, weights="dense.safetensors"), dataset)
    np.testing.assert_array_equal(first.scores, second.scores)
    calls = (suite / "models.py.log").read_text().splitlines()
    assert [call.split()[0] for call in calls] == ["16", "8", "8", "4", "8", "4"]


def test_another_dataset_is_not_mistaken_for_the_first(suite):
    runner = open_torch(suite, weights="dense.safetensors")
    one, other = small_dataset([0, 1]), small_dataset([0, 1, 0])
    assert len(predict(runner, one).scores) == 2
    assert len(predict(runner, other).scores) == 3


def test_a_model_that_works_in_place_changes_nothing_for_the_next(suite):
    dataset = small_dataset([0, 1, 0])
    for _ in range(2):
        assert predict(open_torch(suite, "Spoils"), dataset).scores[:, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("inputs", ["pair_inputs", "named_inputs"])
def test_inputs_may_be_several_tensors(suite, inputs):
    assert predict(open_torch(suite, "Sum", inputs=inputs)).scores[3].tolist() == [3, 1]


def test_labels_and_values_have_one_column(suite):
    assert answers(predict(open_torch(suite, "flat", outputs="value", classes=()))).tolist() == list(range(20))


def test_not_enough_memory_means_smaller_batches(suite):
    np.testing.assert_array_equal(predict(open_torch(suite, "Greedy")).scores[:, 0], np.arange(20))


def test_not_enough_memory_for_one_example(suite):
    with pytest.raises(ModelError, match=r"examples 1 to 1: models\.py, line \d+: MemoryError: none left"):
        predict(open_torch(suite, "Starved"))


def test_chance_is_seeded_and_the_caller_s_is_left_alone(suite):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second = (predict(open_torch(suite, "Random")).scores for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert torch.equal(torch.rand(1), expected)


def test_tied_weights_are_stored_once(suite):
    torch.manual_seed(3)
    save_file(
        {"a.weight": torch.tensor([[2.0]]), "a.bias": torch.zeros(1), "b.bias": torch.ones(1)}, suite / "t.safetensors"
    )
    assert predict(open_torch(suite, "Tied", "t.safetensors")).scores[3].tolist() == [6, 7]


def test_identity(suite):
    sparse = reference()
    with torch.no_grad():
        sparse[0].weight.zero_()
    save_file(sparse.state_dict(), suite / "small.safetensors")
    identity = open_torch(suite, weights="small.safetensors", name="small").identity
    assert (identity.name, identity.kind, identity.source) == (
        "small",
        "torch",
        "models.py:build with small.safetensors",
    )
    assert identity.bytes == (suite / "small.safetensors").stat().st_size
    assert len(identity.sha256) == 64
    details = dict(identity.details)
    assert details["parameters"] == "18"
    assert details["dtypes"] == "float32 18"
    assert details["non-zero"] == "77.8%"
    assert open_torch(suite, "Whole").identity.sha256 is None


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize("suffix", ["pt", "pth", "bin", "safetensors", "pkl"])
def test_a_pickle_is_never_executed(suite, monkeypatch, suffix):
    monkeypatch.chdir(suite)
    (suite / f"bomb.{suffix}").write_bytes(pickle.dumps({"0.weight": Bomb()}))
    with pytest.raises(ModelError, match=r"is a pickle.* not opened: save model\.state_dict\(\)"):
        open_torch(suite, weights=f"bomb.{suffix}")
    assert not (suite / "exploded").exists()


def test_a_whole_module_is_never_unpickled(suite, monkeypatch):
    monkeypatch.chdir(suite)
    torch.save({"model": Bomb()}, suite / "bomb.pt")
    with pytest.raises(ModelError, match="is a pickle that could run code, so it was not opened"):
        open_torch(suite, weights="bomb.pt")
    assert not (suite / "exploded").exists()


def other(**changes):
    state = reference().state_dict()
    for name, tensor in changes.items():
        state[name.replace("_", ".")] = tensor
    return {name: tensor for name, tensor in state.items() if tensor is not None}


@pytest.mark.parametrize(
    ("build", "state", "rule"),
    [
        ("build", other(**{"0_bias": None}), "the weights do not fit the module: missing 0.bias"),
        ("build", other(**{"9_bias": torch.ones(1)}), "the weights do not fit the module: unexpected 9.bias"),
        ("wide", other(), "shape 0.bias is (4,) instead of (8,), 0.weight is (4, 1) instead of (8, 1), 2.weight"),
        ("three", other(), "missing weight, bias; unexpected 0.bias, 0.weight, 2.bias and 1 more"),
        ("Whole", {"weight": torch.ones(2, 1)}, "number format weight is torch.float32 instead of torch.int8"),
    ],
)
@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_weights_that_do_not_fit_are_named(suite, build, state, rule, suffix):
    (save_file if suffix == "safetensors" else torch.save)(state, suite / f"w.{suffix}")
    with pytest.raises(ModelError, match=re.escape(rule)) as caught:
        open_torch(suite, build, f"w.{suffix}")
    assert caught.value.place == f"model 'dense' (w.{suffix})"
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("none.safetensors", None, "there is no such file"),
        ("w.safetensors", b"", "is no safetensors file"),
        ("w.safetensors", b"noise" * 100, "is no safetensors file"),
        ("w.pt", b"", "could not be read"),
        ("w.pt", b"PK\x03\x04" + b"noise" * 100, "could not be read"),
        ("w.pt", b"noise" * 100, "not opened"),
    ],
)
def test_weights_that_are_none(suite, name, content, rule):
    if content is not None:
        (suite / name).write_bytes(content)
    with pytest.raises(ModelError, match=rule) as caught:
        open_torch(suite, weights=name)
    assert str(caught.value).isprintable()


def test_truncated_weights(suite):
    torch.save(reference().state_dict(), suite / "dense.pt")
    for name in ("dense.safetensors", "dense.pt"):
        content = (suite / name).read_bytes()
        (suite / name).write_bytes(content[: len(content) * 2 // 3])
        with pytest.raises(ModelError, match=name):
            open_torch(suite, weights=name)


@pytest.mark.parametrize("state", [[1, 2], {"epoch": 3, "model": {}}, {}])
def test_a_checkpoint_is_not_a_state_dict(suite, state):
    torch.save(state, suite / "w.pt")
    with pytest.raises(ModelError, match=r"must hold .*: save model\.state_dict\(\)"):
        open_torch(suite, weights="w.pt")


@pytest.mark.parametrize(
    ("build", "inputs", "message"),
    [
        ("three", "inputs", "model 'dense' (models.py:three), examples 1 to 2: must return a tensor of shape (2, 2) (found (2, 3))"),
        ("flat", "inputs", "model 'dense' (models.py:flat), examples 1 to 2: must return a tensor of shape (2, 2) (found (2,))"),
        ("Texts", "inputs", "model 'dense' (models.py:Texts), examples 1 to 2: must return a tensor (found 'str')"),
        ("build", "pair_inputs", "model 'dense' (models.py:build), examples 1 to 2: TypeError"),
        ("build", "short_inputs", "suite.toml: models.inputs, examples 1 to 16: the first dimension must be the 16 examples (found (3, 1))"),
        ("build", "array_inputs", "suite.toml: models.inputs, examples 1 to 16: must return a tensor, or a tuple or dict of tensors (found 'ndarray')"),
        ("build", "list_inputs", "suite.toml: models.inputs, examples 1 to 16: must return a tensor, or a tuple or dict of tensors (found 'list')"),
        ("build", "failing_inputs", "suite.toml: models.inputs, examples 1 to 16: models.py, line 17: KeyError: 'y'"),
    ],
)  # fmt: skip
def test_what_a_model_or_its_inputs_do_wrong_is_told_with_the_examples(suite, build, inputs, message):
    with pytest.raises(ModelError) as caught:
        predict(open_torch(suite, build, inputs=inputs))
    assert str(caught.value).startswith(message)


def test_a_model_that_breaks_late_says_where(suite, monkeypatch):
    monkeypatch.setattr(pytorch, "BATCH_ROWS", 300)
    with pytest.raises(ModelError) as caught:
        predict(open_torch(suite, "Breaks"), small_dataset([0, 1] * 1000))
    place = "model 'dense' (models.py:Breaks), examples 901 to 1,200"
    assert str(caught.value).startswith(f"{place}: models.py, line ")
    assert str(caught.value).endswith("ValueError: example 1,001 is too much")


@pytest.mark.parametrize(
    ("build", "error", "rule"),
    [
        ("nothing", ModelError, "must return a torch.nn.Module (found 'NoneType')"),
        ("fails", ModelError, "RuntimeError: no model today"),
        ("biuld", SuiteError, "models.py must define the function biuld"),
    ],
)
def test_factories_that_build_nothing(suite, build, error, rule):
    with pytest.raises(error, match=re.escape(rule)):
        open_torch(suite, build)


def test_a_torch_model_needs_inputs(suite):
    with pytest.raises(SuiteError, match=r"suite\.toml: models\.inputs: this model needs inputs"):
        open_torch(suite, inputs=None)


def test_a_single_example(suite):
    assert predict(open_torch(suite, weights="dense.safetensors"), small_dataset([1])).scores.shape == (1, 2)


def test_nan_scores_come_through(suite):
    state = other(**{"2_bias": torch.tensor([float("nan"), 0.0])})
    save_file(state, suite / "w.safetensors")
    assert answers(predict(open_torch(suite, weights="w.safetensors"))).tolist() == [-1] * 20


QUANTIZED = """
def eight(frame): return torch.tensor(frame[["x"] * 8].to_numpy()) / 20
def net(): return nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
def quantized():
    from torchao.quantization import Int8WeightOnlyConfig, quantize_
    torch.manual_seed(2)
    model = net().eval()
    quantize_(model, Int8WeightOnlyConfig())
    return model
"""


@pytest.fixture
def quantized(suite):
    """The state dict of a network that torchao quantized, in a suite whose hook makes the same."""
    (suite / "models.py").write_text(HOOKS + QUANTIZED)
    model = open_torch(suite, "quantized", inputs="eight").model
    torch.save(model.state_dict(), suite / "int8.pt")
    return model


@pytest.mark.parametrize("build", ["net", "quantized"])
def test_weights_that_torchao_quantized(suite, quantized, build):
    """Into the plain module, or into one that a hook quantizes: without unpickling anything but tensors."""
    runner = open_torch(suite, build, "int8.pt", inputs="eight", name="small")
    with torch.inference_mode():
        expected = quantized((torch.arange(20.0)[:, None] / 20).expand(-1, 8).contiguous()).double().numpy()
    np.testing.assert_allclose(predict(runner).scores, expected, rtol=1e-5)
    assert (
        dict(runner.identity.details)["dtypes"] == "int8 46, float32 12"
    )  # weights and zero points; scales and biases


def test_a_bomb_among_torchao_s_types_is_not_opened(suite, quantized, monkeypatch):
    monkeypatch.chdir(suite)
    torch.save({**quantized.state_dict(), "bomb": Bomb()}, suite / "int8.pt")
    with pytest.raises(ModelError, match="is a pickle that could run code"):
        open_torch(suite, "net", "int8.pt", inputs="eight")
    assert not (suite / "exploded").exists()

import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from torch.export import Dim

from tests.runners.folders import open_in, predict, x_of
from tests.runners.test_torchscript import BIAS, WEIGHT, linear
from validate.errors import ModelError
from validate.suite import ExportedModel

SPEC = ExportedModel(exported="m.pt2")


def save(folder, rows=None, module=None):
    shapes = None if rows is None else {"input": {0: rows}}
    torch.export.save(
        torch.export.export(module or linear(), (torch.ones(3, 1),), dynamic_shapes=shapes), folder / "m.pt2"
    )


@pytest.mark.parametrize("rows", [None, Dim.DYNAMIC, Dim("n", min=2, max=7), Dim("n", min=5, max=64)], ids=str)
def test_scores_are_those_of_the_module_for_any_number_of_examples(tmp_path, rows):
    if getattr(rows, "min", 0) == 5:
        shapes = {"input": {0: rows}}
        torch.export.save(torch.export.export(linear(), (torch.ones(6, 1),), dynamic_shapes=shapes), tmp_path / "m.pt2")
    else:
        save(tmp_path, rows)
    predictions = predict(open_in(tmp_path, SPEC))
    np.testing.assert_allclose(predictions.scores, x_of(predictions) @ WEIGHT.numpy().T + BIAS.numpy())


def test_identity(tmp_path):
    save(tmp_path)
    identity = open_in(tmp_path, SPEC, name="small").identity
    assert (identity.kind, identity.source) == ("exported", "m.pt2")
    assert dict(identity.details)["parameters"] == "4"


def rewrite(path, change):
    """The archive with one member changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def in_sample_inputs(members):
    buffer = io.BytesIO()
    torch.save(Bomb(), buffer)
    members["m/data/sample_inputs/model.pt"] = buffer.getvalue()


def in_constants(members):
    name = "m/data/constants/model_constants_config.json"
    meta = {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True, "tensor_meta": None}
    members[name] = json.dumps({"config": {"c": meta}}).encode()
    members["m/data/constants/opaque_obj_0"] = pickle.dumps(Bomb())


@pytest.mark.parametrize("plant", [in_sample_inputs, in_constants])
def test_a_pickle_inside_is_never_executed(tmp_path, monkeypatch, plant):
    monkeypatch.chdir(tmp_path)
    save(tmp_path)
    rewrite(tmp_path / "m.pt2", plant)
    with pytest.raises(ModelError, match=r"Python objects that could run code|is no program of torch\.export"):
        open_in(tmp_path, SPEC)
    assert not (tmp_path / "exploded").exists()
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


def test_a_program_that_calls_the_machine_is_never_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path)

    def call_os(members):
        model = members["m/models/model.json"].decode()
        assert "torch.ops.aten.linear.default" in model
        members["m/models/model.json"] = model.replace("torch.ops.aten.linear.default", "torch.os.mkdir").encode()

    rewrite(tmp_path / "m.pt2", call_os)
    with pytest.raises(ModelError, match=r"no operator of torch|is no program of torch\.export"):
        open_in(tmp_path, SPEC)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("content", [b"", b"noise" * 100, None])
def test_a_damaged_file(tmp_path, content):
    save(tmp_path)
    whole = (tmp_path / "m.pt2").read_bytes()
    (tmp_path / "m.pt2").write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(ModelError, match=r"\(m\.pt2\): is no program of torch\.export"):
        open_in(tmp_path, SPEC)


def test_no_file(tmp_path):
    with pytest.raises(ModelError, match="there is no such file"):
        open_in(tmp_path, SPEC)

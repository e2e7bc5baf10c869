"""Tiny models of real architectures, saved as transformers saves them."""

import json
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.runners.folders import open_in, predict
from tests.small import small_dataset
from validate.errors import ModelError
from validate.suite import TransformersModel

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "bad", "film", "good", "very"]
TEXTS = ["a good film", "bad", "very very very bad film", "", "a film"] * 4
SPEC = TransformersModel(transformers="bert", text="text")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A BERT classifier and a ViT, of one layer each, with random weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about its own enumerations
        from transformers import (
            BertConfig,
            BertForSequenceClassification,
            BertTokenizerFast,
            ViTConfig,
            ViTForImageClassification,
        )
    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("transformers")
    size = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "num_labels": 2,
    }
    bert = BertForSequenceClassification(BertConfig(vocab_size=len(WORDS), max_position_embeddings=32, **size))
    for weight in bert.parameters():
        weight.data *= 5  # so that texts differ in their scores
    bert.save_pretrained(folder / "bert")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    ViTForImageClassification(ViTConfig(image_size=8, patch_size=4, num_channels=1, **size)).save_pretrained(
        folder / "vit"
    )
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    import shutil

    shutil.copytree(saved, tmp_path, dirs_exist_ok=True)
    return tmp_path


def texts(values=TEXTS):
    return small_dataset([0, 1] * (len(values) // 2), text=values)


def alone(folder, text, model="AutoModelForSequenceClassification"):
    """What transformers answers to one text, without padding."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "bert")
    with torch.inference_mode():
        return getattr(transformers, model).from_pretrained(folder / "bert")(**tokenizer([text], return_tensors="pt"))


def test_texts_are_answered_as_transformers_answers_each_alone(folder):
    scores = predict(open_in(folder, SPEC, inputs=None), texts()).scores
    expected = torch.cat([alone(folder, text).logits for text in TEXTS[:5]]).numpy()
    np.testing.assert_allclose(scores, np.tile(expected, (4, 1)), atol=1e-5)
    assert np.ptp(scores[:5, 0]) > 0.001


def test_a_missing_text_is_an_empty_one(folder):
    scores = predict(open_in(folder, SPEC, inputs=None), texts(["", None])).scores
    np.testing.assert_array_equal(scores[0], scores[1])


def test_images_come_from_the_inputs(folder):
    spec = TransformersModel(transformers="vit")
    runner = open_in(folder, spec)
    (folder / "models.py").write_text(
        "import torch\ndef inputs(frame): return {'pixel_values': torch.tensor(frame[['x']].to_numpy()).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8) / 20}\n"
    )
    runner = open_in_as_is(folder, spec)
    import transformers

    scores = predict(runner).scores
    pixels = (torch.arange(20.0).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8)) / 20
    with torch.inference_mode():
        expected = transformers.AutoModelForImageClassification.from_pretrained(folder / "vit")(
            pixel_values=pixels
        ).logits
    np.testing.assert_allclose(scores, expected.numpy(), atol=1e-5)


def open_in_as_is(folder, spec):
    from tests.small import small_suite
    from validate.runners import open_runner
    from validate.suite import Data, Models

    models = Models(inputs="models.py:inputs", dense=spec, compressed={"small": spec})
    loaded = small_suite(folder, Data(path="t.csv", label="y", classes=("no", "yes")), models=models)
    return open_runner(spec, name="dense", loaded=loaded, classes=("no", "yes"))


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("normalize", [True, False])
def test_an_encoder_with_a_head(folder, pooling, normalize):
    head = {"weight": torch.randn(2, 16, generator=torch.Generator().manual_seed(1)), "bias": torch.tensor([0.5, -0.5])}
    save_file(head, folder / "head.safetensors")
    spec = TransformersModel(
        transformers="bert", text="text", head="head.safetensors", pooling=pooling, normalize=normalize
    )
    runner = open_in(folder, spec, inputs=None)
    scores = predict(runner, texts()).scores
    for text, score in zip(TEXTS[:5], scores, strict=False):
        states = alone(folder, text, "AutoModel").last_hidden_state[0]
        pooled = states.mean(dim=0) if pooling == "mean" else states[0]
        pooled = pooled / pooled.norm() if normalize else pooled
        np.testing.assert_allclose(score, (head["weight"] @ pooled + head["bias"]).numpy(), atol=1e-5)
    assert runner.identity.source == "bert with head.safetensors"


def test_identity(folder):
    identity = open_in(folder, SPEC, name="small", inputs=None).identity
    details = dict(identity.details)
    assert (identity.kind, details["architecture"]) == ("transformers", "BertForSequenceClassification")
    assert details["text"] == "text, at most 512 tokens"
    (folder / "bert" / "tokenizer_config.json").write_text("{}")
    assert open_in(folder, SPEC, inputs=None).identity.sha256 != identity.sha256


def change(folder, edit):
    path = folder / "bert" / "model.safetensors"
    state = load_file(path)
    edit(state)
    save_file(state, path, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("edit", "rule"),
    [
        (lambda state: state.pop("classifier.weight"), "missing classifier.weight"),
        (lambda state: state.update(more=torch.ones(2)), "unexpected more"),
        (lambda state: state.update({"classifier.weight": torch.ones(5, 16)}), "cannot load it|classifier.weight"),
    ],
)
def test_weights_that_do_not_fit_are_named(folder, edit, rule):
    change(folder, edit)
    with pytest.raises(ModelError, match=rule) as caught:
        open_in(folder, SPEC, inputs=None)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_damaged_file(folder, name):
    content = (folder / "bert" / name).read_bytes()
    (folder / "bert" / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match="transformers cannot load it"):
        open_in(folder, SPEC, inputs=None)


def test_pickled_weights_are_not_opened(folder, monkeypatch):
    import os
    import pickle

    class Bomb:
        def __reduce__(self):
            return os.mkdir, ("exploded",)

    monkeypatch.chdir(folder)
    (folder / "bert" / "model.safetensors").unlink()
    (folder / "bert" / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ModelError, match="transformers cannot load it"):
        open_in(folder, SPEC, inputs=None)
    assert not (folder / "exploded").exists()


def test_code_of_the_folder_s_own_is_never_run(folder):
    config = json.loads((folder / "bert" / "config.json").read_text())
    config |= {
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.Own", "AutoModelForSequenceClassification": "own.Own"},
    }
    (folder / "bert" / "config.json").write_text(json.dumps(config))
    (folder / "bert" / "own.py").write_text("import os; os.mkdir('exploded')")
    with pytest.raises(ModelError, match="transformers cannot load it"):
        open_in(folder, SPEC, inputs=None)
    assert not (folder / "exploded").exists()


def test_what_is_no_classifier_needs_a_head(folder):
    config = json.loads((folder / "bert" / "config.json").read_text())
    (folder / "bert" / "config.json").write_text(json.dumps(config | {"architectures": ["BertModel"]}))
    with pytest.raises(ModelError, match=r"an encoder needs a `head` \(found 'BertModel'\)"):
        open_in(folder, SPEC, inputs=None)


@pytest.mark.parametrize("state", [{"weight": torch.ones(2, 16)}, {"weight": torch.ones(2, 16), "bias": torch.ones(3)}])
def test_a_head_that_is_none(folder, state):
    save_file(state, folder / "head.safetensors")
    with pytest.raises(ModelError, match=r"must hold a linear layer: weight \(k, d\) and bias \(k\)"):
        open_in(folder, TransformersModel(transformers="bert", text="text", head="head.safetensors"), inputs=None)


def test_no_folder(tmp_path):
    with pytest.raises(ModelError, match=r"must be a folder with a config\.json"):
        open_in(tmp_path, SPEC, inputs=None)


def test_another_number_of_classes(folder):
    with pytest.raises(ModelError, match=r"must return a tensor of shape \(2, 3\)"):
        predict(open_in(folder, SPEC, inputs=None, classes=("a", "b", "c")), texts())

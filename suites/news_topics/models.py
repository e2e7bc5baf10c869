"""What `suite.toml` runs: the words of a story as the encoder reads them, and the networks that answer with a topic."""

import functools
from pathlib import Path

import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - PyTorch's own convention
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

from validate.places import cache_dir

CACHE = cache_dir() / Path(__file__).resolve().parent.name
LONGEST = 64  # word pieces that are read: the first paragraph, which says what a story is about
TOPICS = 52


class Int8Linear(nn.Module):
    """A linear layer in eight bits: integer weights with one scale per output, inputs rounded token by token.

    Sums of 8-bit products over up to 1,040 inputs are exact in float32; with 1,536, as in the encoder's widest layer,
    they are as exact as float32 is.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(outputs, inputs, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(outputs))
        self.register_buffer("bias", torch.zeros(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        step = x.abs().amax(dim=-1, keepdim=True).clamp_min(1e-12) / 127
        return F.linear(torch.round(x / step), self.weight.float()) * step * self.scale + self.bias


class TopicModel(nn.Module):
    """A sentence encoder, the mean over a story's words at length 1, and one linear layer on it."""

    def __init__(self) -> None:
        super().__init__()
        config = AutoConfig.from_pretrained(CACHE, local_files_only=True)
        self.encoder = AutoModel.from_config(config, add_pooling_layer=False)
        self.head = nn.Linear(config.hidden_size, TOPICS)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(input_ids, attention_mask))

    def features(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """(n, 384) what the encoder makes of each story."""
        words = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weight = attention_mask.unsqueeze(-1).to(words.dtype)
        return F.normalize((words * weight).sum(dim=1) / weight.sum(dim=1).clamp_min(1))


def inputs(frame: pd.DataFrame) -> dict[str, torch.Tensor]:
    """Stories as the encoder reads them: numbers of word pieces and where they end, both (n, longest of these)."""
    found = tokenizer()(frame["text"].tolist(), truncation=True, max_length=LONGEST, padding=True, return_tensors="pt")
    return {"input_ids": found["input_ids"], "attention_mask": found["attention_mask"]}


def build() -> nn.Module:
    """The dense network, and the ones that weights set to zero fit into."""
    return TopicModel()


def build_int8() -> nn.Module:
    """The same with every linear layer of the encoder in eight bits; the head stays as it is."""
    model = TopicModel()
    for name, layer in linears(model.encoder):
        parent, _, last = name.rpartition(".")
        setattr(model.encoder.get_submodule(parent), last, Int8Linear(layer.in_features, layer.out_features))
    return model


def linears(module: nn.Module) -> list[tuple[str, nn.Linear]]:
    """Every linear layer with its name."""
    return [(name, layer) for name, layer in module.named_modules() if isinstance(layer, nn.Linear)]


@functools.cache
def tokenizer() -> PreTrainedTokenizerFast:
    """The encoder's own word pieces."""
    return PreTrainedTokenizerFast(tokenizer_file=str(CACHE / "tokenizer.json"), pad_token="[PAD]")  # noqa: S106 - a token of text

"""transformers folders: sequence and image classifiers, and encoders with a linear head; nothing is downloaded."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from validate.errors import ModelError, one_line
from validate.predictions import ModelIdentity
from validate.runners.batches import Inputs, open_inputs
from validate.runners.pytorch import TorchRunner, chosen_device, reproducible, stored, where
from validate.runners.quiet import quiet_imports
from validate.runners.settings import versions
from validate.suite import LoadedSuite, TransformersModel
from validate.tables import file_sha256, total_bytes

INSTALL = "needs more packages: pip install 'paritygate[text]'"
PACKAGES = ("transformers", "tokenizers")


class Classifier(torch.nn.Module):
    """A transformers model as a module: tensors by name in, one row of scores per example out."""

    def __init__(self, model: torch.nn.Module, head: torch.nn.Linear | None, spec: TransformersModel) -> None:
        super().__init__()
        self.model, self.head, self.spec = model, head, spec

    def forward(self, *tensors: torch.Tensor, **named: torch.Tensor) -> torch.Tensor:
        """Logits; texts are cut to the longest of the batch."""
        mask = named.get("attention_mask")
        if mask is not None and mask.ndim == 2:
            longest = max(1, int(mask.sum(dim=1).max()))
            if bool(mask[:, longest:].any()):  # filled up in front
                longest = mask.shape[1]
            named = {key: it[:, :longest] if it.shape[:2] == mask.shape else it for key, it in named.items()}
            mask = named["attention_mask"]
        answer: Any = self.model(*tensors, **named)
        if self.head is None:
            logits: torch.Tensor = answer.logits
            return logits
        states: torch.Tensor = answer.last_hidden_state
        if self.spec.pooling == "cls":
            pooled = states[:, 0]
        elif mask is None:
            pooled = states.mean(dim=1)
        else:
            weight = mask.unsqueeze(-1).to(states.dtype)
            pooled = (states * weight).sum(dim=1) / weight.sum(dim=1).clamp_min(1e-9)
        if self.spec.normalize:
            pooled = torch.nn.functional.normalize(pooled, dim=1)
        scores: torch.Tensor = self.head(pooled)
        return scores


def open_model(spec: TransformersModel, *, name: str, loaded: LoadedSuite, classes: tuple[str, ...]) -> TorchRunner:
    """Load a folder's model from its safetensors, and its tokenizer where the suite names a column of text.

    Raises:
        ModelError: transformers is missing; no such folder, files that are missing or damaged, weights that do not
            cover the model or its head, another number of classes.
    """
    folder, place = loaded.file(spec.transformers), f"model {name!r} ({spec.transformers})"
    if not (folder / "config.json").is_file():
        raise ModelError(place, "must be a folder with a config.json")
    device, threads = chosen_device(loaded), loaded.suite.models.threads
    with reproducible(loaded.suite.seed), quiet_imports(), _quiet(place):  # it reads torchao where that is
        model = _loaded(folder, place, encoder=spec.head is not None)
        inputs = open_inputs(loaded) if spec.text is None else _tokenizer(folder, spec, spec.text, loaded)
    head = None if spec.head is None else _head(loaded.file(spec.head), f"model {name!r} ({spec.head})")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digests = [f"{path.relative_to(folder).as_posix()}\0{file_sha256(path)}\n" for path in files]
    if spec.head is not None:
        digests.append(f"head\0{file_sha256(loaded.file(spec.head))} {spec.pooling} {spec.normalize}\n")
    classifier = Classifier(model, head, spec).eval().requires_grad_(requires_grad=False).to(device)
    return TorchRunner(
        identity=ModelIdentity(
            name=name,
            kind="transformers",
            source=spec.transformers if spec.head is None else f"{spec.transformers} with {spec.head}",
            sha256=sha256("".join(digests).encode()).hexdigest(),
            bytes=total_bytes(folder) + (loaded.file(spec.head).stat().st_size if spec.head else 0),
            details=(
                ("architecture", type(model).__name__),
                *stored(classifier),
                *((("text", f"{spec.text}, at most {spec.max_length} tokens"),) if spec.text else ()),
                *where(device, threads, versions("transformers", "torch")),
            ),
        ),
        model=classifier,
        device=device,
        inputs=inputs,
        width=1 if loaded.suite.models.outputs in {"labels", "value"} else len(classes),
        loaded=loaded,
        packages=PACKAGES,
        threads=threads,
    )


@contextmanager
def _quiet(place: str) -> Iterator[None]:
    """Without transformers' own reports: what matters of them is an error or in the record."""
    try:
        import transformers
    except ImportError as missing:
        raise ModelError(place, INSTALL) from missing
    shown = transformers.utils.logging
    level, bars = shown.get_verbosity(), shown.is_progress_bar_enabled()
    shown.set_verbosity(logging.CRITICAL)
    shown.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        shown.set_verbosity(level)
        if bars:
            shown.enable_progress_bar()  # type: ignore[no-untyped-call]


def _loaded(folder: Path, place: str, *, encoder: bool) -> torch.nn.Module:
    """The model that the folder's config names, with every weight from its files."""
    import transformers

    kinds: Mapping[str, Any] = {
        "ForSequenceClassification": transformers.AutoModelForSequenceClassification,
        "ForImageClassification": transformers.AutoModelForImageClassification,
    }
    how = {"local_files_only": True, "use_safetensors": True, "trust_remote_code": False, "output_loading_info": True}
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        named = (getattr(config, "architectures", None) or ["no architecture in config.json"])[0]
        fitting = [kind for ending, kind in kinds.items() if named.endswith(ending)]
        opener = transformers.AutoModel if encoder else fitting[0] if fitting else None
        model, found = (None, {}) if opener is None else opener.from_pretrained(folder, **how)
    except Exception as failure:
        raise ModelError(place, f"transformers cannot load it: {one_line(failure, 200)}") from failure
    if model is None:
        raise ModelError(place, "must be a sequence or image classifier; an encoder needs a `head`", named)
    missing = [key for key in sorted(found["missing_keys"]) if not (encoder and key.startswith("pooler."))]
    extra = [] if encoder else sorted(found["unexpected_keys"])
    for what, names in (("missing", missing), ("unexpected", extra)):
        if names:
            raise ModelError(
                place, f"its weights do not fit the architecture: {what} {', '.join(names[:3])}", len(names)
            )
    module: torch.nn.Module = model
    return module


def _tokenizer(folder: Path, spec: TransformersModel, column: str, loaded: LoadedSuite) -> Inputs:
    """The folder's tokenizer as a function from the frame to tensors by name."""
    import transformers

    place = f"{spec.transformers}: tokenizer"
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as failure:
        raise ModelError(place, f"transformers cannot load it: {one_line(failure, 200)}") from failure

    def cut(frame: pd.DataFrame) -> dict[str, torch.Tensor]:
        texts = [
            "" if value is None else str(value)
            for value in frame[column].astype(object).where(frame[column].notna(), None)
        ]
        made = tokenizer(texts, padding=True, truncation=True, max_length=spec.max_length, return_tensors="pt")
        return dict(made)

    return Inputs(function=cut, loaded=loaded, key=("tokenizer", folder.resolve(), column, spec.max_length))


def _head(path: Path, place: str) -> torch.nn.Linear:
    """A linear layer from its two tensors."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise ModelError(place, "there is no such file")
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as failure:
        raise ModelError(place, f"is no safetensors file ({one_line(failure)})") from failure
    if (
        state.keys() != {"weight", "bias"}
        or state["weight"].ndim != 2
        or state["bias"].shape != state["weight"].shape[:1]
    ):
        found = {name: tuple(tensor.shape) for name, tensor in state.items()}
        raise ModelError(place, "must hold a linear layer: weight (k, d) and bias (k)", found)
    head = torch.nn.Linear(state["weight"].shape[1], state["weight"].shape[0])
    head.load_state_dict(state)
    return head

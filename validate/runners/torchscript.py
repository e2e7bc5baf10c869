"""TorchScript archives: programs that run without the code that made them."""

import warnings
from collections.abc import Callable

import torch

from validate.errors import ModelError, one_line
from validate.predictions import ModelIdentity
from validate.runners.batches import open_inputs
from validate.runners.pytorch import TorchRunner, chosen_device, stored, where
from validate.runners.settings import versions
from validate.suite import LoadedSuite, TorchScriptModel
from validate.tables import file_sha256


class Program(torch.nn.Module):
    """A loaded program as a module whose inside is not looked into."""

    def __init__(self, program: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.call = [program]  # in a list, so that it is no submodule: programs refuse the hooks that measure layers

    def forward(self, *tensors: torch.Tensor, **named: torch.Tensor) -> torch.Tensor:
        """What the program answers."""
        return self.call[0](*tensors, **named)


def open_model(spec: TorchScriptModel, *, name: str, loaded: LoadedSuite, classes: tuple[str, ...]) -> TorchRunner:
    """Load an archive onto the suite's device; its code is TorchScript's, which cannot reach the machine.

    Raises:
        ModelError: no such file, or one that is no TorchScript archive.
    """
    path, place = loaded.file(spec.torchscript), f"model {name!r} ({spec.torchscript})"
    if not path.is_file():
        raise ModelError(place, "there is no such file")
    device, threads = chosen_device(loaded), loaded.suite.models.threads
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # old, and so are models that people have
            program = torch.jit.load(path, map_location=device).eval()  # type: ignore[no-untyped-call]
    except Exception as failure:
        raise ModelError(place, f"is no TorchScript archive that can be read: {one_line(failure, 160)}") from failure
    return TorchRunner(
        identity=ModelIdentity(
            name=name,
            kind="torchscript",
            source=spec.torchscript,
            sha256=file_sha256(path),
            bytes=path.stat().st_size,
            details=(*stored(program), *where(device, threads, f"TorchScript of {versions('torch')}")),
        ),
        model=Program(program),
        device=device,
        inputs=open_inputs(loaded),
        width=1 if loaded.suite.models.outputs in {"labels", "value"} else len(classes),
        loaded=loaded,
        threads=threads,
        opaque=True,
    )

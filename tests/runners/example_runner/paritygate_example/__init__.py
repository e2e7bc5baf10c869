"""A kind of model of its own: says "yes" where a column is above a threshold, which a text file holds."""

from dataclasses import dataclass

import numpy as np

from validate.errors import ModelError
from validate.predictions import ModelIdentity
from validate.tables import file_sha256


@dataclass(frozen=True)
class ThresholdRunner:
    identity: ModelIdentity
    column: str
    threshold: float
    outputs = "logits"

    @property
    def settings(self):
        """Two models with equal settings give equal answers: the cache may answer for them."""
        return {"kind": "threshold", "model": self.identity.sha256, "column": self.column}

    def answers(self, dataset, start, stop):
        above = dataset.frame[self.column].to_numpy()[start:stop] - self.threshold
        yield np.column_stack([-above, above])


def open_model(spec, *, name, loaded, classes):
    path = loaded.file(spec.options["file"])
    try:
        threshold = float(path.read_text())
    except (OSError, ValueError) as failure:
        raise ModelError(f"model {name!r} ({path.name})", f"holds no threshold: {failure}") from failure
    identity = ModelIdentity(
        name=name, kind="threshold", source=path.name, sha256=file_sha256(path), bytes=path.stat().st_size
    )
    return ThresholdRunner(identity, spec.options["column"], threshold)

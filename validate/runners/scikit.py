"""scikit-learn estimators and pipelines, saved by skops; pickles only where whoever runs them says so."""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from validate.data import Dataset
from validate.errors import ModelError, did_you_mean, one_line
from validate.hooks import user_code
from validate.predictions import ModelIdentity
from validate.runners.batches import Inputs, chunks, examples, open_inputs
from validate.runners.settings import settings, versions
from validate.suite import LoadedSuite, SklearnModel
from validate.suite_words import Outputs
from validate.tables import as_text, class_codes, file_sha256

INSTALL = "needs more packages: pip install 'paritygate[skops]'"
PICKLES = frozenset({".pkl", ".pickle", ".joblib"})
BATCH_ROWS = 4096
PACKAGES = ("scikit-learn", "scipy")


@dataclass(frozen=True, kw_only=True, eq=False)
class SklearnRunner:
    """An estimator that is loaded, and what it sees of the examples."""

    identity: ModelIdentity
    model: Any  # an estimator: scikit-learn ships no types
    columns: tuple[str, ...]  # of the frame that it was fitted on; empty: it sees `inputs`
    inputs: Inputs | None
    classes: tuple[str, ...]
    loaded: LoadedSuite

    @property
    def outputs(self) -> Outputs:
        """What its answers are."""
        return self.loaded.suite.models.outputs

    @property
    def settings(self) -> Mapping[str, str]:
        """All that its answers depend on, beside the examples."""
        hooks = () if self.inputs is None else (self.loaded.suite.models.inputs or "",)
        more = {"columns": self.columns, "batches": BATCH_ROWS, "details": self.identity.details}
        return settings(self.identity, self.loaded, hooks=hooks, packages=PACKAGES, **more)

    def answers(self, dataset: Dataset, start: int, stop: int) -> Iterator[NDArray[np.float64]]:
        """Answers in the data's order, batch by batch.

        Raises:
            ModelError: an estimator that fails, or answers in another shape, with the examples where.
        """
        from threadpoolctl import threadpool_limits

        threads = self.loaded.suite.models.threads
        with nullcontext() if threads is None else threadpool_limits(threads):
            for at, seen in self._seen(dataset, start, stop):
                place = f"model {self.identity.name!r} ({self.identity.source}), {examples(at, at + len(seen))}"
                with user_code(ModelError, place, self.loaded.folder):
                    scores = self._scores(seen, place)
                if len(scores) != len(seen):
                    raise ModelError(place, f"must give {len(seen):,} answers", tuple(scores.shape))
                yield scores

    @cached_property
    def _positions(self) -> list[int]:
        place = f"model {self.identity.name!r} ({self.identity.source})"
        return _positions(self.model, self.classes, place)

    def _seen(self, dataset: Dataset, start: int, stop: int) -> Iterator[tuple[int, Any]]:
        """First row of each batch, and the batch as the estimator was fitted: a frame, or an array of numbers."""
        if self.columns:
            missing = [name for name in self.columns if name not in dataset.frame]
            if missing:
                place = f"model {self.identity.name!r} ({self.identity.source})"
                rule = f"needs the column {missing[0]!r}{did_you_mean(missing[0], dataset.frame.columns)}"
                raise ModelError(place, rule, list(dataset.frame.columns))
            seen = dataset.frame[list(self.columns)].iloc[start:stop]  # once: all columns batch by batch would be slow
            for at in range(start, stop, BATCH_ROWS):
                yield at, seen.iloc[at - start : at - start + BATCH_ROWS].reset_index(drop=True)
        elif self.inputs is not None:
            for chunk in chunks(dataset, self.inputs, start, stop):
                for at in range(chunk.start, chunk.stop, BATCH_ROWS):
                    tensor = chunk.part(at, min(at + BATCH_ROWS, chunk.stop))
                    if not isinstance(tensor, torch.Tensor):
                        rule = "an estimator takes one tensor, of one row per example"
                        raise ModelError(self.inputs.place, rule, type(tensor).__name__)
                    yield at, tensor.numpy()

    def _scores(self, seen: object, place: str) -> NDArray[np.float64]:
        if self.outputs == "value":
            return np.asarray(self.model.predict(seen), dtype=np.float64).reshape(-1, 1)
        if self.outputs == "labels":
            codes = class_codes(pd.Series(self.model.predict(seen)), self.classes).astype(np.float64)
            codes[codes < 0] = np.nan
            return codes[:, None]
        if not hasattr(self.model, "predict_proba"):
            raise ModelError(place, 'has no predict_proba; say outputs = "labels"', type(self.model).__name__)
        chances = np.asarray(self.model.predict_proba(seen), dtype=np.float64)
        scores = np.zeros((len(chances), len(self.classes)))
        scores[:, self._positions] = chances
        if self.outputs == "logits":
            with np.errstate(divide="ignore"):
                return np.log(scores)
        return scores


def open_model(spec: SklearnModel, *, name: str, loaded: LoadedSuite, classes: tuple[str, ...]) -> SklearnRunner:
    """Load an estimator, and learn from it what it wants to see.

    One that was fitted on a frame sees the columns of these names, any other what `inputs` makes, as an array.

    Raises:
        ModelError: skops is missing; no such file, a damaged one, a pickle without leave, types that are not trusted;
            classes that are not the data's.
    """
    path, place = loaded.file(spec.sklearn), f"model {name!r} ({spec.sklearn})"
    if not path.is_file():
        raise ModelError(place, "there is no such file")
    model = _pickle(path, place, loaded) if path.suffix in PICKLES else _skops(path, place, spec.trusted)
    if not hasattr(model, "predict"):
        raise ModelError(place, "must be an estimator with a predict method", type(model).__name__)
    if hasattr(model, "predict_proba") and loaded.suite.models.outputs in {"logits", "probabilities"}:
        _positions(model, classes, place)
    columns = tuple(str(column) for column in getattr(model, "feature_names_in_", ()))
    return SklearnRunner(
        identity=ModelIdentity(
            name=name,
            kind="sklearn",
            source=spec.sklearn,
            sha256=file_sha256(path),
            bytes=path.stat().st_size,
            details=(
                ("estimator", type(model).__name__),
                ("device", "cpu"),
                ("threads", str(loaded.suite.models.threads or "as scikit-learn chooses")),
                ("backend", versions("scikit-learn")),
            ),
        ),
        model=model,
        columns=columns,
        inputs=None if columns else open_inputs(loaded),
        classes=classes,
        loaded=loaded,
    )


def _skops(path: Path, place: str, trusted: tuple[str, ...]) -> object:
    try:
        from skops import io
    except ImportError as missing:
        raise ModelError(place, INSTALL) from missing
    try:
        unknown = sorted(set(io.get_untrusted_types(file=path)) - set(trusted))
        model: object = None if unknown else io.load(path, trusted=list(trusted))
    except Exception as failure:
        raise ModelError(place, f"is no skops file that can be read: {one_line(failure, 160)}") from failure
    if unknown:
        rule = "holds types that are not known to be harmless; if you know them, name them in `trusted`"
        raise ModelError(place, rule, ", ".join(unknown))
    return model


def _pickle(path: Path, place: str, loaded: LoadedSuite) -> object:
    if not loaded.allow_pickle:
        rule = "is a pickle, which can run any code, so it was not opened: save it with skops.io.dump, or trust it with"
        raise ModelError(place, f"{rule} --allow-pickle")
    import joblib

    with user_code(ModelError, place, loaded.folder):
        model: object = joblib.load(path)
    return model


def _positions(model: Any, classes: tuple[str, ...], place: str) -> list[int]:  # noqa: ANN401  # no types
    """Which of the data's classes each column of the estimator's is; codes 0, 1, … count through the data's."""
    known = as_text(pd.Series(getattr(model, "classes_", ()))).tolist()
    if known == [str(code) for code in range(len(classes))]:
        return list(range(len(classes)))
    strange = [name for name in known if name not in classes]
    if strange or not known:
        raise ModelError(place, f"its classes must be among data.classes {list(classes)}", strange or "none")
    return [classes.index(name) for name in known]

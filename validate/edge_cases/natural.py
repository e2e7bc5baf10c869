"""Natural edge cases: the suite's own examples that the dense model finds hardest, as slices."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from validate.data import Dataset
from validate.errors import ModelError
from validate.predictions import Predictions, aligned, probabilities
from validate.slices import Kind, Membership, Slice, tolerance
from validate.suite import LoadedSuite
from validate.suite_edge_cases import NaturalCases, set_name

NEIGHBOURS = 10
REFERENCE = 5000  # examples, drawn by the seed, among which neighbours are looked for

Floats = NDArray[np.float64]


def with_natural(membership: Membership, loaded: LoadedSuite, dataset: Dataset, dense: Predictions) -> Membership:
    """The membership with a slice for each natural set that the suite asks for.

    Raises:
        ModelError: a dense model that gives labels only, or inputs that fail.
    """
    specs = [spec for spec in loaded.suite.edge_cases if isinstance(spec, NaturalCases)]
    if not specs:
        return membership
    slices, masks = list(membership.slices), list(membership.masks)
    where = list(membership.where)
    for spec in specs:
        n = max(1, round(spec.share * len(dataset)))
        inside = np.zeros(len(dataset), dtype=np.bool_)
        inside[np.argsort(-_hardness(spec, loaded, dataset, dense), kind="stable")[:n]] = True
        where.append(len(masks))
        masks.append(np.packbits(inside))
        slices.append(_slice(spec, n, loaded, dataset))
    return replace(membership, slices=tuple(slices), masks=tuple(masks), where=tuple(where), planned=None)


def _hardness(spec: NaturalCases, loaded: LoadedSuite, dataset: Dataset, dense: Predictions) -> Floats:
    """(n,) how hard each example is, by what the set says."""
    if spec.natural == "least-dense":
        return _distance(loaded, dataset)
    chances = probabilities(aligned(dataset, dense))
    if chances is None:
        raise ModelError("model 'dense'", f"{spec.natural} needs logits or probabilities", dense.outputs)
    if spec.natural == "lowest-margin":
        top = np.sort(chances, axis=1)
        return np.asarray(top[:, -2] - top[:, -1])
    logs = np.log(chances, out=np.zeros_like(chances), where=chances > 0)
    return np.asarray(-(chances * logs).sum(axis=1))


def _distance(loaded: LoadedSuite, dataset: Dataset) -> Floats:
    """(n,) mean distance to the nearest examples, in the models' own inputs."""
    from sklearn.neighbors import NearestNeighbors

    points = _encoded(loaded, dataset)
    rng = np.random.default_rng(loaded.suite.seed)
    drawn = np.sort(rng.permutation(len(points))[:REFERENCE])
    k = min(NEIGHBOURS + 1, len(drawn))
    distances, found = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points[drawn]).kneighbors(points)
    own = drawn[found] == np.arange(len(points))[:, None]  # an example is not its own neighbour
    distances[own] = np.nan
    distances[~own.any(axis=1), -1] = np.nan
    return np.asarray(np.nanmean(distances, axis=1)) if k > 1 else np.zeros(len(points))


def _encoded(loaded: LoadedSuite, dataset: Dataset) -> NDArray[np.float32]:
    """(n, d) what the models see, all tensors side by side."""
    from validate.runners.batches import chunks, listed, open_inputs

    parts: Sequence[NDArray[np.float32]] = [
        np.concatenate([tensor.reshape(len(tensor), -1).float().numpy() for tensor in listed(chunk.tensors)], axis=1)
        for chunk in chunks(dataset, open_inputs(loaded), 0, len(dataset))
    ]
    return np.concatenate(parts)


def _slice(spec: NaturalCases, n: int, loaded: LoadedSuite, dataset: Dataset) -> Slice:
    allowed = tolerance(spec.margin, loaded.suite.gate)
    return Slice(
        name=set_name(spec),
        kind=Kind.NATURAL,
        where="",
        columns=(),
        n=n,
        share=n / len(dataset),
        train_share=None,
        margin=allowed.margin,
        margin_ratio=allowed.margin_ratio,
        guard=spec.guard,
        screened=not spec.guard,
        disparity=False,
        under_represented=False,
    )

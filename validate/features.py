"""Clusters of what the dense model sees in each example: text and images as an attribute that a search can use."""

import warnings

import numpy as np
from numpy.typing import NDArray

from validate.attributes import Attribute
from validate.data import Dataset
from validate.errors import DataError
from validate.hooks import load_hook, user_code
from validate.suite import Discover, LoadedSuite

CLUSTERS = "feature cluster"
FITTED = 20_000  # examples that the centres are found from; all others go to the nearest
STARTS = 4


def feature_clusters(loaded: LoadedSuite, dataset: Dataset) -> Attribute | None:
    """The examples in clusters of the features that the suite's hook gives; None where it names none.

    Raises:
        SuiteError: a hook that cannot be loaded.
        DataError: a hook that fails, or gives no finite (n, d) array.
    """
    asked = loaded.suite.discover
    if asked is None or asked.features is None:
        return None
    hook = load_hook(loaded.folder, asked.features, f"{loaded.path.name}: discover.features")
    with user_code(DataError, f"discover.features {asked.features}", loaded.folder):
        made = np.asarray(hook(dataset.frame.copy(deep=False)))
    return _clustered(_checked(made, len(dataset), asked), asked.clusters, loaded.suite.seed)


def _checked(made: NDArray[np.generic], n: int, asked: Discover) -> NDArray[np.float32]:
    place = f"discover.features {asked.features}"
    if made.ndim != 2 or made.shape[0] != n or not made.shape[1]:
        raise DataError(place, f"must return one row of numbers for each of the {n:,} examples", made.shape)
    if not (np.issubdtype(made.dtype, np.number) and np.isrealobj(made)):
        raise DataError(place, "must return numbers", str(made.dtype))
    features = made.astype(np.float32)
    broken = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(broken):
        raise DataError(place, "must return finite numbers", f"{len(broken):,} rows, the first at {broken[0]}")
    return features


def _clustered(features: NDArray[np.float32], clusters: int, seed: int) -> Attribute:
    """k-means (Lloyd 1982), numbered by size; fewer clusters where fewer points differ."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    rng = np.random.default_rng(seed)
    fitted = features if len(features) <= FITTED else features[rng.choice(len(features), FITTED, replace=False)]
    means = KMeans(n_clusters=min(clusters, len(fitted)), n_init=STARTS, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than clusters
        codes = means.fit(fitted).predict(features)
    sizes = np.bincount(codes)
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    rank = np.zeros(len(sizes), dtype=np.uint8)
    rank[order] = np.arange(len(order))
    return Attribute(
        name=CLUSTERS,
        codes=rank[codes],
        levels=tuple(str(i + 1) for i in range(len(order))),
        where=("",) * len(order),
    )

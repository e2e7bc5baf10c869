"""From a pair of models to what a search finds of their differences."""

from collections.abc import Sequence

from validate.attributes import Attribute
from validate.damage import damage_of
from validate.data import Dataset
from validate.discovery import Discovery, discover
from validate.predictions import PairedPredictions, probabilities
from validate.searchable import confidence_bands
from validate.suite import Suite


def explore(
    paired: PairedPredictions, dataset: Dataset, suite: Suite, extra: Sequence[Attribute] = ()
) -> Discovery | None:
    """The search that the suite asks for; None where it asks for none.

    The columns are searched, the dense model's confidence where it gives one, and `extra` attributes, such as
    clusters of features, or the kind and the severity of edge cases.
    """
    asked = suite.discover
    if asked is None:
        return None
    sure = probabilities(paired.dense)
    bands = () if sure is None else (confidence_bands(sure),)
    return discover(
        dataset,
        suite,
        damage_of(paired, asked.aim),
        seed=suite.seed,
        aim=asked.aim,
        depth=asked.depth,
        extra=(*bands, *extra),
    )

"""A suite's edge-case sets, ready to be answered."""

from validate.data import Dataset
from validate.edge_cases.curated import curated_cells
from validate.edge_cases.generate import generated_cells
from validate.edge_cases.sets import EdgeCases, assemble
from validate.suite import LoadedSuite


def build_edge_cases(loaded: LoadedSuite, dataset: Dataset) -> EdgeCases | None:
    """All edge cases that need no model to be made; None where the suite has none.

    Raises:
        SuiteError: a column that is not there, or that a kind cannot change; a hook that cannot be loaded.
        DataError: a predicate that matches no example, curated cases that cannot be read or do not fit.
    """
    return assemble([*generated_cells(loaded, dataset), *curated_cells(loaded, dataset)], dataset, loaded.suite.gate)

"""What the command `forecast` does: ask the dense model alone, and order the slices by their risk."""

import dataclasses
from dataclasses import replace

import numpy as np

from validate import terminal, terminal_sweep
from validate.answers import answer
from validate.cache import Cache, open_cache
from validate.commands import print_json, progress
from validate.data import load_dataset
from validate.finding_text import finite
from validate.forecast import Forecast, forecast, forecast_slices, score_predictors
from validate.places import find_suite
from validate.predictions import aligned, probabilities
from validate.progress import Progress
from validate.runners import open_runner
from validate.slices import members
from validate.slicing import build_membership
from validate.suite import LoadedSuite
from validate.suite_file import load_suite


def run(suite: str, *, gradients: bool, allow_pickle: bool, as_json: bool) -> None:
    """Show which slices compression is likely to hurt, from the dense model alone."""
    loaded = replace(load_suite(find_suite(suite)), allow_pickle=allow_pickle)
    found = of_suite(loaded, cache=open_cache(), progress=progress(), gradients=gradients)
    if as_json:
        print_json(finite(dataclasses.asdict(found)))
    else:
        screen = terminal.console()
        screen.print(terminal_sweep.forecast(found, width=screen.width))


def of_suite(loaded: LoadedSuite, *, cache: Cache | None, progress: Progress, gradients: bool = True) -> Forecast:
    """The forecast of a suite's slices.

    Raises:
        SuiteError, DataError, ModelError: whatever keeps the dense model from being run.
    """
    at_once = replace(loaded.suite.data, batch_rows=None)
    loaded = replace(loaded, suite=replace(loaded.suite, data=at_once))
    dataset = load_dataset(loaded)
    membership = build_membership(dataset, loaded.suite)
    runner = open_runner(loaded.suite.models.dense, name="dense", loaded=loaded, classes=dataset.classes)
    with progress.stage("dense", len(dataset)) as advance:
        made = answer(runner, dataset, cache=cache, timeout=loaded.suite.models.timeout, advance=advance)
    examples, notes = score_predictors(probabilities(aligned(dataset, made.predictions)))
    chosen = [np.flatnonzero(members(membership, i)) for i in forecast_slices(membership)]
    norms = None
    if gradients:
        from validate.runners.gradients import SLICE_ROWS, slopes

        total = len(dataset) + sum(min(len(rows), SLICE_ROWS) for rows in chosen)
        with progress.stage("gradients", total) as advance:
            found = slopes(runner, dataset, chosen, seed=loaded.suite.seed, advance=advance)
        examples |= {} if found.distance is None else {"distance": found.distance}
        norms = found.loss
        notes += found.notes
    else:
        notes.append("no gradient norm and no distance: not asked for")
    return forecast(membership, examples, norms, dataset.train, suite=loaded.suite.suite, notes=notes)

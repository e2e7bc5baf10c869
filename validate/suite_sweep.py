"""What a suite says about its compressed models as steps of a method, for `paritygate sweep`."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from validate.suite_words import HookSpec, Share, Table, Text

Round = Annotated[int, Field(ge=1, le=1000)]


def _about(text: str) -> Any:  # noqa: ANN401 - what pydantic's Field returns
    return Field(description=text)


@dataclass(frozen=True, kw_only=True)
class Compressed(Table):
    """How a compressed model was made: what a sweep puts it in order by. Nothing here changes a verdict."""

    # the schema takes descriptions of inherited fields from here, and not from text under them
    series: Annotated[Text | None, _about("The method that it is a step of, such as magnitude.")] = None
    level: Annotated[Share | None, _about("How far along: the share that the method takes away, such as 0.9.")] = None
    round: Annotated[Round | None, _about("Which round on the way to its level, where each round's is kept.")] = None
    calibration: Annotated[
        Text | None, _about("A table of the examples it was calibrated on: their attributes, or their ids in the data.")
    ] = None


# keys that say nothing about the model's files
ABOUT = frozenset({"series", "level", "round", "calibration"})


@dataclass(frozen=True, kw_only=True)
class SweepPlan(Table):
    """What `paritygate sweep --method` and `--scheme` do between compressing and judging."""

    tune: HookSpec | None = None
    """As "file.py:function"; function(model, round) trains the pruned torch module on, in place."""

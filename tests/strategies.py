"""Hypothesis strategies and small builders that several tests share: frames, data sets, suites and paired outcomes."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from validate.data import Dataset
from validate.suite import Data, Family, Gate, Models, NamedSlice, RecordedModel, Suite

# quotes, newlines, markup, right-to-left text and a direction override: what a value may contain
HOSTILE = ("", "a'b", 'a"b', "a`b", "a\\b", "line\nbreak", "<b>&amp;</b>", "שלום", "a\u202eb", "a & b: c", "None")
TEXTS = ("red", "green", "blue", *HOSTILE)
CLASSES = ("no", "yes")


@st.composite
def frames(draw, *, min_rows=1, max_rows=40):
    """Text, hostile column names, whole and broken numbers, booleans; each may miss values."""
    rows = draw(st.integers(min_rows, max_rows))

    def column(values, dtype):
        return pd.Series(draw(st.lists(values, min_size=rows, max_size=rows)), dtype=dtype)

    return pd.DataFrame(
        {
            "colour": column(st.sampled_from([*TEXTS, None]), "str"),
            "odd `name`": column(st.sampled_from(["x", "y", None]), "str"),
            "size": column(st.integers(-2, 3), "int64"),
            "rooms": column(st.sampled_from([1.0, 2.0, 3.0, np.nan]), "float64"),
            "age": column(st.floats(0, 90) | st.just(np.nan), "float64"),
            "flag": column(st.booleans(), "bool"),
            "label": column(st.sampled_from(CLASSES), "str"),
        }
    )


def dataset(frame, *, classes=CLASSES, label="label", train=None):
    """A data set of a frame whose label column holds the classes."""
    labels = frame[label].map({text: code for code, text in enumerate(classes)}).to_numpy(dtype=np.int64)
    return Dataset(
        frame=frame,
        ids=np.array([str(i) for i in range(len(frame))], dtype=object),
        labels=labels,
        classes=tuple(classes),
        clusters=None,
        train=train,
        sha256="0" * 64,
        source="data.csv",
    )


def suite(*slices: Family | NamedSlice, label="label", classes=CLASSES, **gate):
    """A suite of these slices on recorded predictions."""
    return Suite(
        suite="test",
        seed=0,
        data=Data(path="data.csv", label=label, classes=tuple(classes)),
        models=Models(dense=RecordedModel(recorded="d.csv"), compressed={"c": RecordedModel(recorded="c.csv")}),
        slices=slices,
        gate=Gate(**gate),
    )


def rights(n):
    """Whether each model was right on each of n examples: two boolean arrays."""
    return st.tuples(*[st.lists(st.booleans(), min_size=n, max_size=n).map(np.array)] * 2)

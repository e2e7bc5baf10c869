"""What a column of a table holds, and its values as an array beside what is known of them."""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # pandas is imported when there is a table
    import pandas as pd

Kind = Literal["number", "text", "boolean", "time", "other"]  # other: mixed, or nothing that can be compared


class Values(NamedTuple):
    """Values with which of them are known: arrays of shape (n,), or () for a constant."""

    data: NDArray[Any]  # a mere filler where the value is not known
    known: NDArray[np.bool_]


def kind_of(values: "pd.Series[Any] | pd.Index[Any]") -> Kind:
    """The kind of a column, whichever of its many types it has; a column without any value counts as text."""
    import pandas as pd
    from pandas.api import types

    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return kind_of(dtype.categories)
    if types.is_bool_dtype(dtype):
        return "boolean"
    if types.is_numeric_dtype(dtype):
        return "other" if types.is_complex_dtype(dtype) else "number"
    if types.is_datetime64_any_dtype(dtype):
        return "time"
    return _INFERRED.get(types.infer_dtype(values, skipna=True), "other")


def values_of(series: "pd.Series[Any]", kind: Kind) -> Values:
    """A column's values, shape (n,): integers stay exact, decimals become floats, times are UTC in microseconds."""
    import pandas as pd
    from pandas.api import types

    known = series.notna().to_numpy(dtype=np.bool_)
    present = series[known].infer_objects()
    if isinstance(present.dtype, pd.CategoricalDtype):
        present = present.astype(present.dtype.categories.dtype)
    dtype: Any
    filler: Any = 0
    match kind:
        case "text":
            dtype, filler = object, ""
        case "boolean":
            dtype, filler = np.bool_, False
        case "time":
            present = pd.to_datetime(present, utc=True).dt.tz_localize(None)
            dtype = "datetime64[us]"
        case "number" if types.is_unsigned_integer_dtype(present.dtype):
            dtype = np.uint64
        case "number":
            dtype = np.int64 if types.is_integer_dtype(present.dtype) else np.float64
        case "other":
            return Values(np.zeros(len(series)), known)
    data = np.full(len(series), filler, dtype=dtype)
    data[known] = present.to_numpy(dtype=dtype)
    return Values(data, known)


_INFERRED: dict[str, Kind] = {
    **dict.fromkeys(("string", "empty"), "text"),
    **dict.fromkeys(("integer", "floating", "mixed-integer-float", "decimal"), "number"),
    **dict.fromkeys(("datetime", "datetime64", "date"), "time"),
    "boolean": "boolean",
}

"""Arrow tables to tidy DataFrames: the same columns and types, also when empty.

Names are categories in alphabetical order, only those that occur; times are
``datetime64[us, UTC]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from protipp_stream.history.asking import NO_TIME

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FLAG",
    "NAME",
    "NUMBER",
    "TIME",
    "WHOLE",
    "WORDS",
    "frame",
    "frame_of",
    "frame_of_rows",
    "names_and_codes",
]

NAME = pa.dictionary(pa.int32(), pa.string())
TIME = pa.timestamp("us", tz="UTC")
NUMBER = pa.float64()
WHOLE = pa.int64()
FLAG = pa.bool_()
WORDS = pa.string()


def frame(table: pa.Table) -> pd.DataFrame:
    """Return a table as a DataFrame."""
    import pandas as pd

    made = {name: _series(table.column(name)) for name in table.column_names}
    return pd.DataFrame(made, index=pd.RangeIndex(table.num_rows))


def frame_of(columns: Mapping[str, Any], types: Mapping[str, pa.DataType]) -> pd.DataFrame:
    """Return columns as a DataFrame, typed as `types` says, in its order.

    A column is a list, a numpy array (NaN is nothing; times in microseconds, `NO_TIME`
    is none) or an Arrow array.
    """
    return frame(pa.table({name: array_of(columns[name], kind) for name, kind in types.items()}))


def frame_of_rows(rows: Iterable[Iterable[Any]], types: Mapping[str, pa.DataType]) -> pd.DataFrame:
    """Return rows as a DataFrame, typed as `types` says, in its order."""
    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    return frame_of(dict(zip(types, columns, strict=True)), types)


def array_of(values: Any, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    """Return values as an Arrow array of that type."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values if values.type == kind else values.cast(kind)
    if pa.types.is_timestamp(kind) and isinstance(values, np.ndarray):
        return pa.array(values, pa.int64(), mask=values == NO_TIME).cast(kind)
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
    return pa.array(values, kind)


def names_and_codes(column: pa.ChunkedArray) -> tuple[list[str], npt.NDArray[np.int32]]:
    """Return the names that a column of names knows, and which it is of each row; -1: none."""
    whole = pa.chunked_array(column.chunks, column.type).unify_dictionaries()
    names = whole.chunk(0).dictionary.to_pylist() if whole.num_chunks else []
    parts = [chunk.indices.fill_null(-1).to_numpy() for chunk in whole.chunks]
    return names, np.concatenate(parts) if parts else np.empty(0, np.int32)


def _series(column: pa.ChunkedArray) -> pd.Series[Any]:
    import pandas as pd

    kind = column.type
    if pa.types.is_dictionary(kind):
        return pd.Series(_categorical(column))
    if pa.types.is_int64(kind) and column.null_count:
        return pd.Series(column.to_pandas(types_mapper={kind: pd.Int64Dtype()}.get))
    if pa.types.is_floating(kind):
        return pd.Series(column.to_numpy())
    return pd.Series(column.to_pandas())


def _categorical(column: pa.ChunkedArray) -> pd.Categorical:
    import pandas as pd

    known, codes = names_and_codes(column)
    # A dictionary knows all names of a file; the categories are those that occur.
    occurs = np.bincount(codes[codes >= 0], minlength=len(known)) > 0
    names = sorted({name for name, there in zip(known, occurs, strict=True) if there})
    place = {name: number for number, name in enumerate(names)}
    moved = np.array([*(place.get(name, -1) for name in known), -1], np.int32)
    return pd.Categorical.from_codes(moved[codes], categories=pd.Index(names, dtype="str"))

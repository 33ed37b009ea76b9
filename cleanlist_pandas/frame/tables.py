"""Tables that are no pandas frames: read over the Arrow PyCapsule interface, and given back as what they were."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from cleanlist_pandas.errors import ColumnsError
from cleanlist_pandas.fields import FIELDS
from cleanlist_pandas.frame.existing import OTHERS

__all__ = ["Table", "is_table", "to_pandas", "way_to_a_frame"]

_SUMMARY: Final = b"cleanlist"
_TEXT: Final = pa.large_string()  # 64-bit offsets: a column may hold more than 2 GiB
_PLAIN: Final = {"string_view": _TEXT, "binary_view": pa.large_binary()}  # pandas does not know the views


def is_table(given: object) -> bool:
    """Tell whether something is a table that pandas did not make: Polars, DuckDB, PyArrow, and whatever else."""
    return hasattr(given, "__arrow_c_stream__") and not isinstance(given, pd.DataFrame | pd.Series)


def to_pandas(given: object) -> pd.DataFrame:
    """Return a table as a pandas frame over the same Arrow buffers. Sends nothing."""
    return Table(given).frame()


class Table:
    """A table, read once: a reader is used up by it, and a relation may say something else the next time.

    Parameters
    ----------
    given : object with ``__arrow_c_stream__``

    Raises
    ------
    ColumnsError
        If it is a single column.
    """

    def __init__(self, given: Any) -> None:
        polars: Any = sys.modules.get("polars")
        self._polars = given.clone() if polars and isinstance(given, polars.DataFrame) else None
        try:
            self._table: pa.Table = pa.table(given)
        except pa.ArrowInvalid as error:
            if "non-struct" not in str(error):
                raise
            raise ColumnsError(
                f"Expected a table, not {type(given).__name__}; hand in one with named columns."
            ) from None

    def frame(self) -> pd.DataFrame:
        """Return it as pandas sees it: dictionaries as categories, all else over its Arrow buffers, no index."""
        columns = [_readable(column) for column in self._table.columns]
        seen = pa.Table.from_arrays(columns, names=self._table.column_names)
        frame = seen.to_pandas(types_mapper=_dtype, ignore_metadata=True)
        if summary := (self._table.schema.metadata or {}).get(_SUMMARY):
            frame.attrs["cleanlist"] = json.loads(summary)
        return frame

    def like(self, made: Any) -> Any:
        """Return a frame that a door made as a table of this kind, and anything else as it is."""
        return self._like(made) if isinstance(made, pd.DataFrame) else made

    def _like(self, frame: pd.DataFrame) -> Any:
        """Convert a frame; of one that `enrich` made only the new columns, the others are those handed in."""
        summary = frame.attrs.get("cleanlist")
        n_own = 0 if summary is None else self._table.num_columns
        written = {*OTHERS, *(FIELDS[name].column for name in (summary or {}).get("fields", ()))}
        new = {at: _column(frame.iloc[:, at]) for at, name in enumerate(frame) if at >= n_own or name in written}
        if self._polars is not None:
            series = [_as_polars(str(frame.columns[at]), column) for at, column in new.items()]
            return self._polars.with_columns(series) if n_own else type(self._polars)(series)
        if not n_own:
            return pa.table(list(new.values()), names=[str(name) for name in frame])
        table = self._table
        for at, column in new.items():
            name = str(frame.columns[at])
            table = table.set_column(at, name, column) if at < n_own else table.append_column(name, column)
        return table.replace_schema_metadata({**(table.schema.metadata or {}), _SUMMARY: json.dumps(summary).encode()})


def _readable(column: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    """Return a column in a form that pandas can work with; one that it cannot is blank to it."""
    kind = column.type
    if isinstance(kind, pa.DictionaryType):
        return column if all(map(_is_sound, column.chunks)) else _readable(column.cast(kind.value_type))
    if str(kind) in _PLAIN:
        return column.cast(_PLAIN[str(kind)])
    try:
        _ = pd.ArrowDtype(kind).type
    except NotImplementedError:
        return pa.chunked_array([pa.nulls(len(column))])
    return column


def _is_sound(chunk: Any) -> bool:
    """Tell whether a dictionary can be that of a category: Arrow's may hold nulls, and a value twice."""
    return chunk.dictionary.null_count == 0 and len(chunk.dictionary.unique()) == len(chunk.dictionary)


def _dtype(kind: pa.DataType) -> Any:
    """Return the pandas dtype for an Arrow type; None: the default, which makes categories of dictionaries."""
    return None if isinstance(kind, pa.DictionaryType) else pd.ArrowDtype(kind)


def _column(column: pd.Series[Any]) -> Any:
    """Return a column of ours as Arrow; its type is that of the dtype, whatever the data."""
    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        codes: Any = column.cat.codes.to_numpy()
        words = pa.array(dtype.categories.tolist(), _TEXT)
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), words, ordered=bool(dtype.ordered))
    is_text = pd.api.types.is_string_dtype(dtype) or pd.api.types.is_object_dtype(dtype)
    return pa.array(column.array, _TEXT if is_text else None, from_pandas=True)


def _as_polars(name: str, column: Any) -> Any:
    """Return an Arrow column as a Polars series; its categories are an Enum, which keeps their order."""
    polars: Any = sys.modules["polars"]
    if not isinstance(column.type, pa.DictionaryType):
        return polars.Series(name, column)
    words = polars.Series(name, column.cast(_TEXT))
    return words.cast(polars.Enum(column.dictionary.to_pylist()))


def way_to_a_frame(given: object) -> str:
    """Return what to type to make a frame of what is none."""
    if hasattr(given, "collect"):
        return "call its .collect()"
    if isinstance(given, str | os.PathLike):
        return "read the file first, with pandas.read_csv(..., dtype=str) for example"
    if type(given).__module__.startswith("dask."):
        return "import cleanlist_pandas.dask, and call its .cleanlist.enrich() and the like"
    return "write pandas.DataFrame(...)"

"""Parquet written part by part: columns that came as Parquet as they are, new ones in types that no part decides."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cleanlist_pandas.datasets import ATTRS, PANDAS, pandas_part

__all__ = ["ParquetParts"]

_ROWS: Final = 1_000_000  # of each file in a folder


class ParquetParts:
    """A file, or a folder of files in the order of their names, that is written part by part.

    Parameters
    ----------
    path : str
        The file, or the folder, which is there and empty.
    new_columns : sequence of str
        Columns of the frames that the tables beside them lack, or have in an older form.
    """

    def __init__(self, path: str, new_columns: Sequence[str], *, folder: bool = False) -> None:
        self._path = Path(path)
        self._new = {*new_columns}
        self._folder = folder
        self._schema: pa.Schema | None = None
        self._writer: Any = None
        self._n_files = self._n_rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, frame: pd.DataFrame, table: pa.Table | None) -> None:
        """Write some rows, of a frame and the table it was made from."""
        made = self._of_frame(frame) if table is None else self._beside(frame, table)
        if self._schema is None:
            self._schema = _with_attrs(made.schema, frame.attrs)
        made = made.replace_schema_metadata(self._schema.metadata)
        if self._writer is None or (self._folder and self._n_rows >= _ROWS):
            self._next_file(self._schema)
        self._writer.write_table(made)
        self._n_rows += len(made)

    def _next_file(self, schema: pa.Schema) -> None:
        """Begin a file."""
        if self._writer is not None:
            self._writer.close()
        path = self._path / f"part-{self._n_files:05}.parquet" if self._folder else self._path
        self._writer = pq.ParquetWriter(path, schema)
        self._n_files, self._n_rows = self._n_files + 1, 0

    def _of_frame(self, frame: pd.DataFrame) -> pa.Table:
        """Return a frame as a table."""
        if self._schema is None:
            return _typed(pa.Table.from_pandas(frame, preserve_index=False))
        return pa.Table.from_pandas(frame, schema=self._schema, preserve_index=False)

    def _beside(self, frame: pd.DataFrame, table: pa.Table) -> pa.Table:
        """Return a table with the new columns of a frame."""
        is_new = [at >= table.num_columns or self._is_new(name) for at, name in enumerate(frame)]
        new = _typed(pa.Table.from_pandas(frame.loc[:, is_new], preserve_index=False))
        for field, column in zip(new.schema, new.columns, strict=True):
            at = table.schema.get_field_index(field.name)
            table = table.append_column(field, column) if at < 0 else table.set_column(at, field, column)
        said = {**pandas_part(new.schema), **pandas_part(table.schema)}
        names = {*new.column_names}
        said["columns"] = [
            *(one for one in pandas_part(table.schema).get("columns", ()) if one["field_name"] not in names),
            *pandas_part(new.schema)["columns"],
        ]
        return table.replace_schema_metadata({**(table.schema.metadata or {}), PANDAS: json.dumps(said).encode()})

    def _is_new(self, label: Any) -> bool:
        """Tell whether a column is one of the new ones, also under several levels."""
        return (label[0] if isinstance(label, tuple) else label) in self._new


def _typed(table: pa.Table) -> pa.Table:
    """Return a table in which columns without any value are text: so they are where another part has one."""
    for at, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            table = table.set_column(at, field.with_type(pa.string()), table.column(at).cast(pa.string()))
    return table


def _with_attrs(schema: pa.Schema, attrs: dict[Any, Any]) -> pa.Schema:
    """Return a schema that tells pandas a frame's attrs, beside those that are told already."""
    metadata = schema.metadata or {}
    told = {**json.loads(metadata.get(ATTRS, b"{}")), **attrs}
    return schema.with_metadata({**metadata, ATTRS: json.dumps(told).encode()} if told else metadata)

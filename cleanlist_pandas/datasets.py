"""Parquet files and folders of them as one table, read part by part; what was an index is a column among others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from cleanlist_pandas.errors import ConfigurationError

__all__ = ["ATTRS", "PANDAS", "Dataset", "open_dataset", "pandas_part"]

PANDAS: Final = b"pandas"
ATTRS: Final = b"PANDAS_ATTRS"
_UNNAMED: Final = "__index_level_"
_AHEAD: Final = {"batch_readahead": 1, "fragment_readahead": 1}  # else a reader holds 64 parts in memory
# With extensions a UUID is one, where pyarrow can say so; else it would be 16 bytes.
_EXTENDED: Final[dict[str, Any]] = (
    {"arrow_extensions_enabled": True} if hasattr(ds.ParquetFragmentScanOptions, "arrow_extensions_enabled") else {}
)
_SCAN: Final = ds.ParquetFragmentScanOptions(  # without pre_buffer: else it holds each group of rows whole
    pre_buffer=False, use_buffered_stream=True, **_EXTENDED
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """A table in one or more files.

    Attributes
    ----------
    row_bytes : float
        How long a row is in memory, about.
    """

    whole: Any  # a pyarrow.dataset.Dataset
    schema: pa.Schema
    index: Mapping[str, str]  # columns that were levels of an index, and what they are called as columns
    counted: str | None  # the name of an index that counts rows and has no column
    row_bytes: float

    def tables(self, n_rows: int) -> Iterator[pa.Table]:
        """Read all rows in their order, so many at a time; an empty table where there are none."""
        at = 0
        for table in self._cut(n_rows):
            yield self._shaped(table, at)
            at += len(table)
        if not at:
            yield self._shaped(self.whole.schema.empty_table(), 0)

    def _cut(self, n_rows: int) -> Iterator[pa.Table]:
        """Cut batches, as long as they come, into tables of so many rows."""
        held: list[Any] = []
        missing = n_rows
        for batch in self.whole.to_batches(batch_size=min(n_rows, 2**17), fragment_scan_options=_SCAN, **_AHEAD):
            while len(batch):
                held.append(batch.slice(0, missing))
                batch = batch.slice(len(held[-1]))
                missing -= len(held[-1])
                if not missing:
                    yield pa.Table.from_batches(held, self.whole.schema)
                    held, missing = [], n_rows
        if held:
            yield pa.Table.from_batches(held, self.whole.schema)

    def _shaped(self, table: pa.Table, at: int) -> pa.Table:
        """Return a table with the columns of `schema`."""
        columns = [table.column(name) for name in (*self.index, *_others(table.schema, self.index))]
        if self.counted is not None:
            columns.insert(0, pa.chunked_array([pa.array(np.arange(at, at + len(table)))]))
        return pa.Table.from_arrays(columns, schema=self.schema)


def open_dataset(path: Path) -> Dataset:
    """Open a Parquet file, or all of a folder, in the order of their names.

    Raises
    ------
    ConfigurationError
        If a folder holds none, or files whose columns are not of the same types.
    """
    files = _files_of(path)
    hive: dict[str, Any] = {"partitioning": "hive", "partition_base_dir": str(path)} if path.is_dir() else {}
    parquet = ds.ParquetFileFormat(default_fragment_scan_options=_SCAN)
    whole: Any = ds.dataset([str(file) for file in files], format=parquet, **hive)
    if len(files) > 1:
        whole = whole.replace_schema(_common(path, whole))
    meta = pandas_part(whole.schema)
    index, counted = _index(meta)
    schema = _without_index(whole.schema, meta, index, counted)
    return Dataset(whole=whole, schema=schema, index=index, counted=counted, row_bytes=_row_bytes(whole))


def pandas_part(schema: pa.Schema) -> dict[str, Any]:
    """Return what pandas wrote about a table; nothing where it did not."""
    said: dict[str, Any] = json.loads((schema.metadata or {}).get(PANDAS, b"{}"))
    return said


def _files_of(path: Path) -> list[Path]:
    """Return the files of a dataset."""
    if not path.is_dir():
        return [path]
    every = [file.relative_to(path) for suffix in ("*.parquet", "*.pq") for file in path.rglob(suffix)]
    files = [path / file for file in sorted(every) if not any(part[0] in "._" for part in file.parts)]
    if not files:
        raise ConfigurationError(f"{path}: cannot be read as a table (a folder without Parquet files).")
    return files


def _common(path: Path, whole: Any) -> pa.Schema:
    """Return the schema that all files fit into: a column that one of them lacks is missing there, not left out."""
    schemas = [fragment.physical_schema for fragment in whole.get_fragments()]
    try:
        return pa.unify_schemas([whole.schema, *schemas])
    except pa.ArrowException:
        raise ConfigurationError(
            f"{path}: cannot be read as a table (its files have columns of the same name and different types)."
        ) from None


def _index(meta: Mapping[str, Any]) -> tuple[dict[str, str], str | None]:
    """Return the columns of an index with the names `DataFrame.reset_index` gives them, and what only counts."""
    levels: list[Any] = meta.get("index_columns", [])
    named = [level["name"] for level in levels if isinstance(level, dict) and level.get("name") is not None]
    kept = [level for level in levels if isinstance(level, str)]
    names = {
        level: level if not level.startswith(_UNNAMED) else "index" if len(kept) == 1 else f"level_{at}"
        for at, level in enumerate(kept)
    }
    return names, str(named[0]) if named else None


def _others(schema: pa.Schema, index: Mapping[str, str]) -> list[str]:
    """Return the columns that are no index."""
    return [name for name in schema.names if name not in index]


def _without_index(
    schema: pa.Schema, meta: Mapping[str, Any], index: Mapping[str, str], counted: str | None
) -> pa.Schema:
    """Return the schema of a table whose index stands first, as columns."""
    fields = [schema.field(level).with_name(name) for level, name in index.items()]
    fields += [schema.field(name) for name in _others(schema, index)]
    if counted is not None:
        fields.insert(0, pa.field(counted, pa.int64()))
    metadata: dict[Any, Any] = {**(schema.metadata or {})}
    if not meta:
        return pa.schema(fields, metadata)
    columns = [
        {**one, "name": index.get(one["field_name"], one["name"]), "field_name": name}
        for one in meta["columns"]
        if (name := index.get(one["field_name"], one["field_name"]))
    ]
    said = json.dumps({**meta, "index_columns": [], "columns": columns}).encode()
    return pa.schema(fields, {**metadata, PANDAS: said})


def _row_bytes(whole: Any) -> float:
    """Return how long a row is, by the first file that has any."""
    for fragment in whole.get_fragments():
        groups = fragment.metadata
        if groups.num_rows:
            n_bytes = sum(groups.row_group(at).total_byte_size for at in range(groups.num_row_groups))
            return float(n_bytes / groups.num_rows)
    return 0.0

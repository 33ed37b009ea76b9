"""Pages of a ledger's rows by column: SQLite puts cells one after the other, and no object is made of a row. Pure.

Every row is checked against its checksum all the same. What is odd in any way, a cell of another type or a checksum
that does not fit, is `Odd`: whoever reads row by row says what it is.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.run.records import checksum

__all__ = ["Odd", "Row", "cells_of", "read_page"]

Ints = npt.NDArray[np.int64]
Row = Sequence[Any]  # of one page: what `cells_of` asks for
_pc: Final[Any] = pc  # its stubs do not know values whose type is known later
_TEXT: Final = pa.large_string()
_PLAIN: Final = bytes(byte for byte in range(32, 127) if byte not in b"'\\")  # what `ascii` writes as it is
_BETWEEN: Final = 31  # stands between two texts: one that holds it is odd
# Types, told by the order in which SQLite puts them: numbers, texts, blobs. `typeof` takes more than twice as long.
_IS: Final = {int: "{0} < ''", str: "{0} >= '' AND {0} < x''", bytes: "{0} >= x''"}


class Odd(Exception):  # noqa: N818 - it is no error
    """A page that has to be read row by row."""


def cells_of(kinds: Mapping[str, type], same: Collection[str] = ()) -> str:
    """Return what to ask SQLite for: how many rows, how many of them are as they should be, and each column whole.

    Of a column that is the `same` in all rows nothing is asked but whether it is: its value is to be bound, as text.
    """
    tests = [f"{name} = CAST(? AS TEXT)" for name in same]
    tests += [_IS[kind].format(name) for name, kind in {**kinds, "checksum": int}.items() if name not in same]
    cells = [f"group_concat({name})" for name in _columns(kinds, int)]
    cells += [f"CAST(group_concat({n}, char({_BETWEEN})) AS BLOB)" for n in _columns(kinds, str) if n not in same]
    cells += [f"CAST(group_concat({n}, '') AS BLOB), group_concat(length({n}))" for n in _columns(kinds, bytes)]
    return ", ".join(["count(*)", f"total({' AND '.join(tests)})", *cells])


def _columns(kinds: Mapping[str, type], of: type) -> list[str]:
    """Return the names of the columns of one type."""
    return [name for name, kind in {**kinds, "checksum": int}.items() if kind is of]


def read_page(
    row: Row, kinds: Mapping[str, type], same: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any] | None:
    """Take a page apart by column and check each row; none if it has no rows.

    Parameters
    ----------
    row : sequence
        What SQLite gave for `cells_of` the same kinds and columns that are the same.
    kinds : mapping of str to type
        The columns, in their order in the checksum.
    same : mapping of str to str
        What stands in all rows of some columns.
    """
    n, n_right, *rest = row
    if not n:
        return None
    if n != n_right:
        raise Odd
    cells = iter(rest)
    found: dict[str, Any] = {name: _numbers(next(cells), n) for name in _columns(kinds, int)}
    for name in _columns(kinds, str):
        found[name] = _repeated(same[name], n) if name in same else _texts(next(cells), n)
    for name in _columns(kinds, bytes):
        found[name] = _blobs(next(cells), _numbers(next(cells), n))
    if not np.array_equal(_checksums(found, kinds, same), found["checksum"]):
        raise Odd
    return found


def _numbers(text: str, n: int) -> Ints:
    """Return whole numbers that SQLite wrote."""
    if text.encode().translate(None, b"-,0123456789"):
        raise Odd
    numbers = np.fromstring(text, np.int64, sep=",")
    if len(numbers) != n:
        raise Odd
    return numbers


def _repeated(text: str, n: int) -> Any:
    """Return one text for all rows."""
    return pa.DictionaryArray.from_arrays(np.zeros(n, np.int32), pa.array([text], _TEXT))


def _texts(content: bytes, n: int) -> Any:
    """Return texts that stand one after the other, parted."""
    if not content.isascii():
        content.decode()  # raises as SQLite's own reading does
    gaps = np.flatnonzero(np.frombuffer(content, np.uint8) == _BETWEEN)
    if len(gaps) != n - 1:
        raise Odd
    ends = np.append(gaps, len(content)) - np.arange(n)
    return _array(_TEXT, ends, content.replace(bytes([_BETWEEN]), b""))


def _blobs(content: bytes | None, lengths: Ints) -> Any:
    """Return blobs that lie one after the other."""
    ends = np.cumsum(lengths)
    if ends[-1] != len(content or b""):
        raise Odd
    return _array(pa.large_binary(), ends, content or b"")


def _array(kind: pa.DataType, ends: Ints, content: bytes) -> Any:
    """Return cells by where each one ends."""
    offsets = np.append(np.zeros(1, np.int64), ends)
    return pa.Array.from_buffers(kind, len(ends), [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(content)])


def _checksums(page: dict[str, Any], kinds: Mapping[str, type], same: Mapping[str, str]) -> Ints:
    """Return the checksums that a page's rows should have."""
    parts: list[Any] = ["("]
    plain = np.ones(len(page["checksum"]), np.bool_)
    for name, kind in kinds.items():
        if name in same:
            parts[-1] += f"{same[name]!a}, "
        elif kind is int:
            parts += [pa.array(page[name]).cast(_TEXT), ", "]
        else:
            parts[-1] += "b'" if kind is bytes else "'"
            parts += [page[name].view(_TEXT), "', "]
            plain &= _is_plain(page[name])
    parts[-1] = parts[-1].removesuffix(", ") + ")"
    lines = _pc.binary_join_element_wise(*(pa.scalar(p, _TEXT) if isinstance(p, str) else p for p in (*parts, "")))
    _, offsets, content = lines.buffers()
    ends = np.frombuffer(offsets, np.int64)[: len(lines) + 1].tolist()
    rows = map(memoryview(content).__getitem__, map(slice, ends, ends[1:]))
    sums = np.fromiter(map(zlib.crc32, rows), np.int64, len(lines))
    for at in np.flatnonzero(~plain).tolist():
        cells = [page[name][at] for name in kinds]
        sums[at] = checksum([cell.as_py() if isinstance(cell, pa.Scalar) else int(cell) for cell in cells])
    return sums


def _is_plain(cells: Any) -> npt.NDArray[np.bool_]:
    """Return which cells `ascii` writes as they are."""
    plain = np.ones(len(cells), np.bool_)
    _, offsets, content = cells.buffers()
    if bytes(content).translate(None, _PLAIN):
        where = np.flatnonzero(~_IS_PLAIN[np.frombuffer(content, np.uint8)])
        plain[np.searchsorted(np.frombuffer(offsets, np.int64), where, side="right") - 1] = False
    return plain


_IS_PLAIN: Final = np.isin(np.arange(256), np.frombuffer(_PLAIN, np.uint8))

"""Many answers out of the ledger at a time, to columns: those that say it the plain way. Pure.

What a surface's own `read` would make of an answer is the rule; whatever is odd about one in any way is left for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from cleanlist_pandas.fields import FIELDS, FieldName, RowStatus, Source
from cleanlist_pandas.frame.arrays import MISSING, Ints, Packed, take
from cleanlist_pandas.frame.memory import tidy
from cleanlist_pandas.frame.texts import Bools, as_mask, trim
from cleanlist_pandas.frame.told import SOURCE_CODE, STATUS_CODE, Facts

__all__ = ["Cells", "Shape", "facts_of", "fits", "is_between", "is_nothing_or", "read_rows"]

_pc: Final[Any] = pc  # its stubs do not know values whose type is known later
_TEXT: Final = pa.large_string()
_BEFORE, _AFTER, _NOTHING, _OTHER = (pa.scalar(text, _TEXT) for text in ('{"b":', "}\n", "", "{}"))
_ROWS_AT_ONCE: Final = 20_000
_ROWS_AT_LEAST: Final = 100  # of a part with an answer that is none, what is not worth parting again
_MAX_BYTES: Final = 1_500
# What Arrow reads and Python does not: words for numbers that JSON has none for, and arrays nested without end.
_ODD_NUMBER: Final = r"[:\[,]\s*-?(?:NaN|Inf)"
_NESTED: Final = r"\[\s*\["
Cells = Any  # a pyarrow.Array


@dataclass(frozen=True, slots=True)
class Shape:
    """How a surface writes an answer.

    Attributes
    ----------
    body : callable
        Takes fields; returns the Arrow type of a plain answer, of what decides and of the values of those fields.
    is_plain : callable
        Takes answers of that type, whom each is about, and fields; returns which answers have nothing to be noted.
    facts : callable
        Takes plain answers, when they came, and fields; returns what they say.
    """

    body: Callable[[Sequence[FieldName]], pa.DataType]
    is_plain: Callable[[Cells, pa.LargeStringArray, Sequence[FieldName]], Bools]
    facts: Callable[[Cells, Ints, Sequence[FieldName]], Facts]


def read_rows(
    shape: Shape,
    bodies: pa.ChunkedArray[Any],
    addresses: pa.LargeStringArray,
    times_us: Ints,
    fields: Sequence[FieldName],
) -> tuple[Facts, Ints]:
    """Return what answers out of the ledger say, and which of them it is that could be read so.

    Parameters
    ----------
    shape : Shape
        How they are written.
    bodies : pyarrow.ChunkedArray of large_binary
        As they came.
    addresses : pyarrow.LargeStringArray
        Who was asked about.
    times_us : ndarray of int64
        When they came.
    fields : sequence of str
        Whose values to read.
    """
    parts: list[Facts] = []
    places = [np.zeros(0, np.int64)]
    n = len(bodies)
    todo = [slice(at, min(n, at + _ROWS_AT_ONCE)) for at in range(0, n, _ROWS_AT_ONCE)][::-1]
    while todo:
        part = todo.pop()
        answers = _parse(bodies[part].combine_chunks(), shape.body(fields))
        if answers is not None:
            rows = np.flatnonzero(shape.is_plain(answers, addresses[part], fields))
            parts.append(shape.facts(take(answers, rows), times_us[part][rows], fields))
            places.append(rows + part.start)
            tidy()  # or what each part took stays: half a gigabyte of a million answers
        elif part.stop - part.start > _ROWS_AT_LEAST:  # one answer is none: the others shall not be left out for it
            middle = (part.start + part.stop) // 2
            todo += [slice(middle, part.stop), slice(part.start, middle)]
    return Facts.joined(parts, fields), np.concatenate(places)


def _parse(bodies: Any, kind: pa.DataType) -> Cells | None:
    """Read answers as JSON, one a row; none if one of them cannot be read so. Odd ones are read as an empty object."""
    texts = _pc.ascii_trim(bodies.view(_TEXT), " \t\r\n")
    texts = _pc.if_else(_pc.less_equal(_pc.binary_length(texts), _MAX_BYTES), texts, _OTHER)
    lines = _lines(texts)
    odd = _odd(_bytes_of(texts))
    if odd:
        hit = _pc.match_substring_regex(lines, "|".join(odd))
        lines = _pc.if_else(hit, _lines(pa.array([_OTHER.as_py()] * len(bodies), _TEXT)), lines)
    content = _bytes_of(lines)
    try:
        content if content.isascii() else content.decode()  # Arrow does not look whether it is UTF-8
        table = pj.read_json(
            cast(Any, pa.BufferReader(content)),
            parse_options=pj.ParseOptions(explicit_schema=pa.schema([("b", kind)]), unexpected_field_behavior="ignore"),
        )
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    column: Any = table["b"].combine_chunks()
    return column if len(column) == len(bodies) else None


def _lines(texts: Any) -> Any:
    """Put each body into an object of its own: two of them, or half of one, are no body."""
    return _pc.binary_join_element_wise(_BEFORE, texts, _AFTER, _NOTHING)


def _bytes_of(lines: Any) -> bytes:
    """Return the texts of an array, one after the other."""
    _, offsets, content = lines.buffers()
    return cast(bytes, content[: np.frombuffer(offsets, np.int64)[len(lines)]].to_pybytes())


def _odd(content: bytes) -> list[str]:
    """Return patterns of what has to be looked for in each row: most pages have none of it."""
    found = []
    if _holds(content, b"NaN") or _holds(content, b"Inf"):
        found.append(_ODD_NUMBER)
    if b"[" in content and re.search(_NESTED.encode(), content):
        found.append(_NESTED)
    if b"\n" in content or b"\r" in content:  # a line break within a body
        found.append(r"[\r\n].")
    return found


def _holds(content: bytes, word: bytes) -> bool:
    """Whether a long text holds a short word: `in`, three times as fast."""
    letters, n = np.frombuffer(content, np.uint8), max(0, len(content) - len(word) + 1)
    first, *others = (letters[at : at + n] == letter for at, letter in enumerate(word))
    for other in others:
        first &= other
    return bool(first.any())


def is_between(numbers: Any, least: float, most: float) -> Bools:
    """Return which numbers are within bounds."""
    return as_mask(_pc.and_(_pc.greater_equal(numbers, least), _pc.less_equal(numbers, most)))


def fits(name: FieldName, cells: Any) -> Bools:
    """Return which cells are missing or a value as the field's column holds it."""
    if FIELDS[name].integer:
        return as_mask(cells.is_null()) | (is_between(cells, 0, 100) & as_mask(_pc.equal(cells, _pc.floor(cells))))
    if FIELDS[name].categories:
        blank: Any = _pc.or_kleene(cells.is_null(), _pc.equal(cells, ""))
        return as_mask(_pc.or_(blank, _pc.is_in(cells, pa.array(FIELDS[name].categories, _TEXT))))
    return as_mask(_pc.or_kleene(cells.is_null(), _pc.equal(trim(cells), cells)))


def is_nothing_or(word: str, cells: Any) -> Bools:
    """Return which cells are missing or a word."""
    return as_mask(_pc.or_kleene(cells.is_null(), _pc.equal(cells, word)))


def facts_of(found: Bools, times_us: Ints, cells: Mapping[FieldName, Cells], **more: Any) -> Facts:
    """Return plain answers by column: who was found, and their values; nobody else has any."""
    n = len(found)
    same: dict[str, Any] = {"confidences": np.full(n, np.nan), "reasons": pa.nulls(n, _TEXT), **more}
    return Facts(
        statuses=np.where(found, STATUS_CODE[RowStatus.COMPLETED], STATUS_CODE[RowStatus.NOT_FOUND]).astype(np.int8),
        sources=np.full(n, SOURCE_CODE[Source.LEDGER], np.int8),
        credits=np.zeros(n, np.int64),
        times_us=times_us,
        values={name: _packed(name, told, found) for name, told in cells.items()},
        notes={},
        **same,
    )


def _packed(name: FieldName, cells: Any, found: npt.NDArray[np.bool_]) -> Packed:
    """Return one field's values; somebody who was not found has none."""
    if FIELDS[name].integer:
        numbers = cells.to_numpy(zero_copy_only=False)
        there = found & ~np.isnan(numbers)
        return np.where(there, np.where(there, numbers, 0).astype(np.int64), MISSING)
    if FIELDS[name].categories:
        codes: Any = _pc.index_in(cells, pa.array(FIELDS[name].categories, _TEXT))
        return np.where(found, np.asarray(_pc.fill_null(codes, -1)), -1).astype(np.int8)
    is_value = _pc.and_kleene(pa.array(found), _pc.not_equal(cells, ""))
    return _pc.if_else(is_value, cells, pa.scalar(None, _TEXT))

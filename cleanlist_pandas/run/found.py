"""Look-ups of a ledger by column: SQLite puts a page's cells one after the other, and no object is made of a row.

Every row is checked against its checksum all the same. What is odd in any way, a cell of another type or a checksum
that does not fit, is `Odd`: whoever reads row by row says what it is.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.run.records import Record, checksum
from cleanlist_pandas.run.rows import names_in

__all__ = ["Found", "Odd", "Settled", "find_settled"]

Ints = npt.NDArray[np.int64]
Texts = Any  # a pyarrow.DictionaryArray: there are few different ones
_pc: Final[Any] = pc  # its stubs do not know values whose type is known later
_TEXT: Final = pa.large_string()
_LOOKUPS_AT_ONCE: Final = 10_000
_BODIES_AT_ONCE: Final = 500  # of 1 MB at most: SQLite puts no more than 1 GB into one cell
_PLAIN: Final = bytes(byte for byte in range(32, 127) if byte not in b"'\\")  # what `ascii` writes as it is

_LOOKUPS_AFTER: Final = f"(SELECT * FROM lookups WHERE id > ? ORDER BY id LIMIT {_LOOKUPS_AT_ONCE})"  # noqa: S608
_OUTCOMES_OF: Final = "(SELECT o.* FROM json_each(?) JOIN outcomes o ON o.lookup = json_each.value)"
_OUTCOMES_FROM: Final = "(SELECT * FROM outcomes WHERE lookup BETWEEN ? AND ?)"
_LOOKUP: Final = {"id": int, "run": str, "world": str, "service": str, "address": str, "fields": str, "price": int,
                  "at_us": int}  # fmt: skip
_OUTCOME: Final = {"lookup": int, "status": str, "credits": int, "reason": str, "at_us": int, "body": bytes}
_TYPES: Final = {int: "integer", str: "text", bytes: "blob"}
Row = Sequence[Any]


def _numbers_and_texts(kinds: Mapping[str, type]) -> tuple[list[str], list[str]]:
    """Return the names of the columns of numbers, and of the others."""
    return [name for name, kind in kinds.items() if kind is int], [name for name in kinds if kinds[name] is not int]


def _cells_of(kinds: Mapping[str, type]) -> str:
    """Return what to ask SQLite for: how many rows, how many of them have the right types, and each column whole."""
    numbers, texts = _numbers_and_texts(kinds)
    typed = " AND ".join(f"typeof({name}) = '{_TYPES[kind]}'" for name, kind in {**kinds, "checksum": int}.items())
    parts = [f"count(*), total({typed})", *(f"group_concat({name})" for name in (*numbers, "checksum"))]
    parts += [f"CAST(group_concat({n}, '') AS BLOB), group_concat(length(CAST({n} AS BLOB)))" for n in texts]
    return ", ".join(parts)


_CELLS_OF_LOOKUPS: Final = _cells_of(_LOOKUP)
_CELLS_OF_OUTCOMES: Final = _cells_of(_OUTCOME)


class Odd(Exception):  # noqa: N818 - it is no error
    """A page that has to be read row by row."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settled:
    """Look-ups whose end is known, by column, in the order of their ids."""

    positions: Ints  # each one's person
    lookups: Ints
    runs: Texts
    services: Texts
    fields: Texts
    statuses: Texts
    credits: Ints
    reasons: pa.LargeStringArray
    times_us: Ints
    bodies: pa.ChunkedArray[Any]  # of large_binary: they are what there is most of, and not copied together

    def __len__(self) -> int:
        return len(self.lookups)

    def record(self, at: int) -> Record:
        """Return one of them."""
        cells: list[Any] = [column[at].as_py() for column in (self.runs, self.services, self.fields, self.statuses)]
        run, service, fields, status = cells
        return Record(
            status=status, lookup=int(self.lookups[at]), run=run, service=service, fields=names_in(fields),
            credits=int(self.credits[at]), reason=str(self.reasons[at].as_py()), at_us=int(self.times_us[at]),
            body=bytes(self.bodies[at].as_py()),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a ledger holds of some people: all look-ups as (position, record), oldest first."""

    settled: Settled | None  # as far as it was read by column
    others: Sequence[tuple[int, Record]]

    def __iter__(self) -> Iterator[tuple[int, Record]]:
        """Return all of them as records."""
        settled = self.settled
        known = [] if settled is None else [(int(at), settled.record(k)) for k, at in enumerate(settled.positions)]
        yield from sorted([*known, *self.others], key=lambda pair: pair[1].lookup)


def find_settled(
    sql: Any, addresses: pa.LargeStringArray, world: str
) -> tuple[Settled | None, list[tuple[int, int]], int]:
    """Return the look-ups of some people that have an outcome, (position, id) of the others, and the newest id.

    Raises
    ------
    Odd
        If anything is not as it was written.
    """
    pages = [_of_world(page, world) for page in _lookups(sql)]
    ids = np.concatenate([page["id"] for page in pages]) if pages else np.zeros(0, np.int64)
    if not len(ids):
        return None, [], 0
    place = _places(_joined(pages, "address"), addresses)
    ours = np.flatnonzero(np.asarray(place.is_valid()))
    positions, lookups = np.asarray(place.take(pa.array(ours))).astype(np.int64), ids[ours]
    ends = list(_outcomes(sql, lookups))
    ended = np.concatenate([np.zeros(0, np.int64), *(page["lookup"] for page in ends)])
    if not (np.diff(ended) > 0).all():
        raise Odd
    is_open = np.ones(len(lookups), np.bool_)
    is_open[np.searchsorted(lookups, ended)] = False  # both ascend
    others = list(zip(positions[is_open].tolist(), lookups[is_open].tolist(), strict=True))
    if not ends:
        return None, others, int(ids[-1])
    rows = pa.array(ours[~is_open])
    settled = Settled(
        positions=positions[~is_open],
        lookups=ended,
        runs=_joined(pages, "run").take(rows),
        services=_joined(pages, "service").take(rows),
        fields=_joined(pages, "fields").take(rows),
        statuses=_joined(ends, "status"),
        credits=np.concatenate([page["credits"] for page in ends]),
        reasons=_joined(ends, "reason"),
        times_us=np.concatenate([page["at_us"] for page in ends]),
        bodies=pa.chunked_array([page["body"] for page in ends]),
    )
    return settled, others, int(ids[-1])


def _places(held: Any, addresses: pa.LargeStringArray) -> Any:
    """Return each look-up's place among some people: of a run that is finished mostly their own order."""
    return pa.array(np.arange(len(held))) if held.equals(addresses) else _pc.index_in(held, value_set=addresses)


def _of_world(page: dict[str, Any], world: str) -> dict[str, Any]:
    """Return what is to be kept of a page of look-ups."""
    here = np.asarray(_pc.equal(page["world"], world))
    kept = {name: page[name].filter(pa.array(here)) for name in ("run", "service", "address", "fields")}
    few = {name: kept[name].dictionary_encode() for name in ("run", "service", "fields")}
    return {**kept, **few, "id": page["id"][here]}


def _joined(pages: Sequence[dict[str, Any]], name: str) -> Any:
    """Return a column of all pages."""
    column: Any = pa.chunked_array([page[name] for page in pages])
    return column.unify_dictionaries().combine_chunks()


def _lookups(sql: Any) -> Iterator[dict[str, Any]]:
    """Read all look-ups by column, page by page: whoever reads them all at once keeps runs from writing."""

    query = f"SELECT max(id), {_CELLS_OF_LOOKUPS} FROM {_LOOKUPS_AFTER}"  # noqa: S608 - constants

    def rows() -> Iterator[Row]:
        newest: int | None = 0
        while newest is not None:
            newest, *row = sql.execute(query, (newest,)).fetchone()
            yield row

    with closing(_ahead(rows())) as pages:
        yield from (page for row in pages if (page := _page(row, _LOOKUP)) is not None)


def _outcomes(sql: Any, lookups: Ints) -> Iterator[dict[str, Any]]:
    """Read the outcomes of some look-ups, those that have one, by column and in their order."""

    def rows() -> Iterator[Row]:
        for at in range(0, len(lookups), _BODIES_AT_ONCE):
            ids = lookups[at : at + _BODIES_AT_ONCE].tolist()
            if ids[-1] - ids[0] + 1 == len(ids):  # nobody else's among them: quicker than a list
                source, *values = _OUTCOMES_FROM, ids[0], ids[-1]
            else:
                source, *values = _OUTCOMES_OF, json.dumps(ids)
            yield sql.execute(f"SELECT {_CELLS_OF_OUTCOMES} FROM {source}", values).fetchone()  # noqa: S608 - constants

    with closing(_ahead(rows())) as pages:
        for row in pages:
            if (page := _page(row, _OUTCOME)) is not None:
                yield {**page, "status": page["status"].dictionary_encode()}


def _ahead(rows: Iterator[Row]) -> Generator[Row]:
    """Give each row while the next one is being read: SQLite lets go of the interpreter for as long as it works."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, rows, None)
        while (row := coming.result()) is not None:
            coming = thread.submit(next, rows, None)
            yield row


def _page(row: Row, kinds: Mapping[str, type]) -> dict[str, Any] | None:
    """Take a page apart by column and check it; none if it has no rows."""
    n, n_typed, *cells = row
    if not n:
        return None
    if n != n_typed:
        raise Odd
    numbers, texts = _numbers_and_texts(kinds)
    found = {name: _numbers(cell, n) for name, cell in zip((*numbers, "checksum"), cells, strict=False)}
    for name, content, lengths in zip(texts, *(cells[len(found) + k :: 2] for k in (0, 1)), strict=True):
        found[name] = _array(content or b"", _numbers(lengths, n), kinds[name])
    if not np.array_equal(_checksums(found, kinds), found["checksum"]):
        raise Odd
    return found


def _numbers(text: str, n: int) -> Ints:
    """Return numbers that SQLite wrote."""
    numbers = np.fromstring(text, np.int64, sep=",")
    if len(numbers) != n:
        raise Odd
    return numbers


def _array(content: bytes, lengths: Ints, kind: type) -> Any:
    """Return cells that lie one after the other."""
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    if offsets[-1] != len(content):
        raise Odd
    if kind is str and not content.isascii():
        content.decode()  # raises as SQLite's own reading does
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(content)]
    return pa.Array.from_buffers(_TEXT if kind is str else pa.large_binary(), len(lengths), buffers)


def _checksums(page: dict[str, Any], kinds: Mapping[str, type]) -> Ints:
    """Return the checksums that a page's rows should have."""
    parts: list[Any] = []
    plain = np.ones(len(page["checksum"]), np.bool_)
    for number, (name, kind) in enumerate(kinds.items()):
        cells = page[name]
        before = ", " if number else "("
        if kind is int:
            parts += [before, pa.array(cells).cast(_TEXT)]
        else:
            quoted = before + ("b'" if kind is bytes else "'")
            parts += [quoted, cells.view(_TEXT), "'"]
            plain &= _is_plain(cells)
    scalars = [pa.scalar(part, _TEXT) if isinstance(part, str) else part for part in (*parts, ")", "")]
    lines = _pc.binary_join_element_wise(*scalars)
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

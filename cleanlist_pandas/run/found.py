"""Look-ups of a ledger by column, page by page, the next one while one is taken apart."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.run.pages import Odd, Row, cells_of, read_page
from cleanlist_pandas.run.records import Record
from cleanlist_pandas.run.rows import names_in

__all__ = ["Found", "Settled", "find_settled"]

T = TypeVar("T")
Ints = npt.NDArray[np.int64]
Texts = Any  # a pyarrow.DictionaryArray: there are few different ones
_pc: Final[Any] = pc  # its stubs do not know values whose type is known later
_LOOKUPS_AT_ONCE: Final = 10_000
_BODIES_AT_ONCE: Final = 5_000
_BYTES_AT_ONCE: Final = 100_000_000  # SQLite puts no more than 1 GB into one cell

_LOOKUP: Final = {"id": int, "run": str, "world": str, "service": str, "address": str, "fields": str, "price": int,
                  "at_us": int}  # fmt: skip
_OUTCOME: Final = {"lookup": int, "status": str, "credits": int, "reason": str, "at_us": int, "body": bytes}
_SAME: Final = ("run", "world", "service", "fields")  # of most pages' look-ups
_LOOKUPS_FROM: Final = "FROM lookups WHERE id BETWEEN ? AND ?"
_FIRST_LOOKUP: Final = f"SELECT id, {', '.join(_SAME)} FROM lookups WHERE id > ? ORDER BY id LIMIT 1"  # noqa: S608
_LIKE_LOOKUPS: Final = f"SELECT max(id), {cells_of(_LOOKUP, _SAME)} {_LOOKUPS_FROM}"
_LOOKUPS: Final = f"SELECT max(id), {cells_of(_LOOKUP)} {_LOOKUPS_FROM}"
_OUTCOMES_FROM: Final = "FROM outcomes WHERE lookup BETWEEN ? AND ?"
_OUTCOMES_OF: Final = "FROM json_each(?) CROSS JOIN outcomes ON lookup = json_each.value"
_CELLS_OF_OUTCOMES: Final = cells_of(_OUTCOME)


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

    def rows() -> Iterator[tuple[Row, dict[str, str]]]:
        newest = 0
        while (first := sql.execute(_FIRST_LOOKUP, (newest,)).fetchone()) is not None:
            start, *values = first
            ids = (start, start + _LOOKUPS_AT_ONCE - 1)
            same = dict(zip(_SAME, values, strict=True))
            last, n, n_right, *cells = sql.execute(_LIKE_LOOKUPS, (*values, *ids)).fetchone()
            if n != n_right:
                same = {}
                last, n, n_right, *cells = sql.execute(_LOOKUPS, ids).fetchone()
            if (last or start) <= newest:  # pages of the file stand in one another's place: there would be no end
                raise Odd
            newest = last or start  # not the page's end: others may write behind the last one meanwhile
            yield (n, n_right, *cells), same

    with closing(_ahead(rows())) as pages:
        yield from (page for row, same in pages if (page := read_page(row, _LOOKUP, same)) is not None)


def _outcomes(sql: Any, lookups: Ints) -> Iterator[dict[str, Any]]:
    """Read the outcomes of some look-ups, those that have one, by column and in their order."""

    def rows(ids: list[int]) -> Iterator[Row]:
        is_range = ids[-1] - ids[0] + 1 == len(ids)  # nobody else's among them: quicker than a list
        source = _OUTCOMES_FROM if is_range else _OUTCOMES_OF
        values = (ids[0], ids[-1]) if is_range else (json.dumps(ids),)
        n_bytes = sql.execute(f"SELECT total(length(body)) {source}", values).fetchone()[0]
        if n_bytes > _BYTES_AT_ONCE and len(ids) > 1:
            middle = len(ids) // 2
            for half in (ids[:middle], ids[middle:]):
                yield from rows(half)
        else:
            yield sql.execute(f"SELECT {_CELLS_OF_OUTCOMES} {source}", values).fetchone()

    portions = (lookups[at : at + _BODIES_AT_ONCE].tolist() for at in range(0, len(lookups), _BODIES_AT_ONCE))
    with closing(_ahead(row for ids in portions for row in rows(ids))) as pages:
        for row in pages:
            if (page := read_page(row, _OUTCOME)) is not None:
                yield {**page, "status": page["status"].dictionary_encode()}


def _ahead(rows: Iterator[T]) -> Generator[T]:
    """Give each row while the next one is being read: SQLite lets go of the interpreter for as long as it works."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, rows, None)
        while (row := coming.result()) is not None:
            coming = thread.submit(next, rows, None)
            yield row

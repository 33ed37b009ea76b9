"""What a ledger holds of the people of a frame: the common case by column, the others one by one. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cleanlist_pandas.fields import FIELDS, FieldName, RowStatus
from cleanlist_pandas.frame.needs import Bits, bits_of, names_of
from cleanlist_pandas.run.found import Found, Settled
from cleanlist_pandas.run.records import Held, decide, oldest_us
from cleanlist_pandas.run.rows import names_in

__all__ = ["Holding", "hold"]

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
_NOBODY: Final[Any] = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Holding(Mapping[int, Held]):
    """What is held, by position.

    Attributes
    ----------
    others : dict of int to Held
        Of whom there is more to say than that one look-up settles all that is wanted.
    settled : Settled or None
        The ledger's look-ups.
    positions : ndarray of int64
        Of whom one look-up settles all that is wanted.
    rows : ndarray of int64
        Which one.
    """

    others: Mapping[int, Held] = field(default_factory=dict)
    settled: Settled | None = None
    positions: Ints = field(default_factory=lambda: _NOBODY)
    rows: Ints = field(default_factory=lambda: _NOBODY)
    _row_of: dict[int, int] = field(default_factory=dict)  # made when the first one is asked for

    def __getitem__(self, position: int) -> Held:
        """Return what is held of one person."""
        if position in self.others:
            return self.others[position]
        if not self._row_of:
            self._row_of.update(zip(self.positions.tolist(), self.rows.tolist(), strict=True))
        row = self._row_of[position]
        assert self.settled is not None  # noqa: S101 - else there are no rows
        return Held(records=(self.settled.record(row),))

    def __iter__(self) -> Iterator[int]:
        yield from self.others
        yield from self.positions.tolist()

    def __len__(self) -> int:
        return len(self.others) + len(self.positions)


def hold(
    found: Found, missing: Bits, *, max_age: timedelta | None, miss_age: timedelta, since: int | None, now_us: int,
    **how: Any,
) -> Holding:  # fmt: skip
    """Say what is held of each person, as `decide` does.

    Parameters
    ----------
    missing : ndarray of uint16, shape (n_keys,)
        The fields that are wanted of each person.
    """

    def wanted(at: int) -> tuple[FieldName, ...]:
        return names_of(int(missing[at]))

    ages: dict[str, Any] = {"max_age": max_age, "miss_age": miss_age, "since": since, "now_us": now_us}
    settled = found.settled
    if settled is None:
        return Holding(decide(found.others, wanted, **ages, **how))
    plain = _is_only(settled, found) & _settles(settled, missing) & _stands(settled, **ages)
    rest = [(int(settled.positions[row]), settled.record(row)) for row in np.flatnonzero(~plain).tolist()]
    records = sorted([*rest, *found.others], key=lambda pair: pair[1].lookup)
    rows = np.flatnonzero(plain)
    return Holding(decide(records, wanted, **ages, **how), settled, settled.positions[rows], rows)


def _is_only(settled: Settled, found: Found) -> Bools:
    """Return which look-ups are the only one of their person."""
    n_looks = np.bincount(settled.positions)
    others = np.array([at for at, _ in found.others if at < len(n_looks)], np.int64)
    n_looks[others] += 1
    is_only: Bools = n_looks[settled.positions] == 1
    return is_only


def _settles(settled: Settled, missing: Bits) -> Bools:
    """Return which look-ups asked for all that is wanted, if that is anything."""
    spelt: list[Any] = settled.fields.dictionary.to_pylist()
    asked = np.array([_bits_in(names) for names in spelt], np.uint16)[np.asarray(settled.fields.indices)]
    wanted = missing[settled.positions]
    settles: Bools = (wanted != 0) & (wanted & ~asked == 0)
    return settles


def _bits_in(fields: str) -> np.uint16:
    """Return the bits of a row's fields; none if one of them is not of the vocabulary."""
    names = names_in(fields)
    return bits_of(names if FIELDS.keys() >= set(names) else ())


def _stands(settled: Settled, max_age: timedelta | None, miss_age: timedelta, since: int | None, now_us: int) -> Bools:
    """Return which look-ups found somebody, or nobody, and are young enough."""
    oldest = {
        RowStatus.COMPLETED: oldest_us(now_us, max_age),
        RowStatus.NOT_FOUND: oldest_us(now_us, max_age, miss_age),
    }
    words: list[Any] = settled.statuses.dictionary.to_pylist()
    from_us = np.array([oldest.get(word, math.inf) for word in words])[np.asarray(settled.statuses.indices)]
    young: Bools = settled.times_us >= from_us
    return young if since is None else young | ((settled.lookups > since) & (from_us < math.inf))

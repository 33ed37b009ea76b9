"""The Plan: every row in exactly one bucket, every unique person in exactly one state. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cleanlist_pandas.fields import FieldName
from cleanlist_pandas.frame.arrays import first_rows
from cleanlist_pandas.frame.keys import Keys, Reason

__all__ = ["BUCKETS", "Bucket", "Plan", "State", "make_plan"]


class Bucket(IntEnum):
    """What a row means for the bill; the order is the order in which they are shown."""

    BLANK = 0
    MALFORMED = 1
    SUPPRESSED = 2
    FILLED = 3
    KNOWN = 4
    HELD = 5
    IN_DOUBT = 6
    DUPLICATE = 7
    BILLABLE = 8


BUCKETS: Final = tuple(bucket.name.lower() for bucket in Bucket)


class State(IntEnum):
    """Why a unique person is, or is not, bought."""

    BILLABLE = 0
    FILLED = 1
    HELD = 2
    IN_DOUBT = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """Who would be bought, and for how much; nothing is sent by making one.

    Attributes
    ----------
    fields : tuple of str
        What would be asked for.
    price : int
        Credits one look-up costs at most.
    rows : ndarray of int8, shape (n_rows,)
        Each row's `Bucket`.
    states : ndarray of int8, shape (n_keys,)
        Each unique person's `State`.
    """

    keys: Keys
    fields: tuple[FieldName, ...]
    price: int
    rows: npt.NDArray[np.int8] = field(repr=False)
    states: npt.NDArray[np.int8] = field(repr=False)
    estimate: Any = field(default=None, repr=False)  # the CostEstimate, once there is an index to show it with

    def __repr__(self) -> str:
        return repr(self.estimate) if self.estimate is not None else f"Plan(lookups={self.lookups}, price={self.price})"

    @property
    def billable(self) -> npt.NDArray[np.int64]:
        """Positions, among the unique people, of those who would be bought; in first-seen order."""
        return np.flatnonzero(self.states == State.BILLABLE)

    @property
    def lookups(self) -> int:
        """Unique people to buy."""
        return int(np.count_nonzero(self.states == State.BILLABLE))

    @property
    def ceiling(self) -> int:
        """Credits the plan can cost at most."""
        return self.lookups * self.price

    def counts(self) -> dict[str, int]:
        """Return the number of rows in each bucket; they add up to the number of rows."""
        return dict(zip(BUCKETS, np.bincount(self.rows, minlength=len(BUCKETS)).tolist(), strict=True))


def make_plan(
    keys: Keys,
    fields: Sequence[FieldName],
    *,
    price: int,
    held: Sequence[int],
    in_doubt: Sequence[int],
    filled_rows: npt.NDArray[np.bool_],
) -> Plan:
    """Put every row into its bucket and every person into a state.

    Parameters
    ----------
    keys : Keys
        Who is in the frame.
    fields : sequence of str
        What is asked for.
    price : int
        Credits a look-up of these fields costs at most.
    held, in_doubt : sequence of int
        Positions of people whose answer the ledger holds, and of those it cannot tell about.
    filled_rows : ndarray of bool, shape (n_rows,)
        Rows that have all the values already. A person all of whose rows are filled is not bought.
    """
    codes = keys.codes
    lacking = (codes >= 0) & ~filled_rows
    states = np.full(keys.n_keys, State.FILLED, np.int8)
    states[codes[lacking]] = State.BILLABLE
    for positions, state in ((in_doubt, State.IN_DOUBT), (held, State.HELD)):
        some = np.asarray(positions, dtype=np.int64)
        states[some[states[some] == State.BILLABLE]] = state
    return Plan(keys=keys, fields=tuple(fields), price=price, rows=_rows(keys, states, lacking), states=states)


def _rows(keys: Keys, states: npt.NDArray[np.int8], lacking: npt.NDArray[np.bool_]) -> npt.NDArray[np.int8]:
    """Return each row's bucket."""
    of_state = np.empty(len(State), np.int8)
    of_state[State.BILLABLE] = Bucket.DUPLICATE  # corrected below for the first row of each
    of_state[State.FILLED] = Bucket.FILLED
    of_state[State.HELD] = Bucket.HELD
    of_state[State.IN_DOUBT] = Bucket.IN_DOUBT
    of_reason: dict[Any, Bucket] = {
        Reason.BLANK: Bucket.BLANK,
        Reason.MALFORMED: Bucket.MALFORMED,
        Reason.SUPPRESSED: Bucket.SUPPRESSED,
    }
    rows = np.full(keys.n_rows, Bucket.FILLED, np.int8)
    rows[lacking] = of_state[states[keys.codes[lacking]]]
    for reason, bucket in of_reason.items():
        rows[keys.reasons == reason] = bucket
    bought = np.where(rows == Bucket.DUPLICATE, keys.codes, -1)
    rows[first_rows(bought, keys.n_keys)] = Bucket.BILLABLE
    return rows

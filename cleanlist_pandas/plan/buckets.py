"""The Plan: every row in exactly one bucket, every unique person in exactly one state. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cleanlist_pandas.fields import FieldName
from cleanlist_pandas.frame.arrays import first_rows
from cleanlist_pandas.frame.keys import Keys, Reason
from cleanlist_pandas.frame.needs import Bits, Needs, bits_of, names_of

__all__ = ["BUCKETS", "NOBODY", "Bucket", "Decision", "Ints", "State", "Tariff", "decide_people", "n_rows"]

Ints = npt.NDArray[np.int64]
Tariff = Callable[[Sequence[FieldName]], int]
"""Credits that one look-up of some fields costs at most."""


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
    KNOWN = 2
    HELD = 3
    IN_DOUBT = 4
    UNNAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decision:
    """Who would be bought, what would be asked of each, and for how much.

    Attributes
    ----------
    rows : ndarray of int8, shape (n_rows,)
        Each row's `Bucket`.
    states : ndarray of int8, shape (n_keys,)
        Each unique person's `State`.
    asks : ndarray of uint16, shape (n_keys,)
        The fields to be asked of each person, as bits; none of those who are not bought.
    prices : ndarray of int64, shape (n_keys,)
        Credits that costs at most.
    price : int
        Credits one look-up of all fields that are offered costs at most: what everybody would cost whom nothing is
        known of.
    doubtful : int
        Credits that the people who are bought would cost more if what is in doubt of them were asked too.
    """

    rows: npt.NDArray[np.int8] = field(repr=False)
    states: npt.NDArray[np.int8] = field(repr=False)
    asks: Bits = field(repr=False)
    prices: Ints = field(repr=False)
    price: int
    doubtful: int

    @property
    def billable(self) -> Ints:
        """Positions, among the unique people, of those who would be bought; in first-seen order."""
        return np.flatnonzero(self.states == State.BILLABLE)

    def n_unnamed(self, keys: Keys, times: Ints | None = None) -> int:
        """Return the number of suppressed rows of people who are not known well enough to be asked about."""
        return n_rows((self.rows == Bucket.SUPPRESSED) & (keys.reasons != Reason.SUPPRESSED), times)

    def counts(self, times: Ints | None = None) -> dict[str, int]:
        """Return the number of rows in each bucket, each counted some times; one of each person's is billable."""
        counts = np.bincount(self.rows, weights=times, minlength=len(BUCKETS)).astype(np.int64)
        n_billable = np.count_nonzero(self.rows == Bucket.BILLABLE)
        counts[Bucket.DUPLICATE] += counts[Bucket.BILLABLE] - n_billable
        counts[Bucket.BILLABLE] = n_billable
        return dict(zip(BUCKETS, counts.tolist(), strict=True))


NOBODY: Final = Decision(
    rows=np.empty(0, np.int8), states=np.empty(0, np.int8), asks=np.empty(0, np.uint16), prices=np.empty(0, np.int64),
    price=0, doubtful=0,
)  # fmt: skip
"""What is decided before anything is known."""


def n_rows(mask: npt.NDArray[np.bool_], times: Ints | None) -> int:
    """Return how many rows are meant, each counted some times; by default once."""
    return int(np.count_nonzero(mask) if times is None else times[mask].sum())


def decide_people(
    keys: Keys,
    fields: Sequence[FieldName],
    needs: Needs,
    *,
    known: Bits,
    held: Bits,
    doubted: Bits,
    tariff: Tariff,
    screened: bool = False,
    offered: np.uint16 | int = 0xFFFF,
    nameable: npt.NDArray[np.bool_] | None = None,
) -> Decision:
    """Put every row into its bucket and every person into a state.

    Parameters
    ----------
    keys : Keys
        Who is in the frame.
    fields : sequence of str
        What is asked for.
    needs : Needs
        What each row and person lacks. A person all of whose rows lack nothing is not bought.
    known, held, doubted : ndarray of uint16, shape (n_keys,)
        The fields the user's own tables know of each person, the ledger holds, and it cannot tell about.
    tariff : callable
        Credits a look-up of some fields costs at most.
    screened : bool
        Whether phones are bought in a look-up of their own, after the rest.
    offered : int
        The fields that can be bought, as bits. Of the others what is known, held or in doubt counts, and no more is
        expected.
    nameable : ndarray of bool, shape (n_keys,), optional
        Who can be asked about at all; by default everybody. Of the others what is known, held or in doubt counts.
    """
    there = known | held | doubted
    wished = needs.people & (np.uint16(offered) | there)
    wanted = wished if nameable is None else np.where(nameable, wished, wished & there)
    missing = wanted & ~known
    unanswered = missing & ~held
    asks = unanswered & ~doubted
    states = np.select(
        [wished == 0, wanted == 0, missing == 0, unanswered == 0, asks == 0],
        [State.FILLED, State.UNNAMED, State.KNOWN, State.HELD, State.IN_DOUBT],
        State.BILLABLE,
    ).astype(np.int8)

    def priced(asked: Bits) -> Ints:
        kinds, places = np.unique(asked, return_inverse=True)
        of_kind = [sum(tariff(names) for names in looks(bits, screened)) for bits in kinds.tolist()]
        return np.array(of_kind, np.int64)[places]

    prices = priced(asks)
    return Decision(
        rows=_rows(keys, states, needs.rows & (keys.codes >= 0)),
        states=states,
        asks=asks,
        prices=prices,
        price=int(priced(np.array([bits_of(fields) & np.uint16(offered)]))[0]),
        doubtful=int((priced(np.where(asks != 0, unanswered, 0)) - prices).sum()),
    )


def looks(bits: int, screened: bool) -> list[tuple[FieldName, ...]]:
    """Return the look-ups that some fields take: one, or with `screened` phones one for the rest and one for phones."""
    phone = int(bits_of(["phone"])) if screened else 0
    return [names_of(part) for part in (bits & ~phone, bits & phone) if part]


def _rows(keys: Keys, states: npt.NDArray[np.int8], lacking: npt.NDArray[np.bool_]) -> npt.NDArray[np.int8]:
    """Return each row's bucket."""
    of_state = np.empty(len(State), np.int8)
    of_state[State.BILLABLE] = Bucket.DUPLICATE  # corrected below for the first row of each
    of_state[State.FILLED] = Bucket.FILLED
    of_state[State.KNOWN] = Bucket.KNOWN
    of_state[State.HELD] = Bucket.HELD
    of_state[State.IN_DOUBT] = Bucket.IN_DOUBT
    of_state[State.UNNAMED] = Bucket.SUPPRESSED
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

"""What an enriched frame holds, counted: by people where it is known who they are, else by rows. Pure."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from cleanlist_pandas.fields import EMAIL_STATUSES, FIELDS, SENIORITIES, RowStatus, Source
from cleanlist_pandas.frame.arrays import first_rows
from cleanlist_pandas.frame.columns import Columns, pick
from cleanlist_pandas.frame.existing import label
from cleanlist_pandas.frame.keys import Keys, read
from cleanlist_pandas.frame.mail_domains import DomainClass, classify

__all__ = ["Contents", "DomainRate", "read_contents"]

Codes = npt.NDArray[np.int8]
_STATUSES = [str(status) for status in RowStatus]
_SOURCES = [str(source) for source in Source]
_COMPLETED, _NOT_FOUND, _SKIPPED = (
    _STATUSES.index(status) for status in (RowStatus.COMPLETED, RowStatus.NOT_FOUND, RowStatus.SKIPPED)
)
_OF_SERVICE = [_SOURCES.index(source) for source in (Source.API, Source.LEDGER)]


class DomainRate(NamedTuple):
    """How often people at one kind of mail domain were found."""

    asked: int  # people of whom the service said that it knows them, or does not
    found: int
    sent: int  # of those asked, people the run itself asked; 0 where that is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What an enriched frame holds.

    Attributes
    ----------
    unit : str
        What is counted: ``people``, or ``rows`` where no column of addresses was found.
    n_rows : int
        Rows of the frame.
    n_skipped : int
        Rows that were skipped.
    n : int
        People, or rows, that were not skipped.
    completed : int
        How many of them completed.
    coverage, seniorities, email_statuses : mapping of str to int
        How many of those completed have a value, by field, and which; empty where the frame has no such column.
    domains : mapping of str to DomainRate
        By kind of mail domain; empty where it is not known who was asked.
    spend : sequence of (float, int)
        Seconds since the first charge, and credits charged until then; empty without ``provenance=True``.
    """

    unit: str
    n_rows: int
    n_skipped: int
    n: int
    completed: int
    coverage: Mapping[str, int]
    seniorities: Mapping[str, int]
    email_statuses: Mapping[str, int]
    domains: Mapping[str, DomainRate]
    spend: Sequence[tuple[float, int]] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain JSON values; but for `domains`, which not every report may tell."""
        return {
            "unit": self.unit,
            "n_rows": self.n_rows,
            "n_skipped": self.n_skipped,
            "n": self.n,
            "completed": self.completed,
            "coverage": dict(self.coverage),
            "seniorities": dict(self.seniorities),
            "email_statuses": dict(self.email_statuses),
        }


def read_contents(frame: pd.DataFrame, email: Hashable | None, sources: Collection[str]) -> Contents:
    """Count what an enriched frame holds.

    Parameters
    ----------
    frame : pandas.DataFrame
        What `enrich` returned, or a part of it.
    email : Hashable or None
        The column that says who a row is about.
    sources : collection of str
        Where the run's answers came from: tells, without the column ``enriched_source``, whether all were asked.
    """
    keys = None if email is None else read(frame, Columns(email=email))
    codes = np.arange(len(frame)) if keys is None else keys.codes
    n_keys = len(frame) if keys is None else keys.n_keys
    of_row = _words(frame, "enriched_status", _STATUSES)
    n_skipped = int(np.count_nonzero(of_row == _SKIPPED))
    codes = np.where((of_row == _SKIPPED) | (of_row < 0), -1, codes)
    statuses = np.full(n_keys, -1, np.int8)  # of a person's rows some may have been filled before: the worst is theirs
    np.maximum.at(statuses, codes[codes >= 0], of_row[codes >= 0])
    done = statuses == _COMPLETED
    rows = first_rows(np.where(np.append(done, False)[codes], codes, -1), n_keys)
    return Contents(
        unit="rows" if keys is None else "people",
        n_rows=len(frame),
        n_skipped=n_skipped,
        n=int(np.count_nonzero(statuses >= 0)),
        completed=int(np.count_nonzero(done)),
        coverage=_coverage(frame, rows),
        seniorities=_counts(frame, FIELDS["seniority"].column, SENIORITIES, rows),
        email_statuses=_counts(frame, FIELDS["email_status"].column, EMAIL_STATUSES, rows),
        domains={} if keys is None else _domains(keys, statuses, _sources(frame, codes, n_keys, sources)),
        spend=_spend(frame),
    )


def _column(frame: pd.DataFrame, name: str) -> pd.Series[Any] | None:
    """Return one of our columns, if the frame has it."""
    place = label(frame, name)
    return pick(frame, place) if place in frame.columns else None


def _words(frame: pd.DataFrame, name: str, words: Sequence[str]) -> Codes:
    """Return each row's place among some words, -1 for none of them; whatever dtype the column has by now."""
    column = _column(frame, name)
    if column is None:
        return np.full(len(frame), -1, np.int8)
    known = column.astype("category").cat
    places = pd.Index(list(words), dtype=object).get_indexer(known.categories.astype(object))
    return np.append(places, -1).astype(np.int8)[known.codes.to_numpy()]


def _coverage(frame: pd.DataFrame, rows: npt.NDArray[np.int64]) -> dict[str, int]:
    """Count the values of each field on some rows."""
    columns = {field.name: _column(frame, field.column) for field in FIELDS.values()}
    return {name: int(column.iloc[rows].notna().sum()) for name, column in columns.items() if column is not None}


def _counts(frame: pd.DataFrame, name: str, words: Sequence[str], rows: npt.NDArray[np.int64]) -> dict[str, int]:
    """Count each word of an enum on some rows; nothing if there is no such column."""
    if _column(frame, name) is None:
        return {}
    codes = _words(frame, name, words)[rows]
    return dict(zip(words, np.bincount(codes[codes >= 0], minlength=len(words)).tolist(), strict=True))


def _spend(frame: pd.DataFrame) -> list[tuple[float, int]]:
    """Return what was charged until when; nothing if the frame does not say."""
    at, credits = _column(frame, "enriched_at"), _column(frame, "enriched_credits")
    if at is None or credits is None:
        return []
    told = pd.DataFrame({"at": pd.to_datetime(at, utc=True), "credits": pd.to_numeric(credits)}).dropna()
    charged = told[told["credits"] > 0].sort_values("at", kind="stable")
    seconds = (charged["at"] - charged["at"].min()).dt.total_seconds()
    return list(zip(seconds.tolist(), charged["credits"].cumsum().astype("int64").tolist(), strict=True))


def _sources(
    frame: pd.DataFrame, codes: npt.NDArray[np.int64], n_keys: int, sources: Collection[str]
) -> npt.NDArray[np.int8] | None:
    """Return where each person's answer came from, -1 for nowhere; None if that is not known."""
    if _column(frame, "enriched_source") is None:
        only = [_SOURCES.index(source) for source in sources]
        if not set(only) <= set(_OF_SERVICE):
            return None
        return np.full(n_keys, only[0] if len(only) == 1 else _OF_SERVICE[1], np.int8)
    of_row = _words(frame, "enriched_source", _SOURCES)
    told = (codes >= 0) & (of_row >= 0)
    nearest = np.full(n_keys, len(_SOURCES), np.int8)  # rows that were filled before say so: the answer is nearer
    np.minimum.at(nearest, codes[told], of_row[told])
    return nearest


def _domains(keys: Keys, statuses: Codes, nearest: Codes | None) -> dict[str, DomainRate]:
    """Count by kind of mail domain who was asked and who was found."""
    if nearest is None:
        return {}
    asked = np.isin(statuses, [_COMPLETED, _NOT_FOUND]) & np.isin(nearest, _OF_SERVICE)
    kinds = classify(keys.addresses)
    rates = {}
    for kind in DomainClass:
        mine = asked & (kinds == kind)
        if mine.any():
            rates[kind.name.lower().replace("_", "-")] = DomainRate(
                asked=int(mine.sum()),
                found=int((statuses[mine] == _COMPLETED).sum()),
                sent=int((nearest[mine] == _SOURCES.index(Source.API)).sum()),
            )
    return rates

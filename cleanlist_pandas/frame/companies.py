"""The companies behind a frame's people: one key for each distinct business domain, and which of them are wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.fields import FieldName
from cleanlist_pandas.frame.addresses import Bools, Reason
from cleanlist_pandas.frame.arrays import Array
from cleanlist_pandas.frame.keys import Keys
from cleanlist_pandas.frame.mail_domains import DomainClass, classify_domains, domains_of
from cleanlist_pandas.frame.needs import Bits, Needs, bits_of, find_needs, on_rows

__all__ = ["company_keys", "company_needs"]


def company_keys(people: Keys) -> Keys:
    """Return the companies of some people by their domains; rows of people at free-mail hosts have none.

    Examples
    --------
    >>> import pandas as pd
    >>> from cleanlist_pandas.frame.columns import Columns
    >>> from cleanlist_pandas.frame.keys import read
    >>> leads = pd.DataFrame({"email": ["jo@acme.example", "lou@gmx.de", "kim@acme.example"]})
    >>> found = company_keys(read(leads, Columns(email="email")))
    >>> found.addresses.to_pylist(), found.codes.tolist()
    (['acme.example'], [0, -1, 0])
    """
    domains = domains_of(people.addresses)
    is_free = classify_domains(domains) == DomainClass.FREE_MAIL
    named: Any = pc.if_else(pa.array(is_free), pa.scalar(None, pa.large_string()), domains).dictionary_encode()
    places = np.asarray(pc.fill_null(named.indices.cast(pa.int64()), -1))
    codes = np.append(places, -1)[people.codes]
    return replace(
        people,
        addresses=named.dictionary,
        codes=codes,
        reasons=np.where((codes < 0) & (people.codes >= 0), np.int8(Reason.BLANK), people.reasons),
        hints={},
    )


def company_needs(
    companies: Keys,
    people: Keys,
    unsaid: Bits,
    fields: Sequence[FieldName],
    existing: Mapping[str, Array],
    *,
    brought: Sequence[str],
) -> Needs:
    """Find the rows and companies that lack something which only their company can tell.

    Parameters
    ----------
    companies, people : Keys
        Of one frame.
    unsaid : ndarray of uint16, shape (people.n_keys,)
        The fields that nobody can tell of each person.
    fields : sequence of str
        What was asked for of companies.
    existing : mapping of str to array
        Values the frame has already, by field.
    brought : sequence of str
        What one look-up of a company brings: of each company all of it is wanted, or nothing.
    """
    of_row = on_rows(unsaid, people.codes)
    only: dict[str, Bools] = {name: (of_row & bits_of([name])) != 0 for name in fields}
    found = find_needs(companies.codes, companies.n_keys, fields, existing, only)
    return Needs(found.rows, np.where(found.people != 0, bits_of(brought), np.uint16(0)))

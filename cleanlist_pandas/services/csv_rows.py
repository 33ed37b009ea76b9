"""The answers of csv_row, many at a time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.fields import FIELDS, FieldName
from cleanlist_pandas.frame.arrays import Ints
from cleanlist_pandas.frame.texts import Bools, as_mask
from cleanlist_pandas.frame.told import Facts
from cleanlist_pandas.services.many import Cells, Shape, facts_of, fits, is_between, is_nothing_or

__all__ = ["CSV_ROW"]

_pc: Final[Any] = pc  # its stubs do not know values whose type is known later
_TEXT: Final = pa.large_string()
_STATUS_NAMES: Final = ("status", "enriched_status")


def _body(fields: Sequence[FieldName]) -> pa.DataType:
    """Return the type of a plain answer."""
    names = dict.fromkeys(["input_email", *_STATUS_NAMES, "enriched_email_status", *(FIELDS[n].column for n in fields)])
    row = [(name, pa.float64() if name == "icp_score" else _TEXT) for name in names]
    meta = [("credits_used", pa.float64()), ("confidence", pa.float64())]
    body: Any = pa.struct([("status", _TEXT), ("csv_row", pa.struct(row)), ("meta", pa.struct(meta))])
    return body  # type: ignore[no-any-return]


def _is_plain(answers: Cells, addresses: pa.LargeStringArray, fields: Sequence[FieldName]) -> Bools:
    """Return which answers are about who was asked about, whole, and have nothing to be noted."""
    status, row, meta = (_pc.struct_field(answers, name) for name in ("status", "csv_row", "meta"))
    email, confidence = _pc.struct_field(row, "input_email"), _pc.struct_field(meta, "confidence")
    completed = as_mask(_pc.equal(status, "completed"))
    for name in _STATUS_NAMES:
        completed &= is_nothing_or("completed", _pc.struct_field(row, name))
    for name in dict.fromkeys(["email_status", *fields]):
        completed &= fits(name, _pc.struct_field(row, FIELDS[name].column))
    completed &= is_between(_pc.struct_field(meta, "credits_used"), 0, 1e9 - 1) & as_mask(email.is_valid())
    completed &= is_between(confidence, 0, 1) | as_mask(confidence.is_null())
    missed = as_mask(_pc.equal(status, "not_found"))
    own = as_mask(_pc.or_kleene(email.is_null(), _pc.equal(email, addresses)))
    return own & (completed | missed)


def _facts(answers: Cells, times_us: Ints, fields: Sequence[FieldName]) -> Facts:
    """Return plain answers by column."""
    status, row, meta = (_pc.struct_field(answers, name) for name in ("status", "csv_row", "meta"))
    found = as_mask(_pc.equal(status, "completed"))
    confidence = _pc.struct_field(meta, "confidence").to_numpy(zero_copy_only=False)
    told = {name: _pc.struct_field(row, FIELDS[name].column) for name in fields}
    return facts_of(found, times_us, told, confidences=np.where(found, confidence, np.nan))


CSV_ROW: Final = Shape(_body, _is_plain, _facts)

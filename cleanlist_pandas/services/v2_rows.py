"""The answers of v2, many at a time: the end of a person's workflow, and what is told of one of a list. Pure."""

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
from cleanlist_pandas.services.seniority import seniorities
from cleanlist_pandas.services.v2 import LONGEST_TOKEN, SENIORITY_NOTE

__all__ = ["LEAD", "WORKFLOW"]

_pc: Final[Any] = pc  # its stubs do not know values whose type is known later
_TEXT: Final = pa.large_string()
_NUMBER: Final = pa.float64()
_TOKEN: Final = rf"\A[ -~]{{1,{LONGEST_TOKEN}}}\z"
_CELLS: Final = {"email_status": "email_status", "title": "title", "seniority": "title", "company": "company",
                 "phone": "phone", "linkedin": "linkedin_url"}  # fmt: skip
_LEAD: Final = dict.fromkeys(["lead_id", "status", "email", *_CELLS.values()], _TEXT)


def _workflow_body(fields: Sequence[FieldName]) -> Any:
    """Return the type of a workflow's plain end."""
    texts = dict.fromkeys(("workflow_id", "status", "refund_status"), _TEXT)
    numbers = dict.fromkeys(("credits_charged", "credits_refunded"), _NUMBER)
    return _struct({**texts, **numbers, "result": _struct(_LEAD)})


def _is_plain_workflow(answers: Cells, addresses: pa.LargeStringArray, fields: Sequence[FieldName]) -> Bools:
    """Return which workflows ended as they should, with somebody who was paid for or with nobody for nothing."""
    result, charged = (_pc.struct_field(answers, name) for name in ("result", "credits_charged"))
    lead_id, email = (_pc.struct_field(result, name) for name in ("lead_id", "email"))
    ended = as_mask(_pc.equal(_pc.struct_field(answers, "status"), "completed"))
    ended &= as_mask(_pc.match_substring_regex(_pc.struct_field(answers, "workflow_id"), _TOKEN))
    ended &= is_nothing_or("not_applicable", _pc.struct_field(answers, "refund_status"))
    ended &= as_mask(_pc.struct_field(answers, "credits_refunded").is_null())
    found = is_between(charged, 1, 1e9 - 1) & as_mask(_pc.match_substring_regex(lead_id, _TOKEN))
    found &= as_mask(_pc.or_kleene(email.is_null(), _pc.equal(email, addresses)))
    found &= is_nothing_or("completed", _pc.struct_field(result, "status")) & _fit(result, fields)
    missed = as_mask(_pc.equal(lead_id, "")) & is_between(charged, 0, 0)
    return ended & (found | missed)


def _workflow_facts(answers: Cells, times_us: Ints, fields: Sequence[FieldName]) -> Facts:
    """Return plain ends by column."""
    result = _pc.struct_field(answers, "result")
    return _facts(result, as_mask(_pc.not_equal(_pc.struct_field(result, "lead_id"), "")), times_us, fields)


def _lead_body(fields: Sequence[FieldName]) -> Any:
    """Return the type of what is plainly told of one of a list."""
    flags = dict.fromkeys(("found", "failed"), pa.bool_())
    return _struct({**flags, "credits": _NUMBER, "notes": pa.list_(_TEXT), "lead": _struct(_LEAD)})


def _is_plain_lead(answers: Cells, addresses: pa.LargeStringArray, fields: Sequence[FieldName]) -> Bools:
    """Return which people were found with nothing to be noted, or not found for nothing."""
    lead, found, failed = (_pc.struct_field(answers, name) for name in ("lead", "found", "failed"))
    credits, notes = (_pc.struct_field(answers, name) for name in ("credits", "notes"))
    no_notes = ~as_mask(_pc.greater(_pc.list_value_length(notes), 0))
    missed = as_mask(_pc.invert(found)) & ~as_mask(failed) & is_between(credits, 0, 0)
    return as_mask(lead.is_valid()) & ((as_mask(found) & no_notes & _fit(lead, fields)) | missed)


def _lead_facts(answers: Cells, times_us: Ints, fields: Sequence[FieldName]) -> Facts:
    """Return what is plainly told, by column."""
    return _facts(_pc.struct_field(answers, "lead"), as_mask(_pc.struct_field(answers, "found")), times_us, fields)


def _fit(lead: Cells, fields: Sequence[FieldName]) -> Bools:
    """Return of which people all that is told is a value as the field's column holds it; a level of ours always is."""
    fit = as_mask(lead.is_valid())
    for name in fields:
        fit &= name == "seniority" or fits(name, _told(lead, name))
    return fit


def _told(lead: Cells, name: FieldName) -> Cells:
    """Return what is told of one field: its cells, the level of the titles, or nothing."""
    if name not in _CELLS:
        return pa.nulls(len(lead), _NUMBER if FIELDS[name].integer else _TEXT)
    cells = _pc.struct_field(lead, _CELLS[name])
    if name == "email_status":
        return _pc.if_else(_pc.equal(cells, "reliable"), "valid", cells).cast(_TEXT)
    if name == "seniority":
        return seniorities(cells)
    return cells


def _facts(lead: Cells, found: Bools, times_us: Ints, fields: Sequence[FieldName]) -> Facts:
    """Return what is told of people, and that a level is ours."""
    told = {name: _told(lead, name) for name in fields}
    is_level = found & as_mask(told["seniority"].is_valid()) if "seniority" in told else np.zeros(len(found), np.bool_)
    reasons = _pc.if_else(pa.array(is_level), pa.scalar(SENIORITY_NOTE, _TEXT), pa.scalar(None, _TEXT))
    return facts_of(found, times_us, told, reasons=reasons)


def _struct(kinds: dict[str, Any]) -> Any:
    """Return the type of an object."""
    return pa.struct(list(kinds.items()))


WORKFLOW: Final = Shape(_workflow_body, _is_plain_workflow, _workflow_facts)
LEAD: Final = Shape(_lead_body, _is_plain_lead, _lead_facts)

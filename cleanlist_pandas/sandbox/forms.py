"""Reading bodies and queries as the vendor's framework does: every fault of a form is a 422 that names its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cleanlist_pandas.sandbox.rules import Answer, refuse

__all__ = ["Field", "Refusal", "flag", "form", "listed", "mapping", "misfit", "read_form", "text", "whole", "words"]

Check = Callable[[Any], "tuple[str, str] | None"]


class Refusal(Exception):  # noqa: N818 - a decision on its way out, and it never leaves the sandbox
    """An answer that says no, from wherever it becomes clear."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form.

    Attributes
    ----------
    check : callable
        Returns what is wrong with a value, as the error's type and message, or ``None``.
    required, nullable : bool
        Whether it must be there; whether ``null`` is the same as leaving it out.
    default : object
        What it is when left out.
    """

    check: Check
    required: bool = False
    nullable: bool = True
    default: Any = None


def text(*, required: bool = False, shortest: int = 0, longest: int | None = None) -> Field:
    """Describe a text field."""

    def check(value: Any) -> tuple[str, str] | None:
        if not isinstance(value, str):
            return "string_type", "Input should be a valid string"
        if len(value) < shortest:
            return "string_too_short", f"String should have at least {shortest} character"
        if longest is not None and len(value) > longest:
            return "string_too_long", f"String should have at most {longest} characters"
        return None

    return Field(check, required, nullable=not required)


def words(*allowed: str, default: str | None = None, nullable: bool = True) -> Field:
    """Describe a field that holds one of a few words."""
    message = f"Input should be {', '.join(map(repr, allowed[:-1]))} or {allowed[-1]!r}"
    return Field(lambda value: None if value in allowed else ("literal_error", message), False, nullable, default)


def flag(default: bool) -> Field:
    """Describe a yes-or-no field."""
    message = ("bool_type", "Input should be a valid boolean")
    return Field(lambda value: None if isinstance(value, bool) else message, False, False, default)


def whole() -> Field:
    """Describe an optional whole number."""
    message = ("int_type", "Input should be a valid integer")
    return Field(lambda value: None if isinstance(value, int) and not isinstance(value, bool) else message)


def listed() -> Field:
    """Describe an optional list of texts."""
    message = ("list_type", "Input should be a valid list of strings")
    return Field(lambda value: None if isinstance(value, list) and all(isinstance(v, str) for v in value) else message)


def mapping(*, keys: frozenset[str] | None = None, required: bool = False) -> Field:
    """Describe an object: with `keys`, texts under those names and at least one of them."""

    def check(value: Any) -> tuple[str, str] | None:
        if not isinstance(value, dict):
            return "dict_type", "Input should be a valid dictionary"
        if keys is None:
            return None
        if not value:
            return "too_short", "Dictionary should have at least 1 item after validation, not 0"
        if unknown := value.keys() - keys:
            return "literal_error", f"Unknown field {sorted(unknown)[0]!r}; the fields are {', '.join(sorted(keys))}"
        return None if all(isinstance(v, str) for v in value.values()) else ("string_type", "Values should be strings")

    return Field(check, required, nullable=not required)


def form(*, open: bool = False, **fields: Field) -> tuple[bool, Mapping[str, Field]]:
    """Put fields together; an `open` form ignores what it does not know, the others refuse it."""
    return open, fields


def misfit(where: list[str | int], message: str, kind: str = "value_error") -> Refusal:
    """Build the 422 for one fault."""
    return Refusal(refuse(422, [{"type": kind, "loc": where, "msg": message}]))


def read_form(raw: bytes, spec: tuple[bool, Mapping[str, Field]]) -> dict[str, Any]:
    """Read a body.

    Parameters
    ----------
    raw : bytes
        The body as it came.
    spec : form
        What it may hold.

    Returns
    -------
    dict
        Every field of the form, with its default where it was left out.

    Raises
    ------
    Refusal
        422, with one entry for each fault, also for what is no JSON.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise misfit(["body"], "JSON decode error", "json_invalid") from None
    if not isinstance(body, dict):
        raise misfit(["body"], "Input should be a valid dictionary or object", "model_attributes_type")
    is_open, fields = spec
    wrong = [fault for name, field in fields.items() if (fault := _fault(name, field, body))]
    if not is_open:
        extra = ("extra_forbidden", "Extra inputs are not permitted")
        wrong += [(name, *extra) for name in body if name not in fields]
    if wrong:
        said = [{"type": kind, "loc": ["body", name], "msg": message} for name, kind, message in wrong]
        raise Refusal(refuse(422, said))
    return {name: field.default if body.get(name) is None else body[name] for name, field in fields.items()}


def _fault(name: str, field: Field, body: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Say what is wrong with one field."""
    if name not in body:
        return (name, "missing", "Field required") if field.required else None
    if body[name] is None and field.nullable:
        return None
    wrong = field.check(body[name])
    return (name, *wrong) if wrong else None

"""Faults as values: what shall go wrong with one request, on the wire and in the books. Pure.

A fault says up to three things, which combine: *what* is answered (another status, other headers, a changed truth),
*how* it travels (cut, dripped, reset, never, raw), and what is *charged*.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias, get_args

from cleanlist_pandas.sandbox.rules import Answer

__all__ = ["Fault", "ResetAt", "shape"]

ResetAt: TypeAlias = Literal["before_request", "after_headers", "after_body", "after_charge"]

_WAYS = ("raw", "truncate_at", "reset", "silent", "drip_bytes", "gzip_bomb_bytes", "flood_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One scripted fault. Without arguments it is the true answer, charged as usual.

    Parameters
    ----------
    status : int, optional
        Answer this status instead of the truth. Not charged, unless `charge` says so.
    headers : mapping of str to str, optional
        Further headers, sent verbatim.
    body : bytes, str or JSON value, optional
        The body to send. Default: the truth, or ``{"detail": …}`` where `status` is given.
    retry_after : str, optional
        The ``Retry-After`` header, verbatim: seconds, a date, or rubbish.
    location : str, optional
        The ``Location`` header of a redirect; give the `status` too.
    content_type : str, optional
        Default ``application/json``.
    content_length : int, optional
        State this length, whatever the body's is; the connection closes after the answer.
    echo : str, optional
        Answer about another address: replaces ``csv_row.input_email``.
    mutate : mapping of str to JSON value, optional
        Dotted paths in the true answer and what to put there: ``{"meta.credits_used": -1}``.
    delete : sequence of str, optional
        Dotted paths to take out of the true answer.
    credits : int, optional
        Credits to charge and to state instead of the price, whoever is found.
    charge : bool, optional
        Whether the look-up is charged. Default: yes where the true answer leaves, whole, cut or changed; no where
        `status`, `body`, `raw`, `silent` or a `reset` before the charge replaces it. On the v2 and legacy surfaces a
        request that is not charged has no effect at all.
    ends : {"failed", "swept"}, optional
        How the workflow ends that this request starts, on the surfaces that have workflows: failed with its credits
        still charged (``pending_review``), or failed with all of them given back.
    delay_s : float, default 0
        Seconds between the charge and the answer, on top of the sandbox's latency.
    raw : bytes, optional
        Send exactly these bytes, then close.
    truncate_at : int, optional
        Send this many bytes of the answer, then end as `then` says.
    truncate_counts : {"body", "answer"}, default "body"
        Whether `truncate_at` counts from the body's first byte or from the status line's.
    then : {"close", "reset"}, default "close"
        How a truncated answer ends: an orderly close, or a reset.
    reset : {"before_request", "after_headers", "after_body", "after_charge"}, optional
        Reset the connection at this moment. The first two take effect that early only in a list, where the number
        decides; where the address decides, the body has to be read first. Nothing is charged before "after_charge".
    silent : bool, default False
        Never answer: the connection stays open until the client or the sandbox ends it.
    drip_bytes : int, optional
        Send the answer in pieces of this many bytes.
    drip_s : float, default 0.01
        Seconds between two pieces.
    gzip_bomb_bytes : int, optional
        Send the answer followed by this many spaces, compressed with gzip.
    flood_bytes : int, optional
        Send the answer followed by this many spaces, generated in pieces; -1 never ends.
    header_bytes : int, optional
        Add a header of this many bytes.

    Raises
    ------
    ValueError
        When two ways to travel are given, or a number or a word makes no sense.
    """

    status: int | None = None
    headers: Mapping[str, str] | None = None
    body: Any = None
    retry_after: str | None = None
    location: str | None = None
    content_type: str | None = None
    content_length: int | None = None
    echo: str | None = None
    mutate: Mapping[str, Any] | None = None
    delete: Sequence[str] = ()
    credits: int | None = None
    charge: bool | None = None
    ends: Literal["failed", "swept"] | None = None
    delay_s: float = 0.0
    raw: bytes | None = None
    truncate_at: int | None = None
    truncate_counts: Literal["body", "answer"] = "body"
    then: Literal["close", "reset"] = "close"
    reset: ResetAt | None = None
    silent: bool = False
    drip_bytes: int | None = None
    drip_s: float = 0.01
    gzip_bomb_bytes: int | None = None
    flood_bytes: int | None = None
    header_bytes: int | None = None

    def __post_init__(self) -> None:
        ways = [name for name in _WAYS if getattr(self, name) not in (None, False)]
        if len(ways) > 1:
            raise ValueError(f"a fault travels one way, this one has {' and '.join(ways)}; keep one of them")
        for name in (
            "delay_s",
            "drip_s",
            "truncate_at",
            "content_length",
            "gzip_bomb_bytes",
            "header_bytes",
            "credits",
        ):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ValueError(f"{name} must be 0 or more, got {value!r}")
        if self.drip_bytes is not None and self.drip_bytes < 1:
            raise ValueError(f"drip_bytes must be 1 or more, got {self.drip_bytes!r}")
        if self.flood_bytes is not None and self.flood_bytes < -1:
            raise ValueError(f"flood_bytes must be 0 or more, or -1 for no end, got {self.flood_bytes!r}")
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError(f"status must be 200 to 599, got {self.status!r}")
        _check_word("reset", self.reset, (*get_args(ResetAt), None))
        _check_word("ends", self.ends, ("failed", "swept", None))
        _check_word("then", self.then, ("close", "reset"))
        _check_word("truncate_counts", self.truncate_counts, ("body", "answer"))
        if self.reset and self.charge is not None and self.charge is not (self.reset == "after_charge"):
            raise ValueError(f"reset={self.reset!r} already says whether it is charged; leave charge out")

    def __repr__(self) -> str:
        said = (f"{at.name}={getattr(self, at.name)!r}" for at in fields(self) if getattr(self, at.name) != at.default)
        return f"Fault({', '.join(said)})"

    @property
    def charges(self) -> bool:
        """Whether a look-up with this fault is charged."""
        if self.reset is not None:
            return self.reset == "after_charge"
        if self.charge is not None:
            return self.charge
        return self.status is None and self.body is None and self.raw is None and not self.silent


def _check_word(name: str, value: object, allowed: tuple[object, ...]) -> None:
    """Refuse a word that is not in the list."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")


def shape(fault: Fault, truth: Answer, refusal: bytes | None = None) -> Answer:
    """Return the answer as the fault wants it said.

    Parameters
    ----------
    fault : Fault
        What shall go wrong.
    truth : Answer
        What would have been answered.
    refusal : bytes, optional
        How the surface itself would word the fault's status. Default: ``{"detail": …}``.

    Returns
    -------
    Answer
        Its headers are the fault's own, in order, behind the truth's.
    """
    status = fault.status or truth.status
    if fault.body is not None:
        body = _as_bytes(fault.body)
    elif fault.status is not None:
        body = refusal or json.dumps({"detail": f"Scripted fault {fault.status}"}).encode()
    else:
        body = _changed(fault, truth.body)
    headers = [*truth.headers, *(fault.headers or {}).items()]
    if fault.retry_after is not None:
        headers.append(("Retry-After", fault.retry_after))
    if fault.location is not None:
        headers.append(("Location", fault.location))
    if fault.header_bytes is not None:
        headers.append(("X-Padding", "x" * fault.header_bytes))
    return Answer(status, body, tuple(headers), fault.content_type or truth.content_type)


def _as_bytes(body: Any) -> bytes:
    """Write a scripted body."""
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def _changed(fault: Fault, body: bytes) -> bytes:
    """Change the true JSON where the fault says so."""
    if fault.echo is None and not fault.mutate and not fault.delete:
        return body
    said = json.loads(body)
    changes = dict(fault.mutate or {})
    if fault.echo is not None:
        changes["csv_row.input_email"] = fault.echo
    for path, value in changes.items():
        *way, last = path.split(".")
        inside = said
        for step in way:
            inside = inside.setdefault(step, {})
        inside[last] = value
    for path in fault.delete:
        *way, last = path.split(".")
        inside = said
        for step in way:
            inside = inside.get(step, {})
        inside.pop(last, None)
    return json.dumps(said).encode()

"""The service's decisions, one request at a time. No I/O and no ``await``, so nothing interleaves."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from hashlib import blake2b

from cleanlist_pandas.sandbox.books import Books, Charge
from cleanlist_pandas.sandbox.faults import Fault, shape
from cleanlist_pandas.sandbox.rules import FIELDS, Answer, Bucket, LookUp, envelope, price, read_look_up, refuse
from cleanlist_pandas.sandbox.scripts import Script
from cleanlist_pandas.sandbox.world import World

__all__ = ["PATH", "Decision", "Desk", "Incoming"]

PATH = "/v1/enrich/csv_row"


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request, read whole; `caller` is the position of its key among the sandbox's keys."""

    method: str
    path: str
    key_ok: bool
    idempotency_key: str | None
    body: bytes
    caller: int = 0
    host: str = "127.0.0.1"


class Memory:
    """The stored answer to one ``Idempotency-Key``, and whether its first request is still being served."""

    __slots__ = ("_done", "answer", "asked", "serving")

    def __init__(self, asked: tuple[str, frozenset[str]], answer: Answer) -> None:
        self.asked = asked
        self.answer = answer
        self.serving = True
        self._done: asyncio.Event | None = None

    async def served(self) -> None:
        """Wait until the first request is through."""
        if self.serving:
            self._done = self._done or asyncio.Event()
            await self._done.wait()

    def done(self) -> None:
        """Let those who wait go on."""
        self.serving = False
        if self._done is not None:
            self._done.set()


@dataclass(slots=True)
class Decision:
    """What shall happen to a request: already in the books, not yet on the wire."""

    answer: Answer
    fault: Fault | None = None
    looked_up: bool = False
    own: Memory | None = None
    replays: Memory | None = None


class Desk:
    """Decides every request and writes the books.

    Parameters
    ----------
    seed : int
        Decides the identities of answers.
    world : World
        Who is known.
    books : Books
        Where requests and charges go.
    script : Script
        Which request meets which fault.
    bucket : Bucket or None
        The rate limit, if there is one.
    idempotency : bool
        Whether ``Idempotency-Key`` is honoured.
    """

    def __init__(
        self, *, seed: int, world: World, books: Books, script: Script, bucket: Bucket | None, idempotency: bool
    ) -> None:
        self._seed = seed
        self._world = world
        self._books = books
        self._script = script
        self._bucket = bucket
        self._idempotency = idempotency
        self._attempts: Counter[str] = Counter()
        self._memories: dict[str, Memory] = {}

    def decide(self, number: int, incoming: Incoming) -> Decision:
        """Answer one request, and book it."""
        read = read_look_up(incoming.body)
        look_up = read if isinstance(read, LookUp) else None
        fault = self._scripted(number, look_up)
        refusal = self._refusal(incoming)
        if refusal is not None:
            decision = Decision(refusal, fault)
        elif isinstance(read, Answer):
            decision = Decision(read, fault)
        else:
            decision = self._look_up(number, read, incoming.idempotency_key, fault)
        # A script wins over the rules: the n-th request meets its fault even where it would have been refused.
        if fault is not None:
            decision.answer = shape(fault, decision.answer)
        self._note(number, incoming, look_up, decision)
        return decision

    @property
    def honours_keys(self) -> bool:
        """Whether a repeated ``Idempotency-Key`` is answered again."""
        return self._idempotency

    def wait_s(self) -> int:
        """Count a request against the rate limit; return the seconds to wait where it is too early."""
        return self._bucket.take() if self._bucket is not None else 0

    def early_fault(self, number: int) -> Fault | None:
        """Return the fault that takes effect before the request is read."""
        fault = self._script.early(number)
        return fault if fault is not None and fault.reset in ("before_request", "after_headers") else None

    def _scripted(self, number: int, look_up: LookUp | None) -> Fault | None:
        """Count the attempt and ask the script."""
        if look_up is None:
            return self._script.fault(number, None, 1)
        self._attempts[look_up.key] += 1
        return self._script.fault(number, look_up.email, self._attempts[look_up.key])

    def _refusal(self, incoming: Incoming) -> Answer | None:
        """Return the refusal that does not depend on the body, if there is one."""
        if incoming.path.partition("?")[0] != PATH:
            return refuse(404, "Not Found")
        if incoming.method != "POST":
            return refuse(405, "Method Not Allowed", ("Allow", "POST"))
        if not incoming.key_ok:
            return refuse(401, "Not authenticated", ("WWW-Authenticate", "Bearer"))
        wait_s = self.wait_s()
        return refuse(429, "Rate limit exceeded", ("Retry-After", str(wait_s))) if wait_s else None

    def _look_up(self, number: int, look_up: LookUp, key: str | None, fault: Fault | None) -> Decision:
        """Answer a valid look-up: from memory where its key was seen, else anew."""
        key = key if self._idempotency else None
        memory = self._memories.get(key) if key is not None else None
        if memory is not None:
            if memory.asked != (look_up.key, look_up.fields):
                message = "Idempotency-Key was used for another look-up"
                where = ["header", "idempotency-key"]
                return Decision(refuse(422, [{"type": "value_error", "loc": where, "msg": message}]), fault)
            return Decision(memory.answer, fault, looked_up=True, replays=memory)
        if not self._books.affords(price(look_up.fields)):
            return Decision(refuse(402, "Insufficient credits"), fault)
        charging = fault is None or fault.charges
        answer = self._answer(number, look_up, fault, charging)
        decision = Decision(answer, fault, looked_up=True)
        if charging and key is not None:
            decision.own = self._memories[key] = Memory((look_up.key, look_up.fields), answer)
        return decision

    def _answer(self, number: int, look_up: LookUp, fault: Fault | None, charging: bool) -> Answer:
        """Look somebody up and charge for it."""
        person = self._world.look_up(look_up.email)
        credits = price(look_up.fields) if person is not None else 0
        if fault is not None and fault.credits is not None:
            credits = fault.credits
        if charging and credits:
            names = tuple(name for name in FIELDS if name in look_up.fields)
            self._books.charge(Charge(email=look_up.email, credits=credits, fields=names, request=number))
        token = blake2b(f"{self._seed}\0answer\0{number}".encode(), digest_size=4).hexdigest()
        return Answer(200, envelope(look_up, person, answer_id=f"ev_{token}", credits=credits))

    def _note(self, number: int, incoming: Incoming, look_up: LookUp | None, decision: Decision) -> None:
        """Write the request down."""
        record = self._books.requests[number]
        self._books.requests[number] = replace(
            record,
            method=incoming.method,
            path=incoming.path,
            raw=incoming.body,
            email=look_up.email if look_up else None,
            idempotency_key=incoming.idempotency_key,
            key_ok=incoming.key_ok,
            fault=decision.fault,
            replayed=decision.replays is not None,
        )

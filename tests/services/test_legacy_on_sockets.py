"""What is sent to legacy v1, and read of it, against the sandbox over real sockets; no run, so nothing is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.checks import secret
from cleanlist_pandas.sandbox import Sandbox, Terms
from cleanlist_pandas.services.csv_row import CsvRow
from cleanlist_pandas.services.http import Network
from cleanlist_pandas.services.legacy_v1 import MOST_PEOPLE, LegacyV1
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import Lookup, Pending, Request

SERVICE = LegacyV1()


def person(at: int, fields: Sequence[str], **hints: str) -> Lookup:
    names = {"first_name": "Person", "last_name": f"Number{at}"}
    return Lookup(address=f"person{at}@acme.example", fields=fields, hints=hints or names)


def ask(sandbox: Sandbox, path: str, requests: Sequence[Request], key: str = "") -> list[Reply]:
    """Send requests one after another over one connection."""
    network = Network(
        url=sandbox.url + path, api_key=secret(key or sandbox.api_key), timeout_s=30, connect_timeout_s=30
    )

    async def send() -> list[Any]:
        connection = network.connect()
        try:
            return [await connection.send(request) for request in requests]
        finally:
            await connection.close()

    return asyncio.run(send())


def look_up(sandbox: Sandbox, people: Sequence[Lookup]) -> list[Any]:
    """Send people at once, ask once, and share the answer out."""
    [said] = ask(sandbox, SERVICE.surface.path, [SERVICE.bulk(people)])
    taken = SERVICE.read_taken(said, len(people))
    assert taken is not None
    [told] = ask(sandbox, SERVICE.surface.path, [SERVICE.follow(taken.token)])
    parts = SERVICE.share(told, people, taken.tasks)
    return [SERVICE.read(Reply(status=200, body=part or b""), who, 7) for part, who in zip(parts, people, strict=True)]


@pytest.mark.parametrize("fields", [("email_status", "company", "industry", "size"), ("phone",), ("company", "phone")])
def test_as_many_as_one_request_takes_and_the_books_agree(fields: tuple[str, ...]) -> None:
    """Each has their own: the same values as on csv_row, but that legacy v1 has three words for an address's status."""
    with Sandbox(hit_rate=0.6) as sandbox:
        people = [person(at, fields) for at in range(MOST_PEOPLE)]
        found = look_up(sandbox, people)
        assert all(isinstance(one, Answer) and one.status in ("completed", "not_found") for one in found)
        assert sum(one.credits for one in found) == sandbox.charged <= sum(SERVICE.price(fields) for _ in people)
        assert 0 < sum(one.status == "completed" for one in found) < len(people)
        other, some = CsvRow(), range(0, MOST_PEOPLE, 10)
        replies = ask(sandbox, other.surface.path, [other.begin(people[at], "") for at in some])
        for at, reply in zip(some, replies, strict=True):
            twin = other.read(reply, people[at], 7)
            assert isinstance(twin, Answer)
            if found[at].status == "completed":
                assert _comparable(found[at]) == {name: _comparable(twin)[name] for name in _comparable(found[at])}


def _comparable(answer: Answer) -> dict[str, Any]:
    """Return values without how a phone is written."""
    values = {name: value for name, value in answer.values.items() if name != "email_status"}
    return values | ({"phone": str(values["phone"]).replace("-", "")} if "phone" in values else {})


def test_a_contact_that_is_refused_is_known_and_the_others_are_sent_again() -> None:
    """Nothing was charged for the refusal, nor set aside."""
    with Sandbox(hit_rate=1.0) as sandbox:
        nobody = person(1, ("company",), first_name="Person")
        people = [person(0, ("company",)), nobody, person(2, ("company",))]
        [said] = ask(sandbox, SERVICE.surface.path, [SERVICE.bulk(people)])
        refused = SERVICE.read_refusal(said, len(people))
        assert list(refused) == [1]
        assert "must include linkedin_url OR first_name" in refused[1]
        assert sandbox.charged == 0
        found = look_up(sandbox, [one for at, one in enumerate(people) if at not in refused])
        assert [one.credits for one in found] == [1, 1]
        assert sandbox.charged == 2


def test_what_is_worked_on_is_pending_and_another_key_knows_nothing_of_it() -> None:
    """And the balance is whole credits, or a refusal of the key."""
    with Sandbox(hit_rate=1.0, credits=12, terms=Terms(workflow_polls=1)) as sandbox:
        [pending] = look_up(sandbox, [person(0, ("company",))])
        assert isinstance(pending, Pending)
        follow = SERVICE.follow(pending.token)
        balance, told = ask(sandbox, SERVICE.surface.path, [SERVICE.ask_balance(), follow])
        assert SERVICE.read_balance(balance) in (11, 12)
        assert isinstance(SERVICE.read(told, person(0, ("company",)), 7), Answer)
        [refused] = ask(sandbox, SERVICE.surface.path, [SERVICE.ask_balance()], key="clapi_of_somebody_else")
        assert refused.status == 401

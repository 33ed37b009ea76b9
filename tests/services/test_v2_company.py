"""What a reply about a company says, whatever it looks like, and what is sent for one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.run.retry import Next, judge
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import JobService, Lookup
from cleanlist_pandas.services.v2_company import V2Company

SERVICE = V2Company()
ACME = Lookup(address="acme.example", fields=("industry", "size"))
RECORD = {"name": "Acme", "domain": "acme.example", "industry": "SaaS", "employee_count_range": "11-50"}
UNKNOWN = Reply(status=404, body=json.dumps({"error": {"code": "company_not_found", "problem": "?"}}).encode())


def read(content: Any, status: int = 200) -> Answer | None:
    return SERVICE.read(Reply(status=status, body=json.dumps(content).encode()), ACME, 7)


def test_one_request_one_price() -> None:
    """Nothing is sent but the domain; there is no job to follow and no list."""
    request = SERVICE.begin(ACME, "ll_1")
    assert (request.method, request.path) == ("POST", "/enrichment/company")
    assert json.loads(request.body) == {"domain": "acme.example"}
    assert [SERVICE.price(fields) for fields in (("size",), ("industry", "size"))] == [1, 1]
    assert not isinstance(SERVICE, JobService)


@pytest.mark.parametrize(
    ("content", "status", "credits", "values"),
    [
        ({"company": RECORD, "credits_charged": 1}, "completed", 1, {"industry": "SaaS", "size": "11-50"}),
        ({"company": RECORD}, "completed", 1, {"industry": "SaaS", "size": "11-50"}),
        ({"company": RECORD, "credits_charged": 0}, "completed", 0, {"industry": "SaaS", "size": "11-50"}),
        ({"company": {**RECORD, "domain": "WWW.Acme.example"}, "credits_charged": 1}, "completed", 1, None),
        ({"company": {**RECORD, "industry": 7}, "credits_charged": 1}, "completed", 1, {"size": "11-50"}),
        ({"company": {"name": "Acme"}, "credits_charged": 1}, "completed", 1, {}),
        ({"company": {"name": "Acme"}, "credits_charged": 0}, "not_found", 0, {}),
        ({"company": None, "credits_charged": 0}, "not_found", 0, {}),
        ({"company": None, "credits_charged": 1}, "not_found", 1, {}),  # the audit lists it
        ({"company": {**RECORD, "domain": "else.example"}, "credits_charged": 1}, "failed", 1, {}),
        ({"company": {**RECORD, "domain": "else.example"}}, "failed", 1, {}),
        ({"company": RECORD, "credits_charged": 3}, "completed", 3, None),
    ],
)
def test_what_an_answer_says(content: Any, status: str, credits: int, values: dict[str, str] | None) -> None:
    """A field that is odd costs no other; what is not told is booked at the price."""
    answer = read(content)
    assert answer is not None
    assert (answer.status, answer.credits) == (status, credits)
    assert values is None or answer.values == values


@pytest.mark.parametrize("content", [None, [], {}, {"credits_charged": 1}, {"company": "Acme"}, {"company": [RECORD]}])
def test_what_is_no_answer(content: Any) -> None:
    """It may have been charged."""
    assert read(content) is None


def test_an_unknown_company_is_a_miss_and_any_other_404_is_not() -> None:
    """Also when it is read from the ledger again, as a body without its status."""
    assert judge(UNKNOWN).next is Next.READ
    for status in (404, 200):
        answer = SERVICE.read(Reply(status=status, body=UNKNOWN.body), ACME, 7)
        assert answer is not None
        assert (answer.status, answer.credits) == ("not_found", 0)
    other = Reply(status=404, body=b'{"error": {"code": "list_not_found"}}')
    assert judge(other).next is Next.REFUSED


@pytest.mark.parametrize(
    ("domain", "echo", "is_theirs"),
    [
        ("xn--mnchen-3ya.example", "M\u00fcnchen.example", True),
        ("acme.example", "acme.example.", True),
        ("acme.example", " https://www.Acme.example/about ", True),
        ("www.acme.example", "acme.example", True),
        ("acme.example", "acme.example.else.example", False),
        ("acme.example", "https://else.example/acme.example", False),
        ("acme.example", "else.example@acme.example", False),
        ("acme.example", "acme.example else.example", False),
        ("acme.example", "/", False),
        ("acme.example", "\ud800", False),
    ],
)
def test_a_domain_is_told_in_any_spelling(domain: str, echo: str, is_theirs: bool) -> None:
    """What was paid for is joined, and no other company's answer."""
    body = json.dumps({"company": {**RECORD, "domain": echo}, "credits_charged": 1}).encode()
    answer = SERVICE.read(Reply(status=200, body=body), Lookup(address=domain, fields=("industry",)), 7)
    assert answer is not None
    assert (answer.status, answer.credits) == ("completed" if is_theirs else "failed", 1)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_nothing_makes_it_raise(content: Any) -> None:
    """Whatever stands where."""
    for said in (content, {"company": content, "credits_charged": content}, {"company": {"domain": content}}):
        read(said)

"""v2 lead lists: names, pages, deletion; and identity and credits. No sockets."""

from __future__ import annotations

from typing import Any

import pytest

from cleanlist_pandas.sandbox.seek import Asked
from cleanlist_pandas.sandbox.v2 import balance, whoami
from cleanlist_pandas.sandbox.v2_lists import create_list, delete_list, get_list, leads_page, list_lists


def test_a_name_is_one_list_in_any_case(office: Any) -> None:
    desk = office()
    status, made = desk.ask(create_list, body={"name": "Q3 Leads", "description": "who"})
    again_status, again = desk.ask(create_list, body={"name": "q3 LEADS"})
    assert (status, made["reused"], again_status, again["reused"]) == (201, False, 200, True)
    assert again["list_id"] == made["list_id"]
    assert (again["name"], again["description"]) == ("Q3 Leads", "who")
    assert desk.ok(get_list, made["list_id"])["reused"] is False
    assert desk.ok(create_list, body={"name": "Q3 Leads List"})["list_id"] != made["list_id"]


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        ({}, 422, "body/name"),
        ({"name": None}, 422, "body/name"),
        ({"name": ""}, 422, "body/name"),
        ({"name": "x" * 201}, 422, "body/name"),
        ({"name": 7}, 422, "body/name"),
        ({"name": "x", "description": 7}, 422, "body/description"),
        ({"name": "x", "color": "red"}, 422, "body/color"),
        ([], 422, "body"),
        (b"{", 422, "body"),
        ({"name": "x", "folder_id": "folder_1"}, 404, "not_found"),
    ],
)
def test_what_is_no_list_is_refused(office: Any, body: Any, status: int, where: str) -> None:
    desk = office()
    assert desk.no(create_list, body=body) == (status, where)
    assert len(desk.account.lists) == 1


def test_a_deleted_list_is_gone_and_its_leads_are_not(office: Any) -> None:
    desk = office()
    list_id = desk.ok(create_list, body={"name": "x"})["list_id"]
    lead = desk.account.add_lead(Asked(email="a@b.example"), desk.account.lists[list_id])
    said = desk.ok(delete_list, list_id)
    assert (said["list_id"], said["deleted"]) == (list_id, True)
    assert lead.lead_id in desk.account.leads
    for handler in (delete_list, get_list, leads_page):
        assert desk.no(handler, list_id) == (404, "not_found")
    assert desk.ok(create_list, body={"name": "x"})["list_id"] != list_id


def test_the_protected_list_stays(office: Any) -> None:
    desk = office()
    assert desk.no(delete_list, desk.account.default_list.list_id) == (403, "list_protected")
    assert desk.account.default_list.list_id in desk.account.lists


def test_leads_come_in_pages_with_a_cursor(office: Any) -> None:
    desk = office()
    list_id = desk.ok(create_list, body={"name": "x"})["list_id"]
    ids = [desk.account.add_lead(Asked(email=f"p{i}@b.example"), desk.account.lists[list_id]).lead_id for i in range(5)]
    pages, query = [], {"limit": "2"}
    while True:
        page = desk.ok(leads_page, list_id, query=query)
        pages.append([lead["lead_id"] for lead in page["leads"]])
        assert page["total"] == 5
        if page["cursor"] is None:
            break
        query = {"limit": "2", "cursor": page["cursor"]}
    assert pages == [ids[:2], ids[2:4], ids[4:]]


def test_a_lead_that_waits_shows_what_was_sent_and_no_address(office: Any) -> None:
    desk = office()
    list_id = desk.ok(create_list, body={"name": "x"})["list_id"]
    asked = Asked(email="a@b.example", first_name="Ann", last_name="Other", company_name="Bee", linkedin_url="in-ann")
    desk.account.add_lead(asked, desk.account.lists[list_id])
    [lead] = desk.ok(leads_page, list_id)["leads"]
    assert (lead["email"], lead["phone"], lead["provider"]) == (None, None, None)
    assert (lead["full_name"], lead["company"]) == ("Ann Other", "Bee")
    assert lead["linkedin_url"] == "https://linkedin.com/in/in-ann"
    assert desk.ok(get_list, list_id)["enriched_count"] == 0


@pytest.mark.parametrize(
    ("query", "status", "what"),
    [
        ({"limit": "0"}, 422, "query/limit"),
        ({"limit": "501"}, 422, "query/limit"),
        ({"limit": "ten"}, 422, "query/limit"),
        ({"cursor": "abc"}, 400, "invalid_cursor"),
        ({"cursor": "-1"}, 400, "invalid_cursor"),
    ],
)
def test_pages_that_cannot_be_are_refused(office: Any, query: dict[str, str], status: int, what: str) -> None:
    desk = office()
    assert desk.no(leads_page, desk.account.default_list.list_id, query=query) == (status, what)


def test_all_lists_are_listed(office: Any) -> None:
    desk = office()
    for name in ("x", "y"):
        desk.ok(create_list, body={"name": name})
    page = desk.ok(list_lists, query={"limit": "2"})
    assert ([one["name"] for one in page["lists"]], page["total"], page["cursor"]) == (["DEFAULT", "x"], 3, "2")
    page = desk.ok(list_lists, query={"cursor": "2"})
    assert ([one["name"] for one in page["lists"]], page["cursor"]) == (["y"], None)


def test_who_asks_and_what_is_left(office: Any) -> None:
    desk = office(credits=12)
    me = desk.ok(whoami)
    assert (me["auth_type"], me["tier"], "enrich:write" in me["scopes"]) == ("api_key", "pro", True)
    assert me["user_email"] == "s***@sandbox.example"
    said = desk.ok(balance)
    assert (said["organization_id"], said["credits"]) == (me["organization_id"], 12)
    assert office(credits=None).ok(balance)["credits"] == 1_000_000_000


def test_every_error_says_the_five_things(office: Any) -> None:
    status, said = office().ask(get_list, "ll_none")
    error = said["error"]
    assert (status, error["code"], error["retryable"]) == (404, "not_found", False)
    assert error["docs_url"] == "https://docs.cleanlist.ai/errors/not-found"
    assert error["request_id"].startswith("req_")
    assert error["problem"]

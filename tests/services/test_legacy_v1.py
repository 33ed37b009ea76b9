"""What is sent to legacy v1, whose each result is, and what it says, whatever it looks like."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanlist_pandas.services.legacy_v1 import AT_ODDS, LegacyV1, Taken
from cleanlist_pandas.services.reply import Reply
from cleanlist_pandas.services.service import Job, Lookup, Pending

SERVICE = LegacyV1()
ALL = SERVICE.surface.fields
TASKS = ("t0", "t1")


def lookup(name: str, *, fields: tuple[str, ...] = ALL, domain: str = "bee.example", **hints: str) -> Lookup:
    known = {"first_name": name.title(), "last_name": f"{name.title()}son", "company": "Bee", **hints}
    return Lookup(address=f"{name}@{domain}", fields=fields, hints=known)


ANN, BOB = lookup("ann"), lookup("bob")
PEOPLE = [ANN, BOB]


def result(task: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "task_id": task,
        "status": "completed",
        "primary_email": f"{name}@bee.example",
        "primary_email_status": "reliable",
        "personal_phone_numbers": ["+15550100"],
        "prospect": {"first_name": name.title(), "last_name": f"{name.title()}son", "headline": "I sell things"},
        "company": {"name": "Bee", "domain": "bee.example", "industry": "SaaS", "headcount": "11-50"},
    } | more


def reply(content: Any, status: int = 200) -> Reply:
    return Reply(status=status, body=content if isinstance(content, bytes) else json.dumps(content).encode())


def whole(*results: Any, **top: Any) -> Reply:
    return reply({"workflow_id": "wf", "status": "completed", "results": list(results), **top})


def answers(said: Reply, tasks: tuple[str, ...] = TASKS) -> list[Any]:
    parts = SERVICE.share(said, PEOPLE, tasks)
    return [part and SERVICE.read(reply(part), who, 7) for part, who in zip(parts, PEOPLE, strict=True)]


def read(*results: Any, fields: tuple[str, ...] = ALL, **top: Any) -> Any:
    return SERVICE.read(whole(*results, **top), lookup("ann", fields=fields), 7)


def test_a_person_is_sent_with_all_that_is_known() -> None:
    """The domain of free mail is nobody's company; the type is always said."""
    free = lookup("zoe", domain="gmail.com", linkedin_url="https://linkedin.com/in/zoe")
    request = SERVICE.bulk([ANN, free], "https://hooks.example/x")
    names = {"first_name": "Ann", "last_name": "Annson", "company_name": "Bee"}
    said = json.loads(request.body)
    assert (request.method, request.path, said["enrichment_type"]) == ("POST", "/enrich/bulk", "full")
    assert said["contacts"][0] == {"email": "ann@bee.example", "company_domain": "bee.example", **names}
    assert "company_domain" not in said["contacts"][1]
    assert said["webhook_url"] == "https://hooks.example/x"
    assert "webhook_url" not in json.loads(SERVICE.bulk([ANN]).body)


@pytest.mark.parametrize(
    ("fields", "price"), [(("company",), 1), (("email_status", "size"), 1), (("phone",), 10), (ALL, 11)]
)
def test_a_look_up_costs_what_its_type_costs(fields: tuple[str, ...], price: int) -> None:
    """At most."""
    assert SERVICE.price(fields) == price


@pytest.mark.parametrize(
    ("content", "taken"),
    [
        ({"workflow_id": "wf", "task_ids": ["t0", "t1"]}, Taken(token="wf", tasks=TASKS)),
        ({"workflow_id": "wf", "task_ids": ["t0"]}, Taken(token="wf")),
        ({"workflow_id": "wf", "task_ids": ["t0", "t0"]}, Taken(token="wf")),
        ({"workflow_id": "wf", "task_ids": [1, None]}, Taken(token="wf")),
        ({"workflow_id": "wf"}, Taken(token="wf")),
        ({"task_ids": ["t0", "t1"]}, None),
        ({"workflow_id": 5}, None),
        (b"<html>", None),
    ],
)
def test_what_was_taken(content: Any, taken: Taken | None) -> None:
    """Tasks are told apart only where there is one for each person."""
    assert SERVICE.read_taken(reply(content), 2) == taken


NEEDED = "Each contact must include linkedin_url"


@pytest.mark.parametrize(
    ("status", "detail", "refused"),
    [
        (422, [{"loc": ["body", "contacts", 1], "msg": NEEDED, "input": {"email": "x@y.example"}}], {1: NEEDED}),
        (422, [{"loc": ["body", "contacts", 1, "email"], "msg": "x@y.example is odd"}], {1: "(address) is odd"}),
        (422, [{"loc": ["body", "contacts", 0]}], {0: "refused by the service"}),
        (422, [{"loc": ["body", "contacts", 2], "msg": "no such"}], {}),
        (422, [{"loc": ["body", "contacts", True], "msg": "no index"}], {}),
        (422, [{"loc": ["body", "webhook_url"], "msg": "not public"}, "text", None], {}),
        (422, "text", {}),
        (400, [{"loc": ["body", "contacts", 1], "msg": NEEDED}], {}),
    ],
)
def test_whom_a_refusal_is_about(status: int, detail: Any, refused: dict[int, str]) -> None:
    """By the index; no address is repeated."""
    assert SERVICE.read_refusal(reply({"detail": detail}, status), 2) == refused


def test_credits_may_have_fractions() -> None:
    """Half of one buys nothing."""
    assert SERVICE.read_balance(reply({"organization_id": "o", "credits": 12.5})) == 12
    assert SERVICE.read_balance(reply({"credits": "many"})) is None


def test_a_token_cannot_leave_its_place() -> None:
    """It stands in the query as it is."""
    assert SERVICE.follow("a&b=c").path == "/enrich/status?workflow_id=a%26b%3Dc"


def test_a_result_gives_all_its_fields() -> None:
    """But no title: a headline is none."""
    found = read(result("t0", "ann"))
    assert (found.status, found.credits, found.at_us, found.notes) == ("completed", 11, 7, ())
    assert found.values == {
        "email_status": "valid",
        "company": "Bee",
        "industry": "SaaS",
        "size": "11-50",
        "phone": "+15550100",
    }


def test_the_other_shape_is_read_too() -> None:
    """The one with what was sent."""
    nested = {"email": "ann@bee.example", "email_status": "risky", "phones": ["+1"], "linkedin_url": None}
    found = read({"task_id": "t0", "status": "completed", "result": nested, "input": {"email": "ann@bee.example"}})
    assert (found.credits, found.values) == (11, {"email_status": "risky", "phone": "+1"})


FOUND = [
    # asked, e-mail, phones, workflow -> status, credits
    (("company",), "ann@bee.example", ["+1"], "completed", "completed", 1),
    (("phone",), "ann@bee.example", ["+1"], "completed", "completed", 10),
    (("phone",), "ann@bee.example", [], "completed", "not_found", 0),
    (ALL, "ann@bee.example", [], "completed_with_errors", "completed", 1),
    (ALL, None, ["+1"], "completed", "completed", 10),
    (ALL, None, [], "completed", "not_found", 0),
    (ALL, " ", [7, ""], "completed", "not_found", 0),
    (ALL, None, [], "failed", "failed", 11),
    (ALL, "ann@bee.example", [], "failed", "completed", 1),
]


@pytest.mark.parametrize(("fields", "email", "phones", "word", "status", "credits"), FOUND)
def test_what_was_found_is_what_is_booked(
    fields: tuple[str, ...], email: Any, phones: Any, word: str, status: str, credits: int
) -> None:
    """Nothing found is free, and a workflow that failed may have cost all."""
    found = read(result("t0", "ann", primary_email=email, personal_phone_numbers=phones), fields=fields, status=word)
    assert (found.status, found.credits) == (status, credits)


def test_the_status_of_another_address_is_not_this_ones() -> None:
    """The rest is the person's."""
    found = read(result("t0", "ann", primary_email="ann@old.example"))
    assert "email_status" not in found.values
    assert found.values["company"] == "Bee"
    assert found.notes == ("the answer names another address of the person",)


def test_each_has_their_own_result_in_whatever_order() -> None:
    """By the task where nothing is repeated, by what is repeated where it differs from the task's place."""
    for results in (
        [result("t0", "ann"), result("t1", "bob")],
        [result("t1", "bob"), result("t0", "ann")],
        [result("t1", "ann"), result("t0", "bob")],
        [result("", "bob"), result("", "ann")],
    ):
        parts = SERVICE.share(whole(*results), PEOPLE, TASKS)
        assert [json.loads(part or b"")["results"][0]["primary_email"] for part in parts] == [
            "ann@bee.example",
            "bob@bee.example",
        ]


ODD = {
    "another name": result("t0", "eve", primary_email=None),
    "another address was sent": result("t0", "ann", input={"email": "eve@bee.example"}),
    "the other's second": result("t0", "bob"),
}


@pytest.mark.parametrize("name", ODD)
def test_a_result_about_somebody_else_is_not_joined_but_booked(name: str) -> None:
    """And nothing of them is kept."""
    said = whole(ODD[name], result("t1", "bob"))
    odd, bob = answers(said)
    paid = 10 if name == "another name" else 11
    assert (odd.status, odd.credits, odd.reason, dict(odd.values)) == ("failed", paid, AT_ODDS, {})
    assert (bob.status, bob.credits) == ("completed", 11)
    part = SERVICE.share(said, PEOPLE, TASKS)[0]
    assert part is not None
    assert all(word not in part for word in (b"eve", b"bob", b"+1"))


def test_a_name_that_is_written_otherwise_is_the_same() -> None:
    """Accents, case, hyphens and a second name make nobody else."""
    rene = lookup("rene", first_name="René", last_name="du-Pont")
    said = result("t0", "x", primary_email="r@old.example", prospect={"full_name": "RENE Michel DU PONT"})
    [part] = SERVICE.share(whole(said), [rene], ("t0",))
    assert part is not None
    assert b"results" in part


def test_whom_the_answer_does_not_name_has_none() -> None:
    """They stay as they were: asked about again."""
    assert answers(whole(result("t1", "bob")))[0] is None
    assert answers(whole()) == [None, None]
    assert answers(whole(result("t9", "eve"))) == [None, None]


@pytest.mark.parametrize("word", ["processing", "Running", "anything else"])
def test_what_is_no_end_is_pending_for_all(word: str) -> None:
    """Whatever stands in it already."""
    assert answers(whole(result("t0", "ann"), status=word)) == [Pending("wf"), Pending("wf")]


def test_another_workflow_is_no_answer() -> None:
    """Nor is one that names none of its people apart."""
    asked = Lookup(address=ANN.address, fields=ALL, job=Job(lookup=1, token="wf_other", at_us=0))
    assert SERVICE.read(whole(result("t0", "ann")), asked, 7) is None
    assert SERVICE.read(whole(result("t0", "ann"), result("t1", "bob")), ANN, 7) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["task_id", "status", "primary_email", "result", "input", "email", "company", "name"]),
            inner,
        )
    ),
    max_leaves=9,
)


@given(st.lists(VALUES, max_size=3), st.sampled_from(["completed", "failed", "processing"]), VALUES)
def test_nothing_makes_it_raise_or_cost_more_than_its_price(results: Any, word: str, other: Any) -> None:
    """For any shape."""
    for said in (whole(*results, status=word), reply({"status": word, "result": other}), reply(other)):
        for part, who in zip(SERVICE.share(said, PEOPLE, TASKS), PEOPLE, strict=True):
            answer = SERVICE.read(reply(part or b""), who, 7)
            assert answer is None or isinstance(answer, Pending) or 0 <= answer.credits <= 11
        SERVICE.read_taken(said, 2)
        SERVICE.read_refusal(said, 2)

"""The account's money, whatever is asked in whatever order: nothing is set aside for ever or comes from nowhere."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleanlist_pandas.sandbox.legacy import enrich_bulk
from cleanlist_pandas.sandbox.v2 import balance
from cleanlist_pandas.sandbox.v2_enrich import enrich_company, enrich_list, enrich_person, workflow_status
from cleanlist_pandas.sandbox.v2_import import csv_import
from cleanlist_pandas.sandbox.v2_lists import create_list, delete_list
from cleanlist_pandas.sandbox.v2_quotes import estimate

EMAILS = st.sampled_from(
    ["ann@bee.example", "bob@bee.example", "ann@old.example", "zoe@bee.example", "ANN@bee.example"]
)
KINDS = st.sampled_from(["partial", "phone_only", "full"])
ENDS = st.sampled_from([None, None, None, "failed", "swept"])
STEPS = st.one_of(
    st.tuples(st.just("person"), EMAILS, KINDS, ENDS),
    st.tuples(st.just("import"), st.lists(EMAILS, max_size=4), KINDS, ENDS),
    st.tuples(st.just("list"), st.just(None), KINDS, ENDS),
    st.tuples(st.just("legacy"), st.lists(EMAILS, min_size=1, max_size=3), KINDS, ENDS),
    st.tuples(st.just("company"), st.sampled_from(["bee.example", "cee.example"]), KINDS, ENDS),
    st.tuples(st.just("delete"), st.just(None), KINDS, ENDS),
    st.tuples(st.just("wait"), st.integers(0, 90), KINDS, ENDS),
    st.tuples(st.just("poll"), st.just(None), KINDS, ENDS),
)


def take(desk: Any, step: tuple[str, Any, str, Any]) -> None:
    """Do one step; being refused is fine."""
    what, whom, kind, ends = step
    list_id = desk.ok(create_list, body={"name": "x"})["list_id"]
    if what == "person":
        body = {"lead_list_id": list_id, "email": whom, "enrichment_type": kind}
        desk.ask(enrich_person, body=body, ends=ends)
    elif what == "import":
        body = {"csv_content_base64": desk.base64("\n".join(["Email", *whom])), "column_mapping": {"email": "Email"}}
        desk.ask(csv_import, list_id, body={**body, "enrichment_type": kind}, ends=ends)
    elif what == "list":
        scope = kind.replace("_", "-")
        quote = desk.ok(estimate, body={"tool": "enrich_list", "list_id": list_id, "scope": scope})
        body = {"list_id": list_id, "quote_id": quote["quote_id"], "scope": scope}
        status, _ = desk.ask(enrich_list, body=body, ends=ends)
        assert (status == 200) == (quote["sufficient"] and quote["row_count"] > 0)
    elif what == "legacy":
        contacts = [{"email": email, "linkedin_url": email.partition("@")[0]} for email in whom]
        desk.ask(enrich_bulk, body={"contacts": contacts, "enrichment_type": kind}, ends=ends)
    elif what == "company":
        desk.ask(enrich_company, body={"domain": whom})
    elif what == "delete":
        desk.ok(delete_list, list_id)
    elif what == "wait":
        desk.clock.advance(whom)
    else:
        for workflow_id in list(desk.account.workflows)[-2:]:
            desk.ask(workflow_status, workflow_id)


# The fixture gives a class, and each example makes an account of its own.
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=12), st.integers(0, 60))
def test_reserved_is_charged_or_given_back(office: Any, steps: list[Any], credits: int) -> None:
    desk = office(credits=credits, workflow_s=60)
    for step in steps:
        take(desk, step)
        left = desk.books.credits_left
        assert left >= 0
        assert left == credits - desk.books.charged - desk.books.totals().open
        assert desk.ok(balance)["credits"] == desk.books.credits_left
    desk.clock.advance(60)
    assert desk.ok(balance)["credits"] == credits - desk.books.charged
    total = desk.books.totals()
    companies = sum(charge.credits for charge in desk.books.charges if charge.workflow is None)
    assert total.open == 0
    assert total.reserved == total.charged - companies + total.refunded
    for workflow in desk.account.workflows.values():
        own = sum(charge.credits for charge in desk.books.charges if charge.workflow == workflow.workflow_id)
        assert workflow.charged == own <= workflow.reserved

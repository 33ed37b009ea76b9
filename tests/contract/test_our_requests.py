"""What our client sends to v2 is what the vendor's strict models accept; any other body the sandbox refuses."""

from __future__ import annotations

import http.client
import json
import re
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Sandbox

models = pytest.importorskip("cleanlist_ai.models", reason="the official SDK is not installed")

HEAD = "/api/v2"
ROUTES = {  # method and path → the model of the body, and that of the answer
    ("POST", "/lead-lists"): ("CreateListRequest", "ListDetailResponse"),
    ("POST", "/lead-lists/[^/]+/csv-import"): ("CsvImportRequest", "CsvImportResponse"),
    ("POST", "/credits/estimate"): ("EstimateCostRequest", "EstimateCostResponse"),
    ("POST", "/enrichment/person"): ("EnrichPersonRequest", "EnrichPersonResponse"),
    ("POST", "/enrichment/bulk"): ("EnrichListRequest", "EnrichListResponse"),
    ("POST", "/enrichment/company"): ("EnrichCompanyRequest", "EnrichCompanyResponse"),
    ("GET", "/credits/balance"): (None, "CreditsBalanceResponse"),
    ("GET", "/enrichment/status/[^/]+"): (None, "WorkflowStatusResponse"),
    ("GET", "/lead-lists/[^/]+/leads"): (None, "LeadsPageResponse"),
    ("DELETE", "/lead-lists/[^/]+"): (None, "DeleteListResponse"),
}
PEOPLE = pd.DataFrame(
    {
        "email": [f"p{at}@acme{at % 3}.example" for at in range(12)],
        "first_name": ["Jo", None] * 6,
        "last_name": 'Dö, "x"',
        "company": ["Acme", None, "=1+1"] * 4,
        "linkedin_url": [f"https://linkedin.com/in/p{at}" if at % 2 else None for at in range(12)],
    }
)


def route(method: str, path: str) -> tuple[str | None, str]:
    """The models of a request; an error where the vendor has no such path."""
    path, _, query = path.removeprefix(HEAD).partition("?")
    assert all(part.partition("=")[0] in ("limit", "cursor") for part in query.split("&") if part)
    [found] = [named for (verb, pattern), named in ROUTES.items() if verb == method and re.fullmatch(pattern, path)]
    return found


@pytest.mark.parametrize("service", ["v2_people", "v2_list"])
@pytest.mark.parametrize("fields", [["title"], ["phone"], ["title", "phone", "industry", "size", "seniority"]])
def test_every_request_of_a_run_is_one_the_models_accept(service: str, fields: list[str]) -> None:
    with Sandbox(hit_rate=0.6) as sandbox:
        cl.enrich(
            PEOPLE, fields, service=service, base_url=sandbox.url + HEAD, api_key=sandbox.api_key, ledger=None,
            poll_s=0.01, progress=False,
        )  # fmt: skip
        seen = [(one.method, one.path, one.raw) for one in sandbox.requests]
    assert len(seen) > 5
    for method, path, raw in seen:
        model, _ = route(method, path)
        assert (model is None) == (raw == b"")
        if model is not None:
            told = getattr(models, model).from_dict(json.loads(raw))
            assert not getattr(told, "additional_properties", None)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 700)
    | st.text(max_size=8)
    | st.sampled_from(["partial", "enrich_list"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def sandbox() -> Any:
    with Sandbox() as started:
        yield started


@pytest.mark.parametrize(("where", "named"), [(where, named) for where, named in ROUTES.items() if named[0]])
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_body_is_answered_as_a_model_or_refused(sandbox: Any, where: Any, named: Any, data: Any) -> None:
    """No body makes the sandbox fail; what it accepts, the model of the request accepts, and the answer is its own."""
    known = {field.alias or name for name, field in getattr(models, named[0]).model_fields.items()}
    names = st.sampled_from(sorted(known - {"additional_properties"})) | st.text(max_size=6)
    body = data.draw(st.dictionaries(names, JSON, max_size=5))
    port = int(sandbox.url.rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        path = HEAD + where[1].replace("[^/]+", "nothing")
        head = {"Authorization": f"Bearer {sandbox.api_key}", "Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(body), head)
        answer = connection.getresponse()
        content = json.loads(answer.read())
    finally:
        connection.close()
    assert answer.status < 500
    if answer.status < 300:
        getattr(models, named[0]).from_dict(body)
        getattr(models, named[1]).from_dict(content)
    else:
        assert content.keys() & {"detail", "error"}

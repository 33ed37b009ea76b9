"""The sandbox's forms against the official SDK's request models: the same fields, the same ones required."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanlist_pandas.sandbox import v2_enrich, v2_import, v2_lists, v2_quotes
from cleanlist_pandas.sandbox.forms import Refusal, read_form

models = pytest.importorskip("cleanlist_ai.models", reason="the official SDK is not installed")

FORMS = {
    "CreateListRequest": v2_lists.CREATE,
    "CsvImportRequest": v2_import.IMPORT,
    "EnrichCompanyRequest": v2_enrich.COMPANY,
    "EnrichListRequest": v2_enrich.LIST,
    "EnrichPersonRequest": v2_enrich.PERSON,
    "EstimateCostRequest": v2_quotes.ESTIMATE,
}


def fields(model: str) -> dict[str, Any]:
    known = getattr(models, model).model_fields
    return {field.alias or name: field for name, field in known.items() if name != "additional_properties"}


@pytest.mark.parametrize("model", FORMS)
def test_a_form_has_the_fields_of_its_model(model: str) -> None:
    is_open, form = FORMS[model]
    assert not is_open
    assert form.keys() == fields(model).keys()


@pytest.mark.parametrize("model", FORMS)
def test_a_form_requires_what_its_model_requires(model: str) -> None:
    _, form = FORMS[model]
    required = {name for name, field in fields(model).items() if field.is_required()}
    assert {name for name, field in form.items() if field.required} == required


@pytest.mark.parametrize("model", FORMS)
def test_a_form_fills_in_what_its_model_fills_in(model: str) -> None:
    _, form = FORMS[model]
    theirs = {name: field.default for name, field in fields(model).items() if not field.is_required()}
    assert {name: field.default for name, field in form.items() if not field.required} == theirs


@pytest.mark.parametrize(
    ("model", "name", "needed"),
    [
        ("EnrichPersonRequest", "enrichment_type", {"lead_list_id": "x"}),
        ("CsvImportRequest", "enrichment_type", {"csv_content_base64": "", "column_mapping": {}}),
        ("EnrichListRequest", "scope", {"list_id": "x", "quote_id": "q"}),
    ],
)
@pytest.mark.parametrize("word", ["partial", "full", "phone_only", "phone-only", "none", "Full", ""])
def test_a_form_takes_the_words_its_model_takes(model: str, name: str, needed: dict[str, Any], word: str) -> None:
    _, form = FORMS[model]
    try:
        getattr(models, model)(**needed, **{name: word})
    except ValueError:
        is_theirs = False
    else:
        is_theirs = True
    assert (form[name].check(word) is None) == is_theirs


GOOD = st.sampled_from(["x", "partial", {"email": "E"}])
BAD = st.sampled_from([None, "", 0, 1.5, True, [], ["x"], [1], {}, {"email": 1}, {"e_mail": "E"}, "x" * 201])


@pytest.mark.parametrize("model", FORMS)
@given(data=st.data())
def test_what_a_form_takes_its_model_takes(model: str, data: st.DataObject) -> None:
    """The other way round does not hold: the SDK lost the list of columns, and takes null where it may not be."""
    known = fields(model)
    needed = {name: GOOD | BAD for name, field in known.items() if field.is_required()}
    optional = dict.fromkeys(known.keys() - needed.keys(), GOOD | BAD)
    body = data.draw(st.fixed_dictionaries(needed, optional=optional))
    try:
        read_form(json.dumps(body).encode(), FORMS[model])
    except Refusal:
        return
    getattr(models, model).model_validate(body)

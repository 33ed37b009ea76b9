"""Terms, clock, window and forms: the small parts. Pure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cleanlist_pandas.sandbox import Clock, Fault, Terms
from cleanlist_pandas.sandbox.asking import route
from cleanlist_pandas.sandbox.forms import Refusal, flag, form, listed, mapping, read_form, text, whole, words
from cleanlist_pandas.sandbox.terms import Window


@pytest.mark.parametrize("terms", [{"workflow_s": -1}, {"workflow_s": float("inf")}, {"workflow_polls": -1}])
def test_terms_out_of_range_are_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be 0 or more"):
        Terms(**terms)


def test_a_clock_stands_still_until_it_is_moved() -> None:
    clock = Clock(10)
    assert (clock(), clock.advance(2.5), clock(), repr(clock)) == (10, 12.5, 12.5, "Clock(12.5)")


def test_a_window_forgets_what_is_a_minute_old() -> None:
    window = Window(2)
    for now in (0.0, 30.0):
        assert window.wait_s(now) == 0
        window.take(now)
    assert [window.wait_s(now) for now in (30.0, 59.0, 59.9, 60.0)] == [30, 1, 1, 0]
    window.take(60.0)
    assert [window.wait_s(now) for now in (60.0, 90.0)] == [30, 0]


def test_an_unknown_end_of_a_workflow_is_refused() -> None:
    with pytest.raises(ValueError, match="ends must be one of 'failed', 'swept', None"):
        Fault(ends="badly")  # type: ignore[arg-type]


FORM = form(
    name=text(required=True, shortest=1, longest=3),
    note=text(),
    kind=words("a", "b", default="a", nullable=False),
    on=flag(True),
    count=whole(),
    ids=listed(),
    more=mapping(),
    columns=mapping(keys=frozenset({"x", "y"})),
)


def test_a_form_fills_in_its_defaults() -> None:
    assert read_form(b'{"name": "x", "note": null}', FORM) == {
        "name": "x",
        "note": None,
        "kind": "a",
        "on": True,
        "count": None,
        "ids": None,
        "more": None,
        "columns": None,
    }


@pytest.mark.parametrize(
    ("body", "where", "kind"),
    [
        ({}, "name", "missing"),
        ({"name": None}, "name", "string_type"),
        ({"name": ""}, "name", "string_too_short"),
        ({"name": "long"}, "name", "string_too_long"),
        ({"note": 1}, "note", "string_type"),
        ({"kind": "c"}, "kind", "literal_error"),
        ({"kind": []}, "kind", "literal_error"),
        ({"kind": None}, "kind", "literal_error"),
        ({"on": 1}, "on", "bool_type"),
        ({"on": None}, "on", "bool_type"),
        ({"count": True}, "count", "int_type"),
        ({"count": 1.5}, "count", "int_type"),
        ({"ids": "x"}, "ids", "list_type"),
        ({"ids": [1]}, "ids", "list_type"),
        ({"more": []}, "more", "dict_type"),
        ({"columns": {}}, "columns", "too_short"),
        ({"columns": {"z": "a"}}, "columns", "literal_error"),
        ({"columns": {"x": 1}}, "columns", "string_type"),
        ({"nome": "x"}, "nome", "extra_forbidden"),
    ],
)
def test_every_fault_of_a_form_is_named(body: dict[str, Any], where: str, kind: str) -> None:
    whole_body = {"name": "x", **body} if body and "name" not in body else body
    with pytest.raises(Refusal) as refused:
        read_form(json.dumps(whole_body).encode(), FORM)
    answer = refused.value.answer
    [fault] = json.loads(answer.body)["detail"]
    assert (answer.status, fault["loc"], fault["type"]) == (422, ["body", where], kind)
    assert fault["msg"]


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(Refusal) as refused:
        read_form(b'{"note": 1, "x": 2}', FORM)
    places = [fault["loc"][1] for fault in json.loads(refused.value.answer.body)["detail"]]
    assert places == ["name", "note", "x"]


def test_an_open_form_ignores_what_it_does_not_know() -> None:
    assert read_form(b'{"x": 1, "y": 2}', form(open=True, x=whole())) == {"x": 1}


@pytest.mark.parametrize(
    ("path", "found"),
    [("/a", ("/a", [])), ("/a/7", ("/a/{id}", ["7"])), ("/a/7/b", ("/a/{id}/b", ["7"])), ("/a/", None), ("/b", None)],
)
def test_a_path_leads_to_one_template(path: str, found: Any) -> None:
    routes: Any = {"/a": {}, "/a/{id}": {}, "/a/{id}/b": {}}
    led = route(routes, path)
    assert (led and (led[0], led[2])) == found

"""Skip: classes found by check are left out of the bill, and nobody else is."""

from __future__ import annotations

import asyncio

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cleanlist_pandas as cl
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.plan.findings import SKIPPABLE, words_of

LEADS = pd.DataFrame(
    {
        "email": [
            "jo@acme.example",
            "info@acme.example",
            "INFO@acme.example",
            "invented@mailinator.com",
            "sales@mailinator.com",
            "a@b.example; c@b.example",
            "n/a",
        ]
    }
)

SKIPPED = [
    (None, 5, {}),
    ([], 5, {}),
    ("", 5, {}),
    ("role-based", 3, {"role-based": 3}),
    ({"disposable", "role-based"}, 2, {"disposable": 2, "role-based": 2}),
    (["Role_Based", " disposable "], 2, {"disposable": 2, "role-based": 2}),
    ("disposable, role-based", 2, {"disposable": 2, "role-based": 2}),
    (pd.Series(["several"]), 4, {"several": 1}),
    (set(SKIPPABLE), 0, {"reserved": 4, "disposable": 2}),
    ("homoglyph", 5, {}),
]


@pytest.mark.parametrize(("skip", "at_most", "skipped"), SKIPPED)
def test_skipped_people_are_not_in_the_bill(skip, at_most, skipped):
    """The most serious class that was asked for is what a row is counted for."""
    shown = cl.estimate_cost(LEADS, "title", skip=skip)
    assert (shown.at_most, shown.skipped, shown.to_dict()["skipped"]) == (at_most, skipped, skipped)
    assert shown.buckets["suppressed"] == sum(skipped.values())
    assert sum(shown.buckets.values()) == len(LEADS)


def test_the_estimate_says_who_was_left_out_and_why():
    """In the line of the suppressed, beside those of the list."""
    shown = repr(cl.estimate_cost(LEADS, "title", skip="role-based", suppress=["jo@acme.example", "mailinator.com"]))
    assert "        5 suppressed never sent: role-based 3, suppressed or erased 2\n" in shown


@pytest.mark.parametrize(
    ("skip", "told"),
    [
        ("rolebased", r"'rolebased' is no class to skip; did you mean 'role-based'\?.*the classes are placeholder, "),
        ({"zzz"}, r"'zzz' is no class to skip; the classes are .*free-mail\."),
        (["ok"], r"'ok' is no class to skip"),
        ([5], r"skip takes classes of addresses \(addresses and domains: suppress=\)"),
        ([None], r"skip takes classes"),
        ("jo@acme.example", r"^skip takes classes of addresses (?!.*acme)"),
        (["acme.example"], r"^skip takes classes of addresses (?!.*acme)"),
        ("malformed", r"skip='malformed' makes no difference: .* never bought"),
        ({"duplicate"}, r"skip='duplicate' makes no difference"),
        (5, r"skip must be class names in a set or list; the classes are placeholder"),
        (b"disposable", r"skip must be class names"),
        (True, r"skip must be class names"),
    ],
)
def test_a_name_that_is_no_class_is_refused_before_anything_is_sent(skip, told):
    """With the right ones."""
    with cl.sandbox() as service:
        for door in (cl.estimate_cost, cl.plan, cl.enrich):
            with pytest.raises(ConfigurationError, match=told):
                door(LEADS, "title", skip=skip)
        assert service.requests == []


def test_the_docstring_names_all_classes():
    """Of every door that takes them."""
    for door in (cl.estimate_cost, cl.plan, cl.enrich, cl.aenrich):
        assert f"{', '.join(SKIPPABLE)}." in " ".join(door.__doc__.split())


def test_who_is_skipped_is_never_sent():
    """Their rows come back as skipped; all others are bought as ever, also at reserved domains."""
    with cl.sandbox(hit_rate=1.0) as service:
        out = cl.enrich(LEADS, "title", skip={"disposable", "role-based"})
        assert [request.email for request in service.requests] == ["jo@acme.example", "a@b.example"]
    assert out.enriched_status.tolist() == ["completed", *["skipped"] * 4, "completed", "skipped"]
    pd.testing.assert_frame_equal(out[["email"]], LEADS)


def test_a_verdict_alone_stops_nobody():
    """Only skip does."""
    with cl.sandbox(hit_rate=1.0) as service:
        cl.enrich(LEADS, "title")
        assert service.charged == cl.check(LEADS).credits.sum() == 5


def test_those_who_await_skip_as_well():
    """The same engine."""
    with cl.sandbox(hit_rate=1.0) as service:
        asyncio.run(cl.aenrich(LEADS, "title", skip={"disposable", "role-based"}))
        assert len(service.requests) == 2


def test_somebody_who_stands_alone_in_one_cell_is_not_skipped_for_another():
    """`several` is about cells; the row of several addresses is filled all the same."""
    frame = pd.DataFrame({"email": ["a@b.example; c@b.example", "A@b.example", "d@b.example, e@b.example"]})
    assert cl.estimate_cost(frame, skip="several").rows.tolist() == ["billable", "duplicate", "suppressed"]


def test_what_is_skipped_does_not_hang_on_who_is_suppressed():
    """A domain is a near miss of a frequent one, though all of the frequent one are kept out."""
    frame = pd.DataFrame({"email": [*(f"p{n}@invented-acme.com" for n in range(30)), "jo@invented-amce.com"]})
    shown = cl.estimate_cost(frame, skip="near-miss", suppress="invented-acme.com")
    assert (shown.at_most, shown.skipped) == (0, {"near-miss": 1})


CELLS = st.sampled_from(
    [
        *LEADS["email"],
        *("test@acme.example", "name@gmail.com", "invented.jo@gmial.com", "info@gmail.com", "аnna@acme.example"),
        *("info@mailinator.com; a@b.example", "jo@invented-acme.com", "JO@invented-acme.com", "jo@", None),
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(CELLS, max_size=12), st.sets(st.sampled_from(SKIPPABLE)))
def test_those_and_only_those_are_skipped_whom_check_finds_in_a_class(cells, skip):
    """Whatever the verdict is: the reason has all classes. Of several addresses each row of somebody must say so."""
    frame = pd.DataFrame({"email": pd.Series(cells, dtype=object)})
    found = cl.check(frame, columns="email")
    classes = [
        {name for name in SKIPPABLE if {*words_of(name)} & {*str(reason).split("; ")}} for reason in found.reason
    ]
    of_person: dict[str, set[str]] = {}
    for address, names in zip(found.address, classes, strict=True):
        of_person[address] = of_person.get(address, names) & names
    wanted = [pd.notna(address) and bool(of_person[address] & skip) for address in found.address]
    rows = cl.estimate_cost(frame, skip=skip, columns="email", ledger=None).rows
    assert (rows == "suppressed").tolist() == wanted

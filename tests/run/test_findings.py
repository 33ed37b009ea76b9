"""What the numbers say: with evidence, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from cleanlist_pandas.fields import EMAIL_STATUSES
from cleanlist_pandas.frame.contents import Contents, DomainRate
from cleanlist_pandas.plan.expect import wilson
from cleanlist_pandas.run.findings import find, share
from cleanlist_pandas.run.report import RunReport


def told(**facts: Any) -> tuple[str, ...]:
    """Return the findings of a whole run of so many people."""
    contents: dict[str, Any] = {
        "unit": "people",
        "n_rows": 0,
        "n_skipped": 0,
        "n": 0,
        "completed": 0,
        "coverage": {},
        "seniorities": {},
        "email_statuses": {},
        "domains": {},
    }
    seen = Contents(**{**contents, **{name: fact for name, fact in facts.items() if name in contents}})
    of_run = {name: fact for name, fact in facts.items() if name not in contents}
    report = RunReport(run_id="x", people=0, statuses={}, contents=seen, **of_run)
    assert find(report, seen) == report.findings
    return report.findings


def domains(business: tuple[int, int, int], free: tuple[int, int, int]) -> dict[str, DomainRate]:
    """Return (asked, found, sent) by kind."""
    return {"business": DomainRate(*business), "free-mail": DomainRate(*free)}


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(0, 0, 0, 1), (0, 10, 0, 0.278), (10, 10, 0.722, 1), (1, 2, 0.095, 0.905), (4, 130, 0.012, 0.0764)],
)
def test_wilsons_interval(hits, n, low, high):
    """As the tables have it."""
    assert wilson(hits, n) == pytest.approx((low, high), abs=5e-4)


def test_seldom_found_people_are_told_with_what_they_cost():
    """Exactly."""
    rates = domains((200, 160, 200), (130, 4, 130))
    assert told(domains=rates) == (
        "Hit rate on free-mail domains is 3% (4 of 130 people), elsewhere 80% (160 of 200 people): leaving them out "
        "would have saved 130 requests.",
    )
    assert told(domains=rates, requests=330, seconds=330 * 18.0) == (
        "Hit rate on free-mail domains is 3% (4 of 130 people), elsewhere 80% (160 of 200 people): leaving them out "
        "would have saved 130 requests, about 39 minutes.",
    )


@pytest.mark.parametrize(
    ("free", "advice"),
    [
        ((130, 4, 129), False),  # one of them came from the ledger: not all were requests
        ((130, 65, 130), False),  # less often than elsewhere, but not in vain
        ((130, 4, 130), True),
    ],
)
def test_advice_only_where_it_holds(free, advice):
    """The rates are told all the same."""
    (only,) = told(domains=domains((200, 190, 200), free))
    assert only.startswith("Hit rate on free-mail domains is")
    assert ("leaving them out" in only) is advice


@pytest.mark.parametrize(
    ("business", "free"),
    [
        ((200, 160, 200), (5, 0, 5)),  # nothing from five people
        ((200, 160, 200), (29, 0, 29)),
        ((29, 29, 29), (200, 0, 200)),
        ((200, 160, 200), (30, 20, 30)),  # 67 % is within chance of 80 %
        ((200, 160, 200), (200, 161, 200)),
        ((0, 0, 0), (200, 4, 200)),
    ],
)
def test_no_finding_without_evidence(business, free):
    """Too few people, or intervals that meet."""
    assert told(domains=domains(business, free)) == ()


def test_it_works_the_other_way_round():
    """And a kind alone is compared with nobody."""
    (only,) = told(domains=domains((40, 1, 40), (40, 39, 40)))
    assert only.startswith("Hit rate on business domains is 2% (1 of 40 people), elsewhere 98% (39 of 40 people)")
    assert told(domains={"free-mail": DomainRate(200, 0, 200)}) == ()


@pytest.mark.parametrize(
    ("phones", "completed", "fields", "credits", "expected"),
    [
        (20, 100, ("phone",), 1_100, True),
        (20, 100, ("title",), 100, False),
        (20, 100, ("phone",), 0, False),
        (20, 100, ("phone",), 632, False),  # some were held, or phone_if= left them out: credits are no price of phones
        (45, 100, ("phone",), 1_100, False),  # up to 55 %
        (5, 25, ("phone",), 275, False),
        (0, 100, ("phone",), 1_100, False),
    ],
)
def test_the_price_of_a_phone(phones, completed, fields, credits, expected):
    """Where few have one, and phones were paid for."""
    found = told(coverage={"phone": phones}, completed=completed, fields=fields, credits=credits)
    assert bool(found) is expected
    if expected:
        assert found == (
            "20% (20 of 100 people) who completed have a phone; 1,100 credits were spent, 55 for each phone.",
        )


@pytest.mark.parametrize(
    ("invalid", "disposable", "n", "expected"), [(8, 2, 100, True), (2, 1, 100, False), (20, 0, 29, False)]
)
def test_addresses_that_spoil_a_mailing(invalid, disposable, n, expected):
    """Only where more than 2 % are bad beyond doubt."""
    counts = {**dict.fromkeys(EMAIL_STATUSES, 0), "invalid": invalid, "disposable": disposable}
    counts["valid"] = n - invalid - disposable
    assert bool(told(email_statuses=counts)) is expected


@pytest.mark.parametrize(
    ("skipped", "n_rows", "expected"), [(5, 100, True), (4, 100, False), (20, 29, False), (0, 0, False)]
)
def test_rows_that_could_not_be_looked_up(skipped, n_rows, expected):
    """From one in twenty on."""
    found = told(n_skipped=skipped, n_rows=n_rows)
    assert found == (
        ("5% (5 of 100 rows) were skipped, without a usable address or suppressed: .check() tells which.",)
        if expected
        else ()
    )


def test_a_share_is_told_with_what_it_was_seen_in():
    """Both numbers."""
    assert share(1_234, 123_400) == "1% (1,234 of 123,400 people)"


def test_a_part_of_a_frame_has_no_findings():
    """Completed people alone would all have been found."""
    seen = Contents(
        unit="people", n_rows=200, n_skipped=100, n=100, completed=100, coverage={}, seniorities={}, email_statuses={},
        domains=domains((100, 100, 100), (100, 0, 100)),
    )  # fmt: skip
    assert RunReport(run_id="x", people=100, statuses={}, contents=seen).findings
    part = RunReport(run_id="x", people=300, statuses={}, contents=seen)
    assert (part.findings, dict(part.rates), len(part.domains)) == ((), {}, 0)

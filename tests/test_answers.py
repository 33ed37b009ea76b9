"""Several sources about one person, made one answer."""

from __future__ import annotations

import pytest

from cleanlist_pandas.answers import Answer, at_company, combine
from cleanlist_pandas.fields import RowStatus, Source

KNOWN = Answer(status=RowStatus.COMPLETED, source=Source.KNOWN, values={"title": "CTO"}, at_us=1)
HELD = Answer(status=RowStatus.COMPLETED, source=Source.LEDGER, values={"title": "CIO", "company": "A"}, at_us=2)
NEWER = Answer(status=RowStatus.COMPLETED, source=Source.LEDGER, values={"company": "B"}, at_us=3, confidence=0.5)
MISSED = Answer(status=RowStatus.NOT_FOUND, source=Source.LEDGER, at_us=4)
BOUGHT = Answer(status=RowStatus.COMPLETED, source=Source.API, values={"phone": "1"}, credits=11, at_us=5, notes=("x",))
NOBODY = Answer(status=RowStatus.NOT_FOUND, source=Source.API, at_us=6)
DOUBT = Answer(status=RowStatus.IN_DOUBT, reason="no answer in time")
UNASKED = Answer(status=RowStatus.NOT_ATTEMPTED)
REFUSED = Answer(status=RowStatus.FAILED, reason="HTTP 422", credits=1)


@pytest.mark.parametrize(
    ("parts", "status", "source", "at_us", "values"),
    [
        ([KNOWN], "completed", "known", 1, {"title": "CTO"}),
        ([KNOWN, HELD], "completed", "ledger", 2, {"title": "CTO", "company": "A"}),
        ([HELD, NEWER], "completed", "ledger", 3, {"title": "CIO", "company": "B"}),
        ([HELD, BOUGHT], "completed", "api", 5, {"title": "CIO", "company": "A", "phone": "1"}),
        ([HELD, NOBODY], "completed", "ledger", 2, {"title": "CIO", "company": "A"}),
        ([MISSED, BOUGHT], "completed", "api", 5, {"phone": "1"}),
        ([MISSED, NOBODY], "not_found", "api", 6, {}),
        ([HELD, UNASKED], "not_attempted", "ledger", 2, {"title": "CIO", "company": "A"}),
        ([HELD, REFUSED], "failed", "ledger", 2, {"title": "CIO", "company": "A"}),
        ([DOUBT, BOUGHT], "in_doubt", "api", 5, {"phone": "1"}),
        ([KNOWN, DOUBT], "in_doubt", "known", 1, {"title": "CTO"}),
        ([DOUBT, UNASKED], "in_doubt", None, None, {}),
    ],
)
def test_of_several_parts_each_adds_what_it_knows(parts, status, source, at_us, values):
    """Nothing learnt is lost; the status says whether there is more to be had."""
    answer = combine(parts)
    assert (answer.status, answer.source, answer.at_us, answer.values) == (status, source, at_us, values)


def test_credits_notes_and_reasons_are_kept():
    """They are what the bill and the report are made of."""
    answer = combine([HELD, REFUSED, BOUGHT])
    assert (answer.credits, answer.notes, answer.reason) == (12, ("x",), "")
    assert combine([HELD, REFUSED]).reason == "HTTP 422"
    assert combine([DOUBT, BOUGHT]).reason == "no answer in time"
    assert combine([HELD, NEWER]).confidence == 0.5


FIRM = Answer(status=RowStatus.COMPLETED, source=Source.API, values={"size": "11-50"}, credits=1, at_us=7)
ERASED = Answer(status=RowStatus.SKIPPED, reason="erased")


@pytest.mark.parametrize(
    ("person", "company", "status", "source", "values"),
    [
        (BOUGHT, FIRM, "completed", "api", {"phone": "1", "size": "11-50"}),
        (HELD, FIRM, "completed", "api", {"title": "CIO", "company": "A", "size": "11-50"}),
        (NOBODY, FIRM, "not_found", "api", {"size": "11-50"}),
        (HELD, NOBODY, "completed", "api", {"title": "CIO", "company": "A"}),
        (HELD, UNASKED, "completed", "ledger", {"title": "CIO", "company": "A"}),
        (NOBODY, UNASKED, "not_found", "api", {}),
        (UNASKED, UNASKED, "not_attempted", None, {}),
        (NOBODY, DOUBT, "in_doubt", "api", {}),
        (BOUGHT, REFUSED, "failed", "api", {"phone": "1"}),
        (UNASKED, REFUSED, "not_attempted", None, {}),
        (DOUBT, FIRM, "in_doubt", "api", {"size": "11-50"}),
        (ERASED, FIRM, "skipped", None, {}),
    ],
)
def test_a_company_fills_and_takes_no_status_but_its_own_failure(person, company, status, source, values):
    """The bill is that of both."""
    answer = at_company(person, company)
    assert (answer.status, answer.source, dict(answer.values)) == (status, source, values)
    assert answer.credits == person.credits + company.credits

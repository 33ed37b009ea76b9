"""The bill is never above what the estimate called at most, whatever the frame, the ledger and the service."""

from __future__ import annotations

import warnings

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cleanlist_pandas as cl
from cleanlist_pandas.fields import FIELDS
from cleanlist_pandas.sandbox import Fault

PEOPLE = [f"p{n}@acme.example" for n in range(5)] + ["q@gmail.com"]
CELLS = st.sampled_from([*PEOPLE, *(one.upper() for one in PEOPLE), None, "", "n/a", "rubbish"])
ASKED = st.lists(st.sampled_from(list(FIELDS)), min_size=1, max_size=4, unique=True)
FAULTS = st.sampled_from(
    [
        None,
        None,
        Fault(status=500, charge=True),
        Fault(reset="after_charge"),
        Fault(status=422),
        Fault(body={"status": "not_found", "meta": {"credits_used": 0}}),
        Fault(mutate={"meta.credits_used": None}),
        Fault(status=503, retry_after="0"),
        Fault(echo="else@acme.example"),
    ]
)


def values(cells):
    return pd.Series(cells, dtype=object)


@st.composite
def calls(draw):
    """One call: a frame, what it asks for, and options that change who is bought."""
    cells = draw(st.lists(CELLS, max_size=8))
    frame = pd.DataFrame({"email": values(cells)})
    if draw(st.booleans()):
        frame["enriched_title"] = values(
            draw(st.lists(st.sampled_from(["CTO", None]), min_size=len(cells), max_size=len(cells)))
        )
    fields = draw(ASKED)
    options = {
        "in_doubt": draw(st.sampled_from(["hold", "hold", "retry"])),
        "max_age": draw(st.sampled_from([None, 0, 90])),
    }
    if draw(st.booleans()):
        options["known"] = pd.DataFrame({"email": values(PEOPLE[:2]), "enriched_phone": values(["1", None])})
    if draw(st.booleans()):
        options["priority"] = list(range(len(cells)))
    if "phone" in fields and draw(st.booleans()):
        options["phone_if"] = lambda d: d["email"].notna()
    budget = draw(st.sampled_from([None, None, 0, 1, 12, 30]))
    return frame, fields, options, budget


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(calls(), min_size=1, max_size=3), st.lists(FAULTS, max_size=12))
def test_the_bill_is_never_above_at_most(history, faults):
    """Several calls on one ledger; the service's own books are the bill."""
    with cl.sandbox(faults=faults, idempotency=False, hit_rate=0.8) as service, warnings.catch_warnings():
        warnings.simplefilter("ignore", cl.CleanlistWarning)
        for frame, fields, options, budget in history:
            shown = cl.estimate_cost(frame, fields, **options)
            assert sum(shown.buckets.values()) == len(frame) == len(shown.rows)
            doubtful = shown.buckets["in_doubt"] * shown.credits_per_lookup
            assert shown.at_most + shown.saved + doubtful + shown.doubtful == shown.naive
            low, high = shown.interval
            assert 0 <= low <= shown.expected <= high <= shown.at_most
            before, n_before = service.charged, len(service.requests)
            try:
                out = cl.enrich(frame, fields, max_credits=budget, provenance=True, **options)
            except cl.RunStoppedError as error:
                out = error.partial
            report = cl.last_run().report
            bill = service.charged - before
            assert bill <= report.credits + report.credits_in_doubt
            assert report.credits + report.credits_in_doubt <= (shown.at_most if budget is None else budget)
            assert report.requests == len(service.requests) - n_before
            assert int(out["enriched_credits"].sum()) == report.credits
            pd.testing.assert_frame_equal(out[["email"]], frame[["email"]])

"""With companies too: savings add up to the naive price, and the bill is never above what was called at most."""

from __future__ import annotations

import warnings

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cleanlist_pandas as cl

PEOPLE = [f"p{n}@{domain}" for n in range(2) for domain in ("acme.example", "coldwater.example", "gmail.com")]
CELLS = st.sampled_from([*PEOPLE, *(one.upper() for one in PEOPLE), "p@mailinator.com", None, "rubbish"])
ASKED = st.lists(st.sampled_from(["title", "phone", "industry", "size"]), min_size=1, max_size=4, unique=True)


@st.composite
def calls(draw):
    """One call: a frame that may know something, what it asks for, and options that change who is bought."""
    cells = draw(st.lists(CELLS, max_size=8))
    frame = pd.DataFrame({"email": pd.Series(cells, dtype=object)})
    for name in draw(st.sets(st.sampled_from(["title", "industry"]))):
        words = st.lists(st.sampled_from(["CTO", None]), min_size=len(cells), max_size=len(cells))
        frame[f"enriched_{name}"] = pd.Series(draw(words), dtype=object)
    fields = draw(ASKED)
    options = {"service": "v2", "max_age": draw(st.sampled_from([None, 0]))}
    if draw(st.booleans()):
        options["known"] = pd.DataFrame({"email": PEOPLE[:2], "enriched_size": ["1-10", None]})
    if draw(st.booleans()):
        options["suppress"] = ["acme.example"]
    if draw(st.booleans()):
        options["priority"] = list(range(len(cells)))
    if "phone" in fields and draw(st.booleans()):
        options["phone_if"] = lambda d: d["email"].notna()
    return frame, fields, options, draw(st.sampled_from([None, None, 0, 1, 3, 12]))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(calls(), min_size=1, max_size=3))
def test_the_bill_is_never_above_at_most(history):
    """Several calls on one ledger; the service's own books are the bill, and the column of credits sums to it."""
    with cl.sandbox(hit_rate=0.8) as service, warnings.catch_warnings():
        warnings.simplefilter("ignore", cl.CleanlistWarning)
        for frame, fields, options, budget in history:
            shown = cl.estimate_cost(frame, fields, **options)
            assert sum(shown.buckets.values()) == len(frame) == len(shown.rows)
            assert shown.at_most + shown.saved + shown.doubtful + shown.company_doubtful == shown.naive
            assert all(saved >= 0 for saved in shown.savings.values())
            low, high = shown.interval
            assert 0 <= low <= shown.expected <= high <= shown.at_most
            before, n_before = service.charged, len(service.requests)
            out = cl.enrich(frame, fields, max_credits=budget, provenance=True, poll_s=0.001, **options)
            report = cl.last_run().report
            assert service.charged - before == report.credits == int(out["enriched_credits"].sum())
            assert report.credits <= (shown.at_most if budget is None else budget)
            assert report.requests == len(service.requests) - n_before
            pd.testing.assert_frame_equal(out[["email"]], frame[["email"]])
            asked = [one.body["domain"] for one in service.requests[n_before:] if one.path.endswith("/company")]
            assert len(asked) == len(set(asked)) <= shown.companies
            assert "gmail.com" not in asked

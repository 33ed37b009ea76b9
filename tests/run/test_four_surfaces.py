"""One world, five ways to ask it: the same values wherever a way offers the field, and each bill the service's own."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Terms
from cleanlist_pandas.services.service import SURFACES

Scene: Any = Any
N = 60
AS_CSV_ROW = {"csv_row": "/v1", "csv_upload": "/v1"}
WAYS = {**AS_CSV_ROW, "v2_people": "/api/v2", "v2_list": "/api/v2", "legacy_v1": "/api/v1/public"}
TOLD_OTHERWISE = {
    "seniority": "read out of the title on v2",
    "email_status": "three words instead of seven on legacy v1",
    "phone": "E.164 everywhere but on csv_row",
}


def contacts(scene: Scene) -> pd.DataFrame:
    emails = [f"person{at}@acme{at % 7}.example" for at in range(N)]
    emails += [email.upper() for email in emails[::4]]
    return pd.DataFrame({"Email": emails, "First name": "Jo", "Last name": "Do"})


@pytest.mark.parametrize("with_phone", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_the_same_values_and_an_honest_bill(scene: Scene, way: str, with_phone: bool) -> None:
    """Estimate, ledger, frame and the service's books agree; what is told otherwise is the same person's."""
    scene.open(hit_rate=0.7, terms=Terms(workflow_polls=1))
    frame = contacts(scene)
    offered = [name for name in SURFACES[way].offers if name != "icp_score" and (with_phone or name != "phone")]
    where = {"service": way, "base_url": scene.sandbox.url + WAYS[way]}
    estimate = cl.estimate_cost(frame, offered, ledger=scene.ledger, **where)
    out = scene.enrich(frame, **{**where, "fields": offered, "poll_s": 0.01, "provenance": True})
    charged = scene.sandbox.charged
    assert int(out["enriched_credits"].sum()) == out.attrs["cleanlist"]["credits"] == charged <= estimate.at_most
    with cl.Ledger(scene.ledger) as ledger:
        audit = ledger.audit()
        assert int(ledger.stats()["credits"]) == charged
    assert audit.empty if isinstance(audit, pd.DataFrame) else audit
    plain = scene.enrich(frame, fields=offered, ledger=None)
    found = out["enriched_status"] == "completed"
    assert (found == (plain["enriched_status"] == "completed")).all()
    for name in offered:
        mine, theirs = out.loc[found, f"enriched_{name}"], plain.loc[found, f"enriched_{name}"]
        if way not in AS_CSV_ROW and name == "phone":
            mine, theirs = (column.str.replace(r"[^+0-9]", "", regex=True) for column in (mine, theirs))
        if way in AS_CSV_ROW or name not in TOLD_OTHERWISE or name == "phone":
            pd.testing.assert_series_equal(mine, theirs, check_names=False)
        else:
            assert mine.notna().any(), TOLD_OTHERWISE[name]

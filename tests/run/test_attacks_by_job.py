"""Ways to lose money or answers on surfaces that answer by file or job, as a hostile reader tried; each failed once."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import cleanlist_pandas as cl

Scene: Any = Any
N = 9
PATHS = {"csv_upload": "/v1", "v2": "/api/v2", "v2_list": "/api/v2", "legacy_v1": "/api/v1/public"}


def how(scene: Scene, way: str = "csv_upload", **more: Any) -> dict[str, Any]:
    options = {name: value for name, value in scene.how().items() if name != "fields"}
    return {**options, "base_url": scene.sandbox.url + PATHS[way], "service": way, "poll_s": 0.01, **more}


def people(n: int = N) -> pd.DataFrame:
    emails = [f"person{at}@acme.example" for at in range(n)]
    return pd.DataFrame({"Email": emails, "First name": "Jo", "Last name": "Do", "Company": "Acme"})


def statuses(frame: pd.DataFrame) -> dict[str, int]:
    counts = frame["enriched_status"].value_counts()
    return {str(name): int(n) for name, n in counts.items() if n}


# --- what is sent ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["\r", "\n", "\r\n", "\u2028", "\x0b"])
def test_no_name_can_put_somebody_else_into_a_file(scene: Scene, mark: str) -> None:
    """A line break in a name would be a row of its own: somebody suppressed could be sent, and paid for."""
    scene.open()
    frame = people(2).assign(**{"First name": f"Jo{mark}never@acme.example,Jo", "Company": f"{mark}x{mark}"})
    out = cl.enrich(frame, ["title"], suppress="never@acme.example", **how(scene))
    scene.audit(frame, out, budget=2)
    assert (statuses(out), scene.sandbox.charged) == ({"completed": 2}, 2)
    [body] = [one.body for one in scene.sandbox.requests]
    assert len(body["csv"].splitlines()) == 1 + 2

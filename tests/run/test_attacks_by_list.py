"""Ways to lose money, answers or somebody's trust in runs by list that a hostile reader tried; each failed once."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from cleanlist_pandas.calls import run_enrich
from cleanlist_pandas.run.stop import Stop
from cleanlist_pandas.sandbox import Fault, Terms

Scene: Any = Any
N = 9
IMPORT = "POST /api/v2/lead-lists/{id}/csv-import"
QUOTE = "POST /api/v2/credits/estimate"
ORDER = "POST /api/v2/enrichment/bulk"
STATUS = "GET /api/v2/enrichment/status/{id}"
LEADS = "GET /api/v2/lead-lists/{id}/leads"


def person(at: int) -> str:
    return f"person{at}@acme.example"


def people(n: int = N) -> pd.DataFrame:
    return pd.DataFrame({"Email": [person(at) for at in range(n)]})


def how(scene: Scene, **more: Any) -> dict[str, Any]:
    base = {"base_url": f"{scene.sandbox.url}/api/v2", "service": "v2_list", "poll_s": 0.01, "fields": ["title"]}
    told: dict[str, Any] = scene.how(**{**base, **more})
    return told


def sent(scene: Scene, method: str, part: str) -> int:
    return sum(one.method == method and part in one.path for one in scene.sandbox.requests)


# --- stopped ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("where", [IMPORT, QUOTE, ORDER, STATUS, LEADS, person(0)])
def test_nothing_stays_set_aside_wherever_a_run_is_stopped(scene: Scene, where: str, times: int) -> None:
    """Also of those whom the list did not take: who goes on may spend what is left, and buys nobody twice."""
    stop, pressed = Stop(), []

    def press(number: int, who: str | None, attempt: int) -> Fault | None:
        if who != where or pressed:
            return None
        pressed.extend(stop.press() for _ in range(times))
        return Fault(delay_s=0.5)

    scene.open(faults=press, terms=Terms(email_imports=False))
    frame = people(12)
    for name in ("first_name", "last_name", "company"):
        frame[name] = ["Jo" if at % 3 else None for at in range(12)]
    options = how(scene, concurrency=1, max_credits=12)
    fields = options.pop("fields")
    done = run_enrich(frame, fields, options, stop)
    assert done.result is not None
    assert done.result.budget.reserved == 0
    scene.audit(frame, done.frame, budget=12)
    out = run_enrich(frame, fields, options, Stop(), before=done)
    scene.audit(frame, out.frame, budget=12)
    doubted = {ORDER: 8, person(0): 1}.get(where, 0) if times == 2 else 0
    assert (out.frame["enriched_status"] == "in_doubt").sum() == doubted
    assert (out.frame["enriched_status"] == "completed").sum() == 12 - doubted

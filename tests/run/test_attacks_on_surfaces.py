"""Ways to lose money or answers on v2, legacy v1 and with files, found by kills and faults; each failed once."""

from __future__ import annotations

from typing import Any

import httpx
import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Terms

Scene: Any = Any
N = 6
DROP = "DELETE /api/v2/lead-lists/{id}"
PATHS = {"v2_list": "/api/v2", "v2_people": "/api/v2", "legacy_v1": "/api/v1/public", "csv_upload": "/v1"}


def people(n: int = N) -> pd.DataFrame:
    emails = [f"person{at}@acme{at % 3}.example" for at in range(n)]
    return pd.DataFrame({"Email": emails, "First name": "Jo", "Last name": "Do"})


def how(scene: Scene, service: str, **more: Any) -> dict[str, Any]:
    where = {"base_url": scene.sandbox.url + PATHS[service], "service": service, "poll_s": 0.01}
    told: dict[str, Any] = scene.how(**{**where, "fields": ["company"], **more})
    return told


def sent(scene: Scene, method: str, part: str) -> int:
    return sum(one.method == method and part in one.path for one in scene.sandbox.requests)


def delete_list(scene: Scene) -> None:
    """Delete the list that was ordered first, as its owner may in the vendor's own pages."""
    order = next(one.body for one in scene.sandbox.requests if one.path.endswith("/enrichment/bulk"))
    url = f"{scene.sandbox.url}/api/v2/lead-lists/{order['list_id']}"
    key = {"Authorization": f"Bearer {scene.sandbox.api_key}"}
    assert httpx.delete(url, headers=key, trust_env=False).status_code == 200


# --- lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["v2_list", "v2_people"])
def test_a_list_is_deleted_only_when_its_answers_are_on_disk(scene: Scene, service: str) -> None:
    """Killed in between, nobody could ask for them again."""
    on_disk: list[int] = []

    def look(number: int, who: str | None, attempt: int) -> None:
        if who == DROP:
            on_disk.append(scene.sql("SELECT count(*) FROM outcomes WHERE status = 'completed'")[0][0])

    scene.open(faults=look)
    cl.enrich(people(), **how(scene, service))
    assert on_disk
    assert set(on_disk) == {N}


def test_a_list_that_somebody_deleted_stops_nobody(scene: Scene) -> None:
    """Its people were charged and nobody tells their answers: in doubt, and all others are asked about."""
    scene.open(terms=Terms(workflow_polls=2))
    frame = people()
    cl.enrich(frame, **how(scene, "v2_list", job_timeout_s=0.001))
    delete_list(scene)
    more = people(N + 2)
    out = cl.enrich(more, **how(scene, "v2_list", provenance=True))
    scene.audit(more, out, budget=N + 2)
    assert out["enriched_status"].tolist() == ["in_doubt"] * N + ["completed"] * 2
    assert sent(scene, "POST", "/enrichment/bulk") == 2

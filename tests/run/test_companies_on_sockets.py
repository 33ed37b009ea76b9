"""Industry and size on v2, by company, over real sockets: each company once, in the same books as the people."""

from __future__ import annotations

import json
import os
import signal
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Fault

Scene: Any = Any
COMPANY = "POST /api/v2/enrichment/company"
FIELDS = ["title", "industry", "size"]
FIRMS = ["industry", "size"]


def people(n: int, domains: int = 4) -> pd.DataFrame:
    return pd.DataFrame({"Email": [f"p{at}@firm{at % domains}.example" for at in range(n)]})


def how(scene: Scene, **more: Any) -> dict[str, Any]:
    return {"base_url": f"{scene.sandbox.url}/api/v2", "service": "v2", "poll_s": 0.01, "fields": FIELDS, **more}


def enrich(scene: Scene, frame: pd.DataFrame, **more: Any) -> pd.DataFrame:
    out: pd.DataFrame = scene.enrich(frame, **how(scene, **more))
    return out


def estimate(scene: Scene, frame: pd.DataFrame, **more: Any) -> cl.CostEstimate:
    options = {name: value for name, value in how(scene, ledger=scene.ledger, **more).items() if name != "poll_s"}
    return cl.estimate_cost(frame, **options)


def asked(scene: Scene, part: str = "/enrichment/company") -> int:
    return sum(one.path.endswith(part) for one in scene.sandbox.requests)


def sound(scene: Scene, frame: pd.DataFrame, out: pd.DataFrame, budget: int) -> None:
    scene.audit(frame, out, budget=budget)
    with cl.Ledger(scene.ledger) as ledger:
        assert ledger.audit().empty


@pytest.mark.parametrize("backend", [None, "numpy_nullable", "pyarrow"])
def test_the_values_of_csv_row_and_the_bill_of_the_books(scene: Scene, backend: str | None) -> None:
    """In csv_row's dtypes; the column of credits sums to the bill; the second run buys nothing."""
    scene.open(hit_rate=0.7)
    frame = pd.concat([people(12), people(12).head(5), pd.DataFrame({"Email": ["ann@gmail.com", "n/a"]})])
    planned = estimate(scene, frame)
    out = enrich(scene, frame, provenance=True, dtype_backend=backend)
    bill = scene.sandbox.charged
    sound(scene, frame, out, planned.at_most)
    assert asked(scene) == planned.companies == 4
    assert out.attrs["cleanlist"]["credits"] == bill == out["enriched_credits"].sum()
    assert out.attrs["cleanlist"]["requests"] == len(scene.sandbox.requests) == planned.requests
    again = enrich(scene, frame, provenance=True, dtype_backend=backend)
    assert (again.attrs["cleanlist"]["requests"], scene.sandbox.charged) == (0, bill)
    names = [f"enriched_{name}" for name in (*FIELDS, "status")]
    pd.testing.assert_frame_equal(again[names], out[names])
    other = scene.enrich(frame, ledger=None, fields=FIELDS, dtype_backend=backend)
    found = (other["enriched_status"] == "completed").to_numpy()
    assert 3 < found.sum() < len(found)
    told = found & frame["Email"].str.contains("firm").to_numpy()
    pd.testing.assert_frame_equal(out[names][told], other[names][told])
    assert out["enriched_size"].isna().tolist() == [*[False] * 17, True, True]
    assert (out["enriched_status"].to_numpy() == other["enriched_status"].to_numpy()).all()
    assert out.dtypes[names].equals(other.dtypes[names])


def test_five_hundred_people_of_twenty_companies_are_twenty_look_ups(scene: Scene) -> None:
    """Where nothing else is asked for, of nobody; a free-mail address tells no company."""
    scene.open()
    frame = pd.concat([people(500, 20), pd.DataFrame({"Email": ["ann@gmail.com", "lou@gmx.de"]})], ignore_index=True)
    planned = estimate(scene, frame, fields=FIRMS)
    told = (planned.lookups, planned.companies, planned.at_most, planned.requests)
    assert told == (0, 20, 20, 20)
    out = enrich(scene, frame, fields=FIRMS, provenance=True, rate_per_minute=None)
    assert {one.path for one in scene.sandbox.requests} == {"/api/v2/enrichment/company"}
    assert len(scene.sandbox.requests) == scene.sandbox.charged == out["enriched_credits"].sum() == 20
    assert out["enriched_size"].notna().sum() == 500
    assert out["enriched_status"].tolist() == ["completed"] * 500 + ["skipped"] * 2
    assert out["enriched_reason"].tolist()[-1] == "a free-mail address tells no company"
    sound(scene, frame, out, 20)
    other_field = enrich(scene, frame, fields=["industry"])
    assert other_field.attrs["cleanlist"]["requests"] == 0


def test_a_company_that_nobody_knows_is_a_free_miss(scene: Scene) -> None:
    """However many they are: no service fails here; who was found stays completed."""
    table = [{"email": f"p{at}@nowhere{at}.example", "title": "CTO"} for at in range(60)]
    scene.open(people=table)
    frame = pd.DataFrame({"Email": [one["email"] for one in table]})
    out = enrich(scene, frame, rate_per_minute=None)
    assert (out["enriched_status"] == "completed").all()
    assert out["enriched_industry"].isna().all()
    assert (scene.sandbox.charged, asked(scene)) == (60, 60)
    assert enrich(scene, frame).attrs["cleanlist"]["requests"] == 0
    out = enrich(scene, frame, fields=FIRMS)
    assert ((out["enriched_status"] == "not_found").all(), out.attrs["cleanlist"]["requests"]) == (True, 0)


def test_the_estimate_tells_companies_apart(scene: Scene) -> None:
    """In the text, the card, the numbers and a saved plan, and its savings add up."""
    scene.open()
    frame = people(10)
    shown = estimate(scene, frame)
    text = (
        "At most 14 credits: 10 look-ups at 1 credit and 4 companies at 1 credit. Misses are free.\nCompanies cost 4 "
    )
    assert repr(shown).startswith(text)
    assert "4 companies at 1 credit" in shown._repr_html_()
    numbers = shown.to_dict()
    told = [numbers[name] for name in ("companies", "company_credits", "at_most", "naive", "saved", "requests")]
    assert told == [4, 4, 14, 20, 6, 27]
    assert shown.savings["companies"] == 6
    options = {**how(scene), "ledger": scene.ledger}
    del options["poll_s"]
    plan = cl.plan(frame, **options)
    path = scene.folder / "plan.json"
    plan.save(path)
    loaded = cl.Plan.load(path)
    assert loaded == plan
    assert (loaded.ceiling, loaded.budget, loaded.lookups) == (14, 14, 10)
    content = json.loads(path.read_text())
    content["estimate"]["company_credits"] = 40
    path.write_text(json.dumps(content))
    with pytest.raises(cl.ConfigurationError, match="was changed"):
        cl.Plan.load(path)
    enrich(scene, frame, plan=plan)
    assert scene.sandbox.charged == 14
    again = enrich(scene, frame, plan=plan)
    assert again.attrs["cleanlist"]["budget"] == 0


def test_people_first_then_companies_when_the_budget_is_short(scene: Scene) -> None:
    """One budget for both; what was not bought says so and is bought by the next run."""
    scene.open()
    frame = people(8)
    with pytest.warns(cl.CleanlistWarning, match="max_credits.*0 people and 2 companies not_attempted; run it again"):
        out = enrich(scene, frame, fields=["company", *FIRMS], max_credits=10, concurrency=1)
    assert (scene.sandbox.charged, asked(scene)) == (10, 2)
    assert out["enriched_status"].tolist() == ["completed"] * 8
    assert out["enriched_company"].notna().all()
    assert out["enriched_size"].notna().tolist() == [True, True, False, False] * 2
    assert "2 companies not attempted" in str(out.cleanlist.report())
    assert out.cleanlist.report().companies_not_attempted == cl.last_run().report.companies_not_attempted == 2
    out = enrich(scene, frame, fields=["company", *FIRMS])
    assert (scene.sandbox.charged, asked(scene)) == (12, 4)
    sound(scene, frame, out, 12)


def test_what_is_left_of_people_buys_companies(scene: Scene) -> None:
    """A company may be cheaper than the cheapest person."""
    scene.open()
    with pytest.warns(cl.CleanlistWarning, match="max_credits"):
        out = enrich(scene, people(4), fields=["title", "phone", "size"], max_credits=13, concurrency=1)
    assert asked(scene) >= 2
    assert scene.sandbox.charged <= 13
    assert out["enriched_size"].notna().any()


def test_values_that_are_there_are_kept_and_not_bought(scene: Scene) -> None:
    """In the frame, in known=, in an adopted export, and from csv_row."""
    scene.open()
    frame = people(4)
    mine = frame.assign(enriched_industry=["Mining", None, None, None], enriched_size="1-10")
    assert estimate(scene, mine, fields=FIRMS).companies == 3
    known = pd.DataFrame({"Email": ["p1@firm1.example"], "enriched_industry": ["Fishing"]})
    assert estimate(scene, mine, fields=FIRMS, known=known).companies == 2
    out = enrich(scene, mine, fields=FIRMS, known=known, provenance=True)
    assert out["enriched_industry"].tolist()[:2] == ["Mining", "Fishing"]
    assert out["enriched_source"].tolist() == ["existing", "known", "api", "api"]
    assert (out["enriched_size"] == "1-10").all()
    assert asked(scene) == 2
    scene.enrich(frame, fields=["industry"])  # on csv_row, of each person
    before = scene.sandbox.charged
    out = enrich(scene, frame, fields=["industry"])
    assert (out.attrs["cleanlist"]["requests"], scene.sandbox.charged) == (0, before)
    replaced = enrich(scene, mine, fields=FIRMS, on_existing="replace", max_age=0)
    assert replaced["enriched_industry"].tolist()[0] != "Mining"
    assert asked(scene) == 6


def test_own_results_can_be_adopted(scene: Scene) -> None:
    """Into another ledger: nobody and no company is paid for again."""
    scene.open(hit_rate=0.6)
    frame = people(12)
    out = enrich(scene, frame, provenance=True)
    assert 0 < (out["enriched_status"] == "not_found").sum() < 12
    before = scene.sandbox.charged
    other = scene.folder / "other.sqlite3"
    with cl.option_context(base_url=scene.sandbox.url), cl.Ledger(other) as ledger:
        assert ledger.adopt(out) == 12
        assert ledger.adopt(out) == 0
    again = enrich(scene, frame, ledger=other)
    assert scene.sandbox.charged == before
    assert again.attrs["cleanlist"]["requests"] == 0
    assert again["enriched_industry"].equals(out["enriched_industry"])


def test_whoever_is_suppressed_or_erased_wants_no_company(scene: Scene) -> None:
    """A company is asked for as long as one row that is neither wants it."""
    scene.open()
    frame = people(8)
    with cl.Ledger(scene.ledger) as ledger:
        ledger.erase("p1@firm1.example")
        ledger.erase("p5@firm1.example")
        ledger.erase("p2@firm2.example")
    out = enrich(scene, frame, suppress=["firm0.example"])
    bodies = " ".join(str(one.body) for one in scene.sandbox.requests)
    assert "firm0" not in bodies
    assert "firm1" not in bodies
    assert "firm2" in bodies
    assert asked(scene) == 2
    done = (out["enriched_status"] == "completed").tolist()
    assert done == [False, False, False, True, False, False, True, True]
    assert out["enriched_size"].notna().tolist() == done


SILENT = Fault(status=500, charge=True)


def test_a_company_in_doubt_is_not_asked_again(scene: Scene) -> None:
    """Unless that is said; all who work there say so, and the estimate calls it no saving."""
    scene.open(faults={COMPANY: [SILENT]})
    frame = people(8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cl.CleanlistWarning)
        out = enrich(scene, frame, concurrency=1)
        assert out["enriched_status"].tolist() == ["in_doubt", "completed", "completed", "completed"] * 2
        assert out.attrs["cleanlist"]["credits_in_doubt"] == 1
        scene.audit(frame, out, budget=12)
        again = enrich(scene, frame)
    assert again.attrs["cleanlist"]["requests"] == 0
    assert again["enriched_status"].tolist() == out["enriched_status"].tolist()
    shown = estimate(scene, frame)
    assert (shown.at_most, shown.company_doubtful) == (0, 2)
    assert shown.at_most + shown.saved + shown.company_doubtful == shown.naive
    out = enrich(scene, frame, in_doubt="retry")
    assert (out["enriched_status"] == "completed").all()
    assert asked(scene) == 5


STOPS = {
    "401": (Fault(status=401), cl.AuthenticationError),
    "400 broke": (Fault(status=400, body={"error": {"code": "insufficient_credits"}}), cl.OutOfCreditsError),
    "dear": (Fault(mutate={"credits_charged": 3}), cl.TariffError),
}


@pytest.mark.parametrize("name", STOPS)
def test_a_stop_among_the_companies_can_be_resumed(scene: Scene, name: str) -> None:
    """With everybody's answers in the partial frame."""
    fault, error = STOPS[name]
    scene.open(faults={COMPANY: [None, fault]})
    frame = people(8)
    with pytest.raises(error) as caught:
        enrich(scene, frame, fields=["company", *FIRMS], concurrency=1)
    assert caught.value.partial["enriched_company"].notna().all()
    assert caught.value.partial["enriched_status"].isin(["completed", "failed"]).all()
    assert caught.value.report.companies_not_attempted in (2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cl.CleanlistWarning)
        out = caught.value.resume(max_credits=9)
    scene.audit(frame, out)
    assert (out["enriched_status"] == "completed").all()
    assert asked(scene, "/enrichment/person") == 8


def test_the_answer_about_another_company_is_not_joined(scene: Scene) -> None:
    """It is booked, and said."""
    scene.open(faults={COMPANY: [Fault(mutate={"company.domain": "else.example"})]})
    frame = people(4)
    out = enrich(scene, frame, fields=FIRMS, concurrency=1, provenance=True)
    assert out["enriched_status"].tolist() == ["failed", "completed", "completed", "completed"]
    assert out["enriched_industry"].isna().tolist() == [True, False, False, False]
    assert out["enriched_credits"].sum() == scene.sandbox.charged == 4


def test_a_run_that_is_killed_among_its_companies_loses_nothing(scene: Scene) -> None:
    """The next one asks for nobody again who was answered, nor for what was in flight."""
    victims: list[int] = []

    def killer(number: int, who: str | None, attempt: int) -> Fault | None:
        if who == COMPANY and asked(scene) == 1 and victims:  # the second one arrives
            os.kill(victims.pop(), signal.SIGKILL)
        return None

    scene.open(faults=killer)
    frame = people(8)
    options = how(scene, concurrency=1, timeout_s=60.0)
    code = "cl.enrich(pd.DataFrame(json.loads(sys.argv[1])), **{**how, **json.loads(sys.argv[2])})"
    process = scene.start(code, json.dumps({"Email": frame["Email"].tolist()}), json.dumps(options))
    victims.append(process.pid)
    process.communicate(timeout=60.0)
    assert process.returncode == -signal.SIGKILL
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cl.CleanlistWarning)
        out = enrich(scene, frame)
    scene.audit(frame, out, budget=12)
    assert out["enriched_status"].tolist() == ["completed", "in_doubt", "completed", "completed"] * 2
    assert asked(scene, "/enrichment/person") == 8
    assert asked(scene) == 4


def test_two_runs_at_a_time_buy_each_company_once(scene: Scene) -> None:
    """The second waits for what the first has in hand."""
    scene.open(latency_s=0.01)
    frame = people(12)
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(enrich, scene, frame, fields=names) for names in (FIELDS, FIELDS[::-1])]
        outs = [run.result() for run in runs]
    assert asked(scene) == 4
    for out in outs:
        assert out["enriched_industry"].notna().all()
        assert (out["enriched_status"] == "completed").all()
    sound(scene, frame, outs[0], 16)


def test_phone_if_may_ask_for_the_industry(scene: Scene) -> None:
    """Companies are bought before the predicate; the bill stands with those who caused it."""
    scene.open()
    frame = people(8)
    fields = ["title", "industry", "phone"]
    seen: list[bool] = []

    def chosen(d: pd.DataFrame) -> Any:
        seen.append(bool(d["enriched_industry"].notna().all()))
        return d["Email"].str.contains("firm1")

    shown = estimate(scene, frame, fields=fields, phone_if=chosen)
    assert "8 for 8 look-ups, then 80 for 8 phones" in repr(shown)
    assert (shown.at_most, shown.companies) == (8 + 80 + 4, 4)
    out = enrich(scene, frame, fields=fields, phone_if=chosen, provenance=True)
    assert seen[-1]
    assert asked(scene) == 4
    assert scene.sandbox.charged == out["enriched_credits"].sum() == out.attrs["cleanlist"]["credits"]
    assert scene.sandbox.charged <= 8 + 4 + 20
    sound(scene, frame, out, shown.at_most)


def test_a_pilot_asks_for_the_companies_of_its_people(scene: Scene) -> None:
    """And the full run pays for the others."""
    scene.open()
    frame = people(12, 6)
    pilot = cl.pilot(frame, 3, **{**scene.how(), **how(scene)})
    assert (pilot.n, pilot.people, pilot.at_most) == (3, 12, 18)
    assert pilot.filled["industry"] == 3
    assert asked(scene, "/enrichment/person") == 3
    assert pilot.credits == scene.sandbox.charged == 3 + asked(scene)
    only = cl.pilot(frame, 4, **{**scene.how(), **how(scene, fields=FIRMS)})
    assert only.found == only.n <= 4
    enrich(scene, frame)
    assert (scene.sandbox.charged, asked(scene)) == (18, 6)


def test_companies_do_not_count_as_people(scene: Scene) -> None:
    """Neither in the ledger's numbers nor in what the next estimate expects of people."""
    scene.open()
    with cl.Ledger(scene.ledger) as ledger:
        enrich(scene, people(8), ledger=ledger)
        stats = ledger.stats()
        history = {domain: (found, missed) for domain, found, missed in ledger.history("local")}
    assert (stats["people"], stats["lookups"]) == (8, 12)
    assert history[""] == (4, 0)
    assert sum(found for domain, (found, _) in history.items() if domain) == 8

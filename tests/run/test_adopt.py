"""Earlier exports count as paid for: who is taken in, for how long, and how often."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

import cleanlist_pandas as cl

PEOPLE = [{"email": f"{name}@acme.example", "title": "new", "phone": "+1-555-0100"} for name in ("jo", "ann", "kim")]
JO, ANN, KIM, NOBODY = (f"{name}@acme.example" for name in ("jo", "ann", "kim", "nobody"))
EXPORT = pd.DataFrame(
    {
        "Email": ["JO@acme.example ", ANN, KIM, NOBODY, "n/a"],
        "enriched_title": ["CTO", "", None, None, "x"],
        "icp_score": ["72", None, None, None, None],
        "enriched_status": ["completed", "completed", "skipped", "not_found", "skipped"],
    }
)
LEADS = pd.DataFrame({"email": [JO, ANN, KIM, NOBODY]})


def ago(days: float) -> pd.Timestamp:
    return pd.Timestamp.now("UTC") - pd.Timedelta(days=days)


def asked(service: object) -> list[str]:
    return [request.email for request in service.requests]


def test_an_export_counts_as_paid() -> None:
    """Found and not found; who has nothing and was not asked is bought."""
    with cl.sandbox(people=PEOPLE) as service:
        assert cl.Ledger().adopt(EXPORT) == 2
        out = cl.enrich(LEADS, ["title", "icp_score"], provenance=True)
        assert asked(service) == [ANN, KIM]
    assert out["enriched_title"].tolist()[:3] == ["CTO", "new", "new"]
    assert out["icp_score"].tolist()[:1] == [72]
    assert out["enriched_status"].tolist() == ["completed"] * 3 + ["not_found"]
    assert out["enriched_source"].tolist() == ["ledger", "api", "api", "ledger"]
    assert out["enriched_credits"].tolist() == [0, 1, 1, 0]


def test_without_a_status_only_what_is_there_counts() -> None:
    """An empty cell may never have been asked for."""
    bare = pd.DataFrame({"email": [JO], "enriched_title": ["CTO"], "enriched_phone": [None]})
    with cl.sandbox(people=PEOPLE):
        cl.Ledger().adopt(bare)
        assert cl.estimate_cost(LEADS[:1], ["title"]).at_most == 0
        assert cl.estimate_cost(LEADS[:1], ["title", "phone"]).at_most == 11
        cl.Ledger().adopt(bare.assign(enriched_status="completed"))
        assert cl.estimate_cost(LEADS[:1], ["title", "phone"]).at_most == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [("seniority", "wizard"), ("icp_score", 400), ("icp_score", -1), ("icp_score", "lots"), ("title", "a\ud800")],
)
def test_what_cannot_be_read_settles_nothing(field: str, value: object) -> None:
    """It is bought when it is asked for; the rest of the row counts."""
    column = field if field == "icp_score" else f"enriched_{field}"
    cell = pd.Series([value], dtype=object)
    export = pd.DataFrame({"email": [JO], "enriched_company": ["Acme"], column: cell, "enriched_status": "completed"})
    with cl.sandbox(people=PEOPLE):
        assert cl.Ledger().adopt(export) == 1
        assert cl.estimate_cost(LEADS[:1], ["company"]).at_most == 0
        assert cl.estimate_cost(LEADS[:1], [field]).at_most == 1


def test_adopting_twice_changes_nothing(tmp_path: Path) -> None:
    """A file is known by when it was changed."""
    EXPORT.to_csv(tmp_path / "export.csv", index=False)
    with cl.Ledger(tmp_path / "ledger.sqlite3") as ledger:
        assert ledger.adopt(tmp_path / "export.csv") == 2
        assert ledger.adopt(str(tmp_path / "export.csv")) == 0
        assert ledger.stats()["lookups"] == 2
        assert ledger.stats()["credits"] == 0
        assert ledger.audit().empty
        assert ledger.export(tmp_path / "out.csv") == 2


@pytest.mark.parametrize(
    ("days", "how", "held"),
    [(91, "as_of", False), (89, "as_of", True), (91, "at", False), (89, "at", True), (91, "file", False)],
)
def test_its_age_decides_how_long_it_stands(tmp_path: Path, days: int, how: str, held: bool) -> None:
    """As told, as ``enriched_at`` says, or as old as the file."""
    export, options = EXPORT[:1], {}
    if how == "as_of":
        options = {"as_of": ago(days)}
    elif how == "at":
        export = export.assign(enriched_at=ago(days).isoformat())
    path = tmp_path / "export.csv"
    export.to_csv(path, index=False)
    os.utime(path, (ago(days).timestamp(),) * 2)
    with cl.sandbox():
        cl.Ledger().adopt(path, **options)
        assert cl.estimate_cost(LEADS[:1], ["title"]).buckets["held"] == held


def test_an_older_export_does_not_replace_a_newer_answer() -> None:
    """It is taken in only for what it adds."""
    with cl.sandbox(people=PEOPLE) as service:
        cl.enrich(LEADS[:1], ["title", "icp_score"])
        assert cl.Ledger().adopt(EXPORT[:1], as_of=ago(30)) == 0
        assert cl.enrich(LEADS[:1], ["title"])["enriched_title"].tolist() == ["new"]
        assert asked(service) == [JO]


def test_who_is_erased_stays_erased() -> None:
    """Not a byte of them comes back with an old file."""
    with cl.sandbox(people=PEOPLE) as service:
        with cl.Ledger() as ledger:
            ledger.erase(JO)
            assert ledger.adopt(EXPORT) == 1
            assert ledger.path is not None
            assert JO.encode() not in ledger.path.read_bytes()
        assert cl.enrich(LEADS[:1], ["title"])["enriched_status"].tolist() == ["skipped"]
        assert asked(service) == []


def test_what_was_adopted_is_no_history_of_hits() -> None:
    """An export of found people would promise too much."""
    with cl.sandbox():
        cl.Ledger().adopt(EXPORT)
        assert cl.estimate_cost(pd.DataFrame({"email": ["x@acme.example"]})).history == 0


@pytest.mark.parametrize(
    ("export", "options", "message"),
    [
        (pd.DataFrame({"email": [JO]}), {}, "no enriched column"),
        (pd.DataFrame({"enriched_title": ["x"]}), {}, "No e-mail column"),
        ("nowhere.csv", {}, "no such file"),
        (None, {}, "takes a DataFrame or a path, not NoneType"),
        (EXPORT, {"as_of": "tomorrow"}, "as_of must be a time that has passed"),
        (EXPORT, {"as_of": ago(-1)}, "as_of must be a time that has passed"),
        (EXPORT, {"as_of": []}, "as_of must be"),
        (EXPORT, {"as_of": 2026}, "as_of must be"),
        (EXPORT, {"as_of": 20260630.0}, "as_of must be"),
    ],
)
def test_what_cannot_be_adopted_changes_nothing(tmp_path: Path, export: object, options: dict, message: str) -> None:
    """And is told by name."""
    with cl.Ledger(tmp_path / "ledger.sqlite3") as ledger:
        with pytest.raises(cl.ConfigurationError, match=message):
            ledger.adopt(export, **options)
        assert ledger.stats()["lookups"] == 0

"""What a person asks of the ledger: audit, export, salvage, prune."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.run.records import Intent, Outcome, Run

DAY_US = 86_400_000_000
NOW_US = pd.Timestamp.now(tz="UTC").value // 1000


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[cl.Ledger]:
    with cl.Ledger(tmp_path / "ledger.sqlite3") as opened:
        yield opened


def write(
    ledger: cl.Ledger,
    who: str,
    status: str | None,
    credits: int = 1,
    *,
    price: int = 1,
    days: float = 0,
    world: str = "live",
) -> None:
    """Write one look-up and, if a status is given, its outcome some days ago."""
    run = Run(id="run", world=world, service="csv_row")
    fields = ("title", "phone") if price == 11 else ("title",)
    (number,) = ledger.record(run, [Intent(address=f"{who}@acme.example", fields=fields, price=price)], [])
    assert isinstance(number, int)
    if status is not None:
        at_us = NOW_US - int(days * DAY_US)
        ledger.record(run, [], [Outcome(lookup=number, status=status, credits=credits, body=b"{}", at_us=at_us)])


def test_audit_lists_what_disagrees_with_the_tariff_and_nothing_else(ledger: cl.Ledger) -> None:
    """Each with its reason."""
    write(ledger, "fine", "completed")
    write(ledger, "phone", "completed", 11, price=11)
    write(ledger, "free", "not_found", 0)
    write(ledger, "doubt", "in_doubt", 0)
    write(ledger, "miss", "not_found", 1)
    write(ledger, "fail", "failed", 1)
    write(ledger, "dear", "completed", 11)
    write(ledger, "twice", "completed", days=10)
    write(ledger, "twice", "completed", days=1)
    write(ledger, "renewed", "completed", days=95)
    write(ledger, "renewed", "completed", days=1)
    write(ledger, "worlds", "completed", world="local")
    write(ledger, "worlds", "completed")
    found = ledger.audit().set_index("address").reason
    assert found.to_dict() == {
        "miss@acme.example": "charged on a miss",
        "fail@acme.example": "charged for a failure",
        "dear@acme.example": "charged above the price",
        "twice@acme.example": "charged a second time",
    }


def test_an_audit_without_findings_has_the_same_types(ledger: cl.Ledger) -> None:
    """So that a pipeline need not ask."""
    empty = ledger.audit().dtypes
    write(ledger, "miss", "not_found", 1)
    pd.testing.assert_series_equal(
        empty[["credits", "price", "answered_at"]], ledger.audit().dtypes[["credits", "price", "answered_at"]]
    )


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_export_writes_every_look_up_for_the_owner_only(ledger: cl.Ledger, tmp_path: Path, name: str) -> None:
    """With its answer as it came."""
    write(ledger, "a", "completed")
    write(ledger, "b", None)
    path = tmp_path / name
    assert ledger.export(path) == 2
    assert path.stat().st_mode & 0o777 == 0o600
    frame = pd.read_parquet(path) if name.endswith("parquet") else pd.read_csv(path)
    assert frame.address.tolist() == ["a@acme.example", "b@acme.example"]
    assert frame.body.iloc[0] == "{}"
    assert frame.status.isna().tolist() == [False, True]


def test_export_never_writes_over_a_file(ledger: cl.Ledger, tmp_path: Path) -> None:
    """Exports hold people; one that is there may be somebody's only copy."""
    (tmp_path / "there.csv").write_text("mine")
    with pytest.raises(cl.ConfigurationError, match="exists already"):
        ledger.export(tmp_path / "there.csv")
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_export_writes_what_its_name_says_or_nothing(ledger: cl.Ledger, tmp_path: Path) -> None:
    """CSV under another ending would be opened by the wrong program."""
    with pytest.raises(cl.ConfigurationError, match=r"end its name in \.csv or \.parquet"):
        ledger.export(tmp_path / "out.xlsx")
    assert not (tmp_path / "out.xlsx").exists()


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_half_an_export_does_not_stay(ledger: cl.Ledger, tmp_path: Path, name: str) -> None:
    """On a full disk, here one that takes no file of more than 100 bytes; with some room it can be tried again."""
    write(ledger, "a", "completed")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(cl.CleanlistError, match=rf"{name} could not be written \(File too large\)"):
            ledger.export(tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert ledger.export(tmp_path / name) == 1


def test_a_closed_ledger_says_so(ledger: cl.Ledger) -> None:
    """And how to go on."""
    ledger.close()
    with pytest.raises(cl.LedgerError, match=r"was closed; nothing more was sent. Open it again with cl.Ledger"):
        ledger.stats()


def test_salvage_leaves_out_rows_that_were_changed(ledger: cl.Ledger, tmp_path: Path) -> None:
    """And writes the others; the ledger itself is refused."""
    for who in "abc":
        write(ledger, who, "completed")
    ledger.close()
    with sqlite3.connect(str(ledger.path)) as connection:
        connection.execute("UPDATE lookups SET address = 'x@acme.example' WHERE id = 2")
    connection.close()
    assert cl.Ledger.salvage(str(ledger.path), tmp_path / "out.csv") == 2
    assert pd.read_csv(tmp_path / "out.csv").address.tolist() == ["a@acme.example", "c@acme.example"]


@pytest.mark.parametrize("page", range(1, 9))
def test_salvage_survives_any_page_of_rubbish_and_invents_nothing(tmp_path: Path, page: int) -> None:
    """What it writes was there."""
    path = tmp_path / "ledger.sqlite3"
    people = [f"p{n}" for n in range(60)]
    with cl.Ledger(path) as ledger:
        for who in people:
            write(ledger, who, "completed")
    content = bytearray(path.read_bytes())
    content[page * 4096 : (page + 1) * 4096] = b"\xa5" * 4096
    path.write_bytes(content[: max(len(content), 4096)])
    try:
        n_rows = cl.Ledger.salvage(path, tmp_path / "out.csv")
    except cl.LedgerError:
        return
    if n_rows:
        assert set(pd.read_csv(tmp_path / "out.csv").address) <= {f"{who}@acme.example" for who in people}


def test_prune_forgets_what_is_old_and_keeps_what_is_in_doubt(ledger: cl.Ledger) -> None:
    """A doubt does not age: only the vendor can settle it."""
    write(ledger, "old", "completed", days=400)
    write(ledger, "young", "completed", days=10)
    write(ledger, "doubt", "in_doubt", 0, days=400)
    write(ledger, "cut", None)
    assert ledger.prune("365") == 1
    stats = ledger.stats()
    assert (stats["completed"], stats["in_doubt"]) == (1, 2)


@pytest.mark.parametrize("age", [None, "soon", -1, True])
def test_prune_needs_an_age(ledger: cl.Ledger, age: object) -> None:
    """And names one."""
    with pytest.raises(cl.ConfigurationError, match="days"):
        ledger.prune(age)  # type: ignore[arg-type]


def test_ages_are_days_also_as_text(ledger: cl.Ledger) -> None:
    """pandas alone would read nanoseconds."""
    write(ledger, "week", "completed", days=7)
    assert ledger.prune("30") == ledger.prune(timedelta(days=30)) == ledger.prune("30D") == 0
    assert ledger.prune("5") == 1

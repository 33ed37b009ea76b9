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
    fields: tuple[str, ...] = (),
) -> None:
    """Write one look-up and, if a status is given, its outcome some days ago."""
    run = Run(id="run", world=world, service="csv_row")
    fields = fields or (("title", "phone") if price == 11 else ("title",))
    (number,) = ledger.record(run, [Intent(address=f"{who}@acme.example", fields=fields, price=price)], [])
    assert isinstance(number, int)
    if status is not None:
        at_us, reason = NOW_US - round(days * DAY_US), "no answer" if status == "in_doubt" else ""
        told = {"status": status, "credits": credits, "reason": reason, "body": b"{}", "at_us": at_us}
        ledger.record(run, [], [Outcome(lookup=number, **told)])


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
    write(ledger, "order", "completed", 11, price=11, fields=("title", "phone"), days=61)
    write(ledger, "order", "completed", 11, price=11, fields=("phone", "title"), days=1)
    expected = pd.DataFrame(
        [
            ("miss", "title", 1, 1, 0, "not_found", "charged on a miss"),
            ("fail", "title", 1, 1, 0, "failed", "charged for a failure"),
            ("dear", "title", 11, 1, 0, "completed", "charged above the price"),
            ("twice", "title", 1, 1, 1, "completed", "charged a second time"),
            ("order", "phone,title", 11, 11, 1, "completed", "charged a second time"),
        ],
        columns=["address", "fields", "credits", "price", "answered_at", "status", "reason"],
    )
    expected["address"] += "@acme.example"
    at_us = NOW_US - expected["answered_at"] * DAY_US
    expected["answered_at"] = pd.to_datetime(at_us, unit="us", utc=True).astype("datetime64[us, UTC]")
    pd.testing.assert_frame_equal(ledger.audit(), expected)


@pytest.mark.parametrize(("late_us", "disputed"), [(0, True), (1, False)])
def test_a_second_charge_is_disputed_to_the_last_microsecond_of_60_days(
    ledger: cl.Ledger, late_us: int, disputed: bool
) -> None:
    """As long as the vendor keeps a result, it need not be bought again."""
    write(ledger, "twice", "completed", days=60 + late_us / DAY_US)
    write(ledger, "twice", "completed")
    assert len(ledger.audit()) == disputed


def test_stats_count_by_what_became_of_look_ups(ledger: cl.Ledger) -> None:
    """All of them, also those that nobody knows about."""
    names = ["lookups", "people", "completed", "not_found", "failed", "in_doubt", "running", "released"]
    names += ["credits", "credits_in_doubt", "credits_running"]

    def stats(*numbers: int) -> pd.Series:
        return pd.Series(numbers, index=names, dtype="int64", name="ledger")

    pd.testing.assert_series_equal(ledger.stats(), stats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    for n, (status, credits) in enumerate([("completed", 3), ("not_found", 1), ("failed", 2), ("released", 0)], 1):
        for _ in range(n):
            write(ledger, status, status, credits)
    write(ledger, "doubt", "in_doubt", 0, price=11)
    write(ledger, "cut", None, price=11)
    pd.testing.assert_series_equal(ledger.stats(), stats(12, 6, 1, 2, 3, 2, 0, 4, 3 + 2 + 6, 22, 0))
    run = Run(id="another", world="live", service="csv_row")
    with ledger.start(run):
        ledger.record(run, [Intent(address="now@acme.example", fields=("title",), price=1)], [])
        pd.testing.assert_series_equal(ledger.stats(), stats(13, 7, 1, 2, 3, 2, 1, 4, 3 + 2 + 6, 22, 1))
        assert len(ledger.in_doubt()) == 2
    pd.testing.assert_series_equal(ledger.stats(), stats(13, 7, 1, 2, 3, 3, 0, 4, 3 + 2 + 6, 23, 0))


def test_what_is_in_doubt_is_listed_with_its_worst_price(ledger: cl.Ledger) -> None:
    """In the order in which it was sent."""
    before = pd.Timestamp.now("UTC")
    write(ledger, "cut", None, price=11)
    write(ledger, "fine", "completed")
    write(ledger, "doubt", "in_doubt", 0)
    found = ledger.in_doubt()
    assert found["sent_at"].dtype == "datetime64[us, UTC]"
    assert found["sent_at"].between(before.floor("us"), pd.Timestamp.now("UTC")).all()
    expected = pd.DataFrame(
        [("cut@acme.example", "title,phone", 11, "cut off"), ("doubt@acme.example", "title", 1, "no answer")],
        columns=["address", "fields", "credits", "reason"],
    )
    pd.testing.assert_frame_equal(found.drop(columns="sent_at"), expected)
    assert list(found) == ["address", "fields", "credits", "sent_at", "reason"]
    with cl.Ledger.in_memory() as nothing:
        empty = nothing.in_doubt()
    pd.testing.assert_series_equal(empty.dtypes[["credits", "sent_at"]], found.dtypes[["credits", "sent_at"]])


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
    with pytest.raises(cl.ConfigurationError, match=r"^prune\(\) needs an age, such as 365 \(days\) or '52W'\.$"):
        ledger.prune(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(("days", "n_gone"), [(364.9, 0), (365.1, 1)])
def test_prune_counts_days_from_the_answer(ledger: cl.Ledger, days: float, n_gone: int) -> None:
    """Not much more and not much less, though the suite takes its time; nothing of the answer is left."""
    write(ledger, "one", "completed", days=days)
    assert ledger.prune(365) == n_gone
    assert ledger._sql.execute("SELECT count(*) FROM outcomes").fetchone()[0] == 1 - n_gone


def test_ages_are_days_also_as_text(ledger: cl.Ledger) -> None:
    """pandas alone would read nanoseconds."""
    write(ledger, "week", "completed", days=7)
    assert ledger.prune("30") == ledger.prune(timedelta(days=30)) == ledger.prune("30D") == 0
    assert ledger.prune("5") == 1

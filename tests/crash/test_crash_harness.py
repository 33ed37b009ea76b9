"""The checks of the crash tests, each shown to fail on what it is there to find."""

from __future__ import annotations

import shutil
import sqlite3

import pytest
from crash_books import WAYS

from cleanlist_pandas.run.records import Intent, Run

ELSES = b'{"meta": {"credits_used": 11}, "csv_row": {"input_email": "else@acme.example"}}'
FOLDER_SYNC = "sync_folder"


@pytest.fixture
def bought(scene, tools):
    """A run that went well: its service, its ledger, its frame."""
    one = scene("bought")
    return one, one.again()


def _books(tools, one):
    return tools.rows_of(one.ledger), one.service.charges, [request.email for request in one.service.requests]


def test_books_that_agree_are_found_to_agree(bought, tools):
    """An undisturbed run has no violation."""
    assert tools.compare_books(*_books(tools, bought[0])) == []


def test_a_look_up_that_is_missing_from_the_ledger_is_found(bought, tools):
    """A charge without a row is a violation."""
    rows, charges, asked = _books(tools, bought[0])
    rows = [row for row in rows if row["address"] != charges[0].email]
    assert f"{charges[0].email} was asked and is not in the ledger" in tools.compare_books(rows, charges, asked)


def test_a_charge_booked_as_free_is_found(bought, tools):
    """A charged look-up that the ledger calls released is a violation."""
    rows, charges, asked = _books(tools, bought[0])
    rows = [row | {"status": "released"} if row["address"] == charges[0].email else row for row in rows]
    assert any("no look-up of theirs that may cost" in text for text in tools.compare_books(rows, charges, asked))


def test_a_second_charge_is_found(bought, tools):
    """Two charges for one person are a violation."""
    rows, charges, asked = _books(tools, bought[0])
    assert f"{charges[0].email} was charged 2 times" in tools.compare_books(rows, [*charges, charges[0]], asked)


@pytest.mark.parametrize("changed", [{"credits": 0}, {"credits": 12}, {"body": ELSES}])
def test_a_settled_row_that_says_something_else_than_the_service_is_found(changed, bought, tools):
    """Other credits than were charged, or another person's bytes, are a violation."""
    rows, charges, asked = _books(tools, bought[0])
    at = next(number for number, row in enumerate(rows) if row["status"] == "completed")
    rows[at] = rows[at] | changed
    assert tools.compare_books(rows, charges, asked) != []


def test_a_lost_ledger_is_found_by_the_second_run(bought, tools):
    """Without its ledger the second run buys everybody again, and the audit says so."""
    one, frame = bought
    shutil.rmtree(one.folder)
    one.folder.mkdir()
    assert any("was charged 2 times" in text for text in tools.audit_after(one, frame))


def test_a_changed_cell_of_a_frame_is_found(bought, tools):
    """Any other value than an undisturbed run's is a violation."""
    other = bought[1].copy()
    other.loc[10, "enriched_title"] = "Somebody Else"
    assert tools.compare_frames(other, bought[1]) != []


def test_more_people_in_doubt_than_were_in_flight_are_found(bought, tools):
    """Four people in doubt at a concurrency of three are a violation."""
    other = bought[1].copy()
    other.loc[[10, 12, 13, 14], "enriched_status"] = "in_doubt"
    assert tools.compare_frames(other, bought[1]) == ["4 people are in doubt"]


def test_a_row_changed_behind_the_librarys_back_is_found(bought, tools):
    """Each row's checksum is computed again."""
    with tools.sqlite_only(bought[0].ledger) as sql:
        sql.execute("UPDATE outcomes SET credits = credits + 1 WHERE lookup = 1")
    assert tools.unsound(bought[0].ledger) == ["the outcome of look-up 1 has a wrong checksum"]


def test_a_page_of_rubbish_is_found(bought, tools):
    """A damaged page makes the file unsound."""
    with bought[0].ledger.open("r+b") as file:
        file.seek(4096)
        file.write(bytes(range(256)) * 16)
    assert tools.unsound(bought[0].ledger) != []


def test_half_of_a_commit_is_found(tools, tmp_path):
    """Rows of a commit that had not returned are all there or none is."""
    path = tmp_path / "half.sqlite3"
    with tools.Ledger(path) as ledger:
        _insert(tools, ledger, "one@acme.example", "two@acme.example")
    notes = [{"lookups": [[1, "one@acme.example"], [2, "two@acme.example"], [3, "three@acme.example"]]}]
    state = {"ledger.sqlite3": path.read_bytes()}
    assert tools.lost_power(state, tmp_path / "after", notes, 0) == ["half of a commit is there"]


def test_a_lost_commit_is_found(tools, tmp_path):
    """A commit that had returned and is not there is a violation; so is a ledger that is gone."""
    path = tmp_path / "lost.sqlite3"
    tools.Ledger(path).close()
    notes = [{"lookups": [[1, "one@acme.example"]]}]
    state = {"ledger.sqlite3": path.read_bytes()}
    lost = "rows that were committed are lost or changed: [1]"
    assert tools.lost_power(state, tmp_path / "after", notes, 1) == [lost]
    assert tools.lost_power({}, tmp_path / "after", notes, 1) == ["the ledger is gone with rows that were committed"]


def test_a_person_who_is_not_gone_after_an_erasure_is_found(tools, tmp_path):
    """An erased person's row, bytes or absence from the do-not-send list are violations."""
    path = tmp_path / "erased.sqlite3"
    with tools.Ledger(path) as ledger:
        _insert(tools, ledger, "one@acme.example")
    notes = [{"lookups": [[1, "one@acme.example"]]}, {"erased": "one@acme.example"}]
    found = tools.lost_power({"ledger.sqlite3": path.read_bytes()}, tmp_path / "after", notes, 2)
    assert [text.partition(" is ")[2] for text in found if " is " in text] == [
        "still in ledger.sqlite3", "there", "no longer on the do-not-send list"
    ]  # fmt: skip


@pytest.mark.parametrize("name", WAYS)
def test_everybody_a_surface_was_asked_about_is_seen(name, scene, tools):
    """Each once after a run that nothing disturbs, and twice where a run forgot the first."""
    one = scene("bought", WAYS[name])
    frame, asked = one.again(), tools.asked_of(one.service)
    sent = frame.loc[frame["enriched_status"] != "skipped", "email"]
    assert {who for who in asked if "@" in who} == set(sent.str.lower())
    assert len(asked) == len(set(asked))
    shutil.rmtree(one.folder)
    one.folder.mkdir()
    assert any("was asked 2 times" in text for text in tools.audit_after(one, one.again()))


def test_who_is_in_doubt_although_a_token_is_on_disk_is_found(scene, tools):
    """With a token there is somebody to ask."""
    one = scene("bought", WAYS["v2_list"])
    frame = one.again()
    doubtful = frame.assign(enriched_status=["in_doubt", *frame["enriched_status"].iloc[1:]])
    rows = tools.rows_of(one.ledger)
    assert tools.told_of(doubtful, tools.untold(rows)) == ["crash.person0@mill0.example is in doubt"]
    lost = [row | {"lookup": None, "token": None} for row in rows]
    assert tools.told_of(doubtful, tools.untold(lost)) == []
    by_list = [row | {"lookup": None, "token": "list ll ? 6"} for row in rows]
    assert tools.untold(by_list) >= tools.findable(one.service.charges) >= {"crash.person0@mill0.example"}


def test_a_list_that_is_answered_and_not_written_is_found(scene, tools):
    """Credits and bytes of people who are asked about together are compared person by person."""
    one = scene("bought", WAYS["v2_list"])
    one.again()
    rows, asked = tools.rows_of(one.ledger), tools.asked_of(one.service)
    assert tools.compare_books(rows, one.service.charges, asked) == []
    at = next(number for number, row in enumerate(rows) if row["status"] == "completed")
    for changed in ({"credits": 0}, {"body": rows[at - 1]["address"].encode()}, {"status": "released"}):
        wrong = [*rows[:at], rows[at] | changed, *rows[at + 1 :]]
        assert tools.compare_books(wrong, one.service.charges, asked) != []


def _insert(tools, ledger, *people):
    """Record intents as a run does."""
    run = Run(id="r", world="w", service="csv_row")
    ledger.record(run, [Intent(address=one, fields=("title",), price=1) for one in people], [])


@pytest.mark.parametrize(("in_ci", "outcome"), [("true", RuntimeError), ("", pytest.skip.Exception)])
def test_strace_that_is_missing_is_said(tools, monkeypatch, tmp_path, in_ci, outcome):
    """Without strace the tests fail in CI, and are skipped elsewhere, with a sentence that says how to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", in_ci)
    with pytest.raises(outcome, match="apt-get install strace"):
        tools.strace_path()


def test_a_ledger_that_sqlite_cannot_read_is_unsound(tools, tmp_path):
    """A file that is no database is reported, not raised."""
    (tmp_path / "no.sqlite3").write_bytes(b"no database " * 1000)
    assert len(tools.unsound(tmp_path / "no.sqlite3")) == 1
    with pytest.raises(sqlite3.DatabaseError), tools.sqlite_only(tmp_path / "no.sqlite3") as sql:
        sql.execute("SELECT * FROM sqlite_master")


# --- the model of the disk -------------------------------------------------------------------------------------------


def _found(disk, rng, *ops, n=300, before=None):
    """All that may be found of a file named f, None where it is not there."""
    one = disk.Disk(before)
    for op in ops:
        one.do(op)
    return {one.cut(rng).get("f") for _ in range(n)}


def test_what_was_synced_is_always_found(disk, rng):
    """After the file's and the folder's sync there is one state only."""
    ops = [disk.Op("create", "f"), disk.Op("write", "f", 0, b"x" * 600), disk.Op("sync", "f"), disk.Op(FOLDER_SYNC)]
    assert _found(disk, rng, *ops) == {b"x" * 600}


def test_a_new_name_may_be_lost_until_its_folder_is_synced(disk, rng):
    """A synced file without a synced name may be gone."""
    ops = [disk.Op("create", "f"), disk.Op("write", "f", 0, b"x"), disk.Op("sync", "f")]
    assert _found(disk, rng, *ops) == {None, b"x"}


def test_a_removed_name_may_come_back_until_its_folder_is_synced(disk, rng):
    """An unlink without a synced folder may not have happened."""
    assert _found(disk, rng, disk.Op("unlink", "f"), before={"f": b"old"}) == {None, b"old"}
    assert _found(disk, rng, disk.Op("unlink", "f"), disk.Op(FOLDER_SYNC), before={"f": b"old"}) == {None}


def test_a_write_may_be_torn_between_sectors_and_nowhere_else(disk, rng):
    """Each sector of a write that was not synced is old or new, in every combination."""
    found = _found(disk, rng, disk.Op("write", "f", 0, b"n" * 1024), before={"f": b"o" * 1024})
    assert found == {a * 512 + b * 512 for a in (b"o", b"n") for b in (b"o", b"n")}


def test_a_later_write_may_be_found_without_an_earlier_one(disk, rng):
    """Writes that were not synced are independent of each other."""
    ops = [disk.Op("write", "f", 0, b"1" * 512), disk.Op("write", "f", 512, b"2" * 512)]
    assert b"o" * 512 + b"2" * 512 in _found(disk, rng, *ops, before={"f": b"o" * 1024})


def test_a_truncation_may_be_undone_until_it_is_synced(disk, rng):
    """A truncated file may have its old length again."""
    assert _found(disk, rng, disk.Op("truncate", "f", 0), before={"f": b"old"}) == {b"", b"old"}


def test_a_file_may_be_longer_than_its_data(disk, rng):
    """The length may be on the disk before the data: then zeros or rubbish are found."""
    found = _found(disk, rng, disk.Op("write", "f", 0, b"n" * 512), before={"f": b""})
    assert {b"", bytes(512), b"n" * 512} < found


def test_a_trace_that_shows_only_part_of_a_write_is_refused(disk, tmp_path):
    """The model must see every byte."""
    line = f'1 pwrite64(3<{tmp_path}/f>, "ab"..., 4, 0) = 4'
    with pytest.raises(AssertionError):
        disk.ops_of(line, tmp_path)


def test_a_call_the_model_does_not_know_is_refused(disk, tmp_path):
    """A rename of the ledger's files would have to be modelled first."""
    line = f'1 rename("{tmp_path}/f", "{tmp_path}/g") = 0'
    with pytest.raises(NotImplementedError):
        disk.ops_of(line, tmp_path)

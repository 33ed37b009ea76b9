"""The ledger: what counts, who was faster, what is refused, what is forgotten."""

from __future__ import annotations

import gc
import os
import sqlite3
import stat
import time
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.run import salvage
from cleanlist_pandas.run.lease import Lease, lease_is_held
from cleanlist_pandas.run.ledger import Ledger
from cleanlist_pandas.run.records import IN_DOUBT, RELEASED, Claim, Held, Intent, Outcome, Record, Run, decide

JANE, JOHN = "jane@acme.example", "john@acme.example"
DAY = timedelta(days=1)


def record(status: str, *, days: float = 0, credits: int = 1, fields: tuple[str, ...] = ("title",)) -> Record:
    at_us = time.time_ns() // 1000 - int(days * 86400e6)
    return Record(status=status, lookup=1, credits=credits, at_us=at_us, fields=fields)


RUNNING = record("")
DOUBT = record(IN_DOUBT)
DONE, MISS = record("completed"), record("not_found", credits=0)
OLD, OLD_MISS = record("completed", days=91), record("not_found", days=31, credits=0)
VOID, FREE, OLD_FREE = record(RELEASED, credits=0), record("failed", credits=0), record("failed", credits=0, days=1.1)
PAID = record("failed", credits=1)


def held(
    *found: Record, fields: tuple[str, ...] = ("title",), max_age: timedelta | None = 90 * DAY, **how: Any
) -> Held:
    """What one person's records are worth."""
    chosen = decide([(0, one) for one in found], lambda at: fields, max_age=max_age, miss_age=30 * DAY, **how)
    return chosen.get(0, Held(lacking=frozenset(fields)))


def counting(chosen: Held) -> list[Record]:
    """The records that count, the open ones last."""
    return [*chosen.records, *chosen.doubts, *filter(None, [chosen.rival])]


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        ([], None),
        ([DONE], DONE),
        ([MISS], MISS),
        ([PAID], PAID),
        ([DOUBT], DOUBT),
        ([RUNNING], RUNNING),
        ([VOID], None),
        ([FREE], FREE),
        ([OLD_FREE], None),
        ([FREE, DOUBT], DOUBT),
        ([DOUBT, OLD_FREE], DOUBT),
        ([OLD, FREE], FREE),
        ([FREE, DONE], DONE),
        ([MISS, FREE], MISS),
        ([OLD], None),
        ([OLD_MISS], None),
        ([DONE, DOUBT], DONE),
        ([DOUBT, DONE], DONE),
        ([DOUBT, MISS], MISS),
        ([DOUBT, VOID], DOUBT),
        ([DOUBT, FREE], DOUBT),
        ([DOUBT, OLD], None),
        ([DOUBT, PAID], PAID),
        ([OLD, DOUBT], DOUBT),
        ([OLD, RUNNING], RUNNING),
        ([DOUBT, RUNNING], RUNNING),
        ([RUNNING, DOUBT], DOUBT),
        ([VOID, DONE, FREE], DONE),
        ([DONE, OLD], DONE),
        ([record("completed", fields=("phone",))], None),
        ([record(IN_DOUBT, fields=("phone",))], None),
        ([record("", fields=("phone",))], None),
    ],
)
def test_what_counts_among_a_persons_records(found: list[Record], counts: Record | None) -> None:
    """Held, being asked, in doubt or nothing: oldest record first."""
    chosen = held(*found)
    assert counting(chosen) == ([] if counts is None else [counts])
    assert chosen.lacking == (set() if chosen.records or chosen.doubts else {"title"})


def test_an_answer_to_more_fields_answers_fewer() -> None:
    """Whoever was asked for title and phone is held for the title."""
    wide = record("completed", fields=("phone", "title"))
    assert held(wide) == Held(records=(wide,))


TITLE, PHONE = record("completed", fields=("title",)), record("completed", fields=("phone",), credits=11)
BOTH = ("title", "phone")
PHONE_DOUBT, PHONE_FREE = record(IN_DOUBT, fields=("phone",)), record("failed", credits=0, fields=("phone",))
PHONE_RUNNING, OLD_BOTH = record("", fields=("phone",)), record("completed", fields=BOTH, days=1)


@pytest.mark.parametrize(
    ("found", "counts", "lacking"),
    [
        ([TITLE, PHONE], [TITLE, PHONE], ""),
        ([TITLE], [TITLE], "phone"),
        ([TITLE, PHONE_DOUBT], [TITLE, PHONE_DOUBT], ""),
        ([PHONE_DOUBT], [PHONE_DOUBT], "title"),
        ([PHONE_DOUBT, PHONE, TITLE], [PHONE, TITLE], ""),
        ([PHONE_RUNNING], [], "title phone"),
        ([TITLE, PHONE_RUNNING], [TITLE, PHONE_RUNNING], "phone"),
        ([PHONE_FREE], [], "title phone"),
        ([TITLE, PHONE_FREE], [TITLE, PHONE_FREE], ""),
        ([PHONE_DOUBT, FREE], [FREE, PHONE_DOUBT], ""),
        ([OLD_BOTH, TITLE], [OLD_BOTH, TITLE], ""),
        ([OLD_BOTH, record("completed", fields=BOTH)], [record("completed", fields=BOTH)], ""),
    ],
)
def test_each_field_is_bought_once(found: list[Record], counts: list[Record], lacking: str) -> None:
    """What look-ups have brought adds up; what one of them left in doubt is held back, and nothing else."""
    chosen = held(*found, fields=BOTH)
    assert [(one.status, one.fields) for one in counting(chosen)] == [(one.status, one.fields) for one in counts]
    assert chosen.lacking == {*lacking.split()}


def test_who_says_retry_buys_what_is_in_doubt() -> None:
    """An open look-up of a run that is over counts for nothing then; one of a run that goes on still does."""
    assert held(PHONE_DOUBT, TITLE, fields=BOTH, retry=True) == Held(records=(TITLE,), lacking=frozenset({"phone"}))
    assert held(DOUBT, RUNNING, retry=True).rival == RUNNING


@pytest.mark.parametrize(
    ("max_age", "stands"), [(None, True), (92 * DAY, True), (90 * DAY, False), (timedelta(0), False)]
)
def test_an_answer_stands_for_as_long_as_max_age(max_age: timedelta | None, stands: bool) -> None:
    """None is any age, 0 is none at all."""
    assert bool(held(OLD, max_age=max_age).records) == stands


@pytest.mark.parametrize("max_age", [None, 400 * DAY, 10 * DAY])
def test_a_miss_is_asked_again_after_30_days_however_old_an_answer_may_be(max_age: timedelta | None) -> None:
    """A miss was free and people get found."""
    assert held(OLD_MISS, max_age=max_age).lacking == {"title"}
    young = record("not_found", days=20, credits=0)
    assert bool(held(young, max_age=max_age).records) == (max_age != 10 * DAY)


# --- rows ------------------------------------------------------------------------------------------------------------


def who(name: str = "a", world: str = "local") -> Run:
    return Run(id=name, world=world, service="csv_row")


def intent(address: str = JANE, fields: tuple[str, ...] = ("title",), price: int = 1) -> Intent:
    return Intent(address=address, fields=fields, price=price)


def found(ledger: Ledger, *addresses: str, world: str = "local") -> dict[int, list[str]]:
    people = pa.array(addresses or (JANE,), pa.large_string())
    seen: dict[int, list[str]] = {}
    for at, one in ledger.find(people, world)[0]:
        seen.setdefault(at, []).append(one.status)
    return seen


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


def test_an_intent_without_an_outcome_is_being_asked_while_its_run_lives_and_in_doubt_after(path: Path) -> None:
    """The lease tells a running process from a dead one."""
    with Ledger(path) as ledger:
        run = who()
        with ledger.start(run):
            ledger.record(run, [intent()], [])
            assert found(ledger) == {0: [""]}
            assert len(ledger.in_doubt()) == 0
        assert found(ledger) == {0: [IN_DOUBT]}
        assert ledger.in_doubt()["credits"].tolist() == [1]


def test_a_run_that_ends_while_it_is_looked_at_leaves_nobody_in_doubt(path: Path) -> None:
    """It writes, then lets go: whoever reads before and asks after must read again."""
    with Ledger(path) as ledger, ExitStack() as going_on:
        run = who()
        going_on.enter_context(ledger.start(run))
        (lookup,) = ledger.record(run, [intent()], [])

        class Late(Ledger):
            def _is_alive(self, name: str) -> bool:
                ledger.record(run, [], [Outcome(lookup=lookup, status="completed", credits=1)])  # type: ignore[arg-type]
                going_on.close()
                return super()._is_alive(name)

        with Late(path) as other:
            assert found(other) == {0: ["completed"]}
        with Ledger(path) as other:
            assert found(other) == {0: ["completed"]}


def test_worlds_never_mix(path: Path) -> None:
    """An invented answer is no answer for the real service, and no claim on it."""
    with Ledger(path) as ledger:
        run = who(world="local")
        (lookup,) = ledger.record(run, [intent()], [])
        assert isinstance(lookup, int)
        ledger.record(run, [], [Outcome(lookup=lookup, status="completed", credits=1)])
        assert found(ledger, world="live") == {}
        assert isinstance(ledger.record(who("b", "live"), [intent()], [])[0], int)


def test_the_second_run_is_told_who_was_faster(path: Path) -> None:
    """One person, two runs: one id and one claim, in the same instant."""
    with Ledger(path) as one, Ledger(path) as two:
        (first,) = one.record(who("a"), [intent(fields=("title", "phone"))], [])
        assert two.record(who("b"), [intent()], []) == [Claim(first, ("title", "phone"))]  # type: ignore[arg-type]


def test_a_claim_on_fewer_fields_is_no_claim(path: Path) -> None:
    """Whoever asks for the title does not ask for the phone."""
    with Ledger(path) as ledger:
        ledger.record(who("a"), [intent()], [])
        assert isinstance(ledger.record(who("b"), [intent(fields=("title", "phone"))], [])[0], int)


def test_an_outcome_may_be_written_twice(path: Path) -> None:
    """A commit that failed may have reached the disk: writing it again must not cost the outcomes beside it."""
    with Ledger(path) as ledger:
        run = who()
        first, second = ledger.record(run, [intent(), intent(JOHN)], [])
        done = Outcome(lookup=first, status="completed", credits=1)  # type: ignore[arg-type]
        ledger.record(run, [], [done])
        ledger.record(run, [], [done, Outcome(lookup=second, status="not_found")])  # type: ignore[arg-type]
        assert found(ledger, JANE, JOHN) == {0: ["completed"], 1: ["not_found"]}


def test_a_group_is_written_whole_or_not_at_all(path: Path) -> None:
    """An outcome that cannot be written takes the intents of its group with it: none of them may be sent."""
    with Ledger(path) as ledger:
        bad: Any = Outcome(lookup=1, status="completed", credits=2**70)
        with pytest.raises(OverflowError):
            ledger.record(who(), [intent()], [bad])
        assert ledger.stats()["lookups"] == 0


# --- erasing ---------------------------------------------------------------------------------------------------------


def test_an_erased_person_leaves_no_byte_and_is_never_granted_again(path: Path) -> None:
    """Address and answer are gone from every file beside the ledger; a hash keeps them from being sent."""
    with Ledger(path) as ledger:
        run = who()
        (lookup,) = ledger.record(run, [intent()], [])
        body = b'{"enriched_title": "Archchancellor"}'
        ledger.record(run, [], [Outcome(lookup=lookup, status="completed", credits=1, body=body)])  # type: ignore[arg-type]
        receipt = ledger.erase(" JANE@acme.example ")
        assert receipt["lookups"] == 1
        assert ledger.is_erased(pa.array([JANE, JOHN], pa.large_string())).tolist() == [True, False]
        assert ledger.record(who("b"), [intent()], []) == [None]
        for file in path.parent.iterdir():
            content = file.read_bytes()
            assert b"jane" not in content.lower()
            assert b"Archchancellor" not in content


def test_an_answer_that_lands_after_the_erasure_is_dropped_and_nobody_inherits_it(path: Path) -> None:
    """Ids are never used twice: a late answer about one person must not become another's."""
    with Ledger(path) as ledger:
        run = who()
        (late,) = ledger.record(run, [intent()], [])
        ledger.erase(JANE)
        (fresh,) = ledger.record(who("b"), [intent(JOHN)], [])
        assert fresh != late
        ledger.record(run, [], [Outcome(lookup=late, status="completed", credits=1, body=b"janes")])  # type: ignore[arg-type]
        assert found(ledger, JOHN) == {0: [IN_DOUBT]}
        assert b"janes" not in path.read_bytes()


@pytest.mark.parametrize("address", ["", "jane", "jane@", None, 5, f"{JANE}; {JOHN}"])
def test_erase_refuses_what_is_not_one_address(path: Path, address: Any) -> None:
    """A typo must not look like a receipt, nor the first of several like all of them."""
    with Ledger(path) as ledger, pytest.raises(cl.ConfigurationError, match="e-mail address"):
        ledger.erase(address)


# --- the file --------------------------------------------------------------------------------------------------------


def change(path: Path, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lookups SET address = 'jane@acme.exampla'",
        "UPDATE lookups SET fields = 'phone'",
        "UPDATE lookups SET world = 'live'",
        "UPDATE lookups SET price = 0",
        "UPDATE outcomes SET status = 'released'",
        "UPDATE outcomes SET credits = 0",
        "UPDATE outcomes SET at_us = 5",
        "UPDATE outcomes SET body = x'00'",
    ],
)
def test_a_row_that_was_changed_silently_is_refused(path: Path, statement: str) -> None:
    """Also where the change hides the person: they would be bought again."""
    with Ledger(path) as ledger:
        run = who()
        (lookup,) = ledger.record(run, [intent()], [])
        ledger.record(run, [], [Outcome(lookup=lookup, status="completed", credits=1, body=b"x")])  # type: ignore[arg-type]
    change(path, statement)
    with Ledger(path) as ledger, pytest.raises(cl.LedgerError, match="damaged row"):
        found(ledger)


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(8192))
    path.chmod(0o600)


def foreign(path: Path) -> None:
    change(path, "CREATE TABLE t (x)")


def newer(path: Path) -> None:
    Ledger(path).close()
    change(path, "PRAGMA user_version = 99")


def torn(path: Path) -> None:
    Ledger(path).close()
    path.write_bytes(path.read_bytes()[:-4096])


def flipped(path: Path) -> None:
    Ledger(path).close()
    content = bytearray(path.read_bytes())
    content[4096:8192] = bytes(4096)
    path.write_bytes(content)


def without_salt(path: Path) -> None:
    Ledger(path).close()
    change(path, "DELETE FROM salt")


def without_table(path: Path) -> None:
    Ledger(path).close()
    change(path, "DROP TABLE salt")


def link(path: Path) -> None:
    target = path.with_name("target.sqlite3")
    Ledger(target).close()
    path.symlink_to(target)


def dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere.sqlite3"))


def read_only(path: Path) -> None:
    Ledger(path).close()
    path.chmod(0o400)


def under_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("a file where a folder should be")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (Path.mkdir, "no plain file"),
        (link, "is a link"),
        (dangling, "is a link"),
        (os.mkfifo, "no plain file"),
        (read_only, "read-only"),
        (garbage, "damaged or no ledger"),
        (torn, "damaged or no ledger"),
        (flipped, "damaged or no ledger"),
        (without_salt, "damaged or no ledger"),
        (without_table, "cannot be"),
        (foreign, "no ledger"),
        (newer, "newer version"),
        (under_a_file, "cannot be opened"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_before_any_request(scene: Any, make: Any, says: str) -> None:
    """One clear error, and not a byte to the service."""
    scene.ledger = scene.folder / "inside" / "ledger.sqlite3"
    scene.ledger.parent.mkdir()
    make(scene.ledger)
    scene.open()
    with pytest.raises(cl.LedgerError, match=says) as caught:
        scene.enrich(scene.people(3))
    assert "nothing" in str(caught.value)
    assert "sent" in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__  # no traceback of SQLite's above ours
    assert scene.sandbox.connections == 0


def test_a_ledger_that_another_program_locks_is_refused_before_any_request(tmp_path: Path) -> None:
    """The message says so; waiting is bounded by the connection's own time-out, here made tiny from outside."""
    path = tmp_path / "ledger.sqlite3"
    with Ledger(path) as ledger, closing(sqlite3.connect(path, isolation_level=None)) as other:
        ledger._sql.execute("PRAGMA busy_timeout = 20")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(cl.LedgerError, match="locked by another program"), ledger.start(who()):
            raise AssertionError("started all the same")


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_a_ledger_and_its_folder_are_private_from_the_first_moment_and_made_so_again(tmp_path: Path) -> None:
    """0600 and 0700 whatever the umask; a file that was opened to others is shut again."""
    path = tmp_path / "new" / "ledger.sqlite3"
    before = os.umask(0)
    try:
        with Ledger(path) as ledger, ledger.start(who()):
            ledger.record(who(), [intent()], [])
            modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.chmod(0o644)
    Ledger(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_ledger_is_as_durable_as_sqlite_gets(path: Path) -> None:
    """TRUNCATE and EXTRA, with what was deleted overwritten."""
    with Ledger(path) as ledger:
        pragmas = ("journal_mode", "synchronous", "secure_delete")
        assert [ledger._sql.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas] == ["truncate", 3, 1]


def test_two_threads_may_share_one_open_ledger(path: Path) -> None:
    """One connection serves several runs of a process: their transactions do not meet."""
    from concurrent.futures import ThreadPoolExecutor

    with Ledger(path) as ledger, ThreadPoolExecutor(4) as pool:

        def write(number: int) -> None:
            for at in range(25):
                ledger.record(who(str(number)), [intent(f"p{number}.{at}@acme.example")], [])

        for task in [pool.submit(write, number) for number in range(4)]:
            task.result()
        assert ledger.stats()["lookups"] == 100


@pytest.mark.parametrize("read", [Ledger._sound_lookups, lambda ledger: salvage._rows(ledger._sql)])
def test_whoever_reads_a_long_ledger_does_not_keep_a_run_from_writing(path: Path, read: Any) -> None:
    """A run gives up after ten seconds, and a million look-ups take longer: the file is read in pages."""
    with Ledger(path) as ledger, closing(sqlite3.connect(path, timeout=0)) as run:
        ledger.record(who(), [intent(JANE), intent(JOHN)], [])
        rows = read(ledger)
        next(rows)
        run.execute("INSERT INTO runs VALUES ('b', 1, 1)")
        run.commit()
        assert len(list(rows)) == 1


def test_two_processes_may_make_the_same_ledger_at_once(scene: Any) -> None:
    """Whoever comes second finds a ledger, not a stranger's database."""
    scene.open()
    started = [scene.start("cl.Ledger(how['ledger']).close()") for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]


# --- leases ----------------------------------------------------------------------------------------------------------


def test_a_lease_is_held_as_long_as_its_block_and_leaves_no_file(path: Path) -> None:
    """Seen from anywhere, also from the same process."""
    with Lease(path, "a"):
        assert lease_is_held(path, "a")
        assert not lease_is_held(path, "b")
    assert not lease_is_held(path, "a")
    assert list(path.parent.iterdir()) == []


def test_a_dead_owners_lease_is_gone_and_tidied_away(scene: Any) -> None:
    """SIGKILL is enough for the kernel to let go."""
    scene.open()
    path = scene.ledger
    owner = scene.start(
        "import signal; from pathlib import Path; from cleanlist_pandas.run.lease import Lease\n"
        "with Lease(Path(how['ledger']), 'a'):\n"
        "    print('held', flush=True); signal.pause()"
    )
    owner.stdout.readline()
    assert lease_is_held(path, "a")
    owner.kill()
    owner.wait()
    assert len(list(path.parent.iterdir())) == 1
    assert not lease_is_held(path, "a")
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_ledger_that_nobody_uses_any_more_is_closed(path: Path, in_memory: bool) -> None:
    """Python 3.13 warns about a database that is left open, as ``cl.Ledger().stats()`` does."""
    ledger = Ledger.in_memory() if in_memory else Ledger(path)
    connection = ledger._sql
    del ledger
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_a_ledger_in_memory_needs_no_lease() -> None:
    """Nobody else can see it."""
    ledger = Ledger.in_memory()
    with ledger.start(who()):
        assert found(ledger) == {}
    ledger.close()


def test_a_lock_that_cannot_be_made_is_a_ledger_error(tmp_path: Path) -> None:
    """The folder is closed: said before anything is sent."""
    with pytest.raises(cl.LedgerError, match="nothing was sent"), Lease(tmp_path / "l.sqlite3", "a" * 300):
        raise AssertionError("held all the same")

"""The ledger: what counts, who was faster, what is refused, what is forgotten."""

from __future__ import annotations

import gc
import itertools
import os
import re
import sqlite3
import stat
import time
import zlib
from contextlib import ExitStack, closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import platformdirs
import pyarrow as pa
import pytest
from time_machine import travel

import cleanlist_pandas as cl
from cleanlist_pandas.fields import RowStatus
from cleanlist_pandas.run import salvage
from cleanlist_pandas.run.adopt import Adopted
from cleanlist_pandas.run.found import _lookups
from cleanlist_pandas.run.lease import Lease, lease_is_held
from cleanlist_pandas.run.ledger import Ledger, default_path, own_path
from cleanlist_pandas.run.ledger_file import PAGE_ROWS, _check_journal, paged
from cleanlist_pandas.run.pages import Odd
from cleanlist_pandas.run.records import IN_DOUBT, RELEASED, Claim, Held, Intent, Outcome, Record, Run, checksum, decide
from cleanlist_pandas.services.reply import LostBy
from cleanlist_pandas.services.service import Job, Lookup

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
    return [*chosen.records, *chosen.doubts, *chosen.rivals]


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
BOTH_DOUBT = record(IN_DOUBT, fields=BOTH)


@pytest.mark.parametrize(
    ("found", "counts", "lacking"),
    [
        ([TITLE, PHONE], [TITLE, PHONE], ""),
        ([TITLE], [TITLE], "phone"),
        ([TITLE, PHONE_DOUBT], [TITLE, PHONE_DOUBT], ""),
        ([PHONE_DOUBT], [PHONE_DOUBT], "title"),
        ([PHONE_DOUBT, PHONE, TITLE], [PHONE, TITLE], ""),
        ([PHONE_RUNNING], [PHONE_RUNNING], "title phone"),
        ([RUNNING, PHONE_RUNNING], [RUNNING, PHONE_RUNNING], "title phone"),
        ([PHONE_DOUBT, RUNNING], [PHONE_DOUBT, RUNNING], "title"),
        ([BOTH_DOUBT, PHONE_RUNNING], [BOTH_DOUBT, PHONE_RUNNING], "phone"),
        ([PHONE_RUNNING, BOTH_DOUBT], [BOTH_DOUBT], ""),
        ([FREE, RUNNING], [RUNNING], "title phone"),
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
    assert held(DOUBT, RUNNING, retry=True).rivals == (RUNNING,)


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


@pytest.mark.parametrize(("status", "days"), [("completed", 90), ("not_found", 30), ("failed", 1)])
def test_an_answer_stands_to_the_last_microsecond(status: str, days: int) -> None:
    """And not one more."""
    with travel("2026-11-23T12:00:00Z", tick=False):
        for late, stands in ((0, True), (1, False)):
            at_us = time.time_ns() // 1000 - days * 86_400_000_000 - late
            one = Record(status=status, lookup=1, at_us=at_us, fields=("title",))
            assert bool(held(one).records) == stands


@pytest.mark.parametrize(("since", "counts"), [(None, False), (1, False), (0, True)])
def test_an_answer_of_the_run_that_is_gone_on_with_stands_at_any_age(since: int | None, counts: bool) -> None:
    """The clock may have jumped meanwhile. Look-ups after `since` are that run's; `OLD` is look-up 1."""
    assert bool(held(OLD, since=since).records) == counts


@pytest.mark.parametrize(
    ("retry", "own", "asked_again"), [(False, None, False), (True, None, True), (True, 1, True), (True, 0, False)]
)
def test_a_doubt_is_sent_again_when_told_to_and_not_one_of_this_very_call(
    retry: bool, own: int | None, asked_again: bool
) -> None:
    """Look-ups after `own` are this call's; `DOUBT` is look-up 1."""
    chosen = held(DOUBT, retry=retry, own=own)
    assert (chosen.doubts == (), chosen.lacking == {"title"}) == (asked_again, asked_again)


def test_a_checksum_is_the_same_in_every_version() -> None:
    """Otherwise a newer version would refuse every ledger; a text is not its bytes, and no two values run together."""
    assert checksum((1, "ä", b"\xff")) == zlib.crc32(rb"(1, '\xe4', b'\xff')")
    assert checksum(["a"]) != checksum([b"a"])
    assert checksum(("a", "b")) != checksum(("ab", ""))


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


def test_what_was_written_is_what_is_read(path: Path) -> None:
    """Each column of a look-up and of its outcome; one without an outcome was cut off when it was sent."""
    both, people = ("title", "phone"), pa.array([JOHN, JANE], pa.large_string())
    with Ledger(path) as ledger:
        nobody, newest = ledger.find(people, "local")
        assert (list(nobody), newest) == ([], 0)
        run, before_us = who(), time.time_ns() // 1000
        first, second = ledger.record(run, [intent(JANE, both, 11), intent(JOHN)], [])
        after_us = time.time_ns() // 1000
        done = Outcome(lookup=1, status="completed", credits=11, reason="odd", body=b"\xff{}", at_us=5)
        ledger.record(run, [], [done])
        everybody, newest = ledger.find(people, "local")
        records = list(everybody)
        assert (first, second, newest) == (1, 2, 2)
        assert records[0] == (
            1,
            Record(
                status="completed",
                lookup=1,
                run="a",
                service="csv_row",
                fields=both,
                credits=11,
                reason="odd",
                at_us=5,
                body=b"\xff{}",
            ),
        )
        at_us = records[1][1].at_us
        assert before_us <= at_us <= after_us
        open_one = Record(
            status=IN_DOUBT, lookup=2, run="a", service="csv_row", fields=("title",), reason="cut off", at_us=at_us
        )
        assert records[1] == (0, open_one)
        assert ledger.outcomes([2, 1]) == {1: records[0][1], 2: open_one}


def test_the_token_of_a_look_up_is_read_as_long_as_it_has_no_outcome(path: Path) -> None:
    """Written twice it is there once; one that was changed is refused."""
    with Ledger(path) as ledger:
        run = who()
        ledger.record(run, [intent(), intent(JOHN)], [])
        jobs = [Job(lookup=lookup, token=f"wf_{lookup}", at_us=5) for lookup in (1, 2)]
        for _ in range(2):
            ledger.record(run, [], [], jobs)
        ledger.record(run, [], [Outcome(lookup=2, status="not_found")])
        assert [ledger.outcomes([at])[at].job for at in (1, 2)] == [jobs[0], None]
    change(path, "UPDATE jobs SET token = 'wf_2' WHERE lookup = 1")
    with Ledger(path) as ledger, pytest.raises(cl.LedgerError, match="damaged row"):
        ledger.outcomes([1])


@pytest.mark.parametrize(
    ("beginning", "known"),
    [("wf 1 ", True), ("wf 12 ", True), ("wf 2 ", False), ("WF 1 ", False), ("wf 1 x", False), ("wf % ", False)],
)
def test_a_token_is_known_by_its_beginning_whatever_became_of_its_look_up(
    path: Path, beginning: str, known: bool
) -> None:
    """A webhook names the first words of a token: letters count, `%` stands for itself."""
    with Ledger(path) as ledger:
        run = who()
        ledger.record(run, [intent(), intent(JOHN)], [])
        jobs = [Job(lookup=lookup, token=f"wf {word} é", at_us=5) for lookup, word in ((1, "1"), (2, "12"))]
        ledger.record(run, [], [Outcome(lookup=2, status="not_found")], jobs)
        assert ledger.has_job(beginning) is known


def test_the_newest_token_of_a_look_up_counts(path: Path) -> None:
    """By what an order would be looked for is written before it is sent; what the service calls it, after."""
    with Ledger(path) as ledger:
        ledger.record(run := who(), [intent()], [])
        for token in ("looked for", "told"):
            ledger.record(run, [], [], [Job(lookup=1, token=token, at_us=5)])
        assert ledger.outcomes([1])[1].job == Job(lookup=1, token="told", at_us=5)


def test_who_was_taken_with_one_token_is_told_while_the_end_is_not_known(path: Path) -> None:
    """As it was asked, and with the token; whoever has an outcome, or another token, is not among them."""
    with Ledger(path) as ledger:
        run = who()
        ledger.record(run, [intent(), intent(JOHN), intent("kim@acme.example")], [])
        jobs = [Job(lookup=lookup, token=f"wf {word} 0", at_us=5) for lookup, word in ((1, "1"), (2, "1"), (3, "12"))]
        ledger.record(run, [], [Outcome(lookup=2, status="not_found")], jobs)
        asked = Lookup(address=intent().address, fields=tuple(intent().fields), job=jobs[0])
        assert ledger.taken_with("wf 1 ") == [asked]
        assert ledger.taken_with("wf 2 ") == []


def test_an_outcome_in_words_of_ours_is_read_as_plain_text(path: Path) -> None:
    """A status or a reason may be a member of an enum: its checksum is that of its text."""
    with Ledger(path) as ledger:
        ledger.record(who(), [intent()], [])
        ledger.record(who(), [], [Outcome(lookup=1, status=RowStatus.FAILED, reason=LostBy.RESET)])
        record = ledger.outcomes([1])[1]
        assert [(type(text), text) for text in (record.status, record.reason)] == [
            (str, "failed"),
            (str, "the connection broke"),
        ]


def test_each_look_up_has_its_own_runs_life(path: Path) -> None:
    """Only those without an outcome depend on it."""
    with Ledger(path) as ledger:
        run = who()
        with ledger.start(run):
            ledger.record(run, [intent(JANE), intent(JOHN)], [])
            ledger.record(run, [], [Outcome(lookup=1, status=IN_DOUBT)])
            assert found(ledger, JANE, JOHN) == {0: [IN_DOUBT], 1: [""]}
            assert ledger.in_doubt()["address"].tolist() == [JANE]


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


def test_a_run_is_seen_to_live_from_another_ledger_on_the_same_file(path: Path) -> None:
    """By its lease, as from another process; and no longer than that."""
    with Ledger(path) as ledger, Ledger(path) as other:
        with ledger.start(who("alive")):
            ledger.record(who("alive"), [intent()], [])
            ledger.record(who("dead"), [intent(JOHN)], [])
            assert found(other, JANE, JOHN) == {0: [""], 1: [IN_DOUBT]}
            assert other.in_doubt()["address"].tolist() == [JOHN]
        assert found(other, JANE, JOHN) == {0: [IN_DOUBT], 1: [IN_DOUBT]}


def test_two_ledgers_are_the_same_if_their_file_is(tmp_path: Path) -> None:
    """In memory each is one of its own."""
    with ExitStack() as stack:
        one, again, other = (stack.enter_context(Ledger(tmp_path / name)) for name in ("one", "one", "other"))
        here, there = (stack.enter_context(Ledger.in_memory()) for _ in range(2))
        same = {(a, b) for a, b in itertools.product((one, again, other, here, there), repeat=2) if a.is_same(b)}
        assert same == {(a, a) for a in (one, again, other, here, there)} | {(one, again), (again, one)}


def test_all_look_ups_of_a_ledger_of_many_pages_are_read(path: Path) -> None:
    """Each once, the oldest first."""
    n = 2 * PAGE_ROWS + 1
    people = [f"p{at}@acme.example" for at in range(n)]
    with Ledger(path) as ledger:
        run = who()
        ids = ledger.record(run, [intent(one) for one in people], [])
        records, newest = ledger.find(pa.array(people, pa.large_string()), "local")
        assert [at for at, _ in records] == list(range(n))
        assert newest == ledger.newest() == n
        assert sorted(ledger.outcomes(ids)) == list(range(1, n + 1))  # type: ignore[arg-type]


def test_reading_pages_that_stand_in_one_anothers_place_has_an_end(path: Path, tmp_path: Path) -> None:
    """Whichever two were swapped: page by page, by column and to save what can be saved, that each once."""
    with Ledger(path) as ledger:
        ledger.record(who(), [intent(f"p{at}@acme.example") for at in range(150)], [])
        size = ledger._sql.execute("PRAGMA page_size").fetchone()[0]
    content, harmed = path.read_bytes(), tmp_path / "harmed.sqlite3"
    leaves = [at for at in range(0, len(content), size) if content[at] == 13]  # of tables
    ends = 0
    for one, two in itertools.combinations(leaves, 2):
        swapped = bytearray(content)
        swapped[one : one + size], swapped[two : two + size] = content[two : two + size], content[one : one + size]
        harmed.write_bytes(swapped)
        with salvage.read_only(harmed) as sql:
            for read in (paged(sql, "SELECT l.id FROM lookups l"), _lookups(sql), salvage._rows(sql)):
                with suppress(sqlite3.DatabaseError, UnicodeDecodeError, Odd):
                    rows = list(itertools.islice(read, 400))
                    assert len(rows) <= 150
                    ends += 1
            saved = [row[0] for row in salvage._rows(sql)]
            assert len(saved) == len({*saved})
    assert ends, "nothing could be read whatever was swapped"


def test_outcomes_that_could_not_be_written_in_their_run_are_written_later(path: Path) -> None:
    """By whoever has them."""
    with Ledger(path) as ledger:
        ledger.record(who(), [intent()], [])
        ledger.settle([Outcome(lookup=1, status="completed", credits=1)])
        assert found(ledger) == {0: ["completed"]}


ANSWERED_US = 1_000_000


@pytest.mark.parametrize(
    ("status", "credits", "fields", "later_us", "news"),
    [
        ("completed", 1, ("title",), 0, 0),
        ("completed", 1, ("title", "phone"), 5, 0),
        ("completed", 1, ("phone",), 5, 1),
        ("completed", 1, ("title",), -1, 1),
        ("not_found", 0, ("title",), 0, 0),
        ("failed", 1, ("title",), 0, 0),
        ("failed", 0, ("title",), 5, 1),
        (IN_DOUBT, 0, ("title",), 5, 1),
        (RELEASED, 0, ("title",), 5, 1),
    ],
)
def test_an_adopted_answer_is_news_unless_the_ledger_says_all_of_it_as_late(
    path: Path, status: str, credits: int, fields: tuple[str, ...], later_us: int, news: int
) -> None:
    """It is free, and a second time it is none."""
    adopted = Adopted(address=JANE, fields=("title",), status="completed", body=b"{}", at_us=ANSWERED_US)
    with Ledger(path) as ledger:
        run = who()
        (lookup,) = ledger.record(run, [intent(fields=fields)], [])
        at_us = ANSWERED_US + later_us
        ledger.record(run, [], [Outcome(lookup=lookup, status=status, credits=credits, at_us=at_us)])  # type: ignore[arg-type]
        assert [ledger.take_in(run, [adopted]) for _ in range(2)] == [news, 0]
        prices = ledger._sql.execute("SELECT price FROM lookups WHERE id > 1").fetchall()
        assert prices == [(0,)] * news


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


def test_a_run_sees_what_others_wrote_since_it_looked_last(path: Path) -> None:
    """However often it looked, with something of its own written in between or not."""
    with Ledger(path) as ledger:
        one, two = who("a"), who("b")
        for number in range(6):
            person = intent(f"p{number}@acme.example")
            (lookup,) = ledger.record(two, [person], [])
            assert ledger.record(one, [person], []) == [Claim(lookup, ("title",))]  # type: ignore[arg-type]
            if number % 3 == 2:
                assert isinstance(ledger.record(one, [intent(f"own{number}@acme.example")], [])[0], int)
        assert sum(len(claims) for claims in one.rivals.values()) == 6


def test_a_look_up_of_some_of_the_fields_is_a_claim_and_one_of_others_is_none(path: Path) -> None:
    """Whoever asks for the title does not ask for the phone."""
    with Ledger(path) as ledger:
        (first,) = ledger.record(who("a"), [intent()], [])
        assert ledger.record(who("b"), [intent(fields=("title", "phone"))], []) == [Claim(first, ("title",))]  # type: ignore[arg-type]
        assert isinstance(ledger.record(who("b"), [intent(fields=("phone",))], [])[0], int)


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
        before = pd.Timestamp.now("UTC")
        receipt = ledger.erase(" JANE@acme.example ")
        assert sorted(receipt) == ["digest", "erased_at", "lookups"]
        assert receipt["lookups"] == 1
        assert len(bytes.fromhex(receipt["digest"])) == 32
        assert before <= pd.Timestamp(receipt["erased_at"]) <= pd.Timestamp.now("UTC")
        assert ledger.is_erased(pa.array([JANE, JOHN], pa.large_string())).tolist() == [True, False]
        assert ledger.record(who("b"), [intent()], []) == [None]
        for file in path.parent.iterdir():
            content = file.read_bytes()
            assert b"jane" not in content.lower()
            assert b"Archchancellor" not in content


def test_a_receipt_cannot_be_looked_up_in_a_table_of_addresses(tmp_path: Path) -> None:
    """Each ledger has a salt of its own."""
    digests = []
    for name in ("one", "two"):
        with Ledger(tmp_path / name) as ledger:
            digests.append(ledger.erase(JANE)["digest"])
            assert ledger.erase(JANE) | {"erased_at": ""} == {"lookups": 0, "digest": digests[-1], "erased_at": ""}
    assert digests[0] != digests[1]


def test_whether_somebody_was_erased_is_a_bool_for_any_number_of_people(path: Path) -> None:
    """Also for none, and for rows without an address."""
    with Ledger(path) as ledger:
        for expected in ([False, False], [True, False]):
            erased = ledger.is_erased(pa.array([JANE, None], pa.large_string()))
            assert (erased.dtype, erased.tolist()) == (bool, expected)
            assert ledger.is_erased(pa.array([], pa.large_string())).dtype == bool
            ledger.erase(JANE)


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
        "UPDATE outcomes SET body = CAST(body AS TEXT)",
        "UPDATE outcomes SET status = CAST(status AS BLOB)",
        "UPDATE lookups SET address = CAST(address AS BLOB)",
        "UPDATE lookups SET service = CAST(service AS BLOB)",
    ],
)
def test_a_row_that_was_changed_silently_is_refused(path: Path, statement: str) -> None:
    """Also where the change hides the person: they would be bought again."""
    with Ledger(path) as ledger:
        run = who()
        _, lookup = ledger.record(run, [intent(JOHN), intent()], [])
        ledger.record(run, [], [Outcome(lookup=lookup, status="completed", credits=1, body=b"x")])  # type: ignore[arg-type]
    change(path, f"{statement} WHERE {'id' if 'lookups' in statement else 'lookup'} = {lookup}")
    says = re.escape(
        f"The ledger {path} holds a damaged row (look-up {lookup}); nothing was sent, because it may be a "
    )
    says += r"person already paid for\. Restore it from a backup, or set it aside and name another with ledger=…\.$"
    with Ledger(path) as ledger, pytest.raises(cl.LedgerError, match=says):
        found(ledger)
    with Ledger(path) as ledger, pytest.raises(cl.LedgerError, match=says):
        ledger.outcomes([1, 2])


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


def swapped(path: Path) -> None:
    """The look-ups in the place of the erased, and nothing in theirs."""
    with Ledger(path) as ledger:
        ledger.record(who(), [intent()], [])
        tables = dict(ledger._sql.execute("SELECT name, rootpage FROM sqlite_master"))
    content = path.read_bytes()
    pages = [content[at : at + 4096] for at in range(0, len(content), 4096)]
    one, two = tables["lookups"] - 1, tables["erased"] - 1
    pages[one], pages[two] = pages[two], pages[one]
    path.write_bytes(b"".join(pages))


def without_salt(path: Path) -> None:
    Ledger(path).close()
    change(path, "DELETE FROM salt")


def job_of_nobody(path: Path) -> None:
    """A token without its look-up."""
    Ledger(path).close()
    change(path, "INSERT INTO jobs VALUES (1, 'wf_1', 5, 0)")


def without_table(path: Path) -> None:
    Ledger(path).close()
    change(path, "DROP TABLE salt")


def without_words(path: Path) -> None:
    """A schema that SQLite cannot even complain about in UTF-8."""
    Ledger(path).close()
    content = path.read_bytes().replace(b"CREATE TABLE outcomes (", b"CREATE TABLE outcomes )")
    path.write_bytes(content.replace(b"outcomesoutcomes", b"\xffutcomes\xffutcomes"))


def no_text(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.record(who(world="local"), [intent()], [])
    change(path, "UPDATE lookups SET address = CAST(x'ff' AS TEXT)")


def link(path: Path) -> None:
    target = path.with_name("target.sqlite3")
    Ledger(target).close()
    path.symlink_to(target)


def linked_journal(path: Path) -> None:
    """What SQLite would play back into the ledger."""
    Ledger(path).close()
    path.with_name("ledger.sqlite3-journal").unlink(missing_ok=True)
    path.with_name("ledger.sqlite3-journal").symlink_to(path.with_name("elsewhere"))


def dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere.sqlite3"))


def read_only(path: Path) -> None:
    Ledger(path).close()
    path.chmod(0o400)


def under_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("a file where a folder should be")


ANOTHER = r"[Nn]ame another file with ledger=…\.$"
DAMAGED = (
    r"damaged or no ledger; nothing was sent, because it may hold people already paid for\. "
    rf"Restore it from a backup, or set it aside and {ANOTHER}"
)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (Path.mkdir, "no plain file"),
        (link, "is a link"),
        (dangling, "is a link"),
        (linked_journal, "is a link"),
        (os.mkfifo, "no plain file"),
        (read_only, "read-only"),
        (garbage, DAMAGED),
        (torn, DAMAGED),
        (flipped, DAMAGED),
        (swapped, DAMAGED),
        (without_words, DAMAGED),
        (no_text, DAMAGED),
        (without_salt, DAMAGED),
        (job_of_nobody, DAMAGED),
        (without_table, "cannot be"),
        (foreign, "no ledger"),
        (newer, "newer version"),
        (
            under_a_file,
            r"cannot be opened \([A-Z][a-z ]+\); nothing was sent\. .* with ledger=… or CLEANLIST_LEDGER\.$",
        ),
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
    assert str(scene.ledger) in str(caught.value)
    assert "; nothing was sent" in str(caught.value) or "; nothing more was sent" in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__  # no traceback of SQLite's above ours
    assert scene.sandbox.connections == 0


def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    """Whoever owns it may change it under a run; not even its first byte is read."""
    path = Path("/etc/passwd")
    if os.geteuid() == 0:
        path = tmp_path / "ledger.sqlite3"
        Ledger(path).close()
        os.chown(path, 12345, -1)
    with pytest.raises(cl.LedgerError, match="belongs to another user; nothing was sent"):
        Ledger(path)


def test_a_journal_that_would_not_survive_a_power_loss_is_refused(path: Path) -> None:
    """A database that keeps another journal than it was told to, as one in memory does."""
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(cl.LedgerError, match=rf"\(journal: memory\); nothing was sent\. {ANOTHER}"),
    ):
        _check_journal(connection, path)


def test_a_ledger_left_in_wal_mode_is_put_right(path: Path) -> None:
    """Whatever another program did to it, the next commit is durable again."""
    Ledger(path).close()
    change(path, "PRAGMA journal_mode = WAL")
    with Ledger(path) as ledger:
        assert ledger._sql.execute("PRAGMA journal_mode").fetchone() == ("truncate",)
    assert [file.name for file in path.parent.iterdir() if file.name.endswith("-wal")] == []


def fill(ledger: Ledger) -> None:
    """Leave the database not one more page."""
    n_pages = ledger._sql.execute("PRAGMA page_count").fetchone()[0]
    ledger._sql.execute(f"PRAGMA max_page_count = {n_pages}")


def move(ledger: Ledger) -> None:
    assert ledger.path is not None
    ledger.path.rename(ledger.path.with_name("elsewhere.sqlite3"))


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (fill, r"is full; nothing more was sent\. Free some space and run again\.$"),
        (move, rf"cannot be read or written \(SQLITE_\w+\); nothing more was sent\. {ANOTHER}"),
        (Ledger.close, r"was closed; nothing more was sent\. Open it again with cl\.Ledger\(…\)\.$"),
    ],
)
def test_a_ledger_that_breaks_while_open_says_what_happened(path: Path, harm: Any, says: str) -> None:
    """And what to type next; not one intent of the group counts."""
    ledger = Ledger(path)
    harm(ledger)
    with pytest.raises(cl.LedgerError, match=says):
        ledger.record(who(), [intent(f"p{at}@acme.example") for at in range(500)], [])
    ledger.close()
    file = next(path.parent.glob("*.sqlite3"))
    with Ledger(file) as ledger:
        assert ledger.stats()["lookups"] == 0


def test_a_ledger_found_on_the_way_is_opened_and_not_made(tmp_path: Path) -> None:
    """It appears between the look and the making: by another process, or because a folder on its path appeared."""
    with Ledger(tmp_path / "ledger.sqlite3") as ledger:
        ledger.record(who(), [intent()], [])
    with Ledger(tmp_path / "new" / ".." / "ledger.sqlite3") as ledger:
        assert ledger.stats()["lookups"] == 1


def test_folders_above_a_ledger_are_made_for_its_owner_only(tmp_path: Path) -> None:
    """All that were missing."""
    Ledger(tmp_path / "one" / "two" / "ledger.sqlite3").close()
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("one", "one/two")]
    assert modes == [0o700, 0o700]


def test_where_a_ledger_is_kept_that_nobody_named() -> None:
    """In the user's data directory, what was invented apart from what was paid for."""
    folder = platformdirs.user_data_path("cleanlist-pandas", appauthor=False)
    assert default_path("live") == folder / "ledger.sqlite3"
    assert default_path("local") == folder / "sandbox.sqlite3"
    for url, name in (("https://api.cleanlist.ai/v1", "ledger.sqlite3"), ("http://127.0.0.1:1/v1", "sandbox.sqlite3")):
        with cl.option_context(base_url=url):
            assert own_path() == folder / name


def test_a_ledger_that_is_set_is_the_one_opened(path: Path) -> None:
    """By path or as an open one."""
    with Ledger(path) as ledger:
        for setting in (path, ledger):
            with cl.option_context(ledger=setting), cl.Ledger() as again:
                assert again.path == path


def test_a_ledger_shows_where_it_is(path: Path) -> None:
    """And nothing of what it holds."""
    with Ledger(path) as ledger, Ledger.in_memory() as nowhere:
        assert repr(ledger) == f"Ledger({str(path)!r})"
        assert repr(nowhere) == "Ledger('in memory')"


def test_a_claim_that_came_to_nothing_is_forgotten() -> None:
    """Then this run may ask, and other claims still stand."""
    void, other = Claim(1, ("title",)), Claim(2, ("title",))
    run = who()
    run.rivals = {JOHN: [other], JANE: [void]}
    assert run.claim_on(intent()) == void
    run.disown(void)
    assert run.claim_on(intent()) is None
    assert run.claim_on(intent(JOHN)) == other


def test_a_ledger_that_another_program_locks_is_refused_before_any_request(tmp_path: Path) -> None:
    """The message says so; waiting is bounded by the connection's own time-out, here made tiny from outside."""
    path = tmp_path / "ledger.sqlite3"
    with Ledger(path) as ledger, closing(sqlite3.connect(path, isolation_level=None)) as other:
        ledger._sql.execute("PRAGMA busy_timeout = 20")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(cl.LedgerError, match=rf"locked by another program; .* {ANOTHER}"), ledger.start(who()):
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
    files = [path, path.with_name("ledger.sqlite3-journal")]
    for file in files:
        file.chmod(0o644)
    Ledger(path).close()
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]


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


def test_a_ledger_in_memory_needs_no_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else can see it, and it leaves no file."""
    monkeypatch.chdir(tmp_path)
    with Ledger.in_memory() as ledger, ledger.start(who()):
        assert found(ledger) == {}
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_cannot_be_made_is_a_ledger_error(tmp_path: Path) -> None:
    """The folder is closed: said before anything is sent."""
    with pytest.raises(cl.LedgerError, match="nothing was sent"), Lease(tmp_path / "l.sqlite3", "a" * 300):
        raise AssertionError("held all the same")


@pytest.mark.parametrize("shared", [False, True])
def test_one_run_at_a_time_goes_by_a_plan(path: Path, shared: bool) -> None:
    """Of one process or of two; another plan's run does not matter, and when one has ended the next may begin."""
    with Ledger(path) as one, Ledger(path) as two:
        other = one if shared else two
        with one.alone("plan-a"), other.alone("plan-b"):
            refused = pytest.raises(
                cl.ConfigurationError, match="Another run by this plan is going on; nothing was sent"
            )
            with refused, other.alone("plan-a"):
                pass
        with other.alone("plan-a"):
            pass


def test_a_ledger_that_came_with_a_fork_is_refused_and_left_open(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite forbids to use it there, and closing it would roll back what its parent is writing."""
    with Ledger(path) as ledger:
        connection = ledger._sql
        with monkeypatch.context() as child:
            child.setattr(os, "getpid", lambda: 1)
            with pytest.raises(cl.LedgerError, match="opened in another process; nothing was sent"):
                ledger.stats()
            ledger.close()
        assert connection.execute("SELECT count(*) FROM lookups").fetchone() == (0,)
        connection.close()


def test_whom_a_run_asked_about(tmp_path: Path) -> None:
    """Each once, without companies and without those it knows nothing of any more."""
    with Ledger(tmp_path / "ledger.sqlite3") as ledger:
        mine, other = (Run(id=name, world="live", service="v2") for name in ("mine", "other"))
        for who, addresses in ((mine, [JANE, JOHN, "acme.example"]), (other, ["eve@acme.example"])):
            with ledger.start(who):
                ledger.record(who, [Intent(address=one, fields=("title",), price=1) for one in addresses], [])
        ledger.record(mine, [Intent(address=JANE, fields=("phone",), price=10)], [])
        asked = ledger.asked_by("mine")
        assert asked is not None
        assert sorted(asked.to_pylist()) == [JANE, JOHN]
        ledger.erase(JOHN)
        assert ledger.asked_by("mine") == pa.array([JANE], pa.large_string())
        assert ledger.asked_by("nobody") is None

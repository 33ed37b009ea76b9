"""Any schedule of time-outs, refusals, late answers, cancellations and restarts keeps the invariants."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.run.records import IN_DOUBT, RELEASED, Record, decide
from cleanlist_pandas.run.retry import Next, RetryQuota, judge
from cleanlist_pandas.services.csv_row import CsvRow
from cleanlist_pandas.services.reply import Lost, LostBy, Reply
from cleanlist_pandas.services.service import Lookup

LONG = os.environ.get("CLEANLIST_LONG", "") not in ("", "0")
MANY = settings(
    max_examples=10_000 if LONG else 200,
    deadline=None,
    database=None,
    derandomize=not LONG,
    suppress_health_check=list(HealthCheck),
    stateful_step_count=50,
)
DAY = timedelta(days=1)


class Money(RuleBasedStateMachine):
    """A budget under any order of reservations and their ends."""

    def __init__(self) -> None:
        super().__init__()
        self.budget = Budget(0)
        self.open: list[int] = []
        self.over = 0
        self.started = False

    @precondition(lambda self: not self.started)
    @rule(limit=st.integers(0, 60))
    def start(self, limit: int) -> None:
        """Open a budget."""
        self.budget, self.started = Budget(limit), True

    @rule(price=st.sampled_from([1, 11]))
    def reserve(self, price: int) -> None:
        """Set aside, or be refused rightly."""
        left = self.budget.left
        if self.budget.reserve(price):
            self.open.append(price)
        else:
            assert price > left

    @precondition(lambda self: self.open)
    @rule(at=st.integers(0), end=st.sampled_from(["settle", "free", "doubt", "over"]), part=st.integers(0, 11))
    def finish(self, at: int, end: str, part: int) -> None:
        """End any reservation in any way."""
        price = self.open.pop(at % len(self.open))
        if end == "free":
            self.budget.release(price)
        elif end == "doubt":
            self.budget.doubt(price)
        else:
            charged = price + part if end == "over" else min(part, price)
            self.over += max(0, charged - price)
            self.budget.settle(price, charged)

    @invariant()
    def never_passed(self) -> None:
        """Settled, reserved and in doubt stay within the limit, but for what was charged beyond the price."""
        money = self.budget
        assert money.settled + money.reserved + money.in_doubt <= money.limit + self.over
        assert money.reserved == sum(self.open)
        assert 0 <= money.left <= money.limit


def test_any_order_of_reservations_keeps_within_the_budget(figures: Any) -> None:
    """Stateful."""
    run_state_machine_as_test(Money, settings=MANY)
    figures.add("properties: budget", MANY.max_examples)


# --- what came back decides what is next --------------------------------------------------------------------------

BODIES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"{}", b'{"error": {"retryable": true}}', b'{"error": {"retryable": false}}', b'{"detail": "Not Found"}']
    ),
    st.sampled_from(
        [b'{"status": "not_found"}', b'{"status": "completed", "csv_row": {"enriched_title": "x"}}', b"<html>"]
    ),
)
REPLIES = st.builds(Reply, status=st.integers(200, 599), body=BODIES, retry_after_s=st.none() | st.floats(0, 1e9))
LOSSES = st.builds(Lost, st.sampled_from(LostBy), sent=st.booleans())


def test_nothing_that_may_have_been_charged_is_ever_sent_again(figures: Any) -> None:
    """A request is repeated only if no byte of it left, or the answer says that it may be."""

    @MANY
    @given(REPLIES | LOSSES)
    def check(result: Reply | Lost) -> None:
        verdict = judge(result)
        if verdict.next is Next.AGAIN:
            if isinstance(result, Lost):
                assert not result.sent
            else:
                assert result.status in (429, 503) or result.problem().retryable is True
        if isinstance(result, Lost) and result.sent:
            assert verdict.next is Next.IN_DOUBT
        if isinstance(result, Reply) and result.status >= 500 and verdict.next is not Next.AGAIN:
            assert verdict.next in (Next.IN_DOUBT, Next.STOP)
            assert verdict.next is Next.IN_DOUBT or result.problem().code == "insufficient_credits"

    check()
    figures.add("properties: verdicts", MANY.max_examples)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    "status",
    "csv_row",
    "meta",
    "input_email",
    "enriched_title",
    "enriched_seniority",
    "icp_score",
    "credits_used",
    "confidence",
]
ANSWERS = st.dictionaries(
    st.sampled_from(KEYS), JSON | st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5), max_size=5
)


def test_no_body_brings_the_parser_down(figures: Any) -> None:
    """Bytes, JSON of any shape, answers with any value anywhere: an answer, or none, and credits from 0 up."""
    import json

    service, lookup = CsvRow(), Lookup(address="a@fm.example", fields=["title", "seniority", "icp_score", "phone"])

    @MANY
    @given(
        st.binary(max_size=200)
        | ANSWERS.map(lambda one: json.dumps(one).encode())
        | JSON.map(lambda one: json.dumps(one).encode())
    )
    def check(body: bytes) -> None:
        reply = Reply(status=200, body=body)
        answer = service.read(reply, lookup, 0)
        reply.problem()
        if answer is not None:
            assert answer.credits >= 0
            assert set(answer.values) <= set(lookup.fields)
            assert answer.confidence is None or 0 <= answer.confidence <= 1

    check()
    figures.add("properties: answer parser", MANY.max_examples)


# --- the quota ----------------------------------------------------------------------------------------------------


def test_the_quota_ends_every_stream_of_failures(figures: Any) -> None:
    """Never above its capacity; drained for good after a bounded number of failures without answers between."""

    @MANY
    @given(st.lists(st.sampled_from([2, 10, -1]), max_size=200))
    def check(events: list[int]) -> None:
        quota = RetryQuota()
        in_a_row = 0
        for cost in events:
            if cost < 0:
                quota.refill()
                in_a_row = 0
            else:
                in_a_row += cost
                alive = quota.drain(cost)
                assert alive or quota.left == 0
                assert not (in_a_row >= quota.capacity and alive)
            assert 0 <= quota.left <= quota.capacity

    check()
    figures.add("properties: retry quota", MANY.max_examples)


# --- which record counts ------------------------------------------------------------------------------------------

ASKED = ("title", "seniority")
RECORD = st.tuples(
    st.sampled_from(["completed", "not_found", "failed", IN_DOUBT, RELEASED, ""]),
    st.sampled_from([("title",), ASKED, (*ASKED, "phone")]),
    st.integers(0, 400),
    st.integers(0, 1),
)


def test_a_doubt_is_never_forgotten_and_a_paid_answer_never_bought_again(figures: Any) -> None:
    """Whatever history a person has: an open look-up counts until it is answered, a fresh answer stands."""

    @MANY
    @given(st.lists(RECORD, max_size=6), st.sampled_from([None, 0, 30, 90]))
    def check(history: list[Any], max_age: int | None) -> None:
        now_us = time.time_ns() // 1000
        records = [
            Record(status=status, lookup=at, fields=fields, credits=credits, at_us=now_us - days * 86_400_000_000 - 1)
            for at, (status, fields, days, credits) in enumerate(history)
        ]
        age = None if max_age is None else timedelta(days=max_age)
        held = decide([(0, one) for one in records], lambda at: ASKED, max_age=age, miss_age=30 * DAY).get(0)
        chosen = [] if held is None else [*held.records, *held.doubts, *held.rivals]
        assert all(any(one is record for record in records) and not one.is_void for one in chosen)
        counting = [one for one in records if set(ASKED) <= set(one.fields) and not one.is_void]
        if counting and counting[-1].is_open:
            assert chosen, "a doubt was forgotten"
        fresh = [one for one in counting if one.status == "completed" and max_age is None]
        assert chosen or not fresh, "a paid answer was forgotten"
        if fresh and counting[-1] is fresh[-1]:
            assert not any(one.is_open for one in chosen), "an answered doubt still counts"

    check()
    figures.add("properties: which record counts", MANY.max_examples)


# --- engine and ledger in memory ----------------------------------------------------------------------------------


@dataclass
class Model:
    """People, a service that charges, a ledger; the rules of the engine without its loop."""

    n: int
    charges: Counter[int] = field(default_factory=Counter)
    ledger: list[tuple[int, Record]] = field(default_factory=list)
    flights: dict[int, int] = field(default_factory=dict)  # person -> place in the ledger
    budget: Budget = field(default_factory=lambda: Budget(0))
    spent_before: int = 0

    def settle(self, person: int, status: str, credits: int = 0) -> None:
        """Write an outcome."""
        place = self.flights.pop(person)
        self.ledger[place] = (
            person,
            Record(status=status, lookup=place, fields=ASKED, credits=credits, at_us=time.time_ns() // 1000),
        )


class Schedule(RuleBasedStateMachine):
    """Runs that start, send, hear, time out, are refused, cancelled and killed, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(4)
        self.begin(8)

    @rule(limit=st.integers(0, 8))
    def begin(self, limit: int) -> None:
        """Kill the run that goes on, if one does, and start the next: what was in flight is in doubt."""
        for person in list(self.model.flights):
            self.model.settle(person, IN_DOUBT)
        self.model.spent_before = sum(self.model.charges.values())
        self.model.budget = Budget(limit)
        held = decide(self.model.ledger, lambda at: ASKED, max_age=None, miss_age=30 * DAY)
        self.held = {person for person, one in held.items() if not one.lacking}

    @rule(person=st.integers(0, 3))
    def send(self, person: int) -> None:
        """Reserve, write the intent, let the request leave."""
        model = self.model
        if person in self.held or person in model.flights or not model.budget.reserve(1):
            return
        model.ledger.append(
            (person, Record(status="", lookup=len(model.ledger), fields=ASKED, at_us=time.time_ns() // 1000))
        )
        model.flights[person] = len(model.ledger) - 1
        self.held.add(person)

    @precondition(lambda self: self.model.flights)
    @rule(at=st.integers(0, 3), charged=st.booleans(), result=REPLIES | LOSSES)
    def hear(self, at: int, charged: bool, result: Reply | Lost) -> None:
        """Let something come back; a service charges only what reached it and what it does not call repeatable."""
        model = self.model
        person = list(model.flights)[at % len(model.flights)]
        verdict = judge(result)
        if (charged and verdict.next in (Next.READ, Next.IN_DOUBT)) or verdict.charged_maybe:
            model.charges[person] += 1
        if verdict.next is Next.AGAIN:
            return
        if verdict.next is Next.READ:
            answer = (
                CsvRow().read(result, Lookup(address="a@fm.example", fields=ASKED), 0)
                if isinstance(result, Reply)
                else None
            )
            if answer is None:
                model.budget.doubt(1)
                model.settle(person, IN_DOUBT)
            else:
                credits = max(answer.credits, int(charged))
                model.budget.settle(1, min(1, credits))
                model.settle(person, answer.status, min(1, credits))
        elif verdict.next is Next.IN_DOUBT or verdict.charged_maybe:
            model.budget.doubt(1)
            model.settle(person, IN_DOUBT)
        else:
            model.budget.release(1)
            model.settle(person, "failed" if verdict.next is Next.REFUSED else RELEASED)
            if verdict.next is not Next.REFUSED:
                self.held.remove(person)

    @invariant()
    def nobody_pays_twice(self) -> None:
        """One charge a person over all runs, each in the ledger, and no run beyond its budget."""
        model = self.model
        assert not model.charges or max(model.charges.values()) <= 1
        for person in model.charges:
            mine = [record for who, record in model.ledger if who == person]
            assert any(record.is_open or record.credits or record.status == "not_found" for record in mine)
        money = model.budget
        assert money.settled + money.reserved + money.in_doubt <= money.limit
        assert sum(model.charges.values()) - model.spent_before <= money.limit


def test_any_schedule_of_runs_keeps_the_invariants(figures: Any) -> None:
    """Stateful, over `Budget`, `judge`, `CsvRow.read` and `decide`."""
    run_state_machine_as_test(Schedule, settings=MANY)
    figures.add("properties: schedules of runs", MANY.max_examples)

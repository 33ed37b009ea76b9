"""Reserve, send, settle: no schedule of look-ups passes the limit."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from cleanlist_pandas.run.budget import Budget

PRICES = st.sampled_from([1, 1, 1, 11])


class AnySchedule(RuleBasedStateMachine):
    """Look-ups are reserved, answered, given up and doubted in any order."""

    reserved = Bundle("reserved")

    @initialize(limit=st.integers(0, 60))
    def open(self, limit: int) -> None:
        self.budget = Budget(limit)
        self.open_prices: list[int] = []
        self.spent = 0
        self.doubted = 0

    @rule(target=reserved, price=PRICES)
    def reserve(self, price: int) -> int:
        before = self.budget.left
        granted = self.budget.reserve(price)
        assert granted == (price <= before), "refused although it fits, or granted although it does not"
        if granted:
            self.open_prices.append(price)
        return price if granted else 0

    @rule(price=consumes(reserved), share=st.floats(0, 1))
    def settle(self, price: int, share: float) -> None:
        if price:
            charged = int(price * share)
            self.budget.settle(price, charged)
            self.open_prices.remove(price)
            self.spent += charged

    @rule(price=consumes(reserved))
    def release(self, price: int) -> None:
        if price:
            self.budget.release(price)
            self.open_prices.remove(price)

    @rule(price=consumes(reserved))
    def doubt(self, price: int) -> None:
        if price:
            self.budget.doubt(price)
            self.open_prices.remove(price)
            self.doubted += price

    @invariant()
    def nothing_passes_the_limit(self) -> None:
        budget = getattr(self, "budget", None)
        if budget is None:
            return
        assert budget.settled + budget.reserved + budget.in_doubt <= budget.limit
        assert budget.settled == self.spent
        assert budget.in_doubt == self.doubted
        assert budget.reserved == sum(self.open_prices)
        assert min(budget.settled, budget.reserved, budget.in_doubt, budget.left) >= 0


AnySchedule.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestAnySchedule = AnySchedule.TestCase


def test_an_overcharge_is_recorded_and_leaves_nothing() -> None:
    """What was paid is booked even where it passes the limit; then nothing more can be reserved."""
    budget = Budget(11)
    assert budget.reserve(1)
    budget.settle(1, 50)
    assert (budget.settled, budget.left) == (50, 0)
    assert not budget.reserve(1)


def test_a_budget_of_0_reserves_nothing() -> None:
    """Off by one is one too many."""
    assert not Budget(0).reserve(1)
    assert not Budget(10).reserve(11)
    assert Budget(11).reserve(11)


def test_what_a_resumed_run_books_is_gone_from_the_budget_before_it() -> None:
    """Reserved, settled, freed and in doubt alike: whoever resumes the first error once more has no more to spend."""
    first = Budget(30)
    assert first.reserve(1)
    first.settle(1, 1)
    second = Budget(first.left, before=first)
    assert second.reserve(11)
    assert (first.left, second.left) == (18, 18)
    second.settle(11, 3)
    assert second.reserve(11)
    second.doubt(11)
    assert second.reserve(2)
    second.release(2)
    assert [(one.settled, one.reserved, one.in_doubt, one.left) for one in (first, second)] == [
        (4, 0, 11, 15),
        (3, 0, 11, 15),
    ]

"""What the numbers of a run say, in plain sentences, each with its evidence and none without enough of it. Pure.

A share of people stands for more like them, so it is taken with the interval it lies in with a probability of 95 %: a
finding needs the whole of it on one side of what would be unremarkable, and 30 people at least.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from cleanlist_pandas.frame.contents import Contents, DomainRate
from cleanlist_pandas.plan.expect import wilson
from cleanlist_pandas.services.csv_row import CREDITS_WITH_PHONE

if TYPE_CHECKING:
    from cleanlist_pandas.run.report import RunReport

__all__ = ["find", "share"]

ENOUGH: Final = 30  # people or rows that a finding rests on at least
SELDOM: Final = 0.2  # a hit rate below is worth the advice to leave such people out
PHONES_FEW: Final = 0.5  # share of people with a phone below which the price of each is told
BAD: Final = ("invalid", "disposable")
BAD_MAIL: Final = 0.02  # share of invalid addresses above which a mailing suffers
SKIPPED_MANY: Final = 0.05  # share of rows skipped that is worth a look

Z_95: Final = 1.96


def find(report: RunReport, contents: Contents) -> tuple[str, ...]:
    """Return what a person should know of a run and of its whole frame."""
    pace_s = report.seconds / report.requests if report.requests else 0.0
    return (
        *_domains(report.rates, pace_s),
        *(_phones(contents, report.credits) if "phone" in report.fields else ()),
        *_bad_mail(contents),
        *_skipped(contents),
    )


def _domains(rates: Mapping[str, DomainRate], pace_s: float) -> Iterator[str]:
    """Tell a kind of mail domain where people are found less often than elsewhere."""
    for kind, mine in rates.items():
        others = [rate for name, rate in rates.items() if name != kind]
        rest = DomainRate(*map(sum, zip(*others, strict=True))) if others else DomainRate(0, 0, 0)
        high = wilson(mine.found, mine.asked)[1]
        if min(mine.asked, rest.asked) < ENOUGH or high >= wilson(rest.found, rest.asked)[0]:
            continue
        told = f"Hit rate on {kind} domains is {share(mine.found, mine.asked)}"
        advice = _left_out(mine, pace_s) if high < SELDOM else ""
        yield f"{told}, elsewhere {share(rest.found, rest.asked)}{advice}."


def _left_out(rate: DomainRate, pace_s: float) -> str:
    """Tell what it would have saved not to ask some people, if the run itself asked them all."""
    if rate.sent < rate.asked:
        return ""
    minutes = rate.sent * pace_s / 60
    time = f", about {minutes:,.0f} minutes" if minutes >= 2 else ""
    return f": leaving them out would have saved {rate.sent:,} requests{time}"


def _phones(contents: Contents, credits: int) -> Iterator[str]:
    """Tell the price of a phone where few people have one, and this run paid for all that were looked for."""
    n = contents.coverage.get("phone", 0)
    all_paid = credits >= CREDITS_WITH_PHONE * contents.completed
    if contents.completed >= ENOUGH and n and all_paid and wilson(n, contents.completed)[1] < PHONES_FEW:
        yield (
            f"{share(n, contents.completed)} who completed have a phone; {credits:,} credits were spent, "
            f"{credits / n:,.0f} for each phone."
        )


def _bad_mail(contents: Contents) -> Iterator[str]:
    """Tell that a mailing to all of them would suffer."""
    n, bad = sum(contents.email_statuses.values()), sum(contents.email_statuses.get(word, 0) for word in BAD)
    if n >= ENOUGH and wilson(bad, n)[0] > BAD_MAIL:
        yield f"{share(bad, n, 'addresses')} are invalid or disposable: leave them out of a mailing."


def _skipped(contents: Contents) -> Iterator[str]:
    """Tell that many rows could not be looked up."""
    n, n_rows = contents.n_skipped, contents.n_rows
    if n_rows >= ENOUGH and n >= SKIPPED_MANY * n_rows:
        yield f"{share(n, n_rows, 'rows')} were skipped, without a usable address or suppressed: .check() tells which."


def share(hits: int, n: int, unit: str = "people") -> str:
    """Return a share with what it was seen in: "3% (4 of 130 people)"."""
    return f"{hits / n:.0%} ({hits:,} of {n:,} {unit})"

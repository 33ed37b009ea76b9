"""The plan as a person reads it: what it costs at most, and why not more."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd

from cleanlist_pandas.cards import Card, Table
from cleanlist_pandas.frame.identity import lacking
from cleanlist_pandas.plan.buckets import BUCKETS
from cleanlist_pandas.services.service import SURFACES, by_address
from cleanlist_pandas.wording import n_of

__all__ = ["FREE_CREDITS_A_MONTH", "CostEstimate", "bucket_series"]

FREE_CREDITS_A_MONTH: Final = 30
"""Of the free tier: www.cleanlist.ai/enrich/csv-files, read 2026-11-22."""

_MEANING = {
    "blank": "no address",
    "malformed": "not an address",
    "suppressed": "suppressed or erased, never sent",
    "filled": "nothing missing in the row",
    "known": "known from your own tables",
    "held": "answered earlier, in the ledger",
    "in_doubt": 'sent earlier, never answered; not sent again unless in_doubt="retry"',
    "duplicate": "a further row of somebody billable",
    "billable": "would be looked up",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CostEstimate:
    """What a run would cost; made without network and without key.

    Attributes
    ----------
    rows : pandas.Series of category
        Each row's bucket, with the frame's index.
    buckets : dict of str to int
        Rows in each bucket; they add up to ``len(df)``.
    lookups : int
        Unique people to buy.
    prices : dict of int to int
        How many of them cost how many credits at most.
    credits_per_lookup : int
        What somebody costs at most of whom nothing is known: 1 credit, 11 with a phone, 12 in two steps. Without their
        company, where that is looked up apart.
    at_most : int
        Credits the run can cost at most. Misses are free, so the bill is usually lower, and it is never higher.
    expected : float
        Credits it will probably cost, by the hit rates of the ledger for business and free-mail domains.
    interval : tuple of float
        Between which the bill lies with a probability of 90 %.
    history : int
        People and companies of the ledger that `expected` rests on; 0: it is a guess.
    saved : int
        Credits less than `naive`; `savings` tells by what.
    naive : int
        Credits if every row with a usable address were looked up at `credits_per_lookup`, and its company.
    requests : int
        Requests to be sent if none has to be repeated; on v2, if nobody has to be asked about twice.
    seconds : float or None
        How long they take at the rate limit that is set; None where there is none.
    column : Hashable
        The column whose addresses are looked up.
    several : int
        Rows whose cell held several addresses; the first of each counts.
    skipped : dict of str to int
        Of the suppressed rows those left out by ``skip=``, by class; ``unnamed``: the surface needs their names.
    doubtful : int
        Credits that look-ups without an answer may have cost before, of people for whom more is bought; no saving.
    max_credits : int or None
        The budget, if one was given.
    price_per_credit : float or None
        Money a credit costs, if that was given.
    surface : str
        The surface of the service that would be asked.
    unoffered : tuple of str
        Fields that it does not offer: they come from the ledger and your own tables, or stay missing.
    companies, company_credits : int
        Companies to look up, each once whoever works there, where the surface tells industry and size by company; and
        what that costs at most.
    company_naive, company_doubtful : int
        Credits if each row's company were looked up by itself, and those of rows whose company was asked for before and
        never answered.
    screened : bool
        Whether phones are bought in look-ups of their own, where ``phone_if=`` holds. `expected` and `interval` are for
        the case that it holds for everybody.
    phones, phone_credits : int
        People whose phone is bought at most in such a look-up, and what that costs at most.
    break_even : float or None
        With ``phone_if=``: the share of people it may hold for at most, if asking twice shall cost less than once.
    """

    rows: pd.Series[Any] = field(repr=False, compare=False)
    buckets: dict[str, int]
    fields: tuple[str, ...]
    prices: dict[int, int]
    credits_per_lookup: int
    requests: int
    expected: float
    interval: tuple[float, float]
    history: int
    rate_per_minute: float | None = None
    column: Hashable = None
    several: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    doubtful: int = 0
    max_credits: int | None = None
    price_per_credit: float | None = None
    surface: str = "csv_row"
    unoffered: tuple[str, ...] = ()
    companies: int = 0
    company_credits: int = 0
    company_naive: int = 0
    company_doubtful: int = 0
    screened: bool = False
    phones: int = 0
    phone_credits: int = 0
    break_even: float | None = None

    @property
    def lookups(self) -> int:
        """Unique people to buy."""
        return sum(self.prices.values())

    @property
    def at_most(self) -> int:
        """Credits the run can cost at most."""
        return self._people_credits + self.company_credits

    @property
    def _people_credits(self) -> int:
        """Credits that people can cost at most."""
        return sum(price * n for price, n in self.prices.items())

    @property
    def naive(self) -> int:
        """Credits if every row with a usable address were looked up by itself."""
        useless = ("blank", "malformed", "suppressed")
        n_rows = sum(n for name, n in self.buckets.items() if name not in useless)
        return self.credits_per_lookup * n_rows + self.company_naive

    @property
    def saved(self) -> int:
        """Credits saved against one look-up for each row with a usable address."""
        return sum(self.savings.values())

    @property
    def savings(self) -> dict[str, int]:
        """Credits saved, by the bucket that saves them; ``partly``: of people for whom less than a whole one is bought.

        ``companies``, where any are looked up apart: by not asking again for each who works there. With `at_most`,
        `doubtful`, `company_doubtful` and the rows in doubt, at `credits_per_lookup` each, they add up to `naive`.
        """
        saving = ("filled", "known", "held", "duplicate")  # in doubt is no saving: it may have been charged
        whole = {name: self.buckets[name] * self.credits_per_lookup for name in saving}
        partly = self.buckets["billable"] * self.credits_per_lookup - self._people_credits - self.doubtful
        companies = self.company_naive - self.company_credits - self.company_doubtful
        return {**whole, "partly": partly, **({"companies": companies} if self.company_naive else {})}

    @property
    def seconds(self) -> float | None:
        """Seconds the requests take at the rate limit that is set."""
        return None if self.rate_per_minute is None else self.requests * 60 / self.rate_per_minute

    @property
    def free_credits(self) -> int:
        """Credits of `at_most` that the free tier of 30 a month covers."""
        return min(self.at_most, FREE_CREDITS_A_MONTH)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values."""
        return {
            "rows": sum(self.buckets.values()),
            "column": str(self.column),
            "buckets": dict(self.buckets),
            "fields": list(self.fields),
            "lookups": self.lookups,
            "credits_per_lookup": self.credits_per_lookup,
            "at_most": self.at_most,
            "expected": round(self.expected, 1),
            "interval": [round(bound, 1) for bound in self.interval],
            "history": self.history,
            "naive": self.naive,
            "saved": self.saved,
            "savings": self.savings,
            "requests": self.requests,
            "seconds": self.seconds,
            "several": self.several,
            "skipped": dict(self.skipped),
            "doubtful": self.doubtful,
            "max_credits": self.max_credits,
            "price_per_credit": self.price_per_credit,
            "surface": self.surface,
            "unoffered": list(self.unoffered),
            "companies": self.companies,
            "company_credits": self.company_credits,
            "company_naive": self.company_naive,
            "company_doubtful": self.company_doubtful,
            "screened": self.screened,
            "phones": self.phones,
            "phone_credits": self.phone_credits,
            "break_even": self.break_even,
        }

    def to_series(self) -> pd.Series[Any]:
        """Return the whole numbers as a Series of int64: the buckets, then the prices."""
        names = ("lookups", "credits_per_lookup", "at_most", "naive", "saved", "requests")
        return pd.Series(
            {**self.buckets, **{name: getattr(self, name) for name in names}}, dtype="int64", name="estimate"
        )

    def _meaning(self, bucket: str) -> str:
        """Return what a bucket means; of the suppressed, what ``skip=`` left out."""
        if bucket != "suppressed" or not self.skipped:
            return _MEANING[bucket]
        others = self.buckets[bucket] - sum(self.skipped.values())
        parts = {**self.skipped, "suppressed or erased": others}
        return f"never sent: {', '.join(f'{name} {n:,}' for name, n in parts.items() if n)}"

    def __repr__(self) -> str:
        return self._card().as_text()

    def _repr_html_(self) -> str:
        """Return the same for a notebook."""
        return self._card().as_html()

    def _card(self) -> Card:
        """Return what a person is shown."""
        n_rows, saved = f"{sum(self.buckets.values()):,}", _saved_line(self.saved, self.savings)
        after = []
        if self.several:
            hold = "holds" if self.several == 1 else "hold"
            after.append(f"{n_of(self.several, 'cell')} {hold} several addresses; the first of each counts.")
        if self.seconds is not None:
            pace, time = f"at {self.rate_per_minute:g} a minute", _duration(self.seconds)
            after.append(f"{n_of(self.requests, 'request')} {pace}: {time}.")
        way = f"; asked of {self.surface}" * (self.surface != "csv_row")
        return Card(
            label="Cost estimate",
            title=f"At most {n_of(self.at_most, 'credit')}: {self._priced()}. Misses are free.",
            lines=[*self._forecast(), f"Addresses in {self.column!r}; fields: {', '.join(self.fields)}{way}"],
            tables=[
                Table(
                    caption="What becomes of the rows",
                    head=("bucket", "rows", "meaning"),
                    rows=[(name, f"{n:,}", self._meaning(name)) for name, n in self.buckets.items() if n],
                    foot=("rows", n_rows, saved),
                    text="{1:>9} {0:<11}{2}",
                    titled=False,
                )
            ],
            after=after,
        )

    def _priced(self) -> str:
        """Say what is bought."""
        if self.phones:
            first, then = self._people_credits - self.phone_credits, self.phone_credits
            phones = f"{then:,} for {n_of(self.phones, 'phone')} if phone_if= holds"
            return " and ".join([*self._companies(), f"{first:,} for {n_of(self.lookups, 'look-up')}, then {phones}"])
        kinds = [f"{n_of(n, 'look-up')} at {n_of(price, 'credit')}" for price, n in sorted(self.prices.items())]
        kinds += self._companies()
        return " and ".join(kinds) or f"0 look-ups at {n_of(self.credits_per_lookup, 'credit')}"

    def _companies(self) -> list[str]:
        """Say how many companies are bought, if any are."""
        told = f"{n_of(self.companies, 'company', 'companies')} at {n_of(1, 'credit')}"
        return [told] if self.companies else []

    def _forecast(self) -> list[str]:
        """Say what it will probably cost, in credits and in money, and what a budget buys."""
        lines = []
        if self.companies:
            once = "each looked up once for all who work there; a free-mail address has none"
            lines.append(f"Companies cost {n_of(self.company_credits, 'credit')} of it at most: {once}.")
        if self.at_most:
            low, high = self.interval
            basis = f"by {n_of(self.history, 'answer')} of the ledger" if self.history else "a guess: no history yet"
            whom = " if phone_if= holds for everybody" * bool(self.phones)
            lines.append(
                f"Expected about {_c(self.expected)} ({_c(low)} to {_c(high)} in 9 of 10 cases){whom}, {basis}."
            )
        if self.price_per_credit is not None:
            most, likely = self.at_most * self.price_per_credit, self.expected * self.price_per_credit
            lines.append(f"At {self.price_per_credit:g} a credit: at most {most:,.2f}, expected about {likely:,.2f}.")
        if 0 < self.at_most <= FREE_CREDITS_A_MONTH:
            lines.append(f"The free tier's {FREE_CREDITS_A_MONTH} credits a month cover it.")
        if self.break_even is not None:
            lines.append(f"phone_if= pays if it holds for fewer than {self.break_even:.0%} of the people.")
        if self.unoffered:
            lines.append(
                f"{self.surface} does not offer {', '.join(self.unoffered)}: what is not known of it stays missing."
            )
        if unnamed := self.skipped.get("unnamed"):
            needs, rows = lacking(0, SURFACES[self.surface].ways), n_of(unnamed, "row")
            lines.append(f"{self.surface} needs {needs}: {rows} without, not sent; {by_address()} needs no names.")
        if self.max_credits is not None and self.max_credits < self.at_most:
            lines.append(f"max_credits={self.max_credits:,} may end before everybody was asked.")
        return lines


def bucket_series(buckets: Any, index: pd.Index[Any]) -> pd.Series[Any]:
    """Return each row's bucket as words."""
    codes = pd.Categorical.from_codes(buckets, dtype=pd.CategoricalDtype(list(BUCKETS)))
    return pd.Series(codes, index=index, name="bucket")


def _c(credits: float) -> str:
    """Return credits that are likely: small ones with a decimal."""
    return f"{credits:,.0f}" if credits >= 10 else f"{credits:.1f}".removesuffix(".0")


def _saved_line(saved: int, savings: dict[str, int]) -> str:
    """Return what is saved and by what."""
    parts = ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in savings.items() if n)
    return f"saved {n_of(saved, 'credit')} ({parts})" if saved else "nothing to save"


def _duration(seconds: float) -> str:
    """Return a time in the unit a person would use."""
    if seconds < 120:
        return f"about {seconds:.0f} seconds"
    return f"about {seconds / 60:.0f} minutes" if seconds < 7200 else f"about {seconds / 3600:.1f} hours"

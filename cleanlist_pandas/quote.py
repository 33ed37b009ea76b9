"""What a case costs and in which order its people are bought: the Plan and the estimate of a case. Sends nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cleanlist_pandas.case import Case
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.frame.mail_domains import classify, classify_domains
from cleanlist_pandas.frame.needs import bits_of, names_of
from cleanlist_pandas.plan.buckets import Bucket, Ints, n_rows
from cleanlist_pandas.plan.document import Plan
from cleanlist_pandas.plan.estimate import CostEstimate, bucket_series
from cleanlist_pandas.plan.expect import COMPANY, HitRates, expect
from cleanlist_pandas.plan.priority import Floats, buying_order, worth_of_people
from cleanlist_pandas.services.service import SURFACES, BatchService, Lookup, Surface, missing_on

__all__ = ["agreed_budget", "estimate_of", "hit_rates", "order_of", "plan_of"]


def estimate_of(case: Case, rates: HitRates | None = None) -> CostEstimate:
    """Return what a case would cost, as a person reads it."""
    decision, settings = replace(case.decision, rows=_rows(case)), case.settings
    billable = decision.billable
    prices, asks = decision.prices[billable], decision.asks[billable]
    unnamed = decision.n_unnamed(case.keys, case.times)
    bought = [(one, one.decision.billable) for one in (case, case.companies) if one is not None]
    expected = expect(
        np.concatenate([_classes(one, places) for one, places in bought]),
        np.concatenate([one.decision.prices[places] for one, places in bought]),
        rates or hit_rates(case),
    )
    return CostEstimate(
        rows=bucket_series(decision.rows, case.frame.index),
        buckets=decision.counts(case.times),
        fields=case.fields,
        prices={int(price): n for price, n in sorted(Counter(prices.tolist()).items())},
        credits_per_lookup=decision.price,
        expected=expected.credits,
        interval=(expected.low, expected.high),
        history=expected.history,
        rate_per_minute=settings.rate_per_minute,
        column=case.column,
        several=n_rows(case.keys.several, case.times),
        skipped=dict(case.keys.skipped) | ({"unnamed": unnamed} if unnamed else {}),
        doubtful=decision.doubtful,
        max_credits=case.max_credits,
        price_per_credit=settings.price_per_credit,
        surface=case.service.surface.name,
        unoffered=missing_on(case.service.surface.name, case.fields),
        **_steps(case, prices, asks),
        **({} if case.companies is None else _of_companies(case.companies)),
    )


def _rows(case: Case) -> npt.NDArray[np.int8]:
    """Return each row's bucket: where only their company is to be asked, what becomes of that."""
    rows, companies = case.decision.rows, case.companies
    if companies is None:
        return rows
    theirs = (rows == Bucket.FILLED) & companies.needs.rows & (companies.keys.codes >= 0)
    return np.where(theirs, companies.decision.rows, rows)


def _of_companies(companies: Case) -> Mapping[str, Any]:
    """Return what the companies of a case cost, and would cost row by row."""
    decision, counts = companies.decision, companies.decision.counts(companies.times)
    useless = sum(counts[name] for name in ("blank", "malformed", "suppressed"))
    return {
        "companies": len(decision.billable),
        "company_credits": companies.ceiling,
        "company_naive": decision.price * (sum(counts.values()) - useless),
        "company_doubtful": decision.price * counts["in_doubt"],
    }


def _steps(case: Case, prices: Ints, asks: npt.NDArray[np.uint16]) -> Mapping[str, Any]:
    """Return the number of requests, and what asking for phones in a second step means."""
    if not case.screened:
        return {"requests": _requests(case, asks) + _company_requests(case)}
    with_phone = (asks & bits_of(["phone"])) != 0
    phone_credits = case.service.price(["phone"])
    first = int(prices.sum()) - phone_credits * int(with_phone.sum())
    at_once = sum(case.service.price(names_of(bits)) * n for bits, n in Counter(asks.tolist()).items())
    phone = bits_of(["phone"])
    phones = int(with_phone.sum())
    return {
        "screened": True,
        "phones": phones,
        "phone_credits": phones * phone_credits,
        "requests": _requests(case, asks & ~phone) + _requests(case, asks & phone) + _company_requests(case),
        "break_even": round((at_once - first) / (phones * phone_credits), 4) if phones else None,
    }


def _requests(case: Case, asks: npt.NDArray[np.uint16]) -> int:
    """Return the requests that some look-ups take if none has to be repeated; who is asked for nothing takes none."""
    surface, service, requests = case.service.surface, case.service, 0
    for bits, n in Counter(asks[asks != 0].tolist()).items():
        asked = Lookup(address="", fields=names_of(bits))
        together = isinstance(service, BatchService) and service.kind_of(asked)
        requests += _batch_requests(surface, n) if together else n * surface.requests_per_lookup
    return requests + surface.requests_per_run * (requests > 0)


def _batch_requests(surface: Surface, n: int) -> int:
    """Return the requests that people who are asked about together take."""
    full, rest = divmod(n, surface.people_per_batch)
    is_at_once = rest < surface.people_at_once
    return full * surface.requests_per_batch + (rest > 0) * (1 if is_at_once else surface.requests_per_batch)


def _company_requests(case: Case) -> int:
    """Return the requests that a case's companies take."""
    return 0 if case.companies is None else _requests(case.companies, case.companies.decision.asks)


def plan_of(case: Case) -> Plan:
    """Return the frozen decision: who is bought in which order."""
    rates = hit_rates(case)
    order = order_of(case, rates)
    rows = worth_of_people(case.keys.codes, case.keys.n_keys, case.needs.rows, _times(case))
    return Plan(
        estimate=estimate_of(case, rates),
        service=case.settings.service,
        made_at=now_utc(),
        people=case.keys.n_keys,
        digest=digest_of(case.keys.addresses),
        queue=pd.DataFrame(
            {
                "price": case.decision.prices[order],
                "rows": rows[order].astype(np.int64),
                "worth": _worth(case)[order],
                "hit_rate": rates.of(_classes(case, order)),
            }
        ),
    )


def order_of(case: Case, rates: HitRates | None = None) -> Ints:
    """Return the people to buy, the best first if their worth is known, else in the order of their rows."""
    billable = case.decision.billable
    if case.worth is None:
        return billable
    chances = (rates or hit_rates(case)).of(_classes(case, billable))
    return buying_order(billable, _worth(case)[billable], chances, case.decision.prices[billable])


def hit_rates(case: Case) -> HitRates:
    """Return how often the ledger's people were found, by kind of domain."""
    history = case.ledger.history(case.settings.world)
    domains = [domain for domain, _, _ in history]
    kinds = [
        kind if domain else COMPANY
        for kind, domain in zip(classify_domains(pa.array(domains, pa.large_string())).tolist(), domains, strict=True)
    ]
    found: Counter[int] = Counter()
    missed: Counter[int] = Counter()
    for kind, (_, n_found, n_missed) in zip(kinds, history, strict=True):
        found[kind] += n_found
        missed[kind] += n_missed
    return HitRates(found=found, missed=missed)


@contextmanager
def agreed_budget(case: Case, plan: Plan | None, *, begun: bool = False) -> Iterator[int]:
    """Give the credits a run may spend: as told or the ceiling, and of a plan no more than was left since it was made.

    A plan's budget is one for all runs, so that for this block nobody else may spend by the same plan. A run that has
    `begun` was held against the plan already.

    Raises
    ------
    ConfigurationError
        If the plan was made for something else, or another run goes by it at this moment.
    """
    told = case.ceiling if case.max_credits is None else case.max_credits
    if plan is None:
        yield told
        return
    if not begun:
        plan.check(plan_of(case))
    with case.ledger.alone(plan.name):
        left = min(told, max(0, plan.budget - _spent_since(case, plan)))
        _check_order(case, plan, left)
        yield left


def _check_order(case: Case, plan: Plan, left: int) -> None:
    """Refuse a plan of the best first without their worth where what is left of it is short: a plan knows nobody."""
    if plan.is_ranked and case.worth is None and 0 < left < case.ceiling:
        raise ConfigurationError(
            "The plan puts the best first and its budget does not reach everybody; nothing was sent. To buy in its "
            "order give priority= as it was given to plan()."
        )


def _spent_since(case: Case, plan: Plan) -> int:
    """Return the credits that a plan's people and companies have cost since it was made, as far as the ledger knows."""
    since_us = datetime.fromisoformat(plan.made_at).timestamp() * 1e6
    return sum(
        case.service.price(names_of(int(bits_of(record.fields)))) if record.is_open else record.credits
        for _, record in case.ledger.find(case.keys.addresses, case.settings.world)[0]
        if record.at_us >= since_us and not record.is_void
    ) + (0 if case.companies is None else _spent_since(case.companies, plan))


def _classes(case: Case, people: Ints) -> npt.NDArray[np.int8]:
    """Return the kind of each person's mail domain; companies are a kind of their own."""
    if case.service.surface.name not in SURFACES:
        return np.full(len(people), COMPANY, np.int8)
    return classify(case.keys.addresses.take(people))


def _worth(case: Case) -> Floats:
    """Return the worth of each person's rows; a row is worth 1 where nothing else was said."""
    worth = _times(case) if case.worth is None else case.worth
    return worth_of_people(case.keys.codes, case.keys.n_keys, case.needs.rows, worth)


def _times(case: Case) -> Floats:
    """Return how many rows each row of a case stands for."""
    return np.ones(case.keys.n_rows) if case.times is None else case.times.astype(np.float64)


def digest_of(addresses: pa.LargeStringArray) -> str:
    """Return a fingerprint of some people that does not depend on their order."""
    ordered: Any = addresses.take(pc.sort_indices(addresses))
    whole = pa.LargeListArray.from_arrays(pa.array([0, len(ordered)], pa.int64()), ordered)
    joined: Any = pc.binary_join(whole, pa.scalar("\n", pa.large_string()))
    return hashlib.blake2b(joined[0].as_buffer(), digest_size=16, person=b"cleanlist-plan").hexdigest()


def now_utc() -> str:
    """Return the time as a plan tells it, as fine as the ledger's: a pilot of the same second was before it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")

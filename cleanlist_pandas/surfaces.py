"""The surfaces there are to speak to, by the name that a call or the ledger has for them, and which way is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from cleanlist_pandas.checks import is_loopback
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.frame.needs import bits_of
from cleanlist_pandas.plan.buckets import Decision
from cleanlist_pandas.run.records import ADOPTED
from cleanlist_pandas.services.csv_row import CsvRow
from cleanlist_pandas.services.csv_rows import CSV_ROW
from cleanlist_pandas.services.csv_upload import CsvUpload
from cleanlist_pandas.services.legacy_v1 import LegacyV1
from cleanlist_pandas.services.many import Shape
from cleanlist_pandas.services.service import Service
from cleanlist_pandas.services.v2 import V2
from cleanlist_pandas.services.v2_company import V2Company
from cleanlist_pandas.services.v2_list import V2List
from cleanlist_pandas.services.v2_rows import LEAD, WORKFLOW
from cleanlist_pandas.settings import Settings

__all__ = ["COMPANIES", "LIST_FROM", "SERVICES", "SHAPES", "check_offer", "service_of", "way_for"]

SERVICES: Final[Mapping[str, Service]] = {
    CsvRow.surface.name: CsvRow(),
    ADOPTED: CsvRow(),
    CsvUpload.surface.name: CsvUpload(),
    "v2": V2(),
    "v2_people": V2(),
    "v2_list": V2List(),
    V2Company.surface.name: V2Company(),
    LegacyV1.surface.name: LegacyV1(),
}
SHAPES: Final[Mapping[str, Shape]] = {
    **{name: CSV_ROW for name, service in SERVICES.items() if isinstance(service, CsvRow)},
    "v2": WORKFLOW,
    "v2_people": WORKFLOW,
    "v2_list": LEAD,
}
"""How held answers are written, where many are read at a time."""

COMPANIES: Final[Mapping[str, Service]] = dict.fromkeys(("v2", "v2_people", "v2_list"), SERVICES["v2_company"])
"""Who tells of companies, by who tells of people."""

LIST_FROM: Final = 50  # people: fewer take some minutes one by one, and each answer is theirs beyond doubt


def service_of(settings: Settings) -> Service:
    """Return the surface that a call speaks to; it posts to the call's `webhook_url`, or the call is refused."""
    service, url = SERVICES[settings.service], settings.webhook_url
    if url is None:
        return service
    if not isinstance(service, LegacyV1 | CsvUpload):
        raise ConfigurationError(
            f"{settings.service} posts no webhooks, so nothing was sent: leave webhook_url= out, or use "
            'service="legacy_v1" or "csv_upload".'
        )
    if is_loopback(url) and settings.world == "live":
        raise ConfigurationError(
            "The service cannot reach webhook_url= on this machine; nothing was sent. Name a public https:// address."
        )
    return type(service)(url)


def way_for(service: Service, named: str, decision: Decision) -> Service:
    """Return the way people are asked about: together where they are many, a list brings all, and it was not said."""
    if named != "v2" or service.surface.name not in ("v2", "v2_list"):
        return service
    by_list = SERVICES["v2_list"]
    wanted = int(np.bitwise_or.reduce(decision.asks, initial=np.uint16(0)))
    brings_all = not wanted & ~int(bits_of(by_list.surface.fields))
    return by_list if brings_all and len(decision.billable) >= LIST_FROM else SERVICES["v2"]


def check_offer(service: Service, names: Sequence[str]) -> None:
    """Refuse a call that a surface can do nothing for."""
    offered = service.surface.offers
    if not set(names) & set(offered):
        raise ConfigurationError(
            f"{service.surface.name} does not offer {', '.join(names)}, so nothing was sent: it offers "
            f'{", ".join(offered)}; csv_row, with service="csv_row" and a key for it, offers all fields.'
        )

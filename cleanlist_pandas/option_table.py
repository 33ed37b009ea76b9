"""The table of options: each with its default, its unit, its check and who else may set it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from cleanlist_pandas import checks
from cleanlist_pandas.services.service import HOST, SURFACES

__all__ = ["OPTIONS", "Option", "unset"]


class Unset(Enum):
    """What an option is that nobody has set, where its default depends on the call."""

    unset = "unset"

    def __repr__(self) -> str:
        return self.value

    __str__ = __repr__


unset: Final = Unset.unset


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One thing a caller can set."""

    name: str
    type: str  # as a docstring shows it
    default: Any
    check: Callable[[Any], Any]
    meaning: str  # with its unit, its range and what the default means
    variable: str | None = None  # environment variable


OPTIONS: Final[dict[str, Option]] = {
    option.name: option
    for option in (
        Option(
            name="api_key",
            type="str, optional",
            default=None,
            check=checks.secret,
            variable="CLEANLIST_API_KEY",
            meaning="The key of your Cleanlist account. It is sent to `base_url` only and never shown.",
        ),
        Option(
            name="base_url",
            type="str, optional",
            default=unset,
            check=checks.base_url,
            variable="CLEANLIST_BASE_URL",
            meaning="Address of the service with the path of the surface: https, or http on this machine. By default "
            f"the surface's own, ``{HOST}/v1`` for csv_row and csv_upload, ``{HOST}/api/v2`` for v2.",
        ),
        Option(
            name="service",
            type='{"csv_row", "csv_upload", "v2", "v2_people", "v2_list", "legacy_v1"}, optional',
            default=None,
            check=checks.one_of("service", *SURFACES, none=True),
            meaning="Which surface of the service to speak to; by default v2 with a key that begins with ``clapi_``, "
            "csv_row with any other. ``csv_upload`` sends people in files of up to 100,000. v2 asks about many people "
            "by list, about few, and wherever ``email_status`` is wanted, one by one; ``v2_list`` and ``v2_people`` "
            "say which.",
        ),
        Option(
            name="ledger",
            type="path, Ledger or None, optional",
            default=unset,
            check=checks.ledger,
            variable="CLEANLIST_LEDGER",
            meaning="File that remembers every look-up and answer, so that nothing is paid for twice; by default in "
            "your user data directory. None keeps it in memory for this call only.",
        ),
        Option(
            name="concurrency",
            type="int, default 16",
            default=16,
            check=checks.count("concurrency", 1, 500),
            meaning="Look-ups in flight at most, 1 to 500; fewer after the service asks for less.",
        ),
        Option(
            name="rate_per_minute",
            type="float, optional",
            default=unset,
            check=checks.positive("rate_per_minute", none=True),
            meaning="Requests a minute at most; by default what the surface publishes: 30 on v2. csv_row publishes "
            "nothing, and a sandbox sets no limit: then, as with None, the pace follows the service's 429 answers.",
        ),
        Option(
            name="timeout_s",
            type="float, default 30",
            default=30.0,
            check=checks.positive("timeout_s"),
            meaning="Seconds one request may take in all; past that the look-up is in doubt.",
        ),
        Option(
            name="connect_timeout_s",
            type="float, default 10",
            default=10.0,
            check=checks.positive("connect_timeout_s"),
            meaning="Seconds a connection may take to open.",
        ),
        Option(
            name="max_wait_s",
            type="float, default 120",
            default=120.0,
            check=checks.positive("max_wait_s"),
            meaning="Seconds without one whole answer, or asked for by a Retry-After, past which the run stops.",
        ),
        Option(
            name="max_seconds",
            type="float, optional",
            default=None,
            check=checks.positive("max_seconds", none=True),
            meaning="Seconds the sending may take; what is not asked by then is ``not_attempted``. None: no limit.",
        ),
        Option(
            name="poll_s",
            type="float, default 3",
            default=3.0,
            check=checks.positive("poll_s"),
            meaning="Where the service answers later (v2): seconds between two questions about one look-up, more where "
            "the rate is wanted for others.",
        ),
        Option(
            name="job_timeout_s",
            type="float, default 900",
            default=900.0,
            check=checks.positive("job_timeout_s"),
            meaning="Where the service answers later (v2): seconds it may take. Past that the look-up is in doubt, and "
            "the next run asks first, for nothing, what became of it.",
        ),
        Option(
            name="keep_list",
            type="bool, default False",
            default=False,
            check=checks.flag("keep_list"),
            meaning="Keep the list under which v2 files the people of a run; else it is deleted at the end, and the "
            "people stay in your account.",
        ),
        Option(
            name="webhook_url",
            type="str, optional",
            default=None,
            check=checks.webhook_url,
            meaning="Where legacy_v1 and csv_upload are to post that what was sent has ended: a public https address, "
            "or http on this machine for the sandbox; what `cleanlist_pandas.webhooks` answers. None: nowhere.",
        ),
        Option(
            name="max_age",
            type="int, str or timedelta, default 90 days",
            default=checks.DEFAULT_MAX_AGE,
            check=checks.age,
            meaning="How old a paid answer of the ledger may be: days, or what ``pandas.Timedelta`` reads. Misses are "
            "asked again after 30 days, or after `max_age` if that is less. None: any age.",
        ),
        Option(
            name="price_per_credit",
            type="float, optional",
            default=None,
            check=checks.positive("price_per_credit", none=True),
            meaning="Money a credit costs you, in any currency: then the estimate tells its prices in it too.",
        ),
        Option(
            name="in_doubt",
            type='{"hold", "retry"}, default "hold"',
            default="hold",
            check=checks.one_of("in_doubt", "hold", "retry"),
            meaning='Look-ups that were sent and never answered may have been charged. "hold" leaves them alone; '
            '"retry" sends them again and may pay for them twice; what the service took less than `job_timeout_s` ago '
            "is asked about first, and left alone while it is worked on.",
        ),
        Option(
            name="on_existing",
            type='{"fill", "replace", "error"}, default "fill"',
            default="fill",
            check=checks.one_of("on_existing", "fill", "replace", "error"),
            meaning='When the frame has such a column already: "fill" keeps the values that are there and buys only '
            'for rows that lack one, "replace" buys for all rows and keeps a value only where nothing was learnt, '
            '"error" refuses.',
        ),
        Option(
            name="dtype_backend",
            type='{"numpy_nullable", "pyarrow"}, optional',
            default=None,
            check=checks.one_of("dtype_backend", "numpy_nullable", "pyarrow", none=True),
            meaning="Kind of the new columns, as in pandas' readers; None: pandas' default dtypes.",
        ),
        Option(
            name="provenance",
            type="bool, default False",
            default=False,
            check=checks.flag("provenance"),
            meaning="Add where each row's values came from: `enriched_source`, `enriched_confidence`, `enriched_at`, "
            "`enriched_credits`, `enriched_reason`.",
        ),
        Option(
            name="progress",
            type="bool, default True",
            default=True,
            check=checks.flag("progress"),
            meaning="Show one line in a terminal or notebook; nothing is shown where nobody watches.",
        ),
    )
}

"""The door to the sandbox: a local Cleanlist as the default service of a block of code."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cleanlist_pandas.sandbox import Sandbox
from cleanlist_pandas.settings import sandboxed

__all__ = ["sandbox"]


@contextmanager
def sandbox(
    seed: int = 0,
    people: Any = None,
    hit_rate: float = 0.8,
    latency_s: float = 0.0,
    credits: int | None = None,
    rate_per_minute: float | None = None,
    faults: Any = None,
    *,
    idempotency: bool = True,
) -> Iterator[Sandbox]:
    """Start a local Cleanlist with invented people and make it the default service inside the block.

    Costs nothing and reaches nobody: the server listens on this machine only. The block has a ledger of its own, which
    goes with it. An `api_key=` or `ledger=` given to a call still counts; with a `base_url=` of another service it is
    outside the block, as if that were not there. It is asked as csv_row is, with ``service="v2"`` as v2 is.

    Parameters
    ----------
    seed : int, default 0
        The same address is the same invented person for the same seed.
    people : DataFrame, list of dict or path, optional
        Your own table of people (``email`` and any fields): then exactly these are known.
    hit_rate : float, default 0.8
        Share of addresses that are known, 0 to 1.
    latency_s : float, default 0
        Seconds before each answer.
    credits : int, optional
        Balance of the account; None: never empty.
    rate_per_minute : float, optional
        Requests a minute before a 429 is answered; None: any.
    faults : mapping, list or callable, optional
        What shall go wrong when; see `cleanlist_pandas.sandbox.Fault`.
    idempotency : bool, default True
        Whether a repeated ``Idempotency-Key`` is answered again without a second charge. The live service documents
        nothing of the kind.

    Yields
    ------
    Sandbox
        With ``.url``, ``.api_key``, ``.requests`` and ``.charged`` to look inside.

    Examples
    --------
    >>> import pandas as pd
    >>> import cleanlist_pandas as cl
    >>> with cl.sandbox(hit_rate=1.0) as service:
    ...     out = cl.enrich(pd.DataFrame({"email": ["jo@acme.example", "JO@acme.example"]}), fields=["title"])
    ...     service.charged
    1
    """
    server = Sandbox(
        seed=seed,
        people=people,
        hit_rate=hit_rate,
        latency_s=latency_s,
        credits=credits,
        rate_per_minute=rate_per_minute,
        faults=faults,
        idempotency=idempotency,
    )
    with server, tempfile.TemporaryDirectory(prefix="cleanlist-", ignore_cleanup_errors=True) as folder:
        ledger = Path(folder) / "ledger.sqlite3"
        with sandboxed(base_url=server.url, api_key=server.api_key, ledger=ledger):
            yield server

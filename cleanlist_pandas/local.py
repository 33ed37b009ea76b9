"""The door to the sandbox: a local Cleanlist as the default service of a block of code."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from cleanlist_pandas.sandbox import Sandbox, Terms
from cleanlist_pandas.settings import sandboxed

__all__ = ["sandbox"]


class _DefaultSandbox(Sandbox):
    """A sandbox that is the default service of this process for as long as it runs, with a ledger of its own."""

    _opened: ExitStack | None = None

    def start(self) -> Self:
        """Start serving, and be the default service from now on."""
        super().start()
        with ExitStack() as opened:
            opened.callback(super().stop)
            folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="cleanlist-", ignore_cleanup_errors=True))
            ledger = Path(folder) / "ledger.sqlite3"
            opened.enter_context(sandboxed(base_url=self.url, api_key=self.api_key, ledger=ledger))
            self._opened = opened.pop_all()
        return self

    def stop(self) -> None:
        """Be the default no longer, forget the ledger and stop serving; the books stay readable."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()


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
    terms: Terms | None = None,
) -> Sandbox:
    """Start a local Cleanlist with invented people and make it the default service inside the block.

    Costs nothing and reaches nobody: the server listens on this machine only. The block has a ledger of its own, which
    goes with it. An `api_key=` or `ledger=` given to a call still counts; with a `base_url=` of another service it is
    outside the block, as if that were not there. It is asked as csv_row is, with ``service="v2"`` as v2 is. Where a
    block is too short, as in a notebook, ``.start()`` and ``.stop()`` do the same over several cells.

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
    terms : cleanlist_pandas.sandbox.Terms, optional
        How the surfaces behave that answer later: how long a workflow or a file takes, from how many rows on a file is
        a job, whether the published rates hold. By default all is done at once, but for files of 10,000 and more.

    Returns
    -------
    Sandbox
        For a ``with`` statement, or to start and stop; ``.url``, ``.api_key``, ``.requests`` and ``.charged`` look
        inside.

    Examples
    --------
    >>> import pandas as pd
    >>> import cleanlist_pandas as cl
    >>> with cl.sandbox(hit_rate=1.0) as service:
    ...     out = cl.enrich(pd.DataFrame({"email": ["jo@acme.example", "JO@acme.example"]}), fields=["title"])
    ...     service.charged
    1

    Somebody who is worked on, as they would be by a job:

    >>> from cleanlist_pandas.sandbox import Terms
    >>> with cl.sandbox(terms=Terms(csv_rows_at_once=1, workflow_polls=2)):
    ...     job = cl.submit(pd.DataFrame({"email": ["jo@acme.example"]}), ["title"], service="csv_upload")
    ...     early = cl.collect(pd.DataFrame({"email": ["jo@acme.example"]}), job, wait=False)
    >>> early["enriched_status"].item()
    'in_doubt'
    """
    return _DefaultSandbox(
        seed=seed,
        people=people,
        hit_rate=hit_rate,
        latency_s=latency_s,
        credits=credits,
        rate_per_minute=rate_per_minute,
        faults=faults,
        idempotency=idempotency,
        terms=terms,
    )

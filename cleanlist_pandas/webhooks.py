"""What the service posts when a workflow or a file has ended: a handler for your own web app.

Webhooks are not signed and anybody can post one. So nothing of it is believed or kept: one that is about a workflow of
this ledger says that `collect` may be worth calling now, and what that brings is asked of the service itself.

References
----------
docs.cleanlist.ai on webhooks (read 2026-11-22): one POST of JSON when a workflow ends, acknowledged within 10 s by any
2xx, else tried five times in all; the same may arrive twice. How the end of a CSV file is told is assumed.
"""

from __future__ import annotations

import json
from typing import Final

from cleanlist_pandas.run.ledger import Ledger
from cleanlist_pandas.services.cells import as_object
from cleanlist_pandas.services.v2 import as_token

__all__ = ["LARGEST_BODY", "handle"]

LARGEST_BODY: Final = 1_000_000  # bytes
# Event → where it tells its id, and with what word the tokens of that surface begin.
_EVENTS: Final = {"enrichment.completed": ("workflow_id", "bulk"), "csv.completed": ("job_id", "file")}


def handle(body: bytes, ledger: Ledger) -> int:
    """Return the HTTP status to answer a webhook with. Sends nothing, writes nothing, may be called twice.

    Reads the ledger and returns at once. A workflow that was taken this very moment may not be in the ledger yet: then
    it is 404, and the service tries again after a second.

    Parameters
    ----------
    body : bytes
        The body of the POST, as it came.
    ledger : Ledger
        The one that the run or `submit` used.

    Returns
    -------
    int
        200 if it is about a workflow or file that this ledger sent, whether that is told by now or not; 404 if about
        any other; 400 if it is no such JSON; 413 if it is larger than 1,000,000 bytes.

    Raises
    ------
    LedgerError
        If the ledger cannot be read. Answer with 503 then: the service tries again.

    Examples
    --------
    >>> import cleanlist_pandas as cl
    >>> from cleanlist_pandas import webhooks
    >>> with cl.Ledger("leads.sqlite3") as ledger:
    ...     webhooks.handle(b'{"event": "enrichment.completed", "workflow_id": "of-somebody-else"}', ledger)
    404
    """
    if len(body) > LARGEST_BODY:
        return 413
    try:
        said = as_object(json.loads(body))
    except (ValueError, RecursionError):
        return 400
    event = said.get("event")
    name, word = _EVENTS.get(event if isinstance(event, str) else "", ("", ""))
    told = as_token(said.get(name))
    if not told or " " in told:  # an id with a space could reach into the rest of a token
        return 400
    return 200 if ledger.has_job(f"{word} {told} ") else 404

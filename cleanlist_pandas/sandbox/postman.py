"""Lets time do its work between requests: ends workflows that are due, and posts their webhooks to this machine."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import h11

from cleanlist_pandas.sandbox.account import Account
from cleanlist_pandas.sandbox.records import Delivery
from cleanlist_pandas.sandbox.webhooks import due, note, payload

__all__ = ["Postman"]

# How often the sandbox's clock is looked at while something waits for it: it may be moved by hand at any time.
_TICK_S = 0.02


class Postman:
    """Works as long as something waits for time, and sleeps otherwise.

    Parameters
    ----------
    account : Account
        Whose workflows and webhooks these are.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """See whether there is something to do; to be called after each request, in the loop."""
        if self._waits() and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def stop(self) -> None:
        """Stop at once; what was not delivered waits for the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _waits(self) -> bool:
        """Say whether time alone will change something."""
        return self._account.awaits_time or any(one.due_s is not None for one in self._account.deliveries.values())

    async def _work(self) -> None:
        """Do what is due until nothing is left to wait for."""
        while self._waits():
            self._account.settle_due()
            await asyncio.gather(*(self._deliver(delivery) for delivery in due(self._account)))
            if self._waits():
                await asyncio.sleep(_TICK_S)

    async def _deliver(self, delivery: Delivery) -> None:
        """Try one webhook."""
        try:
            async with asyncio.timeout(self._account.terms.webhook_timeout_s):
                code = await _post(delivery.url, payload(self._account, delivery))
        except TimeoutError:
            note(self._account, delivery, None, "no answer in time")
        except (OSError, ValueError, h11.ProtocolError) as error:  # also of a URL that is none to HTTP
            note(self._account, delivery, None, type(error).__name__)
        else:
            note(self._account, delivery, code)


async def _post(url: str, body: bytes) -> int:
    """Post JSON and return the status; the answer's body is not read."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        http = h11.Connection(h11.CLIENT)
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        headers = [("Host", parts.netloc), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        request = h11.Request(method="POST", target=target, headers=[*headers, ("Connection", "close")])
        for event in (request, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(http.send(event) or b"")
        await writer.drain()
        while not isinstance(heard := http.next_event(), h11.Response):
            if heard is h11.NEED_DATA:
                http.receive_data(await reader.read(65_536))
        return heard.status_code
    finally:
        writer.close()

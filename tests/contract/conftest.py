"""A sandbox for clients that nobody here wrote."""

from __future__ import annotations

import asyncio
import base64
import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Self

import pytest

from cleanlist_pandas.sandbox import Sandbox

ANN = {"email": "ann@bee.example", "name": "Ann Other", "email_status": "valid", "title": "CTO", "company": "Bee"}
ANN |= {"industry": "SaaS", "size": "11-50", "phone": "+1-650-555-0173", "linkedin": "https://linkedin.com/in/annother"}
BOB = {"email": "bob@bee.example", "name": "Bob Busy", "email_status": "risky", "title": "CFO", "company": "Bee"}


@pytest.fixture
def start() -> Iterator[Callable[..., Sandbox]]:
    """Start sandboxes in which Ann and Bob are known, and stop them at the end."""
    with ExitStack() as stack:
        yield lambda **arguments: stack.enter_context(Sandbox(**{"people": [ANN, BOB], **arguments}))


@pytest.fixture
def in_base64() -> Callable[[str], str]:
    """Write a file the way csv-import wants it."""
    return lambda content: base64.b64encode(content.encode()).decode()


class Sdk:
    """The vendor's client, in one of its two manners; every answer is compared with the model it was read into."""

    def __init__(self, sandbox: Sandbox, manner: str) -> None:
        package = importlib.import_module({"sync": "cleanlist_ai", "async": "cleanlist_ai.aio"}[manner])
        self.models = importlib.import_module(f"{package.__name__}.models")
        self.errors = importlib.import_module(f"{package.__name__}.exceptions")
        self._runner = asyncio.Runner() if manner == "async" else None
        # Left alone, the sync one waits out a Retry-After three times before it tells.
        settings = package.Configuration(host=sandbox.url, retries=0 if manner == "sync" else None)
        self._client = package.Cleanlist(access_token=sandbox.api_key, configuration=settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._now(self._client.close())
        if self._runner is not None:
            self._runner.close()

    def call(self, group: str, method: str, *arguments: Any, **more: Any) -> Any:
        """Call a method, and return its model; ``None`` where the SDK has none for the status that came."""
        heard = self._now(getattr(getattr(self._client, group), f"{method}_with_http_info")(*arguments, **more))
        if heard.data is not None:
            assert not list(unknown(heard.data, json.loads(heard.raw_data), type(heard.data).__name__))
        return heard.data

    def made(self, model: str, **fields: Any) -> Any:
        """Make a request with the model of that name."""
        return getattr(self.models, model)(**fields)

    def _now(self, result: Any) -> Any:
        """Wait for what has to be waited for."""
        return self._runner.run(result) if self._runner is not None else result


def unknown(model: Any, raw: Any, where: str) -> Iterator[str]:
    """Name what an answer holds that its model does not know: the vendor's schema allows nothing of the kind."""
    known = {field.alias or name for name, field in type(model).model_fields.items()} - {"additional_properties"}
    yield from (f"{where}.{name}" for name in raw.keys() - known)
    for name, value in raw.items():
        inside = getattr(model, name, None)
        for at, (part, said) in enumerate(
            zip(inside, value, strict=True) if isinstance(inside, list) else [(inside, value)]
        ):
            if hasattr(type(part), "model_fields"):
                yield from unknown(part, said, f"{where}.{name}[{at}]")


@pytest.fixture(params=["sync", "async"])
def sdk(request: pytest.FixtureRequest) -> Iterator[Callable[[Sandbox], Sdk]]:
    """Open the vendor's client on a sandbox, in both manners."""
    with ExitStack() as stack:
        yield lambda sandbox: stack.enter_context(Sdk(sandbox, request.param))

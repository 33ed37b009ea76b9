"""The proxy that the environment names for an address, checked before anything is sent."""

from __future__ import annotations

import urllib.request
from importlib.util import find_spec
from typing import Final
from urllib.parse import urlsplit

import httpcore
import httpx

from cleanlist_pandas.checks import is_loopback
from cleanlist_pandas.errors import ConfigurationError

__all__ = ["as_sent", "proxy_for"]

SCHEMES: Final = ("http", "https", "socks5", "socks5h")


class _Unshown(bytes):
    """A password: httpcore logs all that it tells a socks proxy."""

    def __repr__(self) -> str:
        """Show nothing."""
        return "b'***'"


def as_sent(url: httpx.URL) -> httpcore.URL:
    """Return httpcore's form of an address."""
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def proxy_for(url: str) -> httpcore.Proxy | None:
    """Return the proxy the environment names for this address, as every other client would use."""
    parts = urlsplit(url)
    if is_loopback(url) or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    proxies = urllib.request.getproxies()
    named = proxies.get(parts.scheme) or proxies.get("all")
    if not named:
        return None
    try:
        proxy = httpx.URL(named if "://" in named else f"http://{named}")
    except (httpx.InvalidURL, ValueError):
        proxy = httpx.URL()
    if proxy.scheme not in SCHEMES or not proxy.host:
        raise ConfigurationError(
            f"The proxy named by {parts.scheme.upper()}_PROXY or ALL_PROXY cannot be used; nothing was sent. It reads "
            "like http://proxy.example:8080, with http, https or socks5."
        )
    if proxy.scheme.startswith("socks") and find_spec("socksio") is None:
        raise ConfigurationError(
            "A socks proxy is named, and the package that speaks to it is missing; nothing was sent. "
            "Type: pip install socksio"
        )
    auth = (proxy.username.encode(), _Unshown(proxy.password.encode())) if proxy.username or proxy.password else None
    return httpcore.Proxy(as_sent(proxy), auth=auth)

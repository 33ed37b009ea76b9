"""Options: who set what, what wins, and that the key shows itself to nobody."""

from __future__ import annotations

import copy
import pickle
import threading
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.checks import Secret
from cleanlist_pandas.settings import OPTIONS, Settings, resolve, unset

KEY = "clnl_invented_0000000000000001"
URL = "https://cleanlist.test/v1"


def test_the_nearest_word_wins(monkeypatch):
    """Argument, sandbox, option_context, options, environment, default: each in turn taken away."""
    monkeypatch.setenv("CLEANLIST_BASE_URL", URL + "/environment")
    cl.options.base_url = URL + "/options"
    with cl.option_context(base_url=URL + "/outer"), cl.option_context(base_url=URL + "/inner"):
        with cl.sandbox() as service:
            assert resolve("base_url", URL + "/argument").source == "argument"
            assert resolve("base_url").value == f"{service.url}/v1"
            assert resolve("base_url").source == "sandbox"
        assert (resolve("base_url").value, resolve("base_url").source) == (URL + "/inner", "option_context")
    assert (resolve("base_url").value, resolve("base_url").source) == (URL + "/options", "options")
    cl.options.base_url = None
    assert (resolve("base_url").value, resolve("base_url").source) == (URL + "/environment", "CLEANLIST_BASE_URL")
    monkeypatch.delenv("CLEANLIST_BASE_URL")
    assert (resolve("base_url").value, resolve("base_url").source) == ("https://api.cleanlist.ai/v1", "default")


LIVE = "https://api.cleanlist.ai"
SURFACES = [
    # key, service -> surface, address, requests a minute
    (None, None, "csv_row", f"{LIVE}/v1", None),
    (KEY, None, "csv_row", f"{LIVE}/v1", None),
    ("clapi_invented_0000000000000001", None, "v2", f"{LIVE}/api/v2", 30.0),
    ("clapi_invented_0000000000000001", "csv_row", "csv_row", f"{LIVE}/v1", None),
    (KEY, "v2", "v2", f"{LIVE}/api/v2", 30.0),
]


@pytest.mark.parametrize(("key", "service", "surface", "url", "rate"), SURFACES)
def test_the_surface_decides_what_nobody_set(key, service, surface, url, rate, monkeypatch):
    """It is the one that was named, else the one the key is for; from wherever both come."""
    told = {"api_key": key, "service": service}
    settings = Settings.of(told)
    assert (settings.service, settings.base_url, settings.rate_per_minute) == (surface, url, rate)
    with cl.option_context(**told):
        assert Settings.of({}) == settings
        assert resolve("base_url").value == url
        assert Settings.of({"rate_per_minute": None, "base_url": URL}).rate_per_minute is None
        assert Settings.of({"base_url": URL}).base_url == URL
    if key and not service:
        monkeypatch.setenv("CLEANLIST_API_KEY", key)
        assert Settings.of({}).service == surface


def test_a_sandbox_speaks_all_surfaces_and_csv_row_unless_told():
    """Its own key and ledger go with each; no published limit counts there, only one that is set."""
    with cl.option_context(api_key="clapi_invented_0000000000000001"), cl.sandbox() as service:
        plain, told = Settings.of({}), Settings.of({"service": "v2"})
        assert (plain.service, plain.base_url) == ("csv_row", f"{service.url}/v1")
        assert (told.service, told.base_url) == ("v2", f"{service.url}/api/v2")
        assert plain.api_key == told.api_key == Secret(service.api_key)
        assert plain.ledger == told.ledger == Settings.of({"base_url": told.base_url}).ledger
        assert (told.rate_per_minute, Settings.of({"service": "v2", "rate_per_minute": 30}).rate_per_minute) == (
            None,
            30,
        )
        elsewhere = Settings.of({"base_url": f"{service.url[:-1]}/api/v2"})
        assert elsewhere.ledger is unset


def test_an_inner_sandbox_wins_over_an_outer():
    """And gives way when it ends."""
    with cl.sandbox(seed=1) as outer:
        with cl.sandbox(seed=2) as inner:
            assert resolve("api_key").value.reveal() == inner.api_key
        assert resolve("api_key").value.reveal() == outer.api_key


def test_a_sandbox_that_is_started_lasts_until_it_is_stopped():
    """As over the cells of a notebook; twice is no harm, and it may be started again."""
    service = cl.sandbox()
    assert cl.options.base_url == "https://api.cleanlist.ai/v1"
    for _ in range(2):
        assert service.start() is service
        with pytest.raises(RuntimeError, match="already running"):
            service.start()
        assert cl.options.base_url == f"{service.url}/v1"
        folder = cl.options.ledger.parent
        assert folder.is_dir()
        cl.enrich(pd.DataFrame({"email": ["jo@acme.example"]}), "title")
        service.stop()
        service.stop()
        assert cl.options.base_url == "https://api.cleanlist.ai/v1"
        assert not folder.exists()
    assert len(service.requests) == 2


def test_a_sandbox_counts_in_every_thread():
    """Nobody inside the block spends real credits because a thread did not inherit a context."""
    found = []
    with cl.sandbox() as service:
        thread = threading.Thread(target=lambda: found.append(resolve("base_url").value))
        thread.start()
        thread.join()
        assert found == [f"{service.url}/v1"]


def test_an_option_context_counts_in_its_own_context_only():
    """Another thread keeps its own."""
    found = []
    with cl.option_context(concurrency=3):
        thread = threading.Thread(target=lambda: found.append(cl.options.concurrency))
        thread.start()
        thread.join()
        assert (cl.options.concurrency, found) == (3, [16])


def test_a_context_ends_with_its_block_even_in_trouble():
    """The value before counts again."""
    with pytest.raises(RuntimeError), cl.option_context(concurrency=3):
        raise RuntimeError
    assert cl.options.concurrency == 16


def test_a_blank_variable_is_none(monkeypatch):
    """As if it were not set."""
    monkeypatch.setenv("CLEANLIST_API_KEY", "  ")
    assert resolve("api_key").source == "default"


def test_a_variable_that_is_not_usable_is_named(monkeypatch):
    """Nobody remembers what is in their environment."""
    monkeypatch.setenv("CLEANLIST_BASE_URL", "http://cleanlist.test/v1")
    with pytest.raises(cl.ConfigurationError, match=r"CLEANLIST_BASE_URL is not usable.*https://"):
        resolve("base_url")


def test_the_ledgers_variable_names_a_path(monkeypatch, tmp_path):
    """With the home spelled out."""
    monkeypatch.setenv("CLEANLIST_LEDGER", "~/mine.sqlite3")
    assert resolve("ledger").value == Path("~/mine.sqlite3").expanduser()


def test_no_key_as_an_argument_is_no_argument():
    """A caller whose own variable is empty gets the key that is set elsewhere."""
    with cl.option_context(api_key=KEY):
        assert Settings.of({"api_key": None}).api_key == Secret(KEY)


def set_in_a_context(name, value):
    with cl.option_context(**{name: value}):
        pass


def set_for_the_process(name, value):
    setattr(cl.options, name, value)


@pytest.mark.parametrize("set_option", [set_in_a_context, set_for_the_process])
@pytest.mark.parametrize(
    ("name", "told"),
    [("concurency", "did you mean 'concurrency'"), ("apikey", "did you mean 'api_key'"), ("zzz", "the options are")],
)
def test_a_typo_in_an_options_name_is_told(set_option, name, told):
    """With the closest name, or all of them."""
    with pytest.raises(cl.ConfigurationError, match=f"'{name}' is not an option; {told}"):
        set_option(name, 1)


def test_reading_an_unknown_option_is_an_attribute_error():
    """As hasattr and completion expect."""
    assert not hasattr(cl.options, "zzz")
    assert dir(cl.options) == sorted(OPTIONS)


GOOD = [
    ("concurrency", 500, 500),
    ("concurrency", np.int64(3), 3),
    ("rate_per_minute", 30, 30.0),
    ("max_seconds", 0.5, 0.5),
    ("max_age", 30, timedelta(days=30)),
    ("max_age", np.int64(0), timedelta(0)),
    ("max_age", "30D", timedelta(days=30)),
    ("max_age", pd.Timedelta("12h"), timedelta(hours=12)),
    ("base_url", " https://cleanlist.test/v1/ ", "https://cleanlist.test/v1"),
    ("base_url", "http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
    ("base_url", "http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ("base_url", "http://localhost/v1", "http://localhost/v1"),
    ("api_key", f" {KEY}\n", Secret(KEY)),
    ("ledger", "a.sqlite3", Path.cwd() / "a.sqlite3"),
    ("provenance", True, True),
    ("dtype_backend", "pyarrow", "pyarrow"),
]


@pytest.mark.parametrize(("name", "given", "value"), GOOD)
def test_a_good_value_takes_its_final_form(name, given, value):
    """Whoever sets it."""
    assert resolve(name, given).value == value
    with cl.option_context(**{name: given}):
        assert getattr(cl.options, name) == value


BAD = [
    *[("concurrency", value) for value in (0, -1, 501, 1.5, True, "8", None)],
    *[("rate_per_minute", value) for value in (0, -1, float("nan"), float("inf"), "30", True)],
    *[(name, 0) for name in ("timeout_s", "connect_timeout_s", "max_wait_s", "max_seconds")],
    *[("max_age", value) for value in (-1, "soon", [], float("nan"), pd.NaT, "-1D", 10**12)],
    *[("in_doubt", value) for value in ("again", 1, ["hold"])],
    *[("on_existing", value) for value in ("keep", True)],
    ("dtype_backend", "numpy"),
    *[("provenance", value) for value in (1, "yes", None)],
    *[("progress", value) for value in (0, "no")],
    ("service", "v9"),
    *[("api_key", value) for value in ("", " ", 5, b"key", "two words", "schlüssel", "a\nb")],
    *[("ledger", value) for value in ("", " ", 5, b"x", {})],
    *[
        ("base_url", value)
        for value in (
            "http://api.cleanlist.ai/v1",
            "http://127.0.0.1.evil.test/v1",
            "http://localhost.evil.test/v1",
            "ftp://api.cleanlist.ai",
            "api.cleanlist.ai/v1",
            "https://",
            "https://user:pass@cleanlist.test/v1",
            "https://cleanlist.test/v1?key=1",
            "https://cleanlist.test/v1#x",
            "https://cleanlist.test:99999/v1",
            "https://[::1/v1",
            "",
            5,
            None,
        )
    ],
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_is_refused_in_one_sentence(name, value):
    """Before anything else is looked at: the frame is none."""
    with pytest.raises(cl.ConfigurationError, match=name) as told:
        cl.enrich(pd.DataFrame(), **{name: value})
    message = str(told.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert "Traceback" not in message


def test_a_bad_address_does_not_show_what_it_holds():
    """A password in it stays unseen."""
    with pytest.raises(cl.ConfigurationError) as told:
        resolve("base_url", "https://user:pass@cleanlist.test/v1")
    assert "pass@" not in str(told.value)


def test_show_config_names_the_source_and_hides_the_key(monkeypatch):
    """One row an option."""
    monkeypatch.setenv("CLEANLIST_API_KEY", KEY)
    with cl.option_context(concurrency=3):
        shown = cl.show_config()
    assert shown.index.tolist() == list(OPTIONS)
    assert shown.loc["api_key", "source"] == "CLEANLIST_API_KEY"
    assert shown.loc["concurrency", ["value", "source"]].tolist() == ["3", "option_context"]
    assert shown.loc["ledger", "value"] == "in your user data directory"
    assert KEY not in shown.to_csv()
    assert "***0001" in shown.loc["api_key", "value"]


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, lambda s: f"{[s]}", lambda s: f"{ {'k': s} }"])
def test_a_key_shows_its_last_four_characters_at_most(show):
    """However it is printed."""
    assert show(Secret(KEY)).count("***0001") == 1
    assert "invented" not in show(Secret(KEY))
    assert "hort" not in show(Secret("tooshort"))


def test_settings_and_options_do_not_show_the_key():
    """Nor does anything that holds it."""
    with cl.option_context(api_key=KEY):
        assert KEY not in repr(Settings.of({})) + repr(cl.options) + repr(cl.options.api_key)


@pytest.mark.parametrize("write", [pickle.dumps, copy.deepcopy, copy.copy])
def test_a_key_cannot_be_pickled(write):
    """Nor what holds it: it would land in a file."""
    for holder in (Secret(KEY), [Secret(KEY)], Settings.of({"api_key": KEY})):
        if write is copy.copy and not isinstance(holder, Secret):
            continue  # a shallow copy of a list writes nothing down
        with pytest.raises(TypeError, match="cannot be pickled"):
            write(holder)


def test_every_option_says_what_it_means():
    """With a full stop, for the docstrings."""
    for option in OPTIONS.values():
        assert option.meaning.endswith("."), option.name


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.acme.example/cleanlist?token=1",
        "https://9.9.9.9:8443/",
        "http://127.0.0.1:80/x",
        "http://localhost:1/",
        "http://[::1]:1/",
        None,
    ],
)
def test_a_webhook_goes_to_a_public_host_or_to_this_machine(url):
    assert Settings.of({"webhook_url": url}).webhook_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.acme.example/secret",
        "https://127.0.0.1/secret",
        "https://10.0.0.1/secret",
        "https://[fe80::1]/secret",
        "https://localhost/secret",
        "https://intranet/secret",
        "https://box.local/secret",
        "https://box.internal./secret",
        "https://127.1/secret",
        "https://0x7f.1/secret",
        "https://hooks..example/secret",
        "https://.example/secret",
        "https://me:secret@hooks.acme.example/",
        "https://hooks.acme.example/#secret",
        "https://hooks.acme.example:0/secret",
        "https://hooks.acme.example:99999/secret",
        "https://[hooks/secret",
        "https:///secret",
        "ftp://127.0.0.1/secret",
        "secret",
        "https://hooks.acme.example/a secret",
        "https://hööks.example/secret",
        "",
        7,
    ],
)
def test_a_webhook_goes_nowhere_else_and_is_not_shown(url):
    with pytest.raises(cl.ConfigurationError, match="webhook_url must be") as refused:
        Settings.of({"webhook_url": url})
    assert "secret" not in str(refused.value)


def test_settings_do_not_show_where_a_webhook_goes():
    assert "hooks" not in repr(Settings.of({"webhook_url": "https://hooks.acme.example/secret"}))


def test_what_is_set_is_shown_without_where_a_webhook_goes():
    """As the key: it may be printed into a notebook."""
    with cl.option_context(webhook_url="https://hooks.acme.example/T0/secret?token=1"):
        assert cl.show_config().loc["webhook_url", "value"] == "https://hooks.acme.example/…"
        assert "secret" not in repr(cl.options)
        assert cl.options.webhook_url == "https://hooks.acme.example/T0/secret?token=1"

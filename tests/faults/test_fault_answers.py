"""Answers with status 200 that are no answer, half an answer, a wrong one, or somebody else's."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import cleanlist_pandas as cl
from cleanlist_pandas.sandbox import Fault

Stage: Any = Any
ALL = ["email_status", "title", "seniority", "company", "industry", "size", "phone", "linkedin", "icp_score"]
GOOD = '{"status": "completed", "csv_row": {"enriched_title": "CTO"}, "meta": {"credits_used": 1}}'


def groups(items: Any, size: int = 9) -> list[Any]:
    items = list(items)
    return [items[at : at + size] for at in range(0, len(items), size)]


def column(name: str) -> str:
    return name if name == "icp_score" else f"enriched_{name}"


# --- no answer at all ---------------------------------------------------------------------------------------------

NO_ANSWER: dict[str, Any] = {
    "html": "<html><body>Bad gateway</body></html>",
    "empty": b"",
    "blank": b"  \n",
    "text": "OK",
    "null": "null",
    "number": "1",
    "list": "[]",
    "list of answers": f"[{GOOD}]",
    "string": '"completed"',
    "empty object": "{}",
    "completed and no row": '{"status": "completed"}',
    "row is null": '{"status": "completed", "csv_row": null}',
    "row is a list": '{"status": "completed", "csv_row": [1]}',
    "row is text": '{"status": "completed", "csv_row": "x"}',
    "processing": '{"status": "processing", "job_id": "j"}',
    "queued": '{"status": "queued", "meta": {"credits_used": 1}}',
    "truncated": GOOD[:-1],
    "twice": GOOD + GOOD,
    "trailing rubbish": GOOD + " x",
    "trailing zero": GOOD.encode() + b"\0",
    "single quotes": GOOD.replace('"', "'"),
    "comment": "/* a */ " + GOOD,
    "NaN": GOOD.replace('"credits_used": 1', '"credits_used": NaN'),
    "Infinity": GOOD.replace('"credits_used": 1', '"credits_used": Infinity'),
    "-Infinity": GOOD.replace('"credits_used": 1', '"confidence": -Infinity'),
    "nested": "[" * 100_000,
    "nested whole": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "nested inside": GOOD[:-1] + ', "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "5,000 digits": GOOD.replace('"credits_used": 1', '"credits_used": ' + "9" * 5000),
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-16 BE": GOOD.encode("utf-16-be"),
    "UTF-32": GOOD.encode("utf-32"),
    "BOM": GOOD.encode("utf-8-sig"),
    "latin-1": GOOD.replace("CTO", "Geschäftsführerin").encode("latin-1"),
    "cut UTF-8": GOOD.replace("CTO", "Geschäft").encode()[:-40],
    "overlong UTF-8": GOOD.encode().replace(b"CTO", b"\xc0\xaf"),
    "raw control character": GOOD.replace("CTO", "C\nTO"),
    "XML": "<?xml version='1.0'?><a/>",
    "form": "status=completed&title=CTO",
    "JSON lines": GOOD + "\n" + GOOD,
    "JSONP": f"f({GOOD})",
    "gzip bytes": b"\x1f\x8b\x08\x00\x00\x00",
    "random bytes": bytes(range(256)),
    "an error with 200": '{"error": {"code": "x", "problem": "zq00000@fm.example"}}',
    "detail with 200": '{"detail": "zq00000@fm.example is broken"}',
    "null keys": '{"status": null, "csv_row": {}, "meta": null}',
    "foreign schema": '{"data": {"title": "CTO"}, "ok": true}',
}


@pytest.mark.parametrize("charged", [True, False])
def test_a_200_that_is_no_answer_is_in_doubt(stage: Stage, charged: bool) -> None:
    """Charged or not: it cannot be told, its bytes are kept, and no parser falls over."""
    for some in groups(NO_ANSWER.items()):
        rows = [(name, Fault(body=body, charge=charged), "in_doubt", int(charged)) for name, body in some]
        stage.play("200 that is no answer", rows)


@pytest.mark.parametrize("kind", ["text/html", "text/plain", "application/octet-stream", "image/png", "", "a;b=c;;"])
@pytest.mark.parametrize("status", [200, 201, 202, 203, 206, 207, 226])
def test_a_whole_answer_counts_under_any_2xx_and_content_type(stage: Stage, kind: str, status: int) -> None:
    """What was paid for is not thrown away for its label."""
    fault = Fault(status=status, content_type=kind or None, charge=True, body=GOOD)
    stage.play("odd content type or 2xx", [(f"{status} {kind}", fault, "completed", 1)])


@pytest.mark.parametrize("status", [204, 205])
def test_a_success_without_a_body_is_in_doubt(stage: Stage, status: int) -> None:
    """It says that something was done, not what."""
    stage.play("odd content type or 2xx", [(str(status), Fault(status=status, body=b"", charge=True), "in_doubt", 1)])


SAID: dict[str, tuple[str, str]] = {
    "duplicate keys": (GOOD.replace('"meta"', '"meta": {"credits_used": 0}, "meta"'), "completed"),
    "duplicate row": (GOOD.replace('"csv_row"', '"csv_row": 1, "csv_row"'), "completed"),
    "lone surrogate": (GOOD.replace("CTO", "\\ud800 C"), "completed"),
    "pair of surrogates": (GOOD.replace("CTO", "\\ud83d\\ude00"), "completed"),
    "escaped zero": (GOOD.replace("CTO", "C\\u0000O"), "completed"),
    "right to left": (GOOD.replace("CTO", "\u202eOTC"), "completed"),
    "white space": ("\r\n\t " + GOOD + " \n", "completed"),
    "failed": ('{"status": "failed", "meta": {"credits_used": 0}}', "failed"),
    "error": ('{"status": "error", "csv_row": {}, "meta": {"credits_used": 1}}', "failed"),
    "failed, credits unsaid": ('{"status": "failed"}', "in_doubt"),
    "not found": ('{"status": "not_found"}', "not_found"),
    "Not Found": ('{"status": "Not Found", "csv_row": null}', "not_found"),
    "row not found": ('{"csv_row": {"status": "NOT-FOUND"}}', "not_found"),
    "e-mail not found": ('{"csv_row": {"enriched_email_status": "not_found"}}', "not_found"),
    "COMPLETED": (GOOD.replace("completed", "COMPLETED"), "completed"),
    "status missing": (GOOD.replace('"status": "completed", ', ""), "completed"),
    "unknown status, values": (GOOD.replace('"completed"', '"enriched"'), "completed"),
    "unknown status, no values": ('{"status": "enriched", "csv_row": {"row_id": 1}}', "in_doubt"),
    "status is a number": (GOOD.replace('"completed"', "7"), "completed"),
    "status is a list": (GOOD.replace('"completed"', '["failed"]'), "completed"),
    "a field nobody asked for": (GOOD.replace('"meta"', '"extra": {"a": [1]}, "meta"'), "completed"),
    "900 kB": (GOOD[:-1] + ', "x": "' + "y" * 900_000 + '"}', "completed"),
    "10,000 keys": (GOOD[:-1] + "".join(f', "k{at}": {at}' for at in range(10_000)) + "}", "completed"),
}


def test_an_odd_answer_is_used_as_far_as_it_says_something(stage: Stage) -> None:
    """Status words in any spelling; an answer that says nothing of its outcome is in doubt."""
    for some in groups(SAID.items()):
        rows = [(name, Fault(body=body, charge="not_found" not in want), want, None) for name, (body, want) in some]
        stage.play("odd but usable answers", rows)


# --- wrong types and unknown words --------------------------------------------------------------------------------

WRONG: list[Any] = [
    None,
    "",
    " ",
    7,
    -1,
    1.5,
    1e300,
    True,
    False,
    [],
    ["CTO"],
    {},
    {"a": 1},
    "x" * 100_000,
    "\x00",
    "\ud800",
]
WRONG += ["zq00000@fm.example", "=cmd()", "null", 10**30, -0.0]
UNKNOWN = [
    "Grand Vizier",
    "vp ",
    "C-Level",
    "c_level",
    "OWNER",
    "ceo",
    "valid!",
    "catch all",
    "CATCH_ALL",
    "role based",
    "ﬁne",
    "x@y.z",
]


def test_one_wrong_field_costs_no_other(stage: Stage, long: bool) -> None:
    """Each field with each wrong type: the eight others arrive as if nothing had been."""
    pairs = [(name, value) for name in ALL for value in WRONG]
    pairs += [(name, value) for name in ("email_status", "seniority") for value in UNKNOWN]
    for some in groups(pairs, 30):

        def others(ran: Any, some: Any = some) -> list[str]:
            wrong = []
            out = ran.out.assign(who=ran.out["Email"].str.lower()).drop_duplicates("who").set_index("who")
            for (name, value), who in zip(some, stage.who(ran.out), strict=False):
                for field, true in stage.truth(who).items():
                    got = out.loc[who, column(field)]
                    same = pd.isna(got) if true is None else got == true
                    if field != name and not same:
                        wrong.append(f"{name}={value!r:.20}: {field} is {got!r}, the truth is {true!r}")
            return wrong

        rows = [
            (f"{name}={value!r:.20}", Fault(mutate={f"csv_row.{column(name)}": value}), "completed", 11)
            for name, value in some
        ]
        stage.play("wrong types and unknown words", rows, hit=others, fields=ALL)


def test_missing_fields_are_empty_and_cost_no_other(stage: Stage) -> None:
    """Each key of the answer taken away in turn."""
    paths = [f"csv_row.{column(name)}" for name in ALL] + [
        "id",
        "csv_row.row_id",
        "csv_row.input_email",
        "meta.confidence",
    ]
    rows = [(path, Fault(delete=(path,)), "completed", 11) for path in [*paths, "status", "meta.credits_used", "meta"]]
    stage.play("missing fields", rows, fields=ALL)
    stage.play("missing fields", [("csv_row", Fault(delete=("csv_row",)), "in_doubt", 11)], fields=ALL)


# --- credits ------------------------------------------------------------------------------------------------------

NO_NUMBER: list[Any] = [None, -1, -0.5, -1e9, True, False, "1", "", [], {}, [1], 10**30, 1e300, 1e9, 10**400]
FEWER: list[Any] = [0, 0.0, 0.2, 1, 1.0, 0.999]


def test_credits_that_say_nothing_are_booked_at_the_full_price(stage: Stage) -> None:
    """Rather too much in our books than too little; the answer is used."""
    for path in ("meta.credits_used",):
        rows = [(f"{value!r:.20}", Fault(mutate={path: value}), "completed", 1) for value in NO_NUMBER + FEWER]
        stage.play("odd credits", rows)
    rows = [
        (f"meta={value!r}", Fault(mutate={"meta": value}), "completed", 1) for value in (None, [], 1, "x", {}, True)
    ]
    stage.play("odd credits", rows)


@pytest.mark.parametrize("said", [1.001, 2, 2.5, 11, 10**6, 999_999_999])
def test_credits_said_beyond_the_price_stop_the_run(stage: Stage, said: float) -> None:
    """The account may have been charged what the answer says."""
    row = (repr(said), Fault(mutate={"meta.credits_used": said}), "completed", 1)
    stage.play("overcharge", [row], error=cl.TariffError, over=10**9)


@pytest.mark.parametrize("credits", [2, 12, 1000])
@pytest.mark.parametrize("k", [0, 1, 3])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_an_overcharge_is_booked_and_stops_the_run(stage: Stage, credits: int, k: int, concurrency: int) -> None:
    """The budget is passed by no more than the excess of what was in flight."""
    stage.hooks = [lambda number, who, attempt: Fault(credits=credits) if number == k else None]

    def booked(ran: Any) -> list[str]:
        wrong = [] if len(stage.sandbox.requests) <= k + concurrency else ["too many requests after the overcharge"]
        if ran.summary["credits"] != stage.sandbox.charged:
            wrong.append(f"P: {ran.summary['credits']} booked, {stage.sandbox.charged} charged")
        if f"charged {credits}" not in str(ran.error):
            wrong.append("E: the difference is not shown")
        return wrong

    stage.play("overcharge", [], well=5, error=cl.TariffError, over=credits, hit=booked, n=1, concurrency=concurrency)


# --- somebody else's ----------------------------------------------------------------------------------------------

ECHOES = {
    "another": ("else@other.example", "failed"),
    "same domain": ("zq@fm.example", "failed"),
    "with a dot": ("z.q00001@fm.example", "failed"),
    "plus": ("zq00001+a@fm.example", "failed"),
    "no address": ("nobody", "failed"),
    "script": ("<script>", "failed"),
    "zero width": ("zq\u200b00001@fm.example", "failed"),
    "blank": ("   ", "completed"),
    "empty": ("", "completed"),
}


def test_an_answer_about_another_address_is_booked_and_never_joined(stage: Stage) -> None:
    """It was charged; its values are somebody else's."""
    rows = [(name, Fault(echo=echo), want, 1) for name, (echo, want) in ECHOES.items()]
    odd = [7, True, ["a"], {"a": 1}, None]
    rows += [(repr(value), Fault(mutate={"csv_row.input_email": value}), "completed", 1) for value in odd]
    stage.play("foreign and swapped answers", rows)


@pytest.mark.parametrize("spell", [str.upper, str.title, lambda who: f"  {who} ", lambda who: f"Jo <{who}>"])
def test_an_answer_that_spells_the_address_otherwise_is_ours(stage: Stage, spell: Any) -> None:
    """The same normal form is the same person."""
    stage.hooks = [lambda number, who, attempt: Fault(echo=spell(who))]
    stage.play("foreign and swapped answers", [("echo", None, "completed", 1)] * 3, well=0)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_swapped_answers_are_never_joined(stage: Stage, concurrency: int) -> None:
    """Each gets the next one's answer: all are paid for, none is believed."""

    def next_one(number: int, who: str | None, attempt: int) -> Fault:
        assert who is not None
        return Fault(echo=f"zq{int(who[2:7]) + 1:05}@fm.example", delay_s=0.01 * (number % 3))

    stage.hooks = [next_one]
    stage.play("foreign and swapped answers", [("swapped", None, "failed", 1)] * 6, well=0, concurrency=concurrency)


def test_answers_out_of_order_are_each_their_own(stage: Stage) -> None:
    """The first asked is answered last."""
    rows = [(str(at), Fault(delay_s=0.02 * (8 - at)), "completed", 1) for at in range(8)]

    def own(ran: Any) -> list[str]:
        titles = ran.out.drop_duplicates("Email").set_index("Email")["enriched_title"]
        return [
            who
            for who in stage.who(ran.out)
            if (titles[who] if not pd.isna(titles[who]) else None) != stage.truth(who)["title"]
        ]

    stage.play("foreign and swapped answers", rows, concurrency=9, hit=own)


# --- bytes that are no HTTP ---------------------------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BODY = GOOD.encode()
LENGTH = b"Content-Length: %d\r\n\r\n" % len(BODY)
RAW: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "in_doubt"),
    "rubbish": (b"\x00\xff\x00 what is this\r\n\r\n", "in_doubt"),
    "HTTP/0.9": (BODY, "in_doubt"),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "in_doubt"),
    "HTTP/3.7": (b"HTTP/3.7 200 OK\r\n" + LENGTH + BODY, "completed|in_doubt"),
    "TLS alert": (b"\x15\x03\x01\x00\x02\x02\x28", "in_doubt"),
    "ssh": (b"SSH-2.0-OpenSSH_9.2\r\n", "in_doubt"),
    "no status": (b"HTTP/1.1\r\n\r\n", "in_doubt"),
    "status 0": (b"HTTP/1.1 000 X\r\n\r\n", "in_doubt"),
    "status 999": (b"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", "in_doubt"),
    "status text": (b"HTTP/1.1 OK\r\n\r\n", "in_doubt"),
    "two lengths": (HEAD + b"Content-Length: 5\r\n" + LENGTH + BODY, "in_doubt"),
    "negative length": (HEAD + b"Content-Length: -5\r\n\r\n" + BODY, "in_doubt"),
    "text as length": (HEAD + b"Content-Length: five\r\n\r\n" + BODY, "in_doubt"),
    "length too small": (HEAD + b"Content-Length: 20\r\n\r\n" + BODY, "in_doubt"),
    "length 0": (HEAD + b"Content-Length: 0\r\n\r\n" + BODY, "in_doubt"),
    "length and chunked": (HEAD + b"Transfer-Encoding: chunked\r\n" + LENGTH + BODY, "in_doubt"),
    "unknown transfer encoding": (HEAD + b"Transfer-Encoding: gzip\r\n" + LENGTH + BODY, "in_doubt|completed"),
    "bad chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + BODY, "in_doubt"),
    "endless chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n" + BODY, "in_doubt"),
    "space in a header": (HEAD + b"Bad Header: x\r\n" + LENGTH + BODY, "in_doubt"),
    "no colon": (HEAD + b"Bad\r\n" + LENGTH + BODY, "in_doubt"),
    "zero in a header": (HEAD + b"X: a\0b\r\n" + LENGTH + BODY, "in_doubt"),
    "only line feeds": (HEAD.replace(b"\r", b"") + LENGTH.replace(b"\r", b"") + BODY, "completed|in_doubt"),
    "1xx and then silence": (b"HTTP/1.1 100 Continue\r\n\r\n", "in_doubt"),
    "1xx a thousand times": (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 1000 + HEAD + LENGTH + BODY, "completed"),
    "switching protocols": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "in_doubt"),
    "two answers at once": ((HEAD + LENGTH + BODY) * 2, "completed"),
    "rubbish behind": (HEAD + LENGTH + BODY + b"\0\0rubbish", "completed"),
    "Arabic digit as wait": (b"HTTP/1.1 500 X\r\nRetry-After: \xd9\xa1\r\nContent-Length: 0\r\n\r\n", "in_doubt"),
    "encoded br": (HEAD + b"Content-Encoding: br\r\n" + LENGTH + BODY, "in_doubt"),
    "encoded identity": (HEAD + b"Content-Encoding: identity\r\n" + LENGTH + BODY, "completed"),
    "cookie": (HEAD + b"Set-Cookie: a=b\r\n" + LENGTH + BODY, "completed"),
    "500 headers": (HEAD + b"".join(b"X-%d: y\r\n" % at for at in range(500)) + LENGTH + BODY, "completed|in_doubt"),
    "no length, closed": (HEAD + b"\r\n" + BODY, "completed"),
}


def test_bytes_that_are_no_http_are_in_doubt(stage: Stage) -> None:
    """The connection is thrown away; whatever came, nobody is asked again."""
    for some in groups(RAW.items()):
        rows = [(name, Fault(raw=raw, charge=True), want, 1) for name, (raw, want) in some]
        stage.play("bytes that are no HTTP", rows, timeout_s=3.0)


def test_headers_of_a_megabyte_are_in_doubt(stage: Stage) -> None:
    """One header or many."""
    rows = [(str(n), Fault(header_bytes=n), "in_doubt", 1) for n in (1_000_000, 5_000_000)]
    rows += [(str(n), Fault(header_bytes=n), "completed", 1) for n in (10, 10_000, 50_000)]
    stage.play("large headers", rows)


def test_the_words_of_the_service_are_kept_out_of_errors_if_they_may_be_an_address(stage: Stage) -> None:
    """An error body that repeats the address does not reach the message."""
    body = {"detail": "no key for zq00000@fm.example, sorry"}
    stage.play(
        "foreign and swapped answers",
        [("401", Fault(status=401, body=body), "not_attempted", 0)],
        error=cl.AuthenticationError,
    )

"""Addresses: one spelling each, and never one for two people."""

from __future__ import annotations

import re
import time

import idna
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.frame.addresses import Reason, cell_texts, mask_suppressed, normalise, normalise_one

LARGE = pa.large_string()
BLANKS = {"", "n/a", "na", "#n/a", "-", "--", "none", "null", "nan"}
EDGES = (
    "".join(chr(i) for i in range(0x3001) if chr(i).isspace())
    + "\xad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def texts(*cells):
    return pa.array(cells, LARGE)


def ascii_lower(text):
    return "".join(c.lower() if c.isascii() else c for c in text)


def ascii_domain(domain):
    """UTS 46 mapping, then each label that is not plain ASCII by itself; hyphens may stand anywhere inside a label."""
    try:
        labels = idna.uts46_remap(domain, std3_rules=True, transitional=False).split(".")
        labels = labels[:-1] if labels[-1] == "" else labels
        return ".".join(x if re.fullmatch(r"(?!xn--)[a-z0-9-]+", x) else idna.encode(x).decode() for x in labels)
    except idna.IDNAError:
        return None


def reference(cell):
    """The rule, one cell at a time, in ordinary Python: (address, reason)."""
    text = ascii_lower(cell).strip(EDGES)
    if text in BLANKS:
        return None, Reason.BLANK
    if len(text.encode()) <= 4096:
        for part in re.split(r"[;,|\r\n]", re.sub(r'(?s)"(?:[^"\\]|\\.)*"', '"', text)):
            address = reference_part(part.strip(EDGES))
            if address is not None:
                return address, Reason.USABLE
    return None, Reason.MALFORMED


def reference_part(part):
    for pattern in (r"'(.*)'", r"[^<>]*<([^<>]*)>", r"'(.*)'", r"mailto:([^?]*)(?:\?.*)?"):
        if match := re.fullmatch(pattern, part, re.DOTALL):
            part = match[1].strip(EDGES)
    local, at, domain = part.partition("@")
    if not at or "@" in domain:
        return None
    if not all(re.fullmatch(r"[\w!#$%&'*+/=?^`{}~\u0300-\u036f-]+", atom) for atom in local.split(".")):
        return None
    domain = ascii_domain(domain)
    if domain is None or domain.count(".") < 1:
        return None
    if not all(re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", x) and len(x) <= 63 for x in domain.split(".")):
        return None
    address = f"{local}@{domain}"
    return address if len(local.encode()) <= 64 and len(address.encode()) <= 254 else None


WRAPPED = {
    "jo@acme.example": "jo@acme.example",
    " \t\xa0\u3000Jo@ACME.Example\u2003\n": "jo@acme.example",
    "\ufeff\u200bjo@acme.example\u200e\u202c": "jo@acme.example",
    "Jo <jo@acme.example>": "jo@acme.example",
    '"Doe, Jo" <JO@acme.example>': "jo@acme.example",
    '"Doe; \\"Jo\\" | x@y.example" <jo@acme.example>': "jo@acme.example",
    "Doe, Jo <jo@acme.example>": "jo@acme.example",
    "<jo@acme.example>": "jo@acme.example",
    "< jo@acme.example\u200b >": "jo@acme.example",
    "MAILTO:jo@acme.example": "jo@acme.example",
    "mailto: jo@acme.example": "jo@acme.example",
    "mailto:jo@acme.example?subject=a@b.example&cc=x@y.example,z@w.example": "jo@acme.example",
    "Jo <mailto:jo@acme.example>": "jo@acme.example",
    "mailto:<jo@acme.example>": "jo@acme.example",
    "'jo@acme.example'": "jo@acme.example",
    "'Jo <jo@acme.example>'": "jo@acme.example",
    "Jo <'jo@acme.example'>": "jo@acme.example",
    "jo@acme.example.": "jo@acme.example",
    "jo@acme.example; al@acme.example": "jo@acme.example",
    "see card, jo@acme.example, x@y.example": "jo@acme.example",
    "jo@@acme.example|jo@acme.example": "jo@acme.example",
    "jo@acme\njo@acme.example": "jo@acme.example",
    ";;,jo@acme.example": "jo@acme.example",
    "o'brien+tag/x=y@acme.example": "o'brien+tag/x=y@acme.example",
    "a@b--c.ab--cd.example": "a@b--c.ab--cd.example",
    "a@127.0.0.1": "a@127.0.0.1",
}
MALFORMED = [
    *("jo", "@acme.example", "jo@", "jo@acme", "jo@@acme.example", "a@b@acme.example", "jo at acme dot example"),
    *("j o@acme.example", "jo@ac me.example", "jo@ acme.example", "jo @acme.example", "jo(at)acme.example"),
    *(".jo@acme.example", "jo.@acme.example", "j..o@acme.example", "jo@.acme.example", "jo@acme..example"),
    *("jo@acme.example..", "jo@-acme.example", "jo@acme-.example", "jo@ac_me.example", "jo@[127.0.0.1]"),
    *('"jo"@acme.example', 'a"b"c@acme.example', '"x"jo@acme.example', '"jo@acme.example"', "jo@acme.example x"),
    *(
        "<jo@acme.example",
        "jo@acme.example>",
        "<a@b.example><c@d.example>",
        "Jo <jo@acme.example> x",
        "(c)jo@a.example",
    ),
    *(
        "jo＠acme.example",
        "j\u200bo@acme.example",
        "j\xado@acme.example",
        "j\u2003o@acme.example",
        "j\x00o@acme.example",
    ),
    *(
        "jo\n@acme.example",
        "j\to@acme.example",
        "\x00jo@acme.example",
        "/o=Exchange/cn=jo",
        "unknown",
        "jo:x@acme.example",
    ),
    *("jo@xn--.example", "jo@xn--a.example", "jo@xn--zzzzzzzzzzzz.example", "jo@i❤.example", "jo@ex\u2100mple.example"),
    *("jo@ac\xa0me.example", "jo@a\u200db.example", "“jo@acme.example”", "jo@\xe9_a.example", "→jo@acme.example"),
]
UNICODE = {
    "jo@faß.de": "jo@xn--fa-hia.de",
    "jo@fass.de": "jo@fass.de",
    "jo@FASS.de": "jo@fass.de",
    "jo@müller.de": "jo@xn--mller-kva.de",
    "jo@MÜLLER.de": "jo@xn--mller-kva.de",
    "jo@mu\u0308ller.de": "jo@xn--mller-kva.de",
    "jo@XN--MLLER-KVA.de": "jo@xn--mller-kva.de",
    "jo@xn--mller-kva.de": "jo@xn--mller-kva.de",
    "jo@acme。example": "jo@acme.example",
    "jo@acme．example": "jo@acme.example",
    "jo@acme.example｡": "jo@acme.example",
    "jo@ａｃｍｅ.example": "jo@acme.example",
    "jo@ac\u200bme.example": "jo@acme.example",
    "jo@ac\xadme.example": "jo@acme.example",
    "jo@\u212aelvin.example": "jo@kelvin.example",
    "jo@İx.example": "jo@xn--ix-rub.example",
    "jo@аcme.example": "jo@xn--cme-5cd.example",
    "İo@acme.example": "İo@acme.example",
    "ıo@acme.example": "ıo@acme.example",
    "IO@acme.example": "io@acme.example",
    "Ünal@acme.example": "Ünal@acme.example",
    "ünal@acme.example": "ünal@acme.example",
    "аnna@acme.example": "аnna@acme.example",
    "anna@acme.example": "anna@acme.example",
    "é@acme.example": "é@acme.example",
    "e\u0301@acme.example": "e\u0301@acme.example",
    "ﬁ@acme.example": "ﬁ@acme.example",
    "ｊｏ@acme.example": "ｊｏ@acme.example",
    "\u212a@acme.example": "\u212a@acme.example",
    "straße@acme.example": "straße@acme.example",
    "山@acme.example": "山@acme.example",
    "٣@acme.example": "٣@acme.example",
}


@pytest.mark.parametrize(("cell", "address"), {**WRAPPED, **UNICODE}.items())
def test_a_usable_cell_gives_its_one_spelling(cell, address):
    assert normalise_one(cell) == address


@pytest.mark.parametrize("cell", MALFORMED)
def test_an_unusable_cell_is_malformed(cell):
    found = normalise(texts(cell))
    assert found.addresses.to_pylist() == [None]
    assert found.reasons.tolist() == [Reason.MALFORMED]


@pytest.mark.parametrize(
    "cell", [None, "", " ", "\xa0\u200b\t", "n/a", "NA", "#N/A", "-", "--", "None", " NULL ", "NaN"]
)
def test_a_placeholder_is_blank(cell):
    found = normalise(texts(cell))
    assert (found.addresses.null_count, found.reasons.tolist()) == (1, [Reason.BLANK])


def test_one_column_gives_what_its_cells_give_one_by_one():
    """Neighbours do not change each other, wherever they stand."""
    cells = [*WRAPPED, *MALFORMED, None, "N/A", *UNICODE] * 2
    found = normalise(texts(*cells))
    alone = [normalise(texts(cell)) for cell in cells]
    assert found.addresses.type == LARGE
    assert found.addresses.to_pylist() == [one.addresses[0].as_py() for one in alone]
    assert found.reasons.tolist() == [one.reasons[0] for one in alone]
    assert found.several.tolist() == [one.several[0] for one in alone]


def test_unicode_names_that_look_alike_stay_apart():
    spellings = set(UNICODE.values())
    assert len({normalise_one(address) for address in spellings}) == len(spellings)


def test_several_counts_only_different_addresses():
    cells = ["a@x.example;b@x.example", "a@x.example; A@X.example", "a@x.example; rubbish", "a@x.example"]
    assert normalise(texts(*cells)).several.tolist() == [True, False, False, False]


@pytest.mark.parametrize("n", range(1, 9))
def test_a_label_that_stands_for_no_name_is_seen_wherever_it_stands(n):
    """Cells are searched for ``xn--`` all in one, four letters at a time."""
    text = f"{'a' * n}@xn--a.example"
    assert normalise_one(text) is None
    found = normalise(pa.array(["jo@acme.example", text], pa.large_string()))
    assert found.addresses.to_pylist() == ["jo@acme.example", None]


def test_lengths_are_measured_in_the_form_that_is_sent():
    label = "x" * 63
    assert normalise_one(f"{'a' * 64}@b.example")
    assert normalise_one(f"{'a' * 65}@b.example") is None
    assert normalise_one(f"{'é' * 32}@b.example")
    assert normalise_one(f"{'é' * 33}@b.example") is None
    assert normalise_one(f"a@{label}.example")
    assert normalise_one(f"a@{label}x.example") is None
    longest = f"a@{label}.{label}.{label}.{'y' * 60}"
    assert len(longest) == 254
    assert normalise_one(longest) == longest
    assert normalise_one(f"a{longest}") is None
    assert normalise_one(f"a@{'ｘ' * 63}.{'ｘ' * 63}.example") == f"a@{label}.{label}.example"
    assert normalise_one(f"a@{'ü' * 60}.example") is None


def test_a_cell_is_read_up_to_4096_bytes():
    address = "jo@acme.example"
    assert normalise_one("x" * (4096 - len(address) - 2) + f"<{address}>") == address
    assert normalise_one("x" * (4096 - len(address) - 1) + f"<{address}>") is None


@pytest.mark.parametrize(
    "cell",
    [
        *("a" * 1_000_000, "a@" + "b" * 1_000_000, "a@" + "a-" * 500_000, "." * 100_000, "a@b" + ".c" * 50_000),
        *("ü" * 200_000, "a@" + "ü" * 200_000 + ".de", "a@" + "ü" * 2_000, "٣" * 100_000, '"' * 4_095, '"\\' * 2_000),
        *("<" * 4_000, ";" * 4_000, "a@b.example;" * 340 + "x" * 100_000, "a@" + "\xad" * 2_000 + "b", "'" * 4_000),
        *("xn--" * 100_000, "a@" + "xn--a." * 600, "a@xn--" + "9" * 4_000, "mailto:" * 500),
    ],
    ids=lambda cell: f"{cell[:6]!a}x{len(cell)}",
)
def test_a_pathological_cell_is_malformed_in_no_time(cell):
    start = time.process_time()
    assert normalise_one(cell) is None
    assert time.process_time() - start < 5  # a guard against quadratic time, not a figure


def test_no_cells_give_no_addresses():
    found = normalise(texts())
    assert (len(found.addresses), len(found.reasons), len(found.several)) == (0, 0, 0)


LOCALS = st.text("aAbBiIkKzéÉäÄßſıİаﬁｊ\u212a\u0301.+-'_{1", min_size=1, max_size=6)
DOMAINS = st.lists(st.text("aAbxXnN-üÜßsSſ。ｄ1\u0308\xadа", min_size=1, max_size=6), min_size=1, max_size=3).map(
    ".".join
)
WRAPS = ("{}", " {}\xa0", "<{}>", "N <{}>", "mailto:{}", '"L, F" <{}>', "'{}'", "{}.", "x; {}", "{}\n", "\ufeff{}")
ANYTHING = st.text(
    st.one_of(st.sampled_from("aA@@@..<>;,|'\"\\ \n\rüß?:-1\xa0\u200bxn。"), st.characters(exclude_categories=["Cs"]))
)


@settings(max_examples=400, deadline=None)
@given(LOCALS, DOMAINS, LOCALS, DOMAINS, st.sampled_from(WRAPS), st.sampled_from(WRAPS))
@example("a", "faß.de", "a", "fass.de", "{}", "{}")
@example("İ", "a.de", "i", "a.de", "{}", "{}")
def test_two_addresses_become_one_only_by_ascii_case_and_idna_form(
    local, domain, other_local, other_domain, wrap, other
):
    one = normalise_one(wrap.format(f"{local}@{domain}"))
    two = normalise_one(other.format(f"{other_local}@{other_domain}"))
    if one is not None and one == two:
        assert ascii_lower(local) == ascii_lower(other_local)
        assert ascii_domain(ascii_lower(domain)) == ascii_domain(ascii_lower(other_domain)) is not None


@settings(max_examples=400, deadline=None)
@given(st.one_of(ANYTHING, st.builds("{}@{}".format, LOCALS, DOMAINS), st.builds("{}@{}>,".format, ANYTHING, DOMAINS)))
@example("'a@b.example'")
@example("''a@b.example''")
def test_normalising_again_changes_nothing(cell):
    address = normalise_one(cell)
    if address is not None:
        assert normalise_one(address) == address
        assert normalise_one(f" <{address}>; x@y.example") == address


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.one_of(st.builds("{}@{}".format, LOCALS, DOMAINS), st.sampled_from([*WRAPPED, *MALFORMED, *UNICODE])),
        max_size=4,
    ),
    st.sampled_from(WRAPS),
)
def test_the_columns_way_agrees_with_the_rule_cell_by_cell(cells, wrap):
    wrapped = [wrap.format(cell) for cell in cells]
    found = normalise(texts(*wrapped))
    assert list(zip(found.addresses.to_pylist(), found.reasons, strict=True)) == [reference(cell) for cell in wrapped]


def test_cell_texts_asks_nothing_of_other_objects():
    class Trap:
        def __str__(self):
            raise AssertionError("asked")

        __repr__ = __len__ = __iter__ = __eq__ = __bool__ = __str__
        __hash__ = None

    cells = [Trap(), "a", 5, ["a"], {"a": 1}, b"b", b"\xff", "c\ud800", None, float("nan"), pd.NA, pd.NaT, True, ("a",)]
    found = cell_texts(pd.Series(cells, dtype=object))
    assert found.to_pylist() == [None, "a", None, None, None, "b", *[None] * 8]


SUPPRESSED = [
    (["jo@acme.example"], ["jo@acme.example"]),
    ([" JO@Acme.example "], ["jo@acme.example"]),
    (["Jo <jo@acme.example>; al@acme.example"], ["jo@acme.example", "al@acme.example"]),
    (["acme.example"], ["jo@acme.example", "al@acme.example", "jo@sub.acme.example"]),
    (["@ACME.example."], ["jo@acme.example", "al@acme.example", "jo@sub.acme.example"]),
    (["müller.de"], ["jo@xn--mller-kva.de"]),
    (["@xn--MLLER-kva.de"], ["jo@xn--mller-kva.de"]),
    (["jo@MÜLLER.de"], ["jo@xn--mller-kva.de"]),
    (["me.example"], []),
    (["", None, float("nan"), " n/a "], []),
    ([], []),
]


@pytest.mark.parametrize(("entries", "hit"), SUPPRESSED)
def test_suppress_entries_name_people_and_whole_domains(entries, hit):
    people = texts(
        "jo@acme.example", "al@acme.example", "jo@sub.acme.example", "jo@xn--mller-kva.de", "jo@notacme.example"
    )
    mask = mask_suppressed(people, entries)
    assert [person for person, out in zip(people.to_pylist(), mask, strict=True) if out] == hit
    assert mask_suppressed(texts(), entries).shape == (0,)


def test_blank_suppress_entries_are_passed_over_in_silence():
    assert not mask_suppressed(texts("a@b.example"), ["", None, " ", "N/A", float("nan")]).any()


def test_suppress_entries_that_would_keep_nobody_out_are_refused_and_not_shown():
    with pytest.raises(ConfigurationError, match=r"3 of 4 suppress= entries .* write name@example.com") as caught:
        mask_suppressed(texts("a@b.example"), ["Email", "jo@@acme.example", 5, "a@b.example"])
    assert "acme" not in str(caught.value)


def test_one_suppress_entry_need_not_be_a_list():
    assert mask_suppressed(texts("a@b.example"), "b.example").tolist() == [True]

"""Lint: what an address says of itself, and that honest ones are not accused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cleanlist_pandas as cl
from cleanlist_pandas.frame.mail_domains import FREE_MAIL
from cleanlist_pandas.plan import lint_words as words
from cleanlist_pandas.plan.slips import FREQUENT_PEOPLE, slips


def verdicts_of(*cells):
    frame = pd.DataFrame({"email": pd.Series(cells, dtype=object)})
    return cl.check(frame, columns="email").verdict.tolist()


CLASSES = {
    "placeholder": """test@test.com TEST1@invented-acme.com testing@acme.example noreply@acme.example
        no-reply@acme.example do_not_reply@acme.example donotreply2@acme.example nomail@acme.example
        no.email@acme.example notprovided@acme.example asdf@acme.example asdfgh@acme.example qwerty@acme.example
        xxx@acme.example aaaa@acme.example none@acme.example null@acme.example user@acme.example name@example.com
        your.email@acme.example firstname.lastname@acme.example first.last@acme.example
        vorname.nachname@acme.example a@a.example na@na.example abc@abc.example 123@123.example jo@domain.com
        jo@noemail.com""",
    "reserved": """jo@acme.example jo@acme.test jo@acme.invalid jo@acme.localhost jo@example.com jo@example.net
        jo@mail.example.org jo@acme.local jo@acme.internal""",
    "homoglyph": """аnna@invented-acme.com annа@invented-acme.com anna@invented-аcme.com jo@xn--cme-5cd.com
        а.invented@invented-acme.com αnna@invented-acme.com anna.ο@invented-acme.com jоhn@почта.рф""",
    "near-miss": """invented.jo@gmial.com invented.jo@gamil.com invented.jo@gmai.com invented.jo@gmaill.com
        invented.jo@gmail.con invented.jo@gmail.co invented.jo@gmail.cm invented.jo@mgail.com invented.jo@gnail.com
        invented.jo@yaho.com invented.jo@yahooo.com invented.jo@yhaoo.co.uk invented.jo@hotmial.com
        invented.jo@hotmal.fr invented.jo@outlok.com invented.jo@icoud.com invented.jo@t-onlin.de""",
    "disposable": """invented@mailinator.com invented@x.mailinator.com invented@a.b.yopmail.com
        invented@guerrillamail.com info@trashmail.com""",
    "role-based": """info@invented-acme.com INFO@invented-acme.com info2@invented-acme.com sales+emea@invented-acme.com
        info.berlin@invented-acme.com sales-uk@invented-acme.com support_team@invented-acme.com
        contact@invented-acme.com vertrieb@invented-acme.com facturacion@invented-acme.com
        postmaster@invented-acme.com mailer-daemon@invented-acme.com info@gmail.com""",
    "free-mail": """invented.jo@gmail.com invented.jo@googlemail.com invented.jo@yahoo.co.uk invented.jo@web.de
        invented.jo@gmx.net invented.jo@mail.com invented.jo@ymail.com invented.jo@hotmail.gr 123456@qq.com""",
    "ok": """jo@invented-acme.com jo+info@invented-acme.com infolga@invented-acme.com sal.esposito@invented-acme.com
        testa@invented-acme.com nil@invented-acme.com noone@invented-acme.com na@invented-acme.com
        xu@invented-acme.com aaa@invented-acme.com ann.test@invented-acme.com postma@invented-acme.com
        jo@invented-example.com jo@example.de jo@mytest.com jo@invented-mailinator.com jo@gmail.invented-acme.com
        jo@line.com jo@aon.com jo@cloud.com jo@invented-müller.de jo@faß.de zoë@invented-acme.com
        иванов@почта.рф иванов@invented-acme.com γιάννης@invented-acme.com 山田@invented-acme.com
        jo@invented-東京tokyo.com ünal@invented-acme.com""",
}


@pytest.mark.parametrize("verdict", CLASSES)
def test_an_address_is_of_the_class_it_looks_like(verdict):
    """And not of one that is more serious."""
    cells = CLASSES[verdict].split()
    found = verdicts_of(*cells)
    assert dict(zip(cells, found, strict=True)) == dict.fromkeys(cells, verdict)


def test_the_most_serious_verdict_wins_and_the_reason_has_all():
    """Serious first."""
    found = cl.check(pd.DataFrame({"email": ["info@gmail.com", "info@example.com", "test@gamil.com"]}))
    assert found.verdict.tolist() == ["role-based", "reserved", "placeholder"]
    assert found.reason.tolist() == [
        "a mailbox of a function, not of a person; a free-mail domain",
        "a reserved domain, no mail reaches it (RFC 2606, RFC 6761); a mailbox of a function, not of a person",
        "stands where somebody gave no address; the domain is one slip away from a well-known one",
    ]


SUGGESTED = {
    "invented.jo@gmial.com": "invented.jo@gmail.com",
    "Invented.Jo@YAHO.co.uk": "invented.jo@yahoo.co.uk",
    "аnna@acme.example": "anna@acme.example",
    "anna@аcme.example": "anna@acme.example",
    "Аnna@acme.example": "anna@acme.example",
    "иvan@acme.example": None,  # no Latin reading of its first letter is known
    "jo@acme.example": None,
    "info@acme.example": None,
}


def test_a_near_miss_and_a_homoglyph_come_with_what_may_have_been_meant():
    """The address itself stays what it is: another key."""
    found = cl.check(pd.DataFrame({"email": list(SUGGESTED)}))
    assert [None if pd.isna(text) else text for text in found.suggestion] == list(SUGGESTED.values())
    assert found.address.nunique() == len(SUGGESTED)
    assert found.credits.tolist() == [1] * len(SUGGESTED)


def one_slip(text, other):
    """Whether one letter more, less or other, or two neighbours in each other's place, part two texts."""
    if len(text) == len(other):
        apart = [at for at in range(len(text)) if text[at] != other[at]]
        swapped = (
            len(apart) == 2
            and apart[1] == apart[0] + 1
            and text[apart[0]] + text[apart[1]] == (other[apart[1]] + other[apart[0]])
        )
        return len(apart) == 1 or swapped
    short, long = sorted((text, other), key=len)
    return len(long) == len(short) + 1 and any(long[:at] + long[at + 1 :] == short for at in range(len(long)))


SHORT = st.text("abc", min_size=2, max_size=5)


@given(SHORT, SHORT)
def test_slips_are_all_that_is_one_slip_away_and_begins_alike(text, other):
    """Compared with the definition; the first letter may only change places with the second."""
    found = set(slips(f"{text}.example", len(text), "abc"))
    swapped = len(text) == len(other) and text[:2] == other[1::-1]
    assert (f"{other}.example" in found) is (one_slip(text, other) and (text[0] == other[0] or swapped))


def test_no_mail_provider_is_a_slip_of_another():
    """Neither of the free ones nor of the throw-away ones."""
    free = sorted(FREE_MAIL)
    assert {*verdicts_of(*(f"invented.jo@{domain}" for domain in free))} == {"free-mail"}
    thrown = sorted(words.DISPOSABLE_DOMAINS)
    assert {*verdicts_of(*(f"invented.jo@{domain}" for domain in thrown))} == {"disposable"}


def crowd(domain, n):
    return [f"person{number}@{domain}" for number in range(n)]


OWN = [
    ("invented-acme.com", "invented-amce.com", True),
    ("invented-acme.com", "invented-acmee.com", True),
    ("invented-acme.com", "nvented-acme.com", False),  # the first letter is seldom missed
    ("invented-acme.com", "invented-acme.co", False),  # both may be right
    ("invented-firm1.com", "invented-firm2.com", False),  # so may numbers
    ("acme.com", "acne.com", False),  # too short: many honest neighbours
]


@pytest.mark.parametrize(("frequent", "rare", "is_slip"), OWN)
def test_a_rare_domain_beside_a_frequent_one_is_a_near_miss(frequent, rare, is_slip):
    """And the frequent one is what is suggested."""
    cells = [*crowd(frequent, FREQUENT_PEOPLE), f"jo@{rare}"]
    found = cl.check(pd.DataFrame({"email": cells}))
    assert (found.verdict.iloc[-1] == "near-miss") is is_slip
    assert not is_slip or found.suggestion.iloc[-1] == f"jo@{frequent}"
    assert (found.verdict.iloc[:-1] == "ok").all()


@pytest.mark.parametrize(
    ("n_frequent", "n_rare"), [(FREQUENT_PEOPLE - 1, 1), (FREQUENT_PEOPLE, 2), (FREQUENT_PEOPLE**2, FREQUENT_PEOPLE)]
)
def test_a_domain_that_is_not_rare_enough_is_left_alone(n_frequent, n_rare):
    """People are counted, not rows."""
    cells = crowd("invented-acme.com", n_frequent) * 2 + crowd("invented-amce.com", n_rare)
    assert {*verdicts_of(*cells)} == {"ok", "duplicate"}


def test_a_free_mail_domain_is_no_slip_of_a_frequent_one():
    """Whatever the frame is full of."""
    assert verdicts_of(*crowd("hotmaill.com", FREQUENT_PEOPLE), "jo@hotmail.com")[-1] == "free-mail"


ROOT = Path(cl.__file__).parents[1]
LISTED = """
import sys
sys.modules["disposable_email_domains"] = None  # as if it were not installed
import pandas as pd, cleanlist_pandas as cl
print(*cl.check(pd.DataFrame({"email": ["a@mailinator.com", "a@0-mail.com"]})).verdict)
"""


def test_without_the_maintained_list_the_best_known_domains_are_found():
    """And no other."""
    ran = subprocess.run([sys.executable, "-c", LISTED], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ran.stderr == ""
    assert ran.stdout.split() == ["disposable", "ok"]


def test_with_the_maintained_list_its_domains_are_found():
    """The extra `lists`."""
    pytest.importorskip("disposable_email_domains")
    assert verdicts_of("a@0-mail.com", "a@x.0-mail.com") == ["disposable", "disposable"]

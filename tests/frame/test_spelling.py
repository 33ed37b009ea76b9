"""Spellings: what is the same company, title or number, and what is not."""

from __future__ import annotations

import pyarrow as pa
import pytest

from cleanlist_pandas.frame.spelling import fold, fold_company, fold_phone


def same(folded, one, other):
    first, second = folded(pa.array([one, other], pa.large_string())).to_pylist()
    return first == second


COMPANIES = [
    ("Acme", "Acme, Inc.", True),
    ("Acme", "ACME  INC", True),
    ("Acme Ltd", "Acme Limited", True),
    ("Acme GmbH", "Acme G.m.b.H.", True),
    ("Acme GmbH & Co. KG", "Acme", True),
    ("Acme Holding AG", "Acme Holding", True),
    ("Acme S.A.", "Acme SA", True),
    ("Acme S. A. de C.V.", "Acme", True),
    ("Acme A/S", "Acme", True),
    ("Acme Sp. z o.o.", "ACME", True),
    ("Acme Pty Ltd", "Acme", True),
    ("Acme Private Limited", "Acme Pvt. Ltd.", True),
    ("The Acme Company", "Acme", True),
    ("Smith & Sons", "Smith and Sons LLP", True),
    ("Müller Büro UG (haftungsbeschränkt)", "MULLER BURO", True),
    ("Straße AG", "STRASSE", True),
    ("Coca-Cola", "Coca Cola Co.", True),
    ("McDonald's", "McDonald’s Corporation", True),
    ("Data Dog", "DataDog, Inc", True),
    ("Yahoo!", "yahoo", True),
    ("株式会社エクメ", "株式会社エクメ ", True),
    ("Acme", "Acme Labs", False),
    ("Acme", "Acme Holding", False),
    ("Incline", "Line", False),
    ("Co", "Inc", False),
    ("The", "Inc.", False),
    ("Team Asa", "Team Asana", False),
    ("???", "!!!", False),
    ("C", "C++", False),
    ("कि", "का", False),
    ("", "Acme", False),
]


@pytest.mark.parametrize(("one", "other", "is_same"), COMPANIES)
def test_a_legal_form_is_no_other_company(one, other, is_same):
    """Nor is case, white space, an accent or punctuation; a further word is."""
    assert same(fold_company, one, other) == is_same


TITLES = [
    ("VP of Sales", " vp  OF sales", True),
    ("VP, Sales", "VP Sales", True),
    ("Vice-President", "Vice President", True),
    ("R&D Lead", "R and D lead", True),
    ("Büroleitung", "BÜROLEITUNG", True),
    ("İdari", "idari", True),
    ("C++ Developer", "C# Developer", False),
    ("VP Sales", "VP Sales Inc", False),
    ("Engineer II", "Engineer III", False),
    ("-", "--", False),
]


@pytest.mark.parametrize(("one", "other", "is_same"), TITLES)
def test_a_title_in_another_spelling_is_no_other_title(one, other, is_same):
    """Each word and each number counts."""
    assert same(fold, one, other) == is_same


PHONES = [
    ("+1-555-0100", "+1 (555) 0100", True),
    ("+15550100", "15550100.0", True),
    ("+49 30 1234", "0049 (0)30 1234", True),
    ("+1-555-0100", "+1-555-0101", False),
    ("+1-555-0100", "+1-555-0100 ext. 7", False),
    ("5550100.5", "5550100", False),
    ("on request", "none", False),
]


@pytest.mark.parametrize(("one", "other", "is_same"), PHONES)
def test_a_number_is_its_digits(one, other, is_same):
    """However it is written."""
    assert same(fold_phone, one, other) == is_same


@pytest.mark.parametrize("folded", [fold, fold_company, fold_phone])
def test_missing_stays_missing(folded):
    """And no texts are no texts."""
    assert folded(pa.array([None, "1"], pa.large_string())).to_pylist() == [None, "1"]
    assert len(folded(pa.array([], pa.large_string()))) == 0

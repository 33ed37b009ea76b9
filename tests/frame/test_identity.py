"""Whom a surface can be asked about: the parts a frame knows of each person, and the ways to name them."""

from __future__ import annotations

import pandas as pd
import pytest

from cleanlist_pandas.frame.columns import find_columns
from cleanlist_pandas.frame.identity import find_parts, is_nameable, lacking
from cleanlist_pandas.frame.keys import read

WAYS = (("linkedin_url",), ("first_name", "last_name", "company"))
PROFILE = "https://www.linkedin.com/in/ann"
PEOPLE = [
    # address, full name, company, profile -> can be named, what is lacking
    ("a@bee.example", "Ann Other", None, None, True, ""),
    ("a@gmail.com", "Ann Other", "Bee", None, True, ""),
    ("a@gmail.com", "Other, Ann", "Bee", None, True, ""),
    ("a@gmail.com", "Ann Other", None, None, False, "a LinkedIn address, or a company (or an address at one)"),
    ("a@bee.example", "Ann", "Bee", None, False, "a LinkedIn address, or a last name"),
    ("a@bee.example", None, "Bee", None, False, "a LinkedIn address, or a first name and a last name"),
    ("a@gmail.com", " ", "", PROFILE, True, ""),
    ("a@gmail.com", None, None, "https://profiles.example/ann", False, None),
]


@pytest.mark.parametrize(("address", "name", "company", "profile", "can_be", "lacks"), PEOPLE)
def test_who_can_be_named(address, name, company, profile, can_be, lacks) -> None:
    """By hand: a domain of free mail is no company, and a name of one word is half a name."""
    frame = pd.DataFrame({"email": [address], "full_name": [name], "company": [company], "linkedin_url": [profile]})
    columns = {name: name for name in frame}
    parts = find_parts(read(frame, find_columns(frame, columns)))
    assert is_nameable(parts, WAYS).tolist() == [can_be]
    assert lacks is None or can_be or lacking(int(parts[0]), WAYS) == lacks


def test_where_an_address_is_enough_everybody_can_be_named() -> None:
    """Also in a frame that has nothing else, and in one without rows."""
    frame = pd.DataFrame({"email": ["a@gmail.com", "b@bee.example"]})
    for some in (frame, frame.iloc[:0]):
        parts = find_parts(read(some, find_columns(some, "email")))
        assert is_nameable(parts, ()).tolist() == [True] * len(some)
        assert is_nameable(parts, WAYS).tolist() == [False] * len(some)

"""Who can be paid, and in which batches they go: made when their turn comes, in order, and each once."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cleanlist_pandas.run.batches import _put_together
from cleanlist_pandas.run.budget import Budget
from cleanlist_pandas.run.till import Person, Some, Till
from cleanlist_pandas.services.csv_upload import CsvUpload
from cleanlist_pandas.services.service import Job, Lookup


def person(at: int, *fields: str, token: str = "") -> Person:
    job = Job(lookup=at + 1, token=token, at_us=0) if token else None
    return at, Lookup(address=f"p{at}@a.example", fields=fields or ("title",), job=job)


class Counting(Collection[Person]):
    """People who are counted as they are made."""

    def __init__(self, people: list[Person]) -> None:
        self.people, self.made = people, 0

    def __len__(self) -> int:
        return len(self.people)

    def __contains__(self, one: object) -> bool:
        return one in self.people

    def __iter__(self) -> Iterator[Person]:
        for one in self.people:
            self.made += 1
            yield one


def till(limit: int, people: Collection[Person]) -> Till:
    return Till(Budget(limit), CsvUpload().price, people, asyncio.Event())


def test_who_can_be_paid_is_told_in_order_and_cheaper_ones_behind_a_dear_one_too():
    people = [person(0), person(1, "phone"), person(2), person(3), person(4, token="file j 9 0")]
    paid, left = till(3, people).set_aside(people)
    assert [at for at, _ in paid] == [0, 2, 3, 4]  # who was begun was paid then
    assert [at for at, _ in left] == [1]
    assert person(2) in paid
    assert person(1, "phone") not in paid


@given(st.lists(st.booleans(), max_size=30), st.data())
def test_some_of_some_are_those_of_both(first, data):
    people = [person(at) for at in range(len(first))]
    some = Some(people, np.array(first, bool))
    second = data.draw(st.lists(st.booleans(), min_size=len(some), max_size=len(some)))
    assert list(Some(some, np.array(second, bool))) == [one for one, keep in zip(some, second, strict=True) if keep]
    assert len(list(some)) == len(some) == sum(first)


class Threes(CsvUpload):
    """Files of three people."""

    surface = replace(CsvUpload.surface, people_per_batch=3)


def test_a_batch_is_made_when_its_turn_comes():
    people = Counting([person(at) for at in range(8)])
    batches = _put_together(Threes(), people)
    assert people.made == 0
    assert [at for at, _ in next(batches).people] == [0, 1, 2]
    assert people.made == 3
    assert [[at for at, _ in batch.people] for batch in batches] == [[3, 4, 5], [6, 7]]


def test_people_of_one_kind_and_of_one_earlier_order_go_together_whatever_their_number():
    people = [
        person(0, token="file j 4 0"), person(1), person(2, "phone"), person(3, token="file j 4 1"), person(4),
        person(5, token="file j 4 2"), person(6), person(7, token="file j 4 3"), person(8),
    ]  # fmt: skip
    batches = [[at for at, _ in batch.people] for batch in _put_together(Threes(), people)]
    assert sorted(batches) == [[0, 3, 5, 7], [1, 4, 6], [2], [8]]

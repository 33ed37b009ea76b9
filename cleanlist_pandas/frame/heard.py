"""Answers as they come in, by person: those of a while ago by column, so that a million of them fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Final

import numpy as np

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import FieldName
from cleanlist_pandas.frame.arrays import Ints
from cleanlist_pandas.frame.told import Facts, Told

__all__ = ["Heard", "facts_of"]

_FRESH: Final = 5_000  # answers that are kept as they came


class Heard(MutableMapping[int, Answer]):
    """Answers by the position of their person; of what they say, some fields.

    Parameters
    ----------
    n_people : int
        Positions there are.
    fields : sequence of str
        The fields whose values are kept.
    fresh : int
        How many answers are kept as objects.
    """

    def __init__(self, n_people: int, fields: Sequence[FieldName], fresh: int = _FRESH) -> None:
        self._fields = fields
        self._most = fresh
        self._fresh: dict[int, Answer] = {}
        self._facts: list[Facts] = []  # of so many answers each
        self._places = np.full(n_people, -1, np.int64)  # each person's place in all of them

    def __setitem__(self, position: int, answer: Answer) -> None:
        """Hear of somebody; what was heard before counts no more."""
        self._fresh[position] = answer
        if len(self._fresh) == self._most:
            start = len(self._facts) * self._most
            self._places[[*self._fresh]] = np.arange(start, start + self._most)
            self._facts.append(Facts.of([*self._fresh.values()], self._fields))
            self._fresh.clear()

    def __getitem__(self, position: int) -> Answer:
        """Return what was heard of somebody."""
        if position in self._fresh:
            return self._fresh[position]
        place = int(self._places[position]) if 0 <= position < len(self._places) else -1
        if place < 0:
            raise KeyError(position)
        facts, at = self._facts[place // self._most], place % self._most
        return Told(facts, np.array([at]))[0]

    def __delitem__(self, position: int) -> None:
        """Forget what was heard of somebody."""
        if position not in self:
            raise KeyError(position)
        self._fresh.pop(position, None)
        self._places[position] = -1

    def __contains__(self, position: object) -> bool:
        if position in self._fresh:
            return True
        return isinstance(position, int) and 0 <= position < len(self._places) and bool(self._places[position] >= 0)

    def __iter__(self) -> Iterator[int]:
        yield from self._fresh
        yield from (at for at in np.flatnonzero(self._places >= 0).tolist() if at not in self._fresh)

    def __len__(self) -> int:
        return len(self.people())

    def people(self) -> Ints:
        """Return the positions of all of whom something was heard, ascending."""
        heard = self._places >= 0
        heard[[*self._fresh]] = True
        return np.flatnonzero(heard)

    def facts(self, people: Ints) -> Facts:
        """Return what was heard of some people, by column."""
        fresh = [*self._fresh]
        places = self._places.copy()
        places[fresh] = np.arange(len(fresh)) + len(self._facts) * self._most
        parts = [*self._facts, Facts.of([*self._fresh.values()], self._fields)]
        return Facts.joined(parts, self._fields).take(places[people])


def facts_of(answers: Mapping[int, Answer], people: Ints, fields: Sequence[FieldName]) -> Facts:
    """Return what some people's answers say of some fields, by column."""
    if isinstance(answers, Heard):
        return answers.facts(people)
    return Facts.of([answers[at] for at in people.tolist()], fields)

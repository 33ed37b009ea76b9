"""A file in, a file out, part by part: who is in it is read first, bought once, and put on the rows as they go by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from cleanlist_pandas.case import read_call
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.fields import FIELDS
from cleanlist_pandas.files import known_tables
from cleanlist_pandas.frame.memory import give_back, tidy
from cleanlist_pandas.frame.partitions import Layout, join_part, merge_people, people_of_part
from cleanlist_pandas.plan.priority import NO_WORTH, told_worth
from cleanlist_pandas.run.progress import counting
from cleanlist_pandas.sinks import Seen, open_sink
from cleanlist_pandas.sources import Part, Source
from cleanlist_pandas.whole import Whole, layout_of

__all__ = ["Stream", "read_stream"]

_MERGE_FROM: Final = 100_000  # people of several parts that are kept before they are merged


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stream:
    """A file whose people are known.

    Attributes
    ----------
    whole : Whole
        Its people, and what the doors are handed in its place.
    n_rows : int
        Rows it has.
    """

    whole: Whole
    n_rows: int
    source: Source = field(repr=False)
    seen: Seen = field(repr=False)
    part_rows: int | None

    def write(self, answers: pd.DataFrame, name: str, *, credits: int, show: bool) -> None:
        """Write the file again, with the answers on its rows; an old one is there until the new one is whole.

        Parameters
        ----------
        answers : pandas.DataFrame
            From `Whole.answers`.
        name : str
            As for `open_sink`.
        credits : int
            What was spent, to be told on the way.
        show : bool
            Whether to tell how far it is.
        """
        self.seen.look(answers)
        layout = self.whole.layout
        new = [FIELDS[name].column for name in layout.fields]
        with (
            counting("written", self.n_rows, show=show, credits=credits) as told,
            open_sink(name, self.seen, [*new, "enriched_reason"]) as write,
        ):
            for number, part in enumerate(self.source.parts(self.part_rows)):
                write(join_part(part.frame, answers, number, layout), part.table)
                told(len(part.frame))


def read_stream(
    source: Source,
    fields: Any,
    options: Mapping[str, Any],
    *,
    output: str = "",
    check: Callable[[Part], None] = lambda part: None,
    show: bool = False,
    part_rows: int | None = None,
) -> Stream:
    """Read who is in a file. Sends nothing.

    Which columns say so is told by the first part, and so is whether anything is wrong with the call.

    Parameters
    ----------
    output : str
        Where the rows shall be written, if they shall.
    check : callable
        Refuses a first part that could not be.
    show : bool
        Whether to tell how far it is.
    part_rows : int, optional
        Rows to hold at a time; by default as many as fit into memory well.
    """
    given = {**options, "known": known_tables(options.get("known"))}
    seen, crowd, n_rows = Seen(output), _Crowd(given.pop("priority", None)), 0
    layout: Layout | None = None
    existing: list[str] = []
    with counting("read", None, show=show) as told:
        for number, part in enumerate(source.parts(part_rows)):
            if layout is None:
                check(part)
                layout = layout_of(part.frame, fields, options)
                read_call(part.frame.iloc[:0], layout.fields, {**given, "columns": layout.columns})
                existing = list(layout.existing(part.frame.iloc[:0]))
            crowd.add(part.frame, number, layout)
            seen.look(part.frame)
            n_rows += len(part.frame)
            told(len(part.frame))
    assert layout is not None  # noqa: S101 - there is one part at least
    whole = Whole(people=crowd.merged(), layout=layout, existing=existing, given=given)
    give_back()
    return Stream(whole=whole, n_rows=n_rows, source=source, seen=seen, part_rows=part_rows)


class _Crowd:
    """The people of the parts so far: of what is merged and what is not yet, neither is much larger than the other."""

    def __init__(self, priority: Any) -> None:
        self._priority = priority
        self._has_worth = priority is None
        self._parts: list[pd.DataFrame] = []  # the first of them is what was merged

    def add(self, frame: pd.DataFrame, number: int, layout: Layout) -> None:
        """Add those of one more part."""
        worth = None if self._priority is None else told_worth(frame, self._priority)
        self._has_worth |= worth is None or not len(worth) or not np.isnan(worth).all()
        worth = None if worth is None else np.nan_to_num(worth)
        self._parts.append(people_of_part(frame, number, layout, worth))
        if sum(map(len, self._parts[1:])) > max(_MERGE_FROM, len(self._parts[0]) // 2):
            self._parts = [merge_people(self._parts)]
            tidy()

    def merged(self) -> pd.DataFrame:
        """Return them all."""
        if not self._has_worth:
            raise ConfigurationError(NO_WORTH)
        return merge_people(self._parts)

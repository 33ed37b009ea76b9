"""A frame in parts, as the doors see it: who is in it is read part by part, bought once, and joined part by part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from cleanlist_pandas.case import Case, prepare
from cleanlist_pandas.fields import parse_fields
from cleanlist_pandas.frame.columns import find_columns
from cleanlist_pandas.frame.partitions import Layout, answers_of, columns_of_people, frame_of_people
from cleanlist_pandas.plan.document import Plan
from cleanlist_pandas.plan.estimate import CostEstimate
from cleanlist_pandas.quote import estimate_of, plan_of
from cleanlist_pandas.resume import read_plan
from cleanlist_pandas.settings import Settings

__all__ = ["Whole", "layout_of"]


def layout_of(sample: pd.DataFrame, fields: Any, options: Mapping[str, Any]) -> Layout:
    """Return what is asked of every part; which columns say who somebody is, is told by a sample."""
    settings, planned = Settings.of(options), read_plan(options.get("plan"))
    return Layout(
        columns=find_columns(sample, options.get("columns")),
        fields=parse_fields(planned.fields if planned and fields is None else fields),
        on_existing=settings.on_existing,
        dtype_backend=settings.dtype_backend,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Whole:
    """The people of all parts.

    Attributes
    ----------
    people : pandas.DataFrame
        As `merge_people` gives them.
    layout : Layout
        What was asked of every part.
    existing : sequence of str
        Fields of which the parts have a column already.
    given : mapping of str to object
        The options of the call.
    """

    people: pd.DataFrame = field(repr=False)
    layout: Layout
    existing: Sequence[str]
    given: Mapping[str, Any] = field(repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        """What the doors are handed in place of the parts."""
        return frame_of_people(self.people, self.layout, [*self.existing])

    @property
    def options(self) -> dict[str, Any]:
        """The options that go with it."""
        worth = {"priority": self.people["worth"].to_numpy()} if "worth" in self.people else {}
        return {**self.given, **worth, "columns": columns_of_people(self.layout)}

    def estimate(self) -> CostEstimate:
        """Return the price, with each row counted as often as it stands in the parts."""
        with self._case() as case:
            return estimate_of(case)

    def plan(self) -> Plan:
        """Return the plan, counted in the same way."""
        with self._case() as case:
            return plan_of(case)

    def _case(self) -> AbstractContextManager[Case]:
        """Read and plan, offline."""
        times = self.people["n"].to_numpy()
        return prepare(self.frame, self.layout.fields, self.options, create=False, times=times)

    def answers(self, enriched: pd.DataFrame) -> pd.DataFrame:
        """Return what `join_part` puts on the rows of each part, from the enriched frame."""
        return answers_of(enriched, self.people, self.layout)

"""What is told of all people of a frame, by column: no object a person where there are a million."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self, cast, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import FIELDS, FieldName, RowStatus, Source
from cleanlist_pandas.frame.arrays import MISSING, Ints, Packed, pack
from cleanlist_pandas.frame.needs import Bits

__all__ = ["SOURCE_CODE", "STATUS_CODE", "Facts", "Told"]

STATUS_CODE: Final = {status: code for code, status in enumerate(RowStatus)}
SOURCE_CODE: Final[dict[Source | None, int]] = {**{source: code for code, source in enumerate(Source)}, None: -1}
_STATUSES: Final = tuple(RowStatus)
_SOURCES: Final = (*Source, None)  # -1 reaches the last


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Facts:
    """Some answers by column.

    Attributes
    ----------
    statuses, sources : ndarray of int8
        Places in `RowStatus` and `Source`, -1 for no source.
    credits, times_us : ndarray of int64
        As in `Answer`; the smallest number where there is no time.
    confidences : ndarray of float64
        NaN where there is none.
    reasons : pyarrow.LargeStringArray
        Null where there is none.
    values : mapping of str to array
        Field name to its values, as `pack` makes them.
    notes : mapping of int to tuple of str
        What was odd, by place; most have nothing.
    """

    statuses: npt.NDArray[np.int8]
    sources: npt.NDArray[np.int8]
    credits: Ints
    times_us: Ints
    confidences: npt.NDArray[np.float64]
    reasons: pa.LargeStringArray
    values: Mapping[FieldName, Packed]
    notes: Mapping[int, tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.statuses)

    @classmethod
    def of(cls, answers: Sequence[Answer], fields: Sequence[FieldName]) -> Self:
        """Return answers by column; of their values, those of some fields."""
        return cls(
            statuses=np.array([STATUS_CODE[one.status] for one in answers], np.int8),
            sources=np.array([SOURCE_CODE[one.source] for one in answers], np.int8),
            credits=np.array([one.credits for one in answers], np.int64),
            times_us=np.array([MISSING if one.at_us is None else one.at_us for one in answers], np.int64),
            confidences=np.array([np.nan if one.confidence is None else one.confidence for one in answers], np.float64),
            reasons=cast(Any, pa.array([one.reason or None for one in answers], pa.large_string())),
            values={name: pack(FIELDS[name], [one.values.get(name) for one in answers]) for name in fields},
            notes={at: one.notes for at, one in enumerate(answers) if one.notes},
        )

    def take(self, places: Ints) -> Facts:
        """Return the answers at some places, no place twice."""
        at: Any = pa.array(places)
        moved = dict(zip(places.tolist(), range(len(places)), strict=True)) if self.notes else {}
        return Facts(
            statuses=self.statuses[places],
            sources=self.sources[places],
            credits=self.credits[places],
            times_us=self.times_us[places],
            confidences=self.confidences[places],
            reasons=self.reasons.take(at),
            values={
                name: cells.take(at) if isinstance(cells, pa.Array) else cells[places]
                for name, cells in self.values.items()
            },
            notes={moved[place]: notes for place, notes in self.notes.items() if place in moved},
        )

    @classmethod
    def joined(cls, parts: Sequence[Facts], fields: Sequence[FieldName]) -> Facts:
        """Return answers about the same fields, one part after the other."""
        parts = [part for part in parts if len(part)] or [cls.of([], fields)]
        if len(parts) == 1:
            return parts[0]
        starts = np.cumsum([0, *map(len, parts)]).tolist()
        return cls(
            statuses=np.concatenate([part.statuses for part in parts]),
            sources=np.concatenate([part.sources for part in parts]),
            credits=np.concatenate([part.credits for part in parts]),
            times_us=np.concatenate([part.times_us for part in parts]),
            confidences=np.concatenate([part.confidences for part in parts]),
            reasons=_joined([part.reasons for part in parts]),
            values={name: _joined([part.values[name] for part in parts]) for name in fields},
            notes={
                start + at: notes
                for start, part in zip(starts, parts, strict=False)
                for at, notes in part.notes.items()
            },
        )


class Told(Sequence[Answer]):
    """One answer for each unique person; people of whom the same is told may share one.

    Parameters
    ----------
    facts : Facts
        Answers.
    places : ndarray of int64, shape (n_keys,)
        Each person's place among them.
    """

    def __init__(self, facts: Facts, places: Ints) -> None:
        self.facts = facts
        self.places = places

    @classmethod
    def of(cls, answers: Sequence[Answer], fields: Sequence[FieldName]) -> Told:
        """Return answers of people, in their order."""
        return answers if isinstance(answers, cls) else cls(Facts.of(answers, fields), np.arange(len(answers)))

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, at: int) -> Answer: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Answer]: ...
    def __getitem__(self, at: int | slice) -> Answer | Sequence[Answer]:
        """Return one person's answer."""
        if isinstance(at, slice):
            return Told(self.facts, self.places[at])
        place, told = int(self.places[at]), self.facts
        values = {name: _cell(name, cells, place) for name, cells in told.values.items()}
        time_us, confidence = int(told.times_us[place]), float(told.confidences[place])
        return Answer(
            status=_STATUSES[told.statuses[place]],
            credits=int(told.credits[place]),
            values={name: value for name, value in values.items() if value is not None},
            confidence=None if np.isnan(confidence) else confidence,
            at_us=None if time_us == MISSING else time_us,
            source=_SOURCES[told.sources[place]],
            reason=told.reasons[place].as_py() or "",
            notes=told.notes.get(place, ()),
        )

    def learnt(self, wanted: Bits) -> Bits:
        """Return of what was wanted of each person what the service told, be it that it knows nothing."""
        told = [STATUS_CODE[RowStatus.COMPLETED], STATUS_CODE[RowStatus.NOT_FOUND]]
        return np.where(np.isin(self.facts.statuses[self.places], told), wanted, np.uint16(0))

    def statuses(self) -> Counter[RowStatus]:
        """Count people by what became of them."""
        counts = np.bincount(self.facts.statuses[self.places], minlength=len(_STATUSES))
        return Counter(dict(zip(_STATUSES, counts.tolist(), strict=True)))

    def sources(self) -> Counter[Source | None]:
        """Count people by where their answer came from."""
        counts = np.bincount(self.facts.sources[self.places] + 1, minlength=len(_SOURCES))
        return Counter(dict(zip((None, *Source), counts.tolist(), strict=True)))

    def notes(self) -> Iterator[str]:
        """Return what was odd about people's answers."""
        if not self.facts.notes:
            return
        people = np.bincount(self.places, minlength=len(self.facts)).tolist()
        for place, notes in self.facts.notes.items():
            yield from notes * people[place]


def _joined(parts: Sequence[Any]) -> Any:
    """Return arrays one after the other."""
    return pa.concat_arrays(parts) if isinstance(parts[0], pa.Array) else np.concatenate(parts)


def _cell(name: FieldName, cells: Any, place: int) -> str | int | None:
    """Return one value, or None."""
    field = FIELDS[name]
    if not field.categories and not field.integer:
        return cast("str | None", cells[place].as_py())
    number = int(cells[place])
    if field.categories:
        return field.categories[number] if number >= 0 else None
    return None if number == MISSING else number

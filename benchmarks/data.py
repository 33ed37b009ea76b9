"""The pandas ends: keys and join of 12 columns beside the bare Arrow calls, a Polars round trip, and `merge`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.measure import Table, growth_of, in_turn
from cleanlist_pandas.fields import EMAIL_STATUSES, SENIORITIES, FieldName, RowStatus, Source
from cleanlist_pandas.frame.arrays import SOURCE_DTYPE, STATUS_DTYPE, Kinds
from cleanlist_pandas.frame.columns import Columns
from cleanlist_pandas.frame.join import join
from cleanlist_pandas.frame.keys import read
from cleanlist_pandas.frame.told import SOURCE_CODE, STATUS_CODE, Facts, Told

__all__ = ["data"]

TEXTS: tuple[FieldName, ...] = ("title", "company", "industry")  # the fourth text column is enriched_reason
ENUMS = {"email_status": list(EMAIL_STATUSES), "seniority": list(SENIORITIES)}
FIELDS: tuple[FieldName, ...] = ("email_status", "seniority", "icp_score", *TEXTS)
TEXT = pa.large_string()
PLAIN = r"\A[a-z0-9!#$%&'*+/=?^_`{}~.-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+\z"


@dataclass(frozen=True, slots=True)
class Given:
    """A frame of rows, and what is known of its people: as the bare calls want it, as a table, and as we do."""

    frame: pd.DataFrame
    arrays: dict[str, Any]
    table: pd.DataFrame
    told: Told


def frame_of(n_rows: int) -> pd.DataFrame:
    """Return a frame of addresses, 30 % of them different, in two spellings, without a Python object a row."""
    rng = np.random.default_rng(0)
    people = rng.integers(0, int(n_rows * 0.3) + 1, n_rows)
    start = pa.array(["person", "Person"], TEXT).take(pa.array((rng.random(n_rows) < 0.1).astype(int)))
    emails: Any = pc.binary_join_element_wise(*_texts(start, people, "@firm", people % 5003, ".example", ""))
    return pd.DataFrame({"email": pd.Series(pd.array(emails, dtype=pd.Series(["a"]).dtype))})


def _texts(*parts: Any) -> Iterator[Any]:
    """Return numbers and words as Arrow's large texts."""
    for part in parts:
        numbers = pa.array(part) if isinstance(part, np.ndarray) else part
        yield numbers.cast(TEXT) if isinstance(numbers, pa.Array) else pa.scalar(numbers, TEXT)


def given(n_rows: int) -> Given:
    """Make a frame and the answers to it."""
    frame = frame_of(n_rows)
    emails: Any = pc.ascii_lower(pa.array(frame["email"].array, TEXT)).dictionary_encode().dictionary
    n = len(emails)
    numbers = np.arange(n)
    arrays: dict[str, Any] = {
        name: pc.binary_join_element_wise(*_texts(name.title(), numbers % distinct, " "))
        for name, distinct in zip(TEXTS, (900, 50_000, 40), strict=True)
    }
    arrays |= {name: (numbers % len(words)).astype(np.int8) for name, words in ENUMS.items()}
    arrays |= {"icp_score": numbers % 101, "confidence": np.full(n, 0.93), "at_us": 1_764_000_000_000_000 + numbers}
    arrays |= {"reason": pa.nulls(n, TEXT), "credits": np.ones(n, np.int64)}
    columns = {name: value.to_pandas() if isinstance(value, pa.Array) else value for name, value in arrays.items()}
    for name, words in ENUMS.items():
        columns[name] = pd.Categorical.from_codes(columns[name], words)
    columns["at_us"] = pd.to_datetime(columns["at_us"], unit="us", utc=True)
    constant = {"status": pd.Categorical(["completed"] * n), "source": pd.Categorical(["api"] * n)}
    table = pd.DataFrame({"key": emails.to_pandas(), **columns, **constant})
    return Given(frame=frame, arrays=arrays, table=table, told=told_of(arrays, n))


def told_of(arrays: dict[str, Any], n: int) -> Told:
    """Return what `join` takes."""
    names: dict[FieldName, Any] = {name: arrays[name] for name in FIELDS}
    facts = Facts(
        statuses=np.full(n, STATUS_CODE[RowStatus.COMPLETED], np.int8),
        sources=np.full(n, SOURCE_CODE[Source.API], np.int8),
        credits=arrays["credits"],
        times_us=arrays["at_us"],
        confidences=arrays["confidence"],
        reasons=arrays["reason"],
        values=names,
        notes={},
    )
    return Told(facts, np.arange(n))


def ours(one: Given) -> object:
    """Find who is in the frame, and put what is known on the rows."""
    keys = read(one.frame, Columns(email="email"))
    return join(
        one.frame, keys.codes, one.told, FIELDS, existing={}, filled=np.zeros(len(one.frame), bool), kinds=Kinds(),
        provenance=True,
    )  # fmt: skip


def bare(one: Given) -> object:
    """Make the bare calls of Arrow and NumPy that the same columns take, and no check but those for plain addresses."""
    texts: Any = pa.array(one.frame["email"].array, TEXT, from_pandas=True)
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    ascii_only = not (np.frombuffer(texts.buffers()[2], np.uint8) & 128).any()
    assert ascii_only
    encoded = pc.ascii_trim_whitespace(pc.ascii_lower(texts)).dictionary_encode()
    assert pc.all(pc.match_substring_regex(encoded.dictionary, PLAIN)).as_py()
    codes = encoded.indices.to_numpy().astype(np.intp)
    places = pa.array(codes)
    dtype: Any = pd.Series(["a"]).dtype
    columns: dict[str, Any] = {}
    for name in (*TEXTS, "reason"):
        spread = one.arrays[name].take(places)
        columns[name] = (
            spread.to_pandas() if dtype.kind == "O" and dtype.name == "object" else pd.array(spread, dtype=dtype)
        )
    for name, words in ENUMS.items():
        columns[name] = _categorical(one.arrays[name], codes, pd.CategoricalDtype(words))
    n = len(one.arrays["icp_score"])
    columns["status"] = _categorical(np.zeros(n, np.int8), codes, STATUS_DTYPE)
    columns["source"] = _categorical(np.zeros(n, np.int8), codes, SOURCE_DTYPE)
    none = np.zeros(len(codes), np.bool_)
    columns["icp_score"] = pd.arrays.IntegerArray(np.take(one.arrays["icp_score"], codes), none)
    columns["credits"] = pd.arrays.IntegerArray(np.take(one.arrays["credits"], codes), none)
    columns["confidence"] = pd.arrays.FloatingArray(np.take(one.arrays["confidence"], codes), none)
    columns["at_us"] = pd.array(np.take(one.arrays["at_us"], codes).view("M8[us]"), dtype="datetime64[us, UTC]")
    return one.frame.assign(**columns)


def _categorical(values: npt.NDArray[np.int8], codes: npt.NDArray[np.intp], dtype: pd.CategoricalDtype) -> Any:
    """Return one column of categories."""
    return pd.Categorical.from_codes(np.take(values, codes), dtype=dtype, validate=False)


def merge(one: Given) -> object:
    """Do what a pandas user would write."""
    frame = one.frame.assign(key=one.frame["email"].str.strip().str.lower())
    frame["key"].drop_duplicates()
    return frame.merge(one.table, on="key", how="left").drop(columns="key")


def polars(one: Given) -> object:
    """Go to Polars and back."""
    import polars as pl

    frame = pl.from_pandas(one.frame).with_columns(key=pl.col("email").str.strip_chars().str.to_lowercase())
    frame["key"].unique(maintain_order=True)
    return frame.join(pl.from_pandas(one.table), on="key", how="left", maintain_order="left").drop("key").to_pandas()


WAYS: dict[str, Callable[[Given], object]] = {"cleanlist": ours, "bare Arrow": bare, "Polars": polars, "merge": merge}


def data(sizes: Sequence[int], rounds: int) -> Iterator[Table]:
    """Compare the ways at each size, in time and in memory above the frame and the answers."""
    for n_rows in sizes:
        one = given(n_rows)
        took = in_turn({name: lambda w=way, o=one: w(o) for name, way in WAYS.items()}, rounds)
        grown = {name: growth_of(given, way, n_rows) for name, way in WAYS.items()}
        us = took["cleanlist"]
        yield Table(
            f"Keys and 12 columns joined, {n_rows:,} rows, 30 % different people",
            [
                "way",
                "CPU ns a row",
                "wall ns a row",
                "ours / this, CPU",
                "ours / this, wall",
                "bytes a row above input",
            ],
            [
                [
                    name,
                    f"{one_took.cpu_s / n_rows * 1e9:,.0f}",
                    f"{one_took.wall_s / n_rows * 1e9:,.0f}",
                    f"{us.cpu_s / one_took.cpu_s:.2f}",
                    f"{us.wall_s / one_took.wall_s:.2f}",
                    f"{grown[name] / n_rows:,.0f}",
                ]
                for name, one_took in took.items()
            ],
        )

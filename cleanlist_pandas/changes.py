"""The door to `diff`: two enriched frames, or the files they are in, and what changed between them."""

from __future__ import annotations

import os
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd

from cleanlist_pandas.ending import warn
from cleanlist_pandas.files import read_frame
from cleanlist_pandas.frame.diff import diff_frames
from cleanlist_pandas.frame.tables import is_table, to_pandas
from cleanlist_pandas.signatures import ArrowTable, door

__all__ = ["diff"]

Table = ArrowTable | str | os.PathLike[str]


@door(object)
def diff(df: Table, before: Table, on: Hashable | None = None) -> pd.DataFrame:
    """Tell who changed jobs between two enriched frames, and whose address or phone came or went. Free and offline.

    People are matched by their e-mail address, or by `on`; only those who are in both frames are compared. Of several
    rows for one person the first that has any enriched value counts.

    Parameters
    ----------
    df : pandas.DataFrame, Arrow table or path
        The newer frame, with the columns `enrich` made; not changed.
    before : pandas.DataFrame, Arrow table or path
        The earlier one. CSV, TSV and Parquet do equally well: of enums the words count, not the dtype.
    on : Hashable, optional
        A column of both frames that says who a row is about, such as ``"Record ID"``; values are compared as text, and
        where they are addresses, as addresses. By default the e-mail column that `enrich` would take.

    Returns
    -------
    pandas.DataFrame
        One row a change, the most important kind first and within it in the order of `df`; dtypes never depend on
        the data.

        - ``email``, text: who, the address in its one spelling. With `on` it is that column instead, as `df` has it.
        - ``change``, ordered category: new_company, promotion, demotion, new_title, email_invalid, email_valid,
          phone_gained, phone_changed, phone_lost.
        - ``field``, category: company, seniority, title, email_status or phone; ``before`` and ``after``, text: its
          two values.
        - ``company``, ``title``, ``title_before``, text, and ``seniority``, ``seniority_before``, ordered category: so
          that each row tells the whole story.
        - ``row``, ``row_before``, Int64: positions in the two frames, for ``df.iloc[changes.row]``.

        ``attrs["cleanlist_diff"]`` counts the ``people`` in both, and those ``only_now`` and ``only_before``.

    Raises
    ------
    ConfigurationError
        If a file is missing or no table.
    ColumnsError
        If it is unclear who a row is about (name the column with ``on=``), or the frames have no enriched column in
        common, or one of them twice.

    Notes
    -----
    To see what changed, look the people up again with ``enrich(on_existing="replace")``: the default keeps values that
    are there, and a held answer is used again for as long as ``max_age``, 90 days.

    A person has at most one of the four job changes. Somebody who is vp elsewhere now is one ``new_company`` row, whose
    seniority columns say that it was a step up; within a company seniority, which is ordered, decides promotion and
    demotion, and a title that changes without it is ``new_title``. Names of companies and titles are compared without
    case, accents, punctuation and spaces, companies without their legal form too ("Acme" is "ACME, Inc."), phones by
    their digits.

    A field is compared if both frames have its column, and what only one of them knows of a person is no change, with
    two exceptions. An address that is invalid now is ``email_invalid`` unless it was so before; ``email_valid`` is one
    that was invalid and is valid again. And phones are gained and lost, but not lost where ``enriched_status`` says
    that there was no answer (skipped, failed, in_doubt, not_attempted). Words of an enum that the service does not
    document count as not known.

    Examples
    --------
    >>> import pandas as pd
    >>> import cleanlist_pandas as cl
    >>> spring = pd.DataFrame(
    ...     {
    ...         "email": ["kim@acme.example", "lou@acme.example"],
    ...         "enriched_company": ["Acme", "Acme"],
    ...         "enriched_seniority": ["manager", "director"],
    ...     }
    ... )
    >>> summer = pd.DataFrame(
    ...     {
    ...         "email": ["LOU@acme.example", "kim@acme.example"],
    ...         "enriched_company": ["Globex", "Acme, Inc."],
    ...         "enriched_seniority": ["vp", "director"],
    ...     }
    ... )
    >>> changes = summer.cleanlist.diff(spring)
    >>> changes[["email", "change", "before", "after", "seniority_before", "seniority"]]
                  email       change   before     after seniority_before seniority
    0  lou@acme.example  new_company     Acme    Globex         director        vp
    1  kim@acme.example    promotion  manager  director          manager  director
    """
    changes = diff_frames(_table(df), _table(before), on)
    counts = changes.attrs["cleanlist_diff"]
    if not counts["people"] and counts["only_now"] and counts["only_before"]:
        warn(
            f"Nobody is in both frames ({counts['only_now']:,} people now, {counts['only_before']:,} before), so there "
            "was nothing to compare; match them by another column with on=."
        )
    return changes


def _table(given: Any) -> Any:
    """Return a frame, or read the file it stands for."""
    if isinstance(given, str | os.PathLike):
        return read_frame(str(Path(given).expanduser()))
    return to_pandas(given) if is_table(given) else given

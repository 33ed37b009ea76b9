"""What was submitted, to be collected later or elsewhere: small and plain, without addresses and keys."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.files import write_json
from cleanlist_pandas.wording import n_of

__all__ = ["Job"]

FORMAT: Final = "cleanlist-pandas job 1"
_KINDS: Final = {
    **dict.fromkeys(("run", "service", "world", "digest", "ledger", "submitted_at"), str),
    "fields": list,
    "people": int,
    "credits": int,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What `submit` sent, for `collect`. It can be pickled, and saved as a file that a person can read.

    Attributes
    ----------
    run : str
        The run in the ledger.
    service : str
        The surface that was asked, as ``service=`` names it.
    world : str
        ``live``, or ``local`` for a sandbox.
    fields : tuple of str
        What was asked for.
    people : int
        Unique people of the frame.
    digest : str
        A fingerprint of them, whatever their order.
    credits : int
        What it costs at most: charged already, or set aside.
    ledger : str
        Where the ledger is; empty where it is in memory.
    submitted_at : str
        When it was begun, ISO 8601, UTC.
    """

    run: str
    service: str
    world: str
    fields: tuple[str, ...]
    people: int
    digest: str
    credits: int
    ledger: str
    submitted_at: str

    def __repr__(self) -> str:
        asked, price = ", ".join(self.fields), n_of(self.credits, "credit")
        who = n_of(self.people, "person", "people")
        return f"Job: {who} submitted to {self.service} for {asked}, at most {price}; collect(job) brings the answers."

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the job to a JSON file; one that is there is written over, whole or not at all.

        Parameters
        ----------
        path : path-like
            Where to; it holds no address and no key.
        """
        advice = "; it is in the ledger all the same: name another file"
        write_json({"format": FORMAT, **asdict(self)}, path, "job", advice)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a job that `save` wrote.

        Raises
        ------
        ConfigurationError
            If there is no such file, or it is no job.
        """
        source = Path(path).expanduser()
        try:
            content: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
            is_ours = content.pop("format") == FORMAT and {name: type(cell) for name, cell in content.items()} == _KINDS
            if is_ours and content["credits"] >= 0 and datetime.fromisoformat(content["submitted_at"]).tzinfo:
                return cls(**{**content, "fields": tuple(content["fields"])})
        except FileNotFoundError:
            raise ConfigurationError(f"There is no job at {source}; submit(df, …).save(path) writes one.") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass
        raise ConfigurationError(f"{source} is no job that Job.save wrote; nothing was asked. Name the right file.")

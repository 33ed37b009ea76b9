"""What a person asks of the ledger: what was paid for, what is in doubt, what to dispute, whom to forget."""

from __future__ import annotations

import json
import os
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self

import pandas as pd
import platformdirs

from cleanlist_pandas import checks
from cleanlist_pandas.errors import ConfigurationError
from cleanlist_pandas.files import read_frame
from cleanlist_pandas.frame.addresses import cell_texts, normalise
from cleanlist_pandas.frame.known import read_export
from cleanlist_pandas.run.adopt import adopted
from cleanlist_pandas.run.records import ADOPTED, IN_DOUBT, Run
from cleanlist_pandas.run.salvage import read_only, readable_rows, write_export
from cleanlist_pandas.run.store import Store
from cleanlist_pandas.run.views import FATE, stats_of, typed
from cleanlist_pandas.settings import resolve, unset

__all__ = ["Ledger", "default_path", "own_path"]

REUSE: Final = timedelta(days=60)
_WRONGLY: Final = {"not_found": "charged on a miss", "failed": "charged for a failure"}


def default_path(world: str) -> Path:
    """Where the ledger is kept: the user's data directory, sandboxes apart from the real service."""
    name = "ledger.sqlite3" if world == "live" else "sandbox.sqlite3"
    return platformdirs.user_data_path("cleanlist-pandas", appauthor=False) / name


def own_path(given: str | os.PathLike[str] | None = None, *, url: str | None = None) -> Path:
    """Return the ledger that `enrich` would use here and now, for the service at `url`: as given, as set, or usual."""
    url = url or resolve("base_url").value
    setting = resolve("ledger", unset if given is None else given, url=url).value
    if isinstance(setting, Store) and setting.path is not None:
        return setting.path
    return setting if isinstance(setting, Path) else default_path(_world(url))


def _world(url: str) -> str:
    """Return which world's answers count for a service: invented ones never mix with paid ones."""
    return "local" if checks.is_loopback(url) else "live"


class Ledger(Store):
    """A file that remembers every look-up and its answer, so that nothing is paid for twice.

    Opening it sends nothing and spends nothing.

    Parameters
    ----------
    path : path-like, optional
        The file; made if missing, readable by its owner only. By default the one that `enrich` would use: what
        ``CLEANLIST_LEDGER``, `options` or an open sandbox name, else ``ledger.sqlite3`` in your user data directory
        (not the cache: this is data that was paid for).

    Raises
    ------
    LedgerError
        If the file is damaged, newer, not yours, or cannot be written durably.

    Examples
    --------
    >>> import cleanlist_pandas as cl
    >>> with cl.Ledger("leads.sqlite3") as ledger:
    ...     int(ledger.stats()["lookups"])
    0
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        super().__init__(own_path(path))

    @classmethod
    def in_memory(cls) -> Self:
        """Return a ledger that forgets everything when it is closed."""
        ledger = cls.__new__(cls)
        Store.__init__(ledger, None)
        return ledger

    def stats(self) -> pd.Series:
        """Count look-ups and credits by what became of them. Sends nothing.

        Returns
        -------
        pandas.Series of int64
            ``lookups``, ``people``, ``completed``, ``not_found``, ``failed``, ``in_doubt``, ``running`` (by a run that
            is going on), ``released``, ``credits`` (charged), ``credits_in_doubt`` (perhaps charged) and
            ``credits_running`` (set aside).
        """
        with self._reading():
            rows = self._sql.execute(
                f"SELECT {FATE}, count(*), total(o.credits), total(l.price) FROM lookups l "  # noqa: S608 - constants
                "LEFT JOIN outcomes o ON o.lookup = l.id GROUP BY 1",
                (self._gone(),),
            ).fetchall()
            whom = "SELECT count(DISTINCT address) FROM lookups WHERE instr(address, '@')"  # a company is a domain
            people = self._sql.execute(whom).fetchone()[0]
        return stats_of(rows, people)

    def _gone(self) -> str:
        """Return the runs that are over and left look-ups open, as JSON; a run writes first, and then lets go."""
        whose = "SELECT DISTINCT run FROM lookups l WHERE NOT EXISTS (SELECT 1 FROM outcomes WHERE lookup = l.id)"
        return json.dumps([run for (run,) in self._sql.execute(whose).fetchall() if not self._is_alive(run)])

    def history(self, world: str) -> list[tuple[str, int, int]]:
        """Return how many people were found and missed at each mail domain; what was adopted does not count.

        Companies, which are looked up by a domain, stand together under no domain at all.
        """
        with self._reading():
            return self._sql.execute(
                "SELECT iif(instr(address, '@'), substr(address, instr(address, '@') + 1), ''), "
                "sum(found), sum(1 - found) FROM ("
                "SELECT address, max(status = 'completed') AS found FROM lookups l JOIN outcomes o ON o.lookup = l.id "
                "WHERE world = ? AND service != ? AND status IN ('completed', 'not_found') GROUP BY 1"
                ") GROUP BY 1",
                (world, ADOPTED),
            ).fetchall()

    def in_doubt(self) -> pd.DataFrame:
        """List what was sent and never answered, with its worst-case price. Sends nothing.

        Returns
        -------
        pandas.DataFrame
            One row a look-up: ``address``, ``fields``, ``credits`` (int64, at worst), ``sent_at`` (UTC), ``reason``.
            Look-ups of a run that is still going on are not among them.
        """
        with self._reading():
            rows = self._sql.execute(
                "SELECT l.address, l.fields, l.price, l.at_us, "  # noqa: S608 - constants
                "coalesce(o.reason, iif(j.lookup IS NULL, 'cut off', 'taken; the next run asks what became of it')) "
                "FROM lookups l LEFT JOIN outcomes o ON o.lookup = l.id "
                f"LEFT JOIN jobs j ON j.lookup = l.id WHERE {FATE} = ? ORDER BY l.id",
                (self._gone(), IN_DOUBT),
            ).fetchall()
        frame = pd.DataFrame(rows, columns=["address", "fields", "credits", "sent_at", "reason"])
        return typed(frame, "sent_at", "credits")

    def erase(self, address: str) -> dict[str, Any]:
        """Forget one person for good and never send their address again. Sends nothing.

        Their rows are overwritten in the file; a salted hash of the address stays, so that later runs skip it.

        Parameters
        ----------
        address : str
            An e-mail address in any spelling `enrich` understands.

        Returns
        -------
        dict
            A receipt: ``lookups`` removed, ``digest`` (the salted hash, hexadecimal) and ``erased_at`` (UTC).

        Raises
        ------
        ConfigurationError
            If it is no e-mail address.
        """
        found = normalise(cell_texts(pd.Series([address], dtype=object)))
        person = found.addresses[0].as_py()
        if person is None or found.several[0]:  # of several only the first would be erased
            raise ConfigurationError("erase() needs one e-mail address, such as 'jane@acme.example'.")
        digest, now_us = self._digest(person), time.time_ns() // 1000
        with self._writing():
            for table in ("outcomes", "jobs"):
                theirs = "lookup IN (SELECT id FROM lookups WHERE address = ?)"
                self._sql.execute(f"DELETE FROM {table} WHERE {theirs}", (person,))  # noqa: S608 - constants
            removed = self._sql.execute("DELETE FROM lookups WHERE address = ?", (person,)).rowcount
            self._sql.execute("INSERT OR IGNORE INTO erased VALUES (?, ?)", (digest, now_us))
        erased_at = pd.Timestamp(now_us, unit="us", tz="UTC").isoformat()
        return {"lookups": removed, "digest": digest.hex(), "erased_at": erased_at}

    def adopt(self, export: pd.DataFrame | str | os.PathLike[str], *, as_of: Any = None) -> int:
        """Count earlier results as paid for: results of `enrich`, exports of the web app. Sends nothing.

        Parameters
        ----------
        export : DataFrame or path
            A table with an e-mail column and ``enriched_`` columns; a CSV, TSV or Parquet file of one. Where
            ``enriched_status`` says completed, an empty cell was asked for in vain and is not bought again; drop that
            column if not everybody was asked for everything, as by a run with ``phone_if=``.
        as_of : str or datetime, optional
            When its answers were given, where ``enriched_at`` does not say; by default when the file was last changed,
            for a frame now. It decides how long they stand.

        Returns
        -------
        int
            People taken in. Who is erased is not, nor what the ledger knows as new already: adopting a file twice
            changes nothing.

        Raises
        ------
        ColumnsError
            If it has no e-mail column or no enriched column.

        Examples
        --------
        >>> import pandas as pd
        >>> import cleanlist_pandas as cl
        >>> last_year = pd.DataFrame({"email": ["jo@acme.example"], "enriched_title": ["CTO"]})
        >>> with cl.Ledger("leads.sqlite3") as ledger:
        ...     ledger.adopt(last_year)
        1
        """
        if isinstance(export, pd.DataFrame):
            frame, changed_s = export, time.time()
        else:
            if not isinstance(export, str | os.PathLike):
                raise ConfigurationError(f"adopt() takes a DataFrame or a path, not {type(export).__name__}.")
            path = Path(export).expanduser()
            frame = read_frame(str(path))
            changed_s = time.time() if str(path) == "-" else path.stat().st_mtime
        as_of_us = int(changed_s * 1e6) if as_of is None else checks.moment_us(as_of)
        table = read_export(frame)
        run = Run(id=uuid.uuid4().hex, world=_world(resolve("base_url").value), service=ADOPTED)
        return self.take_in(run, list(adopted(table, as_of_us)))

    def audit(self) -> pd.DataFrame:
        """List charges that disagree with the tariff, to dispute with. Sends nothing.

        Returns
        -------
        pandas.DataFrame
            One row a charge: ``address``, ``fields``, ``credits`` (int64, charged), ``price`` (int64, credits it should
            have cost at most), ``answered_at`` (UTC), ``status`` and ``reason``: charged on a miss, charged for a
            failure, charged above the price, or charged a second time within 60 days (as long as the vendor
            keeps results).
        """
        with self._reading():
            rows = self._sql.execute(
                "SELECT l.address, l.fields, o.credits, l.price, o.at_us, o.status, l.world "
                "FROM lookups l JOIN outcomes o ON o.lookup = l.id WHERE o.credits > 0 ORDER BY l.id"
            ).fetchall()
        found = []
        paid_at_us: dict[tuple[str, ...], int] = {}
        for address, fields, credits, price, at_us, status, world in rows:
            who = (world, address, *sorted(fields.split(",")))
            again = who in paid_at_us and at_us - paid_at_us[who] <= REUSE.total_seconds() * 1e6
            paid_at_us[who] = at_us
            reason = _WRONGLY.get(status) or ("charged above the price" if credits > price else "")
            reason = reason or ("charged a second time" if again else "")
            if reason:
                found.append((address, fields, credits, price, at_us, status, reason))
        columns = ["address", "fields", "credits", "price", "answered_at", "status", "reason"]
        return typed(pd.DataFrame(found, columns=columns), "answered_at", "credits", "price")

    def export(self, path: str | os.PathLike[str]) -> int:
        """Write all look-ups and answers to a file of your own. Sends nothing.

        Parameters
        ----------
        path : path-like
            CSV, or Parquet by its ending. It holds addresses and answers: keep it as you keep the ledger.

        Returns
        -------
        int
            Rows written. Of a damaged file, use `Ledger.salvage`.
        """
        with self._reading():
            frame = readable_rows(self._sql)
        return write_export(frame, Path(path).expanduser())

    @staticmethod
    def salvage(damaged: str | os.PathLike[str], path: str | os.PathLike[str]) -> int:
        """Write what can still be read of a damaged ledger to a file of your own; the ledger is not changed.

        Parameters
        ----------
        damaged : path-like
            A ledger that `Ledger` refuses to open.
        path : path-like
            CSV, or Parquet by its ending.

        Returns
        -------
        int
            Rows written; rows whose checksum does not fit are left out.
        """
        with read_only(Path(damaged).expanduser()) as connection:
            frame = readable_rows(connection)
        return write_export(frame, Path(path).expanduser())

    def prune(self, older_than: int | str | timedelta) -> int:
        """Forget look-ups older than an age. Whoever is forgotten would be bought again. Sends nothing.

        Parameters
        ----------
        older_than : int, str or timedelta
            Days, or what ``pandas.Timedelta`` reads. Look-ups in doubt stay, whatever their age.

        Returns
        -------
        int
            Look-ups removed.
        """
        age = checks.age(older_than)
        if age is None:
            raise ConfigurationError("prune() needs an age, such as 365 (days) or '52W'.")
        before_us = time.time_ns() // 1000 - int(age.total_seconds() * 1e6)
        with self._writing():
            old = "SELECT lookup FROM outcomes WHERE at_us < ? AND status != ?"
            removed = self._sql.execute(f"DELETE FROM lookups WHERE id IN ({old})", (before_us, IN_DOUBT)).rowcount  # noqa: S608 - constants
            self._sql.execute("DELETE FROM outcomes WHERE at_us < ? AND status != ?", (before_us, IN_DOUBT))
            self._sql.execute("DELETE FROM jobs WHERE lookup NOT IN (SELECT id FROM lookups)")
        return removed

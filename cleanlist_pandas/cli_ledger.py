"""``cleanlist-pandas ledger``: what was paid for, what is in doubt, what to dispute, whom to forget."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from cleanlist_pandas.cli_say import DONE, say, say_json
from cleanlist_pandas.errors import ConfigurationError, LedgerError
from cleanlist_pandas.run.ledger import Ledger, default_path, own_path
from cleanlist_pandas.settings import option_context
from cleanlist_pandas.wording import n_of

__all__ = ["LOCAL_URL", "run_ledger"]

LOCAL_URL: Final = "http://127.0.0.1"  # whatever is on this machine is a sandbox


def run_ledger(options: argparse.Namespace) -> int:
    """``ledger stats | in-doubt | audit | adopt | export | erase | prune``."""
    path = default_path("local") if options.sandbox and options.ledger is None else own_path(options.ledger)
    # Whoever is erased before the first run is never sent; what is adopted before it is not bought.
    if options.action not in ("erase", "adopt") and not path.exists():
        raise ConfigurationError(f"There is no ledger at {path} yet; the first enrich makes one.")
    if options.action == "export":
        return _export(path, options.output)
    with Ledger(path) as ledger:
        if options.action == "stats":
            _tell_stats(path, ledger, options)
        elif options.action == "erase":
            address = sys.stdin.readline().strip() if options.address == "-" else options.address
            say_json(ledger.erase(address))
        elif options.action == "prune":
            n_forgotten = ledger.prune(options.age)
            _tell("forgotten", n_forgotten, f"{n_of(n_forgotten, 'look-up')} forgotten", options)
        elif options.action == "adopt":
            n_adopted = _adopt(ledger, options)
            told = f"{n_of(n_adopted, 'answer')} of {options.file} adopted: paid for already"
            _tell("adopted", n_adopted, told, options)
        else:
            found = ledger.in_doubt() if options.action == "in-doubt" else ledger.audit()
            found.to_csv(sys.stdout, index=False, lineterminator="\n")
    return DONE


def _adopt(ledger: Ledger, options: argparse.Namespace) -> int:
    """Take in an export, for the real service or for the sandbox."""
    if not options.sandbox:
        return ledger.adopt(options.file, as_of=options.as_of)
    with option_context(base_url=LOCAL_URL):
        return ledger.adopt(options.file, as_of=options.as_of)


def _tell(what: str, n: int, text: str, options: argparse.Namespace) -> None:
    """Tell one count, to a person or a machine."""
    if options.json:
        say_json({what: n})
    else:
        say(text)


def _tell_stats(path: Path, ledger: Ledger, options: argparse.Namespace) -> None:
    """Tell the counts of a ledger."""
    stats = {str(name): int(n) for name, n in ledger.stats().items()}
    if options.json:
        say_json(stats)
    else:
        say("\n".join([str(path), *(f"{n:>9,} {name.replace('_', ' ')}" for name, n in stats.items())]))


def _export(path: Path, output: str) -> int:
    """Write the ledger to a file; what cannot be trusted any more, as far as it can be read."""
    try:
        with Ledger(path) as ledger:
            n_rows = ledger.export(output)
    except LedgerError as error:
        say(f"cleanlist-pandas: {error}")
        n_rows = Ledger.salvage(path, output)
    say(f"Wrote {n_rows:,} look-ups to {output}; it holds addresses, keep it to yourself")
    return DONE

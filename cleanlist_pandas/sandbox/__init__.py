"""A local stand-in for the Cleanlist enrichment service: invented people, real sockets, faults on demand.

It imports nothing of the rest of the package: if both sides read one table of field names, a wrong name would agree
with itself. Which parts are the vendor's and which are assumptions is said at the top of the modules: `rules` for
csv_row, `csv_files` for whole files, those that begin with `v2` for v2, `legacy` and `webhooks` for legacy v1, `seek`
and `account` for both.

Examples
--------
>>> from cleanlist_pandas.sandbox import Fault, Sandbox
>>> with Sandbox(faults=[Fault(status=503), None]) as sandbox:
...     sandbox.credits_left is None
True
"""

from cleanlist_pandas.sandbox.books import Charge, RequestRecord, Reservation, Totals
from cleanlist_pandas.sandbox.faults import Fault
from cleanlist_pandas.sandbox.scripts import PRESETS, load_faults, named_faults
from cleanlist_pandas.sandbox.server import Sandbox, run_forever
from cleanlist_pandas.sandbox.terms import Clock, Terms

__all__ = [
    "PRESETS",
    "Charge",
    "Clock",
    "Fault",
    "RequestRecord",
    "Reservation",
    "Sandbox",
    "Terms",
    "Totals",
    "load_faults",
    "named_faults",
    "run_forever",
]

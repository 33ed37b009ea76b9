"""A local stand-in for the Cleanlist enrichment service: invented people, real sockets, faults on demand.

It imports nothing of the rest of the package: if both sides read one table of field names, a wrong name would agree
with itself. Which parts are the vendor's and which are assumptions is said in `cleanlist_pandas.sandbox.rules`.

Examples
--------
>>> from cleanlist_pandas.sandbox import Fault, Sandbox
>>> with Sandbox(faults=[Fault(status=503), None]) as sandbox:
...     sandbox.credits_left is None
True
"""

from cleanlist_pandas.sandbox.books import Charge, RequestRecord
from cleanlist_pandas.sandbox.faults import Fault
from cleanlist_pandas.sandbox.scripts import PRESETS, load_faults, named_faults
from cleanlist_pandas.sandbox.server import Sandbox, run_forever

__all__ = ["PRESETS", "Charge", "Fault", "RequestRecord", "Sandbox", "load_faults", "named_faults", "run_forever"]

"""B2B contact enrichment as a pandas accessor: know the price before you pay, pay once for each person, lose nothing.

Importing it registers ``df.cleanlist``; every method is also a function here.

Examples
--------
>>> import pandas as pd
>>> import cleanlist_pandas as cl
>>> leads = pd.DataFrame({"email": ["jo@acme.example", "JO@acme.example"]})
>>> leads.cleanlist.estimate_cost().at_most
1
"""

from cleanlist_pandas.accessor import register
from cleanlist_pandas.errors import (
    AuthenticationError,
    CleanlistError,
    CleanlistWarning,
    ColumnsError,
    ConfigurationError,
    LedgerError,
    LedgerStoppedError,
    OutOfCreditsError,
    RunInterrupted,
    RunStoppedError,
    ServiceError,
    TariffError,
)
from cleanlist_pandas.functions import aenrich, check, diff, enrich, estimate_cost, pilot, plan, report
from cleanlist_pandas.jobs import collect, submit
from cleanlist_pandas.last import last_run
from cleanlist_pandas.local import sandbox
from cleanlist_pandas.plan.document import Plan
from cleanlist_pandas.plan.estimate import CostEstimate
from cleanlist_pandas.plan.job import Job
from cleanlist_pandas.plan.pilot import Pilot
from cleanlist_pandas.run.ledger import Ledger
from cleanlist_pandas.run.report import RunReport
from cleanlist_pandas.settings import option_context, options, show_config

__version__ = "0.1.0"

__all__ = [
    "AuthenticationError",
    "CleanlistError",
    "CleanlistWarning",
    "ColumnsError",
    "ConfigurationError",
    "CostEstimate",
    "Job",
    "Ledger",
    "LedgerError",
    "LedgerStoppedError",
    "OutOfCreditsError",
    "Pilot",
    "Plan",
    "RunInterrupted",
    "RunReport",
    "RunStoppedError",
    "ServiceError",
    "TariffError",
    "aenrich",
    "check",
    "collect",
    "diff",
    "enrich",
    "estimate_cost",
    "last_run",
    "option_context",
    "options",
    "pilot",
    "plan",
    "report",
    "sandbox",
    "show_config",
    "submit",
]

register()


def __dir__() -> list[str]:
    """Show what is public."""
    return [*__all__, "__version__"]

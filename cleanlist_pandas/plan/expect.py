"""What a plan will probably cost: hit rates by kind of mail domain, learnt from the answers the ledger holds. Pure.

Each kind of domain has its own rate with a uniform prior, so without a history the guess is one half and the interval
says that nothing is known. Interval and mean are those of a sum of beta-binomial variables, taken as normal.

References
----------
Gelman et al., *Bayesian Data Analysis*, 3rd ed., section 2.4 (the beta-binomial posterior).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from cleanlist_pandas.frame.mail_domains import DomainClass

__all__ = ["COMPANY", "Expected", "HitRates", "expect", "wilson"]

COMPANY: Final = len(DomainClass)
"""The kind of what is no person at a domain but the company itself."""
KINDS: Final = (*DomainClass, COMPANY)

Z_90: Final = 1.6449  # two-sided 90 % of the normal distribution
Z_95: Final = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class HitRates:
    """How often people were found, by kind of domain.

    Parameters
    ----------
    found, missed : mapping of int to int
        People found and not found so far, by `DomainClass`; companies as `COMPANY`.
    """

    found: Mapping[int, int] = field(default_factory=dict)
    missed: Mapping[int, int] = field(default_factory=dict)

    @property
    def history(self) -> int:
        """People and companies the rates rest on."""
        return sum(self.found.values()) + sum(self.missed.values())

    def of(self, classes: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
        """Return each person's expected hit rate."""
        means = [a / (a + b) for a, b in (self.posterior(kind) for kind in KINDS)]
        return np.array(means)[classes]

    def posterior(self, kind: int) -> tuple[float, float]:
        """Return the two parameters of a rate's beta distribution."""
        return self.found.get(kind, 0) + 1.0, self.missed.get(kind, 0) + 1.0


@dataclass(frozen=True, slots=True)
class Expected:
    """Credits a plan will probably cost.

    Parameters
    ----------
    credits : float
        The mean.
    low, high : float
        Between which it lies with a probability of 90 %.
    history : int
        People of the ledger it rests on; 0: it is a guess.
    """

    credits: float
    low: float
    high: float
    history: int


def expect(classes: npt.NDArray[np.int8], prices: npt.NDArray[np.int64], rates: HitRates) -> Expected:
    """Return what people of some kinds and prices will probably cost."""
    mean = variance = 0.0
    for kind in KINDS:
        mine = prices[classes == kind].astype(np.float64)
        a, b = rates.posterior(kind)
        rate, spread = a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1))
        mean += rate * mine.sum()
        variance += spread * mine.sum() ** 2 + (rate * (1 - rate) - spread) * (mine**2).sum()
    reach = Z_90 * math.sqrt(variance)
    most = float(prices.sum())
    return Expected(mean, max(0.0, mean - reach), min(most, mean + reach), rates.history)


def wilson(hits: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """Return the interval a share lies in, seen `hits` times in `n` (Wilson 1927); (0, 1) if nothing was seen.

    Examples
    --------
    >>> low, high = wilson(8, 10)
    >>> round(low, 3), round(high, 3)
    (0.49, 0.943)
    """
    if n == 0:
        return 0.0, 1.0
    share = hits / n
    middle = share + z**2 / (2 * n)
    reach = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)

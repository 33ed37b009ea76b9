"""Reserve, send, settle: the arithmetic that keeps a run within its credits."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Budget"]


@dataclass(slots=True)
class Budget:
    """Credits of one run; at every instant ``settled + reserved + in_doubt <= limit``.

    The one exception is the service charging more than its price: the excess is recorded, because it was paid,
    and the run stops.

    Parameters
    ----------
    limit : int
        Credits the run may spend at most.
    before : Budget, optional
        Of the run that this one goes on with: what is spent here is gone there too, for whoever resumes it once more.
    """

    limit: int
    settled: int = 0
    reserved: int = 0
    in_doubt: int = 0
    before: Budget | None = field(default=None, repr=False)

    @property
    def left(self) -> int:
        """Credits that can still be reserved; never below 0."""
        return max(0, self.limit - self.settled - self.reserved - self.in_doubt)

    def reserve(self, credits: int) -> bool:
        """Set the worst case aside before a request leaves; False if the limit does not allow it."""
        if credits > self.left:
            return False
        self._book(reserved=credits)
        return True

    def settle(self, reserved: int, charged: int) -> None:
        """Turn a reservation into what was charged and free the rest."""
        self._book(reserved=-reserved, settled=charged)

    def release(self, reserved: int) -> None:
        """Free a reservation that can no longer cost anything."""
        self._book(reserved=-reserved)

    def doubt(self, reserved: int) -> None:
        """Keep a reservation for good: sent, and nobody knows whether it was charged."""
        self._book(reserved=-reserved, in_doubt=reserved)

    def _book(self, *, reserved: int = 0, settled: int = 0, in_doubt: int = 0) -> None:
        """Change the books of this run and of those before it."""
        self.reserved += reserved
        self.settled += settled
        self.in_doubt += in_doubt
        if self.before is not None:
            self.before._book(reserved=reserved, settled=settled, in_doubt=in_doubt)

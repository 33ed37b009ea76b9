"""Reserve, send, settle: the arithmetic that keeps a run within its credits."""

from __future__ import annotations

from dataclasses import dataclass

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
    """

    limit: int
    settled: int = 0
    reserved: int = 0
    in_doubt: int = 0

    @property
    def left(self) -> int:
        """Credits that can still be reserved; never below 0."""
        return max(0, self.limit - self.settled - self.reserved - self.in_doubt)

    def reserve(self, credits: int) -> bool:
        """Set the worst case aside before a request leaves; False if the limit does not allow it."""
        if credits > self.left:
            return False
        self.reserved += credits
        return True

    def settle(self, reserved: int, charged: int) -> None:
        """Turn a reservation into what was charged and free the rest."""
        self.reserved -= reserved
        self.settled += charged

    def release(self, reserved: int) -> None:
        """Free a reservation that can no longer cost anything."""
        self.reserved -= reserved

    def doubt(self, reserved: int) -> None:
        """Keep a reservation for good: sent, and nobody knows whether it was charged."""
        self.reserved -= reserved
        self.in_doubt += reserved

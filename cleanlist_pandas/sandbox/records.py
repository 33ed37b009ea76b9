"""What the account keeps: leads, lists, workflows and quotes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from cleanlist_pandas.sandbox.seek import Asked, Found

__all__ = ["Attempt", "Delivery", "Kind", "Lead", "LeadList", "Quote", "Task", "Workflow"]

Kind: TypeAlias = Literal["person", "bulk", "legacy"]


@dataclass(slots=True)
class Lead:
    """One person in the workspace: what was sent of them, and what was found since."""

    lead_id: str
    asked: Asked
    found: Found | None = None
    email: str | None = None
    phone: str | None = None


@dataclass(slots=True)
class LeadList:
    """A list; `leads` holds the ids in the order of their coming."""

    list_id: str
    name: str
    created_s: float
    description: str | None = None
    protected: bool = False
    leads: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class Task:
    """One person of a workflow."""

    task_id: str
    asked: Asked
    lead: Lead
    found: Found = field(default_factory=Found)


@dataclass(slots=True)
class Workflow:
    """One enrichment, from its start to its end."""

    workflow_id: str
    kind: Kind
    request: int
    list_id: str
    enrichment_type: str
    tasks: list[Task]
    reserved: int
    started_s: float
    ends: str | None = None
    credits: int | None = None
    webhook_url: str | None = None
    polls: int = 0
    status: str = "pending"
    charged: int | None = None
    refunded: int | None = None
    ended_s: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.ended_s is not None

    @property
    def summary(self) -> dict[str, int]:
        """Counts, as every surface gives them."""
        return {
            "emails_found": sum(task.found.email is not None for task in self.tasks),
            "phones_found": sum(task.found.phone is not None for task in self.tasks),
        }


@dataclass(slots=True)
class Quote:
    """One signed quote, and whether it was used."""

    quote_id: str
    tool: str
    filter_hash: str
    enrichment_type: str
    row_count: int
    cost: int
    expires_s: int
    used: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver a webhook: when, and what came back."""

    at_s: float
    response_code: int | None
    error: str | None


@dataclass(slots=True)
class Delivery:
    """The webhook of one workflow; `due_s` is when something happens next, ``None`` once nothing will."""

    workflow_id: str
    url: str
    due_s: float | None
    status: str = "pending"
    attempts: list[Attempt] = field(default_factory=list)

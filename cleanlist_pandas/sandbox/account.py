"""One organisation as the v2 and legacy surfaces keep it: lists, leads, workflows, and what they cost. No I/O.

Everything happens between two requests or at a known time, so a test sees the same account whenever it looks.
Assumptions: credits are set aside for the legacy surface too; two rows with one LinkedIn profile become one lead, which
keeps what the first one brought, while both are charged; rows nobody was found for stay in the list, without address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

from cleanlist_pandas.sandbox.books import Books, Charge, Reservation
from cleanlist_pandas.sandbox.csv_files import SURFACE, Upload
from cleanlist_pandas.sandbox.records import Delivery, Kind, Lead, LeadList, Quote, Task, Workflow
from cleanlist_pandas.sandbox.seek import PRICES, Asked, find
from cleanlist_pandas.sandbox.terms import Terms, Window
from cleanlist_pandas.sandbox.world import World

__all__ = ["Account"]

KEY_LIMIT = 30
ORGANISATION_LIMIT = 60
# What an account without an end says it has.
ENDLESS = 1_000_000_000


class Account:
    """The organisation behind the key.

    Parameters
    ----------
    seed : int
        Decides ids and signatures.
    world : World
        Who is known.
    books : Books
        Where credits are set aside and charged.
    terms : Terms
        How the surfaces behave.
    clock : callable
        Gives seconds since 1970.
    """

    def __init__(self, *, seed: int, world: World, books: Books, terms: Terms, clock: Callable[[], float]) -> None:
        self.seed = seed
        self.world = world
        self.books = books
        self.terms = terms
        self.clock = clock
        self.organization_id = f"org_{self.token('organisation', 0)}"
        self.lists: dict[str, LeadList] = {}
        self.leads: dict[str, Lead] = {}
        self.workflows: dict[str, Workflow] = {}
        self.tasks: dict[str, Workflow] = {}
        self.quotes: dict[str, Quote] = {}
        self.imports: dict[str, tuple[float, dict[str, Any]]] = {}
        self.uploads: dict[str, Upload] = {}
        self.upload_keys: dict[str, tuple[bytes, Upload]] = {}
        self._given: Counter[str] = Counter()
        self.deliveries: dict[str, Delivery] = {}
        self._by_identity: dict[str, Lead] = {}
        self._running: dict[str, Workflow | Upload] = {}
        self._windows: dict[int, Window] = {}
        self._organisation = Window(ORGANISATION_LIMIT)
        self.default_list = self.add_list("DEFAULT", protected=True)

    def token(self, kind: str, number: object) -> str:
        """Return sixteen hexadecimal digits that only the seed, a kind and a number decide."""
        return blake2b(f"{self.seed}\0{kind}\0{number}".encode(), digest_size=8).hexdigest()

    def new_id(self, kind: str, prefix: str = "") -> str:
        """Return an id that was not given before."""
        self._given[kind] += 1
        return prefix + self.token(kind, self._given[kind])

    def wait_s(self, caller: int) -> int:
        """Count a request of one key against the limits; return the seconds to wait where it is too early."""
        if not self.terms.limits:
            return 0
        now_s, own = self.clock(), self._windows.setdefault(caller, Window(KEY_LIMIT))
        wait_s = max(own.wait_s(now_s), self._organisation.wait_s(now_s))
        if not wait_s:
            own.take(now_s)
            self._organisation.take(now_s)
        return wait_s

    @property
    def credits(self) -> int:
        """Credits that can be spent, never below 0."""
        left = self.books.credits_left
        return ENDLESS if left is None else max(0, left)

    def add_list(self, name: str, description: str | None = None, *, protected: bool = False) -> LeadList:
        """Open a list."""
        made = LeadList(self.new_id("list", "ll_"), name, self.clock(), description, protected)
        self.lists[made.list_id] = made
        return made

    def list_named(self, name: str) -> LeadList | None:
        """Return the list of that name, in any case."""
        return next((one for one in self.lists.values() if one.name.casefold() == name.casefold()), None)

    def add_lead(self, asked: Asked, into: LeadList | None = None) -> Lead:
        """Write down a person, and put them into a list."""
        lead = Lead(self.new_id("lead", "lead_"), asked)
        self.leads[lead.lead_id] = lead
        if into is not None:
            into.leads[lead.lead_id] = None
        return lead

    def start(
        self,
        kind: Kind,
        request: int,
        into: LeadList,
        leads: Iterable[Lead],
        enrichment_type: str,
        *,
        ends: str | None = None,
        credits: int | None = None,
        webhook_url: str | None = None,
    ) -> Workflow:
        """Set the credits aside and start an enrichment; whether they can be paid was asked before.

        Parameters
        ----------
        kind : str
            ``person``, ``bulk`` or ``legacy``.
        request : int
            The number of the request.
        into : LeadList
            Where the results go.
        leads : iterable of Lead
            Whom to enrich.
        enrichment_type : str
            ``none``, ``partial``, ``phone_only`` or ``full``.
        ends, credits : str, int, optional
            How a script ends it, and what it charges in all.
        webhook_url : str, optional
            Where the end is reported to.
        """
        prefix = {"person": "enrich-", "bulk": "bulk-enrich-", "legacy": "public_bulk_"}[kind]
        tasks = [Task(self.new_id("task"), lead.asked, lead) for lead in leads]
        cost = PRICES[enrichment_type] * len(tasks)
        workflow = Workflow(
            self.new_id("workflow", prefix),
            kind,
            request,
            into.list_id,
            enrichment_type,
            tasks,
            cost,
            self.clock(),
            ends,
            credits,
        )
        workflow.webhook_url = webhook_url
        self.workflows[workflow.workflow_id] = self._running[workflow.workflow_id] = workflow
        self.tasks.update((task.task_id, workflow) for task in tasks)
        surface = "legacy" if kind == "legacy" else "v2"
        self.books.reserve(Reservation(workflow=workflow.workflow_id, surface=surface, request=request, credits=cost))
        self.settle_due()
        return workflow

    def start_upload(self, upload: Upload) -> None:
        """Set the credits of a file aside; a small one ends at once. Whether they can be paid was asked before."""
        self.uploads[upload.job_id] = upload
        self.books.reserve(
            Reservation(workflow=upload.job_id, surface=SURFACE, request=upload.request, credits=upload.cost)
        )
        if len(upload.rows) - 1 < self.terms.csv_rows_at_once:
            self._end_upload(upload)
        else:
            self._running[upload.job_id] = upload
            self.settle_due()

    @property
    def awaits_time(self) -> bool:
        """Whether the clock alone will end something."""
        return any(workflow.polls >= self.terms.workflow_polls for workflow in self._running.values())

    def settle_due(self) -> None:
        """End what has run its time."""
        for name, one in [(name, one) for name, one in self._running.items() if self._is_due(one)]:
            del self._running[name]
            if isinstance(one, Upload):
                self._end_upload(one)
            else:
                self._end(one)

    def poll(self, workflow: Workflow) -> None:
        """Look at a workflow once."""
        self.settle_due()
        if not workflow.is_over:
            workflow.status = "running" if workflow.polls else "pending"
        workflow.polls += 1

    def _is_due(self, workflow: Workflow | Upload) -> bool:
        """Whether it has run its time and outlived its polls."""
        ran_s = self.clock() - workflow.started_s
        return ran_s >= self.terms.workflow_s and workflow.polls >= self.terms.workflow_polls

    def _end(self, workflow: Workflow) -> None:
        """End a workflow: write its results down and settle its credits."""
        workflow.ended_s = self.clock()
        workflow.status = "failed" if workflow.ends else "completed"
        if not workflow.ends:
            for task in workflow.tasks:
                task.found = find(self.world, task.asked, workflow.enrichment_type)
            self._keep(workflow)
        settled = self.books.settle(workflow.workflow_id, self._charges(workflow))
        workflow.charged, workflow.refunded = settled.charged, settled.refunded
        if workflow.webhook_url is not None:
            name = workflow.workflow_id
            self.deliveries[name] = Delivery(name, workflow.webhook_url, workflow.ended_s)

    def _end_upload(self, upload: Upload) -> None:
        """End a file: look its people up, settle its credits, and report it where that was asked for."""
        upload.end(self.world, self.clock())
        self.books.settle(upload.job_id, upload.charges)
        if upload.webhook_url is not None and len(upload.rows) - 1 >= self.terms.csv_rows_at_once:
            self.deliveries[upload.job_id] = Delivery(upload.job_id, upload.webhook_url, self.clock())

    def _charges(self, workflow: Workflow) -> list[Charge]:
        """Say what a workflow that ended costs, person by person."""
        surface = "legacy" if workflow.kind == "legacy" else "v2"

        def charge(task: Task, credits: int, fields: tuple[str, ...]) -> Charge:
            label, name = task.asked.label, workflow.workflow_id
            return Charge(
                email=label, credits=credits, fields=fields, request=workflow.request, surface=surface, workflow=name
            )

        if workflow.ends == "swept" or not workflow.tasks:
            return []
        if workflow.credits is not None:
            return [charge(workflow.tasks[0], workflow.credits, ())] if workflow.credits else []
        if workflow.ends == "failed":
            return [charge(task, PRICES[workflow.enrichment_type], ()) for task in workflow.tasks]
        return [charge(task, task.found.credits, task.found.fields) for task in workflow.tasks if task.found.anything]

    def _keep(self, workflow: Workflow) -> None:
        """Write the results to their leads, and the leads to the list; a list that is gone gets none."""
        stubs = [task.lead.lead_id for task in workflow.tasks if task.found.anything]
        leads = [self._merged(task).lead_id for task in workflow.tasks if task.found.anything]
        into = self.lists.get(workflow.list_id)
        if into is None:
            return
        became = dict(zip(stubs, leads, strict=True))
        if any(stub != lead and stub in into.leads for stub, lead in became.items()):
            into.leads = {became.get(lead_id, lead_id): None for lead_id in into.leads}
        into.leads.update(dict.fromkeys(leads))

    def _merged(self, task: Task) -> Lead:
        """Write a result to its lead, or to the one that is the same person already, and return it."""
        found, address = task.found, task.found.address or ""
        same = self.world.identity(address, found.person) if found.person is not None else address
        lead = self._by_identity.get(same) or self._by_identity.get(address) or task.lead
        self._by_identity.setdefault(same, lead)
        self._by_identity.setdefault(address, lead)
        if found.email and (lead.found is None or not lead.found.email):
            lead.found = found
        lead.found = lead.found or found
        lead.email, lead.phone = lead.email or found.email, lead.phone or found.phone
        task.lead = lead
        return lead

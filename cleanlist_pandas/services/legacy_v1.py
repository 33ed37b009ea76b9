"""The legacy v1 surface: up to 250 people in one request, answered by a workflow. Pure.

An address alone is refused here: `Surface.ways` says how a person must be named. `share` gives each person the part of
a workflow's answer that is theirs, as the answer of a workflow of one, so that it can be kept and read by itself.

References
----------
docs.cleanlist.ai/api-reference (read 2026-11-22). The answer of a status call is not shown there to the end.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from cleanlist_pandas.answers import Answer
from cleanlist_pandas.fields import FIELDS, RowStatus, Source, normal_word
from cleanlist_pandas.frame.addresses import normalise_one
from cleanlist_pandas.frame.mail_domains import FREE_MAIL
from cleanlist_pandas.services.cells import as_object, is_foreign, read_number, read_values
from cleanlist_pandas.services.reply import Reply, plain_text
from cleanlist_pandas.services.service import SURFACES, Ended, Filed, Halt, Lookup, Pending, Request, Talk
from cleanlist_pandas.services.v2 import DONE, FAILED, PRICES, as_token, kind_of

__all__ = ["ASSUMPTIONS", "MOST_PEOPLE", "LegacyV1", "Taken"]

ASSUMPTIONS: Final = (
    "A status answers with `status` and `results`, each result in one of the two shapes that webhooks have.",
    "`task_ids` are in the contacts' order. A result that repeats another address or name is not joined by it.",
    "Credits are told nowhere: 1 is booked for an e-mail that was found, 10 for a phone, 0 where neither was.",
    "A workflow that failed and shows nothing found is booked at the full price.",
    "`primary_email_status` is about `primary_email`: where that is not the address that was sent, it is not used.",
    "`prospect.headline` is what people write about themselves and is not taken for a title.",
    "`company.headcount` is the size; it may be a number.",
)
MOST_PEOPLE: Final = 250
TOKEN: Final = re.compile(r"(bulk (\S+) [0-9]+) (\S+)")
AT_ODDS: Final = "the result is about somebody else and was not used"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The service took some people and works on them; a task is by its place, where there is one for each."""

    token: str = field(repr=False)
    tasks: tuple[str, ...] = field(default=(), repr=False)


class LegacyV1:
    """The surface below ``{base_url}/enrich``; what it orders is told at `webhook_url`, too."""

    surface = SURFACES["legacy_v1"]

    def __init__(self, webhook_url: str = "") -> None:
        self.webhook_url = webhook_url

    def price(self, fields: Sequence[str]) -> int:
        """Credits one look-up of these fields costs at most."""
        return PRICES[kind_of(fields)]

    def contact(self, lookup: Lookup) -> dict[str, str]:
        """Return a person as a contact; a domain of free mail is nobody's company."""
        names = {"company": "company_name"}
        known = {names.get(name, name): text for name, text in lookup.hints.items()}
        domain = lookup.address.rpartition("@")[2]
        return {"email": lookup.address, **known, **({} if domain in FREE_MAIL else {"company_domain": domain})}

    def bulk(self, lookups: Sequence[Lookup], webhook_url: str = "") -> Request:
        """Return the request that looks up to 250 people up, all for the same fields. No key repeats it."""
        said: dict[str, Any] = {
            "enrichment_type": kind_of(lookups[0].fields),
            "contacts": [self.contact(lookup) for lookup in lookups],
        }
        body = json.dumps(said | ({"webhook_url": webhook_url} if webhook_url else {})).encode()
        return Request(path="/enrich/bulk", body=body)

    def read_taken(self, reply: Reply, n_people: int) -> Taken | None:
        """Return by what the people that were sent are asked about, or None if the reply does not say."""
        content = as_object(reply.json())
        token, told = as_token(content.get("workflow_id")), content.get("task_ids")
        tasks = tuple(map(as_token, told)) if isinstance(told, list) and len(told) == n_people else ()
        return Taken(token=token, tasks=tasks if all(tasks) and len({*tasks}) == n_people else ()) if token else None

    def begin(self, lookup: Lookup, list_id: str) -> Request:
        """Return the request that looks one person up; there are no lists here."""
        return self.bulk([lookup])

    def kind_of(self, lookup: Lookup) -> str:
        """Return the enrichment type: one request has one for all."""
        return kind_of(lookup.fields)

    def file(self, lookups: Sequence[Lookup], name: str) -> Talk[Filed | Halt]:
        """Nothing is filed here: an order names everybody."""
        yield from ()
        return Filed(list_id="", skipped=frozenset())

    def order(self, lookups: Sequence[Lookup], list_id: str) -> Talk[Request | Halt]:
        """Return the request that looks everybody up; no quote and no key make it good for one time only."""
        yield from ()
        return self.bulk(lookups, self.webhook_url)

    def read_order(self, reply: Reply | None, list_id: str, n_people: int) -> Sequence[str]:
        """Return each person's token: workflow, number of people and task, where there is one for each."""
        taken = self.read_taken(reply, n_people) if reply else None
        if taken is None:
            return []
        tokens = [f"bulk {taken.token} {n_people} {task}" for task in taken.tasks or ("-",) * n_people]
        return tokens if all(TOKEN.fullmatch(token) for token in tokens) else []

    def batch_of(self, token: str) -> str:
        """Return workflow and number of people of a token."""
        told = TOKEN.fullmatch(token)
        return told[1] if told else ""

    def is_whole(self, lookups: Sequence[Lookup], token: str) -> bool:
        """Whether these are all the people of a batch."""
        return len(lookups) == int(self.batch_of(token).rpartition(" ")[2])

    def list_of(self, token: str) -> str:
        """Return no list."""
        return ""

    def read_status(self, reply: Reply, token: str) -> Ended | Pending | None:
        """Return how a batch is doing, or None if the reply is no answer; credits are told nowhere."""
        content = as_object(reply.json())
        word, workflow = normal_word(content.get("status")), as_token(content.get("workflow_id"))
        if not word or workflow not in ("", _workflow(token)):
            return None
        return Ended(credits=None, failed=word in FAILED, reply=reply) if word in DONE | FAILED else Pending(token)

    def collect(self, lookups: Sequence[Lookup], token: str, ended: Ended) -> Talk[Sequence[bytes | None] | None]:
        """Return each person's share of the answer."""
        yield from ()
        tasks = [lookup.job.token.rpartition(" ")[2] if lookup.job else "-" for lookup in lookups]
        return self.share(ended.reply, lookups, tasks if "-" not in tasks else ())

    def read_refusal(self, reply: Reply, n_people: int) -> dict[int, str]:
        """Return which contacts a 422 is about, and why; the others may be sent again, as nothing was charged."""
        detail = as_object(reply.json()).get("detail")
        faults = [as_object(fault) for fault in detail] if reply.status == 422 and isinstance(detail, list) else []
        found: dict[int, str] = {}
        for fault in faults:
            match fault.get("loc"):
                case ["body", "contacts", int() as at, *_] if not isinstance(at, bool) and 0 <= at < n_people:
                    found.setdefault(at, plain_text(fault.get("msg")) or "refused by the service")
        return found

    def follow(self, token: str) -> Request:
        """Return the request that asks what became of a workflow."""
        return Request(method="GET", path=f"/enrich/status?workflow_id={quote(_workflow(token), safe='')}")

    def ask_balance(self) -> Request:
        """Return the request that asks for the account's credits; a key that is refused is refused here too."""
        return Request(method="GET", path="/credits/balance")

    def read_balance(self, reply: Reply) -> int | None:
        """Return the whole credits that the account has, or None if the reply does not say; they have fractions."""
        credits = read_number(as_object(reply.json()).get("credits"))
        return None if credits is None else int(credits)

    def share(self, reply: Reply, lookups: Sequence[Lookup], tasks: Sequence[str] = ()) -> list[bytes | None]:
        """Return each person's own part of a workflow's answer, for `read`; None for whom it says nothing.

        Of a result that is about somebody else no more is kept than what it cost.
        """
        content = as_object(reply.json())
        head = {name: content[name] for name in ("workflow_id", "status") if name in content}
        if normal_word(content.get("status")) not in DONE | FAILED:
            return [json.dumps(head).encode()] * len(lookups)
        mine, others = _placed(_results(content), lookups, tasks)
        parts: list[bytes | None] = []
        for at in range(len(lookups)):
            if at in mine:
                parts.append(json.dumps({**head, "results": [mine[at]]}).encode())
            elif at in others:
                found = {"email": bool(_email(others[at])), "phone": bool(_phone(others[at]))}
                parts.append(json.dumps({**head, "at_odds": found}).encode())
            else:
                parts.append(None)
        return parts

    def read(self, reply: Reply, lookup: Lookup, at_us: int) -> Answer | Pending | None:
        """Return what an answer says about the one person it is about, or None if it is no answer. Never raises."""
        content = as_object(reply.json())
        token, word = as_token(content.get("workflow_id")), normal_word(content.get("status"))
        if not word or (lookup.job is not None and token not in ("", _workflow(lookup.job.token))):
            return None
        if word not in DONE | FAILED:
            token = token or (lookup.job.token if lookup.job else "")
            return Pending(token) if token else None
        if "at_odds" in content:
            found = as_object(content["at_odds"])
            credits = self._charged(lookup, found.get("email") is True, found.get("phone") is True)
            return Answer(status=RowStatus.FAILED, credits=credits, at_us=at_us, reason=AT_ODDS)
        results = _results(content)
        return self._ended(results[0], word, lookup, at_us) if len(results) == 1 else None

    def _charged(self, lookup: Lookup, email: bool, phone: bool) -> int:
        """Return the credits for what was found of what was asked for."""
        kind = kind_of(lookup.fields)
        return PRICES["partial"] * (email and kind != "phone_only") + PRICES["phone_only"] * (
            phone and kind != "partial"
        )

    def _ended(self, result: Mapping[str, Any], word: str, lookup: Lookup, at_us: int) -> Answer:
        """Read the end of one person's task."""
        email, phone = _email(result), _phone(result)
        credits = self._charged(lookup, bool(email), bool(phone))
        if not credits and word in FAILED:
            reason = f"the service answered {word} and did not say what it charged, booked at the full price"
            return Answer(status=RowStatus.FAILED, credits=self.price(lookup.fields), at_us=at_us, reason=reason)
        if not credits:
            return Answer(status=RowStatus.NOT_FOUND, at_us=at_us, source=Source.API)
        company, status = as_object(result.get("company")), _email_status(result)
        told = {
            "email_status": None if is_foreign(email, lookup.address) else status,
            "company": company.get("name"),
            "industry": company.get("industry"),
            "size": _as_text(company.get("headcount")),
            "phone": phone,
        }
        values, notes = read_values({FIELDS[name].column: value for name, value in told.items()}, lookup.fields)
        if is_foreign(email, lookup.address):
            notes.append("the answer names another address of the person")
        return Answer(
            status=RowStatus.COMPLETED, credits=credits, values=values, at_us=at_us, source=Source.API,
            notes=tuple(notes),
        )  # fmt: skip


def _workflow(token: str) -> str:
    """Return the workflow of a token, of one that is not ours the token itself."""
    told = TOKEN.fullmatch(token)
    return told[2] if told else token


def _results(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the results of an answer: of a workflow a list, of a task one."""
    told = content.get("results", content.get("result"))
    return [one for one in (told if isinstance(told, list) else [told]) if isinstance(one, dict)]


def _placed(
    results: Sequence[Mapping[str, Any]], lookups: Sequence[Lookup], tasks: Sequence[str]
) -> tuple[dict[int, Mapping[str, Any]], dict[int, Mapping[str, Any]]]:
    """Return each person's result, and of whom a result is about somebody else; its own place comes before an echo."""
    home_of = {task: at for at, task in enumerate(tasks)}
    by_address = {lookup.address: at for at, lookup in enumerate(lookups)}
    mine: dict[int, Mapping[str, Any]] = {}
    others: dict[int, Mapping[str, Any]] = {}
    homes = [home_of.get(as_token(result.get("task_id"))) for result in results]
    meant = [_meant(*one, lookups, by_address) for one in zip(results, homes, strict=True)]
    order = sorted(range(len(results)), key=lambda n: meant[n] is None or meant[n] != homes[n])
    for n in order:
        at, home = meant[n], homes[n]
        if at is not None and at not in mine:
            mine[at] = results[n]
        elif home is not None:
            others.setdefault(home, results[n])
    return mine, others


def _meant(
    result: Mapping[str, Any], home: int | None, lookups: Sequence[Lookup], by_address: Mapping[str, int]
) -> int | None:
    """Return whom a result is about by what it repeats, else by its task; None if the two are at odds."""
    sent = as_object(result.get("input")).get("email")
    if isinstance(sent, str) and sent.strip():
        return by_address.get(normalise_one(sent) or "")
    for address in _addresses(result):
        if (at := by_address.get(normalise_one(address) or "")) is not None:
            return at
    return None if home is None or _is_other_name(result, lookups[home]) else home


def _addresses(result: Mapping[str, Any]) -> Iterator[str]:
    """Give the addresses of a result."""
    for part in (result, as_object(result.get("result"))):
        more = part.get("other_emails")
        told = (part.get("primary_email"), part.get("email"), *(more if isinstance(more, list) else ()))
        yield from (address for address in told if isinstance(address, str) and address.strip())


def _is_other_name(result: Mapping[str, Any], lookup: Lookup) -> bool:
    """Whether a result names somebody of whom no word is in the name that was sent."""
    person = as_object(result.get("prospect"))
    told = _name_words(person.get("full_name"), person.get("first_name"), person.get("last_name"))
    sent = _name_words(lookup.hints.get("first_name"), lookup.hints.get("last_name"))
    return bool(told and sent and told.isdisjoint(sent))


def _name_words(*names: Any) -> set[str]:
    """Return the words of a name without case and accents."""
    text = " ".join(name for name in names if isinstance(name, str))
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return {*plain.casefold().replace("-", " ").split()}


def _email(result: Mapping[str, Any]) -> str:
    """Return the e-mail address that was found."""
    told = result.get("primary_email") or as_object(result.get("result")).get("email")
    return told.strip() if isinstance(told, str) else ""


def _email_status(result: Mapping[str, Any]) -> Any:
    """Return the status of that address, in our words."""
    told = result.get("primary_email_status") or as_object(result.get("result")).get("email_status")
    return "valid" if normal_word(told) == "reliable" else told


def _phone(result: Mapping[str, Any]) -> str:
    """Return the first phone that was found."""
    told = result.get("personal_phone_numbers") or as_object(result.get("result")).get("phones")
    phones = told if isinstance(told, list) else [told]
    return next((phone.strip() for phone in phones if isinstance(phone, str) and phone.strip()), "")


def _as_text(value: Any) -> Any:
    """Return a number as text."""
    return str(value) if read_number(value) is not None else value

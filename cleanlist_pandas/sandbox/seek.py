"""Who is meant by what was sent, and what an enrichment finds of them. Pure.

Assumptions of the sandbox, as the vendor publishes none of it: an e-mail address decides alone who is meant, without
one a profile, without one a name at a company; a look-up for the phone alone shows nothing but the phone; ``full`` is
charged by what is found, 1 for the e-mail and 10 for the phone; an address is "found" whatever its status is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cleanlist_pandas.sandbox.world import Person, World, normal_form, profile_slug

__all__ = ["PRICES", "Asked", "Found", "find", "profile_url"]

# What one person costs at most. On the wire the phone's own is phone_only here, phone-only there.
PRICES = {"none": 0, "partial": 1, "phone_only": 10, "full": 11}
PROVIDER = "sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request or a row of an upload says of one person."""

    email: str | None = None
    linkedin_url: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    full_name: str | None = None
    company_name: str | None = None
    domain: str | None = None
    title: str | None = None
    location: str | None = None

    @property
    def name(self) -> str | None:
        """The whole name, put together where it came in parts."""
        return self.full_name or " ".join(part for part in (self.first_name, self.last_name) if part) or None

    @property
    def is_named(self) -> bool:
        """Whether there are a first and a last name and a company: enough to be looked up without more."""
        return bool(self.first_name and self.last_name and (self.company_name or self.domain))

    @property
    def label(self) -> str:
        """What the books call this person: the address where there is one."""
        return self.email or self.linkedin_url or self.name or self.company_name or "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of one person; with neither `email` nor `phone` it was nothing."""

    address: str | None = None
    person: Person | None = None
    email: str | None = None
    phone: str | None = None

    @property
    def anything(self) -> bool:
        """Whether anything was found that is paid for."""
        return bool(self.email or self.phone)

    @property
    def credits(self) -> int:
        """What it costs."""
        return PRICES["partial"] * bool(self.email) + PRICES["phone_only"] * bool(self.phone)

    @property
    def fields(self) -> tuple[str, ...]:
        """What is paid for."""
        return (*(("email",) if self.email else ()), *(("phone",) if self.phone else ()))


def find(world: World, asked: Asked, enrichment_type: str) -> Found:
    """Look somebody up.

    Parameters
    ----------
    world : World
        Who is known.
    asked : Asked
        Whom to look for.
    enrichment_type : str
        ``none``, ``partial``, ``phone_only`` or ``full``.

    Returns
    -------
    Found
        What of it was found.
    """
    address, person = _who(world, asked) or (None, None)
    if person is None or enrichment_type == "none":
        return Found()
    return Found(
        address=normal_form(address or ""),
        person=person,
        email=address if enrichment_type != "phone_only" else None,
        phone=_e164(person.phone) if enrichment_type != "partial" else None,
    )


def profile_url(profile: str | None) -> str | None:
    """Return the canonical address of a profile."""
    slug = profile_slug(profile or "")
    return f"https://linkedin.com/in/{slug}" if slug else None


def _who(world: World, asked: Asked) -> tuple[str, Person] | None:
    """Return the address and the person that are meant."""
    if asked.email:
        person = world.look_up(asked.email)
        return (asked.email, person) if person else None
    if slug := profile_slug(asked.linkedin_url or ""):
        return world.by_profile(slug)
    if asked.name and (asked.company_name or asked.domain):
        return world.by_name(asked.name, asked.company_name, asked.domain)
    return None


def _e164(phone: str | None) -> str | None:
    """Write a number in E.164, as these surfaces do."""
    return re.sub(r"[^\d+]", "", phone) if phone else None

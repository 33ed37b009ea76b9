"""The invented people: who is known, and what is known of them. Pure: the same seed and address give the same person.

A person is drawn from a hash of the seed and the address, never from a random generator, so neither the order of the
look-ups nor the process nor ``PYTHONHASHSEED`` changes anybody. Employer, industry and size are drawn from the domain
alone: colleagues agree on where they work.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from typing import Protocol

from cleanlist_pandas.sandbox import words

__all__ = ["Employer", "InventedWorld", "Person", "World", "normal_form", "profile_slug"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What the service knows of one address; ``None`` is what no provider found."""

    name: str | None = None
    email_status: str | None = None
    title: str | None = None
    seniority: str | None = None
    company: str | None = None
    industry: str | None = None
    size: str | None = None
    phone: str | None = None
    linkedin: str | None = None
    icp_score: int | None = None
    confidence: float = 0.9
    providers_matched: int = 5


@dataclass(frozen=True, slots=True)
class Employer:
    """A company as everybody who works there sees it."""

    name: str | None
    industry: str | None
    size: str | None


class World(Protocol):
    """Anything that can say who stands behind an address, a profile or a name, and which company behind a domain."""

    def look_up(self, email: str) -> Person | None:
        """Return the person, or ``None`` for an address nobody knows."""

    def by_profile(self, slug: str) -> tuple[str, Person] | None:
        """Return the address and the person behind a LinkedIn slug."""

    def by_name(self, name: str, company: str | None, domain: str | None) -> tuple[str, Person] | None:
        """Return the address and the person of that name at a company; one of its name and domain is given."""

    def employer(self, domain: str) -> Employer | None:
        """Return the company behind a domain, or ``None`` where there is none."""

    def identity(self, address: str, person: Person) -> str:
        """Return what two addresses of one person have in common."""


def normal_form(email: str) -> str:
    """Return the form under which an address is known.

    ASCII case is folded everywhere, and a domain written in Unicode equals its ``xn--`` form. Nothing else is folded:
    dots, plus tags and the case of letters beyond ASCII in the local part tell people apart.

    Parameters
    ----------
    email : str
        An address as it was sent.

    Returns
    -------
    str
        The address to compare by.
    """
    local, _, domain = email.rpartition("@")
    if not domain.isascii():
        # Not the standard library's "idna" codec: it is IDNA 2003 and turns faß.de into fass.de, somebody else.
        domain = ".".join(map(_ascii_label, unicodedata.normalize("NFC", domain.lower()).split(".")))
    return f"{_ascii_lower(local)}@{domain.lower()}"


_PROFILE = re.compile(r"(?:(?:https?://)?(?:[\w-]+\.)?linkedin\.com/(?:in|pub)/)?([\w%-]+)(?:[/?#].*)?", re.IGNORECASE)


def profile_slug(profile: str) -> str | None:
    """Read the slug out of a LinkedIn profile's address, in any of its forms, or out of a bare handle.

    Parameters
    ----------
    profile : str
        ``https://de.linkedin.com/in/Jane-Doe/?x=1``, ``linkedin.com/pub/jane-doe``, ``jane-doe``.

    Returns
    -------
    str or None
        In lower case; ``None`` for what is no profile.
    """
    found = re.fullmatch(
        r"(?:(?:https?://)?(?:[\w-]+\.)?linkedin\.com/(?:in|pub)/)?([\w%-]+)(?:[/?#].*)?", profile.strip()
    )
    return found.group(1).lower() if found else None


def _ascii_label(label: str) -> str:
    """Write one label of a domain in ASCII."""
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def _ascii_lower(text: str) -> str:
    """Lower A to Z and nothing else."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


class _Draws:
    """Sixteen numbers in [0, 1) that depend on a seed and a text only; each decision owns one position."""

    __slots__ = ("_digest",)

    def __init__(self, seed: int, kind: str, text: str) -> None:
        source = f"{seed}\0{kind}\0{text}".encode("utf-8", "surrogatepass")
        self._digest = blake2b(source, digest_size=64).digest()

    def __getitem__(self, position: int) -> float:
        at = 4 * position
        return int.from_bytes(self._digest[at : at + 4], "big") / 2**32

    def pick(self, position: int, options: tuple[str, ...]) -> str:
        """Choose evenly."""
        return options[int(self[position] * len(options))]

    def weighed(self, position: int, options: tuple[tuple[str, float], ...]) -> str:
        """Choose by weight; the last option takes what rounding leaves."""
        left = self[position]
        for name, share in options:
            left -= share
            if left < 0:
                return name
        return options[-1][0]


class InventedWorld:
    """People drawn from a seed: any address may be known, `hit_rate` of them are.

    Parameters
    ----------
    seed : int, default 0
        Another seed is another world.
    hit_rate : float, default 0.8
        Share of addresses that are known, 0 to 1.
    """

    __slots__ = ("_hit_rate", "_seed")

    def __init__(self, seed: int = 0, hit_rate: float = 0.8) -> None:
        self._seed = seed
        self._hit_rate = hit_rate

    def __repr__(self) -> str:
        return f"InventedWorld(seed={self._seed}, hit_rate={self._hit_rate})"

    def look_up(self, email: str) -> Person | None:
        """Return the person behind an address, or ``None`` when nobody knows it."""
        address = normal_form(email)
        draws = _Draws(self._seed, "person", address)
        if draws[0] >= self._hit_rate:
            return None
        local, _, domain = address.rpartition("@")
        status = self._status(local, domain, draws)
        employer = self._employer(domain, draws)
        score = partial(_icp_score, size=employer.size, draws=draws)
        known = Person(
            email_status=status,
            company=employer.name,
            industry=employer.industry,
            size=employer.size,
            confidence=round(0.6 + 0.39 * draws[1], 2),
            providers_matched=1 + int(9 * draws[2]),
        )
        if status in ("role-based", "disposable"):
            # A shared or a throw-away mailbox is nobody: only what the domain says is known.
            return replace(known, icp_score=score(None))
        seniority, title = _job(employer.size, draws)
        name, slug = _name(local, draws)
        return replace(
            known,
            name=name,
            title=title if draws[3] >= 0.05 else None,
            seniority=seniority,
            phone=_phone(draws) if draws[4] < 0.55 else None,
            linkedin=f"https://linkedin.com/in/{slug}" if draws[5] < 0.85 else None,
            icp_score=score(seniority),
        )

    def by_profile(self, slug: str) -> tuple[str, Person] | None:
        """Return somebody whose profile this is: a slug tells no address, so a private one is made up for it."""
        address = f"{slug}@profiles.example"
        person = self.look_up(address)
        return (address, replace(person, linkedin=f"https://linkedin.com/in/{slug}")) if person else None

    def by_name(self, name: str, company: str | None, domain: str | None) -> tuple[str, Person] | None:
        """Return who has the address ``first.last@domain``; a company without a domain is at ``its-name.example``."""
        domain = domain or "-".join(re.findall(r"\w+", (company or "").lower())) + ".example"
        address = f"{'.'.join(name.lower().split())}@{domain}"
        person = self.look_up(address)
        return (address, person) if person else None

    def employer(self, domain: str) -> Employer | None:
        """Return the company of a domain; behind free mail and throw-away mail there is none."""
        domain = normal_form(f"@{domain}").removeprefix("@")
        if domain in words.FREE_MAIL_DOMAINS or domain in words.DISPOSABLE_DOMAINS:
            return None
        return self._employer(domain, _Draws(self._seed, "person", domain))

    def identity(self, address: str, person: Person) -> str:
        """Return the profile at this company. Slugs repeat here, so the mailbox counts too, but for dots and tags."""
        local, _, domain = address.rpartition("@")
        mailbox = re.sub(r"[\W_]", "", local.partition("+")[0])
        return f"{person.linkedin} {mailbox}@{domain}" if person.linkedin else address

    def _status(self, local: str, domain: str, draws: _Draws) -> str:
        """Say what a verifier would say: what the address shows first, then the domain, then the mailbox."""
        if local.partition("+")[0] in words.ROLE_LOCAL_PARTS:
            return "role-based"
        if domain in words.DISPOSABLE_DOMAINS:
            return "disposable"
        if domain not in words.FREE_MAIL_DOMAINS and _Draws(self._seed, "catch-all", domain)[0] < 0.12:
            return "catch-all"
        return draws.weighed(6, words.STATUSES)

    def _employer(self, domain: str, draws: _Draws) -> Employer:
        """Say who employs the people of a domain; behind free mail each person has an employer of their own."""
        if domain in words.DISPOSABLE_DOMAINS:
            return Employer(None, None, None)
        if domain in words.FREE_MAIL_DOMAINS:
            name = f"{draws.pick(7, words.COMPANY_PLACES)} {draws.pick(8, words.COMPANY_WORDS)}"
            own = _Draws(self._seed, "company", name)
        else:
            name = _company_name(domain)
            own = _Draws(self._seed, "company", domain)
        last_word = re.split(r"[ .]", name.lower())[-1]
        industry = words.INDUSTRY_BY_WORD.get(last_word) or own.weighed(0, words.INDUSTRIES)
        return Employer(name, industry, own.weighed(1, words.SIZES))


def _company_name(domain: str) -> str:
    """Turn a domain into a company: ``mirefield-foods.example`` is Mirefield Foods."""
    labels = domain.split(".")[:-1] or [domain]
    if len(labels) > 1 and labels[-1] in words.SECOND_LEVEL:
        labels.pop()
    parts = [part for part in re.split(r"[-_]+", _readable(labels[-1])) if part]
    return " ".join(part[:1].upper() + part[1:] for part in parts) or domain


def _readable(label: str) -> str:
    """Undo the ASCII form of a label, where it is one."""
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, OverflowError):
        return label


def _job(size: str | None, draws: _Draws) -> tuple[str, str]:
    """Draw a seniority that the company's size allows, and a title that says it."""
    shares = words.SENIORITIES_SMALL if size in words.SMALL_SIZES else words.SENIORITIES_LARGE
    seniority = draws.weighed(9, shares)
    department = draws.weighed(10, words.DEPARTMENTS)
    if seniority == "owner":
        return seniority, draws.pick(11, words.OWNER_TITLES)
    if seniority == "c_level" and draws[11] < 0.35:
        return seniority, "CEO"
    if seniority in ("director", "vp"):
        rank = "Director" if seniority == "director" else "VP"
        return seniority, f"{rank} of {department}"
    return seniority, words.TITLES[department][words.TITLE_COLUMNS.index(seniority)]


def _name(local: str, draws: _Draws) -> tuple[str, str]:
    """Read a name out of the local part, completing it where it holds no surname; and its profile's slug."""
    parts = [part for part in re.split(r"[^a-zA-ZÀ-ɏ]+", local.partition("+")[0]) if part]
    if len(parts) < 2:
        first = parts[0] if parts and len(parts[0]) > 2 else draws.pick(12, words.FIRST_NAMES)
        parts = [first, draws.pick(13, words.SURNAMES)]
    name = " ".join(part[:1].upper() + part[1:] for part in parts)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    return name, re.sub(r"[^a-z]", "", plain.lower()) or "profile"


def _phone(draws: _Draws) -> str:
    """Draw a number from the range kept free for fiction, hyphenated as the vendor's samples are."""
    return f"+1-{draws.pick(14, words.AREA_CODES)}-555-01{int(100 * draws[4] / 0.55):02d}"


def _icp_score(seniority: str | None, size: str | None, draws: _Draws) -> int:
    """Score the fit: it rises with the seniority and prefers mid-sized companies, with a little noise."""
    base = words.ICP_BY_SENIORITY.get(seniority or "", 8) + words.ICP_BY_SIZE.get(size or "", -8)
    return max(0, min(100, base + int(17 * draws[15]) - 8))

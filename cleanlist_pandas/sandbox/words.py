"""The words the invented people are made of: tables only, nothing decides here.

Every surname and every company is made up. The only real names are those of mail providers, because whether an address
is a free-mail or a throw-away one is a fact about the provider.
"""

from __future__ import annotations

__all__: list[str] = []


def _listed(text: str) -> tuple[str, ...]:
    """Split a text into its words."""
    return tuple(text.split())


ROLE_LOCAL_PARTS = frozenset(
    _listed(
        """
    abuse accounting accounts admin administrator billing careers contact customerservice do-not-reply
    donotreply enquiries feedback finance hello help helpdesk hr info inquiries invoices jobs legal mail
    marketing media newsletter no-reply noreply office orders postmaster press privacy recruiting reception
    sales security service support team webmaster
    """
    )
)

DISPOSABLE_DOMAINS = frozenset(
    _listed(
        """
    10minutemail.com dispostable.com emailondeck.com fakeinbox.com getairmail.com getnada.com guerrillamail.com
    guerrillamail.net mailcatch.com maildrop.cc mailinator.com mailnesia.com mintemail.com moakt.com mohmal.com
    mytemp.email sharklasers.com spamgourmet.com temp-mail.org tempmail.com throwawaymail.com trashmail.com
    yopmail.com
    """
    )
)

FREE_MAIL_DOMAINS = frozenset(
    _listed(
        """
    aol.com fastmail.com gmail.com gmx.de gmx.net googlemail.com hotmail.com icloud.com live.com mail.com
    mail.ru me.com msn.com outlook.com proton.me protonmail.com qq.com t-online.de web.de yahoo.com yandex.ru
    zoho.com
    """
    )
)

# Labels that stand for a registry and not for a company: "mirefield.co.uk" is Mirefield, not Co.
SECOND_LEVEL = frozenset(
    _listed(
        """
    ac co com edu gov net org
    """
    )
)

FIRST_NAMES = _listed("""
    Alwen Bertil Calla Dorvin Elska Fenna Gorwin Halma Ivelle Jorun Kelda Lorrin Mavie Nelwyn Orsin Pelle Quenna
    Rowin Selmine Tavia Ulven Vesna Wendrin Yorick Zelda
""")

SURNAMES = _listed("""
    Ambervale Brockfen Cindermoor Dunwhistle Eddlestrom Farrowmint Glimmerby Hollowick Isterfeld Jarrowmere
    Kestermond Lisbimor Muntastad Norrowby Oxlebrand Pavkomor Quillstead Ravenskop Sattlemeer Thornquay
    Umberlind Vastergill Wexelholm Yarrowdin Zandermeer
""")

COMPANY_PLACES = _listed("""
    Alderbrook Birchmoor Coldwater Dunmere Eastfen Fallowfield Greywick Harrowgate Inverlund Juniperhill
    Kestrelby Larkhollow Mirefield Northfold Ostervale Pinecrest Quarryside Rushmere Stonehaven Thistledown
    Westerglow
""")

# The last word of a company's name (or of its domain) → its industry: a foods company is not in banking.
INDUSTRY_BY_WORD = {
    "agency": "Marketing & Advertising",
    "analytics": "SaaS",
    "bank": "Financial Services",
    "build": "Construction",
    "capital": "Financial Services",
    "care": "Healthcare",
    "clinic": "Healthcare",
    "cloud": "SaaS",
    "consulting": "Professional Services",
    "data": "SaaS",
    "energy": "Energy & Utilities",
    "farm": "Food & Beverage",
    "foods": "Food & Beverage",
    "freight": "Logistics",
    "health": "Healthcare",
    "homes": "Real Estate",
    "hotels": "Hospitality",
    "insurance": "Insurance",
    "labs": "Biotechnology",
    "law": "Legal Services",
    "learning": "Education",
    "logistics": "Logistics",
    "media": "Media",
    "motors": "Automotive",
    "partners": "Professional Services",
    "power": "Energy & Utilities",
    "retail": "Retail",
    "school": "Education",
    "shop": "Retail",
    "soft": "SaaS",
    "software": "SaaS",
    "systems": "Manufacturing",
    "tech": "SaaS",
    "telecom": "Telecommunications",
    "tools": "Manufacturing",
    "works": "Manufacturing",
}
COMPANY_WORDS = (
    "Foods",
    "Software",
    "Logistics",
    "Health",
    "Capital",
    "Works",
    "Media",
    "Energy",
    "Partners",
    "Retail",
)

INDUSTRIES: tuple[tuple[str, float], ...] = (
    ("SaaS", 0.20),
    ("Professional Services", 0.13),
    ("Manufacturing", 0.12),
    ("Financial Services", 0.10),
    ("Healthcare", 0.09),
    ("Retail", 0.08),
    ("Marketing & Advertising", 0.06),
    ("Logistics", 0.05),
    ("Construction", 0.05),
    ("Education", 0.04),
    ("Real Estate", 0.03),
    ("Media", 0.02),
    ("Energy & Utilities", 0.02),
    ("Telecommunications", 0.01),
)

# Headcount of the employer, as met in a list of business contacts.
SIZES: tuple[tuple[str, float], ...] = (
    ("1-10", 0.16),
    ("11-50", 0.26),
    ("51-200", 0.23),
    ("201-500", 0.13),
    ("501-1000", 0.08),
    ("1001-5000", 0.08),
    ("5001-10000", 0.03),
    ("10001+", 0.03),
)
SMALL_SIZES = frozenset({"1-10", "11-50"})

# Shares of people. Owners are met in small companies only: SIZES makes 42 % of companies small, so 7.14 % there is 3 %.
_OWNERS_IN_SMALL = 0.0714
_EMPLOYED: tuple[tuple[str, float], ...] = (
    ("entry", 0.12),
    ("individual_contributor", 0.38),
    ("manager", 0.22),
    ("director", 0.13),
    ("vp", 0.06),
    ("c_level", 0.06),
)
SENIORITIES_LARGE = tuple((name, share / 0.97) for name, share in _EMPLOYED)
SENIORITIES_SMALL = (
    *((name, share * (1 - _OWNERS_IN_SMALL)) for name, share in SENIORITIES_LARGE),
    ("owner", _OWNERS_IN_SMALL),
)

STATUSES: tuple[tuple[str, float], ...] = (("invalid", 0.06), ("risky", 0.05), ("unknown", 0.04), ("valid", 0.85))

DEPARTMENTS: tuple[tuple[str, float], ...] = (
    ("Sales", 0.22),
    ("Engineering", 0.20),
    ("Marketing", 0.15),
    ("Operations", 0.13),
    ("Finance", 0.10),
    ("Customer Success", 0.08),
    ("People", 0.06),
    ("Product", 0.06),
)

# Department → the title of an entry, an individual contributor, a manager and a chief; the rest is regular.
TITLES: dict[str, tuple[str, str, str, str]] = {
    "Sales": ("Sales Development Representative", "Account Executive", "Sales Manager", "CRO"),
    "Engineering": ("Junior Software Engineer", "Software Engineer", "Engineering Manager", "CTO"),
    "Marketing": ("Marketing Assistant", "Marketing Specialist", "Marketing Manager", "CMO"),
    "Operations": ("Operations Assistant", "Operations Analyst", "Operations Manager", "COO"),
    "Finance": ("Accounting Assistant", "Accountant", "Finance Manager", "CFO"),
    "Customer Success": ("Support Associate", "Customer Success Specialist", "Customer Success Manager", "CCO"),
    "People": ("HR Assistant", "Recruiter", "HR Manager", "CHRO"),
    "Product": ("Junior Product Analyst", "Product Designer", "Product Manager", "CPO"),
}
TITLE_COLUMNS = ("entry", "individual_contributor", "manager", "c_level")
OWNER_TITLES = ("Owner", "Founder", "Co-Founder", "Managing Partner")

AREA_CODES = ("212", "303", "312", "404", "415", "503", "512", "617", "650", "702", "813", "919")

ICP_BY_SENIORITY = {
    "entry": 18,
    "individual_contributor": 30,
    "manager": 45,
    "director": 58,
    "vp": 66,
    "c_level": 70,
    "owner": 62,
}
# The invented seller's best customers are mid-sized.
ICP_BY_SIZE = {
    "1-10": -10,
    "11-50": 4,
    "51-200": 18,
    "201-500": 20,
    "501-1000": 14,
    "1001-5000": 8,
    "5001-10000": 2,
    "10001+": -4,
}

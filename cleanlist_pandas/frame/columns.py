"""Find the columns that identify a person, by their names and by what is in them.

Guessing wrong here buys the wrong people, so two equally good e-mail columns are an error, never a coin toss.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Hashable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from cleanlist_pandas.errors import ColumnsError
from cleanlist_pandas.frame.addresses import as_mask, cell_texts, is_blank, trim
from cleanlist_pandas.frame.tables import way_to_a_frame

__all__ = ["Columns", "find_columns", "pick"]

# Names as `_plain` writes them: letters and digits only, no accents, no case. One string is one rank, the best first;
# names of one rank are equally good. What an export has besides its main column (a second address) stands further down.
_EMAIL = (
    """email mail emailaddress emailaddresses mailaddress emailid emails primaryemail contactemail contactemailaddress
    leademail personemail attendeeemail prospectemail useremail customeremail memberemail guestemail delegateemail
    visitoremail buyeremail badgeemail registrantemail participantemail propertiesemail
    emailadresse mailadresse epost epostadresse kontaktemail adresseemail adressemail adresseelectronique courriel
    adressecourriel adressedemessagerie correo correoelectronico direcciondecorreo direcciondecorreoelectronico
    direccionemail emailadres mailadres indirizzoemail enderecodeemail""",
    """workemail businessemail corporateemail professionalemail companyemail officeemail workemailaddress
    businessemailaddress emailwork emailbusiness personemailwork emailgeschaftlich geschaftlicheemail
    geschaftlicheemailadresse emailprofessionnel emailpro emailprofessionnelle correoprofesional correocorporativo
    correolaboral zakelijkemail zakelijkeemail werkemail""",
    "email1 mail1 email1address email1value emailaddress1",
    "email2 mail2 email2address email2value emailaddress2 secondaryemail alternateemail otheremail personemailother",
    "emailother additionalemail additionalemailaddresses",
    "personalemail privateemail homeemail emailhome personemailhome emailprivat emailpersonal",
    "email3 mail3 email3address email3value emailaddress3 tertiaryemail",
)
_FIRST_NAME = (
    "firstname givenname forename contactfirstname leadfirstname personfirstname attendeefirstname",
    "vorname prenom nombre nombres primernombre voornaam fname first",
)
_LAST_NAME = (
    "lastname surname familyname contactlastname leadlastname personlastname attendeelastname",
    "nachname familienname nomdefamille apellido apellidos achternaam familienaam",
    "nom lname last",
)
_FULL_NAME = (
    "fullname contactfullname contactname leadname personname attendeename prospectname",
    "vollstandigername vollername nomcomplet nombrecompleto nombreyapellidos volledigenaam ansprechpartner",
    "displayname delegatename badgename visitorname name naam",
)
_COMPANY = (
    "company companyname organization organisation organizationname organisationname",
    "companyaccount currentcompany account accountname associatedcompany primaryassociatedcompany",
    "companyorganization companyorganisation currentcompanyname personorganization organizationcompany",
    "firma firmenname unternehmen arbeitgeber entreprise societe nomdelentreprise empresa compania nombredelaempresa",
    "bedrijf bedrijfsnaam organisatie organizacion companynameforemails employer",
)
_LINKEDIN = (
    "linkedin linkedinurl personlinkedin personlinkedinurl linkedinprofile linkedinprofileurl",
    "contactlinkedinurl contactlinkedinprofileurl leadlinkedinurl prospectlinkedinurl linkedinlink linkedinurlpublic",
    "linkedinprofil profillinkedin perfillinkedin perfildelinkedin linkedinprofiel hslinkedinurl linkedinbio",
    "profileurl profilelink defaultprofileurl publicprofileurl url",
    "salesnavigatorurl salesnavigatorprofileurl linkedinsalesnavigatorurl linkedinurluniqueid",
)
_SECONDARY = {
    "first_name": _FIRST_NAME,
    "last_name": _LAST_NAME,
    "full_name": _FULL_NAME,
    "company": _COMPANY,
    "linkedin_url": _LINKEDIN,
}

# A column nobody named is not taken for its content if its name says it is about somebody else, or about an address.
_SOMEBODY_ELSE = re.compile(
    r"owner|rep$|repemail|manager|assistant|sender|sentby|createdby|modifiedby|addedby|assignedto|besitzer|inhaber"
    r"|proprietaire|propietario|support|billing|invoice|domain|optout|status|source|subject|note|comment|description"
)
_OUTPUT_PREFIX = "enriched_"
_ADDRESS_LIKE = r"[^\s@<>\"]@[^\s@<>\"]+\.[^\s@<>\"]"
_LINKEDIN_LIKE = r"(?i)linkedin\.com/"
_SAMPLE_CELLS = 1_000
_ENOUGH = 0.5  # share of cells for a column to be taken for its content alone
_SOME = 0.1  # share of cells for a column that is named right: exports are half rubbish


class _Content(IntEnum):
    """What a column's cells say about its name."""

    WRONG = 0
    UNKNOWN = 1
    RIGHT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The labels of the columns that identify a person; None where the frame has none.

    Attributes
    ----------
    email : Hashable
        The column looked up.
    first_name, last_name, full_name, company, linkedin_url : Hashable or None
        Sent along as hints.
    """

    email: Hashable
    first_name: Hashable | None = None
    last_name: Hashable | None = None
    full_name: Hashable | None = None
    company: Hashable | None = None
    linkedin_url: Hashable | None = None

    def as_dict(self) -> dict[str, Hashable | None]:
        """Give every role and its label; the mapping is a valid ``columns=`` that finds the same again."""
        return asdict(self)

    def __repr__(self) -> str:
        named = ", ".join(f"{role}={label!r}" for role, label in self.as_dict().items() if label is not None)
        return f"Columns({named})"


ROLES = tuple(field.name for field in fields(Columns))


def find_columns(
    frame: pd.DataFrame, columns: Hashable | Mapping[str, Hashable | None] | Columns | None = None
) -> Columns:
    """Find the columns that identify a person. Sends nothing.

    Parameters
    ----------
    frame : pandas.DataFrame
        At most 1,000 cells of a column are looked at.
    columns : Hashable or mapping, optional
        A label is the e-mail column. A mapping names more: ``{"email": "Work E-mail", "company": "Firma"}``; roles it
        does not name are still found, a role mapped to None is left out.

    Returns
    -------
    Columns

    Raises
    ------
    ColumnsError
        When a named column is not there, a label occurs twice, no e-mail column is found, or two are equally good: name
        the column with ``columns=``.

    Examples
    --------
    >>> import pandas as pd
    >>> find_columns(pd.DataFrame({"E-Mail": ["jo@acme.example"], "Firma": ["Acme"]}))
    Columns(email='E-Mail', company='Firma')
    """
    if not isinstance(frame, pd.DataFrame):
        raise ColumnsError(f"Expected a pandas DataFrame, not {type(frame).__name__}; {way_to_a_frame(frame)}.")
    if frame.shape[1] == 0:
        raise ColumnsError("The frame has no columns; hand in one with a column of e-mail addresses.")
    labels = _named(frame, columns)
    if labels.get("email") is None:
        labels["email"] = _find_email(frame)
    for role, ranks in _SECONDARY.items():
        if role not in labels:
            labels[role] = _find_secondary(frame, ranks, check_linkedin=role == "linkedin_url")
    for role, label in labels.items():
        _check_single(frame, role, label)
    return Columns(**labels)


def pick(frame: pd.DataFrame, label: Hashable) -> pd.Series[Any]:
    """Give the first column of exactly that label, also under a MultiIndex, where ``frame[label]`` may be a frame."""
    return frame.iloc[:, _places(frame)[_own(label)][0]]


def _places(frame: pd.DataFrame) -> dict[Hashable, list[int]]:
    """Give each label's places; hashed, because comparing labels fails where one is ``pandas.NA``."""
    places: dict[Hashable, list[int]] = {}
    for place, label in enumerate(frame.columns):
        places.setdefault(_own(label), []).append(place)
    return places


def _own(label: Hashable) -> Hashable:
    """Give a label that equals itself: pandas makes a new NaN each time it is asked for one."""
    return np.nan if isinstance(label, float) and np.isnan(label) else label


def _named(frame: pd.DataFrame, columns: Any) -> dict[str, Hashable | None]:
    """Read and check the caller's ``columns=``."""
    if columns is None:
        return {}
    if isinstance(columns, Columns):
        columns = columns.as_dict()
    named = dict(columns) if isinstance(columns, Mapping) else {"email": columns}
    unknown = [role for role in named if role not in ROLES]
    if unknown:
        raise ColumnsError(f"columns= has no role {unknown[0]!r}; the roles are {', '.join(ROLES)}.")
    if "email" in named and named["email"] is None:
        raise ColumnsError("columns= maps email to None, but people are looked up by e-mail; name that column.")
    for role, label in named.items():
        if label is not None:
            _check_there(frame, role, label)
    return named


def _check_there(frame: pd.DataFrame, role: str, label: object) -> None:
    """Refuse a label that is none of the frame's."""
    if not isinstance(label, Hashable):
        raise ColumnsError(f'columns= needs a label for {role}, not a {type(label).__name__}; write columns="Email".')
    places = _places(frame)
    if _own(label) in places:
        return
    by_lower = {str(known).casefold(): known for known in reversed(places)}
    close = [by_lower[name] for name in difflib.get_close_matches(str(label).casefold(), by_lower, n=3)]
    shown = ", ".join(map(repr, close or list(places)[:5]))
    raise ColumnsError(
        f"columns= names {label!r} for {role}, which is no column of this frame; "
        f"{'the closest are' if close else 'its first columns are'} {shown}."
    )


def _check_single(frame: pd.DataFrame, role: str, label: Hashable | None) -> None:
    """Refuse a label that stands over several columns."""
    n = len(_places(frame)[_own(label)]) if label is not None else 0
    if n > 1:
        way_out = "rename one" if role == "email" else f'rename one, or leave it out with columns={{"{role}": None}}'
        raise ColumnsError(f"The frame has {n} columns labelled {label!r}, the one for {role}; {way_out}.")


def _find_email(frame: pd.DataFrame) -> Hashable:
    """Choose the e-mail column: content that looks right before the better name; a name before content alone."""
    ranked = _ranked(frame, _EMAIL)
    scores = {label: (-_judge(frame, label, _ADDRESS_LIKE), rank) for label, rank in ranked.items()}
    if not scores or min(scores.values())[0] == -_Content.WRONG:
        scores |= dict.fromkeys(_find_by_content(frame, skip=ranked), (-_Content.RIGHT, len(_EMAIL)))
    if not scores:
        raise ColumnsError(
            "No e-mail column was found: no column has a known name (Email, E-Mail, Work Email, ...) and in none do "
            f"half of the cells hold an address; {_way_to_emails(frame)}."
        )
    best = min(scores.values())
    winners = [label for label, score in scores.items() if score == best]
    if len(winners) > 1:
        shown = " and ".join(map(repr, winners))
        raise ColumnsError(f"{shown} are equally good e-mail columns; choose one, e.g. columns={_typed(winners[0])}.")
    return winners[0]


def _way_to_emails(frame: pd.DataFrame) -> str:
    """Return what to type where no column holds addresses; an index that does by its name is no column."""
    named = list(_ranked(pd.DataFrame(columns=list(frame.index.names)), _EMAIL))
    return f"{named[0]!r} is the index: call .reset_index() first" if named else 'name it with columns="..."'


def _find_secondary(frame: pd.DataFrame, ranks: tuple[str, ...], check_linkedin: bool) -> Hashable | None:
    """Choose the column of the best name, the first of equals."""
    ranked = _ranked(frame, ranks)
    if check_linkedin:
        wrong = [label for label in ranked if _judge(frame, label, _LINKEDIN_LIKE) is _Content.WRONG]
        ranked = {label: rank for label, rank in ranked.items() if label not in wrong}
    return min(ranked, key=lambda label: ranked[label], default=None)


def _ranked(frame: pd.DataFrame, ranks: tuple[str, ...]) -> dict[Hashable, int]:
    """Give the labels that a table of names knows, each with its rank."""
    known = {name: rank for rank, names in reversed(list(enumerate(ranks))) for name in names.split()}
    plain = {label: _plain(label) for label in frame.columns if isinstance(label, str) and not _is_output(label)}
    return {label: known[name] for label, name in plain.items() if name in known}


def _find_by_content(frame: pd.DataFrame, skip: Mapping[Hashable, int]) -> list[Hashable]:
    """Give the labels of columns that hold addresses though their names say nothing of it."""
    found: list[Hashable] = []
    for place, label in enumerate(frame.columns):
        if label in skip or _is_output(label) or _SOMEBODY_ELSE.search(_plain(label)):
            continue
        share = _share(frame.iloc[:, place], _ADDRESS_LIKE)
        if share is not None and share >= _ENOUGH:
            found.append(label)
    return list(dict.fromkeys(found))


def _is_output(label: Hashable) -> bool:
    """Tell whether a column is one that enriching made."""
    first = label[0] if isinstance(label, tuple) and label else label
    return isinstance(first, str) and first.casefold().startswith(_OUTPUT_PREFIX)


def _judge(frame: pd.DataFrame, label: Hashable, pattern: str) -> _Content:
    """Tell whether the cells of a column go with its name."""
    share = _share(pick(frame, label), pattern)
    if share is None:
        return _Content.UNKNOWN
    return _Content.RIGHT if share >= _SOME else _Content.WRONG


def _share(column: pd.Series[Any], pattern: str) -> float | None:
    """Give the share of a column's cells, of a sample of those that are not blank, that contain a pattern."""
    filled = np.flatnonzero(column.notna().to_numpy())
    spread = filled[np.linspace(0, len(filled) - 1, min(len(filled), _SAMPLE_CELLS)).astype(np.int64)]
    for places in (spread, filled):  # all of them only where the sample is nothing but placeholders
        text = trim(cell_texts(column.iloc[places].astype(object)))
        n_cells = len(text) - int(is_blank(text, missing=False).sum())
        if n_cells:
            return int(as_mask(pc.match_substring_regex(text, pattern)).sum()) / n_cells
    return None


def _plain(label: object) -> str:
    """Write a label with letters and digits only, without accents and case; nothing for what is no string."""
    if not isinstance(label, str):
        return ""
    folded = unicodedata.normalize("NFKD", label.casefold())
    return "".join(character for character in folded if character.isalnum())


def _typed(label: Hashable) -> str:
    """Write a label as a person would type it."""
    return f'"{label}"' if isinstance(label, str) and '"' not in label else repr(label)

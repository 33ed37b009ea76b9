"""Columns: found by name and content, and never guessed where two are equally good."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest

from cleanlist_pandas.errors import ColumnsError
from cleanlist_pandas.frame.columns import Columns, find_columns, pick

MAIL = "jo@acme.example"
PROFILE = "https://www.linkedin.com/in/jo"

EXPORTS = {
    "HubSpot": (
        {
            "Record ID": 1,
            "First Name": "Jo",
            "Last Name": "Doe",
            "Email": MAIL,
            "Work email": MAIL,
            "Email Domain": "acme.example",
        }
        | {
            "Contact owner": MAIL,
            "Associated Company": "Acme",
            "LinkedIn URL": PROFILE,
            "Additional email addresses": MAIL,
        },
        Columns(
            email="Email",
            first_name="First Name",
            last_name="Last Name",
            company="Associated Company",
            linkedin_url="LinkedIn URL",
        ),
    ),
    "HubSpot, internal names": (
        {
            "email": MAIL,
            "firstname": "Jo",
            "lastname": "Doe",
            "company": "Acme",
            "hs_email_domain": "acme.example",
            "hs_linkedin_url": PROFILE,
        },
        Columns(
            email="email",
            first_name="firstname",
            last_name="lastname",
            company="company",
            linkedin_url="hs_linkedin_url",
        ),
    ),
    "Salesforce": (
        {
            "Lead ID": "00Q",
            "First Name": "Jo",
            "Last Name": "Doe",
            "Company / Account": "Acme",
            "Email": MAIL,
            "Email Opt Out": False,
        },
        Columns(email="Email", first_name="First Name", last_name="Last Name", company="Company / Account"),
    ),
    "Salesforce report": (
        {"Lead Owner": MAIL, "Contact: Email": MAIL, "Contact: Full Name": "Jo Doe", "Account Name": "Acme"},
        Columns(email="Contact: Email", full_name="Contact: Full Name", company="Account Name"),
    ),
    "Apollo": (
        {"First Name": "Jo", "Last Name": "Doe", "Company": "Acme", "Company Name for Emails": "Acme", "Email": MAIL}
        | {
            "Email Status": "Verified",
            "Primary Email Source": "Apollo",
            "Email Confidence": 0.9,
            "Secondary Email": MAIL,
        }
        | {"Contact Owner": MAIL, "Person Linkedin Url": PROFILE, "Company Linkedin Url": "linkedin.com/company/acme"},
        Columns(
            email="Email",
            first_name="First Name",
            last_name="Last Name",
            company="Company",
            linkedin_url="Person Linkedin Url",
        ),
    ),
    "LinkedIn Connections.csv": (
        {
            "First Name": "Jo",
            "Last Name": "Doe",
            "URL": PROFILE,
            "Email Address": MAIL,
            "Company": "Acme",
            "Connected On": "1 May",
        },
        Columns(
            email="Email Address", first_name="First Name", last_name="Last Name", company="Company", linkedin_url="URL"
        ),
    ),
    "Sales Navigator": (
        {
            "fullName": "Jo Doe",
            "firstName": "Jo",
            "lastName": "Doe",
            "companyName": "Acme",
            "profileUrl": PROFILE,
            "email": MAIL,
        }
        | {"companyUrl": "linkedin.com/company/acme"},
        Columns(
            email="email",
            first_name="firstName",
            last_name="lastName",
            full_name="fullName",
            company="companyName",
            linkedin_url="profileUrl",
        ),
    ),
    "Pipedrive": (
        {
            "Person - Name": "Jo Doe",
            "Person - Email - Work": MAIL,
            "Person - Email - Home": MAIL,
            "Person - Organization": "Acme",
        },
        Columns(email="Person - Email - Work", full_name="Person - Name", company="Person - Organization"),
    ),
    "Outlook": (
        {
            "First Name": "Jo",
            "Last Name": "Doe",
            "Company": "Acme",
            "E-mail Address": MAIL,
            "E-mail Type": "SMTP",
            "E-mail 2 Address": MAIL,
        },
        Columns(email="E-mail Address", first_name="First Name", last_name="Last Name", company="Company"),
    ),
    "Google Contacts": (
        {
            "First Name": "Jo",
            "Last Name": "Doe",
            "Organization Name": "Acme",
            "E-mail 1 - Label": "Work",
            "E-mail 1 - Value": MAIL,
            "E-mail 2 - Value": MAIL,
        },
        Columns(email="E-mail 1 - Value", first_name="First Name", last_name="Last Name", company="Organization Name"),
    ),
    "Mailchimp": (
        {"Email Address": MAIL, "First Name": "Jo", "Last Name": "Doe", "MEMBER_RATING": 2, "OPTIN_TIME": "2026"},
        Columns(email="Email Address", first_name="First Name", last_name="Last Name"),
    ),
    "badge scans": (
        {
            "Scan Time": "10:38",
            "Badge ID": "B-1",
            "Full Name": "Jo Doe",
            "Organisation": "Acme",
            "E-Mail": MAIL,
            "Consent": "yes",
        },
        Columns(email="E-Mail", full_name="Full Name", company="Organisation"),
    ),
    "German": (
        {"Vorname": "Jo", "Nachname": "Doe", "Firma": "Acme", "E-Mail-Adresse": MAIL},
        Columns(email="E-Mail-Adresse", first_name="Vorname", last_name="Nachname", company="Firma"),
    ),
    "French": (
        {"Prénom": "Jo", "Nom": "Doe", "Société": "Acme", "Adresse e-mail": MAIL},
        Columns(email="Adresse e-mail", first_name="Prénom", last_name="Nom", company="Société"),
    ),
    "Spanish": (
        {"Nombre": "Jo", "Apellidos": "Doe", "Empresa": "Acme", "Correo electrónico": MAIL},
        Columns(email="Correo electrónico", first_name="Nombre", last_name="Apellidos", company="Empresa"),
    ),
    "Dutch": (
        {"Voornaam": "Jo", "Achternaam": "Doe", "Bedrijf": "Acme", "E-mailadres": MAIL},
        Columns(email="E-mailadres", first_name="Voornaam", last_name="Achternaam", company="Bedrijf"),
    ),
}


@pytest.mark.parametrize("rows", [0, 3], ids=["names alone", "names and content"])
@pytest.mark.parametrize("name", EXPORTS)
def test_known_exports_are_found(name, rows):
    cells, expected = EXPORTS[name]
    frame = pd.DataFrame({label: [cell] * rows for label, cell in cells.items()})
    assert find_columns(frame) == expected
    assert find_columns(frame[frame.columns[::-1]]) == expected


def frame_of(**columns):
    return pd.DataFrame({name.replace("_", " "): cells for name, cells in columns.items()})


def test_content_goes_before_a_better_name():
    for flag in ([True, False], pd.to_datetime(["2026", "2027"]), ["yes", "no"], [1, 2]):
        assert find_columns(frame_of(Email=flag, Work_Email=[MAIL, None])).email == "Work Email"
        assert find_columns(frame_of(Email=flag, Person=[MAIL, None])).email == "Person"


def test_a_name_goes_before_content_alone_even_where_its_cells_are_blank():
    assert find_columns(frame_of(Reach=[MAIL, MAIL], Email=[None, " "])).email == "Email"


def test_a_named_column_is_taken_for_want_of_a_better_one():
    assert find_columns(frame_of(Email=["unknown", "see card"], City=["Ulm", "Bonn"])).email == "Email"


def test_an_unnamed_column_needs_half_its_cells():
    assert find_columns(frame_of(Reach=[MAIL, "x", None, "n/a"], City=["Ulm"] * 4)).email == "Reach"
    with pytest.raises(ColumnsError, match="No e-mail column"):
        find_columns(frame_of(Reach=[MAIL, "x", "y"], City=["Ulm"] * 3))


def test_the_sample_is_spread_over_the_whole_column():
    cells = np.full(5_000, "x", dtype=object)
    cells[2_000:] = MAIL
    assert find_columns(pd.DataFrame({"Reach": cells})).email == "Reach"
    lone = np.full(5_000, "", dtype=object)
    lone[4_321] = MAIL
    assert find_columns(pd.DataFrame({"Reach": lone})).email == "Reach"


@pytest.mark.parametrize(
    "label",
    [
        "enriched_email",
        "Enriched_Reach",
        "Email Domain",
        "Email Opt Out",
        "Email Status",
        "Account Owner Email",
        "Notes",
        "Sent by",
    ],
)
def test_some_columns_are_never_taken_for_their_content(label):
    with pytest.raises(ColumnsError, match="No e-mail column"):
        find_columns(pd.DataFrame({label: [MAIL], "City": ["Ulm"]}))
    with pytest.raises(ColumnsError, match="No e-mail column"):
        find_columns(
            pd.DataFrame({(label, ""): [MAIL]}) if label.startswith("enriched") else pd.DataFrame({label: [MAIL]})
        )


@pytest.mark.parametrize("labels", [(0, 1), (("p", "x"), ("p", "Email")), (pd.Timestamp("2026"), "Reach")], ids=str)
def test_labels_that_are_no_text_are_found_by_content(labels):
    frame = pd.DataFrame([["x", MAIL]], columns=pd.Index(labels) if isinstance(labels[0], tuple) else list(labels))
    assert find_columns(frame).email == labels[1]


@pytest.mark.parametrize("labels", [[float("nan"), 1.0], [None, "x"], [pd.NA, "x"]])
def test_a_label_that_is_missing_is_a_label(labels):
    """Tables that were turned or unstacked have such; to pandas each NaN is a new object."""
    frame = pd.DataFrame([["jo@acme.example", "x"]], columns=labels)
    column = find_columns(frame).email
    assert pd.isna(column)
    assert find_columns(frame, column).email is column
    assert pick(frame, column).tolist() == ["jo@acme.example"]
    with pytest.raises(ColumnsError, match="2 columns labelled nan"):
        find_columns(frame.set_axis([float("nan"), float("nan")], axis=1))


@pytest.mark.parametrize("cells", [[True, False], ["x", "y"], ["https://acme.example", None], [1, 2]])
def test_a_url_that_is_no_linkedin_is_left_alone(cells):
    assert find_columns(frame_of(Email=[MAIL, MAIL], URL=cells)).linkedin_url is None
    assert (
        find_columns(frame_of(Email=[MAIL, MAIL], URL=cells, Profile_URL=[PROFILE, ""])).linkedin_url == "Profile URL"
    )


def test_the_first_of_two_equal_hints_is_taken():
    assert find_columns(frame_of(Email=[MAIL], Organisation=["A"], Company=["B"])).company == "Organisation"


def test_a_label_is_the_email_column():
    frame = frame_of(Email=[MAIL], Reach=["x"], Company=["Acme"])
    assert find_columns(frame, "Reach") == Columns(email="Reach", company="Company")
    assert find_columns(frame, {"email": "Reach"}) == Columns(email="Reach", company="Company")


def test_a_tuple_is_a_label_under_multiindex_columns():
    frame = pd.DataFrame([[MAIL, "x"]], columns=pd.MultiIndex.from_tuples([("p", "mail"), ("p", "name")]))
    assert find_columns(frame, ("p", "mail")).email == ("p", "mail")
    assert find_columns(frame, {"email": ("p", "mail"), "full_name": ("p", "name")}).full_name == ("p", "name")
    assert pick(frame, ("p", "name")).tolist() == ["x"]
    with pytest.raises(ColumnsError, match="'p' for email, which is no column"):
        find_columns(frame, "p")


def test_unnamed_roles_are_found_and_none_turns_one_off():
    frame = frame_of(Email=[MAIL], First_Name=["Jo"], Company=["Acme"], Firm=["Emca"])
    assert find_columns(frame, {"company": "Firm"}) == Columns(email="Email", first_name="First Name", company="Firm")
    assert find_columns(frame, {"company": None}) == Columns(email="Email", first_name="First Name")


def test_found_columns_can_be_handed_in_again():
    frame = frame_of(Email=[MAIL], Company=["Acme"])
    found = find_columns(frame, {"company": None})
    assert find_columns(frame, found) == found == find_columns(frame, found.as_dict())


def test_columns_show_what_was_found_and_cannot_be_changed():
    found = Columns(email="E-Mail", company="Firma")
    assert repr(found) == "Columns(email='E-Mail', company='Firma')"
    assert found.as_dict() == dict.fromkeys(("first_name", "last_name", "full_name", "linkedin_url")) | {
        "email": "E-Mail",
        "company": "Firma",
    }
    with pytest.raises(FrozenInstanceError):
        found.email = "x"


def doubled(*labels):
    return pd.DataFrame([[MAIL] * len(labels)], columns=list(labels))


ERRORS = {
    "no frame": ([MAIL], None, r"not list; write pandas.DataFrame\(...\)\."),
    "a series": (pd.Series([MAIL]), None, "not Series"),
    "no columns": (pd.DataFrame(index=[1, 2]), None, "The frame has no columns"),
    "in the index": (
        frame_of(Email=["a@x.example"], City=["Ulm"]).set_index("Email"),
        None,
        r"'Email' is the index: call \.reset_index\(\) first\.",
    ),
    "nothing found": (frame_of(City=["Ulm"]), None, r'No e-mail column was found: .*; name it with columns="\.\.\."\.'),
    "two by name": (
        frame_of(Email=[MAIL], **{"E-Mail": [MAIL]}),
        None,
        "'Email' and 'E-Mail' are equally good .* columns=\"Email\"",
    ),
    "two by content": (frame_of(Reach=[MAIL], Other=[MAIL]), None, "'Reach' and 'Other' are equally good"),
    "two without rows": (frame_of(Email=[], Mail=[]), None, "'Email' and 'Mail' are equally good"),
    "unknown role": (
        frame_of(Email=[MAIL]),
        {"mail": "Email"},
        "no role 'mail'; the roles are email, first_name, last_name, full_name",
    ),
    "no such column": (
        frame_of(Email=[MAIL], City=["Ulm"]),
        "emial",
        "'emial' for email, which is no column of this frame; the closest are 'Email'",
    ),
    "no such hint": (frame_of(Email=[MAIL], Firma=["A"]), {"company": "firm"}, "'firm' for company, .* 'Firma'"),
    "nothing close": (frame_of(Email=[MAIL], City=["Ulm"]), "zzz", "its first columns are 'Email', 'City'"),
    "a list": (frame_of(Email=[MAIL]), ["Email"], 'a label for email, not a list; write columns="Email"'),
    "no email wanted": (frame_of(Email=[MAIL]), {"email": None}, "maps email to None"),
    "found twice": (doubled("Email", "Email"), None, "2 columns labelled 'Email', the one for email; rename one"),
    "found by content twice": (doubled("Reach", "Reach"), None, "2 columns labelled 'Reach'"),
    "named twice": (doubled("Email", "Email", "Other"), "Email", "2 columns labelled 'Email'"),
    "hint twice": (
        doubled("Email", "Company", "Company"),
        None,
        r'2 columns labelled .Company., .* columns={"company": None}',
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_says_what_is_wrong_and_what_to_type(name):
    frame, columns, message = ERRORS[name]
    with pytest.raises(ColumnsError, match=message) as caught:
        find_columns(frame, columns)
    assert MAIL not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_unrelated_duplicates_and_odd_labels_do_no_harm():
    frame = pd.DataFrame([["x", MAIL, "y", "z", "w"]], columns=["n", "Email", "n", pd.NA, np.nan])
    assert find_columns(frame) == Columns(email="Email")
    assert find_columns(doubled("Email", "Company", "Company"), {"company": None}) == Columns(email="Email")


def test_looking_leaves_the_frame_alone():
    frame = frame_of(Email=[MAIL, None], Firma=["Acme", "x"])
    before = frame.copy(deep=True)
    find_columns(frame)
    pd.testing.assert_frame_equal(frame, before)

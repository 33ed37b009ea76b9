"""The invented people: the same for everybody who asks, and like a real list."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cleanlist_pandas.sandbox.world import Employer, InventedWorld, Person, normal_form, profile_slug

N = 20_000
STATUSES = {"valid", "invalid", "risky", "catch-all", "disposable", "role-based", "unknown"}
SENIORITIES = ["entry", "individual_contributor", "manager", "director", "vp", "c_level", "owner"]
SIZES = ["1-10", "11-50", "51-200", "201-500", "501-1000", "1001-5000", "5001-10000", "10001+"]


@pytest.fixture(scope="module")
def people() -> list[Person]:
    world = InventedWorld(seed=3, hit_rate=1.0)
    found = [world.look_up(f"first{i}.last{i}@company{i // 4}.example") for i in range(N)]
    return [person for person in found if person is not None]


def share(people: list[Person], name: str) -> dict[object, float]:
    return {value: n / len(people) for value, n in Counter(getattr(person, name) for person in people).items()}


def test_the_same_seed_and_address_give_the_same_person() -> None:
    addresses = [f"a{i}@b{i % 7}.example" for i in range(200)]
    forward = [InventedWorld(5).look_up(email) for email in addresses]
    world = InventedWorld(5)
    backward = [world.look_up(email) for email in reversed(addresses)]
    assert forward == backward[::-1]


def test_another_seed_is_another_world() -> None:
    addresses = [f"a{i}@b{i}.example" for i in range(200)]
    assert [InventedWorld(1).look_up(email) for email in addresses] != [
        InventedWorld(2).look_up(email) for email in addresses
    ]


@pytest.mark.parametrize("hash_seed", ["0", "1", "4711"])
def test_another_process_meets_the_same_person(hash_seed: str) -> None:
    code = (
        "from cleanlist_pandas.sandbox.world import InventedWorld as W; print(W(9, 1.0).look_up('mo.nor@lisb.example'))"
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == repr(InventedWorld(9, 1.0).look_up("mo.nor@lisb.example"))


@pytest.mark.parametrize(("rate", "low", "high"), [(0.0, 0, 0), (0.3, 0.28, 0.32), (0.8, 0.78, 0.82), (1.0, 1, 1)])
def test_the_hit_rate_is_the_share_of_known_addresses(rate: float, low: float, high: float) -> None:
    world = InventedWorld(1, rate)
    known = sum(world.look_up(f"a{i}@b{i}.example") is not None for i in range(5_000)) / 5_000
    assert low <= known <= high


def test_the_hit_rate_changes_nobody() -> None:
    few, all_ = InventedWorld(1, 0.5), InventedWorld(1, 1.0)
    for i in range(500):
        person = few.look_up(f"a{i}@b{i}.example")
        assert person is None or person == all_.look_up(f"a{i}@b{i}.example")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alex@Startup.IO", "alex@startup.io"),
        ("a@straße.de", "a@xn--strae-oqa.de"),
        ("a@STRAßE.de", "a@straße.de"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
    ],
)
def test_one_address_in_two_spellings(one: str, other: str) -> None:
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a@straße.de", "a@strasse.de"),
        ("a.b@gmail.com", "ab@gmail.com"),
        ("a+x@b.example", "a@b.example"),
        ("İ@b.example", "i@b.example"),
        ("\u0430@b.example", "a@b.example"),
    ],
)
def test_two_addresses_stay_two(one: str, other: str) -> None:
    assert normal_form(one) != normal_form(other)


def test_statuses_are_those_of_the_vendor_in_honest_shares(people: list[Person]) -> None:
    shares = share(people, "email_status")
    assert set(shares) <= STATUSES
    assert 0.09 < shares["catch-all"] < 0.15
    assert 0.04 < shares["invalid"] < 0.07
    assert 0.03 < shares["risky"] < 0.06
    assert 0.02 < shares["unknown"] < 0.05


@pytest.mark.parametrize("local", ["info", "Sales", "no-reply", "support+tag", "hr", "billing", "office", "team"])
def test_a_shared_mailbox_is_role_based_and_nobody(local: str) -> None:
    person = InventedWorld(1, 1.0).look_up(f"{local}@mirefield-foods.example")
    assert person is not None
    assert person.email_status == "role-based"
    assert person.company == "Mirefield Foods"
    assert person.title is person.seniority is person.phone is person.linkedin is None


def test_a_throw_away_mailbox_is_disposable() -> None:
    person = InventedWorld(1, 1.0).look_up("alex.rivera@mailinator.com")
    assert person is not None
    assert (person.email_status, person.company) == ("disposable", None)


def test_catch_all_is_a_property_of_the_domain() -> None:
    world = InventedWorld(1, 1.0)
    for i in range(100):
        of_domain = {
            getattr(world.look_up(f"p{j}@d{i}.example"), "email_status", None) == "catch-all" for j in range(5)
        }
        assert len(of_domain) == 1


def test_colleagues_agree_on_their_employer() -> None:
    world = InventedWorld(1, 1.0)
    found = [world.look_up(f"p{j}.q{j}@mirefield-foods.example") for j in range(50)]
    assert {(p.company, p.industry) for p in found if p} == {("Mirefield Foods", "Food & Beverage")}
    assert len({p.size for p in found if p}) == 1


def test_behind_free_mail_each_has_an_employer_of_their_own() -> None:
    world = InventedWorld(1, 1.0)
    found = [world.look_up(f"p{j}.q{j}@gmail.com") for j in range(50)]
    assert len({p.company for p in found if p}) > 20


@pytest.mark.parametrize(
    ("domain", "company"),
    [
        ("mirefield-foods.example", "Mirefield Foods"),
        ("startup.io", "Startup"),
        ("shop.mirefield.co.uk", "Mirefield"),
        ("xn--bcher-kva.example", "Bücher"),
        ("xn--.example", "xn--.example"),
    ],
)
def test_the_company_is_named_after_the_domain(domain: str, company: str) -> None:
    person = InventedWorld(1, 1.0).look_up(f"a.b@{domain}")
    assert person is not None
    assert person.company == company


def test_seniorities_have_the_shares_of_a_business_list(people: list[Person]) -> None:
    shares = share(people, "seniority")
    assert set(shares) == set(SENIORITIES)
    wanted = [0.12, 0.38, 0.22, 0.13, 0.06, 0.06, 0.03]
    for name, expected in zip(SENIORITIES, wanted, strict=True):
        assert abs(shares[name] - expected) < 0.015, name


def test_owners_own_small_companies(people: list[Person]) -> None:
    assert {p.size for p in people if p.seniority == "owner"} == {"1-10", "11-50"}


def test_sizes_are_the_headcount_classes_and_skewed(people: list[Person]) -> None:
    shares = share(people, "size")
    assert set(shares) == set(SIZES)
    assert shares["11-50"] > shares["201-500"] > shares["5001-10000"]


def test_titles_say_the_seniority(people: list[Person]) -> None:
    for person in people:
        if person.title is None:
            continue
        assert person.title.startswith("Director of ") == (person.seniority == "director")
        assert person.title.startswith("VP of ") == (person.seniority == "vp")
        assert (person.title in {"CEO", "CTO", "CFO", "CMO", "COO", "CRO", "CCO", "CHRO", "CPO"}) == (
            person.seniority == "c_level"
        )
    assert 0.04 < sum(p.title is None for p in people) / N < 0.06


def test_phones_are_fictional_and_for_about_half(people: list[Person]) -> None:
    phones = [p.phone for p in people if p.phone is not None]
    assert 0.53 < len(phones) / N < 0.57
    assert all(re.fullmatch(r"\+1-[2-9]\d\d-555-01\d\d", phone) for phone in phones)
    assert len({phone[-4:] for phone in phones}) == 100


def test_profiles_come_from_the_name(people: list[Person]) -> None:
    assert 0.83 < sum(p.linkedin is not None for p in people) / N < 0.87
    profiles = {
        p.linkedin for i in range(20) if (p := InventedWorld(i, 1.0).look_up("Alex.Rivera+x@startup.io")) is not None
    }
    assert profiles == {None, "https://linkedin.com/in/alexrivera"}


def test_the_score_is_a_whole_number_for_all_and_rises_with_seniority(people: list[Person]) -> None:
    assert all(isinstance(p.icp_score, int) and 0 <= p.icp_score <= 100 for p in people)
    means = []
    for name in SENIORITIES[:6]:
        scores = [p.icp_score or 0 for p in people if p.seniority == name]
        means.append(sum(scores) / len(scores))
    assert means == sorted(means)


@pytest.mark.parametrize(
    "email", ["@x.example", "\ud800@x.example", "a@\ud800.example", "1.2@3.4", "a@b", "ü" * 200 + "@x.de"]
)
def test_odd_addresses_break_nothing(email: str) -> None:
    assert InventedWorld(1, 1.0).look_up(email) is not None


@pytest.mark.parametrize(
    ("profile", "slug"),
    [
        ("https://www.linkedin.com/in/Jane-Doe-9a1b/", "jane-doe-9a1b"),
        ("https://de.linkedin.com/in/jane?trk=x", "jane"),
        ("linkedin.com/pub/jane-doe/1/2/3", "jane-doe"),
        (" jane-doe ", "jane-doe"),
        ("https://elsewhere.example/in/jane", None),
        ("Jane Doe", None),
        ("", None),
    ],
)
def test_a_profile_has_one_slug_in_all_its_forms(profile: str, slug: str | None) -> None:
    assert profile_slug(profile) == slug


def test_people_are_found_by_name_at_their_address() -> None:
    world = InventedWorld(3, hit_rate=1.0)
    address, person = world.by_name("Ann Other", None, "mirefield.example") or ("", None)
    assert (address, person) == ("ann.other@mirefield.example", world.look_up("ann.other@mirefield.example"))
    assert world.by_name("Ann Other", "Mirefield", None) == (address, person)
    assert InventedWorld(3, hit_rate=0.0).by_name("Ann Other", "Mirefield", None) is None


def test_somebody_is_behind_every_profile_and_keeps_it() -> None:
    world = InventedWorld(3, hit_rate=1.0)
    _, person = world.by_profile("ann-other") or ("", None)
    assert person is not None
    assert person.linkedin == "https://linkedin.com/in/ann-other"
    assert InventedWorld(3, hit_rate=0.0).by_profile("ann-other") is None


def test_a_company_is_what_its_people_say() -> None:
    world = InventedWorld(3, hit_rate=1.0)
    person, company = world.look_up("ann@mirefield-foods.example"), world.employer("MIREFIELD-foods.example")
    assert person is not None
    assert company == Employer(person.company, person.industry, person.size)
    assert world.employer("gmail.com") is None
    assert world.employer("mailinator.com") is None


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("ann.other@b.example", "annother+news@b.example", True),
        ("ann.other@b.example", "ann_other@b.example", True),
        ("ann.other@b.example", "ann.other@c.example", False),
        ("ann.other1@b.example", "ann.other2@b.example", False),
    ],
)
def test_dots_and_tags_do_not_make_another_person(one: str, other: str, is_same: bool) -> None:
    world = InventedWorld(1)
    person = Person(name="Ann Other", linkedin="https://linkedin.com/in/annother")
    assert (world.identity(one, person) == world.identity(other, person)) is is_same
    nobody = Person(name="Ann Other")
    assert world.identity(one, nobody) != world.identity(other, nobody)

"""The books: what is set aside, charged and given back, by surface."""

from __future__ import annotations

from cleanlist_pandas.sandbox.books import Books, Charge, Reservation, Totals


def charge(credits: int, surface: str = "v2") -> Charge:
    return Charge(email="a@b.example", credits=credits, fields=("email",), request=0, surface=surface)


def test_what_is_set_aside_cannot_be_spent_twice() -> None:
    books = Books(10)
    books.reserve(Reservation(workflow="w", surface="v2", request=0, credits=7))
    assert (books.credits_left, books.affords(3), books.affords(4)) == (3, True, False)
    assert books.totals() == Totals(reserved=7, open=7)


def test_settling_gives_back_the_rest() -> None:
    books = Books(10)
    books.reserve(Reservation(workflow="w", surface="v2", request=0, credits=7))
    ended = books.settle("w", [charge(1), charge(1)])
    assert (ended.charged, ended.refunded, books.credits_left, books.charged) == (2, 5, 8, 2)
    assert books.reservations == [ended]


def test_an_overcharge_gives_nothing_back() -> None:
    books = Books(10)
    books.reserve(Reservation(workflow="w", surface="v2", request=0, credits=1))
    assert books.settle("w", [charge(11)]).refunded == 0
    assert books.credits_left == -1


def test_totals_are_kept_apart_by_surface() -> None:
    books = Books(None)
    books.charge(charge(1, "csv_row"))
    books.reserve(Reservation(workflow="w", surface="v2", request=0, credits=2))
    books.reserve(Reservation(workflow="x", surface="legacy", request=1, credits=11))
    books.settle("x", [charge(11, "legacy")])
    assert books.totals("csv_row") == Totals(charged=1)
    assert books.totals("v2") == Totals(reserved=2, open=2)
    assert books.totals("legacy") == Totals(reserved=11, charged=11)
    assert books.totals() == Totals(reserved=13, charged=12, open=2)
    assert books.credits_left is None

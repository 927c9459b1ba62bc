"""What `ringback rates` and `ringback budget` read and print."""

import pytest

from ringback.errors import Invalid
from ringback.remote.analytics import prices
from ringback.remote.curve import Curve, Point
from ringback.remote.money import budget_line, imported, read_amount
from ringback.remote.watch import per_person


@pytest.mark.parametrize(
    ("text", "micros"), [("250.00", 250_000_000), ("0", 0), ("0.000001", 1), ("none", None), ("None", None)]
)
def test_an_amount_is_read_exactly(text, micros):
    """In millionths, without a float on the way."""
    assert read_amount(text) == micros


@pytest.mark.parametrize("text", ["-1", "0.0000001", "much", "NaN", "Infinity", "1,5"])
def test_what_is_no_amount_is_refused_with_an_example(text):
    """Nothing is rounded."""
    with pytest.raises(Invalid, match="six decimals"):
        read_amount(text)


@pytest.mark.parametrize(("cost", "shown"), [(None, ""), (0, ""), (1_234_500, "1.2345 USD")])
def test_what_a_person_cost_is_shown_where_somebody_was_reached(cost, shown):
    """In whole units."""
    assert per_person({"cost_per_reached_micros": cost, "currency": "USD"}) == shown


def test_the_price_of_a_person_is_told_by_attempt():
    """Those that reached nobody have none."""
    points = [Point(1, 9, None, 0.1, 0.0, 0.2, "0.5000 USD"), Point(2, 5, None, 0.1, 0.0, 0.2, "")]
    assert prices(Curve(points)) == "attempt 1: 0.5000 USD"


def test_a_budget_that_is_spent_says_what_to_do():
    """One that is not says how far it has come."""
    told = {"id": "cmp_1", "budget_micros": 5_000_000, "spent_micros": 1_250_000, "currency": "EUR"}
    assert budget_line(told, "campaign") == "campaign cmp_1 has spent 1.25 of 5.00 EUR"
    spent = budget_line({**told, "spent_micros": 5_000_000}, "campaign")
    assert spent.endswith("5.00 of 5.00 EUR; nothing is dialled on it until it is raised")
    assert budget_line({**told, "budget_micros": None}, "workspace") == "workspace cmp_1 has no budget"


def test_an_import_says_what_was_taken_and_what_was_not():
    """The rates, the rows by their reason, and the trunks."""
    version = {"version": 2, "valid_from": "2026-04-01T00:00:00.000Z"}
    deck = {"id": "deck_1", "name": "A", "currency": "USD", "versions": [{}, version]}
    reason = {"code": "invalid_price", "count": 1, "rows": [4], "message": "No."}
    told = {"rate_deck": deck, "created": 1200, "rejected": 1, "reasons": [reason]}
    assert imported(told, ["main"]) == [
        "deck_1  A, version 2: 1,200 rates in USD from 2026-04-01 00:00 UTC on, 1 rows rejected",
        "  1 invalid_price (rows 4): No.",
        "calls over main are charged by it",
    ]

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Instant, TimeDelta

from ringback.domain.billing import (
    Billing,
    Charge,
    DeckVersion,
    charge,
    parse_billing,
    parse_currency,
    price,
    rate_of,
)
from ringback.errors import Invalid

MOST = 1_000_000_000
billings = st.builds(
    Billing,
    per_minute_micros=st.integers(0, MOST),
    first_sec=st.integers(1, 3600),
    next_sec=st.integers(1, 3600),
    connect_micros=st.integers(0, MOST),
)
durations = st.integers(0, 100_000)


@pytest.mark.parametrize(
    ("billing", "duration_sec", "billed_sec", "cost_micros"),
    [
        (Billing(), 84, 84, 0),
        (Billing(12_000), 0, 1, 200),
        (Billing(12_000), 60, 60, 12_000),
        (Billing(12_000, first_sec=60, next_sec=60), 1, 60, 12_000),
        (Billing(12_000, first_sec=60, next_sec=60), 60, 60, 12_000),
        (Billing(12_000, first_sec=60, next_sec=60), 61, 120, 24_000),
        (Billing(12_000, first_sec=30, next_sec=6), 84, 84, 16_800),
        (Billing(12_000, first_sec=30, next_sec=6), 85, 90, 18_000),
        (Billing(1), 1, 1, 1),
        (Billing(1), 61, 61, 2),
        (Billing(12_000, connect_micros=500), 30, 30, 6_500),
    ],
)
def test_the_tariffs_of_every_day(billing, duration_sec, billed_sec, cost_micros):
    """Per second, per minute, 30/6, with a price for being answered, and rounded up to a millionth."""
    assert charge(billing, duration_sec, answered=True) == Charge(billed_sec, cost_micros)


@given(billings, durations)
def test_a_charge_is_exact(billing, duration_sec):
    """The least whole number of steps and of millionths that covers the exact fraction."""
    steps = max(ceil(Fraction(duration_sec - billing.first_sec, billing.next_sec)), 0)
    billed = billing.first_sec + steps * billing.next_sec
    cost = ceil(Fraction(billing.per_minute_micros * billed, 60) + billing.connect_micros)
    assert charge(billing, duration_sec, answered=True) == Charge(billed, cost)


@given(billings, durations, durations)
def test_a_longer_call_never_costs_less(billing, one, other):
    """Billed seconds and cost grow with the duration, and what is billed covers it."""
    short, long = (charge(billing, sec, answered=True) for sec in sorted((one, other)))
    assert short.billed_sec <= long.billed_sec
    assert short.cost_micros <= long.cost_micros
    assert long.billed_sec >= max(one, other)


@given(billings, durations)
def test_an_unanswered_call_costs_nothing(billing, duration_sec):
    """Ringing is free."""
    assert charge(billing, duration_sec, answered=False) == Charge(0, 0)


def test_no_tariff_is_free_of_charge():
    """A trunk without one costs nothing, in dollars."""
    assert parse_billing(None) == parse_billing({}) == Billing(0, "USD", 1, 1, 0)


def test_a_whole_tariff_is_read():
    """Every field has its place."""
    raw = {"per_minute_micros": 9, "currency": "EUR", "first_sec": 30, "next_sec": 6, "connect_micros": 7}
    assert parse_billing(raw) == Billing(9, "EUR", 30, 6, 7)


def test_the_greatest_figures_are_taken():
    """The limits that the messages name are themselves allowed."""
    assert parse_billing({"per_minute_micros": MOST, "next_sec": MOST}) == Billing(MOST, next_sec=MOST)


@pytest.mark.parametrize("raw", [[], "free", 12_000, True])
def test_a_tariff_is_an_object(raw):
    """Anything else is refused with an example."""
    with pytest.raises(Invalid, match="billing must be an object, such as"):
        parse_billing(raw)


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ({"per_minute": 1}, "billing.per_minute is not known"),
        ({"per_minute_micros": -1}, f"billing.per_minute_micros must be a whole number from 0 to {MOST}"),
        ({"per_minute_micros": MOST + 1}, f"billing.per_minute_micros must be a whole number from 0 to {MOST}"),
        ({"per_minute_micros": 0.012}, f"billing.per_minute_micros must be a whole number from 0 to {MOST}"),
        ({"per_minute_micros": "12000"}, f"billing.per_minute_micros must be a whole number from 0 to {MOST}"),
        ({"first_sec": 0}, f"billing.first_sec must be a whole number from 1 to {MOST}"),
        ({"next_sec": True}, f"billing.next_sec must be a whole number from 1 to {MOST}"),
        ({"connect_micros": None}, f"billing.connect_micros must be a whole number from 0 to {MOST}"),
        ({"currency": "usd"}, "billing.currency must be an ISO 4217 code, such as 'USD'"),
        ({"currency": "US"}, "billing.currency must be an ISO 4217 code, such as 'USD'"),
        ({"currency": "U5D"}, "billing.currency must be an ISO 4217 code, such as 'USD'"),
        ({"currency": "USD\n"}, "billing.currency must be an ISO 4217 code, such as 'USD'"),
        ({"currency": None}, "billing.currency must be an ISO 4217 code, such as 'USD'"),
    ],
)
def test_a_fault_names_its_field(raw, line):
    """Each wrong entry has its line."""
    with pytest.raises(Invalid) as refusal:
        parse_billing(raw)
    assert refusal.value.lines == [line]


def test_all_faults_come_at_once():
    """A caller mends everything in one go, under the name they gave the field."""
    with pytest.raises(Invalid) as refusal:
        parse_billing({"a": 1, "first_sec": 0, "currency": 7}, "settings.billing")
    assert [line.split()[0] for line in refusal.value.lines] == [
        "settings.billing.a",
        "settings.billing.first_sec",
        "settings.billing.currency",
    ]


MAY = Instant.from_utc(2026, 5, 1)
JUNE = Instant.from_utc(2026, 6, 1)
BRITAIN, LONDON, DEARER = Billing(9_000), Billing(7_000), Billing(11_000)
DECK = (
    DeckVersion(1, MAY, {"+44": BRITAIN, "+4420": LONDON}),
    DeckVersion(3, JUNE, {"+44": DEARER}),
    DeckVersion(2, JUNE, {"+44": Billing(99)}),
)


@pytest.mark.parametrize(
    ("number", "at", "rate"),
    [
        ("+442079460000", MAY, LONDON),
        ("+441212345678", MAY, BRITAIN),
        ("+4420", MAY, LONDON),
        ("+4930123456", MAY, None),
        ("+442079460000", MAY - TimeDelta(milliseconds=1), None),
        ("+442079460000", JUNE - TimeDelta(milliseconds=1), LONDON),
        ("+442079460000", JUNE, DEARER),
    ],
)
def test_the_longest_beginning_counts_in_the_version_in_force(number, at, rate):
    """A version holds from its instant on and replaces all of the one before; of two from one instant, the later."""
    assert rate_of(DECK, number, at) == rate
    assert rate_of(DECK[::-1], number, at) == rate


def test_a_dial_is_priced_by_the_deck_or_else_by_the_trunk():
    """The trunk's own tariff is for numbers that the deck has not; what nobody answers is free."""
    trunk = Billing(60_000)
    assert price(trunk, DECK, "+442079460000", MAY, 60, answered=True) == Charge(60, 7_000)
    assert price(trunk, DECK, "+4930123456", MAY, 60, answered=True) == Charge(60, 60_000)
    assert price(trunk, (), "+442079460000", MAY, 60, answered=True) == Charge(60, 60_000)
    assert price(trunk, DECK, "+442079460000", MAY, 0, answered=False) == Charge(0, 0)


digits = st.text("0123456789", min_size=1, max_size=6)


@given(st.dictionaries(digits.map("+".__add__), billings, max_size=8), digits.map("+".__add__))
def test_no_longer_beginning_of_a_number_is_passed_over(rates, number):
    """Whatever is found begins the number, and nothing longer does."""
    beginnings = [prefix for prefix in rates if number.startswith(prefix)]
    found = rate_of((DeckVersion(1, MAY, rates),), number, MAY)
    assert found == (rates[max(beginnings, key=len)] if beginnings else None)


@pytest.mark.parametrize("raw", ["usd", "US", None, 7, "USD\n"])
def test_a_currency_is_a_code(raw):
    """Three capitals."""
    assert parse_currency("EUR", "currency") == "EUR"
    with pytest.raises(Invalid, match="currency must be an ISO 4217 code, such as 'USD'"):
        parse_currency(raw, "currency")

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.domain.rates import MOST_MICROS, Rate, RateFault, Refused, parse_rate


@pytest.mark.parametrize(
    ("row", "rate"),
    [
        ({"prefix": "+4420", "per_minute": "0.0120"}, Rate("+4420", 12_000, 0, 1, 1)),
        ({"prefix": "0044 20", "per_minute": "0,012"}, Rate("+4420", 12_000, 0, 1, 1)),
        ({"prefix": "1-415", "per_minute_micros": "9"}, Rate("+1415", 9, 0, 1, 1)),
        ({"prefix": "44", "per_minute": "0.0000001"}, Rate("+44", 1, 0, 1, 1)),
        ({"prefix": "44", "per_minute": "1000"}, Rate("+44", MOST_MICROS, 0, 1, 1)),
        ({"prefix": "44", "per_minute": "0", "connect": " 0.5 "}, Rate("+44", 0, 500_000, 1, 1)),
        ({"prefix": "44", "per_minute": "1", "connect_micros": "7"}, Rate("+44", 1_000_000, 7, 1, 1)),
        ({"prefix": "44", "per_minute": "1", "first_sec": "60", "next_sec": "6"}, Rate("+44", 1_000_000, 0, 60, 6)),
        ({"prefix": "44", "per_minute": "1", "increments": "60 / 60"}, Rate("+44", 1_000_000, 0, 60, 60)),
        ({"prefix": "44", "per_minute": "1", "increments": "?", "next_sec": "6"}, Rate("+44", 1_000_000, 0, 1, 6)),
        ({"prefix": "44", "per_minute": "1", "connect": "", "next_sec": " "}, Rate("+44", 1_000_000, 0, 1, 1)),
    ],
)
def test_rates_are_read_as_carriers_write_them(row, rate):
    """Beginnings with a plus, 00 or neither; prices as decimals or in millionths; 60/6, or both parts apart."""
    assert parse_rate(row) == rate


@pytest.mark.parametrize(
    ("row", "fault", "value"),
    [
        ({"per_minute": "1"}, RateFault.NO_PREFIX, ""),
        ({"prefix": " ", "per_minute": "1"}, RateFault.NO_PREFIX, ""),
        ({"prefix": "UK", "per_minute": "1"}, RateFault.PREFIX, "UK"),
        ({"prefix": "+0", "per_minute": "1"}, RateFault.PREFIX, "+0"),
        ({"prefix": "4" * 16, "per_minute": "1"}, RateFault.PREFIX, "4" * 16),
        ({"prefix": "44"}, RateFault.PRICE, ""),
        ({"prefix": "44", "per_minute": "-1"}, RateFault.PRICE, "-1"),
        ({"prefix": "44", "per_minute": "1.2.3"}, RateFault.PRICE, "1.2.3"),
        ({"prefix": "44", "per_minute": "1000.0000001"}, RateFault.PRICE, "1000.0000001"),
        ({"prefix": "44", "per_minute_micros": "0.5"}, RateFault.PRICE, "0.5"),
        ({"prefix": "44", "per_minute_micros": "1000000001"}, RateFault.PRICE, "1000000001"),
        ({"prefix": "44", "per_minute": "1", "connect": "free"}, RateFault.PRICE, "free"),
        ({"prefix": "44", "per_minute": "1", "increments": "60"}, RateFault.INCREMENT, "60"),
        ({"prefix": "44", "per_minute": "1", "first_sec": "0"}, RateFault.INCREMENT, "0"),
        ({"prefix": "44", "per_minute": "1", "next_sec": "86401"}, RateFault.INCREMENT, "86401"),
        ({"prefix": "44", "per_minute": "1", "next_sec": "x"}, RateFault.INCREMENT, "x"),
    ],
)
def test_a_row_that_is_no_rate_says_why(row, fault, value):
    """With the value that is at fault."""
    assert parse_rate(row) == Refused(fault, value)


@given(st.integers(0, 999), st.text("0123456789", min_size=1, max_size=12))
def test_a_price_is_never_rounded_down(units, decimals):
    """The least whole number of millionths that covers it."""
    rate = parse_rate({"prefix": "44", "per_minute": f"{units}.{decimals}"})
    assert rate == Rate("+44", ceil((units + Fraction(int(decimals), 10 ** len(decimals))) * 10**6), 0, 1, 1)

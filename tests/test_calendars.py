import pytest
from whenever import Date

from ringback.calendars import LAST_YEAR, public_holidays
from ringback.domain.hours import either


@pytest.mark.parametrize(
    ("country", "region", "day", "name"),
    [
        ("US", None, "2026-12-25", "Christmas Day"),
        ("US", None, "2026-12-24", None),
        ("DE", None, "2026-04-03", "Good Friday"),
        ("DE", None, "2027-03-26", "Good Friday"),
        ("DE", None, "2026-01-06", None),
        ("DE", "DE-BY", "2026-01-06", "Epiphany"),
        ("DE", "DE-BE", "2026-01-06", None),
        ("DE", "DE-BE", "2026-03-08", "Women's Day"),
        ("GB", "GB-SCT", "2026-01-02", "New Year Holiday"),
        ("GB", "GB-ENG", "2026-01-02", None),
        ("AU", None, "2026-01-26", "Australia Day"),
    ],
)
def test_a_day_is_a_holiday_where_it_is_one(country, region, day, name):
    """In the whole country or in a part of it; movable ones too."""
    assert public_holidays(country, region).on(Date(day)) == name


def test_a_region_goes_before_the_country_of_the_number():
    """Somebody in Bavaria with a number of the USA has the holidays of Bavaria."""
    assert public_holidays("US", "DE-BY") is public_holidays("DE", "DE-BY")


def test_a_part_that_is_not_told_apart_has_the_holidays_of_its_country():
    """There is one calendar for both."""
    assert public_holidays("FR", "FR-75") is public_holidays("FR")
    assert public_holidays("FR", "FR-75").on(Date("2026-07-14")) is not None


@pytest.mark.parametrize("country", [None, "AC", "XX"])
def test_where_no_holidays_are_known_there_is_no_calendar(country):
    """So that hours which are closed on holidays stay shut."""
    assert public_holidays(country) is None


def test_past_the_tables_any_day_may_be_a_holiday():
    """A year of which nothing is known is not a year without holidays."""
    ordinary = Date(LAST_YEAR + 1, 3, 3)
    assert public_holidays("US").on(ordinary) == f"unknown in {ordinary.year}"
    assert public_holidays("US").on(Date(2026, 3, 3)) is None


def test_the_holidays_of_two_places_are_those_of_either():
    """Where those of one are not known, nobody knows them."""
    us, de = public_holidays("US"), public_holidays("DE")
    both = either(us, de)
    assert [both.on(Date(day)) is None for day in ("2026-07-04", "2026-10-03", "2026-10-06")] == [False, False, True]
    assert either(us, de) is both
    assert either(us, us) is us
    assert either(us, None) is None
    assert either(None, us) is None

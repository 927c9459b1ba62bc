import pytest

from ringback.domain.area_codes import AREA_CODES
from ringback.domain.phone import country_of
from ringback.domain.place import ANYWHERE, Place, place_of


@pytest.mark.parametrize(
    ("number", "place"),
    [
        ("+13052345678", Place("US", ("US-FL",))),
        ("+14052345678", Place("US", ("US-OK",))),
        ("+12062345678", Place("US", ("US-WA",))),
        ("+14162345678", Place("CA", ("CA-ON",))),
        ("+12012345678", Place("US", ("US-NJ", "US-NY"))),  # an area code with exchanges in two states
        ("+17822345678", Place("CA", ("CA-NS", "CA-PE"))),
        ("+17872345678", Place("PR")),  # countries of their own
        ("+12423456789", Place("BS")),
        ("+442079460000", Place("GB")),
        ("+441624675663", Place("IM")),
        ("+61412345678", Place("AU")),
        ("+919876543210", Place("IN")),
        ("+18002345678", ANYWHERE),  # toll-free: of no state, and perhaps of no country that we know
        ("+15002345678", ANYWHERE),  # follows its owner
        ("+870773111632", ANYWHERE),  # a satellite phone
        ("+19992345678", ANYWHERE),  # an area code that is not in use
        ("+1", ANYWHERE),
        ("nobody's", ANYWHERE),
    ],
)
def test_a_number_says_where_its_phone_may_be(number, place):
    """By its country, and by its area code the states and provinces; what is not known is anywhere."""
    assert place_of(number) == place


@pytest.mark.parametrize(
    ("number", "region", "place"),
    [
        ("+15122345678", "US-FL", Place("US", ("US-FL", "US-TX"))),  # who moved is bound by both
        ("+13052345678", "US-FL", Place("US", ("US-FL",))),
        ("+442079460000", "GB-SCT", Place("GB")),
        ("+18002345678", "US-FL", ANYWHERE),
        ("+15122345678", "CA-ON", ANYWHERE),  # of one country by the number, and of another by what was said
    ],
)
def test_what_is_said_of_its_owner_is_added(number, region, place):
    """It takes nothing away from what the number says."""
    assert place_of(number, region) == place


def test_area_codes_are_those_of_one_country():
    """No area code belongs to two countries, so that the first region tells the country."""
    for regions in AREA_CODES.values():
        assert len({region[:2] for region in regions}) == 1


@pytest.mark.parametrize(("number", "country"), [("+4915123456789", "DE"), ("+870773111632", None), ("+", None)])
def test_the_country_of_a_number(number, country):
    """Numbers of no country have none."""
    assert country_of(number) == country

"""Where a phone may be: its country, and the states or provinces by its area code.

A number says where it was given out, and not where its owner is. Two states that have rules of their own for calls take
the one for the other until somebody shows otherwise (Fla. Stat. 501.059(8)(d); 15 Okla. Stat. 775C.3), and so do we.
"""

from typing import NamedTuple

from ringback.domain.area_codes import AREA_CODES
from ringback.domain.phone import country_of

NORTH_AMERICA = "+1"
BY_AREA_CODE = frozenset({"US", "CA"})
"""Where the area code says the state or the province."""


class Place(NamedTuple):
    """Where a phone may be.

    Attributes:
        country: ISO 3166 code; None where it may be any.
        regions: ISO 3166-2 codes such as `US-FL`: the phone is in one of them; None where it may be in any.
    """

    country: str | None
    regions: tuple[str, ...] | None = None


ANYWHERE = Place(None)


def place_of(number: str, region: str | None = None) -> Place:
    """Where the phone with this number may be.

    A number of +1 that belongs to no area, such as a toll-free one, may be anywhere; so may one whose area code is
    newer than our table, and one of somebody who is in another country than the number.

    Args:
        number: in E.164.
        region: ISO 3166-2 code of where its owner is, None where nobody has said: it is added to what the number says.
    """
    place = _by_number(number)
    if region is None or place.country is None:
        return place
    if region[:2] != place.country:
        return ANYWHERE
    return place if place.regions is None else Place(place.country, tuple(sorted({*place.regions, region})))


def _by_number(number: str) -> Place:
    regions = AREA_CODES.get(number[2:5]) if number.startswith(NORTH_AMERICA) else None
    if regions:
        return Place(regions[0][:2], regions)
    country = country_of(number)
    return ANYWHERE if country in BY_AREA_CODE else Place(country)

"""Public holidays by country and by part of it: the one module that knows the `holidays` library.

It is taken in once somebody asks for holidays: most windows have none, and every process would start later.
"""

from functools import cache

from whenever import Date

LANGUAGE = "en_US"
"""Names come in it where the library has them, otherwise in the country's own."""

LAST_YEAR = 2099
"""Past the library's tables every day may be a holiday."""


class Calendar:
    """The public holidays of one place, reckoned a year at a time and kept. There is one object for each place.

    Args:
        country: ISO 3166, one that the library has.
        part: of the country, None for those of the whole country alone.
    """

    def __init__(self, country: str, part: str | None) -> None:
        self._country, self._part = country, part
        self._years: dict[int, dict[tuple[int, int], str]] = {}

    def on(self, day: Date) -> str | None:
        """The name of the public holiday, None for a day that is none."""
        if day.year > min(LAST_YEAR, _end_year(self._country)):
            return f"unknown in {day.year}"
        year = self._years.get(day.year)
        if year is None:
            year = self._years[day.year] = _year(self._country, self._part, day.year)
        return year.get((day.month, day.day))


@cache
def public_holidays(country: str | None, region: str | None = None) -> Calendar | None:
    """The holidays where somebody is; None where no holidays of the country are known.

    Args:
        country: ISO 3166, None where it is not known.
        region: ISO 3166-2, such as `US-CA`, which goes before the country. Those of a part that the library does not
            tell apart are the country's.
    """
    country, _, part = (region or country or "").partition("-")
    parts = _parts().get(country)
    if parts is None:
        return None
    return _calendar(country, part if part in parts else None)


@cache
def _calendar(country: str, part: str | None) -> Calendar:
    return Calendar(country, part)


@cache
def _parts() -> dict[str, list[str]]:
    from holidays import list_supported_countries

    return {country: list(parts) for country, parts in list_supported_countries().items()}


@cache
def _end_year(country: str) -> int:
    from holidays import country_holidays

    found: int = country_holidays(country).end_year
    return found


def _year(country: str, part: str | None, year: int) -> dict[tuple[int, int], str]:
    from holidays import country_holidays

    found = country_holidays(country, subdiv=part, years=year, language=LANGUAGE)
    return {(date.month, date.day): name for date, name in found.items() if date.year == year}

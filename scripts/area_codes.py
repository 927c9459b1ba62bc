"""Writes src/ringback/domain/area_codes.py from the tables of phonenumbers: `python scripts/area_codes.py`."""

import re
from collections import defaultdict
from pathlib import Path

from phonenumbers.geodata import GEOCODE_DATA

TARGET = Path(__file__).parent.parent / "src" / "ringback" / "domain" / "area_codes.py"

UNITED_STATES = (
    "Alabama=AL;Alaska=AK;Arizona=AZ;Arkansas=AR;California=CA;Colorado=CO;Connecticut=CT;Delaware=DE;Florida=FL;"
    "Georgia=GA;Hawaii=HI;Idaho=ID;Illinois=IL;Indiana=IN;Iowa=IA;Kansas=KS;Kentucky=KY;Louisiana=LA;Maine=ME;"
    "Maryland=MD;Massachusetts=MA;Michigan=MI;Minnesota=MN;Mississippi=MS;Missouri=MO;Montana=MT;Nebraska=NE;"
    "Nevada=NV;New Hampshire=NH;New Jersey=NJ;New Mexico=NM;New York=NY;North Carolina=NC;North Dakota=ND;Ohio=OH;"
    "Oklahoma=OK;Oregon=OR;Pennsylvania=PA;Rhode Island=RI;South Carolina=SC;South Dakota=SD;Tennessee=TN;Texas=TX;"
    "Utah=UT;Vermont=VT;Virginia=VA;Washington State=WA;West Virginia=WV;Wisconsin=WI;Wyoming=WY;Washington D.C.=DC"
)
CANADA = (
    "Alberta=AB;British Columbia=BC;British Colombia=BC;Manitoba=MB;New Brunswick=NB;Newfoundland and Labrador=NL;"
    "Nova Scotia=NS;Northwest Territories=NT;Nunavut=NU;Ontario=ON;Prince Edward Island=PE;Quebec=QC;"
    "Saskatchewan=SK;Yukon=YT"
)


def _named(country: str, names: str) -> dict[str, str]:
    """By the names of regions, their ISO 3166-2 codes."""
    return {name: f"{country}-{code}" for name, code in (pair.split("=") for pair in names.split(";"))}


NAMES = _named("US", UNITED_STATES) | _named("CA", CANADA)
CODES = {code[3:]: code for code in NAMES.values()}


def main() -> None:
    """Write the table."""
    TARGET.write_text(module(), encoding="utf-8")
    print(f"wrote {TARGET.name}, {len(table())} area codes")


def module() -> str:
    """The text of the module."""
    rows = "\n".join(f"    {code!r}: {_tuple(regions)},".replace("'", '"') for code, regions in table().items())
    return f'''"""Where the area codes of +1 were given out; made by scripts/area_codes.py from phonenumbers."""

AREA_CODES: dict[str, tuple[str, ...]] = {{
{rows}
}}
"""By area code, the states and provinces in which it is used, as ISO 3166-2 codes such as `US-FL`."""
'''


def table() -> dict[str, tuple[str, ...]]:
    """By area code, where it and the exchanges below it are said to be."""
    found: dict[str, set[str]] = defaultdict(set)
    for prefix, names in GEOCODE_DATA.items():
        if prefix[0] == "1" and len(prefix) >= 4:
            found[prefix[1:4]].update(_regions(names.get("en", "")))
    return {code: tuple(sorted(regions)) for code, regions in sorted(found.items()) if regions}


def _regions(place: str) -> set[str]:
    """From `Florida`, `Miami, FL` or `Nova Scotia/Prince Edward Island`; none for places of other countries."""
    town = re.search(r", ([A-Z]{2})$", place)
    named = [CODES.get(town[1])] if town else map(NAMES.get, place.split("/"))
    return {region for region in named if region}


def _tuple(regions: tuple[str, ...]) -> str:
    return f"({', '.join(map(repr, regions))}{',' if len(regions) == 1 else ''})"


if __name__ == "__main__":
    main()

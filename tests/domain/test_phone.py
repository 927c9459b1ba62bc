import phonenumbers
import pytest
import rphonenumbers
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import timezone
from phonenumbers.tzdata import TIMEZONE_DATA
from whenever import Instant

from ringback.domain.phone import NumberFault, Phone, parse_number, parse_region
from ringback.errors import Invalid

LONDON = ("Europe/London",)
PACIFIC = ("America/Los_Angeles",)
GENERAL = Phone("+14155550100", "US", PACIFIC)
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def reference(text, region=None):
    """What phonenumbers makes of a number."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return NumberFault.INVALID
    if not phonenumbers.is_valid_number(number):
        return NumberFault.INVALID
    zones = tuple(zone for zone in timezone.time_zones_for_number(number) if zone != timezone.UNKNOWN_TIMEZONE)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Phone(e164, phonenumbers.region_code_for_number(number), zones)


def examples(region):
    """One number of each kind that the region has."""
    kinds = (kind for kind in phonenumbers.PhoneNumberType.values() if isinstance(kind, int))
    return [found for kind in kinds if (found := phonenumbers.example_number_for_type(region, kind))]


@st.composite
def likely_numbers(draw):
    """An example number of some region with other last digits, so that the rules of its region matter."""
    region = draw(st.sampled_from(REGIONS))
    e164 = phonenumbers.format_number(draw(st.sampled_from(examples(region))), phonenumbers.PhoneNumberFormat.E164)
    tail = draw(st.text("0123456789", min_size=1, max_size=6))
    longer = draw(st.integers(-1, 1))
    return e164[: len(e164) - len(tail) + longer] + tail


def test_both_libraries_carry_the_same_numbering_data():
    """The remedy, where this fails: lock phonenumbers to the release that rphonenumbers names."""
    assert phonenumbers.__version__ == rphonenumbers.__phonenumbers_version__


@pytest.mark.parametrize("region", REGIONS)
def test_every_example_number_of_a_region_is_read_as_phonenumbers_reads_it(region):
    """All kinds of number of every region: the same E.164, region and time zones, international and national."""
    for number in examples(region):
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        assert isinstance(parse_number(e164), Phone)
        assert parse_number(e164) == reference(e164)
        assert parse_number(national, region) == reference(national, region)


@pytest.mark.parametrize("code", phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS)
def test_numbers_of_no_country_are_read_as_phonenumbers_reads_them(code):
    """Universal free-phone and satellite numbers are valid; most have no time zone."""
    number = phonenumbers.example_number_for_non_geo_entity(code)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert parse_number(e164) == reference(e164)


@given(likely_numbers())
def test_numbers_near_valid_ones_are_read_as_phonenumbers_reads_them(text):
    """The same verdict, E.164, region and time zones around the borders of what is valid."""
    assert parse_number(text) == reference(text)


@given(st.text("0123456789", min_size=3, max_size=17).map("+".__add__))
def test_random_digits_are_read_as_phonenumbers_reads_them(text):
    """The same verdict on digits that mean nothing."""
    assert parse_number(text) == reference(text)


@given(st.sampled_from(REGIONS), st.text("0123456789", min_size=3, max_size=13))
def test_valid_national_digits_are_read_as_phonenumbers_reads_them(region, digits):
    """With a default region, a valid national number is what phonenumbers says."""
    expected = reference(digits, region)
    if isinstance(expected, Phone):
        assert parse_number(digits, region) == expected


@given(st.text(max_size=70), st.sampled_from([None, "US", "DE"]))
def test_no_text_breaks_it(text, region):
    """Whatever a cell holds, the answer is a phone or a fault."""
    assert isinstance(parse_number(text, region), Phone | NumberFault)


def test_the_machine_knows_every_time_zone_of_the_table():
    """A zone that cannot be computed with would make a number that cannot be dialled."""
    epoch = Instant.from_timestamp(0)
    for zone in {zone for zones in TIMEZONE_DATA.values() for zone in zones}:
        assert epoch.to_tz(zone).tz_id == zone


@pytest.mark.parametrize(
    "text",
    [
        "+14155550100",
        "+1 (415) 555-0100",
        "+1.415.555.0100",
        "  +1 415 555 0100\n",
        "tel:+1-415-555-0100",
        "TEL: +14155550100",
        "'+14155550100",
        '="+14155550100"',
        "\u202a+1\u00a0415\u2011555\u20110100\u202c",  # what is copied from an address book
        "＋１（４１５）５５５－０１００",  # noqa: RUF001 # full width
        "+١٤١٥٥٥٥٠١٠٠",
        "’+14155550100",  # noqa: RUF001 # a typographic apostrophe
    ],
)
def test_ways_of_writing_a_number_mean_the_same(text):
    """Spaces, brackets, hyphens, prefixes, invisible marks and digits of other scripts."""
    assert parse_number(text) == GENERAL


@pytest.mark.parametrize(
    "text",
    ["14155550100", "14155550100.0", "14155550100,0", "14155550100.00", "0014155550100", "1.4155550100E10"],
)
def test_a_spreadsheet_may_swallow_the_plus(text):
    """Digits alone, a column read as a float, and 00 for the plus."""
    assert parse_number(text) == GENERAL


@pytest.mark.parametrize("text", ["1.41555501E10", "1.41555501E+10", "1,41555501e10"])
def test_powers_of_ten_are_undone_where_a_program_wrote_them_in_full(text):
    """More digits after the point than a spreadsheet shows: only zeros are missing."""
    assert parse_number(text) == GENERAL


@pytest.mark.parametrize("text", ["1.41556E+10", "1.4E+10", "1,41556E+10", "4E+9"])
def test_powers_of_ten_with_lost_digits_are_refused(text):
    """A number that a spreadsheet rounded would reach somebody else."""
    assert parse_number(text, "US") is NumberFault.LOST_DIGITS


def test_powers_of_ten_with_a_fraction_are_no_number():
    """1.41555501001E10 is not whole."""
    assert parse_number("1.41555501001E10") is NumberFault.INVALID


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("020 7946 0958", "GB", "+442079460958"),
        ("2079460958", "GB", "+442079460958"),  # the leading zero swallowed as well
        ("+44 (0)20 7946 0958", "DE", "+442079460958"),
        ("(415) 555-0100", "US", "+14155550100"),
        ("011 44 20 7946 0958", "US", "+442079460958"),
        ("00 44 20 7946 0958", "US", "+442079460958"),
        ("06 1234 5678", "IT", "+390612345678"),
    ],
)
def test_a_default_region_reads_national_numbers(text, region, e164):
    """With and without the national prefix, and with the region's own prefix for abroad."""
    phone = parse_number(text, region)
    assert isinstance(phone, Phone)
    assert phone.e164 == e164


def test_a_valid_national_number_comes_before_a_swallowed_plus():
    """3312345678 is in Illinois for the US, and in France where no region is given."""
    assert parse_number("3312345678", "US") == reference("+13312345678")
    assert parse_number("33123456789") == reference("+33123456789")


def test_a_swallowed_plus_is_tried_once_the_national_reading_is_invalid():
    """442079460958 is no number of the United States, and one of London."""
    assert parse_number("442079460958", "US") == Phone("+442079460958", "GB", LONDON)


def test_a_plus_leaves_no_other_reading():
    """A number with a plus is never tried as a national one."""
    assert parse_number("+4155550100", "US") is NumberFault.INVALID


@pytest.mark.parametrize(
    "text",
    ["+1 415 555 0100 x12", "415-555-0100 ext. 12", "4155550100 extension 7", "4155550100;ext=12", "4155550100#12"],
)
def test_extensions_are_refused(text):
    """The dial would reach a switchboard."""
    assert parse_number(text, "US") is NumberFault.EXTENSION


@pytest.mark.parametrize("text", ["", "  ", "''", '=""', "tel:", "\u200b"])
def test_nothing_is_a_missing_number(text):
    """An empty cell is told apart from a wrong one."""
    assert parse_number(text, "US") is NumberFault.MISSING


@pytest.mark.parametrize(
    "text",
    [
        "12",
        "n/a",
        "+",
        "++14155550100",
        "+49 30 1234 Anna",  # letters are no digits: this would dial 2662
        "1-800-FLOWERS",
        "+14155550100 / +14155550101",
        "4155550100\n4155550101",
        "+1415555010²",
        "1" * 21,
        "+1415555010" + "0" * 60,
        "\ud800",
        "999999",
    ],
)
def test_what_cannot_be_dialled_is_invalid(text):
    """Too short, two numbers in a cell, letters, and what is no number at all."""
    assert parse_number(text, "US") is NumberFault.INVALID


def test_a_number_of_no_country_has_no_zone():
    """+800 rings anywhere: no zone is known, so the lead has to name one."""
    assert parse_number("+80012345678") == Phone("+80012345678", "001", ())


def test_a_toll_free_number_keeps_all_its_zones():
    """+1 800 may ring anywhere from Guam to the Atlantic, so every zone of the plan counts."""
    phone = parse_number("+18005550199")
    assert isinstance(phone, Phone)
    assert {"America/New_York", "Pacific/Honolulu", "Pacific/Guam"} < set(phone.zones)


@pytest.mark.parametrize(("raw", "region"), [(None, None), ("", None), (" gb ", "GB"), ("US", "US")])
def test_a_region_may_be_written_in_any_case(raw, region):
    """Nothing stays nothing."""
    assert parse_region(raw) == region


@pytest.mark.parametrize("raw", ["ZZ", "USA", "1", "001"])
def test_an_unknown_region_is_refused_by_name(raw):
    """The line names the field and shows right values."""
    with pytest.raises(Invalid, match="default_region must be a two-letter country code"):
        parse_region(raw)


@pytest.mark.parametrize(
    ("number", "country"), [("+14155550100", "US"), ("+442071234567", "GB"), ("+88213300655", None)]
)
def test_a_number_has_the_country_in_which_it_was_given_out(number, country):
    """Satellites and their like have none."""
    assert parse_number(number).country == country

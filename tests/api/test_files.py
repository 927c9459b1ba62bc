"""Which part of a file is sent."""

import pytest

from ringback.api.files import Conditions, Part, Version, wanted_part

VERSION = Version(1000, '"5-3e8"', "Mon, 02 Mar 2026 12:00:00 GMT")


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        (None, None),
        ("bytes=0-99", (0, 99)),
        ("bytes=990-", (990, 999)),
        ("bytes=0-", (0, 999)),
        ("bytes=-10", (990, 999)),
        ("bytes=-5000", (0, 999)),
        ("bytes=900-5000", (900, 999)),
        ("bytes=999-999", (999, 999)),
        ("bytes= 1-2 ", (1, 2)),
        ("bytes=9-3", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("bytes=a-b", None),
        ("items=0-1", None),
        ("bytes=99999999999999999999-", None),
    ],
)
def test_a_part_is_what_its_header_says(asked, part):
    """Several parts, and what is no range, are taken for the whole."""
    assert wanted_part(Conditions(asked, None, None), VERSION) == (part and Part(*part))


@pytest.mark.parametrize("asked", ["bytes=1000-", "bytes=1000-2000", "bytes=-0"])
def test_a_part_that_is_not_there_is_told(asked):
    """It is not taken for another one."""
    with pytest.raises(IndexError):
        wanted_part(Conditions(asked, None, None), VERSION)


@pytest.mark.parametrize(
    ("known", "is_part"),
    [
        (VERSION.etag, True),
        (VERSION.modified, True),
        ('"other"', False),
        (f"W/{VERSION.etag}", False),
        ("Mon, 02 Mar 2026 12:00:01 GMT", False),
    ],
)
def test_the_rest_of_another_version_is_not_sent(known, is_part):
    """Who has the beginning of another one is given the whole."""
    assert wanted_part(Conditions("bytes=0-9", known, None), VERSION) == (Part(0, 9) if is_part else None)

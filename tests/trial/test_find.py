from uuid import UUID

import pytest

from ringback.errors import Invalid, OurError
from ringback.trial.find import Found, dialable, only, refuse_unknown_kind


def row(number, workspace="default"):
    """A trunk as it is read."""
    return {
        "trunk_id": UUID(int=number),
        "name": "main",
        "kind": "sip",
        "settings": '{"host": "h"}',
        "workspace": workspace,
    }


def test_the_one_trunk_of_a_name_is_found():
    """With its public id and its settings."""
    assert only([row(1)], "main") == Found("trk_00000000000000000000000001", "main", "sip", {"host": "h"})


def test_a_name_that_several_have_is_refused():
    """With the ids to choose from, and whose they are."""
    with pytest.raises(Invalid, match="several trunks are called main") as refused:
        only([row(1), row(2, "other")], "main")
    assert "trk_00000000000000000000000001 of workspace default" in str(refused.value)
    assert "trk_00000000000000000000000002 of workspace other" in str(refused.value)


def test_a_name_that_nobody_has_is_refused():
    """As the option that it is."""
    with pytest.raises(Invalid, match="TRUNK none is not known"):
        only([], "none")


@pytest.mark.parametrize(
    ("text", "number"),
    [("+14155552671", "+14155552671"), ("+1 (415) 555-2671", "+14155552671"), ("200", "200")],
)
def test_numbers_and_extensions_are_taken(text, number):
    """E.164 however it is written, and the digits of an extension as they are."""
    assert dialable(text, "--to") == number


@pytest.mark.parametrize("text", ["", "x", "1", "+1", "200;evil=1", "sip:a@b", "2" * 16, "200\r\nX: y"])
def test_other_things_are_not(text):
    """Nothing that could break out of a SIP address."""
    with pytest.raises(Invalid, match=r"--to must be an E\.164 number"):
        dialable(text, "--to")


def test_a_kind_of_another_release_is_told():
    """A newer one may know it."""
    with pytest.raises(OurError, match="no trunks of kind http"):
        refuse_unknown_kind(Found("trk_x", "main", "http", {}))

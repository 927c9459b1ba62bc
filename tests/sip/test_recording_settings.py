"""Whether calls are recorded, among an agent's settings."""

import pytest

from ringback.carriers.sip.agents.recording_settings import Recorded, parse_recorded, split_recorded
from ringback.carriers.sip.recording_files import RecordAs
from ringback.errors import Invalid


def test_nothing_is_recorded_unless_told():
    """Whatever else there is; null is left out."""
    assert parse_recorded({}) == parse_recorded({"record": None, "text": 5}) == Recorded()
    assert parse_recorded({"record": "none"}).record is RecordAs.NONE


def test_what_is_given_is_taken():
    """As it is."""
    given = {"record": "opus", "announcement": "Hello {name}.", "announcement_language": "de"}
    assert parse_recorded(given) == Recorded(RecordAs.OPUS, "Hello {name}.", "de")


@pytest.mark.parametrize("record", ["mp3", "", True, 1, ["wav"], {"wav": 1}])
def test_recording_of_another_kind_is_refused(record):
    """With the kinds that there are."""
    with pytest.raises(Invalid, match=r"settings\.record must be one of none, wav, opus"):
        parse_recorded({"record": record})


def test_every_wrong_entry_is_named():
    """At once."""
    with pytest.raises(Invalid) as refused:
        parse_recorded({"record": "x", "announcement": " ", "announcement_language": "-x"})
    assert [line.split()[0] for line in refused.value.lines] == [
        "settings.record",
        "settings.announcement",
        "settings.announcement_language",
    ]
    for wrong in ("a\0", "x" * 1_001, 5, [""]):
        with pytest.raises(Invalid):
            parse_recorded({"announcement": wrong})


def test_settings_are_told_from_the_agents_own():
    """Each is in one of the two."""
    assert split_recorded({"record": "wav", "text": "Hi", "announcement": "x"}) == (
        {"record": "wav", "announcement": "x"},
        {"text": "Hi"},
    )

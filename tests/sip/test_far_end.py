"""The far end of the SIP tests does what it says."""

import phonenumbers
import psutil
import pytest
from tests.process.serving import eventually
from tests.sip.messages import MessageLog
from tests.sip.numbers import AT_MOST, MANNERS, WAYS, Manner, Way, number, refusal
from tests.sip.scenario import LONGEST, Pace, scenario
from tests.sip.sipp import free_port, sipp

INVITE = (
    "INVITE sip:+14152000486@127.0.0.1:5070 SIP/2.0\r\nCall-ID: 1f\r\nCSeq: 7 INVITE\r\n"
    "X-Ringback-Attempt: att_1\r\n\r\n"
)


def entry(message: str, way: str = "received [{}] bytes :") -> bytes:
    """A message as SIPp logs it."""
    head = f"{'-' * 47} 2026-11-23 22:56:16.637322\nUDP message {way.format(len(message))}\n\n"
    return f"{head}{message}\n".encode()


@pytest.mark.parametrize("last_four", [Manner.SILENT, Manner.ANSWERS, refusal(300), refusal(699, Way.LOOP)])
def test_every_number_is_valid_and_of_one_person(last_four):
    """A list of leads takes them all."""
    numbers = [number(last_four, serial) for serial in range(0, AT_MOST, 31)]
    assert len(set(numbers)) == len(numbers)
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(each)) for each in numbers)
    assert {each[-4:] for each in numbers} == {last_four}


def test_a_cause_stands_in_the_exchange():
    """Many people give the same cause."""
    assert [number(refusal(480, Way.CAUSE), serial, cause=7)[5:8] for serial in (0, 40, 80)] == ["207", "307", "407"]


def test_every_behaviour_is_told():
    """What a test may ask for stands in one place."""
    assert (set(MANNERS), set(WAYS)) == (set(Manner), set(Way))


@pytest.mark.parametrize("pace", [Pace(), Pace(ring=600_000, talk=600_000, linger=600_000)])
def test_the_scenario_is_no_longer_than_sipp_reads(pace):
    """SIPp says only that it could not parse it."""
    assert len(scenario(pace)) < LONGEST


def test_a_message_that_is_half_written_is_read_once_it_is_whole(tmp_path):
    """A log is read while SIPp writes it."""
    log, whole = (
        MessageLog(tmp_path / "messages.log"),
        entry(INVITE) + entry("SIP/2.0 486 No\r\nCall-ID: 1f\r\nCSeq: 7 INVITE\r\n\r\n", "sent ({} bytes):"),
    )
    assert log.calls() == []
    (tmp_path / "messages.log").write_bytes(whole[:-20])
    assert [call.codes for call in log.calls()] == [[]]
    (tmp_path / "messages.log").write_bytes(whole)
    [call] = log.calls()
    assert (call.attempt, call.number, call.codes, call.final, call.is_over) == (
        "att_1",
        "+14152000486",
        [486],
        486,
        False,
    )


def test_an_invite_that_is_sent_again_is_no_other_call(tmp_path):
    """Neither a repeated one nor one with a digest; one with another Call-ID is."""
    digest = INVITE.replace("CSeq: 7", "Authorization: Digest\r\nCSeq: 8")
    other = INVITE.replace("Call-ID: 1f", "Call-ID: 2f")
    (tmp_path / "messages.log").write_bytes(b"".join(map(entry, (INVITE, INVITE, digest, other))))
    assert [call.sip_call_id for call in MessageLog(tmp_path / "messages.log").calls()] == ["1f", "2f"]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_it_listens_as_long_as_it_is_wanted(tmp_path, transport):
    """It answers OPTIONS, counts what it did, and is gone afterwards."""
    with sipp(tmp_path, transport=transport) as far_end:
        assert far_end.answers()
        assert eventually(lambda: far_end.counts().begun >= 2)
        assert (far_end.calls(), far_end.dials(), far_end.errors()) == ([], {}, [])
    assert not psutil.pid_exists(far_end.process.pid)
    assert not far_end.answers()


def test_a_port_that_is_taken_is_told(tmp_path):
    """It is not mistaken for the SIPp that has it."""
    port = free_port()
    with (
        sipp(tmp_path / "first", port=port),
        pytest.raises(AssertionError, match="Address already in use"),
        sipp(tmp_path / "second", port=port),
    ):
        pass

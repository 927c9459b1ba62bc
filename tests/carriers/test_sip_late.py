"""What a far end says to a dial that was given up already: it decides how the dial ended, even where it comes late."""

import asyncio
import re

import pytest
from tests.sip.dialling import dialling
from tests.sip.sockets import HOST, answer, udp

from ringback.carriers.sip.message import first, headers_of, start_of
from ringback.carriers.sip.settings import parse_settings
from ringback.domain.outcome import EndReason

SDP = f"v=0\r\no=f 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
ANSWERS = "+14155552671"
SAID = {
    "+14155552672": (["487 Request Terminated"], (EndReason.USER_DID_NOT_PICK_UP, 487)),
    "+14155552673": (["486 Busy Here"], (EndReason.USER_BUSY, 486)),
    "+14155552674": (["503 Full", "Reason: SIP;cause=1, Q.850;cause=34"], (EndReason.SYSTEM_AT_CAPACITY, 503)),
    ANSWERS: (["200 OK", "Content-Type: application/sdp"], (EndReason.AGENT_DISCONNECTED, 200)),
}
"""What the phone of a number says to the INVITE, and what is to become of the dial."""


class Slow:
    """Phones that ring, and hear of a CANCEL only the second time, half a second later: by then they have answered."""

    def __init__(self) -> None:
        self.invites: dict[str, str] = {}
        self.cancels: list[str] = []
        self.byes: list[str] = []

    def __call__(self, text: str) -> list[str]:
        """What they say to a message."""
        call_id = first(headers_of(text), "call-id")
        match start_of(text).split()[0]:
            case "INVITE":
                self.invites[call_id] = text
                return [answer(text, "180 Ringing", tag="a")]
            case "CANCEL":
                self.cancels.append(call_id)
                return [_final(self.invites[call_id]), answer(text)] if self.cancels.count(call_id) == 2 else []
            case "BYE":
                self.byes.append(call_id)
                return [answer(text)]
            case _:
                return []


def _final(invite: str) -> str:
    to = re.match(r"INVITE sip:(\+\d+)@([^;]+)", invite)
    status, *more = SAID[to[1]][0]
    body = SDP if to[1] == ANSWERS else ""
    return answer(invite, status, f"Contact: <sip:a@{to[2]}>", *more, tag="a", body=body)


@pytest.fixture
async def slow():
    """The phones, and the trunk to them."""
    phones = Slow()
    async with udp(phones) as far:
        named = {"host": HOST, "port": far.port, "net_interface": HOST, "options_sec": 0, "ring_timeout_sec": 1}
        yield phones, parse_settings({**named, "most_workers": 1})


async def test_late_final_responses_count(slow, tmp_path):
    """Who picked up just then is hung up on, and not dialled again as one who did not; a late cause is believed too."""
    phones, settings = slow
    async with dialling(settings, tmp_path) as trunk:
        ends = await asyncio.gather(*map(trunk.end, SAID))
    assert {to: (end.reason, end.sip_code) for to, end in zip(SAID, ends, strict=True)} == {
        to: expected for to, (_, expected) in SAID.items()
    }
    [answered] = [call_id for call_id, invite in phones.invites.items() if ANSWERS in invite]
    assert set(phones.byes) == {answered}


class Guarded:
    """A phone behind a door: it asks for a password, and hears of the INVITE that has it only the third time."""

    def __init__(self) -> None:
        self.known = 0
        self.invite = ""
        self.cancelled = False

    def __call__(self, text: str) -> list[str]:
        """What it says to a message."""
        match start_of(text).split()[0]:
            case "INVITE" if "authorization" not in headers_of(text):
                return [answer(text, "401 Who?", 'WWW-Authenticate: Digest realm="door", nonce="1f"', tag="a")]
            case "INVITE":
                self.invite, self.known = text, self.known + 1
                return [answer(text, "180 Ringing", tag="b")] if self.known == 3 else []
            case "CANCEL":
                self.cancelled = True
                return [answer(text), answer(self.invite, "487 Request Terminated", tag="b")]
            case _:
                return []


async def test_phone_that_begins_to_ring_late_behind_a_password_is_cancelled(tmp_path):
    """The 401 was no response to the INVITE that it rings for: nobody is let ring on."""
    door = Guarded()
    async with udp(door) as far:
        named = {"host": HOST, "port": far.port, "net_interface": HOST, "options_sec": 0, "ring_timeout_sec": 1}
        settings = parse_settings({**named, "most_workers": 1, "username": "us", "password": "word"})
        async with dialling(settings, tmp_path) as trunk:
            ended = await trunk.end(ANSWERS)
    assert door.cancelled
    assert ended.sip_code == 487

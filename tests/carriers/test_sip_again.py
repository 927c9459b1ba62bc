"""What the stack does not answer itself: a 200 that comes again, and one of a second phone."""

import random

from tests.chaos.patience import eventually
from tests.sip.sockets import HOST, answer, udp

from ringback.carriers.carrier import Dial, Ended
from ringback.carriers.sip.carrier import open_sip
from ringback.carriers.sip.message import first, headers_of, start_of
from ringback.carriers.sip.settings import parse_settings
from ringback.clock import SystemClock, seconds
from ringback.ids import Ids

ENOUGH_SEC = 40.0
SDP = f"v=0\r\no=f 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"


class Phones:
    """Two phones of one number: both are picked up, and the second one says so twice."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []

    def __call__(self, text: str) -> list[str]:
        """What they say to a message."""
        method, to = start_of(text).split()[:2]
        self.got.append((method, to.partition(":")[2].partition("@")[0]))
        if method == "INVITE":
            return [answer(text, "180 Ringing", tag="a"), self.pick_up(text, "a"), *[self.pick_up(text, "b")] * 2]
        return [] if method == "ACK" else [answer(text)]

    def pick_up(self, invite: str, phone: str) -> str:
        """The 200 of one of them."""
        port = start_of(invite).partition("@")[2].partition(":")[2].partition(";")[0]
        contact, kind = f"Contact: <sip:{phone}@{HOST}:{port}>", "Content-Type: application/sdp"
        return answer(invite, "200 OK", contact, kind, tag=phone, body=SDP)


async def test_a_second_phone_is_confirmed_and_hung_up_on(tmp_path):
    """Who picked up as well, and hears nobody, is not left on the line; the call is with the first one."""
    phones, events, clock = Phones(), [], SystemClock()
    ids = Ids(random.Random(1))
    async with udp(phones) as far:
        settings = {"host": HOST, "port": far.port, "net_interface": HOST, "options_sec": 0, "max_call_sec": 3}
        carrier = open_sip(parse_settings(settings), clock, events.append, tmp_path)
        now = clock.now()
        dial = Dial(ids.new(now), ids.new(now), 1, "+14155552671", "+14155550100", ("UTC",))
        await carrier.place(dial, now + seconds(60))
        await eventually(lambda: ("BYE", "b") in phones.got, ENOUGH_SEC)
        assert ("ACK", "a") in phones.got
        assert ("BYE", "a") not in phones.got[: phones.got.index(("BYE", "b"))]
        await eventually(lambda: any(isinstance(event, Ended) for event in events), ENOUGH_SEC)
        await carrier.close()
    assert phones.got.count(("ACK", "b")) == 2
    assert phones.got.count(("BYE", "a")) == 1
    byes = [headers_of(text) for text in far.messages if start_of(text).startswith("BYE sip:b@")]
    assert {first(headers, "to").partition("tag=")[2] for headers in byes} == {"b"}
    [ended] = [event for event in events if isinstance(event, Ended)]
    assert (ended.reason, ended.sip_code) == ("agent_disconnected", 200)


async def test_a_lost_confirmation_is_made_good(tmp_path):
    """A far end that says 200 again has not heard our ACK: it hears another one, and does not hang up."""
    acks = []

    def phone(text):
        if start_of(text).startswith("ACK") and not acks:
            acks.append(text)  # the first one is lost
            return [Phones().pick_up(invites[0], "a")]
        if start_of(text).startswith("ACK"):
            acks.append(text)
        if start_of(text).startswith("INVITE"):
            invites.append(text)
            return [Phones().pick_up(text, "a")]
        return [answer(text)] if start_of(text).startswith("BYE") else []

    invites, events, clock = [], [], SystemClock()
    ids = Ids(random.Random(2))
    async with udp(phone) as far:
        settings = {"host": HOST, "port": far.port, "net_interface": HOST, "options_sec": 0}
        carrier = open_sip(parse_settings(settings), clock, events.append, tmp_path)
        now = clock.now()
        dial = Dial(ids.new(now), ids.new(now), 1, "+14155552671", "+14155550100", ("UTC",))
        await carrier.place(dial, now + seconds(60))
        await eventually(lambda: len(acks) > 1, ENOUGH_SEC)
        await carrier.close()
    same = {tuple(first(headers_of(text), name) for name in ("from", "to", "call-id", "cseq")) for text in acks}
    assert len(same) == 1
    assert len({start_of(text) for text in acks}) == 1

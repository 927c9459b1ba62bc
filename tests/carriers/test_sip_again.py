"""What the stack alone gets wrong: a 200 that comes again, one of a second phone, a challenge before a ring."""

import random
from contextlib import asynccontextmanager
from pathlib import Path

from tests.chaos.patience import eventually
from tests.sip.sockets import HOST, answer, udp

from ringback.carriers.carrier import Dial, Ended
from ringback.carriers.sip.carrier import open_sip
from ringback.carriers.sip.message import first, headers_of, start_of, tag_of
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


@asynccontextmanager
async def dialled(port: int, events: list, folder: Path, **more):
    """A dial to a far end, over a trunk of its own that is closed afterwards."""
    clock, ids = SystemClock(), Ids(random.Random(1))
    settings = {"host": HOST, "port": port, "net_interface": HOST, "options_sec": 0, "max_call_sec": 3, **more}
    carrier = open_sip(parse_settings(settings), clock, events.append, folder)
    try:
        now = clock.now()
        dial = Dial(ids.new(now), ids.new(now), 1, "+14155552671", "+14155550100", ("UTC",))
        await carrier.place(dial, now + seconds(ENOUGH_SEC))
        yield
    finally:
        await carrier.close()


async def test_a_second_phone_is_confirmed_and_hung_up_on(tmp_path):
    """Who picked up as well, and hears nobody, is not left on the line; the call is with the first one."""
    phones, events = Phones(), []
    async with udp(phones) as far, dialled(far.port, events, tmp_path):
        await eventually(lambda: ("BYE", "b") in phones.got, ENOUGH_SEC)
        assert ("ACK", "a") in phones.got
        assert ("BYE", "a") not in phones.got[: phones.got.index(("BYE", "b"))]
        await eventually(lambda: any(isinstance(event, Ended) for event in events), ENOUGH_SEC)
    byes = [headers_of(text) for text in far.messages if start_of(text).startswith("BYE sip:b@")]
    assert {tag_of(first(headers, "to")) for headers in byes} == {"b"}
    assert ("BYE", "a") in phones.got
    [ended] = [event for event in events if isinstance(event, Ended)]
    assert (ended.reason, ended.sip_code) == ("agent_disconnected", 200)


class Hard:
    """A phone that did not hear the first ACK."""

    def __init__(self) -> None:
        self.invite = ""
        self.acks: list[str] = []

    def __call__(self, text: str) -> list[str]:
        """What it says to a message."""
        match start_of(text).split()[0]:
            case "INVITE":
                self.invite = text
                return [Phones().pick_up(text, "a")]
            case "ACK":
                self.acks.append(text)
                return [Phones().pick_up(self.invite, "a")] if len(self.acks) == 1 else []
            case _:
                return [answer(text)]


async def test_a_lost_confirmation_is_made_good(tmp_path):
    """A far end that says 200 again is told again, in the same words, before it gives up the call."""
    hard = Hard()
    async with udp(hard) as far, dialled(far.port, [], tmp_path):
        await eventually(lambda: len(hard.acks) > 1, ENOUGH_SEC)
    one, other = (
        [start_of(text), *map(headers_of(text).get, ("from", "to", "call-id", "cseq"))] for text in hard.acks[:2]
    )
    assert one == other


class Guarded:
    """A phone behind a door: it asks for a password, then rings until it is cancelled."""

    def __init__(self) -> None:
        self.invite = ""

    def __call__(self, text: str) -> list[str]:
        """What it says to a message."""
        match start_of(text).split()[0]:
            case "INVITE" if "authorization" not in headers_of(text):
                return [answer(text, "401 Who?", 'WWW-Authenticate: Digest realm="door", nonce="1f"', tag="a")]
            case "INVITE":
                self.invite = text
                return [answer(text, "180 Ringing", tag="b")]
            case "CANCEL":
                return [answer(text), answer(self.invite, "487 Request Terminated", tag="b")]
            case _:
                return []


async def test_a_challenge_is_not_how_it_ended(tmp_path):
    """A phone that rang out behind a password rang out; 401 was said to the first INVITE alone."""
    events = []
    more = {"username": "acme", "password": "secret", "ring_timeout_sec": 1}
    async with udp(Guarded()) as far, dialled(far.port, events, tmp_path, **more):
        await eventually(lambda: any(isinstance(event, Ended) for event in events), ENOUGH_SEC)
    assert (events[-1].reason, events[-1].sip_code) == ("user_did_not_pick_up", 487)

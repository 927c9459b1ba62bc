"""What nobody should send, sent while calls are up: nothing of it stops the worker or harms a call."""

import asyncio
import os
import re
import socket

import pytest
from tests.carriers.over_sip import PATIENCE_SEC, comes_true, trunk
from tests.sip.dialling import Dialling, dialling, shown
from tests.sip.messages import Call
from tests.sip.numbers import Manner, number
from tests.sip.scenario import Pace
from tests.sip.sipp import HOST, Sipp, sipp
from tests.sip.torture import MESSAGES, WRONG_LENGTH, mutations

from ringback.carriers.carrier import Answered, Ended, Ringing
from ringback.carriers.sip.ladder import Ladder
from ringback.carriers.sip.protocol import Closed, FromWorker, Wire
from ringback.carriers.sip.wire import Wires, mask
from ringback.domain.outcome import EndReason

SEED = int(os.environ.get("RINGBACK_TEST_SEED", "4475"))
SPOILT = 400
BURST = 40
"""So many are sent at once: the worker's socket holds them all."""
MOST_REPLIES = 12
"""A final response to an INVITE that nobody acknowledges is sent so often at most (RFC 3261, section 17.2.1)."""
RESPONSES = re.compile(r"SIP/2\.0 (\d{3})")


def request(method: str, uri: str, call_id: str, port: int, more: str = "", number: int = 1) -> str:
    """An ordinary request, from somebody at `port`."""
    return (
        f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{port};branch=z9hG4bK{call_id}{method};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:nobody@{HOST}>;tag=none\r\nTo: <{uri}>{more}\r\nCall-ID: {call_id}\r\n"
        f"CSeq: {number} {method}\r\nContact: <sip:nobody@{HOST}:{port}>\r\nContent-Length: 0\r\n\r\n"
    )


class Stranger:
    """Somebody who sends to the worker of a trunk what nobody asked for.

    Args:
        call: any call of that worker, as the far end saw it.
    """

    def __init__(self, call: Call) -> None:
        invite = next(message for message in call.messages if message.start.startswith("INVITE "))
        contact = re.search(rf"<(sip:[^@]+@{HOST}:(\d+))", invite.header("Contact"))
        assert contact is not None
        self.uri, self.address = contact[1], (HOST, int(contact[2]))
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self._asked = 0

    async def send(self, messages: list[bytes]) -> None:
        """Send them all, each burst once the worker has taken the one before."""
        for at in range(0, len(messages), BURST):
            for message in messages[at : at + BURST]:
                self._socket.sendto(message, self.address)
            assert await self.asks("OPTIONS") == 200

    async def asks(self, method: str) -> int:
        """The final response to a request to our own address."""
        self._asked += 1
        call_id = f"stranger-{self._asked}"
        self._socket.sendto(request(method, self.uri, call_id, self.port).encode(), self.address)
        async with asyncio.timeout(PATIENCE_SEC):
            while True:
                said = (await asyncio.get_running_loop().sock_recv(self._socket, 65_536)).decode(errors="replace")
                status = RESPONSES.match(said)
                if status and int(status[1]) >= 200 and f"Call-ID: {call_id}\r\n" in said:
                    return int(status[1])

    def close(self) -> None:
        """Go away."""
        self._socket.close()


def near_misses(calls: list[Call], stranger: Stranger) -> list[bytes]:
    """Messages that would be of calls that are up, were they not of other dialogs and transactions (section 12.2.2)."""
    made = []
    for call in calls:
        for method in ("BYE", "CANCEL", "ACK", "INVITE", "UPDATE", "INFO", "NOTIFY", "REFER", "OPTIONS"):
            made.append(request(method, stranger.uri, call.sip_call_id, stranger.port, ";tag=none", number=9).encode())
        invite = next(message for message in call.messages if message.start.startswith("INVITE "))
        for status in ("180 Ringing", "183 Session Progress", "200 OK", "302 Moved", "401 Who", "486 Busy", "503 No"):
            answer = re.sub(r"branch=[^;\r]*", "branch=z9hG4bKother", invite.text.partition("\r\n\r\n")[0])
            lines = [f"SIP/2.0 {status}", *answer.split("\r\n")[1:]]
            kept = [line for line in lines if not line.startswith(("Content-", "Contact"))]
            made.append("\r\n".join([*kept, f"Contact: <{stranger.uri}>", "Content-Length: 0", "", ""]).encode())
    return made


@pytest.fixture(scope="module")
def far_end(tmp_path_factory):
    """SIPp."""
    with sipp(tmp_path_factory.mktemp("sipp"), pace=Pace(ring=100, talk=300)) as running:
        yield running


class Overheard:
    """What a worker was sent, and sent, and how its dials closed."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.closed: list[Closed] = []

    def __call__(self, told: FromWorker) -> None:
        """Take one thing."""
        if isinstance(told, Wire) and told.attempt_id is None and told.sent:
            self.sent.append(told.text)
        elif isinstance(told, Closed):
            self.closed.append(told)


async def check_unharmed(trunk: Dialling, far_end: Sipp, talks, rings) -> None:
    """The calls that were up still are, end as they must, and others are made as ever."""
    assert not trunk.of(talks, Ended)
    assert not trunk.of(rings, Ended)
    assert (await trunk.end(number(Manner.ANSWERS))).reason is EndReason.USER_DISCONNECTED
    for attempt in (talks, rings):
        await trunk.carrier.hang_up(attempt)
    ended, cancelled = await trunk.ended(talks), await trunk.ended(rings)
    assert (ended.reason, ended.sip_code) == (EndReason.AGENT_DISCONNECTED, 200)
    assert (cancelled.reason, cancelled.sip_code) == (EndReason.CANCELLED_BY_OPERATOR, 487)
    assert await comes_true(lambda: far_end.call(shown(talks)).is_over and far_end.call(shown(rings)).is_over)
    assert far_end.call(shown(talks)).hung_up_by == "caller"


async def test_torture_stops_nothing(far_end, tmp_path, capfd):
    """RFC 4475, near misses of calls that are up, and hundreds of spoilt messages: calls go on, no log tells of it."""
    heard = Overheard()
    async with dialling(trunk(far_end), tmp_path, heard) as calls:
        talks, rings = await calls.place(number(Manner.STAYS)), await calls.place(number(Manner.RINGS))
        await calls.heard(talks, Answered)
        await calls.heard(rings, Ringing)
        [worker] = calls.workers()
        stranger = Stranger(far_end.call(shown(talks)))
        misses = near_misses([far_end.call(shown(talks)), far_end.call(shown(rings))], stranger)
        whole = [message.octets for message in MESSAGES]
        spoilt = list(mutations([*whole, *misses], SEED, SPOILT))
        before = len(heard.sent)
        try:
            await stranger.send([*whole, *misses, *spoilt])
            assert await stranger.asks("INVITE") == 486
        finally:
            stranger.close()
        replies = heard.sent[before:]
        await check_unharmed(calls, far_end, talks, rings)
        assert [each.pid for each in calls.workers()] == [worker.pid]
    check_replies(replies, len(whole) + len(misses) + len(spoilt))
    assert capfd.readouterr().err == ""


def check_replies(replies: list[str], asked: int) -> None:
    """Responses went out and nothing else, to requests alone, and no more of them than RFC 3261 has it."""
    assert all(RESPONSES.match(reply) for reply in replies), replies
    assert len(replies) <= MOST_REPLIES * asked
    answered = {match[1] for reply in replies if (match := re.search(r"Call-ID: *(\w+)\.", reply))}
    assert not answered & {message.name for message in MESSAGES if message.needs_no_answer}


def test_what_torture_does_to_our_own_reading():
    """Whatever comes, it is read without a fault: one on the stack's log thread would go unseen."""
    texts = [message.octets for message in MESSAGES]
    for octets in [*texts, *mutations(texts, SEED, 2_000)]:
        text, wires, ladder = octets.decode("utf-8", "replace"), Wires(), Ladder()
        for sent in (True, False, True, False):
            wires.note(sent, text)
            ladder.add(1.0, sent, text)
        mask(text)


def test_the_messages_are_those_of_the_rfc():
    """As many as are told, no name twice, and where Content-Length is meant to be right, it is."""
    assert len({message.name for message in MESSAGES}) == len(MESSAGES) == 48
    for message in MESSAGES:
        head, _, body = message.octets.partition(b"\r\n\r\n")
        lengths = re.findall(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\S+)", head)
        assert (lengths == [str(len(body)).encode()]) is (message.name not in WRONG_LENGTH), message.name

"""Far ends that have not heard that they were hung up on, with a real socket in their place."""

import pytest
from tests.sip.sockets import HOST, answer, udp

from ringback.carriers.sip.message import start_of
from ringback.carriers.sip.parting import LONGEST_SEC, STACK_SEC, Parting
from ringback.carriers.sip.request import Peer
from ringback.carriers.sip.wire import Wires

ID = "a84b4c76"
LEFT_AT = 1_000.0


def invite(port: int) -> str:
    """An INVITE of ours."""
    lines = [f"INVITE sip:+14155550100@{HOST}:{port} SIP/2.0", f"Via: SIP/2.0/UDP {HOST}:9;branch=z9hG4bKx;rport"]
    lines += [f"From: <sip:us@{HOST}>;tag=us", f"To: <sip:+14155550100@{HOST}>", f"Call-ID: {ID}", "CSeq: 7 INVITE"]
    return "\r\n".join([*lines, "Content-Length: 0", "", ""])


def said(port: int, status: str, method: str = "INVITE") -> str:
    """A response to it, or to a BYE of the same call."""
    asked = invite(port).replace("7 INVITE", f"7 {method}")
    return answer(asked, status, f"Contact: <sip:them@{HOST}:{port}>", tag="them")


def left(port: int, *responses: str) -> Wires:
    """A dial that had these responses, and that we have hung up on."""
    wires = Wires()
    wires.note(True, invite(port))
    for response in responses:
        wires.note(False, response)
    wires.leave(ID, LEFT_AT)
    return wires


@pytest.mark.parametrize(
    ("statuses", "told"), [(["180 Ringing", "200 OK"], "BYE"), (["180 Ringing"], "CANCEL"), (["100 Trying"], "CANCEL")]
)
async def test_whoever_has_not_heard_of_the_end_is_told_once_the_stack_has_given_up(statuses, told):
    """Not while the stack itself repeats it, and no more once they have answered, with whatever status."""
    async with udp(lambda text: [answer(text, "481 Who?")]) as far:
        wires = left(far.port, *(said(far.port, status) for status in statuses))
        now = [LEFT_AT + STACK_SEC - 1]
        parting = Parting(wires, Peer(HOST, far.port), lambda: now[0])
        await parting.run_once()
        assert far.messages == []
        now[0] += 2
        await parting.run_once()
        await parting.run_once()
    assert [start_of(text).split()[0] for text in far.messages] == [told]
    assert not wires.leaving


async def test_who_cannot_be_reached_is_told_again_but_not_for_ever():
    """The network may come back; a far end that is gone does not."""
    async with udp(lambda _: []) as gone:
        port = gone.port
    wires = left(port, said(port, "200 OK"))
    now = [LEFT_AT + STACK_SEC + 1]
    parting = Parting(wires, Peer(HOST, port), lambda: now[0])
    await parting.run_once()
    assert set(wires.leaving) == {ID}
    now[0] = LEFT_AT + LONGEST_SEC + 1
    await parting.run_once()
    assert not wires.leaving


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], None),  # nobody has said anything: there is nothing to take back
        (["180 Ringing", "486 Busy"], None),
        (["180 Ringing"], ("487 Terminated", "INVITE")),
        (["180 Ringing", "200 OK"], ("200 OK", "BYE")),
        (["180 Ringing", "200 OK"], ("481 Who?", "BYE")),
    ],
)
def test_whoever_has_heard_of_the_end_is_left_alone(before, after):
    """By the final response to the INVITE, or to the BYE, whether it comes at once or later."""
    wires = left(9, *(said(9, status) for status in before))
    if after is not None:
        assert set(wires.leaving) == {ID}
        wires.note(False, said(9, *after))
    assert not wires.leaving


def test_answer_to_a_bye_that_comes_before_the_dial_is_left_counts():
    """The stack's news of the end may be slower than the far end."""
    assert not left(9, said(9, "200 OK"), said(9, "200 OK", "BYE")).leaving


def test_repeated_answer_to_the_invite_is_none_to_the_bye():
    """Its ACK was lost: they are on the line."""
    wires = left(9, said(9, "200 OK"))
    wires.note(False, said(9, "200 OK"))
    assert set(wires.leaving) == {ID}

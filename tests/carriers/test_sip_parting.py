"""Far ends that have not heard that they were hung up on, with a real socket in their place."""

import asyncio

import pytest
from tests.sip.sockets import HOST, answer, udp

from ringback.carriers.sip.message import start_of
from ringback.carriers.sip.parting import LONGEST_SEC, LOOK_SEC, STACK_SEC, Parting
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


def left(port: int, *responses: str, hung_up: bool = True) -> Wires:
    """A dial that had these responses, and that is over: we have hung up, or the stack has given up."""
    wires = Wires()
    wires.note(True, invite(port))
    for response in responses:
        wires.note(False, response)
    wires.leave(ID, LEFT_AT, hung_up=hung_up)
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


@pytest.mark.parametrize("hung_up", [True, False])
@pytest.mark.parametrize(
    ("late", "told"),
    [
        (["100 Trying"], ["CANCEL"]),
        (["180 Ringing"], ["CANCEL"]),
        (["200 OK"], ["ACK", "BYE"]),
        (["200 OK", "200 OK"], ["ACK", "BYE"]),
        (["486 Busy"], []),
    ],
)
async def test_invite_that_arrives_after_it_was_given_up_is_taken_back_at_once(late, told, hung_up):
    """It waited somewhere on its way: a phone would ring for nobody, or a person hear nobody."""
    async with udp(lambda text: [] if text.startswith("ACK") else [answer(text, "200 OK")]) as far:
        wires = left(far.port, hung_up=hung_up)
        assert not wires.leaving
        seen = [wires.note(False, said(far.port, status)) for status in late]
        assert [one is not None and one.late for one in seen] == [bool(told), False][: len(late)]
        parting = Parting(wires, Peer(HOST, far.port), lambda: LEFT_AT + 1)
        await parting.run_once()
        await parting.run_once()
    assert [start_of(text).split()[0] for text in far.messages] == told
    assert not wires.leaving


async def test_answer_that_crosses_the_cancel_of_a_late_invite_is_hung_up_on():
    """Also where the CANCEL itself was answered: that is no end of the INVITE (RFC 3261, section 9.2)."""
    async with udp(lambda text: [] if text.startswith("ACK") else [answer(text, "200 OK")]) as far:
        wires = left(far.port)
        parting = Parting(wires, Peer(HOST, far.port), lambda: LEFT_AT + 1)
        for status in ("180 Ringing", "200 OK"):
            wires.note(False, said(far.port, status))
            await parting.run_once()
    assert [start_of(text).split()[0] for text in far.messages] == ["CANCEL", "ACK", "BYE"]


async def test_who_speaks_late_is_told_without_waiting_for_the_next_look():
    """A phone rings at this moment."""
    told = asyncio.Event()

    def hear(text: str) -> list[str]:
        told.set()
        return [answer(text, "200 OK")]

    async with udp(hear) as far:
        wires = left(far.port)
        parting = Parting(wires, Peer(HOST, far.port), lambda: LEFT_AT + 1)
        keeping = asyncio.create_task(parting.keep())
        wires.note(False, said(far.port, "180 Ringing"))
        parting.hurry()
        async with asyncio.timeout(LOOK_SEC / 2):
            await told.wait()
        keeping.cancel()


def test_answer_to_a_bye_that_comes_before_the_dial_is_left_counts():
    """The stack's news of the end may be slower than the far end."""
    assert not left(9, said(9, "200 OK"), said(9, "200 OK", "BYE")).leaving


def test_repeated_answer_to_the_invite_is_none_to_the_bye():
    """Its ACK was lost: they are on the line."""
    wires = left(9, said(9, "200 OK"))
    wires.note(False, said(9, "200 OK"))
    assert set(wires.leaving) == {ID}


def goodbye(port: int, tag: str) -> str:
    """A BYE that comes from somebody with this tag."""
    lines = [f"BYE sip:us@{HOST}:9 SIP/2.0", f"Via: SIP/2.0/UDP {HOST}:{port};branch=z9hG4bKy;rport"]
    lines += [f"From: <sip:+14155550100@{HOST}>;tag={tag}", f"To: <sip:us@{HOST}>;tag=us", f"Call-ID: {ID}"]
    return "\r\n".join([*lines, "CSeq: 3 BYE", "Content-Length: 0", "", ""])


@pytest.mark.parametrize(("tag", "knows"), [("them", True), ("another", False)])
@pytest.mark.parametrize("late", [True, False])
def test_who_hangs_up_at_the_same_moment_has_heard_of_the_end(tag, knows, late):
    """Two BYEs cross, and ours may never be answered. Another phone that was picked up as well says nothing of them."""
    wires = left(9, said(9, "200 OK"), *([] if late else [goodbye(9, tag)]))
    if late:
        wires.note(False, goodbye(9, tag))
    assert bool(wires.leaving) == (not knows)

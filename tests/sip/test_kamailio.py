"""A proxy in the path: Kamailio asks for a digest and has itself put in the route, on the way to SIPp."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from tests.carriers.over_sip import QUICK, comes_true
from tests.sip.dialling import dialling, shown
from tests.sip.kamailio import PASSWORD, USER, Kamailio, kamailio
from tests.sip.numbers import Manner, number, refusal
from tests.sip.sipp import Call, Sipp, sipp

from ringback.carriers.carrier import Answered, Ringing
from ringback.carriers.sip.settings import SipSettings, parse_settings
from ringback.domain.outcome import EndReason

TRANSPORTS = ("udp", "tcp")
OURS, THEIRS = "caller", "callee"


@pytest.fixture(scope="module")
def far_end(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sipp]:
    """SIPp, over UDP, whatever the proxy is spoken to by."""
    with sipp(tmp_path_factory.mktemp("sipp"), pace=QUICK) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, far_end: Sipp) -> Iterator[Kamailio]:
    """Kamailio before it."""
    with kamailio(tmp_path_factory.mktemp("kamailio"), far_end.port) as running:
        yield running


def by(proxy: Kamailio, transport: str = "udp", **more: Any) -> SipSettings:
    """A trunk that leads to the proxy."""
    return parse_settings({**proxy.trunk(transport), "options_sec": 0, "most_workers": 1, **more})


def call_of(far_end: Sipp, attempt: UUID) -> Call:
    """What the far end saw of a dial."""
    return far_end.call(shown(attempt))


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_answered_calls_go_by_the_route_to_their_end(proxy, far_end, transport, tmp_path):
    """ACK and BYE of ours, and a BYE of the far end's, pass the proxy, and say in their Route that they are to."""
    async with dialling(by(proxy, transport), tmp_path) as trunk:
        theirs, ours = await trunk.place(number(Manner.ANSWERS)), await trunk.place(number(Manner.STAYS))
        await trunk.heard(ours, Answered)
        await trunk.carrier.hang_up(ours)
        ends = [await trunk.ended(attempt) for attempt in (theirs, ours)]
    assert [(end.reason, end.sip_code) for end in ends] == [
        (EndReason.USER_DISCONNECTED, 200),
        (EndReason.AGENT_DISCONNECTED, 200),
    ]
    await check_route(proxy, far_end, theirs, THEIRS, [transport, "udp"])
    await check_route(proxy, far_end, ours, OURS, [transport, transport])


async def check_route(proxy: Kamailio, far_end: Sipp, attempt: UUID, hung_up_by: str, transports: list[str]) -> None:
    """An answered call's ACK and BYE came by, in order, each from where and over what it must."""
    assert await comes_true(lambda: call_of(far_end, attempt).is_over)
    call = call_of(far_end, attempt)
    assert (call.acks, call.hung_up_by) == (1, hung_up_by)
    within = [each for each in proxy.passed(call.sip_call_id) if each.method in ("ACK", "BYE")][-2:]
    assert [(each.method, each.routed) for each in within] == [("ACK", True), ("BYE", True)]
    assert [each.transport for each in within] == transports
    assert (within[1].port == far_end.port) is (hung_up_by is THEIRS)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_refusals_and_cancels_pass_it(proxy, far_end, transport, tmp_path):
    """What the far end says is what is told, and a CANCEL reaches a phone that rings."""
    async with dialling(by(proxy, transport), tmp_path) as trunk:
        rings = await trunk.place(number(Manner.RINGS))
        busy = await trunk.end(number(refusal(486)))
        await trunk.heard(rings, Ringing)
        await trunk.carrier.hang_up(rings)
        cancelled = await trunk.ended(rings)
    assert (busy.reason, busy.sip_code) == (EndReason.USER_BUSY, 486)
    assert (cancelled.reason, cancelled.sip_code) == (EndReason.CANCELLED_BY_OPERATOR, 487)
    assert call_of(far_end, rings).cancelled


@pytest.mark.parametrize(("username", "password"), [(USER, "wrong"), ("somebody", PASSWORD), (None, None)])
async def test_wrong_credentials_reach_nobody(proxy, far_end, username, password, tmp_path):
    """A second 407 is the end of it, and the fault is the trunk's; the person's phone never rings."""
    async with dialling(by(proxy, username=username, password=password), tmp_path) as trunk:
        attempt = await trunk.place(number(Manner.ANSWERS))
        ended = await trunk.ended(attempt)
    assert (ended.reason, ended.sip_code) == (EndReason.NETWORK_FAILURE, 407)
    assert far_end.dials()[shown(attempt)] == 0


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_who_is_left_by_a_dead_worker_is_hung_up_on_by_the_route(proxy, far_end, transport, tmp_path):
    """The node's own BYE, and its CANCEL, find their way through the proxy; nobody is left on the line or rung on."""
    async with dialling(by(proxy, transport), tmp_path) as trunk:
        talks, rings = await trunk.place(number(Manner.STAYS)), await trunk.place(number(Manner.RINGS))
        await trunk.heard(talks, Answered)
        await trunk.heard(rings, Ringing)
        for worker in trunk.workers():
            worker.kill()
        ends = [await trunk.ended(attempt) for attempt in (talks, rings)]
        assert await comes_true(lambda: call_of(far_end, talks).is_over and call_of(far_end, rings).cancelled)
    assert {end.reason for end in ends} == {EndReason.OUTCOME_UNKNOWN}
    assert proxy.passed(call_of(far_end, talks).sip_call_id)[-1].routed

"""Real processes over real SIP, and a network that goes away: the far end is on another machine, as it were."""

from collections import Counter
from pathlib import Path

import pytest
from tests.process.campaigns import is_complete, make_campaign_over
from tests.process.serving import Home, Server, eventually, serving
from tests.process.test_sip_campaign import QUICK, history, make_sip_trunk
from tests.sip.dialling import shown
from tests.sip.network import Cable, cable
from tests.sip.numbers import Manner, number
from tests.sip.sipp import Place, Sipp, sipp

ONCE = {"max_attempts": 1}
TALKING, RINGING = 3, 3
MOST_TAKEN_BACK = 20
"""What cannot be sent is not asked for again and again."""


@pytest.fixture
def net():
    """The network."""
    with cable() as made:
        yield made


@pytest.fixture
def far_end(tmp_path: Path, net: Cable):
    """SIPp, behind it."""
    with sipp(tmp_path / "sipp", pace=QUICK, place=Place(net.theirs, net.within)) as running:
        yield running


def people(manner: Manner, count: int, first: int = 0) -> list[str]:
    """So many who behave so."""
    return [number(manner, first + serial) for serial in range(count)]


def ended(home: Home) -> Counter[str]:
    """How the attempts that are over have ended."""
    return Counter(row["end_reason"] for row in history(home.data) if row["ended_at"])


def begin(home: Home, server: Server, net: Cable, far_end: Sipp) -> tuple[str, str]:
    """A trunk over the network, and a campaign whose people talk and are rung up: either side knows it."""
    quick = {"options_sec": 5, "ring_timeout_sec": 8, "max_call_sec": 8, "most_workers": 1}
    trunk = make_sip_trunk(server, far_end, host=net.theirs, net_interface=net.ours, **quick)
    numbers = people(Manner.STAYS, TALKING) + people(Manner.RINGS, RINGING)
    campaign = make_campaign_over(server, trunk, numbers, ONCE)
    # a 180 or an ACK that is still on its way when the network goes would be lost for good
    eventually(lambda: len(far_end.calls()) == TALKING + RINGING)
    eventually(lambda: sum(call.answered and call.acks > 0 for call in far_end.calls()) == TALKING)
    known = {"in-progress": TALKING, "ringing": RINGING}
    eventually(lambda: Counter(row["status"] for row in history(home.data)) == known)
    return trunk, campaign


def placed(home: Home) -> int:
    """How many attempts a trunk was asked for."""
    return sum(row["called_at"] is not None for row in history(home.data))


def nobody_is_on_the_line(far_end: Sipp) -> bool:
    """Whether all have heard that they were hung up on, by a BYE or by a CANCEL."""
    return all(call.bye_answered if call.answered else call.cancelled for call in far_end.calls())


def ends_of(home: Home, numbers: list[str]) -> set[str]:
    """How the attempts of these people ended."""
    return {row["end_reason"] for row in history(home.data) if row["to_number"] in numbers}


def test_interface_that_goes_down_leaves_every_attempt_explained_and_nobody_on_the_line(
    home: Home, net: Cable, far_end: Sipp
):
    """Leads wait, and go on; whoever was on the line is hung up on once there is a way."""
    rung, waiting = people(Manner.RINGS, 2, first=100), people(Manner.ANSWERS, 4)
    with serving(home.data, key=home.live_key) as server:
        trunk, campaign = begin(home, server, net, far_end)
        net.interface_down()
        others = [make_campaign_over(server, trunk, rung, ONCE), make_campaign_over(server, trunk, waiting, ONCE)]
        eventually(lambda: "TrunkDown" in server.said(), 60)
        eventually(lambda: ended(home)["agent_disconnected"] == TALKING, 60)
        assert placed(home) == TALKING + RINGING
        assert not any(call.hung_up_by or call.cancelled for call in far_end.calls())
        assert server.said().count('"Withdrawn"') < MOST_TAKEN_BACK
        net.interface_up()
        eventually(lambda: all(is_complete(server, each) for each in (campaign, *others)), 60)
        eventually(lambda: all(call.is_over for call in far_end.calls()), 60)
        assert ends_of(home, people(Manner.STAYS, TALKING)) == {"agent_disconnected"}
        assert ends_of(home, people(Manner.RINGS, RINGING) + rung) == {"user_did_not_pick_up"}
        assert ends_of(home, waiting) == {"user_disconnected"}
        assert "TrunkUp" in server.said()
        attempts = history(home.data)
    assert nobody_is_on_the_line(far_end)
    assert Counter(far_end.dials().values()) == {1: len(attempts)}


def test_network_that_loses_all_for_long_leaves_every_attempt_explained_and_nobody_on_the_line(
    home: Home, net: Cable, far_end: Sipp
):
    """Who was dialled into the void was not reached, and does not ring when there is a way again; nor do the others.

    The last INVITE may wait in the kernel for the far end's address, and go out after it was given up.
    """
    unheard, waiting = people(Manner.RINGS, 2, first=100), people(Manner.ANSWERS, 4)
    with serving(home.data, key=home.live_key) as server:
        trunk, campaign = begin(home, server, net, far_end)
        net.lose_all()
        lost = make_campaign_over(server, trunk, unheard, ONCE)
        # nothing is said to their INVITEs for 32 s (RFC 3261, section 17.1.1.2): the trunk is known to be down by then
        eventually(lambda: is_complete(server, lost) and is_complete(server, campaign), 90)
        asked = placed(home)
        last = make_campaign_over(server, trunk, waiting, ONCE)
        eventually(lambda: "TrunkDown" in server.said(), 60)
        assert placed(home) == asked == TALKING + RINGING + len(unheard)
        assert not any(call.hung_up_by or call.cancelled for call in far_end.calls())
        net.lose_nothing()
        eventually(lambda: is_complete(server, last) and nobody_is_on_the_line(far_end), 90)
        assert ends_of(home, people(Manner.STAYS, TALKING)) == {"agent_disconnected"}
        assert ends_of(home, people(Manner.RINGS, RINGING)) == {"user_did_not_pick_up"}
        assert ends_of(home, unheard) == {"network_failure"}
        assert ends_of(home, waiting) == {"user_disconnected"}
        attempts = history(home.data)
    reached = {shown(row["attempt_id"]) for row in attempts if row["to_number"] not in unheard}
    dials = far_end.dials()
    assert set(dials.values()) == {1}
    assert reached <= set(dials) <= {shown(row["attempt_id"]) for row in attempts}

"""Real processes over two SIP trunks: one that refuses, and one that dies."""

from collections import Counter
from pathlib import Path
from typing import Any

from tests.process.campaigns import dsn_of, is_complete, make_campaign_over, rows
from tests.process.serving import Home, Server, eventually, serving
from tests.process.test_sip_campaign import QUICK, make_sip_trunk
from tests.sip.numbers import Manner, Way, number, refusal
from tests.sip.sipp import Sipp, sipp

NEVER_AGAIN = {"max_attempts": 3, "after": {}}
"""Three dials, of which the policy itself asks for none but the first."""


def make_ways(server: Server, first: Sipp, second: Sipp, cap: int = 20, **settings: Any) -> dict[str, Any]:
    """A trunk to each as a campaign has them: the second one behind the first, and shut until it is opened."""
    ids = [make_sip_trunk(server, far_end, **settings) for far_end in (first, second)]
    for trunk, most in zip(ids, (cap, 0), strict=True):
        server.patch(f"/v1/trunks/{trunk}", {"max_concurrent_calls": most})
    return {"trunks": [{"trunk_id": trunk, "priority": place} for place, trunk in enumerate(ids, 1)]}


def open_second(server: Server, ways: dict[str, Any]) -> None:
    """From now on the second trunk has room."""
    server.patch(f"/v1/trunks/{ways['trunks'][1]['trunk_id']}", {"max_concurrent_calls": 20})


def run(server: Server, ways: dict[str, Any], numbers: list[str]) -> str:
    """A campaign of these leads; its id."""
    return make_campaign_over(server, None, numbers, NEVER_AGAIN, **ways)


def history(data: Path) -> list[dict[str, Any]]:
    """All attempts, by call and ordinal, with the place of their trunk."""
    query = """SELECT c.to_number, a.attempt, a.trunk_no, a.sip_code, a.status, a.end_reason, a.retry_rule, a.attempt_id
               FROM attempts a JOIN calls c USING (workspace_no, call_id) ORDER BY c.to_number, a.attempt"""
    return rows(dsn_of(data), query)


def test_what_one_trunk_refuses_goes_on_over_the_other(home: Home, tmp_path: Path):
    """Call by call: as many INVITEs at each far end as attempts over its trunk, and what rang is dialled once."""
    people = [number(Manner.ANSWERS, n) for n in range(8)] + [number(refusal(486), n) for n in range(4)]
    with (
        sipp(tmp_path / "no", refuses=503) as no,
        sipp(tmp_path / "yes", pace=QUICK) as yes,
        serving(home.data, key=home.live_key) as server,
    ):
        ways = make_ways(server, no, yes)
        campaign = run(server, ways, people)
        eventually(lambda: len(no.calls()) == len(people), 60)
        open_second(server, ways)
        eventually(lambda: is_complete(server, campaign), 120)
        attempts = history(home.data)
        assert Counter(call.number for call in no.calls()) == dict.fromkeys(people, 1)
        assert Counter(call.number for call in yes.calls()) == dict.fromkeys(people, 1)
        assert set((no.dials() + yes.dials()).values()) == {1}
        assert len(no.dials() + yes.dials()) == len(attempts) == 24
    firsts, seconds = attempts[::2], attempts[1::2]
    assert {(row["attempt"], row["sip_code"], row["end_reason"]) for row in firsts} == {(1, 503, "network_failure")}
    assert all(row["retry_rule"].startswith("fail-over: trk_") for row in firsts)
    assert len({row["trunk_no"] for row in firsts}) == len({row["trunk_no"] for row in seconds}) == 1
    assert {row["attempt"] for row in seconds} == {2}
    assert Counter(row["status"] for row in seconds) == {"completed": 8, "busy": 4}


def test_what_rang_before_it_was_refused_is_left_to_the_policy(home: Home, tmp_path: Path):
    """The other far end hears of nobody whose phone was heard of; of those that were refused before, it does."""
    rang = [number(refusal(503, way), n) for way in (Way.RUNG, Way.EARLY_MEDIA) for n in range(3)]
    before = [number(refusal(503), n) for n in range(3)]
    with (
        sipp(tmp_path / "one", pace=QUICK) as one,
        sipp(tmp_path / "two", pace=QUICK) as two,
        serving(home.data, key=home.live_key) as server,
    ):
        ways = make_ways(server, one, two)
        campaign = run(server, ways, rang + before)
        eventually(lambda: len(one.calls()) == len(rang + before), 60)
        open_second(server, ways)
        eventually(lambda: is_complete(server, campaign), 120)
        assert Counter(call.number for call in one.calls()) == dict.fromkeys(rang + before, 1)
        assert Counter(call.number for call in two.calls()) == dict.fromkeys(before, 1)
        assert Counter(row["to_number"] for row in history(home.data)) == {
            **dict.fromkeys(rang, 1),
            **dict.fromkeys(before, 2),
        }


def test_a_trunk_that_dies_leaves_its_leads_to_the_other_and_calls_nobody_twice(home: Home, tmp_path: Path):
    """Who rang as it died is not called again by fail-over; who comes after is called over the other one, at once."""
    ringing = [number(Manner.RINGS, n) for n in range(4)]
    later = [number(Manner.ANSWERS, n) for n in range(6)]
    with (
        sipp(tmp_path / "dies", pace=QUICK) as dies,
        sipp(tmp_path / "lives", pace=QUICK) as lives,
        serving(home.data, key=home.live_key) as server,
    ):
        ways = make_ways(server, dies, lives, cap=len(ringing), options_sec=5, ring_timeout_sec=60)
        campaign = run(server, ways, ringing + later)
        eventually(lambda: sum(180 in call.codes for call in dies.calls()) == len(ringing), 60)
        dies.process.kill()
        eventually(lambda: "TrunkDown" in server.said(), 60)
        open_second(server, ways)
        eventually(lambda: is_complete(server, campaign), 120)
        assert Counter(call.number for call in dies.calls()) == dict.fromkeys(ringing, 1)
        assert Counter(call.number for call in lives.calls()) == dict.fromkeys(later, 1)
        attempts = history(home.data)
    assert Counter(row["to_number"] for row in attempts) == dict.fromkeys(ringing + later, 1)
    assert {row["status"] for row in attempts if row["to_number"] in later} == {"completed"}

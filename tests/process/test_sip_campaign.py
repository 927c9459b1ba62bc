"""Real processes over real SIP: whole campaigns, and what a death leaves at the far end."""

import os
import random
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.process.campaigns import dsn_of, is_complete, make_campaign_of_file, make_campaign_over, rows
from tests.process.serving import Home, Server, eventually, serving
from tests.sip.dialling import shown
from tests.sip.messages import Call
from tests.sip.numbers import Manner, number, refusal
from tests.sip.scenario import Pace
from tests.sip.sipp import HOST, Sipp, sipp
from whenever import Instant

from ringback.ids import CALL, show

LEADS = int(os.environ.get("RINGBACK_TEST_SIP_LEADS", "80"))
QUICK = Pace(ring=100, talk=400, linger=2_000)
RETRY = {"max_attempts": 3, "after": {how: ["1s"] for how in ("no-answer", "busy")}, "jitter": "0s"}
MIX = {
    Manner.ANSWERS: ("completed", "user_disconnected"),
    Manner.EARLY_MEDIA_THEN_BUSY: ("busy", "user_busy"),
    Manner.RINGS: ("no-answer", "user_did_not_pick_up"),
    refusal(404): ("failed", "invalid_phone_number"),
    refusal(480): ("no-answer", "user_unreachable"),
    refusal(486): ("busy", "user_busy"),
    refusal(603): ("busy", "user_rejected"),
}
"""How the people behave, and what each of their attempts must come to."""
CODES = {
    **{Manner.ANSWERS: 200, Manner.EARLY_MEDIA_THEN_BUSY: 486, Manner.RINGS: 487},
    **{refusal(code): code for code in (404, 480, 486, 603)},
}
NEAR_SEC = 2.0
"""Two logs of one event are not further apart, even where the machine is busy."""


@pytest.fixture
def far_end(tmp_path: Path):
    """SIPp."""
    with sipp(tmp_path / "sipp", pace=QUICK) as running:
        yield running


def make_sip_trunk(server: Server, far_end: Sipp, **settings: Any) -> str:
    """A trunk to SIPp; its id."""
    named = {"host": HOST, "port": far_end.port, "net_interface": HOST, "from_number": "+14155550100"}
    quick = {"ring_timeout_sec": 5, "max_call_sec": 60, "most_workers": 2}
    body = {"name": "sip", "kind": "sip", "settings": {**named, **quick, **settings}}
    return str(server.post("/v1/trunks", body)["id"])


def workers(server: Server) -> list[psutil.Process]:
    """The SIP workers of a server's node."""
    node = psutil.Process(server.pid("node"))
    return [child for child in node.children() if "ringback.carriers.sip.worker" in child.cmdline()]


def history(data: Path) -> list[dict[str, Any]]:
    """All attempts, by call and ordinal."""
    query = """SELECT c.to_number, c.call_id, a.attempt, a.attempt_id, a.called_at, a.ended_at, a.status, a.end_reason,
                      a.details
               FROM attempts a JOIN calls c USING (workspace_no, call_id) ORDER BY c.to_number, a.attempt"""
    return rows(dsn_of(data), query)


def as_file(numbers: Sequence[str]) -> bytes:
    """Leads as somebody exports them: national numbers, and a row that is of nobody."""
    rows = [f"Person {turn},({to[2:5]}) {to[5:8]}-{to[8:]},UTC" for turn, to in enumerate(numbers)]
    return "\n".join(["Name,Phone Number,Timezone", *rows, "Nobody,12,UTC", ""]).encode()


def test_a_campaign_of_a_file_has_the_histories_that_the_far_end_saw(home: Home, far_end: Sipp):
    """Call by call: as many INVITEs as attempts, in their order, each when it was asked and ended as it was seen to."""
    people = random.Random(7).choices(list(MIX), k=LEADS)
    numbers = [number(manner, serial) for serial, manner in enumerate(people)]
    with serving(home.data, key=home.live_key) as server:
        trunk = make_sip_trunk(server, far_end, ring_timeout_sec=2)
        campaign, told = make_campaign_of_file(server, trunk, as_file(numbers), RETRY, "US")
        assert (told["created"], told["rejected"]) == (LEADS, 1)
        eventually(lambda: is_complete(server, campaign), 60 + LEADS)
        attempts = history(home.data)
        histories = [server.get(f"/v1/call-logs/{call}/retries") for call in calls_of(attempts)]
    assert set(far_end.dials().values()) == {1}
    seen = {call.attempt: call for call in far_end.calls()}
    behaviour = dict(zip(numbers, people, strict=True))
    told_of = [attempt for history in histories for attempt in history["data"]]
    assert [shown(row["attempt_id"]) for row in in_order(attempts)] == [call.attempt for call in in_seen_order(seen)]
    for row, attempt in zip(attempts, told_of, strict=True):
        assert_same(attempt, seen[shown(row["attempt_id"])], behaviour[row["to_number"]])
    redialled = {number for number in numbers if MIX[behaviour[number]][0] in ("busy", "no-answer")}
    assert Counter(row["to_number"] for row in attempts) == {n: 3 if n in redialled else 1 for n in numbers}


def calls_of(attempts: Sequence[dict[str, Any]]) -> list[str]:
    """The public ids of the calls, in the order of the attempts."""
    return [show(CALL, call) for call in dict.fromkeys(row["call_id"] for row in attempts)]


def in_order(attempts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """By number, and for each by ordinal: of different people nobody has promised an order."""
    return sorted(attempts, key=lambda row: (row["to_number"], row["attempt"]))


def in_seen_order(seen: Mapping[str, Call]) -> list[Call]:
    """By number, and for each as they came to the far end."""
    return sorted(seen.values(), key=lambda call: (call.number, call.asked_at))


def assert_same(attempt: Mapping[str, Any], call: Call, manner: str) -> None:
    """What the history says of an attempt is what the far end's messages say of it, and what its person does."""
    said = (attempt["status"], attempt["end_reason"], attempt["sip_code"])
    assert said == (*MIX[manner], call.final), attempt
    assert call.final == CODES[manner], attempt
    asked_at = Instant.parse_iso(attempt["called_at"]).timestamp(unit="millisecond") / 1000
    assert abs(call.asked_at - asked_at) < NEAR_SEC, attempt
    talked_sec = max(m.at for m in call.messages) - answered_at(call) if call.answered else 0.0
    assert attempt["duration_sec"] <= talked_sec + NEAR_SEC, attempt
    assert (attempt["duration_sec"] > 0) <= call.answered, attempt


def answered_at(call: Call) -> float:
    """When its 200 was sent."""
    return next(m.at for m in call.messages if m.status == 200 and m.method == "INVITE")


def test_a_worker_that_is_killed_loses_only_its_calls_and_the_far_end_is_hung_up(home: Home, far_end: Sipp):
    """What rang or talked becomes unknown; by CANCEL or BYE nobody is left on the line, and nobody is dialled twice."""
    numbers = [number(Manner.STAYS, serial) for serial in range(4)] + [
        number(Manner.RINGS, serial) for serial in range(4)
    ]
    with serving(home.data, key=home.live_key) as server:
        trunk = make_sip_trunk(server, far_end, ring_timeout_sec=60, most_workers=1)
        campaign = make_campaign_over(server, trunk, numbers, {"max_attempts": 1})
        eventually(lambda: sum(call.answered for call in far_end.calls()) == 4 and len(far_end.calls()) == 8)
        [worker] = workers(server)
        worker.kill()
        eventually(lambda: is_complete(server, campaign), 60)
        attempts = history(home.data)
        eventually(lambda: all(call.cancelled or call.hung_up_by for call in far_end.calls()))
    assert {row["end_reason"] for row in attempts} == {"outcome_unknown"}
    assert Counter(far_end.dials().values()) == {1: 8}


def test_a_server_that_is_killed_hangs_up_and_dials_nobody_twice(home: Home, far_end: Sipp):
    """Its workers see it gone and end their calls; the next server explains the attempts, and none is dialled anew."""
    numbers = [number(Manner.STAYS, serial) for serial in range(4)] + [
        number(Manner.RINGS, serial) for serial in range(4)
    ]
    with serving(home.data, key=home.live_key) as server:
        trunk = make_sip_trunk(server, far_end, ring_timeout_sec=60, most_workers=1)
        campaign = make_campaign_over(server, trunk, numbers, {"max_attempts": 1})
        eventually(lambda: sum(call.answered for call in far_end.calls()) == 4 and len(far_end.calls()) == 8)
        os.kill(server.pid("node"), signal.SIGKILL)
        eventually(lambda: all(call.cancelled or call.hung_up_by for call in far_end.calls()))
        eventually(lambda: is_complete(server, campaign), 60)
        attempts = history(home.data)
    assert [row["end_reason"] for row in attempts] == ["outcome_unknown"] * 8
    assert Counter(far_end.dials().values()) == {1: 8}


def test_a_server_that_is_told_to_end_hangs_up_and_knows_how_its_calls_ended(home: Home, far_end: Sipp):
    """After the time for draining the calls that are up are ended by us, and settled as that."""
    numbers = [number(Manner.STAYS, serial) for serial in range(3)]
    with serving(home.data, "--drain-sec", "1", key=home.live_key) as server:
        campaign = make_campaign_over(server, make_sip_trunk(server, far_end), numbers, {"max_attempts": 1})
        eventually(lambda: sum(call.answered for call in far_end.calls()) == 3)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(60)
    assert {call.hung_up_by for call in far_end.calls()} == {"caller"}
    with serving(home.data, key=home.live_key) as server:
        eventually(lambda: is_complete(server, campaign), 60)
        assert {row["end_reason"] for row in history(home.data)} == {"agent_disconnected"}


def test_a_trunk_that_is_away_lets_its_leads_wait(home: Home, tmp_path: Path):
    """Nothing fails and nothing is dialled until it answers OPTIONS; then all of them are."""
    with sipp(tmp_path / "first", pace=QUICK) as gone:
        port = gone.port
    with serving(home.data, key=home.live_key) as server:
        settings = {"host": HOST, "port": port, "net_interface": HOST, "from_number": "+14155550100", "options_sec": 5}
        trunk = str(server.post("/v1/trunks", {"name": "sip", "kind": "sip", "settings": settings})["id"])
        campaign = make_campaign_over(server, trunk, [number(Manner.ANSWERS, n) for n in range(5)], {"max_attempts": 1})
        eventually(lambda: "TrunkDown" in server.said(), 60)
        assert history(home.data) == []
        with sipp(tmp_path / "second", pace=QUICK, port=port) as back:
            eventually(lambda: is_complete(server, campaign), 60)
            assert Counter(back.dials().values()) == {1: 5}
        assert "TrunkUp" in server.said()

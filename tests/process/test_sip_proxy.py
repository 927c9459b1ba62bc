"""Real processes over a trunk that leads to a proxy which asks for a digest: Kamailio, before SIPp."""

import json
from pathlib import Path

from tests.carriers.over_sip import QUICK
from tests.process.campaigns import dsn_of, is_complete, make_campaign_over, rows
from tests.process.serving import Home, Server, eventually, run, serving
from tests.sip.kamailio import Kamailio, kamailio
from tests.sip.numbers import Manner, number
from tests.sip.sipp import sipp


def make_trunk(server: Server, name: str, proxy: Kamailio, **more: str) -> str:
    """A trunk to the proxy, over TCP; its id."""
    body = {"name": name, "kind": "sip", "settings": {**proxy.trunk("tcp"), **more}}
    return str(server.post("/v1/trunks", body)["id"])


def test_right_credentials_dial_and_wrong_ones_are_told(home: Home, tmp_path: Path):
    """A lead is dialled and its call ends by the proxy; who tests a trunk with a wrong user learns what to mend."""
    person, nobody = number(Manner.ANSWERS, 1), number(Manner.ANSWERS, 2)
    with sipp(tmp_path / "sipp", pace=QUICK) as far_end, kamailio(tmp_path / "proxy", far_end.port) as proxy:
        with serving(home.data, key=home.live_key) as server:
            make_trunk(server, "wrong", proxy, username="somebody")
            campaign = make_campaign_over(server, make_trunk(server, "right", proxy), [person], {"max_attempts": 1})
            told = run("trunk", "test", "wrong", "--to", nobody, "--json", "--data", home.data)
            eventually(lambda: is_complete(server, campaign), 60)
            [attempt] = rows(dsn_of(home.data), "SELECT status, end_reason, sip_code FROM attempts")
        assert [call.number for call in far_end.calls()] == [person]
    assert attempt == {"status": "completed", "end_reason": "user_disconnected", "sip_code": 200}
    found = json.loads(told.stdout)
    assert (told.returncode, found["works"], found["outcome"]["sip_code"]) == (1, False, 407)
    assert "`username` and `password`" in found["advice"][0]["remedy"]

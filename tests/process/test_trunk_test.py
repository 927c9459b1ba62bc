"""`ringback trunk test`, as whoever looks after a trunk runs it, against a far end on this machine."""

import json
import re
import signal
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from tests.carriers.over_sip import QUICK
from tests.process.campaigns import dsn_of, rows
from tests.process.serving import environment, eventually, ringback_command, run, serving, using
from tests.sip.numbers import Manner, Way, number, refusal
from tests.sip.sipp import HOST, free_port, sipp

from ringback.config import DATABASE_URL

CALLER = "+14155550100"
PASSWORD = "open-sesame-7"  # noqa: S105  # of a far end that takes none


@pytest.fixture(scope="module")
def far_end(tmp_path_factory):
    """A SIPp of this module's own."""
    with sipp(tmp_path_factory.mktemp("sipp"), pace=QUICK) as running:
        yield running


def make_trunk(server, name, port, **more):
    """A trunk here; its id."""
    named = {"host": HOST, "port": port, "net_interface": HOST, "from_number": CALLER, "ring_timeout_sec": 3}
    return server.post("/v1/trunks", {"name": name, "kind": "sip", "settings": {**named, **more}})["id"]


@pytest.fixture(scope="module")
def data(server):
    """The data directory of the server that the tests share."""
    words = server.process.args
    return Path(words[words.index("--data") + 1])


@pytest.fixture(scope="module")
def trunk(server, far_end):
    """The name of a trunk that leads to SIPp."""
    make_trunk(server, "main", far_end.port)
    return "main"


@pytest.fixture
def dial(data):
    """Tests a trunk by a call to a person; what the command printed."""
    return lambda trunk, person, *more: run("trunk", "test", trunk, "--to", number(person), "--data", data, *more)


def ladder(ended):
    """Each line of the ladder as (arrow, what, CSeq method, the rest)."""
    form = r"^ *-?\d+ ms  (-->|<--)  (.{26})  \d+ (\w+) *(.*)$"
    return [
        (way, what.strip(), method, rest) for way, what, method, rest in re.findall(form, ended.stdout, re.MULTILINE)
    ]


def test_a_call_that_is_answered_is_told_step_by_step(dial, trunk, far_end, server, data):
    """The way of each message, the media, the outcome; a tone was played and came back; nothing of it is stored."""
    ended = dial(trunk, Manner.STAYS)
    assert ended.returncode == 0, ended.stderr
    steps = [(way, what) for way, what, _, rest in ladder(ended) if "again" not in rest]
    assert steps == [
        ("-->", "INVITE"),
        ("<--", "100 Trying"),
        ("<--", "180 Ringing"),
        ("<--", "200 OK"),
        ("-->", "ACK"),
        ("-->", "BYE"),
        ("<--", "200 OK"),
    ], ended.stdout
    assert ladder(ended)[0][3].startswith(f"audio {HOST}:")
    assert f"dial      {number(Manner.STAYS)} from {CALLER}" in ended.stdout
    assert "completed (agent_disconnected), SIP 200" in ended.stdout
    assert re.search(r"media +\d+ packets out, \d+ in \(not only silence\)", ended.stdout)
    assert "works     answered, with media both ways" in ended.stdout
    eventually(lambda: far_end.calls()[-1].hung_up_by == "caller")
    assert rows(dsn_of(data), "SELECT * FROM attempts") == []
    assert number(Manner.STAYS) not in server.said() + ended.stderr


def test_a_refusal_is_told_for_machines(dial, server, trunk, far_end):
    """As JSON, with the number to show that was asked for; the trunk is known by its id too."""
    trunk_id = next(known["id"] for known in server.get("/v1/trunks")["data"] if known["name"] == trunk)
    who = number(refusal(486, Way.CAUSE), cause=17)
    ended = dial(trunk_id, refusal(486, Way.CAUSE), "--to", who, "--from", "+14155550177", "--json", "-v")
    told = json.loads(ended.stdout)
    assert (ended.returncode, told["works"]) == (0, True)
    assert told["trunk"] == {"id": trunk_id, "name": trunk, "kind": "sip"}
    assert (told["to_number"], told["from_number"]) == (who, "+14155550177")
    outcome = {name: told["outcome"][name] for name in ("status", "end_reason", "sip_code", "q850")}
    assert outcome == {"status": "busy", "end_reason": "user_busy", "sip_code": 486, "q850": 17}
    first, *_, last = told["messages"]
    assert (first["at_ms"], first["sent"], first["what"]) == (0, True, "INVITE")
    assert first["text"].startswith(f"INVITE sip:{who}@")
    assert "From: <sip:+14155550177@" in first["text"]
    assert (last["sent"], last["what"]) == (True, "ACK")
    assert told["options"] == "answered"
    assert [advice["level"] for advice in told["advice"]] == ["works"]


def test_a_password_is_used_and_not_shown(dial, server, far_end):
    """It is opened with the key of the data directory; what is made of it is masked in whole messages too."""
    make_trunk(server, "guarded", far_end.port, username="acme", password=PASSWORD)
    ended = dial("guarded", refusal(401), "--verbose")
    assert ended.returncode == 1
    assert [what for way, what, *_ in ladder(ended) if way == "-->"].count("INVITE") == 2
    assert "Authorization: (masked)" in ended.stdout
    assert PASSWORD not in ended.stdout + ended.stderr
    assert "response=" not in ended.stdout
    assert "fails     user or password are not taken\n          -> compare `username`" in ended.stdout


def test_a_port_where_nobody_listens_is_told(dial, server):
    """What failed, that campaigns would wait, and what to change."""
    make_trunk(server, "deserted", free_port(), transport="tcp")
    ended = dial("deserted", Manner.STAYS)
    assert ended.returncode == 1
    assert "failed (network_failure)" in ended.stdout
    assert "fails     nobody listens at that port" in ended.stdout
    assert "fails     OPTIONS had no answer either" in ended.stdout


def test_registering_in_vain_is_told(dial, server):
    """Nothing is dialled then; the REGISTER is in the ladder where there is a way to send it."""
    make_trunk(server, "unknown", free_port(), transport="tcp", username="acme", password=PASSWORD, register=True)
    ended = dial("unknown", Manner.STAYS)
    assert ended.returncode == 1
    assert "outcome   not dialled: registration failed" in ended.stdout


def test_ctrl_c_hangs_up(trunk, data, far_end):
    """Whoever rings is let go of at once, and what was said up to then is told."""
    line = ringback_command("trunk", "test", trunk, "--to", number(Manner.RINGS, 7), "--data", data)
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()) as call:
        with closing(call.stdout) as said:
            shown = next(line for line in said if "180 Ringing" in line)
            call.send_signal(signal.SIGINT)
            rest = said.read()
        errors = call.stderr.read()
        assert call.wait() == 0, errors
    assert "<--" in shown
    assert "CANCEL" in rest
    assert "check     given up by you" in rest
    assert "Traceback" not in errors
    [heard] = [heard for heard in far_end.calls() if heard.number == number(Manner.RINGS, 7)]
    assert heard.cancelled
    eventually(lambda: far_end.call(heard.attempt).final == 487)


def test_a_server_need_not_run(home, far_end):
    """The database is started for a moment, and nothing is left running; nor does it need to be an embedded one."""
    with serving(home.data, key=home.live_key) as server:
        make_trunk(server, "main", far_end.port)
        ended = run(
            *("trunk", "test", "main", "--to", number(refusal(404)), "--json"), **{DATABASE_URL: dsn_of(home.data)}
        )
        assert json.loads(ended.stdout)["outcome"]["end_reason"] == "invalid_phone_number", ended.stderr
        assert server.stop() == 0
    ended = run("trunk", "test", "main", "--to", number(refusal(404)), "--data", home.data)
    assert ended.returncode == 0, ended.stderr
    assert "failed (invalid_phone_number), SIP 404" in ended.stdout
    assert "check     the far end does not know the number" in ended.stdout
    assert not using(home.data)


def test_a_simulated_trunk_has_nothing_on_the_wire(dial, server, data, tmp_path):
    """It says so, tells how that person would take the call, and writes no line in the trunk's record."""
    record = tmp_path / "dials.csv"
    people = {"record": str(record), "answer_rates": [1.0] * 24, "never_share": 0, "busy_share": 0}
    people |= {"invalid_share": 0, "failure_share": 0}
    server.post("/v1/trunks", {"name": "pretend", "kind": "simulator", "settings": people})
    ended = dial("pretend", Manner.STAYS)
    assert ended.returncode == 0, ended.stderr
    assert "there is nothing to test on the wire" in ended.stdout
    assert "outcome   completed (" in ended.stdout
    assert not record.exists()
    told = json.loads(dial("pretend", Manner.STAYS, "--json").stdout)
    assert (told["messages"], told["outcome"]["status"], told["works"]) == ([], "completed", True)


def test_what_cannot_be_tested_is_refused(dial):
    """In a line, before anything is dialled."""
    ended = dial("nobody", Manner.STAYS)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("error: TRUNK nobody is not known")


def test_without_a_database_nothing_is_tested():
    """It says what to give."""
    ended = run("trunk", "test", "main", "--to", "+14155552671")
    assert ended.returncode == 1
    assert "give --data DIR, or set RINGBACK_DATABASE_URL" in ended.stderr

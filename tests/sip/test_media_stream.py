import json
from base64 import b64encode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.carriers.sip.agents.media_stream import Clear, Mark, Media, MediaStream, parameters, parse
from ringback.ids import ATTEMPT, show

ATTEMPT_ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
HEX = ATTEMPT_ID.hex
SID = f"MZ{HEX}"
FRAME = bytes(range(160))


@pytest.fixture
def stream() -> MediaStream:
    """The stream of one call."""
    return MediaStream(show(ATTEMPT, ATTEMPT_ID))


def test_the_messages_are_twilios(stream):
    """Names, types and numbering, a message of each kind."""
    assert json.loads(stream.connected()) == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert json.loads(stream.start({"name": "Ann"})) == {
        "event": "start",
        "sequenceNumber": "1",
        "start": {
            "streamSid": SID,
            "accountSid": "AC" + 32 * "0",
            "callSid": f"CA{HEX}",
            "tracks": ["inbound"],
            "customParameters": {"name": "Ann"},
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        },
        "streamSid": SID,
    }
    assert json.loads(stream.media(FRAME)) == {
        "event": "media",
        "sequenceNumber": "2",
        "media": {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": b64encode(FRAME).decode()},
        "streamSid": SID,
    }
    assert json.loads(stream.dtmf("#")) == {
        "event": "dtmf",
        "sequenceNumber": "3",
        "dtmf": {"track": "inbound_track", "digit": "#"},
        "streamSid": SID,
    }
    assert json.loads(stream.media(FRAME))["media"] | {"payload": ""} == {
        "track": "inbound",
        "chunk": "2",
        "timestamp": "20",
        "payload": "",
    }
    mark = {"event": "mark", "sequenceNumber": "5", "mark": {"name": "hello"}, "streamSid": SID}
    assert json.loads(stream.mark("hello")) == mark
    assert json.loads(stream.stop()) == {
        "event": "stop",
        "sequenceNumber": "6",
        "stop": {"accountSid": "AC" + 32 * "0", "callSid": f"CA{HEX}"},
        "streamSid": SID,
    }


@pytest.mark.parametrize("attempt_id", ["", "x", str(ATTEMPT_ID), show("call", ATTEMPT_ID)])
def test_any_id_makes_ids_of_twilios_form(attempt_id):
    """Two letters and 32 hexadecimal digits, always the same ones."""
    sids = [MediaStream(attempt_id).stream_sid, MediaStream(attempt_id).stream_sid]
    assert sids[0] == sids[1]
    assert sids[0][:2] == "MZ"
    assert len(sids[0]) == 34
    assert int(sids[0][2:], 16)


def test_parameters_are_text():
    """Whatever type a lead's variable has."""
    variables = {"text": "a", "whole": 3, "part": 0.5, "truth": True, "none": None, "list": [1, "b"], "map": {"k": 1}}
    told = parameters(variables, {}, "")
    assert {name: told[name] for name in variables} == {
        "text": "a",
        "whole": "3",
        "part": "0.5",
        "truth": "true",
        "none": "",
        "list": '[1,"b"]',
        "map": '{"k":1}',
    }


def test_no_variable_passes_for_what_names_the_call():
    """A lead's variable called `token` is not the token."""
    ids = {"call_id": "call_1", "attempt_id": "att_1", "to_number": "+1", "from_number": "+2", "sip_call_id": "s"}
    variables = dict.fromkeys((*ids, "token"), "theirs")
    assert parameters(variables, ids, "ours") == {
        "call_id": "call_1",
        "attempt_id": "att_1",
        "to_number": "+1",
        "from_number": "+2",
        "sip_call_id": "theirs",
        "token": "ours",
    }


def test_what_a_bot_says_is_read():
    """With the stream's id, and without it; what else is in a message does not matter."""
    media = parse(json.dumps({"event": "media", "streamSid": SID, "media": {"payload": "AP8=", "x": 1}}).encode(), SID)
    assert isinstance(media, Media)
    assert media.media.payload == b"\x00\xff"
    mark = parse(json.dumps({"mark": {"name": "m"}, "event": "mark", "y": []}).encode(), SID)
    assert isinstance(mark, Mark)
    assert mark.mark.name == "m"
    assert isinstance(parse(json.dumps({"event": "clear", "streamSid": SID}).encode(), SID), Clear)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"hello",
        b"\xff\x00",
        b"null",
        b"[]",
        b"{}",
        b'{"event":"stop"}',
        b'{"event":1}',
        b'{"event":"clear","streamSid":"MZother"}',
        b'{"event":"clear","streamSid":null}',
        b'{"event":"media"}',
        b'{"event":"media","media":{"payload":"not base64!"}}',
        b'{"event":"media","media":{"payload":"AP8"}}',
        b'{"event":"mark","mark":{}}',
        b'{"event":"clear","x":' + 100_000 * b"[",
    ],
    ids=lambda message: message[:40],
)
def test_rubbish_is_nothing(message):
    """It is not read as anything, and stops nothing."""
    assert parse(message, SID) is None


@given(st.binary(max_size=200))
def test_no_bytes_stop_it(message):
    """Whatever a bot sends."""
    assert parse(message, SID) is None

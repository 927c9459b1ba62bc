"""Agents over HTTP: what they can be told, and the recordings of those that play one."""

import hashlib
import json

import pytest
import soundfile
from tests.api.shared import path, trunk_id
from tests.sip.recordings import write_sound

from ringback.carriers.sip.agents.message_settings import LARGEST_RECORDING

TEXT = {"name": "reminder", "kind": "message", "settings": {"text": "Hello {name}."}}
SILENT = {"name": "reminder", "kind": "message", "settings": {"pause_sec": 1}}


@pytest.fixture
def made(client):
    """Makes an agent; returns its path."""

    async def make(body):
        return f"/v1/agents/{(await client.post('/v1/agents', json=body)).json()['id']}"

    return make


@pytest.fixture
def recording(tmp_path):
    """An MP3 of two seconds, in stereo."""
    return write_sound(tmp_path / "hello.mp3", 2.0, 44100, 2).read_bytes()


async def settings(client, agent):
    """What the agent is told now."""
    return (await client.get(agent)).json()["settings"]


async def test_settings_are_kept_as_they_were_given(client):
    """What was left out or null has its default when the message is played, not before."""
    given = {
        "text": " Hello. ",
        "language": "de",
        "repeat": 2,
        "collect_digits": {"n": 2},
        "opt_out_key": "*",
        "voice": None,
    }
    answer = await client.post("/v1/agents", json={**TEXT, "settings": given})
    assert answer.status_code == 201
    del given["voice"]
    assert answer.json()["settings"] == {**given, "text": "Hello."}


async def test_every_wrong_setting_is_named(client):
    """In one answer; a recording is not given so."""
    answer = await client.post("/v1/agents", json={**TEXT, "settings": {"text": "", "repeat": 9, "colour": 1}})
    assert answer.status_code == 400
    assert [line.split()[0] for line in answer.json()["message"]] == [
        "settings.colour",
        "settings.text",
        "settings.repeat",
    ]
    answer = await client.post("/v1/agents", json={**TEXT, "settings": {"audio": {"sha256": "00"}}})
    assert (answer.status_code, "PUT /v1/agents/{id}/audio" in answer.json()["message"][0]) == (400, True)


async def test_agent_is_changed(client, made):
    """What was sent is changed, of the settings too; null takes one away."""
    agent = await made({**TEXT, "settings": {"text": "Hello.", "repeat": 2}})
    before = (await client.get(agent)).json()
    changed = await client.patch(agent, json={"settings": {"opt_out_key": "9", "repeat": None}})
    assert changed.status_code == 200
    assert changed.json() == {**before, "settings": {"text": "Hello.", "opt_out_key": "9"}}
    assert (await client.patch(agent, json={"name": "other"})).json() == {**changed.json(), "name": "other"}
    assert (await client.get(agent)).json()["name"] == "other"


@pytest.mark.parametrize("change", [{"text": None}, {"repeat": 9}, {"colour": 1}, {"audio": {"seconds": 1}}])
async def test_change_that_is_wrong_changes_nothing(client, made, change):
    """An agent that speaks always has something to say."""
    agent = await made(TEXT)
    answer = await client.patch(agent, json={"name": "other", "settings": change})
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")
    assert (await client.get(agent)).json()["name"] == "reminder"
    assert await settings(client, agent) == TEXT["settings"]


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        ("message", {"text": "Hello."}),
        ("websocket", {"url": "wss://bot.example.com/calls"}),
        ("sip", {"uri": "sip:bot@pbx.example.com;transport=udp"}),
    ],
)
async def test_agent_of_any_kind_can_be_told_of_machines(client, made, kind, own):
    """Beside the settings of its kind, and changed as they are."""
    agent = await made({"name": "a", "kind": kind, "settings": {**own, "detect": "full", "on_machine": "message"}})
    assert await settings(client, agent) == {**own, "detect": "full", "on_machine": "message"}
    await client.patch(agent, json={"settings": {"detect": "fast", "on_machine": None}})
    assert await settings(client, agent) == {**own, "detect": "fast"}


async def test_agent_of_any_kind_can_be_told_to_record(client, made):
    """With what is said first; null takes it away, and what is wrong is named with the rest."""
    how = {"record": "opus", "announcement": "This call is recorded.", "announcement_language": "en-gb"}
    agent = await made({"name": "a", "kind": "websocket", "settings": {"url": "wss://bot.example.com", **how}})
    assert await settings(client, agent) == {"url": "wss://bot.example.com", **how}
    wrong = await client.patch(agent, json={"settings": {"record": "mp3", "detect": "slow"}})
    assert [line.split()[0] for line in wrong.json()["message"]] == ["settings.detect", "settings.record"]
    await client.patch(agent, json={"settings": {"record": "none", "announcement": None}})
    left = {"record": "none", "announcement_language": "en-gb"}
    assert await settings(client, agent) == {"url": "wss://bot.example.com", **left}


async def test_what_is_wrong_about_machines_is_named_with_the_rest(client, made):
    """In one answer, and nothing is changed."""
    agent = await made(TEXT)
    answer = await client.patch(agent, json={"settings": {"repeat": 9, "detect": "slow", "on_machine": 1}})
    assert answer.status_code == 400
    assert [line.split()[0] for line in answer.json()["message"]] == [
        "settings.repeat",
        "settings.detect",
        "settings.on_machine",
    ]
    assert await settings(client, agent) == TEXT["settings"]


async def test_recording_takes_the_place_of_the_text(service, client, made, recording):
    """In a form or as it is; it is stored as FLAC of 16 kHz, and the agent tells how long it plays."""
    agent = await made({**TEXT, "settings": {"text": "Hello.", "repeat": 2}})
    for how in (
        {"files": {"file": ("hello.mp3", recording)}},
        {"content": recording, "headers": {"content-type": "audio/mpeg"}},
        {"content": recording},
    ):
        answer = await client.put(f"{agent}/audio", **how)
        assert answer.status_code == 200, answer.text
        audio = answer.json()["settings"]["audio"]
        assert audio["seconds"] == pytest.approx(2.0, abs=0.08)
        assert await settings(client, agent) == answer.json()["settings"] == {"repeat": 2, "audio": audio}
    [(stored, sha256)] = await service.world.rows("SELECT bytes, sha256 FROM agent_audio")
    assert hashlib.sha256(stored).hexdigest() == sha256 == audio["sha256"]
    (service.world.folder / "stored").write_bytes(stored)
    found = soundfile.info(service.world.folder / "stored")
    assert (found.format, found.samplerate, found.channels) == ("FLAC", 16000, 1)


async def test_recording_stays_when_the_rest_is_changed(client, made, recording):
    """Its own entry may be sent back as it was answered."""
    agent = await made(SILENT)
    audio = (await client.put(f"{agent}/audio", content=recording)).json()["settings"]["audio"]
    for change in ({"repeat": 3}, {"repeat": 3, "audio": audio}):
        answer = await client.patch(agent, json={"settings": change})
        assert answer.json()["settings"] == {"pause_sec": 1, "repeat": 3, "audio": audio}


async def test_text_takes_the_place_of_the_recording(service, client, made, recording):
    """The recording is deleted; the next one takes the place of the text again."""
    agent = await made(SILENT)
    await client.put(f"{agent}/audio", content=recording)
    answer = await client.patch(agent, json={"settings": {"text": "Hello."}})
    assert answer.json()["settings"] == {"pause_sec": 1, "text": "Hello."}
    assert await service.world.rows("SELECT 1 FROM agent_audio") == []
    await client.put(f"{agent}/audio", content=recording)
    assert (await settings(client, agent)).keys() == {"pause_sec", "audio"}


async def test_what_is_no_recording_is_refused(client, made, tmp_path):
    """With why, and the agent keeps what it has."""
    agent = await made(TEXT)
    long = write_sound(tmp_path / "a.flac", 601.0, 4000).read_bytes()
    for status, code, how in (
        (415, "unknown_audio_type", {"content": b"hello"}),
        (415, "unknown_audio_type", {"content": b""}),
        (415, "unknown_audio_type", {"files": {"file": ("a.mp3", b"hello")}}),
        (415, "unsupported_media_type", {"json": {"audio": "x"}}),
        (400, "unreadable_audio", {"content": b"fLaC"}),
        (400, "malformed_multipart", {"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=b"}}),
        (400, "validation_failed", {"files": {"audio": ("a.mp3", long)}}),
        (413, "audio_too_long", {"content": long}),
        (413, "body_too_large", {"content": bytes(LARGEST_RECORDING + 1)}),
        (413, "body_too_large", {"files": {"file": ("a.wav", bytes(LARGEST_RECORDING + 20_000))}}),
    ):
        answer = await client.put(f"{agent}/audio", **how)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await settings(client, agent) == TEXT["settings"]


async def test_only_a_message_agent_that_is_there_takes_a_recording(service, client, made, recording):
    """404 for one that is not there, or is another workspace's; 422 for one of another kind."""
    agent = await made(TEXT)
    stranger = await service.world.value(
        "INSERT INTO workspaces (workspace_id, name, created_at) "
        "SELECT gen_random_uuid(), 'other', created_at FROM workspaces RETURNING workspace_no"
    )
    async with service.client(await service.key(workspace_no=stranger)) as other:
        for answer in (
            await other.put(f"{agent}/audio", content=recording),
            await other.patch(agent, json={"name": "mine"}),
            await client.put("/v1/agents/agt_nobody/audio", content=recording),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "agent_not_found")
    await service.world.rows("UPDATE agents SET kind = 'websocket'")
    answer = await client.put(f"{agent}/audio", content=recording)
    assert (answer.status_code, answer.json()["code"]) == (422, "agent_takes_no_audio")


async def test_agent_with_nothing_to_say_has_no_calls(service, client, made, recording):
    """It can be made, to be given a recording; until then no campaign and no call takes it."""
    agent = await made(SILENT)
    agent_id = agent.rpartition("/")[2]
    call = {"to_number": "+14155552671", "trunk_id": trunk_id(service), "agent_id": agent_id}
    campaign = {"name": "c", "trunk_id": trunk_id(service), "agent_id": agent_id}
    asks = (("POST", "/v1/calls", call), ("POST", "/v1/campaigns", campaign), ("PATCH", path(service), campaign))
    for method, url, body in asks:
        answer = await client.request(method, url, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "agent_has_no_message"), url
    await client.put(f"{agent}/audio", content=recording)
    for method, url, body in asks:
        answer = await client.request(method, url, json=body)
        assert answer.status_code in (200, 201), answer.text


async def test_headers_of_a_bot_are_secrets(service, client):
    """They are stored sealed and shown masked; one that is sent back as it was shown stays as it was."""
    headers = {"Authorization": "Bearer s3cret", "X-Team": "sales"}
    bot = {"name": "bot", "kind": "websocket", "settings": {"url": "wss://bot.example.com/calls", "headers": headers}}
    made = (await client.post("/v1/agents", json=bot)).json()
    agent = f"/v1/agents/{made['id']}"
    assert made["settings"] == {"url": "wss://bot.example.com/calls", "headers": dict.fromkeys(headers, "********")}

    async def stored():
        text = await service.world.value("SELECT settings::text FROM agents WHERE kind = 'websocket'")
        assert "s3cret" not in text
        return service.settings.sealer.unseal(json.loads(text))

    assert await stored() == bot["settings"]
    await client.patch(agent, json={"settings": {"url": "wss://bot.example.com/others"}})
    assert await stored() == {"url": "wss://bot.example.com/others", "headers": headers}
    sent = {"Authorization": "********", "X-New": "********"}
    assert (await client.patch(agent, json={"settings": {"headers": sent}})).status_code == 200
    assert (await stored())["headers"] == {"Authorization": "Bearer s3cret", "X-New": "********"}
    assert (await client.patch(agent, json={"settings": {"headers": None}})).json()["settings"].keys() == {"url"}
    for wrong in ({"url": None}, {"url": "http://x"}, {"headers": {"Host": "x"}}, {"text": "Hello."}):
        assert (await client.patch(agent, json={"settings": wrong})).status_code == 400, wrong


async def test_headers_of_a_bot_do_not_follow_it_to_another_server(service, client):
    """Whoever may change an agent does not get its secrets sent to a server of his own."""
    settings = {"url": "wss://bot.example.com/calls", "headers": {"Authorization": "Bearer s3cret"}}
    made = (await client.post("/v1/agents", json={"name": "bot", "kind": "websocket", "settings": settings})).json()
    agent, elsewhere = f"/v1/agents/{made['id']}", {"url": "wss://bot.example.com:444/calls"}
    for kept in ({}, {"headers": {"Authorization": "********"}}):
        answer = await client.patch(agent, json={"settings": {**elsewhere, **kept}})
        assert answer.status_code == 400
        assert "settings.headers must be given anew" in answer.json()["message"][0]
    for given in ({"headers": {"Authorization": "Bearer other"}}, {"url": "wss://third.example.com", "headers": None}):
        assert (await client.patch(agent, json={"settings": {**elsewhere, **given}})).status_code == 200


async def test_bridge_is_kept_as_it_was_given(service, client):
    """With its transport, and its headers sealed; what is left out has its default when somebody is connected."""
    given = {
        "uri": "sip:bot@pbx.example.com",
        "while_ringing": "tone",
        "ring_timeout_sec": None,
        "headers": {"X-Key": "s3cret"},
    }
    answer = await client.post("/v1/agents", json={"name": "sales", "kind": "sip", "settings": given})
    assert answer.status_code == 201
    uri = "sip:bot@pbx.example.com;transport=udp"
    assert answer.json()["settings"] == {"uri": uri, "while_ringing": "tone", "headers": {"X-Key": "********"}}
    agent = f"/v1/agents/{answer.json()['id']}"
    await client.patch(agent, json={"settings": {"ring_timeout_sec": 5, "while_ringing": None}})
    text = await service.world.value("SELECT settings::text FROM agents WHERE kind = 'sip'")
    assert "s3cret" not in text
    stored = service.settings.sealer.unseal(json.loads(text))
    assert stored == {"uri": uri, "ring_timeout_sec": 5, "headers": {"X-Key": "s3cret"}}


async def test_bridge_that_is_wrong_is_refused(client, made):
    """With a line for each setting; and headers do not follow it to another server."""
    settings = {"uri": "sip:bot@pbx.example.com", "headers": {"X-Key": "s3cret"}}
    agent = await made({"name": "sales", "kind": "sip", "settings": settings})
    for wrong, lines in (
        ({"uri": None}, ["settings.uri"]),
        (
            {"uri": "sip:pbx", "while_ringing": 1, "detect": "x"},
            ["settings.uri", "settings.while_ringing", "settings.detect"],
        ),
        ({"text": "Hello."}, ["settings.text"]),
        ({"headers": {"Via": "x"}}, ["settings.headers.Via"]),
        ({"uri": "sip:bot@pbx.example.com:5070"}, ["settings.headers"]),
        ({"uri": "sip:bot@pbx.example.com;transport=tcp", "headers": {"X-Key": "********"}}, ["settings.headers"]),
    ):
        answer = await client.patch(agent, json={"settings": wrong})
        assert answer.status_code == 400, wrong
        assert [line.split()[0] for line in answer.json()["message"]] == lines
    for right in ({"uri": "sip:other@pbx.example.com"}, {"uri": "sip:bot@sip.example.com", "headers": None}):
        assert (await client.patch(agent, json={"settings": right})).status_code == 200, right

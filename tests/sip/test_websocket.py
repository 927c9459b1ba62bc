import asyncio
import datetime
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.chaos.patience import eventually
from tests.sip.bots import Visit, bot
from tests.sip.memory_line import MemoryLine, ids_of, playing
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.agents import websocket
from ringback.carriers.sip.agents.mulaw import SILENCE, decode, encode
from ringback.carriers.sip.agents.websocket import Patience, run

ATTEMPT_ID, CALL_ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057"), UUID("01890a5d-ac96-774b-bcce-b302099a8058")
ENOUGH_SEC = 30.0
SHORT = Patience(frozen_sec=0.5)


@pytest.fixture
def line() -> MemoryLine:
    """A line at 8 kHz."""
    return MemoryLine(ids_of(ATTEMPT_ID, CALL_ID))


def audio(sec: float, seed: int = 1) -> bytes:
    """Mu-law noise without the second zero, so that it is the same after the way through a line."""
    return random.Random(seed).randbytes(round(sec * 8000)).replace(b"\x7f", b"\x00")


def plan(url: str, **more) -> Agent:
    """An agent at an address."""
    headers = more.pop("headers", {})
    return Agent("websocket", {"url": url, "headers": headers}, **more)


@asynccontextmanager
async def on(line: MemoryLine, agent: Agent, *, speed=1.0, patience=Patience()) -> AsyncIterator[asyncio.Task[None]]:
    """A call with an agent, while time passes for the line; it ends by itself or with the block."""
    async with playing(line, speed=speed):
        task = asyncio.create_task(run(line, agent, patience))
        try:
            yield task
        finally:
            line.over.set()
            await asyncio.wait_for(task, ENOUGH_SEC)


async def ended(task: asyncio.Task[None]) -> None:
    """Wait until the agent gives the call back."""
    await asyncio.wait_for(asyncio.shield(task), ENOUGH_SEC)


async def test_a_bot_hears_the_call_from_its_start_to_its_stop(line):
    """`connected`, `start` with what the bot must know, each frame as it is said, `stop`, and a good close."""
    said = audio(0.5)
    async with bot(Visit.read) as there:
        async with on(line, plan(there.url, variables={"name": "Ann", "due": 12.5}, token=str(CALL_ID))):
            await eventually(lambda: there.visits and there.visits[0].of("start"), ENOUGH_SEC)
            line.say(decode(said).tobytes())
            await eventually(lambda: there.visits and said in there.visits[0].audio, ENOUGH_SEC)
        await eventually(lambda: there.visits[0].closed, ENOUGH_SEC)
    visit = there.visits[0]
    assert [message["event"] for message in visit.got[:3]] == ["connected", "start", "media"]
    assert visit.got[-1]["event"] == "stop"
    assert visit.closed == 1000
    assert [message["sequenceNumber"] for message in visit.got[1:]] == [str(n) for n in range(1, len(visit.got))]
    assert visit.got[1]["start"]["customParameters"] == {
        "name": "Ann",
        "due": "12.5",
        "token": str(CALL_ID),
        **{name: line.ids[name] for name in ("call_id", "attempt_id", "to_number", "from_number")},
    }
    assert visit.audio.strip(SILENCE) == said.strip(SILENCE)
    assert line.notes == {}


async def test_what_a_bot_says_is_heard_and_its_marks_come_back(line):
    """Each mark after its audio was played."""
    said = audio(0.4)
    heard_at_mark = []

    async def talk(visit: Visit) -> None:
        await visit.read_to("start")
        await visit.say(said)
        await visit.mark("done")
        await visit.read_to("mark")
        heard_at_mark.append(len(line.heard))
        await visit.read()

    async with bot(talk) as there, on(line, plan(there.url)):
        await eventually(lambda: heard_at_mark, ENOUGH_SEC)
    assert encode(np.frombuffer(bytes(line.heard), np.int16)) == said
    assert heard_at_mark == [2 * len(said)]
    assert there.visits[0].of("mark")[0]["mark"] == {"name": "done"}


async def test_a_bot_that_is_interrupted_clears(line):
    """What was not played is dropped, and all of its marks come back at once."""
    new = audio(0.5, seed=2)

    async def talk(visit: Visit) -> None:
        await visit.read_to("start")
        await visit.say(audio(50))
        for name in ("a", "b"):
            await visit.mark(name)
        await visit.send("clear")
        await visit.read_to("mark", 2)
        await visit.say(new)
        await visit.read()

    async with bot(talk) as there, on(line, plan(there.url), speed=2.0):
        await eventually(lambda: there.visits and len(there.visits[0].of("mark")) == 2, ENOUGH_SEC)
        await eventually(lambda: line.heard.endswith(decode(new).tobytes()), ENOUGH_SEC)
    assert [mark["mark"]["name"] for mark in there.visits[0].of("mark")] == ["a", "b"]
    assert len(line.heard) < 40 * 16_000


async def test_keys_are_told(line):
    """In their order."""
    async with bot(Visit.read) as there, on(line, plan(there.url)):
        for key in "12#":
            line.digits.put_nowait(key)
        await eventually(lambda: there.visits and len(there.visits[0].of("dtmf")) == 3, ENOUGH_SEC)
    assert [message["dtmf"] for message in there.visits[0].of("dtmf")] == [
        {"track": "inbound_track", "digit": key} for key in "12#"
    ]


async def test_a_bot_that_closes_ends_the_call_once_it_was_heard(line):
    """What it said last is played to its end; nothing is wrong with that."""
    said = audio(1.5)

    async def talk(visit: Visit) -> None:
        await visit.read_to("start")
        await visit.say(said)

    async with bot(talk) as there, on(line, plan(there.url)) as task:
        await ended(task)
        assert encode(np.frombuffer(bytes(line.heard), np.int16)) == said
    assert line.notes == {}


async def test_a_bot_that_breaks_off_is_noted(line):
    """The call ends as if it had closed; what it said why is kept."""

    async def talk(visit: Visit) -> None:
        await visit.read_to("start")
        await visit.say(audio(0.2))
        await visit.socket.close(1011, "no model")

    async with bot(talk) as there, on(line, plan(there.url)) as task:
        await ended(task)
    assert len(line.heard) == 0.2 * 16_000
    assert "no model" in line.notes["agent_error"]


async def test_rubbish_is_counted_and_stops_nothing(line):
    """Text and bytes, of any kind; the bot is told nothing, and is heard after it."""

    async def talk(visit: Visit) -> None:
        await visit.read_to("start")
        for message in ("hello", b"\xff\x00", "{}", '{"event":"media","media":{"payload":"???"}}', "[" * 5000):
            await visit.socket.send(message)
        await visit.say(audio(0.1))
        await visit.mark("still here")
        await visit.read()

    async with bot(talk) as there, on(line, plan(there.url)):
        await eventually(lambda: there.visits and there.visits[0].of("mark"), ENOUGH_SEC)
    assert line.notes == {"agent_messages_ignored": 5}


async def test_a_message_beyond_all_bounds_ends_the_call(line):
    """It is not taken into memory."""

    async def talk(visit: Visit) -> None:
        await visit.read_to("start")
        await visit.socket.send("x" * (websocket.LONGEST_MESSAGE + 1))
        await visit.read()

    async with bot(talk) as there, on(line, plan(there.url)) as task:
        await ended(task)
    assert "1009" in line.notes["agent_error"]


async def test_a_bot_is_asked_with_its_headers(line):
    """And with ours."""
    async with bot(Visit.read) as there, on(line, plan(there.url, headers={"Authorization": "Bearer secret"})):
        await eventually(lambda: there.visits, ENOUGH_SEC)
    assert there.headers[0]["authorization"] == "Bearer secret"
    assert there.headers[0]["user-agent"] == "Ringback"


async def test_a_call_that_ends_while_its_agent_waits_is_told(line):
    """The worker cancels the agent when the far end hangs up: the bot has its `stop` all the same."""
    async with bot(Visit.read) as there, playing(line):
        task = asyncio.create_task(run(line, plan(there.url)))
        await eventually(lambda: there.visits and there.visits[0].of("start"), ENOUGH_SEC)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, ENOUGH_SEC)
        await eventually(lambda: there.visits[0].closed, ENOUGH_SEC)
    assert there.visits[0].got[-1]["event"] == "stop"
    assert there.visits[0].closed == 1000


async def test_no_audio_is_lost_on_the_way_from_a_bot_that_is_far_ahead(line):
    """It is not read for a while, so that it does not fill our memory; and that is not taken for silence of its own."""
    said = [audio(75), *(audio(1, seed) for seed in range(60))]
    heard_at_pong = []

    async def talk(visit: Visit) -> None:
        await visit.read_to("start")
        for part in said:
            await visit.say(part)
        pong = asyncio.ensure_future(await visit.socket.ping())
        pong.add_done_callback(lambda _: heard_at_pong.append(len(line.heard)))
        await visit.mark("end")
        await visit.read()

    async with bot(talk) as there, on(line, plan(there.url), speed=20.0, patience=SHORT):
        await eventually(lambda: there.visits and there.visits[0].of("mark"), ENOUGH_SEC)
    assert encode(np.frombuffer(bytes(line.heard), np.int16)) == b"".join(said)
    assert heard_at_pong[0] > 20 * 16_000
    assert line.notes == {}


async def test_a_frozen_bot_is_given_up(line):
    """It takes nothing and answers no ping; the person is not left alone with it."""
    thawed = asyncio.Event()

    async def freeze(visit: Visit) -> None:
        visit.socket.transport.pause_reading()
        await thawed.wait()
        visit.socket.transport.abort()

    async with bot(freeze) as there:
        async with on(line, plan(there.url), patience=SHORT) as task:
            await ended(task)
        thawed.set()
    assert line.notes == {"agent_error": "the bot has been frozen for 0.5 s"}


async def babble(visit: Visit) -> None:
    """Talk, and never listen; so pings are not answered either."""
    await visit.read_to("start")
    with suppress(ConnectionClosed):
        while True:
            await visit.say(audio(0.02))
            await asyncio.sleep(0.02)


async def test_a_bot_that_only_talks_is_heard(line):
    """For as long as it likes."""
    async with bot(babble) as there, on(line, plan(there.url), patience=SHORT) as task:
        await eventually(lambda: len(line.heard) > 2 * 16_000, ENOUGH_SEC)
        assert not task.done()
    assert line.notes == {}


async def test_a_bot_that_takes_nothing_more_is_given_up(line):
    """Once the network between holds no more of it, even if it talks."""
    async with bot(babble) as there, on(line, plan(there.url), patience=SHORT) as task:
        await eventually(lambda: line.heard, ENOUGH_SEC)
        line.say(bytes(600 * 16_000))
        await ended(task)
    assert line.notes == {"agent_error": "the bot has been frozen for 0.5 s"}


async def test_a_silent_bot_is_not_a_frozen_one(line):
    """It listens, and answers pings."""
    async with bot(Visit.read) as there, on(line, plan(there.url), patience=SHORT) as task:
        await eventually(lambda: there.visits and len(there.visits[0].of("media")) > 60, ENOUGH_SEC)
        assert not task.done()
    assert line.notes == {}


async def test_a_line_of_another_rate_is_heard_as_it_is(line):
    """At 16 kHz: lengths and loudness stay."""
    line = MemoryLine(line.ids, 16_000)
    said = encode(np.rint(8000 * np.sin(np.arange(4000) / 8)).astype(np.int16))

    async def talk(visit: Visit) -> None:
        await visit.read_to("start")
        line.say(np.rint(8000 * np.sin(np.arange(16_000) / 16)).astype(np.int16).tobytes())
        await visit.read(lambda: len(visit.audio.strip(SILENCE)) > 7000)
        await visit.say(said)
        await visit.mark("end")
        await visit.read_to("mark")

    async with bot(talk) as there, on(line, plan(there.url)) as task:
        await ended(task)
    assert len(line.heard) == 2 * 2 * len(said)
    for pcm in (np.frombuffer(bytes(line.heard), np.int16), decode(there.visits[0].audio.strip(SILENCE)[:7000])):
        assert np.sqrt(np.mean(np.square(pcm[1000:], dtype=float))) == pytest.approx(8000 / np.sqrt(2), rel=0.02)


async def test_a_bot_that_is_not_there_is_noted(line):
    """A port that nobody listens on."""
    async with bot(Visit.read) as there:
        pass
    await asyncio.wait_for(run(line, plan(there.url)), ENOUGH_SEC)
    assert line.notes["agent_error"].startswith("the bot could not be reached: ")
    assert "calls" not in line.notes["agent_error"]


async def test_a_bot_that_takes_no_connection_is_noted(line):
    """It takes the TCP connection and says nothing."""

    async def keep_quiet(reader, writer) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(keep_quiet, "127.0.0.1", 0)
    async with server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.wait_for(run(line, plan(url), Patience(open_sec=0.3)), ENOUGH_SEC)
    assert line.notes == {"agent_error": "the bot did not take the connection within 0.3 s"}


async def test_a_bot_that_refuses_is_noted(line):
    """With its status."""

    def refuse(socket, _request) -> Response:
        return socket.respond(403, "who are you?")

    async with bot(Visit.read, process_request=refuse) as there:
        await asyncio.wait_for(run(line, plan(there.url)), ENOUGH_SEC)
    assert line.notes == {"agent_error": "the bot answered with HTTP 403"}


async def test_a_redirect_is_not_followed(line):
    """Whoever it leads to would get the headers and the call."""
    async with bot(Visit.read) as other:

        def redirect(socket, _request) -> Response:
            response = socket.respond(307, "")
            response.headers["Location"] = other.url
            return response

        async with bot(Visit.read, process_request=redirect) as there:
            await asyncio.wait_for(run(line, plan(there.url, headers={"X-Secret": "s"})), ENOUGH_SEC)
    assert line.notes == {"agent_error": "the bot answered with HTTP 307"}
    assert other.visits == []


async def test_what_is_no_websocket_is_noted(line):
    """Something else listens there."""

    async def greet(_, writer) -> None:
        writer.write(b"220 mail.example.com\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.wait_for(run(line, plan(url)), ENOUGH_SEC)
    assert line.notes["agent_error"].startswith("the bot speaks no WebSocket: ")


async def test_settings_that_were_once_allowed_are_looked_at_again(line, monkeypatch):
    """A `ws://` to another machine is not opened unless the operator allows it now."""
    monkeypatch.delenv("RINGBACK_PLAIN_WEBSOCKETS", raising=False)
    await asyncio.wait_for(run(line, plan("ws://192.0.2.1/")), ENOUGH_SEC)
    assert "settings.url must begin with 'wss://'" in line.notes["agent_error"]


async def test_a_line_of_an_odd_rate_is_noted(line):
    """Nobody is connected to what they could not hear."""
    async with bot(Visit.read) as there:
        await asyncio.wait_for(run(MemoryLine(line.ids, 11_025), plan(there.url)), ENOUGH_SEC)
        assert there.visits == []


def certificate(folder):
    """A certificate for localhost that nobody has signed but itself; returns its file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "bot.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_bot_must_be_who_it_says(line, tmp_path, monkeypatch, trusted):
    """Its certificate is checked against what this machine trusts, and what the operator adds."""
    file = certificate(tmp_path)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    websocket._trust.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    async def talk(visit: Visit) -> None:
        await visit.read_to("start")

    async with bot(talk, ssl=context) as there:
        await asyncio.wait_for(run(line, plan(there.url)), ENOUGH_SEC)
    websocket._trust.cache_clear()
    if trusted:
        assert line.notes == {}
        assert len(there.visits) == 1
    else:
        assert line.notes["agent_error"].startswith("the bot's certificate is not trusted: ")
        assert there.visits == []

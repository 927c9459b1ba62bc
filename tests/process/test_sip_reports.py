"""What comes back after a real call: a bot's report by the token that it was told, and the recording."""

import asyncio
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from tests.process.campaigns import is_complete, make_campaign_over
from tests.process.serving import Home, Server, eventually, serving
from tests.process.test_sip_campaign import make_sip_trunk
from tests.sip.bots import Bot, Visit, bot
from tests.sip.numbers import Manner, number
from tests.sip.recordings import pitch, tone
from tests.sip.scenario import Pace
from tests.sip.sipp import sipp

from ringback.carriers.sip.agents.mulaw import encode

SAID = encode((tone(0.6, hertz=900.0) * 20_000).astype(np.int16))
LINES = [{"at_sec": 0.1, "speaker": "agent", "text": "Beep."}]


async def report(visit: Visit, server: Server) -> None:
    """Say something, wait until it was heard and its echo has come, and tell of it by the call's token."""
    await visit.read_to("start")
    asked = visit.of("start")[0]["start"]["customParameters"]
    await visit.say(SAID)
    await visit.mark("said")
    await visit.read_to("mark")
    await visit.read_to("media", len(visit.of("media")) + 25)
    headers = {"Authorization": f"Bearer {asked['token']}"}
    async with httpx.AsyncClient(base_url=f"{server.url}/v1/call-logs/{asked['call_id']}", headers=headers) as client:
        (await client.post("/transcript", json={"transcript": LINES})).raise_for_status()
        assert (await client.post("/transcript", json={"transcript": "again"})).status_code == 409
        (await client.post("/analysis", json={"analysis": {"success": True}})).raise_for_status()


@contextmanager
def reporting_bot(server: Server) -> Iterator[str]:
    """A bot that does so with each call, until the block ends; its address."""
    ready, found = threading.Event(), list[tuple[Bot, asyncio.AbstractEventLoop, asyncio.Event]]()

    async def be_there() -> None:
        over = asyncio.Event()
        async with bot(lambda visit: report(visit, server)) as there:
            found.append((there, asyncio.get_running_loop(), over))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(be_there()))
    thread.start()
    assert ready.wait(30)
    [(there, loop, over)] = found
    try:
        yield there.url
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(30)


def test_bot_reports_and_the_call_can_be_heard(home: Home, tmp_path: Path):
    """Transcript and analysis are in the call's details; in the recording the agent is on the right, the echo left."""
    with sipp(tmp_path / "sipp", pace=Pace(ring=50)) as far_end, serving(home.data, key=home.live_key) as server:
        with reporting_bot(server) as url:
            settings = {"url": url, "record": "opus"}
            agent = server.post("/v1/agents", {"name": "bot", "kind": "websocket", "settings": settings})["id"]
            trunk = make_sip_trunk(server, far_end)
            numbers = [number(Manner.STAYS)]
            campaign = make_campaign_over(server, trunk, numbers, {"max_attempts": 1}, agent_id=agent)
            eventually(lambda: is_complete(server, campaign), 60)
        [call] = server.get("/v1/call-logs")["data"]
        details = server.get(f"/v1/call-logs/{call['id']}/details")
        with server.http() as client:
            sound = client.get(call["recording_url"]).raise_for_status()
            part = client.get(call["recording_url"], headers={"Range": "bytes=0-3"})
    [attempt] = details["attempts"]
    assert (attempt["transcript"], attempt["analysis"]) == (LINES, {"success": True})
    assert "agent_error" not in attempt["details"]
    assert attempt["details"]["recording"]["format"] == "opus"
    assert (part.status_code, part.content) == (206, b"OggS")
    both, rate = soundfile.read(io.BytesIO(sound.content))
    assert len(both) / rate == pytest.approx(attempt["details"]["recording"]["sec"], abs=0.1)
    (echo, echo_ended), (ours, ours_ended) = map(loud, both.T)
    assert ours < echo
    assert (ours_ended - ours) / rate >= 0.5
    assert pitch(both[ours:ours_ended, 1], rate) == pytest.approx(900, abs=5)
    assert pitch(both[echo:echo_ended, 0], rate) == pytest.approx(900, abs=5)


def loud(side: np.ndarray) -> tuple[int, int]:
    """From where to where something is to be heard."""
    found = np.flatnonzero(np.abs(side) > 0.1)
    return int(found[0]), int(found[-1]) + 1

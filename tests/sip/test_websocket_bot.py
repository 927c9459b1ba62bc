import asyncio
import json
import re
from pathlib import Path
from typing import get_args
from uuid import UUID

import numpy as np
import pytest
from tests.chaos.patience import eventually
from tests.sip.latency import BOT, example_bot
from tests.sip.memory_line import MemoryLine, ids_of, playing

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.agents.media_stream import MediaStream, Said
from ringback.carriers.sip.agents.websocket import ERROR, IGNORED, run

PAGE = (Path(__file__).parents[2] / "docs" / "agents.md").read_text(encoding="utf-8")
ENOUGH_SEC = 30.0


@pytest.mark.parametrize("rate", [8000, 16_000])
async def test_the_example_bot_says_back_what_it_hears(rate):
    """Until somebody presses #."""
    line = MemoryLine(ids_of(UUID(int=1), UUID(int=2)), rate)
    tone = np.rint(9000 * np.sin(2 * np.pi * 440 / rate * np.arange(rate // 50))).astype(np.int16).tobytes()
    async with example_bot() as url, playing(line):
        task = asyncio.create_task(run(line, Agent("websocket", {"url": url})))

        def echoes() -> bool:
            line.say(tone)
            return np.frombuffer(bytes(line.heard), np.int16).astype(float).max(initial=0) > 8000

        await eventually(echoes, ENOUGH_SEC)
        line.digits.put_nowait("#")
        await asyncio.wait_for(task, ENOUGH_SEC)
    assert line.notes == {}


def test_the_page_shows_the_example_as_it_is():
    """All of it."""
    assert f"```python\n{BOT.read_text(encoding='utf-8')}```" in PAGE


def test_the_page_has_each_message():
    """Of both sides, and no other."""
    rows = set(re.findall(r"^\| `(\w+)` \| (Ringback|the bot) \|", PAGE, re.MULTILINE))
    stream = MediaStream("att_1")
    sent = [
        *(stream.connected(), stream.start({}), stream.media(b""), stream.dtmf("1"), stream.mark("m"), stream.stop()),
    ]
    ours = {(json.loads(message)["event"], "Ringback") for message in sent}
    theirs = {(said.__struct_config__.tag, "the bot") for said in get_args(Said)}
    assert rows == ours | theirs


def test_the_page_has_each_note():
    """With its meaning."""
    assert set(re.findall(r"^\| `(agent_\w+)` \|", PAGE, re.MULTILINE)) == {ERROR, IGNORED}

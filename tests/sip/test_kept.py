"""What a worker keeps of the calls that it had: nothing that only a search for circles would find."""

import asyncio
import json
import socket
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from uuid import UUID

from tests.carriers.over_sip import trunk
from tests.sip.numbers import Manner, number, refusal
from tests.sip.sipp import HOST, Sipp, sipp

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.protocol import FROM_WORKER, LONGEST_LINE, Closed, Place, Ready, StartUp, as_unix, write
from ringback.clock import SystemClock

SOON_SEC = 60
KEPT_SEC = 30.0


def dials(far_end: Sipp) -> list[tuple[str, Agent | None]]:
    """One of each kind: refused, given up, answered, given to each kind of agent, and recorded."""
    bridge = Agent("sip", {"uri": f"sip:{number(Manner.ANSWERS, 9)}@{HOST}:{far_end.port}"})
    return [
        (number(refusal(404)), None),
        (number(refusal(486)), Agent("tone", {})),
        (number(Manner.RINGS), None),
        (number(Manner.ANSWERS), None),
        (number(Manner.STAYS), Agent("tone", {})),
        (number(Manner.STAYS, 1), Agent("none such", {})),
        (number(Manner.STAYS, 2), Agent("message", {"text": "hello"})),
        (number(Manner.STAYS, 3), bridge),
        (number(Manner.STAYS, 4), Agent("tone", {"record": "wav"}, recording="kept.wav")),
    ]


async def have(folder: Path, far_end: Sipp) -> dict[str, int]:
    """Let a worker have them all, and then end it; returns what it kept."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "tests.sip.circles", "--fd", str(theirs.fileno())]
    worker = await asyncio.create_subprocess_exec(*command, pass_fds=[theirs.fileno()], stdout=PIPE)
    theirs.close()
    reader, writer = await asyncio.open_unix_connection(sock=ours, limit=LONGEST_LINE)
    settings = trunk(far_end, ring_timeout_sec=1, max_call_sec=5)
    write(writer, StartUp(settings.as_json(), str(folder), 20))
    wanted = dials(far_end)
    ended = 0
    async with asyncio.timeout(KEPT_SEC):
        while ended < len(wanted):
            match FROM_WORKER.decode(await reader.readline()):
                case Ready():
                    by = as_unix(SystemClock().now()) + SOON_SEC
                    for serial, (to_number, agent) in enumerate(wanted):
                        write(writer, Place(UUID(int=serial), UUID(int=serial), to_number, by, agent=agent))
                case Closed():
                    ended += 1
        writer.close()
        told, _ = await worker.communicate()
    kept: dict[str, int] = json.loads(told)
    return kept


async def test_calls_that_are_over_leave_nothing_for_a_search_to_find(tmp_path: Path):
    """A worker searches seldom: dials, their calls and agents, and whom those called are gone when they are told of."""
    with sipp(tmp_path / "sipp") as far_end:
        kept = await have(tmp_path, far_end)
    assert kept.pop("StackRefused") == 1, "the one that is there on purpose is not counted"
    assert not kept

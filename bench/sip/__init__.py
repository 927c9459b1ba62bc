"""The SIP trunk's figures: what a real far end says of our outcomes, our pace, our media, and what a worker keeps."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.figures import Context, Figure
from bench.sip import classification, leak, media, rate, websocket

EXPLAINED = """## SIP

Real calls over loopback: SIPp is the far end, with the scenario of the tests (`tests/sip/scenario.py`), on the same
cores as everything else. Classification: dials to people of all kinds in a random order (every final code from 300 to
699, with and without ringing, media, Q.850 causes and Retry-After; answers, hang-ups of either side, redirections,
challenges, forks, glare, silence, lost ACKs and BYEs), and the outcome of each beside what SIPp's own log of messages
says of it; then the same with a far end that loses every fifth message either way, of which those are judged that SIPp
saw the end of. Dial rate: a real node with its database; leads fall due in even spacing, or all at once, and ring until
the ring timeout; from the commit of the intent (`intent_at`) to the INVITE in SIPp's log. Media: one worker, on one
core, plays a recording to many people at once; the time of each frame is that at which the kernel had it, and a frame
is late by what it took longer than the frame that took least. Websocket: people talk and hear a bot say it back, a
process of its own; the time is from the frame that went to us to the frame that brings it back, both ways together, the
bot and the network of the machine included. Leak: one worker has call after call."""


async def measure(context: Context) -> list[Figure]:
    """All of it."""
    found = []
    with tempfile.TemporaryDirectory(prefix="ringback-bench-sip-") as folder:
        for number, part in enumerate(PARTS):
            place = Path(folder, str(number))
            await asyncio.to_thread(place.mkdir)
            found += await part(context, place)
    return found


PARTS: tuple[Callable[[Context, Path], Awaitable[list[Figure]]], ...] = (
    classification.measure,
    rate.measure,
    media.measure,
    websocket.measure,
    leak.measure,
)

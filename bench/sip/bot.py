"""A bot that says a numbered frame every 20 ms, and notes when those of the person come: `python -m bench.sip.bot`.

It prints its URL, and after each call a JSON line with what it said and heard, and when.
"""

import asyncio
import base64
import json
import time

from tests.sip.media import FRAME_MS
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.sip.marks import Finder, marked


async def answer(call: ServerConnection) -> None:
    """One call."""
    heard, said_ns, name = Finder(), list[int](), ""
    talking: asyncio.Task[None] | None = None
    async for message in call:
        told = json.loads(message)
        if told["event"] == "start":
            name = told["start"]["customParameters"]["to_number"]
            talking = asyncio.create_task(talk(call, told["streamSid"], said_ns))
        elif told["event"] == "media":
            heard.take(base64.b64decode(told["media"]["payload"]), time.time_ns())
    if talking is not None:
        talking.cancel()
    print(json.dumps({"to_number": name, "heard_ns": heard.found_ns, "said_ns": said_ns}), flush=True)


async def talk(call: ServerConnection, stream_sid: str, said_ns: list[int]) -> None:
    """In its own time, until the call is over."""
    start = time.monotonic()
    try:
        while True:
            await asyncio.sleep(max(start + len(said_ns) * FRAME_MS / 1000 - time.monotonic(), 0))
            media = {"payload": base64.b64encode(marked(len(said_ns))).decode()}
            said_ns.append(time.time_ns())
            await call.send(json.dumps({"event": "media", "streamSid": stream_sid, "media": media}))
    except ConnectionClosed:
        return


async def main() -> None:
    """Take calls."""
    async with serve(answer, "127.0.0.1", 0, compression=None) as server:
        print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

"""A bot that says a numbered frame every 20 ms, and notes when those of the person come: `python -m bench.sip.bot`.

It prints its URL, and after each call a JSON line with what it said and heard, and when. It shares the machine with
what is measured, so it does little for each frame.
"""

import asyncio
import json
import time
from binascii import a2b_base64, b2a_base64

import msgspec
from tests.sip.media import FRAME_MS
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.sip.marks import Finder, marked


async def answer(call: ServerConnection) -> None:
    """One call."""
    heard, said_ns, name = Finder(), list[int](), ""
    talking: asyncio.Task[None] | None = None
    async for message in call:
        told = msgspec.json.decode(message)
        if told["event"] == "start":
            name = told["start"]["customParameters"]["to_number"]
            talking = asyncio.create_task(talk(call, told["streamSid"], said_ns))
        elif told["event"] == "media":
            heard.take(a2b_base64(told["media"]["payload"]), time.time_ns())
    if talking is not None:
        talking.cancel()
    print(json.dumps({"to_number": name, "heard_ns": heard.found_ns, "said_ns": said_ns}), flush=True)


async def talk(call: ServerConnection, stream_sid: str, said_ns: list[int]) -> None:
    """In its own time, until the call is over."""
    start = time.monotonic()
    head = json.dumps({"event": "media", "streamSid": stream_sid, "media": {"payload": ""}}).encode()[: -len('"}}')]
    try:
        while True:
            await asyncio.sleep(max(start + len(said_ns) * FRAME_MS / 1000 - time.monotonic(), 0))
            payload = b2a_base64(marked(len(said_ns)), newline=False)
            said_ns.append(time.time_ns())
            await call.send(head + payload + b'"}}', text=True)
    except ConnectionClosed:
        return


async def main() -> None:
    """Take calls."""
    async with serve(answer, "127.0.0.1", 0, compression=None) as server:
        print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

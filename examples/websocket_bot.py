"""A bot for an agent of the kind `websocket`: it says back what it hears, and hangs up at the key #."""

import asyncio
import json
import sys

from websockets.asyncio.server import ServerConnection, serve


async def answer(call: ServerConnection) -> None:
    """One call, from `connected` to `stop`."""
    async for message in call:
        said = json.loads(message)
        if said["event"] == "start":
            print("in a call with", said["start"]["customParameters"]["to_number"], flush=True)
        elif said["event"] == "media":
            audio = {"payload": said["media"]["payload"]}
            await call.send(json.dumps({"event": "media", "streamSid": said["streamSid"], "media": audio}))
        elif said["event"] == "dtmf" and said["dtmf"]["digit"] == "#":
            return  # which closes the connection, and so ends the call


async def main(port: int) -> None:
    """Take calls."""
    async with serve(answer, "127.0.0.1", port) as server:
        print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
        await server.serve_forever()


asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8765))

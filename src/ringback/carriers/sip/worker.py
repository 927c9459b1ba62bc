"""A worker: the process that holds a trunk's SIP stack and its calls' media. Run by the pool, never by hand.

It lives with its socket. When the node's end is gone, for whatever reason, it hangs up what is up and ends.
"""

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from secrets import token_hex
from uuid import UUID

import msgspec

from ringback.carriers.sip.crossing import Crossing
from ringback.carriers.sip.health import way_to
from ringback.carriers.sip.leg import Leg
from ringback.carriers.sip.parting import Parting
from ringback.carriers.sip.protocol import (
    LONGEST_LINE,
    TO_WORKER,
    Broken,
    FromWorker,
    HangUp,
    Outbox,
    Ping,
    Place,
    Pong,
    Ready,
    StartUp,
    Wire,
    as_unix,
)
from ringback.carriers.sip.request import ack, address_of, ask, bye, next_hop, tell
from ringback.carriers.sip.settings import parse_settings
from ringback.carriers.sip.stack import Stack, StackRefused
from ringback.carriers.sip.tidy import collect_seldom, keep_tidy
from ringback.carriers.sip.wire import Noted, Seen, Wires, is_fork, mask
from ringback.clock import SystemClock

SWITCH_SEC = 0.001
"""The stack's thread waits so long at most for the interpreter when it has news."""

FAREWELL_SEC = 1.5
"""For so long the far ends may take to confirm that they were hung up on."""


class Worker:
    """The calls of this process.

    Args:
        start: the trunk's settings and how many calls there may be.
        outbox: to the node.
    """

    def __init__(self, start: StartUp, outbox: Outbox) -> None:
        self._start = start
        self._settings = parse_settings(start.settings)
        self._outbox = outbox
        self._clock = SystemClock()
        self._wires = Wires()
        self._loop = asyncio.get_running_loop()
        self._crossing = Crossing(self._loop)
        self._stack = Stack(self._settings, self._crossing, self._on_message, partial(os._exit, 3))
        self._parting = Parting(self._wires, way_to(self._settings), lambda: as_unix(self._clock.now()))
        self._legs: dict[UUID, list[Leg]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Do as the node says until its end of the socket is gone."""
        try:
            await self._stack.start()
        except StackRefused as refused:
            self._tell(Broken(str(refused)))
            return
        self._tell(Ready(os.getpid()))
        self._spawn(keep_tidy(lambda: not self._legs))
        self._spawn(self._parting.keep())
        with suppress(ConnectionError):  # the node was killed
            while line := await reader.readline():
                self._obey(TO_WORKER.decode(line))
        await self._farewell()

    def _obey(self, message: StartUp | Place | HangUp | Ping) -> None:
        match message:
            case Place():
                leg = self._leg(message)
                self._legs.setdefault(message.attempt_id, []).append(leg)
                self._spawn(leg.dial())
            case HangUp(attempt_id=attempt_id, ours=ours):
                for leg in self._legs.get(attempt_id, ()):
                    self._spawn(leg.end(ours))
            case Ping():
                self._spawn(self._answer())
            case StartUp():
                pass  # it was the first line

    def _leg(self, place: Place) -> Leg:
        folder = Path(self._start.folder)
        return Leg(place, self._settings, self._stack, self._wires, folder, self._clock, self._tell, self._forget)

    async def _answer(self) -> None:
        await self._stack.ping()
        self._tell(Pong(sum(map(len, self._legs.values()))))

    async def _farewell(self) -> None:
        """Hang up on everybody."""
        for leg in [leg for legs in self._legs.values() for leg in legs]:
            self._spawn(leg.end("leaving"))
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SEC):
                while self._legs:
                    self._empty.clear()
                    await self._empty.wait()
        await self._stack.close()

    def _forget(self, leg: Leg) -> None:
        legs = self._legs.get(leg.attempt_id, [])
        if leg in legs:
            legs.remove(leg)
        if not legs:
            self._legs.pop(leg.attempt_id, None)
        self._empty.set()

    def _on_message(self, sent: bool, text: str) -> None:
        """Runs on the stack's log thread."""
        if self._start.trace:
            traced = Wire(None, as_unix(self._clock.now()), sent, mask(text))
            self._crossing.call(self._tell, traced)
        seen = self._wires.note(sent, text)
        if seen is not None:
            self._crossing.call(self._see, seen)

    def _see(self, seen: Seen) -> None:
        noted = self._wires.noted.get(seen.sip_call_id)
        if seen.late:
            self._parting.hurry()
        elif seen.again and noted is not None:
            self._spawn(self._confirm(noted, seen.text))
        else:
            self._wires.pass_on(seen)

    async def _confirm(self, noted: Noted, again: str) -> None:
        """Do what the stack does not at a 2xx after the first: ACK it, and hang up on a second phone."""
        peer = address_of(next_hop(noted.invite), way_to(self._settings))
        confirmation = ack(noted.invite, again, token_hex(8))
        with suppress(OSError):
            await tell(confirmation, address_of(confirmation.target or "", peer), FAREWELL_SEC)
            if is_fork(noted.accepted, again):
                goodbye = bye(noted.invite, again, token_hex(8))
                await ask(goodbye, address_of(goodbye.target or "", peer), FAREWELL_SEC)

    def _tell(self, message: FromWorker) -> None:
        self._outbox.put(message)

    def _spawn(self, step: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(step)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def serve(fd: int) -> None:
    """Work for the node at the other end of a socket."""
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=fd), limit=LONGEST_LINE)
    outbox = Outbox(writer)
    first = await reader.readline()
    if first:
        start = msgspec.json.decode(first, type=StartUp)
        await Worker(start, outbox).run(reader)
    outbox.close()


def keep_errors_ours() -> None:
    """Let the standard error have our own lines alone: the stack's hold numbers, and whatever strangers send."""
    sys.stderr = os.fdopen(os.dup(sys.stderr.fileno()), "w", buffering=1)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)


def main() -> None:
    """The process."""
    keep_errors_ours()
    collect_seldom()
    sys.setswitchinterval(SWITCH_SEC)
    parser = argparse.ArgumentParser(description="A worker of a SIP trunk; started by a node.")
    parser.add_argument("--fd", type=int, required=True, help="the socket to the node")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the node's: it ends us by closing the socket
    asyncio.run(serve(parser.parse_args().fd))
    sys.exit(0)


if __name__ == "__main__":
    main()

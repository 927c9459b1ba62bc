"""A trunk's worker processes: started when they are needed, watched, and given dials no faster than they can take them.

A stack that has more than it can do loses messages, and a lost message is a wrong outcome. So what no worker has room
for is not asked of any: it waits in the queue.
"""

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from whenever import Instant, TimeDelta

from ringback.carriers.sip.protocol import (
    FROM_WORKER,
    LONGEST_LINE,
    Broken,
    Closed,
    FromWorker,
    HangUp,
    NotSent,
    Outbox,
    Ping,
    Place,
    Pong,
    Ready,
    Sent,
    StartUp,
    ToWorker,
    as_instant,
    as_unix,
)
from ringback.clock import Clock, seconds
from ringback.errors import CarrierError, NotAsked

BURST = TimeDelta(milliseconds=160)
"""What a worker could have dialled in so long, and has not, it may be given at once: whoever claims dials does so a few
times a second. More at once would fill the sockets' buffers."""

PING_SEC = 2.0
DEAF_SEC = 10.0
"""A worker that has not answered for so long is ended: its calls are out of control."""

NOTHING = TimeDelta()

FIRST_PAUSE_SEC, LONGEST_PAUSE_SEC = 1.0, 30.0
"""After a worker that could not start, or died at once, the next one is started later and later; and dials that the
stack refuses to send are asked for later and later."""

START_SEC = 10.0
"""A dial waits for a worker that starts for so long at most."""

END_SEC = 4.0
"""A worker has so long to hang up on everybody when it is told to end."""


MEMORY = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1"}
"""Of a worker: one heap, in large pages. The stack keeps its timers in one list, those of calls that are over for 32 s
too (RFC 3261, section 17.1.1.2), and walks over thousands of them for each dial: in small pages each is a miss."""


def weight_of(place: Place) -> int:
    """How many calls a dial may come to: an answered one is not to find that there is no room for its other end."""
    return 2 if place.agent is not None and place.agent.kind == "sip" else 1


class Lost(CarrierError):
    """The worker died with this dial in its hands."""


class Worker:
    """The node's end of one worker process.

    Args:
        process: it.
        outbox: to it.
        clock: the node's.
        gap: the time between two of its dials, on average.
    """

    def __init__(self, process: asyncio.subprocess.Process, outbox: Outbox, gap: TimeDelta) -> None:
        self.process = process
        self.outbox = outbox
        self.gap = gap
        self.ready = False
        self.calls: dict[UUID, int] = {}
        self.asked: dict[UUID, asyncio.Future[Instant]] = {}
        self.next_at = Instant.MIN
        self.heard_at = Instant.MIN

    def paced(self, now: Instant) -> int:
        """How many more dials its pace takes now."""
        ahead = max(self.next_at - now, NOTHING)
        return (BURST - ahead) // self.gap + 1 if ahead <= BURST else 0

    def turn(self, now: Instant) -> Instant:
        """When it is to be given the next dial, which its pace counts from now on."""
        even = max(self.next_at, now)
        self.next_at = even + self.gap
        return max(even - BURST, now)

    @property
    def load(self) -> int:
        """How many calls it has, with those that agents make."""
        return sum(self.calls.values())

    def send(self, message: ToWorker) -> None:
        """Tell it something; it may be dead already, which its end will tell."""
        self.outbox.put(message)


class Pool:
    """The workers of one trunk.

    Args:
        settings: of the trunk, as its JSON object, password included.
        folder: where workers may keep files.
        clock: when it is.
        most_workers: processes at most.
        max_calls: calls in one worker at most.
        dials_per_sec: the pace of one worker.
        hear: told of each event of a dial, in order.
        lost: told of each dial whose worker died.
        trace: whether each SIP message is to be heard too.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        folder: Path,
        clock: Clock,
        *,
        most_workers: int,
        max_calls: int,
        dials_per_sec: float,
        hear: Callable[[FromWorker], None],
        lost: Callable[[UUID], None],
        trace: bool = False,
    ) -> None:
        self._start = StartUp(settings, str(folder), max_calls, trace)
        self._clock = clock
        self._most_workers = most_workers
        self._max_calls = max_calls
        self._gap = seconds(1 / dials_per_sec)
        self._hear = hear
        self._lost = lost
        self._workers: list[Worker] = []
        self._dying: set[Worker] = set()
        self._starting: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._start_at = Instant.MIN
        self._news = asyncio.Event()
        self._pause_sec = FIRST_PAUSE_SEC
        self._refused_until, self._refusal_sec = Instant.MIN, FIRST_PAUSE_SEC
        self._weight = 1
        self._closed = False
        self.broken: str | None = None

    def room(self) -> int:
        """How many more dials the workers take now. Starts another one where they come to be too few."""
        now = self._clock.now()
        if now < self._refused_until:
            return 0
        ready = [worker for worker in self._workers if worker.ready]
        free = sum(min(self._slots(worker), worker.paced(now)) for worker in ready)
        slots = sum(self._max_calls - worker.load for worker in ready)
        if 2 * free < len(ready) * (BURST // self._gap + 1) or slots < self._max_calls // 4 or not ready:
            self._grow(now)
        return free

    async def place(self, message: Place) -> Instant:
        """Have a worker dial; returns when the INVITE went out.

        Raises:
            NotAsked: none did, and none will.
            Lost: the worker died, and may have dialled.
        """
        worker = await self._emptiest(message.by)
        now = self._clock.now()
        turn = worker.turn(now)
        self._weight = weight_of(message)
        worker.calls[message.attempt_id] = self._weight
        if turn > now:
            await asyncio.sleep((turn - now).total("seconds"))
        if worker not in self._workers:
            raise NotAsked("the worker ended before the dial")
        sent: asyncio.Future[Instant] = asyncio.get_running_loop().create_future()
        worker.asked[message.attempt_id] = sent
        worker.send(message)
        return await sent

    def hang_up(self, attempt_id: UUID, ours: str) -> None:
        """Have a dial ended, where it is up; `ours` is why."""
        for worker in self._workers:
            if attempt_id in worker.calls:
                worker.send(HangUp(attempt_id, ours))

    async def close(self) -> None:
        """End the workers: they hang up on everybody first. Nothing is heard of it."""
        self._closed = True
        if self._starting is not None:
            self._starting.cancel()
            with suppress(asyncio.CancelledError):
                await self._starting
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.outbox.close()
        await asyncio.gather(*(_ended(worker) for worker in (*workers, *self._dying)))
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        return [worker.process.pid for worker in self._workers]

    async def _emptiest(self, by: float) -> Worker:
        """The worker whose turn comes first; one that starts is waited for.

        Raises:
            NotAsked: none has room.
        """
        while True:
            now = self._clock.now()
            able = [worker for worker in self._workers if worker.ready and self._slots(worker) > 0]
            if able:
                return min(able, key=lambda worker: (max(worker.next_at, now), worker.load))
            self._grow(now)
            if self.broken and now < self._start_at:
                raise NotAsked(self.broken)
            left_sec = by - as_unix(now)
            if self._closed or self._starting is None or left_sec <= 0:
                raise NotAsked("no worker has room for this dial")
            self._news.clear()
            try:
                async with asyncio.timeout(min(left_sec, START_SEC)):
                    await self._news.wait()
            except TimeoutError:
                raise NotAsked(self.broken or "no worker could be started in time") from None

    def _slots(self, worker: Worker) -> int:
        """How many dials more it takes, if they are such as the last one was; one call too many is no harm."""
        return -((worker.load - self._max_calls) // self._weight)

    def _grow(self, now: Instant) -> None:
        """Start another worker, one at a time: until it is ready, nobody knows whether it will do."""
        idle = (self._starting is None or self._starting.done()) and all(worker.ready for worker in self._workers)
        if idle and not self._closed and now >= self._start_at and len(self._workers) < self._most_workers:
            self._starting = asyncio.get_running_loop().create_task(self._start_one())

    async def _start_one(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "ringback.carriers.sip.worker",
                f"--fd={theirs.fileno()}",
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                env={**MEMORY, **os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,  # Ctrl-C is for the node, which lets calls end
            )
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=LONGEST_LINE)
        worker = Worker(process, Outbox(writer), self._gap)
        worker.heard_at = self._clock.now()
        self._workers.append(worker)
        worker.send(self._start)
        self._keep(self._listen(worker, reader))
        self._keep(self._watch(worker))

    async def _listen(self, worker: Worker, reader: asyncio.StreamReader) -> None:
        """Hear what a worker says until it is gone."""
        with suppress(ConnectionError):
            while line := await reader.readline():
                worker.heard_at = self._clock.now()
                self._take(worker, FROM_WORKER.decode(line))
        await self._bury(worker)

    def _take(self, worker: Worker, message: FromWorker) -> None:
        match message:
            case Ready():
                worker.ready, self._pause_sec, self.broken = True, FIRST_PAUSE_SEC, None
                self._news.set()
            case Broken(why=why):
                self.broken = why
                self._news.set()
            case Pong():
                pass
            case Sent(attempt_id=attempt_id, at=at):
                self._refusal_sec = FIRST_PAUSE_SEC
                if sent := worker.asked.pop(attempt_id, None):
                    sent.set_result(as_instant(at))
            case NotSent(attempt_id=attempt_id, why=why, late=late):
                if not late:
                    self._wait_after_refusal()
                    self._hear(message)
                worker.calls.pop(attempt_id, None)
                if sent := worker.asked.pop(attempt_id, None):
                    sent.set_exception(NotAsked(why))
            case Closed(attempt_id=attempt_id):
                worker.calls.pop(attempt_id, None)
                self._hear(message)
            case _:
                self._hear(message)

    def _wait_after_refusal(self) -> None:
        """Nothing can be sent at present; those that were asked for meanwhile are refused for the same reason."""
        now = self._clock.now()
        if now >= self._refused_until:
            self._refused_until = now + seconds(self._refusal_sec)
            self._refusal_sec = min(self._refusal_sec * 2, LONGEST_PAUSE_SEC)

    async def _watch(self, worker: Worker) -> None:
        """Ask it now and then whether it is there, and end it where it is not."""
        while worker in self._workers:
            await asyncio.sleep(PING_SEC)
            worker.send(Ping())
            if self._clock.now() > worker.heard_at + seconds(DEAF_SEC):
                with suppress(ProcessLookupError):
                    worker.process.kill()
                return

    async def _bury(self, worker: Worker) -> None:
        """A worker is gone: tell of what was in its hands."""
        if worker not in self._workers:
            return  # it was told to end
        self._workers.remove(worker)
        worker.outbox.close()
        now = self._clock.now()
        self._start_at = now + seconds(self._pause_sec)
        self._pause_sec = min(self._pause_sec * 2, LONGEST_PAUSE_SEC)
        for sent in worker.asked.values():
            sent.set_exception(Lost("the worker of this trunk died while it was asked"))
        for attempt_id in worker.calls.keys() - worker.asked.keys():
            self._lost(attempt_id)
        self._dying.add(worker)
        with suppress(ProcessLookupError):
            worker.process.kill()
        await worker.process.wait()
        self._dying.discard(worker)

    def _keep(self, step: Any) -> None:
        task = asyncio.get_running_loop().create_task(step)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _ended(worker: Worker) -> None:
    try:
        async with asyncio.timeout(END_SEC):
            await worker.process.wait()
    except TimeoutError:
        worker.process.kill()
        await worker.process.wait()

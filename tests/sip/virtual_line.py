"""A line on a loop whose time passes at once: what is waited for is there, and nobody waits for it."""

import asyncio
import selectors
from contextlib import suppress

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.agents.message import prepare, run

FIRST = 1000.0


class _Jumping(selectors.DefaultSelector):
    """Where nothing is there to be read, the time of the next timer has come."""

    now = FIRST

    def select(self, timeout=None):
        found = super().select(0 if timeout else timeout)
        if not found and timeout:
            self.now += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop of asyncio's own, on a clock that jumps from timer to timer. Threads take no time on it."""

    def __init__(self):
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self):
        """What it is told by its clock."""
        return self._jumping.now


class VirtualLine:
    """An answered call; what was written goes out as time passes.

    Attributes:
        heard: what went out, or will.
        gaps: seconds of silence between what was written too late and what was before it.
        most_sec: the most that was queued.
        writes: how often something was written.
    """

    def __init__(self, folder, rate=8000, capacity_sec=1.0):
        self.rate = rate
        self.folder = folder
        self.over = asyncio.Event()
        self.digits = asyncio.Queue()
        self.notes = {}
        self.ids = {}
        self.heard = bytearray()
        self.unheard = b""
        self.gaps = []
        self.most_sec = 0.0
        self.writes = 0
        self._capacity_sec = capacity_sec
        self._until = None

    def write(self, pcm):
        """Take what there is room for."""
        if self.over.is_set():
            return 0
        now = self._now()
        if self._until is not None and self._until < now:
            self.gaps.append(round(now - self._until, 6))
        count = min(len(pcm), 2 * round((self._capacity_sec - self.queued_sec()) * self.rate))
        self.heard += pcm[:count]
        self._until = max(self._until or now, now) + count / 2 / self.rate
        self.most_sec = max(self.most_sec, self.queued_sec())
        self.writes += 1
        return count

    def clear(self):
        """Drop what has not gone out."""
        unheard = 2 * round(self.queued_sec() * self.rate)
        del self.heard[len(self.heard) - unheard :]
        self._until = self._now()

    def queued_sec(self):
        """What has not gone out."""
        return max((self._until or 0.0) - self._now(), 0.0)

    def read(self):
        """Nobody says anything."""
        return b""

    async def hang_up(self):
        """It is over."""
        self.over.set()

    @property
    def heard_sec(self):
        """How long something was heard."""
        return len(self.heard) / 2 / self.rate

    def _now(self):
        return asyncio.get_running_loop().time()


class Call:
    """A call that is answered, and over.

    Attributes:
        line: as it is afterwards.
        sec: how long the agent had it.
        left: the tasks that the agent left.
    """

    def __init__(self, settings, folder, *, variables=None, keys=(), over_sec=None, over_keys="", told=True, **line):
        """Hold it.

        Args:
            settings: of the message agent.
            folder: the data directory.
            variables: the lead's.
            keys: pairs of when a key is pressed, in seconds, and which.
            over_sec: when the far end hangs up.
            over_keys: pressed at that very moment.
            told: whether the agent is cancelled then.
            line: of the line.
        """
        plan = Agent("message", settings, variables or {})
        asyncio.run(prepare(plan, folder, line.get("rate", 8000)))  # what takes real time is done before
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(self._hold(plan, VirtualLine(folder, **line), keys, over_sec, over_keys if told else None))

    async def _hold(self, plan, line, keys, over_sec, over_keys):
        loop = asyncio.get_running_loop()
        self.line = line
        began = loop.time()
        agent = asyncio.create_task(run(self.line, plan))

        def hang_up():
            for key in over_keys or "":
                self.line.digits.put_nowait(key)
            self.line.over.set()
            if over_keys is not None:
                agent.cancel()

        for sec, key in keys:
            loop.call_later(sec, self.line.digits.put_nowait, key)
        if over_sec is not None:
            loop.call_later(over_sec, hang_up)
        with suppress(asyncio.CancelledError):
            await agent
        self.sec = round(loop.time() - began, 6)
        self.left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        await asyncio.gather(*self.left, return_exceptions=True)

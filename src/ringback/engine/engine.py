"""A node's engine: its duties, and the loops around them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from whenever import Instant

from ringback.carriers.carrier import Carrier
from ringback.checking.receiver import Receivers
from ringback.engine.bookkeeper import Bookkeeper
from ringback.engine.check import Checker
from ringback.engine.deliver import Deliverer
from ringback.engine.dial import Dialler
from ringback.engine.erase import Eraser
from ringback.engine.finish import Finisher
from ringback.engine.lease import ClockSkewed, NameTaken
from ringback.engine.live import LiveAttempt
from ringback.engine.node import Node
from ringback.engine.notary import Notary
from ringback.engine.overdue import Overseer
from ringback.engine.place import Placer
from ringback.engine.rescue import Rescuer
from ringback.engine.retain import Retainer
from ringback.engine.settle import Settler
from ringback.engine.sweep import Sweeper
from ringback.errors import DatabaseUnavailable
from ringback.events import DutyFailed
from ringback.ledger.key import Signer

Duty = Callable[[], Awaitable[int]]
Pause = Callable[[asyncio.Event], Awaitable[None]]

FEW = 10
"""A claim of less than one part in so many of a batch is a small one."""

GATHER_SEC = 0.01
"""The pause after a small claim, and the least time between two looks at the queue."""

PLACERS = 4
"""Batches that are being placed at a time: while one waits for its trunk's pace and answer, the next one goes on."""

LAST_WORDS_SEC = 3.0
"""For how long a node that leaves waits for the ends of calls that it hung up."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How a node works.

    Attributes:
        name: the node's own; one process has it at a time.
        take_over: whoever had the name is known to be dead.
        lease_sec: how long it may dial after its last heartbeat, less a second for clocks that are apart.
        claim_batch: dials in one claim at most.
        settle_batch: outcomes in one transaction at most.
        idle_sec: how long it waits before it looks again for due dials that nobody told it of.
        rescue_sec: how often it looks for attempts that a dead node left.
        finish_sec: how often it looks for campaigns with nothing left to dial.
        permits_sec: how often it looks whether others wait for its permits.
        overdue_sec: how often it looks for live attempts whose events do not come.
        retain_sec: how often it looks for calls that are kept no longer, and for recordings of them.
        list_sec: how often it looks for numbers that were put on a do-not-call list while it has intents to place.
        hang_up_sec: how often it looks for cancelled campaigns whose ringing calls are to be hung up.
        ledger_sec: how often it looks for what is to be entered into the ledgers.
        checkpoint_sec: how often ledgers with new entries are signed.
        deliver_sec: how often it looks for events that webhooks are to be told of.
        retry_sec: how long a duty waits after the database could not be reached.
    """

    name: str = "local"
    take_over: bool = True
    lease_sec: float = 10.0
    claim_batch: int = 1000
    settle_batch: int = 1000
    idle_sec: float = 0.1
    rescue_sec: float = 1.0
    finish_sec: float = 0.5
    permits_sec: float = 0.25
    overdue_sec: float = 5.0
    list_sec: float = 0.25
    hang_up_sec: float = 0.5
    retain_sec: float = 30.0
    ledger_sec: float = 1.0
    checkpoint_sec: float = 60.0
    deliver_sec: float = 0.2
    retry_sec: float = 0.5


class Engine:
    """The duties of one node. Each is a `run_once`, and may be run by hand instead of by `run`.

    Args:
        node: what they share.
        settings: how the node works.
        signer: has the key of the ledger.
        receivers: the servers that workspaces have asked before dials.
        deliverer: tells webhooks what happens.
    """

    def __init__(
        self, node: Node, settings: EngineSettings, signer: Signer, receivers: Receivers, deliverer: Deliverer
    ) -> None:
        self.node = node
        self.settings = settings
        self.dialler = Dialler(node, settings.claim_batch)
        self.placer = Placer(node)
        self.checker = Checker(node, receivers)
        self.settler = Settler(node, settings.settle_batch)
        self.rescuer = Rescuer(node)
        self.finisher = Finisher(node)
        self.overseer = Overseer(node)
        self.retainer = Retainer(node)
        self.sweeper = Sweeper(node)
        self.eraser = Eraser(node)
        self.bookkeeper = Bookkeeper(node)
        self.notary = Notary(node, signer)
        self.deliverer = deliverer
        self._placed_at = (node.clock.now(), 0)
        node.lease.busy = self._busy

    async def run(self, stop: asyncio.Event, drain_sec: float) -> None:
        """Work until `stop` is set, then let live calls end for at most `drain_sec`, and leave.

        A step that has begun is finished. Dials that no trunk was asked for are taken back; calls that are still up
        when the time is over are left to the next node's rescue.
        """
        drained = asyncio.Event()
        hand, settings = self.node.hand, self.settings
        async with asyncio.TaskGroup() as duties:
            for name, duty, pause in (
                ("lease", self._heartbeat, _every(settings.lease_sec / 4)),
                ("settle", self.settler.run_once, self._until_news),
                ("permits", self.node.permits.run_once, _every(settings.permits_sec)),
                ("overdue", self.overseer.run_once, _every(settings.overdue_sec)),
                ("ledger", self.bookkeeper.run_once, _every(settings.ledger_sec)),
                ("checkpoint", self.notary.run_once, _every(settings.checkpoint_sec)),
                ("deliver", self.deliverer.run_once, self._until_letters),
                ("hang up", self.placer.hang_up_cancelled, _every(settings.hang_up_sec)),
                ("do not call", self.placer.stopper.run_once, _every(settings.list_sec)),
            ):
                duties.create_task(self._loop(name, duty, pause, drained))
            beginning = [
                duties.create_task(self._loop(name, duty, pause, stop))
                for name, duty, pause in (
                    ("dial", self._dial, self._until_due),
                    *[("place", self.placer.run_once, self._until_placeable)] * PLACERS,
                    ("check", self.checker.run_once, self._until_checks),
                    ("rescue", self.rescuer.run_once, _every(settings.rescue_sec)),
                    ("finish", self.finisher.run_once, _every(settings.finish_sec)),
                    ("retain", self.retainer.run_once, _every(settings.retain_sec)),
                    ("sweep", self.sweeper.run_once, _every(settings.retain_sec)),
                    ("erase", self.eraser.run_once, _every(settings.retain_sec)),
                )
            ]
            await stop.wait()
            hand.intents.set()
            hand.checks.set()
            await asyncio.gather(*beginning)
            await self.checker.stop()
            await self._drain(drain_sec)
            await self._end_mortal()
            drained.set()
            hand.news.set()
        await self._once("deliver", self._put_down)
        await self._once("leave", self._leave)
        await self.node.trunks.close()

    async def _loop(self, name: str, duty: Duty, pause: Pause, until: asyncio.Event) -> None:
        """Run a duty for as long as it finds work, then pause."""
        while not until.is_set():
            if not await self._once(name, duty):
                await pause(until)

    async def _once(self, name: str, duty: Duty) -> int:
        """Run a duty; a database that is away is waited for, and so is the end of a lease of this name.

        That one may be the node's own: its commit came about, and the answer did not.
        """
        try:
            return await duty()
        except (DatabaseUnavailable, ClockSkewed, NameTaken) as failed:
            self.node.publish(DutyFailed(name, str(failed)))
            await asyncio.sleep(self.settings.retry_sec)
            return 0

    async def _drain(self, drain_sec: float) -> None:
        hand = self.node.hand
        hand.give_up_placing()
        try:
            async with asyncio.timeout(drain_sec):
                while hand.unplaced:
                    await self._once("place", self._withdraw)
                while hand.live:
                    await hand.room.wait()
                    hand.room.clear()
        except TimeoutError:
            return  # what is still up is for rescue

    async def _end_mortal(self) -> None:
        """Hang up the calls that would end with this node anyway, so that their ends are known and settled."""
        hand = self.node.hand
        mortal = [a for a in hand.live.values() if a.called_at and not self._carrier(a).outlives_node]
        for attempt in mortal:
            await self._carrier(attempt).hang_up(attempt.dial.attempt_id, leaving=True)
        try:
            async with asyncio.timeout(LAST_WORDS_SEC):
                while any(attempt.dial.attempt_id in hand.live for attempt in mortal):
                    await hand.room.wait()
                    hand.room.clear()
        except TimeoutError:
            return  # what is still up is for rescue

    def _carrier(self, attempt: LiveAttempt) -> Carrier:
        return self.node.trunks.carrier(attempt.route.trunk)

    async def _dial(self) -> int:
        """Claim. After a small batch there is a pause, so that dials that fall due one by one are claimed together."""
        moved = await self.dialler.run_once()
        return moved if moved * FEW > self.settings.claim_batch else 0

    async def _heartbeat(self) -> int:
        await self.node.lease.run_once()
        return 0

    def _busy(self) -> tuple[int, float]:
        """How many calls are up, and how many dials a second were placed since the last heartbeat."""
        now, placed = self.node.clock.now(), self.placer.placed
        since, before = self._placed_at
        self._placed_at = (now, placed)
        sec = (now - since).total("seconds")
        return len(self.node.hand.live), (placed - before) / sec if sec > 0 else 0.0

    async def _withdraw(self) -> int:
        await self.placer.withdraw("the node stops")
        return 1

    async def _put_down(self) -> int:
        await self.deliverer.stop()
        return 1

    async def _leave(self) -> int:
        await self.node.lease.leave()
        await self.rescuer.hand_over()
        return 1

    async def _until_due(self, until: asyncio.Event) -> None:
        await asyncio.sleep(GATHER_SEC)
        wait_sec = self._wait_sec(self.dialler.next_due, self.settings.idle_sec)
        if wait_sec > 0:
            await _woken(until, self.node.hand.room, wait_sec)

    async def _until_placeable(self, until: asyncio.Event) -> None:
        await _woken(until, self.node.hand.intents, self._wait_sec(self.node.hand.next_place_at(), 1.0))

    async def _until_checks(self, until: asyncio.Event) -> None:
        await _woken(until, self.node.hand.checks, 1.0)

    async def _until_letters(self, until: asyncio.Event) -> None:
        await asyncio.sleep(GATHER_SEC)  # answers that come one by one are written down together
        await _woken(until, self.deliverer.news, self.settings.deliver_sec)

    async def _until_news(self, until: asyncio.Event) -> None:
        await _woken(until, self.node.hand.news, 1.0)

    def _wait_sec(self, at: Instant | None, longest: float) -> float:
        if at is None:
            return longest
        return min(max((at - self.node.clock.now()).total("seconds"), 0.0), longest)


def _every(sec: float) -> Pause:
    async def pause(until: asyncio.Event) -> None:
        await _woken(until, until, sec)

    return pause


async def _woken(until: asyncio.Event, news: asyncio.Event, longest_sec: float) -> None:
    """Wait for news, or so long; not at all when it is time to end."""
    if until.is_set():
        return
    try:
        async with asyncio.timeout(longest_sec):
            await news.wait()
    except TimeoutError:
        return
    if news is not until:
        news.clear()

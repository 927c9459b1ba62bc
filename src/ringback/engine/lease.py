"""A node's right to dial: a lease in the database that its heartbeat prolongs."""

from collections.abc import Callable

from whenever import Instant, TimeDelta

from ringback import __version__
from ringback.clock import Clock
from ringback.errors import OurError
from ringback.events import LeaseLost, NodeStarted, Publish
from ringback.store import nodes
from ringback.store.database import Connection, Database

MOST_CLOCK_SKEW = TimeDelta(milliseconds=500)


class ClockSkewed(OurError):
    """This machine's clock and the database's are too far apart to keep a lease by."""


class NameTaken(OurError):
    """Another node of this name holds a lease; if it is dead, the lease runs out by itself."""


class Lease:
    """The lease of one node.

    Args:
        database: where it is kept.
        clock: by which it is kept.
        name: the node's own; one process has it at a time.
        length: how long it holds after a heartbeat.
        publish: told when it is won and lost.
        take_over: whoever has the name is known to be dead; otherwise its lease is respected.
        check_clock: compare the clock with the database's; off on a virtual clock.

    Attributes:
        busy: tells how many calls are up and how many dials a second are placed, for whoever looks at the nodes.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        name: str,
        length: TimeDelta,
        publish: Publish,
        *,
        take_over: bool = True,
        check_clock: bool = True,
    ) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        self._length = length
        self._publish = publish
        self._take_over = take_over
        self._check_clock = check_clock
        # by two clocks, one slow and one fast, the lease ends for others so much earlier than for this node
        self._margin = MOST_CLOCK_SKEW * 2 if check_clock else TimeDelta()
        self._until = Instant.MIN
        self._skewed = False
        self.node_no = self._lost_no = 0
        self.busy: Callable[[], tuple[int, float]] = lambda: (0, 0.0)

    def holds(self, now: Instant) -> bool:
        """Whether this node may dial at `now`."""
        return now < self._until and not self._skewed

    @property
    def until(self) -> Instant:
        """When it ends unless it is prolonged."""
        return self._until

    async def run_once(self) -> None:
        """Win the lease or prolong it.

        Raises:
            ClockSkewed: the clocks are more than half a second apart; the lease is left to run out.
            NameTaken: another node of this name holds a lease.
            DatabaseUnavailable: there is nothing to win it from.
        """
        async with self._database.connection() as db:
            now = await self.agreed_now(db)
            until = now + self._length
            if self.node_no and not await self._prolong(db, now, until):
                self._publish(LeaseLost(self.node_no))
                self._lost_no, self.node_no, self._until = self.node_no, 0, Instant.MIN
            if not self.node_no:
                self.node_no = await self._enlist(db, now, until)
                self._publish(NodeStarted(self.node_no, self._name))
        self._until = until - self._margin

    async def agreed_now(self, db: Connection) -> Instant:
        """When it is, by the machine's clock, which is compared with the database's.

        Raises:
            ClockSkewed: they are more than half a second apart.
        """
        now = self._clock.now()
        if self._check_clock:
            server = await nodes.server_time(db)
            self._skewed = True  # until it is known that the clocks agree, nothing is dialled
            self._compare(now, server, self._clock.now())
            self._skewed = False
        return now

    async def leave(self) -> None:
        """Give the lease up: what is still live is for the next node to explain."""
        self._until = Instant.MIN
        async with self._database.connection() as db:
            await nodes.leave(db, self.node_no, self._clock.now())

    async def _enlist(self, db: Connection, now: Instant, until: Instant) -> int:
        number = await nodes.enlist(
            db, self._name, __version__, now, until, last_no=self._lost_no, take_over=self._take_over
        )
        if number is None:
            raise NameTaken(f"a node {self._name} dials on this database already: give this one another --node-name")
        return number

    async def _prolong(self, db: Connection, now: Instant, until: Instant) -> bool:
        """Whether the lease was held all the time: written after its end, others have acted on that end before."""
        return await nodes.heartbeat(db, self.node_no, now, until, *self.busy()) and self.holds(self._clock.now())

    def _compare(self, before: Instant, server: Instant, after: Instant) -> None:
        if not before - MOST_CLOCK_SKEW <= server <= after + MOST_CLOCK_SKEW:
            apart = (server - after).total("seconds")
            raise ClockSkewed(
                f"the database's clock is {apart:+.1f} s from this machine's: set both by NTP; not dialling"
            )

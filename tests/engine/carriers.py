"""A carrier that does as a test says."""

from uuid import UUID

from whenever import TimeDelta

from ringback.carriers.carrier import Dial, Knowledge, Listener, Unknown
from ringback.clock import Clock
from ringback.errors import CarrierError


class Puppet:
    """Places every dial, unless it is told what to raise, and knows what it is told to.

    Args:
        clock: when it is.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.placed: list[Dial] = []
        self.raises: Exception | None = None
        self.knows: Knowledge = Unknown()
        self.is_mute = False
        self.asked: list[UUID] = []
        self.hung_up: list[UUID] = []
        self.longest = TimeDelta(minutes=10)
        self.wants_agents = False
        self.outlives_node = True
        self.ailing: str | None = None
        self.slots: int | None = None
        self.listener: Listener | None = None

    def made(self, kind, settings, listener):  # noqa: ARG002  # the signature of MakeCarrier
        """What makes carriers, in an engine of the test's: this one, always."""
        self.listener = listener
        return self

    def room(self):
        """How many more dials it takes."""
        return self.slots

    async def place(self, dial, by):  # noqa: ARG002  # the seam says until when
        """Ask the far end, once."""
        if self.raises is not None:
            raise self.raises
        self.placed.append(dial)
        return self.clock.now()

    async def hang_up(self, attempt_id, *, leaving=False):  # noqa: ARG002  # the seam says why
        """End a dial: what is told of that, a test tells."""
        self.hung_up.append(attempt_id)

    async def look_up(self, dial):
        """What became of a dial."""
        self.asked.append(dial.attempt_id)
        if self.is_mute:
            raise CarrierError("it cannot be told at this moment")
        return self.knows

    async def close(self):
        """There is nothing to let go of."""


def use(engine, puppet: Puppet) -> Puppet:
    """Have an engine dial by a puppet."""
    engine.node.trunks._make = puppet.made
    return puppet

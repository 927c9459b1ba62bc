"""Inquire: ask a carrier what became of a dial, again and again where it cannot tell at the moment."""

from uuid import UUID

from whenever import Instant, TimeDelta

from ringback.carriers.carrier import Carrier, Dial, Knowledge, Unknown
from ringback.errors import CarrierError

PATIENCE = TimeDelta(seconds=30)
"""After so long a carrier that cannot tell is taken to never know: another process may be frozen at its record."""


class Inquirer:
    """Remembers since when a carrier could not tell of a dial."""

    def __init__(self) -> None:
        self._since: dict[UUID, Instant] = {}

    async def what_became(self, carrier: Carrier, dial: Dial, now: Instant) -> Knowledge | None:
        """What the carrier knows; None where it is to be asked again.

        Args:
            carrier: of the dial's trunk.
            dial: which.
            now: the present instant.
        """
        try:
            known = await carrier.look_up(dial)
        except CarrierError:
            if now < self._since.setdefault(dial.attempt_id, now) + PATIENCE:
                return None
            known = Unknown()
        self._since.pop(dial.attempt_id, None)
        return known

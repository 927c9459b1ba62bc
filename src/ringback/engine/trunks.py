"""The carriers of a node, one for each trunk that it dials over, made when first needed."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from whenever import TimeDelta

from ringback.carriers.carrier import Carrier, Listener
from ringback.domain.billing import Billing, parse_billing
from ringback.errors import CallerError, CarrierError, OurError
from ringback.events import Publish, TrunkDown, TrunkRefused, TrunkUp
from ringback.ids import TRUNK, show
from ringback.store.database import Record

MakeCarrier = Callable[[str, dict[str, object], Listener], Carrier]
"""(kind, settings, listener) -> carrier."""

TrunkKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Trunk:
    """A trunk as the engine needs it.

    Attributes:
        carrier: who places its calls.
        shown: its public id.
        billing: its tariff.
        deck_id: its rate deck, None for none.
        hold: for how long a call may be up of which nobody knows how it ended.
    """

    carrier: Carrier
    shown: str
    billing: Billing
    deck_id: UUID | None
    hold: TimeDelta


class Trunks:
    """Knows the trunks by (workspace_no, trunk_no).

    Attributes:
        turned: those that went down (True) or came up again, for whoever tells of it.
    """

    def __init__(self, make: MakeCarrier, listener: Listener, publish: Publish) -> None:
        self._make = make
        self._listener = listener
        self._publish = publish
        self._known: dict[TrunkKey, Trunk] = {}
        self._ailing: set[TrunkKey] = set()
        self.turned: dict[TrunkKey, bool] = {}

    def carrier(self, key: TrunkKey) -> Carrier:
        """The carrier of a trunk that was refreshed before."""
        return self._known[key].carrier

    def shown(self, key: TrunkKey) -> str:
        """The public id of a trunk that was refreshed before."""
        return self._known[key].shown

    def refresh(self, key: TrunkKey, row: Record) -> Trunk | None:
        """A trunk as it is now, by a row with trunk, kind, settings and billing.

        None where it cannot be set up: then nothing is dialled over it, and its calls wait.
        """
        try:
            self._known[key] = self._renewed(key, row)
        except (CallerError, CarrierError, OurError, OSError) as refused:
            self._publish(TrunkRefused(show(TRUNK, row["trunk_id"]), str(refused)))
            return None
        return self._known[key]

    def takes_dials(self, key: TrunkKey) -> bool:
        """Whether a trunk that was refreshed before takes dials; where it does not, its calls wait."""
        self._tell_health(key, self._known[key])
        return key not in self._ailing

    def knows(self, key: TrunkKey) -> bool:
        """Whether this node has dialled over a trunk."""
        return key in self._known

    def accepts(self, key: TrunkKey) -> bool:
        """Whether a trunk takes dials, as far as this node knows: one that it never dialled over does not."""
        return key in self._known and self.takes_dials(key)

    def _tell_health(self, key: TrunkKey, trunk: Trunk) -> None:
        """Publish that a trunk takes no dials any more, or takes them again."""
        why = trunk.carrier.ailing
        if why is not None and key not in self._ailing:
            self._ailing.add(key)
            self.turned[key] = True
            self._publish(TrunkDown(trunk.shown, why))
        elif why is None and key in self._ailing:
            self._ailing.remove(key)
            self.turned[key] = False
            self._publish(TrunkUp(trunk.shown))

    async def close(self) -> None:
        """Close every carrier."""
        for trunk in self._known.values():
            await trunk.carrier.close()

    def _renewed(self, key: TrunkKey, row: Record) -> Trunk:
        known, hold_sec = self._known.get(key), row["lost_call_hold_sec"]
        carrier = known.carrier if known else self._make(row["kind"], json.loads(row["settings"]), self._listener)
        return Trunk(
            carrier,
            show(TRUNK, row["trunk_id"]),
            _read_billing(row["billing"]),
            row["rate_deck_id"],
            carrier.longest if hold_sec is None else TimeDelta(seconds=hold_sec),
        )


@lru_cache(maxsize=1000)
def _read_billing(text: str) -> Billing:
    return parse_billing(json.loads(text))

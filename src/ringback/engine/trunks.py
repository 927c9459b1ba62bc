"""The carriers of a node, one for each trunk that it dials over, made when first needed."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from ringback.carriers.carrier import Carrier, Listener
from ringback.domain.billing import Billing, parse_billing
from ringback.errors import CallerError, CarrierError, OurError
from ringback.events import Publish, TrunkRefused
from ringback.store.database import Record

MakeCarrier = Callable[[str, dict[str, object], Listener], Carrier]
"""(kind, settings, listener) -> carrier."""

TrunkKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Trunk:
    """A trunk as the engine needs it."""

    carrier: Carrier
    billing: Billing
    settings: str


class Trunks:
    """Knows the trunks by (workspace_no, trunk_no)."""

    def __init__(self, make: MakeCarrier, listener: Listener, publish: Publish) -> None:
        self._make = make
        self._listener = listener
        self._publish = publish
        self._known: dict[TrunkKey, Trunk] = {}

    def carrier(self, key: TrunkKey) -> Carrier:
        """The carrier of a trunk that was refreshed before."""
        return self._known[key].carrier

    def refresh(self, key: TrunkKey, row: Record) -> Trunk | None:
        """A trunk as it is now, by a row with trunk, kind, settings and billing.

        None where it cannot be set up: then nothing is dialled over it, and its calls wait.
        """
        try:
            self._known[key] = self._renewed(key, row["kind"], row["settings"], row["billing"])
        except (CallerError, CarrierError, OurError, OSError) as refused:
            self._publish(TrunkRefused(str(row["trunk"]), str(refused)))
            return None
        return self._known[key]

    async def close(self) -> None:
        """Close every carrier."""
        for trunk in self._known.values():
            await trunk.carrier.close()

    def _renewed(self, key: TrunkKey, kind: str, settings: str, billing: str) -> Trunk:
        known = self._known.get(key)
        carrier = known.carrier if known else self._make(kind, json.loads(settings), self._listener)
        return Trunk(carrier, _read_billing(billing), settings)


@lru_cache(maxsize=1000)
def _read_billing(text: str) -> Billing:
    return parse_billing(json.loads(text))

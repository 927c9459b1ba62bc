"""What a node knows of the servers that it asks before dials: how many more may be asked, and which do not answer."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import msgspec
from whenever import Instant

from ringback.clock import seconds
from ringback.domain.limits import LimitKey, LimitKind, Room
from ringback.domain.pre_dial_check import Check, pause_after
from ringback.engine.live import InHand
from ringback.events import CheckAnswered, CheckUnanswered, Publish
from ringback.ids import WORKSPACE, show
from ringback.sealing import Sealer
from ringback.store.database import Record

MOST_AT_ONCE = 32
"""Questions to the server of one workspace, so that one that is slow holds few permits and stalls nobody else."""

MOST_IN_ALL = 256
"""Questions of a node to all servers."""


@dataclass(frozen=True, slots=True)
class _Held:
    """Until when a server is left alone, and for how long it was this time."""

    until: Instant
    pause_sec: float


class Checks:
    """Remembers them.

    Args:
        hand: what the node has in hand.
        sealer: opens the secrets that questions are signed by.
        publish: told once of each server that does not answer, and once when it does.
    """

    def __init__(self, hand: InHand, sealer: Sealer, publish: Publish) -> None:
        self._hand, self._sealer, self._publish = hand, sealer, publish
        self._held: dict[int, _Held] = {}
        self._secrets: dict[str, str] = {}

    def rooms(self, rows: Iterable[Record]) -> dict[LimitKey, Room]:
        """How many more dials may be claimed of each workspace of these lanes that has its dials checked."""
        checked = {row["workspace_no"] for row in rows if row["has_check"]}
        return {LimitKey(no, LimitKind.CHECK, 0): Room(slots=self.room(no)) for no in checked}

    def room(self, workspace_no: int) -> int:
        """How many more questions may be asked; a server that did not answer is tried with one."""
        most = 1 if workspace_no in self._held else MOST_AT_ONCE
        asking = self._hand.asking
        return max(min(most - asking[workspace_no], MOST_IN_ALL - asking.total()), 0)

    def until(self, workspace_no: int) -> Instant:
        """From when on its server may be asked."""
        held = self._held.get(workspace_no)
        return held.until if held else Instant.MIN

    def secret(self, check: Check) -> str:
        """By what questions are signed.

        Raises:
            SecretKeyError: it was sealed with a key that is not here.
        """
        sealed = msgspec.json.encode(check.secret).decode()
        if sealed not in self._secrets:
            if len(self._secrets) >= MOST_IN_ALL:
                self._secrets.clear()
            self._secrets[sealed] = self._sealer.unseal(check.secret)
        return self._secrets[sealed]

    def failed(self, workspace_no: int, workspace_id: UUID, why: str, now: Instant) -> None:
        """Its server gave no answer; of several at the same time only the first counts."""
        held = self._held.get(workspace_no)
        if held is None:
            self._publish(CheckUnanswered(show(WORKSPACE, workspace_id), why))
        if held is None or held.until <= now:
            pause_sec = pause_after(held.pause_sec if held else None)
            self._held[workspace_no] = _Held(now + seconds(pause_sec), pause_sec)

    def answered(self, workspace_no: int, workspace_id: UUID) -> None:
        """Its server did its part."""
        if self._held.pop(workspace_no, None) is not None:
            self._publish(CheckAnswered(show(WORKSPACE, workspace_id)))


@lru_cache(maxsize=1000)
def read_check(text: str) -> Check:
    """A check as the store keeps it."""
    return Check(**msgspec.json.decode(text))

"""Bookkeeper: enter into the ledgers what has ended. Off the dial's path, and seconds behind it."""

from ringback.engine.node import Node
from ringback.events import LedgerWritten
from ringback.ledger.append import append
from ringback.store import ledger

BATCH = 2_000


class Bookkeeper:
    """The duty that writes the ledgers. Of all nodes one writes at a time; the others leave it to that one.

    Whatever ends an attempt has it entered, in the same transaction. Taking it, and writing the entry, is one
    transaction too: so each is entered once, in whatever order they were committed, whoever dies meanwhile.

    Args:
        node: what the duties share.
        batch: entries in one transaction, about at most.
    """

    def __init__(self, node: Node, batch: int = BATCH) -> None:
        self._node = node
        self._batch = batch
        self._has_history = True

    async def run_once(self) -> int:
        """Enter a batch; returns how much there was to do, 0 where nothing is or where another node does it."""
        now = self._node.clock.now()
        if not self._node.lease.holds(now):
            return 0
        async with self._node.database.transaction() as db:
            if not await ledger.is_only_writer(db):
                return 0
            entered = await append(db, now, self._batch)
        if entered:
            self._node.publish(LedgerWritten(entered))
        # a batch that is not full is all there was: the rest gathers until the next time
        return entered if entered >= self._batch else await self._gather()

    async def _gather(self) -> int:
        """Have entered what older releases ended, a batch at a time; once for all, and seldom looked at after that."""
        if not self._has_history:
            return 0
        async with self._node.database.transaction() as db:
            if not await ledger.is_only_writer(db):
                return 0
            history = await ledger.gather(db, self._node.clock.now(), self._batch)
        self._has_history = history is not None
        return history or 0

"""Notary: sign what the ledgers have come to, on a schedule, so that what stands in them can be proven afterwards."""

from ringback.engine.node import Node
from ringback.errors import LedgerKeyError
from ringback.events import DutyFailed, LedgerSigned
from ringback.ledger.checkpoint import sign_all
from ringback.ledger.key import Signer
from ringback.store import ledger


class Notary:
    """The duty that signs checkpoints of ledgers with new entries.

    Args:
        node: what the duties share.
        signer: has the key.
    """

    def __init__(self, node: Node, signer: Signer) -> None:
        self._node = node
        self._signer = signer

    async def run_once(self) -> int:
        """Sign what is new; returns 0, for the next time is in a while. Without a key entries are written all the same.

        What could not be signed is signed once there is a key: a checkpoint covers all entries before it.
        """
        now = self._node.clock.now()
        if not self._node.lease.holds(now):
            return 0
        try:
            async with self._node.database.transaction() as db:
                signed = await sign_all(db, self._signer, now) if await ledger.is_only_writer(db) else 0
        except LedgerKeyError as failed:
            self._node.publish(DutyFailed("checkpoint", str(failed)))
            return 0
        if signed:
            self._node.publish(LedgerSigned(signed))
        return 0

"""Checkpoint: what a ledger has come to is signed, so that nobody can make another one of it unnoticed."""

from uuid import UUID

from whenever import Instant

from ringback.domain.ledger import checkpoint_text
from ringback.domain.merkle import Peaks
from ringback.ledger.append import show_instant
from ringback.ledger.key import Signer
from ringback.store import ledger
from ringback.store.database import Connection, Record
from ringback.store.ledger import Checkpoint


async def sign_all(db: Connection, signer: Signer, now: Instant) -> int:
    """Sign the ledgers that have new entries; returns how many. One transaction, for the only writer.

    Raises:
        LedgerKeyError: there is no key to be had.
    """
    rows = await ledger.unsigned(db)
    for row in rows:
        await ledger.keep_checkpoint(db, _signed(row, row["workspace_id"], signer, now))
    return len(rows)


async def checkpoint_now(
    db: Connection, workspace_no: int, workspace_id: UUID, signer: Signer, now: Instant
) -> Checkpoint | None:
    """Sign what a ledger has come to, whoever signed it before; None where it has no entry.

    Raises:
        LedgerKeyError: there is no key to be had.
    """
    row = (await ledger.come_to(db, [workspace_no])).get(workspace_no)
    if row is None:
        return None
    made = _signed(row, workspace_id, signer, now)
    await ledger.keep_checkpoint(db, made)
    return made


def text_of(workspace_id: UUID, checkpoint: Checkpoint) -> bytes:
    """What was signed."""
    made_at = show_instant(checkpoint.made_at)
    return checkpoint_text(workspace_id, made_at, checkpoint.entries, checkpoint.head, checkpoint.root)


def _signed(row: Record, workspace_id: UUID, signer: Signer, now: Instant) -> Checkpoint:
    root = Peaks.unpack(row["entries"], row["peaks"]).root()
    text = checkpoint_text(workspace_id, show_instant(now), row["entries"], row["head"], root)
    signature = signer.sign(text)
    return Checkpoint(row["workspace_no"], row["entries"], now, row["head"], root, signer.public_key, signature)

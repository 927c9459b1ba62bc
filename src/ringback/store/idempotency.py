"""Answers of requests that must do their work once, however often they are sent."""

import hashlib
from typing import NamedTuple

from whenever import Instant, TimeDelta

from ringback.store.database import Connection, Record
from ringback.store.queries import load

_SQL = load("idempotency")

KEPT = TimeDelta(hours=24)
"""An answer is replayed for so long; afterwards the same name is a new request."""

AT_A_TIME = 1_000


class Name(NamedTuple):
    """What a caller calls a request.

    Attributes:
        workspace_no: whose request it is.
        digest: of the text that the caller sent: it may tell who is called.
    """

    workspace_no: int
    digest: bytes

    @property
    def lock(self) -> int:
        """By which it is held: two names that have the same one by chance wait for each other, no more."""
        return _lock(b"idempotency", self.workspace_no, self.digest)


def name_of(workspace_no: int, text: str) -> Name:
    """The name that a caller gave to a request."""
    return Name(workspace_no, hashlib.sha256(text.encode()).digest())


async def hold_once(db: Connection, name: Name) -> bool:
    """Hold the name until the transaction ends, however it ends; False where another request holds it."""
    return bool(await db.fetchval(_SQL["hold_once"], name.lock))


async def hold_path(db: Connection, workspace_no: int, path: str) -> None:
    """Hold what is at a path of the API until the transaction ends; waits for whoever holds it."""
    await db.execute(_SQL["hold_path"], _lock(b"path", workspace_no, path.encode()))


def _lock(kind: bytes, workspace_no: int, what: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"%b %d %b" % (kind, workspace_no, what)).digest()[:8], signed=True)


async def kept_answer(db: Connection, name: Name, now: Instant) -> Record | None:
    """What was answered under this name; to be read once it is held, and in a statement of its own."""
    return await db.fetchrow(_SQL["kept_answer"], *name, now - KEPT)


async def keep_answer(db: Connection, name: Name, fingerprint: bytes, status: int, body: bytes, now: Instant) -> None:
    """Keep an answer, in the transaction of what it tells of.

    Args:
        db: in the transaction that holds the name.
        name: of the request.
        fingerprint: by which the same request is known.
        status: of HTTP.
        body: sealed.
        now: from when on it is kept.
    """
    await db.execute(_SQL["keep_answer"], *name, fingerprint, status, body, now)


async def forget_answers(db: Connection, now: Instant) -> int:
    """Let some answers go that are too old; returns how many. None means that none is left."""
    return int(await db.fetchval(_SQL["forget_answers"], now - KEPT, AT_A_TIME))

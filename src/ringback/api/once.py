"""Requests with an Idempotency-Key: however often one is sent, its work is done once.

A request runs in one transaction, which holds its name and keeps its answer: what it makes and the answer are committed
together or not at all. So nobody is stuck on a request that died in the middle, and none is done twice.
"""

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from cryptography.fernet import Fernet

from ringback.api.auth import ApiKey
from ringback.api.bodies import AnyRequest
from ringback.api.operation import JSON_LIMIT, Api, Operation
from ringback.api.spool import Fingerprint, spooled
from ringback.api.upload import FILE_LIMIT
from ringback.errors import Conflict, Invalid
from ringback.store.database import Record
from ringback.store.idempotency import hold_once, keep_answer, kept_answer, name_of
from ringback.store.within import Within

HEADER = b"idempotency-key"
REPLAYED = (b"idempotent-replayed", b"true")
LONGEST_NAME = 255

AT_ONCE, UPLOADS_AT_ONCE = 4, 2
"""Each holds a connection for as long as it takes, and an import asks for a second one: some must be left for those."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a request came to.

    Attributes:
        status: of HTTP.
        body: its bytes.
        replayed: whether this is the answer of an earlier request.
    """

    status: int
    body: bytes
    replayed: bool = False


Perform = Callable[[Api, AnyRequest], Awaitable[Done]]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a request, and what it is called.

    Attributes:
        key: who asks.
        secret: what was presented for it. Answers are sealed with it, for they may hold secrets: a copy of the database
            does not open them, nor another key.
        name: the header's value.
    """

    key: ApiKey
    secret: str
    name: str

    def derived(self, purpose: bytes) -> bytes:
        """A key of 32 bytes that only who has the secret knows."""
        return hashlib.blake2b(self.secret.encode(), digest_size=32, person=purpose).digest()

    def box(self) -> Fernet:
        """What seals answers, and opens them."""
        return Fernet(base64.urlsafe_b64encode(self.derived(b"once answer")))


@dataclass(frozen=True, slots=True)
class Once:
    """Has requests done once.

    Attributes:
        quick: places for those that take a moment.
        uploads: places for those that bring a file.
    """

    quick: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    uploads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(UPLOADS_AT_ONCE))

    async def perform(
        self, api: Api, operation: Operation, request: AnyRequest, sender: Sender, perform: Perform
    ) -> Done:
        """Perform a request, or tell what became of it.

        Raises:
            Invalid: the name is none.
            Conflict: `idempotency_conflict` or `idempotency_in_progress`.
            TooLarge: the body is over its limit.
        """
        _check(sender.name)
        kind, options = request.content_type
        boundary = options.get("boundary", "").encode() if kind == "multipart/form-data" else b""
        fingerprint = Fingerprint(sender.derived(b"once request"), boundary)
        for part in (operation.method, request.scope["path"], kind):
            fingerprint.part(part.encode())
        fingerprint.part(request.scope["query_string"])
        places = self.uploads if operation.reads_body else self.quick
        limit = FILE_LIMIT if operation.reads_body else JSON_LIMIT
        async with spooled(request, limit, fingerprint) as again, places:
            digest = fingerprint.digest()
            return await _perform(api, operation, sender, digest, lambda inner: perform(inner, again))


async def _perform(
    api: Api, operation: Operation, sender: Sender, fingerprint: bytes, perform: Callable[[Api], Awaitable[Done]]
) -> Done:
    name, now = name_of(sender.key.workspace_no, sender.name), api.clock.now()
    async with api.database.transaction() as db:
        if not await hold_once(db, name):
            raise Conflict("idempotency_in_progress", "the first request with this Idempotency-Key is still under way")
        kept = await kept_answer(db, name, now)
        if kept is not None:
            return _replayed(kept, sender, fingerprint)
        inner = api if operation.repeatable else replace(api, database=Within(api.database, db))
        done = await perform(inner)
        await keep_answer(db, name, fingerprint, done.status, sender.box().encrypt(done.body), now)
    return done


def _replayed(kept: Record, sender: Sender, fingerprint: bytes) -> Done:
    if kept["fingerprint"] != fingerprint:
        raise Conflict(
            "idempotency_conflict",
            "this Idempotency-Key was used for another request, or with another API key: take a new one",
        )
    return Done(kept["status"], sender.box().decrypt(kept["body"]), replayed=True)


def _check(name: str) -> None:
    if not 1 <= len(name) <= LONGEST_NAME or not name.isascii() or not name.isprintable():
        raise Invalid([f"Idempotency-Key must be 1 to {LONGEST_NAME} printable ASCII characters, such as a UUID"])

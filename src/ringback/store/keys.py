"""API keys. A secret is shown once, when it is made; the store keeps its hash."""

import hashlib
import random
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.ids import KEY, read, show
from ringback.store.database import Connection, Record
from ringback.store.listing import Listing, Part, read_part
from ringback.store.queries import load

_SQL = load("keys")

RANDOM_CHARACTERS = 32
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_SECRET = re.compile(r"rb_(live|test)_([0-9a-z]{26})([0-9a-z]{32,64})")


class Scope(StrEnum):
    """What a key may do; admin may do all."""

    CALLS_READ = "calls:read"
    CALLS_WRITE = "calls:write"
    REPORTS_WRITE = "reports:write"
    ADMIN = "admin"


class Secret(NamedTuple):
    """A key's secret.

    Attributes:
        text: what the caller presents.
        key_id: the key's id, which the text begins with.
        live: whether it may place real calls.
    """

    text: str
    key_id: UUID
    live: bool

    @property
    def digest(self) -> bytes:
        """What is kept of it. A secret has 160 random bits, so one fast hash is enough."""
        return hashlib.sha256(self.text.encode()).digest()


def make_secret(key_id: UUID, live: bool, chance: random.Random) -> Secret:
    """A new secret; `chance` is the system's generator, unless nobody is to be kept out."""
    tail = "".join(chance.choices(_ALPHABET, k=RANDOM_CHARACTERS))
    identifier = show(KEY, key_id).removeprefix(f"{KEY}_")
    return Secret(f"rb_{'live' if live else 'test'}_{identifier}{tail}", key_id, live)


def read_secret(text: str) -> Secret | None:
    """The secret in a text, None where it does not have the form of one."""
    match = _SECRET.fullmatch(text)
    key_id = read(KEY, f"{KEY}_{match[2]}") if match else None
    return Secret(text, key_id, match[1] == "live") if match and key_id else None


async def create_key(
    db: Connection, workspace_no: int, secret: Secret, name: str, scopes: Sequence[str], now: Instant
) -> Record:
    """Keep a new key."""
    last_four = secret.text[-4:]
    return await db.fetchrow(
        _SQL["create_key"],
        workspace_no,
        secret.key_id,
        name,
        secret.digest,
        last_four,
        list(scopes),
        secret.live,
        now,
    )


async def find_key(db: Connection, key_id: UUID) -> Record | None:
    """The key with this id in whatever workspace, None where it is not known or revoked."""
    return await db.fetchrow(_SQL["key"], key_id)


async def list_keys(db: Connection, workspace_no: int, part: Part) -> Listing:
    """The workspace's keys, newest first, revoked ones too."""
    return await read_part(db, _SQL["keys"], _SQL["count_keys"], (workspace_no,), part)


async def revoke_key(db: Connection, workspace_no: int, key_id: UUID, now: Instant) -> bool:
    """Revoke a key; False where the workspace has no such key."""
    return await db.fetchval(_SQL["revoke_key"], workspace_no, key_id, now) is not None

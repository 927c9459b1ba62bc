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
from ringback.store.older import check_no_older
from ringback.store.queries import load

_SQL = load("keys")

RANDOM_CHARACTERS = 32
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_SECRET = re.compile(r"rb_(live|test)_([0-9a-z]{26})([0-9a-z]{32,64})")


class Scope(StrEnum):
    """What a key may do; admin may do all."""

    CALLS_READ = "calls:read"
    CALLS_WRITE = "calls:write"
    CAMPAIGNS_READ = "campaigns:read"
    CAMPAIGNS_WRITE = "campaigns:write"
    AGENTS_WRITE = "agents:write"
    REPORTS_WRITE = "reports:write"
    WEBHOOKS_WRITE = "webhooks:write"
    ADMIN = "admin"


class Bounds(NamedTuple):
    """How far a key goes.

    Attributes:
        expires_at: from when on it is not taken; None: it is for good.
        networks: from which alone it is taken, such as `10.0.0.0/8`; None: from everywhere.
    """

    expires_at: Instant | None = None
    networks: tuple[str, ...] | None = None


UNBOUND = Bounds()


class Use(NamedTuple):
    """That a key was used.

    Attributes:
        workspace_no: whose it is.
        key_id: its id.
        at: when, the last time.
    """

    workspace_no: int
    key_id: UUID
    at: Instant


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
    db: Connection,
    workspace_no: int,
    secret: Secret,
    name: str,
    scopes: Sequence[str],
    now: Instant,
    bounds: Bounds = UNBOUND,
) -> Record:
    """Keep a new key, in a transaction where it has bounds.

    Raises:
        Conflict: `older_release_lives`: a server lives that would not keep to the bounds.
    """
    if bounds != UNBOUND:
        await check_no_older(db, "keys that expire or are of some networks alone", now)
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
        bounds.expires_at,
        None if bounds.networks is None else list(bounds.networks),
    )


async def find_key(db: Connection, key_id: UUID) -> Record | None:
    """The key with this id in whatever workspace, expired or not; None where it is not known or revoked."""
    return await db.fetchrow(_SQL["key"], key_id)


async def list_keys(db: Connection, workspace_no: int, part: Part) -> Listing:
    """The workspace's keys, newest first, revoked ones too."""
    return await read_part(db, _SQL["keys"], _SQL["count_keys"], (workspace_no,), part)


async def revoke_key(db: Connection, workspace_no: int, key_id: UUID, now: Instant) -> bool:
    """Revoke a key; False where the workspace has no such key."""
    return await db.fetchval(_SQL["revoke_key"], workspace_no, key_id, now) is not None


async def hold_key(db: Connection, workspace_no: int, key_id: UUID) -> Record | None:
    """A key, held until this transaction is over; None where the workspace has none of that id."""
    return await db.fetchrow(_SQL["hold_key"], workspace_no, key_id)


async def replace_key(db: Connection, workspace_no: int, old: UUID, new: UUID, ends_at: Instant, now: Instant) -> None:
    """Have a new key take the place of an old one, in a transaction that holds the old one.

    Args:
        db: the store.
        workspace_no: whose both are.
        old: the key that ends.
        new: the one that there is already.
        ends_at: when the old one ends; now or earlier revokes it.
        now: the time.

    Raises:
        Conflict: `older_release_lives`: a server lives that would take the old one for good.
    """
    at_once = ends_at <= now
    if not at_once:
        await check_no_older(db, "keys that expire", now)
    ends = (None, now) if at_once else (ends_at, None)
    await db.execute(_SQL["replace_key"], workspace_no, old, new, *ends)


async def note_uses(db: Connection, uses: Sequence[Use]) -> None:
    """Write down when keys were used last."""
    columns = ([use.workspace_no for use in uses], [use.key_id for use in uses], [use.at for use in uses])
    await db.execute(_SQL["note_uses"], *columns)

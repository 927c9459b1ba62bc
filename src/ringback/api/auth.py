"""Who asks: API keys, looked up by their id and compared by their hash in constant time."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from whenever import Instant

from ringback.clock import seconds
from ringback.errors import Forbidden, Unauthenticated
from ringback.store.database import Database
from ringback.store.keys import Scope, Secret, find_key, read_secret

REMEMBERED = seconds(2)
"""A key that was found is not looked up again for so long, so that a request costs no query of its own. A key that is
revoked on another node works on this one for as long."""

MOST_REMEMBERED = 10_000
_BEARER = "bearer "
_NO_SUCH_DIGEST = bytes(32)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as a request uses it."""

    key_id: UUID
    workspace_no: int
    digest: bytes
    scopes: frozenset[str]
    live: bool

    def require(self, scope: Scope) -> None:
        """Refuse what the key may not do.

        Raises:
            Forbidden: `missing_scope`.
        """
        if scope not in self.scopes and Scope.ADMIN not in self.scopes:
            raise Forbidden("missing_scope", f"this API key lacks the scope {scope}")

    def require_trunk(self, kind: str) -> None:
        """Keep a test key from real calls.

        Raises:
            Forbidden: `test_key`.
        """
        if not self.live and kind != "simulator":
            raise Forbidden("test_key", "a test key works on simulator trunks only")


class Keys:
    """Knows keys for a moment after they were found; unknown ones are looked up each time.

    Args:
        database: where the keys are.
        now: tells the time.
    """

    def __init__(self, database: Database, now: Callable[[], Instant]) -> None:
        self._database = database
        self._now = now
        self._known: dict[UUID, tuple[Instant, ApiKey]] = {}

    async def admit(self, authorization: str) -> ApiKey:
        """The key behind an Authorization header.

        Whether the id or only its secret is wrong cannot be told from the answer, nor from the comparison's time.

        Raises:
            Unauthenticated: there is no key, or it is unknown or revoked.
        """
        scheme, text = authorization[: len(_BEARER)].lower(), authorization[len(_BEARER) :].strip()
        secret = read_secret(text) if scheme == _BEARER else None
        if secret is None:
            raise Unauthenticated("unauthenticated", "send your API key as 'Authorization: Bearer rb_live_...'")
        key = await self._key(secret)
        digest = _NO_SUCH_DIGEST if key is None else key.digest
        if not hmac.compare_digest(secret.digest, digest) or key is None:
            raise Unauthenticated("unauthenticated", "this API key is unknown or revoked")
        return key

    def forget(self, key_id: UUID) -> None:
        """Look this key up again the next time."""
        self._known.pop(key_id, None)

    async def _key(self, secret: Secret) -> ApiKey | None:
        now = self._now()
        until, key = self._known.get(secret.key_id, (None, None))
        if until is None or until <= now:
            key = await self._look_up(secret.key_id)
            if key is not None:
                self._remember(key, now)
        return key

    async def _look_up(self, key_id: UUID) -> ApiKey | None:
        async with self._database.connection() as db:
            row = await find_key(db, key_id)
        if row is None:
            return None
        return ApiKey(row["key_id"], row["workspace_no"], row["secret_hash"], frozenset(row["scopes"]), row["live"])

    def _remember(self, key: ApiKey, now: Instant) -> None:
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[key.key_id] = (now + REMEMBERED, key)

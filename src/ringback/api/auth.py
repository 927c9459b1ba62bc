"""Who asks: API keys, looked up by their id and compared by their hash in constant time."""

import hmac
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from whenever import Instant, TimeDelta

from ringback.api.last_use import Uses
from ringback.api.networks import Network, is_within
from ringback.clock import seconds
from ringback.errors import Forbidden, Unauthenticated
from ringback.store.agent_reports import find_token
from ringback.store.agent_tokens import read_token
from ringback.store.database import Database
from ringback.store.keys import Scope, Secret, find_key, read_secret

REMEMBERED = seconds(2)
"""A key that was found is not looked up again for so long, so that a request costs no query of its own. A key that is
revoked on another node works on this one for as long."""

REPORTING = TimeDelta(hours=1)
"""After the end of an attempt its token is good for so long."""

MOST_REMEMBERED = 10_000
_BEARER = "bearer "
_NO_SUCH_DIGEST = bytes(32)
_REPORTER = frozenset({Scope.REPORTS_WRITE})


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as a request uses it, or an attempt's token.

    Attributes:
        key_id: its id.
        workspace_no: whose it is.
        digest: what is kept of its secret.
        scopes: what it may do.
        live: whether it may place real calls.
        expires_at: from when on it is not taken; None: it is for good.
        networks: from which alone it is taken; None: from everywhere.
        last_four: characters of its secret.
        requests_per_min: how often it may ask; None for what the installation has.
        attempt: of a token, the one attempt that it is for, of the call in the request's path.
    """

    key_id: UUID
    workspace_no: int
    digest: bytes
    scopes: frozenset[str]
    live: bool
    expires_at: Instant | None = None
    networks: tuple[Network, ...] | None = None
    last_four: str = ""
    requests_per_min: int | None = None
    attempt: int | None = None

    def require(self, scope: Scope) -> None:
        """Refuse what the key may not do.

        Raises:
            Forbidden: `missing_scope`.
        """
        if scope not in self.scopes and Scope.ADMIN not in self.scopes:
            raise Forbidden("missing_scope", f"this API key lacks the scope {scope}")

    def require_address(self, address: str | None) -> None:
        """Refuse a caller who asks from elsewhere.

        Args:
            address: of who asks; None where it is not known, as over a Unix socket.

        Raises:
            Forbidden: `network_not_allowed`.
        """
        if self.networks is not None and not is_within(address, self.networks):
            raise Forbidden("network_not_allowed", f"this API key is not taken from {address or 'there'}")

    def require_trunk(self, *kinds: str) -> None:
        """Keep a test key from real calls.

        Args:
            kinds: of the trunks over which calls may go.

        Raises:
            Forbidden: `test_key`.
        """
        if not self.live and set(kinds) - {"simulator"}:
            raise Forbidden("test_key", "a test key works on simulator trunks only")


class Keys:
    """Knows keys for a moment after they were found; unknown ones are looked up each time.

    Args:
        database: where the keys are.
        now: tells the time.
        uses: told of each use.
    """

    def __init__(self, database: Database, now: Callable[[], Instant], uses: Uses) -> None:
        self._database = database
        self._now = now
        self._uses = uses
        self._known: dict[UUID, tuple[Instant, ApiKey]] = {}
        self._forgotten = 0

    async def admit(self, authorization: str, address: str | None) -> ApiKey:
        """The key behind an Authorization header.

        Whether the id or only its secret is wrong cannot be told from the answer, nor from the comparison's time.

        Args:
            authorization: the header.
            address: of who asks, None where it is not known.

        Raises:
            Unauthenticated: there is no key, or it is unknown or revoked, or has expired.
            Forbidden: `network_not_allowed`.
        """
        secret = read_secret(_bearer(authorization))
        if secret is None:
            raise Unauthenticated("unauthenticated", "send your API key as 'Authorization: Bearer rb_live_...'")
        now = self._now()
        key = await self._key(secret, now)
        digest = _NO_SUCH_DIGEST if key is None else key.digest
        if not hmac.compare_digest(secret.digest, digest) or key is None:
            raise Unauthenticated("unauthenticated", "this API key is unknown or revoked")
        if key.expires_at is not None and key.expires_at <= now:
            raise Unauthenticated("unauthenticated", "this API key has expired")
        key.require_address(address)
        self._uses.note(key.workspace_no, key.key_id, now)
        return key

    async def admit_reporter(self, authorization: str, address: str | None, call_id: UUID) -> ApiKey:
        """The same, but the token of one of the call's attempts will do, until an hour after its end.

        Args:
            authorization: the header.
            address: of who asks, None where it is not known.
            call_id: of the call in the path.

        Raises:
            Unauthenticated: there is neither, or it is unknown, revoked, another call's or too old.
            Forbidden: `network_not_allowed`.
        """
        token = read_token(_bearer(authorization))
        if token is None:
            return await self.admit(authorization, address)
        async with self._database.connection() as db:
            row = await find_token(db, (token.workspace_no, call_id, token.attempt))
        digest = _NO_SUCH_DIGEST if row is None else row["token_hash"]
        if not hmac.compare_digest(token.digest, digest) or row is None or self._is_late(row["ended_at"]):
            raise Unauthenticated("unauthenticated", "this token is unknown, another call's, or its hour is over")
        return ApiKey(call_id, token.workspace_no, digest, _REPORTER, live=True, attempt=token.attempt)

    def _is_late(self, ended_at: Instant | None) -> bool:
        return ended_at is not None and self._now() > ended_at + REPORTING

    def forget(self, key_id: UUID) -> None:
        """Look this key up again the next time; what is being looked up at this moment may be too old to remember."""
        self._known.pop(key_id, None)
        self._forgotten += 1

    async def _key(self, secret: Secret, now: Instant) -> ApiKey | None:
        until, key = self._known.get(secret.key_id, (None, None))
        if until is None or until <= now:
            forgotten = self._forgotten
            key = await self._look_up(secret.key_id)
            if key is not None and forgotten == self._forgotten:
                self._remember(key, now)
        return key

    async def _look_up(self, key_id: UUID) -> ApiKey | None:
        async with self._database.connection() as db:
            row = await find_key(db, key_id)
        if row is None:
            return None
        return ApiKey(
            row["key_id"],
            row["workspace_no"],
            row["secret_hash"],
            frozenset(row["scopes"]),
            row["live"],
            row["expires_at"],
            None if row["networks"] is None else tuple(map(ipaddress.ip_network, row["networks"])),
            row["last_four"],
            row["requests_per_min"],
        )

    def _remember(self, key: ApiKey, now: Instant) -> None:
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[key.key_id] = (now + REMEMBERED, key)


def _bearer(authorization: str) -> str:
    """What an Authorization header presents, empty where it is of another scheme (RFC 6750, section 2.1)."""
    scheme, text = authorization[: len(_BEARER)].lower(), authorization[len(_BEARER) :].strip()
    return text if scheme == _BEARER else ""

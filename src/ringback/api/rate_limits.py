"""How many requests a key may make in a minute, over all servers, without a statement for each request.

A server reserves some of a key's minute at a time and hands them out: few at first, and each time twice as many,
so that who asks seldom takes little from the other servers. What is not used when the minute ends is lost. The
bound is exact: what was reserved is counted in one row, and never exceeds the limit.
"""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from whenever import Instant

from ringback.api.auth import ApiKey
from ringback.config import REQUESTS_PER_MIN
from ringback.errors import OurError, TooOften
from ringback.store.database import Database
from ringback.store.rate_limits import WINDOW_SEC, reserve_requests, window_of

FIRST_PART = 100
"""The first reservation of a minute is the limit divided by this."""

DEFAULT = 6_000
MOST = 1_000_000_000
MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class _Share:
    """What this server has of a key's minute."""

    window_no: int = -1
    left: int = 0
    others_left: int = 0
    next_part: int = 0
    is_spent: bool = False
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a key stands after a request.

    Attributes:
        limit: requests a minute.
        remaining: of them, as far as this server knows.
        reset: when the next minute begins, in Unix seconds.
    """

    limit: int
    remaining: int
    reset: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """As they are told."""
        return [
            (b"x-ratelimit-limit", b"%d" % self.limit),
            (b"x-ratelimit-remaining", b"%d" % self.remaining),
            (b"x-ratelimit-reset", b"%d" % self.reset),
        ]


class RateLimits:
    """The minutes of the keys that ask here.

    Args:
        database: where what is reserved is counted.
        default: requests a minute of a key whose workspace has no limit of its own.
    """

    def __init__(self, database: Database, default: int) -> None:
        self._database = database
        self._default = default
        self._shares: dict[UUID, _Share] = {}

    async def count(self, key: ApiKey, now: Instant) -> tuple[Standing, bool]:
        """Count a request; whether it may go on.

        Raises:
            DatabaseUnavailable: nothing can be reserved.
        """
        limit = key.requests_per_min or self._default
        share = self._shares.get(key.key_id) or self._remember(key.key_id)
        if not _has(share, now):
            async with share.asking:
                await self._reserve(share, key, limit, now)
        may = share.left > 0
        share.left -= may
        standing = Standing(limit, share.left + share.others_left, (share.window_no + 1) * WINDOW_SEC)
        return standing, may

    async def _reserve(self, share: _Share, key: ApiKey, limit: int, now: Instant) -> None:
        """Reserve more, unless who waited for the same has done so or none is left."""
        is_new = share.window_no < window_of(now)
        if not is_new and (share.left > 0 or share.is_spent):
            return
        wanted = -(-limit // FIRST_PART) if is_new else share.next_part
        async with self._database.connection() as db:
            got = await reserve_requests(db, key.workspace_no, key.key_id, now, limit, wanted)
        share.window_no, share.left = got.window_no, got.reserved
        share.others_left, share.is_spent = max(limit - got.taken, 0), not got.reserved
        share.next_part = wanted * 2

    def _remember(self, key_id: UUID) -> _Share:
        if len(self._shares) >= MOST_REMEMBERED:
            self._shares.clear()
        return self._shares.setdefault(key_id, _Share())


def parse_limit(text: str | None) -> int:
    """The installation's requests a minute.

    Args:
        text: of the setting, None for the default.

    Raises:
        OurError: it is no such number.
    """
    told = str(DEFAULT) if text is None else text
    if not told.isascii() or not told.isdecimal() or not 1 <= int(told) <= MOST:
        raise OurError(f"{REQUESTS_PER_MIN} must be a whole number from 1 to {MOST}, such as {DEFAULT}, not {told}")
    return int(told)


def _has(share: _Share, now: Instant) -> bool:
    return share.window_no >= window_of(now) and (share.left > 0 or share.is_spent)


def too_often(standing: Standing, now: Instant) -> TooOften:
    """The refusal of a request that is one too many."""
    wait = max(1, standing.reset - now.timestamp())
    return TooOften(
        "rate_limited", f"this API key may ask {standing.limit} times a minute: ask again in {wait} s", wait
    )

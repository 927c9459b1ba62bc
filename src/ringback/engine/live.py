"""What a node has in hand: the attempts that it claimed and that are not settled, and the events that came for them."""

import asyncio
import heapq
import itertools
from collections import deque
from dataclasses import dataclass
from uuid import UUID

from whenever import Instant, TimeDelta

from ringback.carriers.carrier import CallEvent, Dial
from ringback.domain.attempt import AttemptState
from ringback.domain.billing import Billing
from ringback.domain.retry import Bounds, RetryPolicy
from ringback.store.attempts import Key

NO_GAP = TimeDelta()


@dataclass(slots=True)
class LiveAttempt:
    """One attempt from its intent to its end, with all that its settlement needs.

    Attributes:
        key: where its row is.
        node_no: the node that claimed it: this one, until it loses its lease.
        dial: what the carrier is, or will be, asked.
        campaign_no: 0 for a single call.
        lane_trunk_no: the trunk of its queue lane: 0 for a campaign's.
        trunk: (workspace_no, trunk_no) of the trunk that places it.
        policy: the retry policy in force.
        policy_version: its version.
        bounds: when it may be redialled.
        billing: the trunk's tariff.
        place_at: not before this instant, by the pace of its limits.
        gap: and not sooner than so long after the dial before it over the same trunk, even when both are late.
        state: how far it has come.
        called_at: when the trunk was asked, None until then.
        answered_at: when somebody picked up, None until then.
    """

    key: Key
    node_no: int
    dial: Dial
    campaign_no: int
    lane_trunk_no: int
    trunk: tuple[int, int]
    policy: RetryPolicy
    policy_version: int
    bounds: Bounds
    billing: Billing
    place_at: Instant
    gap: TimeDelta = NO_GAP
    state: AttemptState = AttemptState.INITIATED
    called_at: Instant | None = None
    answered_at: Instant | None = None


class InHand:
    """The node's own memory, which may be lost at any instant: all that matters is in the database."""

    def __init__(self) -> None:
        self.live: dict[UUID, LiveAttempt] = {}
        self.inbox: deque[CallEvent] = deque()
        self.unplaced: list[LiveAttempt] = []
        self.doubtful_claims: set[Instant] = set()
        self.news = asyncio.Event()
        self.room = asyncio.Event()
        self.intents = asyncio.Event()
        self._to_place: list[tuple[Instant, int, LiveAttempt]] = []
        self._free_at: dict[tuple[int, int], Instant] = {}
        self._order = itertools.count()

    def hear(self, event: CallEvent) -> None:
        """Take an event from a carrier; the listener of all of them."""
        self.inbox.append(event)
        self.news.set()

    def add(self, attempt: LiveAttempt) -> None:
        """Take on an attempt whose intent is committed."""
        self.live[attempt.dial.attempt_id] = attempt
        heapq.heappush(self._to_place, (attempt.place_at, next(self._order), attempt))
        self.intents.set()

    def next_place_at(self) -> Instant | None:
        """When the next intent is to be placed."""
        return self._to_place[0][0] if self._to_place else None

    def take_placeable(self, now: Instant) -> list[LiveAttempt]:
        """The intents whose time to be placed has come. Those of a paced trunk that are late do not go in a burst."""
        ready = []
        while self._to_place and self._to_place[0][0] <= now:
            attempt = heapq.heappop(self._to_place)[2]
            free_at = self._free_at.get(attempt.trunk, now) if attempt.gap else now
            if free_at > now:
                heapq.heappush(self._to_place, (free_at, next(self._order), attempt))
            else:
                ready.append(attempt)
                self._free_at[attempt.trunk] = now + attempt.gap
        return ready

    def give_up_placing(self) -> None:
        """Place nothing more: what waits to be placed is to be taken back."""
        self.unplaced.extend(attempt for _, _, attempt in self._to_place)
        self._to_place.clear()

    def forget(self, attempt_id: UUID) -> None:
        """Let go of an attempt that is settled or withdrawn."""
        self.live.pop(attempt_id, None)
        self.room.set()

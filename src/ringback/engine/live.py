"""What a node has in hand: the attempts that it claimed and that are not settled, and the events that came for them."""

import asyncio
import heapq
import itertools
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import msgspec
from whenever import Instant, TimeDelta

from ringback.carriers.carrier import CallEvent, Dial
from ringback.domain.attempt import AttemptState
from ringback.domain.billing import Billing
from ringback.domain.limits import LaneKey, LimitKey, LimitKind
from ringback.engine.plan import DialPlan
from ringback.store.attempts import Key
from ringback.store.contacts import keys_of


class Pace(NamedTuple):
    """What a paced limit asks of the dials under it: in any `span` at most `most` of them."""

    key: LimitKey
    most: int
    span: TimeDelta


GRACE = TimeDelta(seconds=15)
"""For how long after its latest end an attempt's events may still come."""


class Mark(msgspec.Struct):
    """When a dial under a paced limit went out: first when its turn came, then when the trunk was asked."""

    at: Instant


class Named(NamedTuple):
    """The ids of a campaign, None for single calls, and of a trunk."""

    campaign_id: UUID | None
    trunk_id: UUID


@dataclass(frozen=True, slots=True)
class Route:
    """A way that the dials of one lane go.

    Attributes:
        lane: where they wait, by which they are counted as up: a campaign's is one, whichever trunk they wait for.
        trunk: (workspace_no, trunk_no) of the trunk that places them.
        caller_no: of their caller number where that has a limit, 0 otherwise.
        limits: those that bind them.
        billing: the trunk's tariff.
        deck_id: the trunk's rate deck, which goes before that; None for none.
        longest: from the request to the end at most, by the trunk.
        hold: for how long a call may be up where nobody knows how it ended.
        pool_no: of the caller pool that their number comes from, 0 for none.
        named: what the ledger names of it; None where that is read from the rows.
    """

    lane: LaneKey
    trunk: tuple[int, int]
    caller_no: int
    limits: tuple[LimitKey, ...]
    billing: Billing
    deck_id: UUID | None
    longest: TimeDelta
    hold: TimeDelta
    pool_no: int = 0
    named: Named | None = None

    @property
    def pool(self) -> LimitKey:
        """The key of what the numbers of its caller pool have left."""
        return LimitKey(self.trunk[0], LimitKind.POOL, self.pool_no)

    @property
    def check(self) -> LimitKey:
        """The key of how many dials of its workspace this node may have checked at a time."""
        return LimitKey(self.trunk[0], LimitKind.CHECK, 0)

    @property
    def carrier(self) -> LimitKey:
        """The key of what this node's own end of the trunk takes."""
        return LimitKey(self.trunk[0], LimitKind.CARRIER, self.trunk[1])


class LiveAttempt(msgspec.Struct):
    """One attempt from its intent to its end, with all that its settlement needs.

    Attributes:
        key: where its row is.
        node_no: the node that claimed it: this one, until it loses its lease.
        dial: what the carrier is, or will be, asked.
        plan: the rules for it.
        route: the way it goes.
        due_at: when it was due.
        place_at: not before this instant, by the pace of its limits.
        paces: of its limits, kept also by dials that are late.
        state: how far it has come.
        called_at: when the trunk was asked, None until then.
        rang_at: when the far end alerted, None until then.
        answered_at: when somebody picked up, None until then.
        look_up_at: not asked about before, where it was asked about already.
        hung_up: whether its trunk was told to hang up.
        due_again_at: when it is due again if it is taken back; None for at once.
        mark: what its paces remember of it.
        earlier: when its call was dialled before, where its policy looks back.
        refused_by: the trunks that refused this call in a row, just before.
        list_version: of its workspace's do-not-call list when its number was last looked up there.
        is_stopped: its number is on that list since: it is not placed.
        placed_by: it is placed before that or taken back, where its dial is counted by contact rules.
        allowed_until: the same, where its workspace was asked.
        debt_id: what its lead names the debt that it is about, None for none.
        check: whom its workspace has asked before it is placed, as the store keeps it; None for nobody.
        is_unchecked: nobody has allowed it yet.
        intent_at: when its intent was written, None where another node wrote it.
    """

    key: Key
    node_no: int
    dial: Dial
    plan: DialPlan
    route: Route
    due_at: Instant
    place_at: Instant
    paces: tuple[Pace, ...] = ()
    state: AttemptState = AttemptState.INITIATED
    called_at: Instant | None = None
    rang_at: Instant | None = None
    answered_at: Instant | None = None
    look_up_at: Instant | None = None
    hung_up: bool = False
    due_again_at: Instant | None = None
    mark: Mark | None = None
    refused_by: tuple[int, ...] = ()
    earlier: tuple[Instant, ...] = ()
    list_version: int = 0
    is_stopped: bool = False
    placed_by: Instant | None = None
    allowed_until: Instant | None = None
    debt_id: str | None = None
    check: str | None = None
    is_unchecked: bool = False
    intent_at: Instant | None = None

    @property
    def counted_under(self) -> tuple[tuple[int, str], ...]:
        """The keys under which contact rules count it."""
        return tuple((self.key[0], key) for key in keys_of(self.dial.to_number, self.debt_id))

    @property
    def placeable_until(self) -> Instant:
        """After that it is not placed."""
        return min(self.placed_by or Instant.MAX, self.allowed_until or Instant.MAX)

    @property
    def dials(self) -> tuple[Instant, ...]:
        """When its call was dialled, this time last."""
        return (*self.earlier, self.called_at or self.place_at)

    @property
    def overdue_at(self) -> Instant:
        """From when on it is asked about: its trunk should have told of its end."""
        return self.look_up_at or (self.called_at or self.place_at) + self.route.longest + GRACE


@dataclass(frozen=True, slots=True)
class DoubtfulClaim:
    """A claim that was cut off before it was heard whether it was committed."""

    transaction_id: str
    attempts: list[LiveAttempt]


class InHand:
    """The node's own memory, which may be lost at any instant: all that matters is in the database."""

    def __init__(self) -> None:
        self.live: dict[UUID, LiveAttempt] = {}
        self.up: Counter[LaneKey] = Counter()
        self.inbox: deque[CallEvent] = deque()
        self.unplaced: list[LiveAttempt] = []
        self.unchecked: list[LiveAttempt] = []
        self.asking: Counter[int] = Counter()
        self.doubtful: list[DoubtfulClaim] = []
        self.news = asyncio.Event()
        self.room = asyncio.Event()
        self.intents = asyncio.Event()
        self.checks = asyncio.Event()
        self._to_place: list[tuple[Instant, int, LiveAttempt]] = []
        self._paced: Counter[LimitKey] = Counter()
        self._recent: defaultdict[LimitKey, deque[Mark]] = defaultdict(deque)
        self._order = itertools.count()

    def hear(self, event: CallEvent) -> None:
        """Take an event from a carrier; the listener of all of them."""
        self.inbox.append(event)
        self.news.set()

    def add(self, attempt: LiveAttempt) -> None:
        """Take on an attempt whose intent is committed."""
        self.live[attempt.dial.attempt_id] = attempt
        self.up[attempt.route.lane] += 1
        if attempt.check is None:
            self.line_up(attempt)
            return
        attempt.is_unchecked = True
        self.asking[attempt.key[0]] += 1
        self.unchecked.append(attempt)
        self.checks.set()

    def line_up(self, attempt: LiveAttempt) -> None:
        """Have an intent placed when its instant comes."""
        self._asks_no_more(attempt)
        heapq.heappush(self._to_place, (attempt.place_at, next(self._order), attempt))
        self._paced.update(pace.key for pace in attempt.paces)
        self.intents.set()

    def next_place_at(self) -> Instant | None:
        """When the next intent is to be placed."""
        return self._to_place[0][0] if self._to_place else None

    def waiting(self, key: LimitKey) -> int:
        """How many intents under a paced limit wait to be placed."""
        return self._paced[key]

    def take_placeable(self, now: Instant) -> list[LiveAttempt]:
        """The intents whose time to be placed has come. Those of a paced limit that are late do not go in a burst."""
        ready = []
        while self._to_place and self._to_place[0][0] <= now:
            attempt = heapq.heappop(self._to_place)[2]
            free_at = max(map(self._free_at, attempt.paces), default=now)
            if free_at > now:
                heapq.heappush(self._to_place, (free_at, next(self._order), attempt))
            else:
                ready.append(attempt)
                self._note_paced(attempt, now)
        return ready

    def give_up_placing(self) -> None:
        """Place nothing more: what waits to be placed is to be taken back."""
        self.unplaced.extend(attempt for _, _, attempt in self._to_place)
        known = {attempt.dial.attempt_id for attempt in self.unplaced}
        self.unplaced.extend(a for a in self.live.values() if a.is_unchecked and a.dial.attempt_id not in known)
        self.unchecked.clear()
        self._to_place.clear()
        self._paced.clear()

    def _free_at(self, pace: Pace) -> Instant:
        """When a pace has room for one more dial."""
        recent = self._recent[pace.key]
        return recent[-pace.most].at + pace.span if len(recent) >= pace.most else Instant.MIN

    def _note_paced(self, attempt: LiveAttempt, now: Instant) -> None:
        attempt.mark = Mark(now)
        for pace in attempt.paces:
            recent = self._recent[pace.key]
            recent.append(attempt.mark)
            if len(recent) > pace.most:
                recent.popleft()
            self._paced[pace.key] -= 1

    def forget(self, attempt: LiveAttempt) -> None:
        """Let go of an attempt that is settled or withdrawn."""
        if self.live.pop(attempt.dial.attempt_id, None) is not None:
            self.up[attempt.route.lane] -= 1
        self._asks_no_more(attempt)
        self.room.set()

    def _asks_no_more(self, attempt: LiveAttempt) -> None:
        if attempt.is_unchecked:
            attempt.is_unchecked = False
            self.asking[attempt.key[0]] -= 1
            self.room.set()

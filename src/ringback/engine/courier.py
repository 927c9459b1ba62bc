"""A courier: what a node has in hand for one webhook, and how its receiver does."""

from collections import deque
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.clock import seconds
from ringback.domain.webhooks import JITTER, MANY, rest_sec
from ringback.store.database import Record
from ringback.store.outbox import HookKey, Letter

MOST_AT_ONCE = 16
"""Events that one receiver is told at a time."""

LOOK_AHEAD = 256
"""Events of one webhook that are read at a time."""


class Hook(NamedTuple):
    """A webhook as it is kept."""

    workspace_no: int
    webhook_no: int
    webhook_id: UUID
    workspace_id: UUID
    url: str
    secret: str
    secret_before: str | None
    failing_since: Instant | None

    @property
    def key(self) -> HookKey:
        """Which it is in the store."""
        return self.workspace_no, self.webhook_no


Chain = list[Letter]
"""Events of one subject, in their order."""


class Courier:
    """Knows what is to be sent to one receiver, how much at a time, and when to leave it alone.

    Args:
        row: the webhook.
    """

    def __init__(self, row: Record) -> None:
        self.hook = Hook(*row)
        self.secrets: tuple[str, ...] = ()
        self.failing_since = self.noted = self.hook.failing_since
        self.last_failure: str | None = None
        self.flying = 0
        self.is_off = False
        self.is_shut = False
        self.is_back = False
        self._was_ill = self.failing_since is not None
        self._ready: deque[Chain] = deque()
        self._in_hand: set[int] = set()
        self._failures = 0
        self._failed: set[UUID] = set()
        self._rest_until = Instant.MIN
        self._rest_sec: float | None = None

    @property
    def in_hand(self) -> set[int]:
        """The numbers of the events that are read and of which it is not written down what became of them."""
        return self._in_hand

    @property
    def turned(self) -> bool:
        """Whether the receiver fails, or takes something again, and that is not kept yet.

        A few failures in a row are not worth it.
        """
        return self.noted != self.failing_since and (self.failing_since is None or self._failures >= MANY)

    def renew(self, row: Record) -> None:
        """Go by the webhook as it is now."""
        self.hook = Hook(*row)

    def room(self, now: Instant) -> int:
        """How many chains may be begun; a receiver that fails is tried with one at a time."""
        if self.is_off or not self.secrets or now < self._rest_until:
            return 0
        return max((1 if self._is_ill else MOST_AT_ONCE) - self.flying, 0)

    def wants(self, now: Instant) -> int:
        """How many events are to be read."""
        return LOOK_AHEAD if not self._ready and self.room(now) else 0

    def give(self, letters: Sequence[Letter]) -> Sequence[Letter]:
        """Take over what was read, in chains; returns those that wait for one that is due later.

        A chain begins with the first event of its subject. One that another chain has in hand is waited for.
        """
        blocked: Chain = []
        by_subject = attrgetter("subject_id")
        for _, group in groupby(sorted(letters, key=attrgetter("subject_id", "event_no")), by_subject):
            chain = list(group)
            if chain[0].event_no == chain[0].first_no:
                self._ready.append(chain)
                self._in_hand.update(letter.event_no for letter in chain)
            elif chain[0].first_no not in self._in_hand:
                blocked += chain
        self._ready = deque(sorted(self._ready, key=lambda chain: chain[0].event_no))
        return blocked

    def take(self, now: Instant, most: int) -> list[Chain]:
        """The chains that are to be begun, at most so many."""
        taken = [self._ready.popleft() for _ in range(min(self.room(now), most, len(self._ready)))]
        self.flying += len(taken)
        return taken

    def give_back(self, chain: Chain) -> None:
        """A chain was not begun after all."""
        self._ready.appendleft(chain)
        self.flying -= 1

    def land(self, unsent: Chain) -> None:
        """A chain is over; what was not sent of it is read again."""
        self.flying -= 1
        for letter in unsent:
            self.done(letter)

    def done(self, letter: Letter) -> None:
        """It is written down what became of an event, or it was not sent after all."""
        self._in_hand.discard(letter.event_no)

    def took(self) -> None:
        """The receiver took an event."""
        self.is_back = self.is_back or self._is_ill
        self._failures, self._was_ill, self.failing_since = 0, False, None
        self._rest_sec, self._rest_until = None, Instant.MIN
        self._failed.clear()

    def failed(self, letter: Letter, why: str, now: Instant, chance: float) -> None:
        """It did not take one."""
        self._failures += 1
        self.last_failure = why
        self.failing_since = self.failing_since or now
        if len(self._failed) < MANY:
            self._failed.add(letter.subject_id)
        if self._is_ill and now >= self._rest_until:
            self._rest_sec = rest_sec(self._rest_sec)
            self._rest_until = now + seconds(self._rest_sec * (1 + JITTER * chance))

    @property
    def _is_ill(self) -> bool:
        """Whether it is the receiver that fails, and not what it is told of one subject."""
        return self._was_ill or len(self._failed) >= MANY

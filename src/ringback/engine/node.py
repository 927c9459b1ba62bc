"""What the duties of one node share."""

import random
from dataclasses import dataclass
from pathlib import Path

from whenever import Instant

from ringback.clock import Clock
from ringback.engine.brief import Briefs
from ringback.engine.checks import Checks
from ringback.engine.lease import Lease
from ringback.engine.live import InHand, LiveAttempt
from ringback.engine.permits import Permits
from ringback.engine.plan import Plans
from ringback.engine.trunks import Trunks
from ringback.events import Publish
from ringback.ids import Ids
from ringback.store.database import Database


@dataclass(frozen=True, slots=True)
class Node:
    """One node's means.

    Attributes:
        database: the store; connections with ENGINE_SETTINGS.
        clock: tells `now`.
        chance: places the jitter of a retry.
        ids: makes the attempts' identifiers.
        lease: this node's right to dial.
        trunks: the carriers.
        plans: the rules for each dial.
        permits: what this node may use of the caps.
        briefs: who handles each call.
        hand: what this node has in hand.
        publish: told of all that happens.
        folder: the data directory.
        checks: whom to ask before dials.
    """

    database: Database
    clock: Clock
    chance: random.Random
    ids: Ids
    lease: Lease
    trunks: Trunks
    plans: Plans
    permits: Permits
    briefs: Briefs
    hand: InHand
    publish: Publish
    folder: Path
    checks: Checks

    def let_go(self, attempt: LiveAttempt, held_until: Instant | None = None) -> None:
        """Forget an attempt that is over in the database, and free its slots, or hold them where it may still be up."""
        self.hand.forget(attempt)
        if held_until is None:
            self.permits.free(attempt.node_no, attempt.route.limits)
        else:
            self.permits.free_later(attempt.node_no, attempt.route.limits, held_until)

"""What contact rules count in a run, on top of what was counted before it."""

from collections.abc import Iterable

from whenever import Instant

from ringback.domain.contact import NO_RULES
from ringback.domain.decision import Withheld
from ringback.engine.contact import Watched, as_contacts, next_one
from ringback.engine.live import LiveAttempt
from ringback.engine.plan import DialPlan
from ringback.planning.stage import Lead, Stage
from ringback.store.contacts import Before, keys_of


class Counting:
    """Knows when numbers were dialled, and debts dialled about.

    Args:
        stage: with what is known of both when the run begins.
    """

    def __init__(self, stage: Stage) -> None:
        self._rules, self._before = stage.rules, stage.counted
        self._dials: dict[str, list[Instant]] = {}
        self._talked_at: dict[str, Instant] = {}
        self._claimed: set[str] = set()

    def begin_claim(self) -> None:
        """What is taken from here on begins in one moment."""
        self._claimed.clear()

    def withheld(self, lead: Lead, plan: DialPlan, at: Instant) -> Withheld | None:
        """Why a claim at this instant would withhold a dial that nothing else does; one that is not is taken."""
        if self._rules == plan.contact == NO_RULES:
            return None
        keys = keys_of(lead.to_number, lead.debt_id)
        if not self._claimed.isdisjoint(keys):
            return next_one(at)
        self._claimed.update(keys)
        return Watched(self._rules, as_contacts([self._known(key) for key in keys], lead.dials)).withheld(
            plan.contact, at
        )

    def dialled(self, attempts: Iterable[LiveAttempt], at: Instant) -> None:
        """Count dials from their intents on."""
        for attempt in attempts:
            for key in self._keys(attempt):
                self._dials.setdefault(key, []).append(at)

    def talked(self, attempt: LiveAttempt, at: Instant) -> None:
        """A conversation has ended."""
        self._talked_at.update(dict.fromkeys(self._keys(attempt), at))

    def _keys(self, attempt: LiveAttempt) -> tuple[str, ...]:
        if self._rules == attempt.plan.contact == NO_RULES:
            return ()
        return keys_of(attempt.dial.to_number, attempt.debt_id)

    def _known(self, key: str) -> Before:
        dials, talked_at = self._before.get(key, Before([], None))
        return Before([*dials, *self._dials.get(key, ())], self._talked_at.get(key, talked_at))

"""What a run spends: by the rate decks of its trunks, within its budgets, and as long as a redial is worth it."""

from collections.abc import Iterable, Mapping
from typing import Any

from ringback.domain.billing import Charge, price, rate_of
from ringback.domain.decision import Withheld
from ringback.domain.outcome import MEANINGS, EndReason, Status
from ringback.domain.worth import Evidence
from ringback.engine.live import LiveAttempt
from ringback.engine.plan import DialPlan
from ringback.engine.worth import by_worth
from ringback.planning.stage import Stage
from ringback.store.attempts import Result
from ringback.store.budgets import is_spent

OF = ("workspace", "campaign")
NONE_YET = Evidence(0, 0, 0, None)


class Money:
    """What is spent in one run, on top of what was spent before.

    Args:
        stage: with the decks, the budgets in its lanes, and what each ordinal has cost and reached.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage, self._spent = stage, 0.0
        self._evidence = dict(stage.evidence)
        self._budgets = _budgets(row for rows in stage.lanes.values() for row in rows)

    @property
    def is_spent(self) -> bool:
        """Whether a budget is used up: then nothing more is dialled."""
        return any(is_spent(amount, round(spent + self._spent)) for amount, spent in self._budgets)

    def pay(self, attempt: LiveAttempt, result: Result) -> tuple[Charge, str]:
        """What an attempt that is over costs, and in which currency."""
        deck = self._stage.decks.get(attempt.route.deck_id) if attempt.route.deck_id else None
        bill, currency = Charge(result.billed_sec, result.cost_micros), result.currency
        if deck is not None and result.status == Status.COMPLETED:
            dialled = (attempt.dial.to_number, attempt.called_at or attempt.place_at)
            bill = price(attempt.route.billing, deck, *dialled, result.duration_sec, answered=True)
            currency = (rate_of(deck, *dialled) or attempt.route.billing).currency
        self._spent += bill.cost_micros * self._stage.each
        self._note(attempt.dial.attempt, EndReason(result.end_reason), bill.cost_micros, currency)
        return bill, currency

    def too_costly(self, plan: DialPlan, attempt: int) -> Withheld | None:
        """Why a redial is not worth it, None where it is."""
        return by_worth(plan, attempt, self._evidence) if attempt > 1 else None

    def _note(self, ordinal: int, reason: EndReason, cost_micros: int, currency: str) -> None:
        known, each = self._evidence.get(ordinal, NONE_YET), round(self._stage.each)
        self._evidence[ordinal] = Evidence(
            known.attempts + each,
            known.reached + each * MEANINGS[reason].reached,
            None if known.cost_micros is None else known.cost_micros + each * cost_micros,
            currency if cost_micros else known.currency,
        )


def _budgets(lanes: Iterable[Mapping[str, Any]]) -> set[tuple[int | None, int]]:
    """Each budget, with what was spent of it."""
    return {(row[f"{of}_budget"], row[f"{of}_spent"] or 0) for row in lanes for of in OF}

"""Whether one more redial is worth what it costs, by what those of its ordinal have cost and reached."""

from typing import NamedTuple

LEAST_ATTEMPTS, FEWEST_ATTEMPTS = 200, 20
"""How many of an ordinal must have ended before it is judged, unless the policy says; and the least that it may say.

A reach is a matter of chance: among 20 attempts of which each reaches one in ten, none does in one case of eight."""


class StopWhen(NamedTuple):
    """When a policy redials no more, whatever its waits say.

    Attributes:
        cost_per_reach_micros: the most that one more person may cost.
        min_attempts: so many attempts of an ordinal must have ended before it is judged.
    """

    cost_per_reach_micros: int
    min_attempts: int = LEAST_ATTEMPTS


class Evidence(NamedTuple):
    """What the ended attempts of one ordinal in one campaign come to.

    Attributes:
        attempts: how many.
        reached: those that a person picked up.
        cost_micros: what all of them cost; None where that is in several currencies.
        currency: in which currency.
    """

    attempts: int
    reached: int
    cost_micros: int | None
    currency: str | None

    @property
    def cost_per_reach_micros(self) -> int | None:
        """What one person cost, rounded up; where nobody was reached, what the first would cost at the least."""
        return None if self.cost_micros is None else -(-self.cost_micros // max(self.reached, 1))


def is_too_costly(stop: StopWhen, evidence: Evidence) -> bool:
    """Whether attempts of an ordinal reach people at more than they may cost, as far as enough of them can tell."""
    cost = evidence.cost_per_reach_micros
    return evidence.attempts >= stop.min_attempts and cost is not None and cost > stop.cost_per_reach_micros

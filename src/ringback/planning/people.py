"""Who answers in a plan: the simulator's people, or dials that end as those of the past did."""

import math
import random
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from whenever import Instant

from ringback.carriers.carrier import Dial
from ringback.carriers.simulator.model import Script, script
from ringback.carriers.simulator.settings import SimulatorSettings
from ringback.domain.outcome import MEANINGS, AnsweredBy, EndReason
from ringback.domain.waits import show_duration
from ringback.domain.ways import REFUSALS
from ringback.domain.window import local_time
from ringback.store.planning import Outcomes

PRIOR = 50
"""So many dials of the usual rate are added to those of each hour and ordinal, so that a few say little."""

LONGEST_TALK_SEC = 1800
UNAVAILABLE = 503
"""The response of a route that takes no calls (RFC 3261, section 21.5.4): nothing rang, and another may be tried."""


class People(Protocol):
    """How dials go."""

    def meet(self, dial: Dial, at: Instant) -> Script:
        """How a dial goes that is placed at `at`."""
        ...


class Simulated:
    """The simulator's people, drawn anew.

    Args:
        settings: how they behave, without the seed.
        seed: who they are.
    """

    def __init__(self, settings: SimulatorSettings, seed: int) -> None:
        fields = {name: getattr(settings, name) for name in settings.__dataclass_fields__}
        self._settings = SimulatorSettings(**{**fields, "seed": seed})

    def meet(self, dial: Dial, at: Instant) -> Script:
        """What the simulator itself would do."""
        return script(self._settings, dial, at)


class Split(NamedTuple):
    """How the dials end that reach nobody: each reason with the share of it and of those before it."""

    reasons: tuple[EndReason, ...]
    shares: tuple[float, ...]

    def draw(self, chance: float) -> EndReason:
        """One of them, by its share."""
        return self.reasons[min(bisect(self.shares, chance), len(self.reasons) - 1)]


class Rates(NamedTuple):
    """What past attempts tell.

    Attributes:
        by_hour: the share of dials that reach a person, by the hour of the lead's day.
        by_attempt: how much larger that is for the first attempt, the second, ... than for all.
        splits: how the others end, likewise.
        talk_sec: mean seconds connected, by how it ended.
        ring_sec: mean seconds of ringing, likewise.
        attempts: how many they were.
        reached: in how many of them a person was.
    """

    by_hour: tuple[float, ...]
    by_attempt: tuple[float, ...]
    splits: tuple[Split, ...]
    talk_sec: dict[EndReason, float]
    ring_sec: dict[EndReason, float]
    attempts: int
    reached: int


class Learned:
    """Dials that end as those of the past did, each by itself.

    Who was reached is not dialled again, so later attempts are to those who answer less: the rates by ordinal have
    that in them.

    Args:
        rates: what is known of the past.
        chance: draws each outcome.
    """

    def __init__(self, rates: Rates, chance: random.Random) -> None:
        self._rates, self._chance = rates, chance

    def meet(self, dial: Dial, at: Instant) -> Script:
        """By the hour at the lead's and the ordinal."""
        rates, draw = self._rates, self._chance.random
        place = min(dial.attempt, len(rates.by_attempt)) - 1
        hour = local_time(at, dial.zones[0] if dial.zones else "UTC").hour
        if draw() < min(1.0, rates.by_hour[hour] * rates.by_attempt[place]):
            reason = EndReason.USER_DISCONNECTED
        else:
            reason = rates.splits[place].draw(draw())
        return self._script(reason, draw())

    def _script(self, reason: EndReason, chance: float) -> Script:
        ring, mean = round(self._rates.ring_sec.get(reason, 0.0)), self._rates.talk_sec.get(reason, 0.0)
        talk = min(round(-mean * math.log(1 - chance)), LONGEST_TALK_SEC)
        who = {EndReason.USER_DISCONNECTED: AnsweredBy.HUMAN, EndReason.VOICEMAIL_DETECTED: AnsweredBy.MACHINE}
        if reason in REFUSALS:
            return Script(0, 0, reason, None, UNAVAILABLE)
        return Script(ring, talk, reason, who.get(reason), 0)


def learn(found: Sequence[Outcomes], ordinals: int) -> Rates | None:
    """The rates of past attempts; None where nobody was dialled.

    Args:
        found: how they ended.
        ordinals: how many are told apart.
    """
    attempts = sum(one.attempts for one in found)
    if not attempts:
        return None
    reached = sum(one.attempts for one in found if _is_reached(one))
    usual = reached / attempts
    by_hour = tuple(_share([one for one in found if one.hour == hour], usual) for hour in range(24))
    numbers = range(1, ordinals + 1)
    return Rates(
        by_hour,
        tuple(_factor([one for one in found if one.attempt == n], by_hour) for n in numbers),
        tuple(_split([one for one in found if one.attempt == n] or found) for n in numbers),
        _means(found, "talk_sec"),
        _means(found, "ring_sec"),
        attempts,
        reached,
    )


def rates_in_words(rates: Rates, days: int) -> str:
    """What they are made of."""
    talk = show_duration(round(rates.talk_sec.get(EndReason.USER_DISCONNECTED, 0.0)))
    return (
        f"dials end as the {rates.attempts:,} of this workspace in the last {days} days did, by the hour of the lead's "
        f"day and the ordinal: {100 * rates.reached / rates.attempts:.1f} % reached a person, for {talk} on average"
    )


def _is_reached(one: Outcomes) -> bool:
    return MEANINGS[EndReason(one.end_reason)].reached


def _share(found: Iterable[Outcomes], usual: float) -> float:
    found = list(found)
    reached = sum(one.attempts for one in found if _is_reached(one))
    return (reached + PRIOR * usual) / (sum(one.attempts for one in found) + PRIOR)


def _factor(found: Sequence[Outcomes], by_hour: Sequence[float]) -> float:
    """How many more of these were reached than dials of their hours are; 1 where there are none."""
    reached = sum(one.attempts for one in found if _is_reached(one))
    usual = sum(one.attempts * by_hour[one.hour] for one in found)
    prior = PRIOR * sum(by_hour) / len(by_hour)
    return (reached + prior) / (usual + prior) if usual + prior else 1.0


def _split(found: Iterable[Outcomes]) -> Split:
    counts: Counter[EndReason] = Counter()
    for one in found:
        if not _is_reached(one):
            counts[EndReason(one.end_reason)] += one.attempts
    counts = counts or Counter({EndReason.USER_DID_NOT_PICK_UP: 1})
    reasons, sums = tuple(sorted(counts)), list[float]()
    for reason in reasons:
        sums.append((sums[-1] if sums else 0.0) + counts[reason] / counts.total())
    return Split(reasons, tuple(sums))


def _means(found: Iterable[Outcomes], what: str) -> dict[EndReason, float]:
    """By how it ended; who hung up does not matter."""
    totals, counts = Counter[EndReason](), Counter[EndReason]()
    for one in found:
        reason = EndReason.USER_DISCONNECTED if _is_reached(one) else EndReason(one.end_reason)
        totals[reason] += getattr(one, what)
        counts[reason] += one.attempts
    return {reason: totals[reason] / counts[reason] for reason in counts}

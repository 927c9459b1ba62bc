"""The figure of comparing retry policies: how often the interval covers what the simulator's people really do."""

import random
from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple
from uuid import UUID

from whenever import Instant, TimeDelta

from bench.figures import Context, Figure, Limit
from ringback.carriers.carrier import Dial
from ringback.carriers.simulator.model import script
from ringback.carriers.simulator.settings import SimulatorSettings
from ringback.domain.comparison import Expected, difference, estimate, expected
from ringback.domain.hours import every_day
from ringback.domain.outcome import MEANINGS
from ringback.domain.past import Past, Tried, walk
from ringback.domain.policy_form import parse_policy
from ringback.domain.retry import Bounds, RetryAt, RetryPolicy, decide

LEAST_COVERED = Limit(90, most=False)

EXPLAINED = """## Compare

A history of the simulator's people: calls begin at any hour of two days, more of them in the morning, and each is
dialled under one of eight policies, drawn by chance, but not by the same one in the morning as later on. Answer rates
differ by hour. From it two of the policies are compared. The truth is what the same policies come to when many more
people are dialled by each of them alone. Each seed is another history; a figure counts in how many of them the 95 %
interval covers the truth. There is no database in it."""

BEGINS = Instant.from_utc(2026, 3, 2, 9)
ENDS = BEGINS + TimeDelta(hours=24 * 4)
BOUNDS = Bounds(every_day(9 * 60, 20 * 60).rules_in(), ("UTC",), ENDS)
NOBODY = UUID(int=0)
RATES = tuple(0.05 + 0.02 * abs(hour - 13) for hour in range(24))

WAITS: dict[str, tuple[list[str], list[str]]] = {
    "no-answer": (["30m", "2h"], ["2h", "1d"]),
    "busy": (["5m", "15m"], ["1h"]),
    "voicemail": (["1d"], []),
}
ARMS = tuple(
    parse_policy({"max_attempts": 4, "after": dict(zip(WAITS, waits, strict=True)), "jitter": "5m"})
    for waits in product(*WAITS.values())
)
"""Each wait after each outcome with each of the others."""

ONE, OTHER = ARMS[0], ARMS[6]
FIGURES = tuple(f"{which}: {what}" for which in ("one", "other", "difference") for what in Expected._fields)


class Case(NamedTuple):
    """How a history is made.

    Attributes:
        seed: of its people and of all chance.
        calls: how many.
        policies: under which they are dialled.
    """

    seed: int
    calls: int
    policies: Sequence[RetryPolicy] = ARMS


def history(case: Case) -> Iterator[Past]:
    """Calls that were dialled under one of the policies each."""
    chance = random.Random(case.seed)
    people = SimulatorSettings(seed=case.seed, answer_rates=RATES, busy_share=0.15)
    for n in range(case.calls):
        hour = 11 * chance.random() ** 1.5
        at = BEGINS + TimeDelta(seconds=round(3600 * hour) + 86_400 * chance.randrange(2))
        lean = chance.random() ** (2 if hour < 3 else 0.7)
        policy = case.policies[int(lean * len(case.policies))]
        yield dialled(policy, people, f"+1415{n:07}", at, chance)


def dialled(policy: RetryPolicy, people: SimulatorSettings, number: str, at: Instant, chance: random.Random) -> Past:
    """One call, to its end."""
    tried: list[Tried] = []
    due: Instant | None = at
    while due is not None:
        dial = Dial(NOBODY, NOBODY, len(tried) + 1, number, None, BOUNDS.zones)
        told = script(people, dial, due)
        over = due + TimeDelta(seconds=told.over_after_sec)
        decision = decide(policy, dial.attempt, told.reason, over, BOUNDS, chance.random())
        after = decision.at if isinstance(decision, RetryAt) else None
        rule = decision.rule if isinstance(decision, RetryAt) else None
        tried.append(Tried(told.reason, due, over, told.talk_sec, after, rule))
        due = after
    return Past(tuple(tried), at, BOUNDS)


def truth(policies: Sequence[RetryPolicy], calls: int, seed: int = 10**6) -> list[tuple[float, ...]]:
    """What each of two policies, and the other above the one, come to: reach, attempts and seconds of a call."""
    means = []
    for policy in policies:
        sums = [0, 0, 0]
        for past in history(Case(seed, calls, (policy,))):
            talked = [tried.talk_sec for tried in past.tried]
            reached = MEANINGS[past.tried[-1].ended].reached
            sums = [sums[0] + reached, sums[1] + len(talked), sums[2] + sum(talked)]
        means.append(tuple(total / calls for total in sums))
    one, other = means
    return [one, other, tuple(b - a for a, b in zip(one, other, strict=True))]


def compared(case: Case, policies: Sequence[RetryPolicy] = (ONE, OTHER)) -> list[Expected]:
    """The same three, by a history."""
    pasts = list(history(case))
    one, other = (estimate([walk(policy, past) for past in pasts]) for policy in policies)
    assert one.is_supported
    assert other.is_supported
    return [expected(one), expected(other), difference(one, other)]


def covered(case: Case, true: list[tuple[float, ...]]) -> list[bool]:
    """Of each figure, whether its interval covers the truth."""
    found = [interval for three in compared(case) for interval in three]
    wanted = [value for three in true for value in three]
    return [interval.low <= value <= interval.high for interval, value in zip(found, wanted, strict=True)]


async def measure(context: Context) -> list[Figure]:
    """History by history."""
    seeds, calls, many = (5, 1_500, 20_000) if context.quick else (100, 4_000, 400_000)
    true = truth((ONE, OTHER), many)
    times = dict.fromkeys(FIGURES, 0)
    with context.step("histories are compared", seeds) as done:
        for seed in range(seeds):
            for name, is_covered in zip(FIGURES, covered(Case(seed, calls), true), strict=True):
                times[name] += is_covered
            done()
    return [Figure(f"compare: {name} covered, of {seeds}", times[name], "histories", LEAST_COVERED) for name in FIGURES]

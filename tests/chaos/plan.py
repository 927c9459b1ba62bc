"""What is killed, frozen and cut off, and when: all of it follows from a seed."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")


class Kind(StrEnum):
    """What may happen to a node, to its connections, to PostgreSQL, or be done by the owner of the campaigns."""

    KILL = "SIGKILL of a node"
    KILL_STARTING = "SIGKILL of a node, and of the next while it starts"
    FREEZE = "freeze past the lease"
    FREEZE_AND_KILL = "freeze past the lease, then SIGKILL"
    NAP = "freeze within the lease"
    TERMINATE = "SIGTERM of a node"
    DROP = "all connections dropped"
    CUT_MESSAGE = "cut within a message"
    CUT_REQUEST = "cut before a request"
    CUT_ANSWER = "cut before an answer"
    CUT_COMMIT = "cut between COMMIT and its answer"
    STALL = "stall"
    LONG_STALL = "stall past the lease"
    DATABASE_RESTART = "PostgreSQL restarted"
    DATABASE_KILL = "SIGKILL of PostgreSQL"
    PAUSE = "pause and resume"
    CAP = "cap changed"
    PACE = "pace changed"
    CAMPAIGN = "campaign added"
    CANCEL = "campaign cancelled"
    CALLS = "single calls"


@dataclass(frozen=True, slots=True)
class Strike:
    """One thing that happens in a lane.

    Attributes:
        kind: what.
        after_sec: how long after the one before it is over, and its victim is at work again.
        extra: 0 to 1, chooses how long it lasts, and all else that is left to choose.
    """

    kind: Kind
    after_sec: float
    extra: float


Lane = list[Strike]


@dataclass(frozen=True, slots=True)
class Deck:
    """What a kind of lane gets, and the seconds between.

    Attributes:
        cards: how many of each kind, for each four nodes.
        pause_sec: the shortest and the longest time between two of a lane.
    """

    cards: Mapping[Kind, int]
    pause_sec: tuple[float, float]


NODES = Deck(
    {Kind.KILL: 42, Kind.KILL_STARTING: 6, Kind.FREEZE: 30, Kind.FREEZE_AND_KILL: 12, Kind.NAP: 10, Kind.TERMINATE: 6},
    (0.0, 0.6),
)
LINKS = Deck(
    {
        Kind.DROP: 30,
        Kind.CUT_MESSAGE: 20,
        Kind.CUT_REQUEST: 14,
        Kind.CUT_ANSWER: 18,
        Kind.CUT_COMMIT: 30,
        Kind.STALL: 12,
        Kind.LONG_STALL: 4,
    },
    (0.5, 3.0),
)
DATABASE = Deck({Kind.DATABASE_RESTART: 3, Kind.DATABASE_KILL: 5}, (5.0, 11.0))
OWNER = Deck(
    {Kind.PAUSE: 5, Kind.CAP: 9, Kind.PACE: 3, Kind.CAMPAIGN: 3, Kind.CANCEL: 3, Kind.CALLS: 5},
    (0.3, 1.5),
)

SIGKILLS = Counter({Kind.KILL: 1, Kind.KILL_STARTING: 2, Kind.FREEZE_AND_KILL: 1})
LONG_FREEZES = Counter({Kind.FREEZE: 1, Kind.FREEZE_AND_KILL: 1})
CUTS = Counter(dict.fromkeys((Kind.DROP, Kind.CUT_MESSAGE, Kind.CUT_REQUEST, Kind.CUT_ANSWER, Kind.CUT_COMMIT), 1))
BLOWS = SIGKILLS + LONG_FREEZES + CUTS + Counter({Kind.DATABASE_KILL: 1})
"""How many of what is counted a strike of each kind has."""


def total(done: Counter[Kind], weights: Counter[Kind]) -> int:
    """How many there were of what is counted, by the counts of what was done."""
    return sum(count * weights[kind] for kind, count in done.items())


@dataclass(frozen=True, slots=True)
class Plan:
    """All that happens in a round: lanes that go on side by side.

    Attributes:
        nodes: a lane for each node.
        links: a lane for each node's connections.
        database: what happens to PostgreSQL.
        owner: what the owner does.
    """

    nodes: list[Lane]
    links: list[Lane]
    database: Lane
    owner: Lane


def fours(nodes: int) -> int:
    """By how much a round with so many nodes is larger than one with four."""
    return max(1, nodes // 4)


def make_plan(seed: int, nodes: int) -> Plan:
    """The plan of a round with so many nodes."""
    chance, times = random.Random(seed), fours(nodes)
    return Plan(
        _deal(NODES, nodes, chance, times),
        _deal(LINKS, nodes, chance, times),
        *_deal(DATABASE, 1, chance),
        *_deal(OWNER, 1, chance),
    )


def _deal(deck: Deck, lanes: int, chance: random.Random, times: int = 1) -> list[Lane]:
    cards = [kind for kind, count in deck.cards.items() for _ in range(count * times)]
    chance.shuffle(cards)
    strikes = [Strike(kind, chance.uniform(*deck.pause_sec), chance.random()) for kind in cards]
    return [strikes[lane::lanes] for lane in range(lanes)]


def between(least: float, most: float, extra: float) -> float:
    """The value that a strike's `extra` chooses of a range."""
    return least + (most - least) * extra


def one_of(choices: Iterable[T], extra: float) -> T:
    """Likewise of a few things."""
    known = list(choices)
    return known[min(int(extra * len(known)), len(known) - 1)]

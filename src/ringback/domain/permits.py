"""How the nodes share a cap: each holds permits, and all that they hold together never exceeds it.

A node spends its permits without asking anybody. It asks for more, and gives back what others wait for, under the lock
of the limit; what is decided then is decided here.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Holding:
    """What one node has of one limit.

    Attributes:
        node_no: whose it is.
        held: its permits.
        wants: whether it waits for more.
    """

    node_no: int
    held: int
    wants: bool


def granted(cap: int, mine: Holding, in_use: int, others: Iterable[Holding]) -> int:
    """The permits of a node after it has asked.

    One that is alone in wanting gets all that is free; several that want share evenly, and who has more than its share
    gives back what it does not use. One that does not want keeps what it has until another wants.

    Args:
        cap: of the limit. After it was lowered, more may be held than it allows: then nothing is granted.
        mine: what the asking node has.
        in_use: permits of its own that it cannot give back now.
        others: what the other nodes have.
    """
    others = list(others)
    free = max(cap - sum(other.held for other in others), 0)
    rivals = sorted(other.node_no for other in others if other.wants)
    if not rivals:
        target = cap if mine.wants else mine.held
    elif mine.wants:
        place = sum(node_no < mine.node_no for node_no in rivals)
        target = cap // (len(rivals) + 1) + (place < cap % (len(rivals) + 1))
    else:
        target = 0
    return max(in_use, min(target, free))


def dial_units(dials_per_sec: float | None) -> int:
    """Into how many permits a pace is divided: whole dials a second, so that what several nodes do adds up to it."""
    return 0 if dials_per_sec is None else max(int(dials_per_sec), 1)


def rate(dials_per_sec: float, units: int) -> float:
    """Dials a second for who holds so many units of a pace; whoever holds all of them has the fraction as well."""
    return dials_per_sec if units >= dial_units(dials_per_sec) else float(units)

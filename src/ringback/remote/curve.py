"""What each attempt adds to the calls that are reached, as points and as a picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ringback.domain.analytics import wilson
from ringback.remote.svg import picture, words
from ringback.remote.watch import per_person

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 56, 96, 52, 48


class Point(NamedTuple):
    """An attempt.

    Attributes:
        attempt: its ordinal.
        calls: those that came to it.
        then: the share of these that it reached, with its interval, as the API answers it.
        so_far: of all calls, the share that was reached by it or before.
        low: the lower end of that share's interval.
        high: its upper end.
        per_person: what reaching one person by it cost, in words.
    """

    attempt: int
    calls: int
    then: Mapping[str, float] | None
    so_far: float
    low: float
    high: float
    per_person: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """The points, by attempt."""

    points: Sequence[Point]

    def svg(self) -> str:
        """The picture: a line through the shares, within the band of their intervals."""
        style = (
            "    .mark { stroke: var(--mark); stroke-width: 2; fill: none; } .band { fill: var(--mark); opacity: .16; }"
            " .dot { fill: var(--mark); stroke: var(--surface); stroke-width: 2; }\n"
        )
        title = "Reach by attempt, percent of all calls, with 95 % intervals"
        return picture(WIDTH, HEIGHT, title, style, self._parts())

    def _parts(self) -> Iterator[str]:
        top = _round_up(max((point.high for point in self.points), default=0.1))
        for n in range(5):
            y = _y(top * n / 4, top)
            yield f'<path d="M{LEFT} {y:g}H{WIDTH - RIGHT}" class="line"/>'
            yield words(LEFT - 8, y + 4, f"{100 * top * n / 4:g} %", anchor="end")
        for point in self.points:
            yield words(self._x(point), HEIGHT - BOTTOM + 20, str(point.attempt), anchor="middle")
        yield words((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "attempt", anchor="middle")
        if self.points:
            yield from self._marks(top)

    def _marks(self, top: float) -> Iterator[str]:
        there = [f"{self._x(point):g} {_y(point.high, top):g}" for point in self.points]
        back = [f"{self._x(point):g} {_y(point.low, top):g}" for point in reversed(self.points)]
        yield f'<path d="M{"L".join(there + back)}Z" class="band"/>'
        line = "L".join(f"{self._x(point):g} {_y(point.so_far, top):g}" for point in self.points)
        yield f'<path d="M{line}" class="mark"/>'
        for point in self.points:
            ends = f"{100 * point.low:.1f} to {100 * point.high:.1f}"
            said = f"attempt {point.attempt}: {100 * point.so_far:.1f} % ({ends})"
            at = f'cx="{self._x(point):g}" cy="{_y(point.so_far, top):g}"'
            yield f'<circle {at} r="5" class="dot"><title>{said}</title></circle>'
        last = self.points[-1]
        yield words(self._x(last) + 12, _y(last.so_far, top) + 4, f"{100 * last.so_far:.1f} %", "ink")

    def _x(self, point: Point) -> float:
        room, steps = WIDTH - LEFT - RIGHT - 40, max(len(self.points) - 1, 1)
        return LEFT + 20 + room * (point.attempt - 1) / steps


def _y(share: float, top: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share / top, 1)


def _round_up(share: float) -> float:
    """The next end of an axis that has four even steps."""
    return next(end for end in (0.04, 0.08, 0.2, 0.4, 0.6, 0.8, 1.0) if share <= end)


def reach_by_attempt(answer: Mapping[str, Any]) -> Curve:
    """The curve of attempts that are grouped by ordinal: calls that are not over yet count as not reached."""
    calls, reached, points = answer["total"]["calls"], 0, []
    for row in answer["data"]:
        reached += row["reached"]
        so_far = wilson(reached, calls)
        if so_far is not None:
            points.append(Point(row["group"]["attempt"], row["calls"], row["reach"], *so_far, per_person(row)))
    return Curve(points)

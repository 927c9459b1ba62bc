"""What a bench finds: figures, each beside its limit or its peer, and the tables that show them."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.progress import Progress

HEADINGS = ("figure", "measured", "limit", "holds", "peer, in the same run", "rounds")


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure has to keep to.

    Attributes:
        value: in the figure's unit.
        most: whether the figure may be at most so much; otherwise it is at least so much.
    """

    value: float
    most: bool = False

    def holds(self, measured: float) -> bool:
        """Whether the figure keeps to it."""
        return measured <= self.value if self.most else measured >= self.value


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Attributes:
        name: what was measured.
        measured: how much.
        unit: of what, such as `s` or `attempts/s`.
        limit: what it has to keep to, None where it only explains another figure.
        peer: what the bare minimum does, in words, measured in the same run.
        rounds: what each round found, where the figure is their median.
    """

    name: str
    measured: float
    unit: str
    limit: Limit | None = None
    peer: str = ""
    rounds: str = ""

    def holds(self) -> bool | None:
        """Whether the limit is kept; None where there is none."""
        return None if self.limit is None else self.limit.holds(self.measured)

    def cells(self, judged: bool) -> tuple[str, ...]:
        """The figure's row under HEADINGS.

        Args:
            judged: whether the run was large enough to say whether the limit holds.
        """
        limit, verdict = self.limit, self.holds()
        bound = f"{'at most' if limit.most else 'at least'} {amount(limit.value)} {self.unit}" if limit else ""
        word = "" if verdict is None else "not judged" if not judged else "yes" if verdict else "NO"
        return self.name, f"{amount(self.measured)} {self.unit}", bound, word, self.peer, self.rounds


@dataclass(frozen=True, slots=True)
class Context:
    """What every part of the bench is given.

    Attributes:
        dsn: a fresh database on the embedded server, its schema made.
        server_pid: the server's process.
        progress: shows how far we are.
        quick: small sizes, which show that the bench works and say nothing about speed.
        profile: also print where the engine's own time goes.
    """

    dsn: str
    server_pid: int
    progress: Progress
    quick: bool
    profile: bool

    @contextmanager
    def step(self, what: str, steps: int = 1) -> Iterator[Callable[[], None]]:
        """Show one step while the block runs; what it yields tells that a part of it is done."""
        task, watch = self.progress.add_task(what, total=steps), Stopwatch()
        yield lambda: self.progress.advance(task)
        self.progress.update(task, completed=steps)
        if not self.progress.console.is_terminal:  # nothing moves there before the end
            self.progress.console.print(f"{what}: over after {watch.sec():.0f} s")


class Stopwatch:
    """Tells the seconds since it was made. `SystemClock` may be set while we measure; this one never runs back."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    def sec(self) -> float:
        """Seconds so far."""
        return time.perf_counter() - self._start


def amount(value: float) -> str:
    """A number as a person reads it: three significant figures, thousands with commas."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value else "0"


def middle(values: Sequence[float]) -> float:
    """The median: what one disturbed round does not move."""
    return statistics.median(values)


def spread(values: Sequence[float]) -> str:
    """The rounds behind a median, as the page shows them."""
    return ", ".join(amount(value) for value in values)

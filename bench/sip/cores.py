"""How much of the CPU each of those at work uses."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import psutil

from bench.figures import Stopwatch, amount

Processes: TypeAlias = Callable[[], Iterable[int]]
"""Tells the pids of somebody's processes, which may come to be more."""


class Cores:
    """Looks from when it is made.

    Args:
        who: their processes, by name.
    """

    def __init__(self, who: Mapping[str, Processes]) -> None:
        self._who = who
        self._before = {pid: _sec_of(pid) for processes in who.values() for pid in processes()}
        self._watch = Stopwatch()

    def used(self) -> dict[str, float]:
        """Cores in use on average, up to now."""
        sec = self._watch.sec()
        return {
            name: sum(_sec_of(pid) - self._before.get(pid, 0.0) for pid in processes()) / sec
            for name, processes in self._who.items()
        }

    def words(self) -> str:
        """The same, as it is shown."""
        return shown(self.used())


def shown(used: Mapping[str, float]) -> str:
    """Who used how much."""
    return "cores in use: " + ", ".join(f"{name} {amount(cores)}" for name, cores in used.items())


def one(pid: int) -> Processes:
    """A single process."""
    return lambda: [pid]


def all_of(workers: Callable[[], Sequence[psutil.Process]]) -> Processes:
    """Those of a list that may grow."""
    return lambda: [worker.pid for worker in workers()]


def below(pid: int) -> Processes:
    """The children of a process, and theirs."""
    return lambda: [child.pid for child in psutil.Process(pid).children(recursive=True)]


def _sec_of(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)

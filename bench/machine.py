"""What was measured on: a figure without its machine says nothing."""

import os
import platform
from pathlib import Path

import psutil
from whenever import Instant

from bench.figures import Stopwatch, amount, middle

LISTENS, LOOP = 25, 1_000_000


Machine = tuple[tuple[str, str], ...]
"""Name and value, in the order in which they are shown."""


def this_machine(postgres_version: str, now: Instant) -> Machine:
    """The machine that we run on.

    Args:
        postgres_version: as the server tells it.
        now: the date of the run.
    """
    return (
        ("date", now.format_iso(unit="second")),
        ("CPU", _cpu()),
        ("cores", f"{len(os.sched_getaffinity(0))}, shared by PostgreSQL, Ringback and what drives them"),
        ("memory", f"{psutil.virtual_memory().total / 2**30:.0f} GiB"),
        ("load before the run", f"{os.getloadavg()[0]:.1f} (1 minute; over 0.3, somebody else is at work)"),
        ("kernel", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("PostgreSQL", f"{postgres_version}, embedded, with the settings of an installation (fsync on)"),
    )


class Noise:
    """Tells how evenly the machine ran: the same loop takes the same time, unless somebody else is at work."""

    def __init__(self) -> None:
        self._times_ms: list[float] = []

    def listen(self) -> None:
        """Time the loop a few times."""
        for _ in range(LISTENS):
            watch = Stopwatch()
            sum(range(LOOP))
            self._times_ms.append(1000 * watch.sec())

    def row(self) -> tuple[str, str]:
        """What was heard."""
        least, middling, most = min(self._times_ms), middle(self._times_ms), max(self._times_ms)
        spread = f"{amount(least)} to {amount(most)} ms, median {amount(middling)} ms"
        return "noise", f"the same loop, timed between the parts, took {spread}"


def cpu_sec(pid: int) -> float:
    """CPU seconds of a process and all its children since they began."""
    top = psutil.Process(pid)
    return sum(_cpu_sec_of(process) for process in (top, *top.children(recursive=True)))


def peak_memory_mb(pid: int | None = None) -> float:
    """The most resident memory, in MB of 1,000,000 bytes, that a process has had since it was started.

    Not getrusage: its ru_maxrss begins with what the parent process had.

    Args:
        pid: the process; None is this one.
    """
    lines = Path(f"/proc/{pid or 'self'}/status").read_text(encoding="ascii").splitlines()
    kib = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(kib) * 1024 / 1_000_000


def _cpu_sec_of(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.lower().startswith("model name"))
    return next(named, platform.machine())

"""The long form of the chaos run: `python -m tests.chaos.soak [--kills N] [--minutes N] [--seed N] [--nodes N]`.

Round after round on one database, each with a plan, campaigns and caps of its own, until so many kills, freezes and
cuts were struck or so many minutes are over; by default an hour. One node more is never killed or frozen: its memory is
watched. Writes docs/soak.md, also when it is ended by Ctrl-C; it ends with 1 where anything was found wrong.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
from bench.machine import Machine, this_machine
from rich.console import Console
from tests.chaos.chaos import Chaos
from tests.chaos.gauges import Gauges
from tests.chaos.tally import Tally
from tests.chaos.verdict import Finding

from ringback.clock import SystemClock

PAGE = Path(__file__).parents[2] / "docs" / "soak.md"
LEASE_SEC = 3.0
BACK_SEC = 2.0
AWAY_SEC, LONG_AWAY_SEC, LONG_EVERY = 5.0, 60.0, 10
"""The database is away for a minute in the first round and in each tenth after it, and otherwise for seconds."""
READ_SEC = 15.0
HOUR_MIN = 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for; None is no bound."""

    seed: int
    nodes: int
    kills: int | None
    minutes: float | None

    def is_done(self, blows: int, minutes: float) -> bool:
        """Whether that is enough."""
        return (self.kills is not None and blows >= self.kills) or (
            self.minutes is not None and minutes >= self.minutes
        )


@dataclass(slots=True)
class Soak:
    """A long run, and what it has come to.

    Attributes:
        wanted: what was asked for.
        chaos: what runs.
        say: where progress goes.
        machine: on which it runs.
        rounds: that were held to everything.
        findings: what was wrong, by check, each with the seed of its round.
        tally: of those rounds.
        gauges: of memory and tables.
    """

    wanted: Wanted
    chaos: Chaos
    say: Callable[[str], None]
    machine: Machine = ()
    rounds: int = 0
    findings: dict[str, list[str]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    gauges: Gauges = field(default_factory=Gauges)

    async def run(self) -> None:
        """Round after round."""
        began = time.monotonic()
        async with self.chaos.running():
            self.machine = this_machine(await _version(self.chaos.postgres.dsn), SystemClock().now())
            reading = asyncio.create_task(
                self.gauges.read_on(
                    self.chaos.postgres.dsn, lambda: [n.pid for n in self.chaos.nodes], self.chaos.dialled, READ_SEC
                )
            )
            try:
                while not self.wanted.is_done(self.chaos.tally.blows, (time.monotonic() - began) / 60):
                    await self._round()
            finally:
                reading.cancel()
                await asyncio.wait((reading,))

    async def _round(self) -> None:
        seed = self.wanted.seed + self.rounds
        self.say(f"round {self.rounds + 1}, RINGBACK_TEST_SEED={seed}")
        away_sec = AWAY_SEC if self.rounds % LONG_EVERY else LONG_AWAY_SEC
        found = await self.chaos.round(seed, away_sec, BACK_SEC)
        self.rounds += 1
        self.tally = deepcopy(self.chaos.tally)
        for finding in found:
            self._note(finding, seed)
        self.say(self.tally.line())

    def _note(self, finding: Finding, seed: int) -> None:
        known = self.findings.setdefault(finding.check, [])
        known += [f"seed {seed}: {wrong}" for wrong in finding.wrong]
        for wrong in finding.wrong:
            self.say(f"WRONG, seed {seed}: {finding.check}: {wrong}")

    def page(self) -> str:
        """docs/soak.md."""
        grown = list(self.gauges.grown())
        checks = {**self.findings, "nothing grows: no memory of a node, no table but the history": grown}
        on = "\n".join(f"- {name}: {value}" for name, value in self.machine)
        held = "\n".join(f"| {name} | {'; '.join(wrong) or 'held'} |" for name, wrong in checks.items())
        done = "\n".join(f"| {kind} | {count:,} |" for kind, count in sorted(self.tally.done.items()))
        return PATTERN.format(
            on=on,
            seeds=f"{self.wanted.seed} to {self.wanted.seed + max(self.rounds - 1, 0)}",
            rounds=self.rounds,
            nodes=self.wanted.nodes,
            lease=LEASE_SEC,
            line=self.tally.line(),
            held=held,
            done=done,
            gauges=self.gauges.table(),
        )

    def is_sound(self) -> bool:
        """Whether all held in every round."""
        return not any(self.findings.values()) and not list(self.gauges.grown())


PATTERN = """# Chaos and soak

<!-- Made by `make soak`: run it again instead of editing. -->

{nodes} nodes with leases of {lease:.0f} s on one PostgreSQL server, and one node more that is spared. Each round has a
plan of kills, freezes and cuts that follows from its seed, while the owner pauses, changes caps, adds campaigns and
leads, and cancels; then the database is taken away; then all that waits is dialled to its end, and everything is held
to the far end's own record. Rounds: {rounds}, with the seeds {seeds}:

{line}.

{on}

## What had to hold, in every round

| | |
|---|---|
{held}

## What was done

| | |
|---|--:|
{done}

## Memory and tables over time

The spared node's memory holds the simulator's own index of its record, which grows with the dials; a node with real
trunks has none. Calls and attempts are the history, which is kept. Dead rows are as PostgreSQL's statistics count them.

{gauges}
"""


def main() -> int:
    """Soak; returns the exit code."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="ringback-soak-"))
    folder.chmod(0o755)  # the server may run as another user, who has to pass through
    try:
        wanted = _wanted()
        soak = Soak(wanted, Chaos(folder, wanted.nodes, spared=1, lease_sec=LEASE_SEC), console.print)
        try:
            asyncio.run(soak.run())
        except KeyboardInterrupt:
            console.print("ended; the round that was under way is not judged")
        finally:
            if soak.rounds:
                PAGE.write_text(soak.page(), encoding="utf-8")
                console.print(f"wrote docs/{PAGE.name}")
        return 0 if soak.is_sound() else 1
    finally:
        shutil.rmtree(folder)


def _wanted() -> Wanted:
    options = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    options.add_argument("--kills", type=int, help="so many kills, freezes and cuts")
    options.add_argument("--minutes", type=float, help="so long; 60 where nothing is asked for")
    options.add_argument("--seed", type=int, default=1, help="of the first round; each next one has the next")
    options.add_argument("--nodes", type=int, default=4, help="nodes that are struck")
    chosen = options.parse_args()
    minutes = chosen.minutes if chosen.kills or chosen.minutes else HOUR_MIN
    return Wanted(chosen.seed, chosen.nodes, chosen.kills, minutes)


async def _version(dsn: str) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        return str(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.exit(main())

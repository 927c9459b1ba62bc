"""The counts of a chaos run."""

from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.plan import BLOWS, CUTS, LONG_FREEZES, SIGKILLS, Kind, total


@dataclass(slots=True)
class Tally:
    """What was done, and what came of it.

    Attributes:
        done: strikes that struck, by kind.
        dials: by the far end's record.
        looks: into the database.
        heard: events in the nodes' logs, by name.
        failed_starts: nodes that could not start because the database was away.
        refused: requests that the API could not answer, and that were sent again.
        back_sec: how long after the database's return the next dial was placed, at worst.
        sec: how long it took.
    """

    done: Counter[Kind] = field(default_factory=Counter)
    dials: int = 0
    looks: int = 0
    heard: Counter[str] = field(default_factory=Counter)
    failed_starts: int = 0
    refused: int = 0
    back_sec: float = 0.0
    sec: float = 0.0

    def add(self, kind: Kind | None) -> None:
        """Count what was done, if anything was."""
        if kind is not None:
            self.done[kind] += 1

    @property
    def blows(self) -> int:
        """Kills, freezes past the lease and cuts."""
        return total(self.done, BLOWS)

    @property
    def kills(self) -> int:
        """SIGKILLs of nodes."""
        return total(self.done, SIGKILLS)

    @property
    def freezes(self) -> int:
        """Freezes past the lease."""
        return total(self.done, LONG_FREEZES)

    @property
    def cuts(self) -> int:
        """Connections dropped or cut."""
        return total(self.done, CUTS)

    def line(self) -> str:
        """All of it on one line."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.done.items()))
        heard = ", ".join(f"{count} {name}" for name, count in sorted(self.heard.items()))
        return (
            f"{self.blows} kills, freezes and cuts in {self.sec:.0f} s ({kinds}); {self.dials} dials, {self.looks} "
            f"looks; {self.refused} requests sent again, {self.failed_starts} failed starts; dialling went on "
            f"{self.back_sec:.1f} s after the database's return; the nodes said: {heard}"
        )

"""What the demo's campaign came to, read from the database like everything else."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from ringback.api.show import show_history
from ringback.api.show_progress import show_progress
from ringback.demo.run import Demo, Ran
from ringback.store.database import Connection, Database
from ringback.store.history import read_history
from ringback.store.progress import read_progress
from ringback.store.report import find_samples, outcomes_by_local_hour


@dataclass(frozen=True, slots=True)
class Report:
    """The figures and stories of a campaign.

    Attributes:
        demo: what was asked for.
        ran: how it ran.
        progress: the campaign's progress, as the API answers it.
        hours: attempts by (local hour, outcome); the outcome is a status, or `voicemail`.
        samples: a retry history for each story, as the API answers it.
    """

    demo: Demo
    ran: Ran
    progress: dict[str, Any]
    hours: Counter[tuple[int, str]]
    samples: dict[str, Any]

    @property
    def attempts(self) -> int:
        """All dials of the campaign."""
        return int(self.progress["totals"]["attempts"])

    def as_json(self) -> dict[str, Any]:
        """The report for machines. All but the two figures of speed are the same for the same seed."""
        return {
            "leads": self.progress["leads"],
            "attempts": self.attempts,
            "reached": self.progress["reached"],
            "by_status": self.progress["by_final_status"],
            "by_final_reason": self.progress["by_final_reason"],
            "by_stage": self.progress["attempt_stages"],
            "by_local_hour": self._by_hour(),
            "totals": self.progress["totals"],
            "wall_sec": round(self.ran.wall_sec, 3),
            "attempts_per_sec": round(self.attempts / self.ran.wall_sec, 1),
            "seed": self.demo.seed,
            "days": self.demo.days,
            "samples": self.samples,
        }

    def _by_hour(self) -> dict[str, dict[str, int]]:
        by_hour: dict[str, dict[str, int]] = {}
        for (hour, outcome), count in sorted(self.hours.items()):
            by_hour.setdefault(f"{hour:02}", {})[outcome] = count
        return by_hour


async def make_report(database: Database, demo: Demo, ran: Ran) -> Report:
    """Read what the campaign came to."""
    async with database.connection() as db:
        progress = show_progress(ran.campaign, await read_progress(db, ran.campaign))
        hours: Counter[tuple[int, str]] = Counter()
        for row in await outcomes_by_local_hour(db, ran.campaign):
            outcome = "voicemail" if row["answered_by"] == "machine" else row["status"]
            hours[row["hour"], outcome] += row["attempts"]
        samples = await _samples(db, ran)
    return Report(demo, ran, progress, hours, samples)


async def _samples(db: Connection, ran: Ran) -> dict[str, Any]:
    workspace_no = ran.campaign.workspace_no
    return {
        story: show_history(call_id, await read_history(db, workspace_no, call_id))
        for story, call_id in (await find_samples(db, ran.campaign)).items()
    }

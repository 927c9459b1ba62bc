"""The demo's report in a terminal."""

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ringback.demo.report import Report
from ringback.remote.retries import history_table, summary
from ringback.remote.watch import bars, stages_table

STORIES = {
    "reached_late": "Reached late",
    "never_reached": "Never reached",
    "busy_then_reached": "Busy, then reached",
}
OUTCOMES = (
    ("completed", "█", "green"),
    ("voicemail", "▓", "cyan"),
    ("no-answer", "░", "bright_black"),
    ("busy", "▒", "magenta"),
    ("failed", "×", "red"),  # noqa: RUF001 # a character of a bar
)


def show_report(report: Report, console: Console) -> None:
    """Print what a person would want to know, the whole before the parts."""
    show_whole(report, console)
    console.print(Text("\nOutcomes by the hour of the lead's own day", "bold"))
    console.print(_hours(report))
    console.print(Text("\nRetry histories, as GET /v1/call-logs/{id}/retries answers them", "bold"))
    for story in report.samples:
        show_story(report, story, console)


def show_whole(report: Report, console: Console) -> None:
    """Print what the campaign came to, and what each attempt added."""
    console.print(Panel(_headline(report), title="Ringback", border_style="green", expand=False))
    console.print(Text("\nWhat each attempt reached", "bold"))
    console.print(stages_table(report.progress["attempt_stages"]))


def show_story(report: Report, story: str, console: Console) -> None:
    """Print one of the report's retry histories.

    Args:
        report: the campaign's.
        story: a key of its samples.
        console: where to.
    """
    history = report.samples[story]
    table = history_table(history)
    table.title = f"{STORIES[story]}: {history['call_id']}"
    console.print(table)
    console.print(Text(f"  {summary(history)}\n", "dim"))


def _headline(report: Report) -> Text:
    progress, ran = report.progress, report.ran
    leads, reached = progress["leads"], progress["reached"]
    speed = report.attempts / ran.wall_sec
    reasons = ", ".join(
        f"{count:,} {reason.replace('_', ' ')}"
        for reason, count in progress["by_final_reason"].items()
        if reason != "reached"
    )
    return Text.assemble(
        (f"{reached:,} of {leads:,} leads reached ({100 * reached / max(leads, 1):.1f} %)", "bold green"),
        f" by {report.attempts:,} attempts\n",
        f"not reached: {reasons or 'none'}\n",
        f"{ran.virtual_sec / 86_400:.1f} days in {ran.wall_sec:.1f} s: {speed:,.0f} attempts/s, ",
        "each one durable in PostgreSQL",
    )


def _hours(report: Report) -> Table:
    table = Table(box=None, pad_edge=False)
    for header in ("hour", "dials", "reached"):
        table.add_column(header, justify="right")
    table.add_column("")
    hours = sorted({hour for hour, _ in report.hours})
    most = max((_dials(report, hour) for hour in hours), default=1)
    for hour in hours:
        dials, reached = _dials(report, hour), report.hours[hour, "completed"]
        parts = [(report.hours[hour, outcome], character, colour) for outcome, character, colour in OUTCOMES]
        rate = f"{100 * reached / max(dials, 1):.1f} %"
        table.add_row(f"{hour:02}", f"{dials:,}", rate, bars(*parts, total=most, width=52))
    table.caption = Text.assemble(*((f"{character} {outcome}  ", colour) for outcome, character, colour in OUTCOMES))
    return table


def _dials(report: Report, hour: int) -> int:
    return sum(count for (at, _), count in report.hours.items() if at == hour)

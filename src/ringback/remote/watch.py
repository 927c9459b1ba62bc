"""What a campaign's progress looks like in a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


def progress_view(progress: dict[str, Any]) -> RenderableType:
    """The progress of a campaign, as the API answers it."""
    ahead = progress["queued"] + progress["scheduled"] + progress["live"]
    over, leads = progress["leads"] - ahead, progress["leads"]
    head = Text.assemble(
        (f"{progress['status']}  ", "bold"),
        f"{count(leads, 'lead')}: ",
        (f"{progress['reached']:,} reached", "green"),
        f", {over - progress['reached']:,} not reached\n{progress['live']:,} live, {progress['queued']:,} queued, "
        f"{progress['scheduled']:,} scheduled",
    )
    done = bars((over, "━", "green"), (ahead, "─", "bright_black"), total=leads, width=60)
    stages = progress["attempt_stages"]
    return Group(head, done, stages_table(stages) if stages else Text("no attempt has ended yet", "dim"))


def stages_table(stages: list[dict[str, Any]]) -> Table:
    """How many each attempt reached, and at what price where there is one: the shape of a retry policy's worth."""
    table = Table(box=None, pad_edge=False)
    priced = any(stage["cost_micros"] for stage in stages)
    for header in ("attempt", "dialled", "reached", "rate", *(["per person"] if priced else [])):
        table.add_column(header, justify="right")
    table.add_column("")
    most = max((stage["attempted"] for stage in stages), default=1)
    for stage in stages:
        attempted, reached = stage["attempted"], stage["reached"]
        bar = bars((reached, "█", "green"), (attempted - reached, "░", "bright_black"), total=most)
        rate = f"{100 * reached / max(attempted, 1):.1f} %"
        table.add_row(
            str(stage["attempt"]), f"{attempted:,}", f"{reached:,}", rate, *([per_person(stage)] if priced else []), bar
        )
    return table


def per_person(row: Mapping[str, Any]) -> str:
    """What reaching one person cost; nothing where nobody was reached, it was free, or in several currencies."""
    cost = row["cost_per_reached_micros"]
    return "" if not cost else f"{cost / 1_000_000:,.4f} {row['currency'] or ''}".strip()


def bars(*parts: tuple[int, str, str], total: int, width: int = 40) -> Text:
    """A bar of parts, each (count, character, colour), so that it can be read without colours too.

    Args:
        parts: in their order.
        total: what fills the width.
        width: in characters.
    """
    text = Text()
    for amount, character, colour in parts:
        text.append(character * round(width * amount / max(total, 1)), colour)
    return text


def count(number: int, word: str) -> str:
    """A number with its word: `1 lead`, `5,000 leads`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"

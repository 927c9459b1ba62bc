"""`ringback campaign plan`: what a campaign will come to, by day and hour."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ringback.errors import Invalid
from ringback.remote.client import Client
from ringback.remote.watch import bars, count

HISTORY = "history"
WIDTH = 30


def answers_of(answer_rate: str | None, talk_sec: float | None, *, history: bool) -> Any:
    """Who answers, as the API takes it; None for those whom the server knows.

    Raises:
        Invalid: the rate is none, or it is given and to be learned too.
    """
    if history:
        if answer_rate is not None or talk_sec is not None:
            raise Invalid(["--history learns the rate and the talk: leave out --answer-rate and --talk-sec"])
        return HISTORY
    told: dict[str, Any] = {} if answer_rate is None else {"answer_rates": _rates(answer_rate)}
    return told | ({} if talk_sec is None else {"mean_talk_sec": talk_sec}) or None


def show_plan(url: str, key: str, campaign_id: str, asked: dict[str, Any], *, as_json: bool) -> None:
    """Have a plan made, and print it. Ctrl-C ends it, on the server too."""
    client, waiting = Client(url, key), Console(stderr=True)
    with waiting.status("playing the campaign ahead of time"):
        found = client.post(f"/v1/campaigns/{campaign_id}/plan", asked)
    console = Console()
    if as_json:
        console.print_json(data=found)
        return
    for line in lines(found):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    if found["hours"]:
        console.print(hours_table(found["hours"]))
    for line in found["not_known"]:
        console.print(f"  {line}", soft_wrap=True, markup=False, highlight=False, style="dim")


def lines(found: dict[str, Any]) -> Iterator[str]:
    """What it comes to, a line for each thing."""
    leads, reach, slots = found["leads"], found["reach"], found["slots"]
    yield f"campaign {found['campaign_id']}, {count(leads['total'], 'lead')}, from {_clock(found['begins_at'])}"
    share = "" if reach["share"] is None else f" ({100 * reach['share']:.1f} %)"
    yield f"  reached   {reach['leads']:,}{share}, with 95 % between {reach['low']:,} and {reach['high']:,}"
    yield f"  dials     {found['attempts']:,}, {found['answered']:,} of them answered"
    cost = "".join(f", {one['currency']} {one['cost_micros'] / 1e6:,.2f}" for one in found["cost"])
    yield f"  minutes   {found['connected_minutes']:,} connected, {found['billed_minutes']:,} billed{cost}"
    yield f"  over      {_end(found)}"
    if found["budget_reached_at"] is not None:
        yield f"  budget    used up by {_clock(found['budget_reached_at']['expected'])}: nothing is dialled after it"
    cap = "without a cap" if slots["cap"] is None else f"of {slots['cap']:,}"
    yield (
        f"  slots     {slots['peak']:,} at most {cap}; {slots['needed']:,} would place each dial within about an hour; "
        f"a dial waits {slots['mean_wait_sec']:,} s for one, at most {slots['longest_wait_sec']:,} s"
    )
    yield f"  answers   {found['answers']}"
    for one in found["never"]:
        named = f", such as {', '.join(one['examples'])}" if one["examples"] else ""
        rule = one["rule"] if one["pack"] is None else f"{one['pack']}: {one['rule']}"
        yield f"  never     {one['leads']:,} by {rule}: {one['in_words']}{named}"


def hours_table(hours: list[dict[str, Any]]) -> Table:
    """The dials by day and hour, in UTC."""
    table, most = Table(box=None, pad_edge=False), max(hour["dials"] for hour in hours)
    table.add_column("day")
    for header in ("hour", "dials", "reached", "minutes", "slots"):
        table.add_column(header, justify="right")
    table.add_column("")
    for day, of_day in groupby(hours, lambda hour: hour["at"][:10]):
        for n, hour in enumerate([hour for hour in of_day if hour["dials"]]):
            figures = [f"{hour[name]:,}" for name in ("dials", "reached", "connected_minutes", "peak")]
            others = hour["dials"] - hour["reached"]
            parts = ((round(hour["reached"]), "█", "green"), (round(others), "░", "bright_black"))
            bar = bars(*parts, total=max(round(most), 1), width=WIDTH)
            table.add_row("" if n else day, hour["at"][11:16], *figures, bar)
    table.caption = Text.assemble(("█", "green"), " reached  ", ("░", "bright_black"), " others; times are UTC")
    return table


def _end(found: dict[str, Any]) -> str:
    ends = found["ends_at"]
    if ends is None:
        return f"not by {_clock(found['until'])}: {found['left']:,} leads left"
    return f"by {_clock(ends['expected'])} (from {_clock(ends['earliest'])} to {_clock(ends['latest'])})"


def _clock(at: str) -> str:
    return f"{at[:10]} {at[11:16]} UTC"


def _rates(text: str) -> Any:
    try:
        if "=" not in text:
            return float(text)
        return {hour.strip(): float(rate) for hour, _, rate in (part.partition("=") for part in text.split(","))}
    except ValueError:
        raise Invalid([f"--answer-rate {text} is no rate; give one such as 0.12, or 9=0.2,10=0.25"]) from None

"""`ringback analytics`: when calling reaches people, and what each attempt adds: in the terminal and as pictures."""

import csv
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ringback.remote.client import Client
from ringback.remote.curve import Curve, reach_by_attempt
from ringback.remote.heat import HeatMap, by_hour_and_weekday
from ringback.remote.watch import count

PATH = "/v1/analytics/attempts"
SHADES = ("#cde2fb", "#9ec5f4", "#6da7ec", "#3987e5", "#256abf", "#184f95", "#0d366b")
"""From the least reach to the most: one hue, darker for more."""

BAR = 18


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be shown.

    Attributes:
        filters: of the API: from, to, campaign_id, trunk_id.
        group_by: one or two sides, None for the heat map and the curve.
        svg: the directory for the pictures.
        as_json: print what the API answers.
        as_csv: print a row for each group.
    """

    filters: dict[str, str]
    group_by: str | None
    svg: Path | None
    as_json: bool
    as_csv: bool


def show_analytics(url: str, key: str, wish: Wish) -> None:
    """Print what was asked for, and write the pictures where a directory was named."""
    client, console = Client(url, key), Console()
    if wish.group_by is not None:
        _show_groups(client.get(PATH, group_by=wish.group_by, **wish.filters), wish, console)
        return
    heat = client.get(PATH, group_by="weekday,hour", **wish.filters)
    attempts = client.get(PATH, group_by="attempt", **wish.filters)
    if wish.as_json:
        console.print_json(data={"heat_map": heat, "attempts": attempts})
    elif wish.as_csv:
        _print_csv([*heat["data"], *attempts["data"]])
    else:
        _show_both(by_hour_and_weekday(heat), reach_by_attempt(attempts), heat, console)
    if wish.svg is not None:
        _write(wish.svg, by_hour_and_weekday(heat), reach_by_attempt(attempts))


def _show_groups(answer: Mapping[str, Any], wish: Wish, console: Console) -> None:
    if wish.as_json:
        console.print_json(data=answer)
    elif wish.as_csv:
        _print_csv(answer["data"])
    else:
        console.print(_table(answer))


def _show_both(heat: HeatMap, curve: Curve, answer: Mapping[str, Any], console: Console) -> None:
    total = answer["total"]
    span = f"{answer['from']} to {answer['to']}: "
    console.print(Text.assemble((span, "bold"), _summary(total)))
    if not total["attempts"]:
        console.print("no attempt has ended in these days", highlight=False)
        return
    console.print(Text("\nReach by the hour and weekday of the lead", "bold"))
    console.print(_grid(heat))
    console.print(Text("percent of the calls dialled then; · no data", "dim"))
    console.print(Text("\nReach by attempt, of all calls", "bold"))
    console.print(_curve(curve))
    if said := prices(curve):
        console.print(Text("\nWhat a person cost who was reached then", "bold"))
        console.print(said, highlight=False)


def _summary(total: Mapping[str, Any]) -> str:
    reach = f", {percent(total['reach'])} of {count(total['calls'], 'call')} reached" if total["reach"] else ""
    return f"{count(total['attempts'], 'attempt')}{reach}"


def percent(share: Mapping[str, float] | None) -> str:
    """A share with its interval, or that there is none."""
    if share is None:
        return "no data"
    return f"{100 * share['share']:.1f} % ({100 * share['low']:.1f} to {100 * share['high']:.1f})"


def _grid(heat: HeatMap) -> Table:
    """A cell says its reach in whole percent, so that it can be read without colours too; a dot is no data."""
    table = Table(box=None, padding=0, pad_edge=False)
    table.add_column("")
    for hour in heat.hours:
        table.add_column(f"{hour:>4}", justify="right", no_wrap=True)
    for weekday, row in zip(heat.weekdays, heat.cells, strict=True):
        table.add_row(f"{weekday} ", *(_cell(heat, reach) for reach in row))
    return table


def _cell(heat: HeatMap, reach: float | None) -> Text:
    if reach is None:
        return Text("   ·", "bright_black")
    shade = heat.shade(reach, len(SHADES))
    ink = "#ffffff" if shade > len(SHADES) // 2 else "#0b0b0b"
    return Text(f"{100 * reach:>3.0f} ", f"{ink} on {SHADES[shade]}")


def _curve(curve: Curve) -> Table:
    table = Table(box=None, pad_edge=False)
    for header in ("attempt", "calls", "reached then", "reached so far"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("")
    most = max([point.high for point in curve.points], default=0.0) or 1.0
    for point in curve.points:
        bar = Text("█" * round(BAR * point.so_far / most), "blue")
        bar.append("─" * (round(BAR * point.high / most) - len(bar)), "bright_black")
        so_far = f"{100 * point.so_far:.1f} % ({100 * point.low:.1f} to {100 * point.high:.1f})"
        table.add_row(str(point.attempt), f"{point.calls:,}", percent(point.then), so_far, bar)
    return table


def prices(curve: Curve) -> str:
    """What a person cost by attempt; nothing where all was free, or in several currencies."""
    paid = [(point.attempt, point.per_person) for point in curve.points if point.per_person]
    return ", ".join(f"attempt {attempt}: {price}" for attempt, price in paid)


def _table(answer: Mapping[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    for side in answer["group_by"]:
        table.add_column(side.replace("_", " "), no_wrap=True)
    for header in ("attempts", "calls", "answered", "reached", "reach", "minutes", "cost"):
        table.add_column(header, justify="right", no_wrap=True)
    for row in [*answer["data"], {"group": None, **answer["total"]}]:
        names = [plain(row["group"][side]) for side in answer["group_by"]] if row["group"] else ["all"]
        names += [""] * (len(answer["group_by"]) - len(names))
        counts = [f"{row[name]:,}" for name in ("attempts", "calls", "answered", "reached")]
        minutes = "" if row["minutes"] is None else f"{row['minutes']:,.1f}"
        table.add_row(*map(Text, names), *counts, percent(row["reach"]), minutes, _money(row))
    return table


def plain(value: Any) -> str:
    """A side's value in a word: a name where it has one."""
    return "none" if value is None else str(value["name"] if isinstance(value, dict) else value)


def _money(row: Mapping[str, Any]) -> str:
    if row["cost_micros"] is None:
        return "several currencies" if row["attempts"] else ""
    return f"{row['cost_micros'] / 1_000_000:,.4f} {row['currency'] or ''}".strip()


def _print_csv(rows: list[dict[str, Any]]) -> None:
    """A row for each group; each share in three columns, empty where there is no data."""
    flat = [_flat(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    out = csv.DictWriter(sys.stdout, names, restval="", lineterminator="\n")
    out.writeheader()
    out.writerows(flat)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {side: plain(value) for side, value in row["group"].items()}
    for name, value in row.items():
        if name in ("answer_rate", "reach"):
            ends = value or dict.fromkeys(("share", "low", "high"))
            flat |= {name: ends["share"], f"{name}_low": ends["low"], f"{name}_high": ends["high"]}
        elif name != "group":
            flat[name] = value
    return flat


def _write(folder: Path, heat: HeatMap, curve: Curve) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in (("heat-map.svg", heat.svg(SHADES)), ("reach-by-attempt.svg", curve.svg())):
        (folder / name).write_text(picture, encoding="utf-8")
        Console(stderr=True).print(f"wrote {folder / name}", soft_wrap=True, highlight=False)

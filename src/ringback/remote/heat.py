"""The reach of calls by the hour and weekday of the lead, as cells and as a picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringback.remote.svg import picture, words

CELL_WIDTH, CELL_HEIGHT, GAP = 36, 30, 2
LEFT, TOP = 56, 64


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A row of cells for each weekday.

    Attributes:
        hours: those between the first and the last in which anybody was dialled.
        weekdays: from Monday.
        cells: the reach of each hour of each weekday; None where nobody was dialled.
        titles: what each cell says in full.
        most: the highest reach.
    """

    hours: Sequence[int]
    weekdays: Sequence[str]
    cells: Sequence[Sequence[float | None]]
    titles: Sequence[Sequence[str]]
    most: float

    def shade(self, reach: float, shades: int) -> int:
        """Which of so many shades a reach has."""
        return min(int(shades * reach / self.most), shades - 1) if self.most else 0

    def svg(self, shades: Sequence[str]) -> str:
        """The picture; dark for much on a light ground, and light for much on a dark one."""
        width = max(LEFT + len(self.hours) * (CELL_WIDTH + GAP) + 24, 420)
        height = TOP + 7 * (CELL_HEIGHT + GAP) + 66
        dark = "".join(f".s{n} {{ fill: {shade}; }} " for n, shade in enumerate(reversed(shades)))
        light = "".join(f".s{n} {{ fill: {shade}; }} " for n, shade in enumerate(shades))
        half = len(shades) // 2
        inks = "".join(f".i{n} {{ fill: {'#ffffff' if n > half else '#0b0b0b'}; }} " for n in range(len(shades)))
        turned = "".join(f".i{n} {{ fill: {'#0b0b0b' if n >= half else '#ffffff'}; }} " for n in range(len(shades)))
        style = f"{light}{inks}\n    @media (prefers-color-scheme: dark) {{ {dark}{turned} }}\n"
        title = "Reach by the hour and weekday of the lead, percent of calls"
        return picture(max(width, 640), height, title, style, self._parts(len(shades), height))

    def _parts(self, shades: int, height: int) -> Iterator[str]:
        for column, hour in enumerate(self.hours):
            yield words(_x(column) + CELL_WIDTH / 2, TOP - 8, f"{hour}", anchor="middle")
        for row, weekday in enumerate(self.weekdays):
            yield words(16, _y(row) + 20, weekday.capitalize())
            for column, reach in enumerate(self.cells[row]):
                yield self._cell(row, column, reach, shades)
        yield from self._legend(shades, height - 34)

    def _cell(self, row: int, column: int, reach: float | None, shades: int) -> str:
        kind = "none" if reach is None else f"s{self.shade(reach, shades)}"
        box = (
            f'<rect x="{_x(column)}" y="{_y(row)}" width="{CELL_WIDTH}" height="{CELL_HEIGHT}" rx="3" class="{kind}">'
            f"<title>{self.titles[row][column]}</title></rect>"
        )
        if reach is None:
            return box
        ink = f"i{self.shade(reach, shades)}"
        return box + words(_x(column) + CELL_WIDTH / 2, _y(row) + 20, f"{100 * reach:.0f}", ink, "middle")

    def _legend(self, shades: int, y: float) -> Iterator[str]:
        yield words(LEFT, y + 12, "0 %")
        for shade in range(shades):
            yield f'<rect x="{LEFT + 30 + shade * 22}" y="{y}" width="20" height="14" rx="2" class="s{shade}"/>'
        after = LEFT + 38 + shades * 22
        yield words(after, y + 12, f"{100 * self.most:.0f} %")
        yield f'<rect x="{after + 60}" y="{y}" width="20" height="14" rx="2" class="none"/>'
        yield words(after + 86, y + 12, "no data")


def _x(column: int) -> int:
    return LEFT + column * (CELL_WIDTH + GAP)


def _y(row: int) -> int:
    return TOP + row * (CELL_HEIGHT + GAP)


def by_hour_and_weekday(answer: Mapping[str, Any]) -> HeatMap:
    """The heat map of attempts that are grouped by weekday and hour."""
    known = {(row["group"]["weekday"], row["group"]["hour"]): row for row in answer["data"]}
    dialled = [hour for (_, hour), row in known.items() if row["attempts"] and hour is not None]
    hours = range(min(dialled, default=9), max(dialled, default=17) + 1)
    weekdays = list(dict.fromkeys(weekday for weekday, _ in known if weekday is not None))
    rows = [[known.get((weekday, hour)) for hour in hours] for weekday in weekdays]
    cells = [[row["reach"]["share"] if row and row["reach"] else None for row in line] for line in rows]
    titles = [
        [_title(weekday, hour, row) for hour, row in zip(hours, line, strict=True)]
        for weekday, line in zip(weekdays, rows, strict=True)
    ]
    most = max((reach for line in cells for reach in line if reach is not None), default=0.0)
    return HeatMap(hours, weekdays, cells, titles, most)


def _title(weekday: str, hour: int, row: Mapping[str, Any] | None) -> str:
    if row is None or row["reach"] is None:
        return f"{weekday} {hour}:00: no data"
    reach = row["reach"]
    ends = f"{100 * reach['low']:.1f} to {100 * reach['high']:.1f}"
    return f"{weekday} {hour}:00: {100 * reach['share']:.1f} % ({ends}) of {row['calls']:,} calls"

"""Rates from files and from the API's JSON: good rows are taken, the others come back with their reasons."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from ringback.domain.rates import ALIASES, MICROS, PREFIX, PRICE, Rate, Refused, parse_rate
from ringback.errors import Invalid
from ringback.intake.files import read_rows
from ringback.intake.report import Reject, Report, reject

MOST_RATES = 500_000
"""In one version of a deck: the largest that carriers send have a third of it."""

_GAP = re.compile(r"[\s-]+")


def read_rates(source: BinaryIO | Path, report: Report) -> list[Rate]:
    """The rates of a CSV, XLSX or XLS file; the first row names the columns. Rejected rows are counted in the report.

    Raises:
        Invalid: the file is empty, damaged, without a column of beginnings or of prices, or without one good row.
        TooLarge, UnknownFileType: as for leads.
    """
    return _taken(_from_rows(source), report)


def rates_from_json(items: Sequence[Any], report: Report) -> list[Rate]:
    """The rates of a JSON list of objects; a row is a place in that list, from 1.

    Raises:
        Invalid: not one of them is a rate.
    """
    return _taken((_from_item(row, item) for row, item in enumerate(items, 1)), report)


def _taken(rows: Iterable[tuple[int, Rate] | Reject], report: Report) -> list[Rate]:
    rates: dict[str, Rate] = {}
    for result in rows:
        if isinstance(result, Reject):
            report.reject_all([result])
            continue
        row, rate = result
        if rate.prefix in rates:
            report.reject("duplicate_prefix", row, rate.prefix)
        elif len(rates) == MOST_RATES:
            raise Invalid([f"a deck may have {MOST_RATES} rates; leave out longer beginnings of the same price"])
        else:
            rates[rate.prefix] = rate
    if not rates:
        raise Invalid(_none_good(report))
    report.created = len(rates)
    return list(rates.values())


def _none_good(report: Report) -> list[str]:
    """Why not one row is a rate: a deck without any would have nothing to say."""
    told = report.to_dict()["reasons"]
    return [
        "no row is a rate, such as prefix +4420 with per_minute 0.0120",
        *(f"rows {', '.join(map(str, reason['rows'][:5]))}: {reason['message']}" for reason in told),
    ]


def _from_rows(source: BinaryIO | Path) -> Iterator[tuple[int, Rate] | Reject]:
    rows = read_rows(source)
    _, header = next(rows, (1, None))
    columns = _columns(header or [])
    for row, cells in rows:
        if cells is None:
            yield reject("value_too_long", row, "")
        else:
            yield _rate(row, {name: cells[place] for name, place in columns.items() if place < len(cells)})


def _columns(header: Sequence[str]) -> dict[str, int]:
    """Where each column is that has to do with rates; the others say what the beginnings are for people."""
    names = [_GAP.sub("_", cell.strip().lower()) for cell in header]
    found = {}
    for name, aliases in ALIASES.items():
        place = next((names.index(alias) for alias in aliases if alias in names), None)
        if place is not None:
            found[name] = place
    if PREFIX not in found or not {PRICE, MICROS} & found.keys():
        has = ", ".join(name[:40] for name in names[:20]) or "no names"
        wanted = f"prefix (or {', '.join(ALIASES[PREFIX][1:])}) and per_minute (or {', '.join(ALIASES[PRICE][1:])})"
        raise Invalid([f"the first row must name columns {wanted}, or per_minute_micros; it has: {has}"])
    return found


def _from_item(row: int, item: Any) -> tuple[int, Rate] | Reject:
    if not isinstance(item, dict):
        return reject("rate_wrong_type", row, str(item))
    if unknown := item.keys() - ALIASES.keys():
        return reject("rate_unknown_field", row, str(min(unknown)))
    given = {name: value for name, value in item.items() if value is not None}
    if wrong := [value for value in given.values() if not isinstance(value, str | int) or isinstance(value, bool)]:
        return reject("rate_wrong_type", row, str(wrong[0]))
    return _rate(row, {name: str(value) for name, value in given.items()})


def _rate(row: int, texts: dict[str, str]) -> tuple[int, Rate] | Reject:
    rate = parse_rate(texts)
    return reject(rate.fault, row, rate.value) if isinstance(rate, Refused) else (row, rate)

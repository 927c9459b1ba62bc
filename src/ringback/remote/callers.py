"""`ringback callers`: caller pools, and how each of their numbers does."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from ringback.remote.analytics import PATH as ANALYTICS
from ringback.remote.analytics import percent
from ringback.remote.client import Client

PATH = "/v1/caller-pools"
PAGE = 100


def show_pools(url: str, key: str, *, as_json: bool) -> None:
    """Print the pools, all pages of them."""
    pools = _all(Client(url, key))
    if as_json:
        Console().print_json(data=pools)
    elif not pools:
        _say("there are no caller pools; `ringback callers create NAME NUMBER...` makes one")
    else:
        _say("\n".join(map(headed, pools)))


def show_one_pool(url: str, key: str, pool_id: str, *, as_json: bool) -> None:
    """Print a pool with its numbers, what was dialled from each today, and how many answered within 30 days."""
    client = Client(url, key)
    pool = client.get(f"{PATH}/{pool_id}")
    lately = client.get(ANALYTICS, group_by="caller_number")
    today = client.get(ANALYTICS, group_by="caller_number", **{"from": lately["to"][:10], "to": lately["to"][:10]})
    numbers = measured(pool, today, lately)
    if as_json:
        Console().print_json(data={**pool, "numbers": numbers})
        return
    _say(headed(pool))
    Console().print(table(numbers))


def create_pool(url: str, key: str, wanted: Mapping[str, Any], *, as_json: bool) -> None:
    """Make a pool.

    Raises:
        Invalid: the server takes it for none.
    """
    made = Client(url, key).post(PATH, dict(wanted))
    Console().print_json(data=made) if as_json else _say(headed(made))


def measured(pool: Mapping[str, Any], today: Mapping[str, Any], lately: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The numbers of a pool, each with its dials of today and its answer rate.

    Args:
        pool: as the API has it.
        today: the attempts of today by caller number, as the API has them.
        lately: those of some more days.
    """
    dialled, known = _by_number(today), _by_number(lately)
    return [
        {
            **number,
            "dials_today": dialled.get(number["number"], {}).get("attempts", 0),
            "answer_rate": known.get(number["number"], {}).get("answer_rate"),
        }
        for number in pool["numbers"]
    ]


def _by_number(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {row["group"]["caller_number"]: row for row in answer["data"]}


def table(numbers: list[dict[str, Any]]) -> Table:
    """A row for each number."""
    table = Table(box=None, pad_edge=False)
    table.add_column("number", no_wrap=True)
    for header in ("today", "in span", "answered, 30 days"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("caps")
    table.add_column("rests until, UTC", no_wrap=True)
    for one in numbers:
        dials = "" if one["dials"] is None else f"{one['dials']:,}"
        rests = "" if one["rests_until"] is None else one["rests_until"][:16].replace("T", " ")
        table.add_row(one["number"], f"{one['dials_today']:,}", dials, percent(one["answer_rate"]), _caps(one), rests)
    return table


def _caps(number: Mapping[str, Any]) -> str:
    calls, pace = number["max_concurrent_calls"], number["dials_per_sec"]
    found = (None if calls is None else f"{calls:,} calls", None if pace is None else f"{pace:g}/s")
    return ", ".join(cap for cap in found if cap) or "none"


def headed(pool: Mapping[str, Any]) -> str:
    """A pool in a line: who is called from which of its numbers, and when they rest."""
    count = f"{pool['size']} number{'' if pool['size'] == 1 else 's'}"
    where = "from nearby where that can be" if pool["local_presence"] else "by turns"
    rest = f", rests {pool['rest']}" if pool["rest"] else ""
    rule = f"; each {pool['dials_per_number']}{rest}" if pool["dials_per_number"] else ""
    return f"{pool['id']}  {pool['name']}, {count}, {where}{rule}"


def _all(client: Client) -> list[Any]:
    listed = client.get(PATH, limit=PAGE)
    pools = list(listed["data"])
    while (after := listed["meta"]["next_cursor"]) is not None:
        listed = client.get(PATH, limit=PAGE, cursor=after)
        pools += listed["data"]
    return pools


def _say(text: str) -> None:
    Console().print(text, soft_wrap=True, markup=False, highlight=False)

"""What `ringback callers` prints."""

from rich.console import Console

from ringback.remote.callers import headed, measured, table

RESTS = {
    "number": "+14155550100",
    "max_concurrent_calls": 5,
    "dials_per_sec": None,
    "dials": 100,
    "rests_until": "2026-03-03T10:00:00.000Z",
}
FREE = {
    "number": "+12125550100",
    "max_concurrent_calls": None,
    "dials_per_sec": 0.5,
    "dials": None,
    "rests_until": None,
}
POOL = {"id": "pool_1", "name": "US", "local_presence": True, "dials_per_number": "100 per 1d", "rest": "2d", "size": 2}
RATE = {"share": 0.25, "low": 0.18, "high": 0.34}


def attempts(count):
    """So many attempts from the first number, as the analytics answer."""
    return {"data": [{"group": {"caller_number": RESTS["number"]}, "attempts": count, "answer_rate": RATE}]}


def test_a_pool_is_a_line():
    """Who is called from which of its numbers, and when they rest."""
    assert headed(POOL) == "pool_1  US, 2 numbers, from nearby where that can be; each 100 per 1d, rests 2d"
    one = {**POOL, "size": 1, "local_presence": False, "rest": None}
    assert headed(one) == "pool_1  US, 1 number, by turns; each 100 per 1d"
    assert headed({**one, "dials_per_number": None}) == "pool_1  US, 1 number, by turns"


def test_a_number_is_a_row_with_how_it_does():
    """Dials of today, those of its span, the answer rate with its interval, its caps, and until when it rests."""
    numbers = measured({**POOL, "numbers": [RESTS, FREE]}, attempts(40), attempts(400))
    assert [(one["dials_today"], one["answer_rate"]) for one in numbers] == [(40, RATE), (0, None)]
    console = Console(width=80)
    with console.capture() as printed:
        console.print(table(numbers))
    _, one, other = (line.split("  ") for line in printed.get().splitlines())
    shown = ["+14155550100", "40", "100", "25.0 % (18.0 to 34.0)", "5 calls", "2026-03-03 10:00"]
    assert [part.strip() for part in one if part.strip()] == shown
    shown = ["+12125550100", "0", "no data", "0.5/s"]
    assert [part.strip() for part in other if part.strip()] == shown

"""What `ringback campaign plan` asks for and prints."""

import io

import pytest
from rich.console import Console

from ringback.api.examples_why import PLAN
from ringback.errors import Invalid
from ringback.remote.plan import answers_of, hours_table, lines


@pytest.mark.parametrize(
    ("rate", "talk", "history", "asked"),
    [
        (None, None, False, None),
        ("0.12", None, False, {"answer_rates": 0.12}),
        ("9=0.2, 10=0.25", 60, False, {"answer_rates": {"9": 0.2, "10": 0.25}, "mean_talk_sec": 60}),
        (None, None, True, "history"),
    ],
)
def test_who_answers_is_asked_for_as_the_api_takes_it(rate, talk, history, asked):
    """Nothing given, the server knows who."""
    assert answers_of(rate, talk, history=history) == asked


@pytest.mark.parametrize(("rate", "history"), [("often", False), ("9=often", False), ("0.1", True)])
def test_rates_that_are_none_are_refused_with_an_example(rate, history):
    """And so are rates beside those that are to be learned."""
    with pytest.raises(Invalid, match="answer-rate"):
        answers_of(rate, None, history=history)


def test_each_thing_has_a_line():
    """The reach with its interval, the end, the slots, and who can never be called."""
    text = "\n".join(lines(PLAN))
    assert "reached   2,206.4 (44.1 %), with 95 % between 2,135.7 and 2,277.3" in text
    assert "over      by 2026-03-06 18:12 UTC (from 2026-03-06 18:04 UTC to 2026-03-07 09:10 UTC)" in text
    assert "slots     50 at most of 50; 42 would place" in text
    assert "never     1 by calling_window: nobody knows in which time zone" in text
    open_end = "\n".join(lines({**PLAN, "ends_at": None, "left": 3.5}))
    assert "over      not by 2026-03-09 06:00 UTC: 3.5 leads left" in open_end


def test_hours_are_a_row_each_below_their_day():
    """Hours without a dial have none."""
    hour = PLAN["hours"][0]
    hours = [hour, {**hour, "at": "2026-03-02T10:00:00.000Z"}, {**hour, "at": "2026-03-03T09:00:00.000Z", "dials": 0}]
    out = io.StringIO()
    Console(file=out, width=120).print(hours_table(hours))
    rows = [line.split() for line in out.getvalue().splitlines()]
    assert rows[1][:3] == ["2026-03-02", "09:00", "3,120.2"]
    assert rows[2][:2] == ["10:00", "3,120.2"]
    assert not any(row[:1] == ["2026-03-03"] for row in rows)

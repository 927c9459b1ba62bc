import pytest
from whenever import Instant, TimeDelta

from ringback.domain.decision import LOOK_FOR_ZONE_EVERY, Rule, Withheld, held_by_list, held_by_time
from ringback.domain.hours import every_day
from ringback.domain.retry import Bounds

NIGHT = Instant.from_utc(2026, 3, 2, 5, 30, 1)  # 22:30:01 of the day before in Denver, 21:30:01 in Los Angeles
WINDOW = every_day(540, 1320).rules_in()
DENVER, BOTH = ("America/Denver",), ("America/Los_Angeles", "America/Denver")
OPENS = Instant.from_utc(2026, 3, 2, 16)


def test_a_shut_window_names_the_hour_and_the_opening():
    """The local time, the zone and who told it, the window, and when it opens."""
    assert held_by_time(Bounds(WINDOW, DENVER), Rule.CAMPAIGN_END, NIGHT, DENVER) == Withheld(
        "calling_window",
        OPENS,
        {
            "local_time": "2026-03-01T22:30:01",
            "timezone": "America/Denver",
            "timezone_from": "number",
            "why": "calling_window",
        },
    )


def test_of_several_zones_the_shut_one_is_named():
    """It is before ten in one of them, and that is not the reason."""
    why = held_by_time(Bounds(WINDOW, BOTH), Rule.CAMPAIGN_END, NIGHT, DENVER)
    assert (why.inputs["timezone"], why.inputs["timezone_from"]) == ("America/Denver", "lead")


def test_without_a_zone_nothing_is_dialled_and_it_is_looked_at_again():
    """Nobody knows what time it is there, until the workspace says so or there is no time left."""
    bounds = Bounds(WINDOW, (), NIGHT + TimeDelta(hours=1))
    inputs = {"local_time": None, "timezone": None, "timezone_from": "number", "why": "unknown_zone"}
    in_time = held_by_time(bounds, Rule.CAMPAIGN_END, NIGHT, ())
    assert in_time == Withheld("calling_window", NIGHT + LOOK_FOR_ZONE_EVERY, inputs)
    assert in_time.final is None
    late = held_by_time(bounds, Rule.CAMPAIGN_END, NIGHT + TimeDelta(hours=1), ())
    assert (late.rule, late.next_at) == ("campaign_end", None)
    assert late.inputs["ends_at"] == "2026-03-02T06:30:01.000Z"


@pytest.mark.parametrize("rule", [Rule.CAMPAIGN_END, Rule.EXPIRES_AFTER])
def test_an_end_that_is_over_is_final(rule):
    """At any hour; which end it is, the caller knows."""
    end = NIGHT - TimeDelta(hours=1)
    why = held_by_time(Bounds((), DENVER, end), rule, NIGHT, DENVER)
    assert (why.rule, why.next_at, why.inputs["ends_at"]) == (rule, None, "2026-03-02T04:30:01.000Z")
    assert why.final == ("expired", "expired")
    assert "opens_at" not in why.inputs
    assert "local_time" not in why.inputs


def test_a_window_that_opens_after_the_end_leaves_no_time():
    """Both are named."""
    end = NIGHT + TimeDelta(hours=1)
    why = held_by_time(Bounds(WINDOW, DENVER, end), Rule.CAMPAIGN_END, NIGHT, DENVER)
    assert (why.rule, why.next_at) == ("campaign_end", None)
    assert (why.inputs["ends_at"], why.inputs["opens_at"]) == ("2026-03-02T06:30:01.000Z", "2026-03-02T16:00:00.000Z")


def test_a_window_that_opens_before_the_end_puts_off():
    """The end is no reason then."""
    why = held_by_time(Bounds(WINDOW, DENVER, OPENS + TimeDelta(seconds=1)), Rule.CAMPAIGN_END, NIGHT, DENVER)
    assert (why.rule, why.next_at) == ("calling_window", OPENS)


@pytest.mark.parametrize(
    ("rule", "kind"), [("calling_window", "calling_window"), ("per_number: 3 per 24h", "per_number")]
)
def test_rules_are_counted_without_their_texts(rule, kind):
    """There would be a series for each text otherwise."""
    assert Withheld(rule, None, {}).kind == kind


def test_a_window_that_never_opens_and_no_end_is_final():
    """The zones of the number never have daytime together."""
    never = every_day(540, 541).rules_in()
    zones = ("America/Denver", "Asia/Tokyo")
    why = held_by_time(Bounds(never, zones, NIGHT + TimeDelta(hours=1)), Rule.CAMPAIGN_END, NIGHT, zones)
    assert (why.rule, why.next_at) == ("calling_window", None)


def test_a_number_on_the_list_is_final():
    """The call is cancelled, and the entry named that says so."""
    why = held_by_list("dnc_1", "import", NIGHT)
    inputs = {"do_not_call_id": "dnc_1", "source": "import", "listed_at": "2026-03-02T05:30:01.000Z"}
    assert why == Withheld("do_not_call", None, inputs)
    assert why.final == ("cancelled", "opted_out")

"""Each clause of the packs of this release: at this local time, in this zone, allowed or not, and by which clause."""

from typing import NamedTuple

import pytest
from whenever import Date, Instant, PlainDateTime

from ringback.domain.hours import CallingHours
from ringback.domain.library import choose
from ringback.domain.pack import Frequency, Purpose, Quiet, binding, hours_rules
from ringback.domain.place import place_of
from ringback.domain.retry import Bounds
from ringback.rules.shelf import Shelf

LIBRARY = Shelf().library()
AT = Instant("2026-12-01T12:00:00Z")
DAY = 86_400

MIAMI, TULSA, SEATTLE, AUSTIN, TOLL_FREE = (
    "+13052345678",
    "+19182345678",
    "+12062345678",
    "+15122345678",
    "+18002345678",
)
SAN_JUAN, LONDON, DELHI, SYDNEY = "+17872345678", "+442079460000", "+911123456789", "+61292345678"
TORONTO, BERLIN = "+14162345678", "+493012345678"
ZONES = {
    MIAMI: "America/New_York",
    TULSA: "America/Chicago",
    SEATTLE: "America/Los_Angeles",
    AUSTIN: "America/Chicago",
    TOLL_FREE: "America/Denver",
    SAN_JUAN: "America/Puerto_Rico",
    LONDON: "Europe/London",
    DELHI: "Asia/Kolkata",
    SYDNEY: "Australia/Sydney",
    TORONTO: "America/Toronto",
    BERLIN: "Europe/Berlin",
}
# 2026-12-01 is a Tuesday, the 5th a Saturday, the 6th a Sunday, the 25th Christmas Day
TUESDAY, SATURDAY, SUNDAY, CHRISTMAS = "2026-12-01", "2026-12-05", "2026-12-06", "2026-12-25"


class Christmas:
    """The public holidays of these tests."""

    def on(self, day: Date) -> str | None:
        """One a year."""
        return "Christmas Day" if (day.month, day.day) == (12, 25) else None


HOLIDAYS = Christmas()


class Case(NamedTuple):
    """A dial, and the clause that forbids it: None for none."""

    packs: list[str]
    purpose: str | None
    number: str
    local: str
    shut_by: str | None


def spans(pack, clause, purpose, number, day, *spans):
    """The cases at the edges of the hours of a day: open from the first minute on, and shut from the last one."""
    for start, end in spans:
        for local, shut in ((before(start), clause), (start, None), (before(end), None), (end, clause)):
            yield Case([pack], purpose, number, f"{day}T{local}", shut)


def before(clock):
    """The second before a minute."""
    hour, minute = map(int, clock.split(":"))
    sec = (hour * 60 + minute) * 60 - 1
    return f"{sec // 3600:02}:{sec // 60 % 60:02}:{sec % 60:02}"


CASES = [
    *spans("us-federal", "solicitation-hours", "marketing", AUSTIN, TUESDAY, ("08:00", "21:00")),
    *spans("us-federal", "solicitation-hours", "marketing", SAN_JUAN, SUNDAY, ("08:00", "21:00")),
    *spans("us-federal", "collection-hours", "collections", AUSTIN, TUESDAY, ("08:00", "21:00")),
    Case(["us-federal"], "survey", AUSTIN, f"{TUESDAY}T03:00", None),
    Case(["us-federal"], None, AUSTIN, f"{TUESDAY}T03:00", "solicitation-hours"),  # nobody said what it is for
    *spans("us-fl", "hours", "marketing", MIAMI, TUESDAY, ("08:00", "20:00")),
    Case(["us-fl"], "marketing", AUSTIN, f"{TUESDAY}T20:30", None),
    Case(["us-fl"], "marketing", TOLL_FREE, f"{TUESDAY}T20:30", "hours"),  # it may ring in Florida
    *spans("us-ok", "hours", "marketing", TULSA, TUESDAY, ("08:00", "20:00")),
    Case(["us-ok"], "marketing", MIAMI, f"{TUESDAY}T20:30", None),
    *spans("us-wa", "hours", "marketing", SEATTLE, SUNDAY, ("08:00", "20:00")),
    Case(["us-wa"], "marketing", TULSA, f"{TUESDAY}T20:30", None),
    *spans("uk", "code-hours", "marketing", LONDON, TUESDAY, ("08:00", "21:00")),
    *spans("uk", "code-hours", "marketing", LONDON, SATURDAY, ("09:00", "21:00")),
    *spans("uk", "code-hours", "marketing", LONDON, SUNDAY, ("09:00", "21:00")),
    Case(["uk"], "service", LONDON, f"{TUESDAY}T03:00", None),
    *spans("in", "promotional-hours", "marketing", DELHI, SUNDAY, ("10:00", "21:00")),
    Case(["in"], "service", DELHI, f"{TUESDAY}T09:30", None),
    *spans("au", "telemarketing-hours", "marketing", SYDNEY, TUESDAY, ("09:00", "20:00")),
    *spans("au", "telemarketing-hours", "marketing", SYDNEY, SATURDAY, ("09:00", "17:00")),
    Case(["au"], "marketing", SYDNEY, f"{SUNDAY}T12:00", "telemarketing-hours"),
    Case(["au"], "marketing", SYDNEY, f"{CHRISTMAS}T12:00", "telemarketing-hours"),
    *spans("au", "research-hours", "survey", SYDNEY, TUESDAY, ("09:00", "20:30")),
    *spans("au", "research-hours", "survey", SYDNEY, SATURDAY, ("09:00", "17:00")),
    *spans("au", "research-hours", "survey", SYDNEY, SUNDAY, ("09:00", "17:00")),
    Case(["au"], "survey", SYDNEY, f"{CHRISTMAS}T12:00", "research-hours"),
    *spans("ca", "telemarketing-hours", "marketing", TORONTO, TUESDAY, ("09:00", "21:30")),
    *spans("ca", "telemarketing-hours", "marketing", TORONTO, SATURDAY, ("10:00", "18:00")),
    *spans("ca", "telemarketing-hours", "marketing", TORONTO, SUNDAY, ("10:00", "18:00")),
    *spans("ca", "announcing-device-hours", "survey", TORONTO, TUESDAY, ("09:30", "20:00")),
    *spans("ca", "announcing-device-hours", "collections", TORONTO, SATURDAY, ("10:30", "17:00")),
    *spans("ca", "announcing-device-hours", "service", TORONTO, SUNDAY, ("12:00", "17:00")),
    Case(["eu-generic"], "marketing", BERLIN, f"{SUNDAY}T03:00", None),  # it has no hours
    # the strictest of several packs wins
    Case(["us-federal", "us-fl"], "marketing", MIAMI, f"{TUESDAY}T20:30", "hours"),
    Case(["us-federal", "us-fl"], "marketing", AUSTIN, f"{TUESDAY}T20:30", None),
    # a country that no pack speaks of has the hours of a campaign that names none
    *spans("us-federal", "uncovered_country", "marketing", BERLIN, SUNDAY, ("09:00", "20:00")),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_hours_of_the_clauses(case):
    """Open from the first minute on and up to the last one, on each kind of day."""
    at = PlainDateTime.parse_iso(case.local).assume_tz(ZONES[case.number]).to_instant()
    purpose = case.purpose and Purpose(case.purpose)
    chosen = choose(LIBRARY, case.packs, at)
    assert not chosen.faults
    rules = hours_rules(chosen.packs, place_of(case.number), purpose, at)
    shut = Bounds(rules, (ZONES[case.number],), holidays=HOLIDAYS).shut_by(at)
    assert (shut and shut.rule) == case.shut_by
    if shut and shut.rule != "uncovered_country":
        assert shut.pack in case.packs
        assert shut.pack_version == "2026.1"


LIMITS = [
    ("us-federal", "seven-in-seven", "collections", AUSTIN, Frequency(7, 7 * DAY, "debt")),
    ("us-federal", "after-a-conversation", "collections", AUSTIN, Quiet(7 * DAY, "debt")),
    ("us-fl", "three-a-day", "marketing", MIAMI, Frequency(3, DAY)),
    ("us-ok", "three-a-day", "marketing", TULSA, Frequency(3, DAY)),
]


@pytest.mark.parametrize(("pack", "clause_id", "purpose", "number", "value"), LIMITS)
def test_limits_of_the_clauses(pack, clause_id, purpose, number, value):
    """So many dials, or so long a quiet time, for calls of their purpose and phones of their place."""
    packs = choose(LIBRARY, [pack], AT).packs

    def binds(to, of):
        return clause_id in {clause.clause_id for _, clause in binding(packs, place_of(to), of, AT)}

    (bound,) = [b for b in binding(packs, place_of(number), Purpose(purpose), AT) if b.clause.clause_id == clause_id]
    assert bound.clause.value == value
    assert binds(number, None)
    assert binds(TOLL_FREE, Purpose(purpose))
    assert not binds(number, Purpose.SERVICE)
    assert not binds(LONDON, Purpose(purpose))


STATEMENTS = [
    ("uk", "no-statutory-hours", LONDON),
    ("uk", "abandoned-calls", LONDON),
    ("eu-generic", "no-common-hours", BERLIN),
    ("eu-generic", "automated-calls", BERLIN),
]


@pytest.mark.parametrize(("pack", "clause_id", "number"), STATEMENTS)
def test_statements_withhold_nothing(pack, clause_id, number):
    """A clause that only says something binds without a value."""
    bound = binding(choose(LIBRARY, [pack], AT).packs, place_of(number), Purpose.MARKETING, AT)
    assert [clause.value for _, clause in bound if clause.clause_id == clause_id] == [None]


def test_every_clause_is_tested():
    """A new clause comes with its cases."""
    tested = {(case.packs[0], case.shut_by) for case in CASES if len(case.packs) == 1}
    tested |= {(pack, clause_id) for pack, clause_id, *_ in (*LIMITS, *STATEMENTS)}
    there = {(pack.name, c.clause_id) for packs in LIBRARY.packs.values() for pack in packs for c in pack.clauses}
    assert there <= tested
    assert {type(c.value) for packs in LIBRARY.packs.values() for pack in packs for c in pack.clauses} == {
        CallingHours,
        Frequency,
        Quiet,
        type(None),
    }

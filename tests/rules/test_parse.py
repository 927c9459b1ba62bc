import tomllib

import pytest
from whenever import Date

from ringback.domain.hours import CallingHours
from ringback.domain.pack import Frequency, Purpose, Quiet
from ringback.errors import Invalid
from ringback.rules.parse import parse_pack

HEAD = """
pack = "own"
version = "2026.1"
effective_from = 2026-01-01
title = "Rules of our own"
not_covered = ["the weather"]
"""
CLAUSE = """
[[clause]]
id = "hours"
text = "No calls at night."
citation = "House rules, 1"
authority = "code"
source = "the house"
confirmed = true
effective_from = 2026-01-01
applies_to = { countries = ["US", "CA"], regions = ["US-FL"], purposes = ["marketing", "survey"] }
hours = { mon-fri = ["09:00-12:00", "14:00-24:00"], sat = ["10:00-12:00"], sun = [], holidays = "shut" }
"""


def parse(text):
    """The pack of a file named own@2026.1.toml."""
    return parse_pack(tomllib.loads(text), "own", "2026.1")


def changed(old, new):
    """The file with something else in it."""
    assert old in HEAD + CLAUSE
    return (HEAD + CLAUSE).replace(old, new)


def without(field):
    """The file without one line."""
    lines = [line for line in (HEAD + CLAUSE).splitlines() if not line.startswith(f"{field} =")]
    assert len(lines) < len((HEAD + CLAUSE).splitlines())
    return "\n".join(lines)


def test_a_pack_is_read_whole():
    """Every field is where it belongs."""
    pack = parse(changed("effective_from = 2026-01-01\napplies", 'note = "a  b"\neffective_from = 2026-01-01\napplies'))
    (clause,) = pack.clauses
    assert (pack.label, pack.effective_from, pack.title) == ("own@2026.1", Date("2026-01-01"), "Rules of our own")
    assert pack.not_covered == ("the weather",)
    assert (clause.clause_id, clause.text, clause.citation) == ("hours", "No calls at night.", "House rules, 1")
    assert (clause.authority, clause.source, clause.confirmed, clause.note) == ("code", "the house", True, "a b")
    assert (clause.effective_from, clause.effective_until) == (Date("2026-01-01"), None)
    assert clause.scope == ({"US", "CA"}, {"US-FL"}, {Purpose.MARKETING, Purpose.SURVEY})
    weekday = ((540, 720), (840, 1440))
    assert clause.value == CallingHours((weekday,) * 5 + (((600, 720),), ()), shut_on_holidays=True)


HOURS_LINE = CLAUSE.splitlines()[-1]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('frequency = { most = 3, within = "24h", per = "number" }', Frequency(3, 86_400, "number")),
        ('frequency = { most = 7, within = "7d", per = "debt" }', Frequency(7, 604_800, "debt")),
        ('quiet = { after_conversation = "30m", per = "debt" }', Quiet(1800, "debt")),
        ("", None),
        ('hours = { mon-sun = ["08:00-21:00"] }', CallingHours((((480, 1260),),) * 7)),
    ],
)
def test_what_a_clause_asks_for(line, value):
    """Hours, a frequency, a quiet time, or nothing."""
    assert parse(changed(HOURS_LINE, line)).clauses[0].value == value


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (changed('pack = "own"', 'pack = "mine"'), "pack must be 'own', as in the name of the file"),
        (changed('version = "2026.1"', "version = 2026.1"), "version must be '2026.1', as in the name of the file"),
        (without("title"), "title must be a text"),
        (changed('"Rules of our own"', '" "'), "title must be a text"),
        (changed('["the weather"]', '"rain"'), "not_covered must be a list"),
        (
            changed("2026-01-01\ntitle", '"2026"\ntitle'),
            "effective_from must be a date without quotes, such as 2026-01-01",
        ),
        (changed("2026-01-01\ntitle", "2026-01-01T00:00:00Z\ntitle"), "effective_from must be a date without quotes"),
        (HEAD, "clause must be one or more tables, each under [[clause]]"),
        (HEAD + "clause = [1]", "clause 1 must be a table"),
        (HEAD + "colour = 1" + CLAUSE, "colour is no field that is known here"),
        (
            changed('id = "hours"', 'id = "Hours"'),
            "clause Hours: id must be a name of small letters, digits and hyphens",
        ),
        (without("id"), "clause 1: id must be a name of small letters"),
        (without("citation"), "clause hours: citation must be a text"),
        (changed('"code"', '"rumour"'), "clause hours: authority must be one of statute, regulation, policy, code"),
        (changed("confirmed = true", "confirmed = 1"), "clause hours: confirmed must be true or false"),
        (changed("confirmed = true", "confirmed = false"), "clause hours: note must say what is in doubt"),
        (
            changed(
                "effective_from = 2026-01-01\napplies",
                "effective_from = 2026-01-02\neffective_until = 2026-01-01\napplies",
            ),
            "clause hours: effective_until must not be before effective_from",
        ),
        (without("applies_to"), "clause hours: applies_to must be a table"),
        (changed('["US", "CA"]', "[]"), "clause hours: applies_to.countries must name one country or more"),
        (changed('["US", "CA"]', '["us"]'), "clause hours: applies_to.countries must be two-letter country codes"),
        (changed('["US", "CA"]', '["XX"]'), "clause hours: applies_to.countries must be two-letter country codes"),
        (changed('["US", "CA"]', '["CA"]'), "clause hours: applies_to.regions has US-FL, whose country is not in"),
        (changed('["US-FL"]', '["FL"]'), "clause hours: applies_to.regions must be ISO 3166-2 codes such as 'US-FL'"),
        (changed('"survey"', '"fun"'), "clause hours: applies_to.purposes must be one of marketing, collections,"),
        (changed("purposes", "purpose"), "clause hours: applies_to.purpose is no field that is known here"),
        (HEAD + CLAUSE + CLAUSE, "clause hours: id is there twice"),
        (changed('"14:00-24:00"', '"11:00-24:00"'), "clause hours: hours.mon-fri must be a list of spans such as"),
        (changed('"14:00-24:00"', '"14:00-13:00"'), "clause hours: hours.mon-fri must be a list of spans such as"),
        (changed('"14:00-24:00"', '"14:00-25:00"'), "clause hours: hours.mon-fri must be a list of spans such as"),
        (changed('"14:00-24:00"', "14"), "clause hours: hours.mon-fri must be a list of spans such as"),
        (changed("sun = []", 'sun = "none"'), "clause hours: hours.sun must be a list of spans such as"),
        (changed("sun = [], ", ""), "clause hours: hours.sun is missing: [] is shut"),
        (
            changed("sun = []", "sun = [], tue = []"),
            "clause hours: hours.tue says tue again: each day goes into one field",
        ),
        (changed('"shut"', '"maybe"'), "clause hours: hours.holidays must be one of open, shut"),
        (changed(HOURS_LINE, "hours = 9"), "clause hours: hours must be a table"),
        (
            HEAD + CLAUSE + 'quiet = { after_conversation = "7d", per = "debt" }',
            "clause hours: hours, frequency and quiet: only one of them goes into a clause",
        ),
        (
            changed(HOURS_LINE, 'quiet = { after_conversation = 7, per = "debt" }'),
            "clause hours: quiet.after_conversation must",
        ),
        (
            changed(HOURS_LINE, 'quiet = { after_conversation = "91d", per = "debt" }'),
            "clause hours: quiet.after_conversation",
        ),
        (
            changed(HOURS_LINE, 'quiet = { after_conversation = "7d", per = "moon" }'),
            "clause hours: quiet.per must be one of",
        ),
        (
            changed(HOURS_LINE, 'frequency = { within = "7d", per = "debt" }'),
            "clause hours: frequency.most must be a whole",
        ),
        (
            changed(HOURS_LINE, 'frequency = { most = 0, within = "7d", per = "debt" }'),
            "clause hours: frequency.most must",
        ),
    ],
)
def test_faults_name_the_clause_and_the_field(text, fault):
    """Whatever is missing, misspelt or impossible is told with its remedy."""
    with pytest.raises(Invalid) as refused:
        parse(text)
    assert [line for line in refused.value.lines if line.startswith(fault)], refused.value.lines


def test_all_faults_are_told_at_once():
    """Whoever mends a file mends it once."""
    text = changed('"code"', '"rumour"').replace('"House rules, 1"', "1").replace('"survey"', '"fun"')
    with pytest.raises(Invalid) as refused:
        parse(text)
    assert len(refused.value.lines) == 3

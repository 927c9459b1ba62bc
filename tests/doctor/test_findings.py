"""From facts to findings, one thing at a time."""

from dataclasses import replace
from types import MappingProxyType
from uuid import UUID

import pytest
from whenever import Instant, TimeDelta

from ringback.doctor.command import findings_of
from ringback.doctor.facts import Disk, Facts, Ours, RulesState, TrunkState
from ringback.doctor.finding import Level
from ringback.domain.hours import every_day
from ringback.domain.library import Faulty, Library
from ringback.store.checks import Holder, KnownNode, Rows, Server, TableState, Waiting

NOON = Instant.from_utc(2026, 3, 2, 12)
MINUTE, HOUR = TimeDelta(minutes=1), TimeDelta(hours=1)
SETTINGS = MappingProxyType(
    {
        "autovacuum": "on",
        "default_transaction_isolation": "read committed",
        "fsync": "on",
        "full_page_writes": "on",
        "idle_in_transaction_session_timeout": "0",
        "max_connections": "50",
        "server_version_num": "180004",
        "statement_timeout": "0",
        "superuser_reserved_connections": "3",
        "synchronous_commit": "on",
        "track_counts": "on",
    }
)
SERVER = Server(dict(SETTINGS), False, 20, 0, [], [])
ROWS = Rows(0, 0, [], [])
NODE, OTHER = KnownNode("a", NOON + MINUTE, None, 3), KnownNode("b", NOON + MINUTE, None, 0)
LOCAL = TrunkState("main", None, is_local=True)
OURS = Ours([NODE], ROWS, tables=[TableState("queue", 10, 5, NOON)], trunks=[TrunkState("sim", None)])
HEALTHY = Facts(NOON, True, TimeDelta(milliseconds=3), Disk("/data", 50 << 30, 100 << 30), SERVER, None, OURS)
CALL = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
AFTERNOON = every_day(11 * 60, 20 * 60)


def server(**settings):
    """The facts with other settings of the server."""
    return replace(HEALTHY, server=replace(SERVER, settings={**SETTINGS, **settings}))


def shared(**changes):
    """The facts with something else in our tables, which are on a server of the user's own."""
    elsewhere = server(idle_in_transaction_session_timeout="600000")
    return replace(elsewhere, embedded=False, ours=replace(OURS, **changes))


def holding(since, state="idle in transaction"):
    """The facts with an old transaction."""
    return replace(HEALTHY, server=replace(SERVER, holders=[Holder("psql (pid 7)", state, since)]))


def rows(**found):
    """The facts with rows that should not be as they are."""
    return replace(HEALTHY, ours=replace(OURS, rows=replace(ROWS, **found)))


def ours(**changes):
    """The facts with something else in our tables."""
    return replace(HEALTHY, ours=replace(OURS, **changes))


def waiting(due_at, window=AFTERNOON):
    """The facts with somebody who should have been dialled."""
    return ours(overdue=[Waiting((1, 1), "June", window, due_at, ("UTC",), "+14155550100", None)])


def bad(facts):
    """What is not well: check and level, the worst last."""
    return [(finding.check, str(finding.level)) for finding in findings_of(facts) if finding.level is not Level.OK]


def test_a_campaign_that_rests_for_want_of_money_is_told_apart():
    """Its trunk is in order: what helps is to raise its budget."""
    [late] = waiting(NOON - 2 * HOUR).ours.overdue
    for is_spent, remedy in ((True, "ringback budget"), (False, "TrunkRefused")):
        [found] = [
            one for one in findings_of(ours(overdue=[replace(late, is_spent=is_spent)])) if one.check == "campaigns"
        ]
        assert remedy in found.remedy


def test_a_healthy_installation_is_well_in_everything():
    """Each thing that is looked at says so."""
    found = findings_of(HEALTHY)
    assert bad(HEALTHY) == []
    assert {finding.check for finding in found} == {
        *("clock", "disk", "database", "snapshots", "schema", "nodes", "rows", "campaigns", "limits", "tables"),
        *("trunks", "rules"),
    }
    assert not any(finding.remedy for finding in found)


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (replace(HEALTHY, skew=TimeDelta(milliseconds=-300)), ("clock", "warn")),
        (replace(HEALTHY, library=Library({}, (Faulty("house", "2026.1", ("broken",)),))), ("rules", "warn")),
        (ours(stopped=[RulesState("campaign", "June", ["no rule pack us-xx is in force"])]), ("rules", "fail")),
        (replace(HEALTHY, skew=TimeDelta(milliseconds=501)), ("clock", "fail")),
        (replace(HEALTHY, disk=Disk("/data", 1 << 30, 100 << 30)), ("disk", "warn")),
        (replace(HEALTHY, disk=Disk("/data", 1 << 20, 100 << 30)), ("disk", "fail")),
        (server(fsync="off"), ("database", "fail")),
        (server(synchronous_commit="off"), ("database", "fail")),
        (server(full_page_writes="off"), ("database", "fail")),
        (server(autovacuum="off"), ("database", "fail")),
        (server(track_counts="off"), ("database", "fail")),
        (server(server_version_num="140012"), ("database", "fail")),
        (server(default_transaction_isolation="serializable"), ("database", "fail")),
        (server(max_connections="15"), ("database", "fail")),
        (server(max_connections="30"), ("database", "warn")),
        (server(idle_in_transaction_session_timeout="5000"), ("database", "warn")),
        (server(statement_timeout="5000"), ("database", "warn")),
        (server(transaction_timeout="5000"), ("database", "warn")),
        (replace(HEALTHY, server=replace(SERVER, is_standby=True)), ("database", "fail")),
        (replace(HEALTHY, embedded=False), ("database", "warn")),
        (holding(NOON - 10 * MINUTE), ("snapshots", "warn")),
        (holding(NOON - 2 * HOUR), ("snapshots", "fail")),
        (holding(NOON - 10 * MINUTE, "prepared"), ("snapshots", "warn")),
        (replace(HEALTHY, server=replace(SERVER, idle_slots=["old"])), ("snapshots", "warn")),
        (replace(HEALTHY, server=replace(SERVER, hidden=2)), ("snapshots", "warn")),
        (replace(HEALTHY, schema_fault="too old", ours=None), ("schema", "fail")),
        (rows(abandoned=1), ("rows", "fail")),
        (rows(nowhere=[CALL]), ("rows", "fail")),
        (rows(resurrected=[CALL]), ("rows", "fail")),
        (rows(endless=2), ("rows", "warn")),
        (waiting(NOON - 2 * HOUR), ("campaigns", "warn")),
        (ours(shut=[("trunk", "sim")]), ("campaigns", "warn")),
        (ours(unlimited=[("trunk", "sim")]), ("limits", "fail")),
        (ours(tables=[TableState("queue", 10, 200_000, None)]), ("tables", "warn")),
        (ours(trunks=[TrunkState("sim", "its record cannot be written")]), ("trunks", "fail")),
        (shared(nodes=[NODE, OTHER], trunks=[LOCAL]), ("trunks", "warn")),
        (ours(nodes=[KnownNode("a", NOON - HOUR, None, 3)]), ("nodes", "warn")),
        (ours(nodes=[NODE, KnownNode("b", NOON - HOUR, NOON - HOUR, 3)]), ("nodes", "warn")),
    ],
)
def test_what_is_wrong_is_found_and_has_a_remedy(facts, wanted):
    """Each fault by itself, and nothing else with it."""
    assert bad(facts) == [wanted]
    assert all(finding.remedy for finding in findings_of(facts) if finding.level is not Level.OK)


@pytest.mark.parametrize(
    "facts",
    [
        replace(HEALTHY, disk=None),
        replace(server(idle_in_transaction_session_timeout="600000"), embedded=False),
        waiting(NOON - 2 * HOUR, every_day(13 * 60, 20 * 60)),
        waiting(NOON - 2 * HOUR, every_day(11 * 60 + 55, 20 * 60)),
        shared(trunks=[LOCAL]),
        ours(trunks=[LOCAL]),
        ours(nodes=[]),
        ours(nodes=[KnownNode("a", NOON - HOUR, NOON - HOUR, 0)]),
        ours(nodes=[NODE, KnownNode("b", NOON - MINUTE, NOON - MINUTE / 2, 3)]),
        ours(tables=[TableState("attempts", 10_000_000, 900_000, None)]),
        ours(tables=[TableState("queue", 10, 50_000, None)]),
    ],
)
def test_what_is_as_it_should_be_raises_no_alarm(facts):
    """A shut window or one that has just opened, a stopped server, a rescue under way, a large table, a key for one."""
    assert bad(facts) == []


@pytest.mark.parametrize("check", ["nodes", "rows", "campaigns", "limits", "tables", "trunks"])
def test_what_was_not_looked_at_is_not_told_to_be_well(check):
    """A look that took too long is a finding, once, and the others are as they were."""
    found = findings_of(replace(HEALTHY, slow=[check, check]))
    [about] = [finding for finding in found if finding.check == check]
    assert (about.level, bool(about.remedy)) == (Level.WARN, True)
    assert len(found) == len(findings_of(HEALTHY))


def test_what_is_wrong_is_told_beside_a_look_that_took_too_long():
    """One look at the rows found something, and another did not come to its end."""
    assert bad(replace(rows(endless=2), slow=["rows"])) == [("rows", "warn"), ("rows", "warn")]


def test_a_server_that_was_not_looked_at_is_told():
    """It has settings and sessions, and nothing is known of either."""
    assert bad(replace(HEALTHY, server=None, slow=["database", "snapshots"])) == [
        ("database", "warn"),
        ("snapshots", "warn"),
    ]


def test_the_worst_comes_last():
    """Where the eyes of whoever reads it are."""
    facts = replace(ours(unlimited=[("trunk", "sim")]), skew=TimeDelta(milliseconds=300))
    levels = [finding.level for finding in findings_of(facts)]
    assert levels[-2:] == [Level.WARN, Level.FAIL]
    assert set(levels[:-2]) == {Level.OK}


def test_a_campaign_without_a_node_wants_one():
    """What to do depends on whether anybody dials at all."""
    facts = waiting(NOON - 2 * HOUR)
    [finding] = [f for f in findings_of(replace(facts, ours=replace(facts.ours, nodes=[]))) if f.level is Level.WARN]
    assert finding.remedy == "start a server"

"""Findings on our own tables: the schema, the nodes, the rows and the trunks."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from whenever import Instant, TimeDelta

from ringback.config import SECRET_KEY
from ringback.doctor.facts import Facts
from ringback.doctor.finding import Finding, fail, ok, some, warn
from ringback.domain.window import is_open
from ringback.ids import CALL, show
from ringback.sealing import KEY_FILE
from ringback.store.checks import KnownNode, TableState, Waiting
from ringback.store.windows import country_at, hours_at

LONGEST_CALL = TimeDelta(hours=4)
LONGEST_WAIT = TimeDelta(hours=1)
OPEN_FOR = TimeDelta(minutes=10)
"""A window that has just opened is no sign of anything."""

PATIENCE = TimeDelta(minutes=1)
"""A node that ended is explained within seconds, unless its trunk has to be waited for."""

MANY_DEAD = 100_000

ASK = "keep the log and the data as they are and ask for help: this is a fault of ours"


def schema(facts: Facts) -> Iterator[Finding]:
    """Whether this release can work on the tables at all."""
    if facts.schema_fault is not None:
        yield fail("schema", facts.schema_fault, "see what it says; nothing else of ours was looked at")
    else:
        yield ok("schema", "the schema is one that this release works on")


def nodes(facts: Facts) -> Iterator[Finding]:
    """Who dials, and whether what dead nodes left is being explained."""
    if facts.ours is None:
        return
    alive = _alive(facts.ours.nodes, facts.now)
    dead = [node for node in facts.ours.nodes if node not in alive and node.live]
    yield ok("nodes", f"{len(alive)} alive: {some([node.name for node in alive])}" if alive else "no node runs")
    for node in dead:
        yield _left_behind(node, facts.now, survived=bool(alive))


def rows(facts: Facts) -> Iterator[Finding]:
    """Rows in a state that nobody will move them out of."""
    if facts.ours is None:
        return
    found = facts.ours.rows
    faults = []
    if found.abandoned:
        faults.append(
            fail("rows", f"{found.abandoned} live attempts belong to no node that is yet to be explained", ASK)
        )
    if found.nowhere:
        faults.append(fail("rows", f"calls that are not over wait for nothing: {_calls(found.nowhere)}", ASK))
    if found.resurrected:
        faults.append(fail("rows", f"calls that are over wait for a dial: {_calls(found.resurrected)}", ASK))
    if found.endless:
        faults.append(_endless(found.endless))
    yield from faults or [ok("rows", "every call waits, is being dialled or is over")]


def campaigns(facts: Facts) -> Iterator[Finding]:
    """Campaigns that run and do not move, although their windows are open."""
    if facts.ours is None:
        return
    alive = bool(_alive(facts.ours.nodes, facts.now))
    stuck = {w.campaign: w for w in reversed(facts.ours.overdue) if _should_be_dialled(w, facts.now)}
    for waiting in stuck.values():
        yield warn(
            "campaigns",
            f"{waiting.name} runs and has dialled nobody for an hour, although dials are due since {waiting.due_at}",
            _remedy(waiting, alive),
        )
    for kind, name in facts.ours.shut:
        yield warn(
            "campaigns", f"the {kind} {name} has max_concurrent_calls 0 and a campaign runs", "raise it, or pause"
        )
    if not stuck and not facts.ours.shut:
        yield ok("campaigns", "none that runs is stuck")


def _remedy(waiting: Waiting, alive: bool) -> str:
    if waiting.is_spent:
        return "its budget or its workspace's is spent: raise it with `ringback budget`, or pause the campaign"
    return "look for TrunkRefused and DutyFailed in the log, and at its trunk's caps" if alive else "start a server"


def limits(facts: Facts) -> Iterator[Finding]:
    """What has no limit row may not be dialled at all."""
    if facts.ours is None:
        return
    for kind, name in facts.ours.unlimited:
        yield fail("limits", f"the {kind} {name} has no row in limits, so nothing of it is dialled", ASK)
    if not facts.ours.unlimited:
        yield ok("limits", "workspaces, campaigns, trunks and caller numbers all have theirs")


def tables(facts: Facts) -> Iterator[Finding]:
    """Dead rows that autovacuum does not keep up with."""
    if facts.ours is None:
        return
    bloated = [table for table in facts.ours.tables if table.dead > max(MANY_DEAD, table.live // 2)]
    for table in bloated:
        yield _bloated(table)
    if facts.ours.tables and not bloated:
        most = max(facts.ours.tables, key=lambda table: table.dead)
        yield ok("tables", f"autovacuum keeps up; {most.name} has the most dead rows, {most.dead:,}")


def trunks(facts: Facts) -> Iterator[Finding]:
    """Whether each trunk could dial from here."""
    if facts.ours is None:
        return
    shared = not facts.embedded and len(_alive(facts.ours.nodes, facts.now)) > 1
    for trunk in facts.ours.trunks:
        if trunk.fault is not None:
            yield fail("trunks", f"{trunk.name} cannot dial: {trunk.fault}", "mend that, or pause the campaigns on it")
        elif trunk.is_local and shared:
            yield warn(
                "trunks",
                f"{trunk.name} can dial from here; its password is sealed with the key in this data directory, which "
                "other servers do not have",
                f"set {SECRET_KEY} on every server to what {KEY_FILE} in this data directory holds",
            )
        else:
            yield ok("trunks", f"{trunk.name} can dial")


def _alive(nodes: Sequence[KnownNode], now: Instant) -> list[KnownNode]:
    return [node for node in nodes if node.ended_at is None and node.lease_until > now]


def _left_behind(node: KnownNode, now: Instant, *, survived: bool) -> Finding:
    shown = f"{node.name} is over and left {node.live} live attempts"
    if not survived:
        return warn("nodes", f"{shown}, and no node runs that could explain them", "start a server")
    if now - (node.ended_at or node.lease_until) < PATIENCE:
        return ok("nodes", f"{shown}, which are being explained")
    return warn(
        "nodes", f"{shown} more than a minute ago", "look for TrunkRefused in the log: a trunk is asked about them"
    )


def _endless(count: int) -> Finding:
    return warn(
        "rows",
        f"{count} attempts are live for more than {LONGEST_CALL.total('hours'):.0f} hours",
        "ask the trunk: it says that they are still up; if they are not, restart the server",
    )


def _should_be_dialled(waiting: Waiting, now: Instant) -> bool:
    country = country_at(waiting.to_number, waiting.region)
    hours, holidays = hours_at(waiting.window, country, waiting.region)
    return all(is_open(hours, waiting.zones, at, holidays) for at in (now, now - OPEN_FOR))


def _bloated(table: TableState) -> Finding:
    when = "never" if table.vacuumed_at is None else f"last {table.vacuumed_at}"
    return warn(
        "tables",
        f"{table.name} has {table.dead:,} dead rows beside {table.live:,} live ones; vacuumed {when}",
        f"end old transactions (snapshots, above), then VACUUM {table.name}",
    )


def _calls(found: list[UUID]) -> str:
    return some([show(CALL, call_id) for call_id in found])

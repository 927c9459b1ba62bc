"""Findings on the machine and the PostgreSQL server."""

from collections.abc import Iterator

from whenever import Instant, TimeDelta

from ringback.doctor.facts import Disk, Facts
from ringback.doctor.finding import Finding, fail, ok, warn
from ringback.store.checks import Holder, Server

MOST_SKEW, NOTABLE_SKEW = TimeDelta(milliseconds=500), TimeDelta(milliseconds=200)
"""A node does not dial beyond the first."""

LEAST_FREE, LITTLE_FREE = 512 << 20, 2 << 30
"""Bytes: PostgreSQL stops when it cannot write; its log of writes alone may take the second."""

OLDEST_SERVER = 150_000
A_SERVERS_CONNECTIONS = 20
"""What `ringback serve` opens at most, and a little."""

OLD, VERY_OLD = TimeDelta(minutes=5), TimeDelta(hours=1)
"""Of a transaction."""

LONGEST_PAUSE_MS = 60_000
"""Within an import's transaction, while its file is being sent."""


def clock(facts: Facts) -> Iterator[Finding]:
    """A lease means the same to all only where the clocks agree."""
    skew = abs(facts.skew)
    shown = f"this machine's clock and the database's are {skew.total('milliseconds'):.0f} ms apart"
    if skew > MOST_SKEW:
        yield fail("clock", shown, "run NTP on both: beyond 500 ms a node does not dial")
    elif skew > NOTABLE_SKEW:
        yield warn("clock", shown, "run NTP on both: beyond 500 ms a node does not dial")
    else:
        yield ok("clock", shown)


def disk(facts: Facts) -> Iterator[Finding]:
    """A database that cannot write stops."""
    if facts.disk is None:
        return
    free = facts.disk.free_bytes
    shown = _free(facts.disk)
    remedy = "make room, or let old calls go: see Retention; a full disk stops PostgreSQL"
    if free < LEAST_FREE:
        yield fail("disk", shown, remedy)
    elif free < LITTLE_FREE:
        yield warn("disk", shown, remedy)
    else:
        yield ok("disk", shown)


def database(facts: Facts) -> Iterator[Finding]:
    """The server's version, its promises, and its room for connections."""
    server = facts.server
    if server is None:
        return
    faults = [
        *_version(server),
        *_durability(server),
        *_transactions(server),
        *_time_limits(server, embedded=facts.embedded),
        *_connections(server),
    ]
    number = int(server.settings["server_version_num"])
    yield from faults or [
        ok("database", f"PostgreSQL {number // 10_000}.{number % 10_000}, settings as they should be")
    ]


def old_snapshots(facts: Facts) -> Iterator[Finding]:
    """What holds back vacuum: the hot tables grow for as long as somebody may still look at what was deleted."""
    server = facts.server
    if server is None:
        return
    for holder in server.holders:
        yield _holder(holder, facts.now)
    for name in server.idle_slots:
        yield warn(
            "snapshots",
            f"nobody reads the replication slot {name}, so the server keeps what it has not read",
            f"start its reader, or drop it: SELECT pg_drop_replication_slot('{name}')",
        )
    if server.hidden:
        yield warn(
            "snapshots",
            f"sessions of other roles, whose transactions cannot be seen by ours: {server.hidden}",
            "GRANT pg_read_all_stats TO ..., for our role",
        )
    if not (server.holders or server.idle_slots or server.hidden):
        yield ok("snapshots", "no transaction is older than five minutes")


def _version(server: Server) -> Iterator[Finding]:
    number = int(server.settings["server_version_num"])
    if number < OLDEST_SERVER:
        yield fail("database", f"the server is PostgreSQL {number // 10_000}", "use PostgreSQL 15 or newer")
    if server.is_standby:
        yield fail(
            "database", "the server is a standby, which takes no writes", "set RINGBACK_DATABASE_URL to its primary"
        )


def _durability(server: Server) -> Iterator[Finding]:
    for name, why in (
        ("fsync", "a power cut may undo an intent, and its dial is placed twice"),
        ("full_page_writes", "a power cut may leave pages torn, and the database damaged"),
        ("synchronous_commit", "a crash may undo an intent, and its dial is placed twice"),
        ("autovacuum", "dead rows pile up until claims crawl"),
        ("track_counts", "autovacuum does not know what to do, and dead rows pile up"),
    ):
        if server.settings.get(name) == "off":
            yield fail("database", f"{name} is off: {why}", f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf()")


def _transactions(server: Server) -> Iterator[Finding]:
    level = server.settings.get("default_transaction_isolation", "")
    if level != "read committed":
        yield fail(
            "database",
            f"default_transaction_isolation is {level}: a claim would count with a view older than its lock",
            "ALTER ROLE ... SET default_transaction_isolation = 'read committed', for our role",
        )


def _time_limits(server: Server, *, embedded: bool) -> Iterator[Finding]:
    idle_ms = int(server.settings.get("idle_in_transaction_session_timeout", "0"))
    if 0 < idle_ms < LONGEST_PAUSE_MS:
        yield warn(
            "database",
            f"idle_in_transaction_session_timeout is {idle_ms / 1000:g} s: a slow import is cut off",
            "set it to 10min for our role",
        )
    if idle_ms == 0 and not embedded:
        yield warn(
            "database",
            "idle_in_transaction_session_timeout is 0: a transaction that somebody forgot holds back vacuum for ever",
            "set it to 10min, for the roles of people at least",
        )
    for name in ("statement_timeout", "transaction_timeout"):
        if 0 < int(server.settings.get(name, "0")) < LONGEST_PAUSE_MS:
            yield warn("database", f"{name} is below a minute: large imports are cut off", "set it to 0 for our role")


def _connections(server: Server) -> Iterator[Finding]:
    reserved = sum(int(server.settings.get(f"{who}reserved_connections", "0")) for who in ("", "superuser_"))
    most = int(server.settings["max_connections"]) - reserved
    free = most - server.connections
    shown = f"{server.connections} of {most} connections are in use"
    remedy = f"raise max_connections: each server that shares the database takes up to {A_SERVERS_CONNECTIONS}"
    if free <= 2:
        yield fail("database", shown, remedy)
    elif most < A_SERVERS_CONNECTIONS or free < A_SERVERS_CONNECTIONS // 2:
        yield warn("database", shown, remedy)


def _holder(holder: Holder, now: Instant) -> Finding:
    age = now - holder.since
    shown = f"{holder.what} has a transaction open for {age.total('minutes'):.0f} min ({holder.state or 'unknown'})"
    remedy = "let it end, or end it: the hot tables grow meanwhile; a backup is over by itself"
    if holder.state == "prepared":
        shown = f"the prepared transaction {holder.what} is {age.total('minutes'):.0f} min old"
        remedy = f"COMMIT PREPARED '{holder.what}' or ROLLBACK PREPARED '{holder.what}': the hot tables grow meanwhile"
    return fail("snapshots", shown, remedy) if age > VERY_OLD else warn("snapshots", shown, remedy)


def _free(disk: Disk) -> str:
    return f"{disk.free_bytes / 1e9:,.1f} GB of {disk.size_bytes / 1e9:,.1f} GB are free at {disk.path}"

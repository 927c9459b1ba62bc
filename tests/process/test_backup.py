"""A backup of a server under load, and what comes of it: a server that knows what was, and dials nobody by itself."""

import asyncio
import json
import signal
import subprocess
import threading
from contextlib import contextmanager

import asyncpg
from tests.process.campaigns import NOBODY, dialled, dials, doubles, dsn_of, make_campaign, make_trunk, rows
from tests.process.serving import (
    await_end,
    environment,
    eventually,
    handles_of,
    kill,
    ringback_command,
    run,
    serving,
    using,
)

from ringback.backup.draft import SUFFIX

RETRY = {"max_attempts": 2, "after": {"no-answer": ["1s"]}, "jitter": "0s"}
ENDED = "SELECT * FROM attempts WHERE ended_at IS NOT NULL AND campaign_no > 0"
LIVE = "SELECT campaign_no FROM attempts WHERE ended_at IS NULL"
DUMPING = "SELECT FROM pg_stat_activity WHERE application_name = 'pg_dump' AND wait_event_type = 'Lock'"


def by_key(found):
    """Attempts by what they are known by."""
    return {(row["call_id"], row["attempt"]): row for row in found}


def said(ended):
    """The JSON of a command that went well."""
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def single_calls(server):
    """A call without a campaign that is being rung for minutes, and one that waits."""
    for name, cap in (("slow", 1), ("shut", 0)):
        settings = {**NOBODY, "speed": 0.1, "record": f"{name}.jsonl"}
        body = {"name": name, "kind": "simulator", "settings": settings, "max_concurrent_calls": cap}
        trunk = server.post("/v1/trunks", body)["id"]
        server.post("/v1/calls", {"to_number": "+14155559999", "trunk_id": trunk})


def test_a_restored_server_knows_what_was_and_dials_nobody(home):
    """The history is that of the backup; its campaign is paused, its single calls are over, and both are told."""
    to, again = home.data.parent / "backup", home.data.parent / "again"
    with serving(home.data, key=home.live_key) as server:
        trunk = make_trunk(server, {**NOBODY, "speed": 40}, 5, 20)
        campaign = make_campaign(server, trunk, range(400), 5, RETRY)
        single_calls(server)
        dsn = dsn_of(home.data)
        eventually(lambda: len(rows(dsn, ENDED)) >= 10)
        eventually(lambda: any(row["campaign_no"] == 0 for row in rows(dsn, LIVE)))
        before = by_key(rows(dsn, ENDED))
        made = said(run("backup", "--data", home.data, to, "--json"))
        assert made["rows"]["calls"] == 402
        assert {path.name.partition(".")[0] for path in (to / "files").iterdir()} == {"dials", "slow", "shut"}
        placed = dialled(home.data)
        eventually(lambda: dialled(home.data) >= placed + 10)
        handles = handles_of(*server.children().values())
        kill(server.process.pid)
        for handle in handles:
            await_end(handle)
    restored = said(run("restore", "--data", again, to, "--json"))
    assert (restored["made_at"], restored["rows"]) == (made["made_at"], made["rows"])
    assert (restored["paused_campaigns"], restored["cancelled_calls"]) == (["from 0"], 2)
    known = dialled(again)
    with serving(again, key=home.live_key) as server:
        dsn = dsn_of(again)
        found = by_key(rows(dsn, ENDED))
        eventually(lambda: not rows(dsn, LIVE))
        assert {key: found.get(key) for key in before} == before
        assert len(found) < placed  # what was dialled since is not in it
        assert server.get(f"/v1/campaigns/{campaign}")["status"] == "paused"
        assert {row["final_status"] for row in rows(dsn, "SELECT * FROM calls WHERE campaign_no = 0")} == {"cancelled"}
        assert dialled(again) == known
        assert not doubles(dials(again))
        server.patch(f"/v1/campaigns/{campaign}/status", {"action": "resume"})
        eventually(lambda: dialled(again) >= known + 5)
        assert server.stop() == 0


@contextmanager
def a_locked_table(dsn):
    """A table that nobody comes to: pg_dump waits for it."""
    over, locked = threading.Event(), threading.Event()
    holder = threading.Thread(target=lambda: asyncio.run(lock_a_table(dsn, locked, over)))
    holder.start()
    try:
        assert locked.wait(20)
        yield
    finally:
        over.set()
        holder.join()


async def lock_a_table(dsn, locked, over):
    """Keep everybody from a table until it is over."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE zone_sets IN ACCESS EXCLUSIVE MODE")
            locked.set()
            await asyncio.to_thread(over.wait, 60)
    finally:
        await connection.close()


def test_a_backup_that_is_cut_short_leaves_nothing_that_looks_whole(home):
    """By Ctrl-C, by SIGTERM or killed: its pg_dump ends with it, and the next backup clears what a killed one left."""
    parent, to = home.data.parent, home.data.parent / "backup"
    with serving(home.data, key=home.live_key):
        dsn = dsn_of(home.data)
        with a_locked_table(dsn):
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
                command = ringback_command("backup", "--data", home.data, to)
                process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment())
                eventually(lambda: rows(dsn, DUMPING))
                process.send_signal(number)
                assert process.wait(30) != 0
                eventually(lambda: not rows(dsn, DUMPING))
                left = {entry.name for entry in parent.glob("backup*")}
                assert left == ({f"backup{SUFFIX}"} if number == signal.SIGKILL else set())
        assert run("backup", "--data", home.data, to).returncode == 0
    assert {entry.name for entry in parent.glob("backup*")} == {"backup"}


def test_a_stopped_server_is_backed_up_and_a_damaged_backup_refused(home):
    """For people, in sentences; nothing is left running, and nothing of a restore that failed."""
    to, again = home.data.parent / "backup", home.data.parent / "again"
    (home.data / "postgres.jsonl").write_text("a trunk's")
    (home.data / "lost+found").mkdir()
    (home.data / "lost+found" / "1").touch()
    made = run("backup", "--data", home.data, to)
    assert made.returncode == 0, made.stderr
    assert [path.name for path in (to / "files").iterdir()] == ["postgres.jsonl"]
    assert f"ringback restore --data NEW_DIR {to}" in made.stdout
    assert not [path for path in (to, *to.rglob("*")) if path.stat().st_mode & 0o077]  # it has people's numbers
    dump = to / "database.dump"
    whole = dump.read_bytes()
    dump.write_bytes(whole[:-100])
    refused = run("restore", "--data", again, to)
    assert (refused.returncode, "take another backup" in refused.stderr) == (1, True)
    dump.write_bytes(whole)
    restored = run("restore", "--data", again, to)
    assert restored.returncode == 0, restored.stderr
    assert f"ringback serve --data {again}" in restored.stdout
    assert (again / "postgres.jsonl").read_text() == "a trunk's"
    assert not using(home.data.parent)
    once_more = run("restore", "--data", again, to)
    assert "is there already" in once_more.stderr

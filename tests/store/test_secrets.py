"""Sealed secrets get the seal of the key in force."""

import json

from cryptography.fernet import Fernet
from tests.world import NOON

from ringback.sealing import Sealer
from ringback.store.agents import create_agent
from ringback.store.pre_dial_checks import read_check, set_check
from ringback.store.secrets import reseal
from ringback.store.workspaces import create_workspace

OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))


async def settings_of(world, table):
    """The settings in a table, by their names."""
    return {row["name"]: json.loads(row["settings"]) for row in await world.rows(f"SELECT * FROM {table}")}  # noqa: S608 # ours


async def keep(world, name, settings):
    """A trunk and an agent with these settings."""
    await world.rows(
        "INSERT INTO trunks (workspace_no, trunk_id, name, kind, settings, billing, created_at) "
        "VALUES ($1, $2, $3, 'sip', $4, '{}', $5)",
        world.workspace_no,
        world.ids.new(NOON),
        name,
        json.dumps(settings),
        NOON,
    )
    async with world.database.connection() as db:
        agent_id = world.ids.new(NOON)
        await create_agent(db, world.workspace_no, agent_id, name, "websocket", json.dumps(settings), NOON)


async def test_secrets_are_sealed_anew_with_the_first_key(make_world, tmp_path):
    """Those of an old key; what has no secret, has the new seal already, or cannot be opened stays as it is."""
    world = await make_world()
    both = Sealer(tmp_path, f"{NEW},{OLD}")
    kept = {
        "old": {"host": "a", "password": Sealer(tmp_path, OLD).seal("x")},
        "new": {"host": "a", "password": both.seal("x")},
        "lost": {"host": "a", "password": Sealer(tmp_path, LOST).seal("x")},
        "none": {"host": "a", "password": None},
    }
    for name, settings in kept.items():
        await keep(world, name, settings)
    async with world.database.connection() as db:
        assert await reseal(db, both.renew) == (2, 2)
        assert await reseal(db, both.renew) == (0, 2)
    for table in ("trunks", "agents"):
        found = await settings_of(world, table)
        assert Sealer(tmp_path, NEW).unseal(found["old"]) == {"host": "a", "password": "x"}
        assert {name: found[name] for name in ("new", "lost", "none")} == {n: kept[n] for n in ("new", "lost", "none")}


async def test_the_secret_of_a_check_is_sealed_anew(make_world, tmp_path):
    """With its URL beside it as it was; a workspace that has none stays without."""
    world, both = await make_world(), Sealer(tmp_path, f"{NEW},{OLD}")
    check = {"url": "https://a/", "timeout_sec": 5, "secret": Sealer(tmp_path, OLD).seal("whsec_x")}
    async with world.database.transaction() as db:
        await set_check(db, world.workspace_no, check)
        await create_workspace(db, world.ids.new(NOON), "other", None, NOON)
        assert await reseal(db, both.renew) == (1, 0)
        assert await reseal(db, both.renew) == (0, 0)
        found = await read_check(db, world.workspace_no)
    assert Sealer(tmp_path, NEW).unseal(found) == {**check, "secret": "whsec_x"}

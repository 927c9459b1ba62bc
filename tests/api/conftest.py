import asyncio
import os
import random
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg
import httpx
import pytest
from tests.postgres import in_database
from tests.world import World, a_world

from ringback.api.app import create_app
from ringback.api.operation import ApiSettings
from ringback.api.plan_process import PlanProcess
from ringback.config import DATABASE_URL
from ringback.ids import Ids
from ringback.rules.shelf import Shelf
from ringback.sealing import Sealer
from ringback.store.keys import Scope, create_key, make_secret
from ringback.wiring import TRUNK_KINDS, explainer, plan_command


@dataclass
class Service:
    """A world with the API in front of it."""

    world: World
    app: object
    settings: ApiSettings

    async def key(self, *scopes, live=True, workspace_no=None):
        """The secret of a new key."""
        secret = make_secret(self.world.ids.new(self.world.clock.now()), live, random.Random(len(scopes) + live))
        async with self.world.database.connection() as db:
            no = workspace_no or self.world.workspace_no
            await create_key(db, no, secret, "k", list(scopes or [Scope.ADMIN]), self.world.clock.now())
        return secret.text

    @asynccontextmanager
    async def client(self, secret=None):
        """A client that presents this key."""
        headers = {"authorization": f"Bearer {secret}"} if secret else {}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
            yield client

    @asynccontextmanager
    async def database_away(self):
        """Within the block the database is not to be had under its name."""
        name = self.world.dsn.partition("?")[0].rsplit("/", 1)[1]
        admin = await asyncpg.connect(in_database(self.world.dsn, "postgres"))
        try:
            # nobody new comes in from here on, so that ending who is in ends them all, however slow the machine is
            await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            await until_empty(admin, name)
            await admin.execute(f'ALTER DATABASE "{name}" RENAME TO "{name}_away"')
            yield
            await admin.execute(f'ALTER DATABASE "{name}_away" RENAME TO "{name}"')
            await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        finally:
            await admin.close()


async def until_empty(admin, name):
    """End every session of a database, and wait until they are gone."""
    end = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE datname = $1"
    async with asyncio.timeout(30):
        while await admin.fetch(end, name):
            pass


@pytest.fixture
async def make_service(postgres, tmp_path):
    """Makes services, see `tests.world.a_world` for what may be named; closed after the test."""
    async with AsyncExitStack() as worlds:

        async def make(**plan):
            world = await worlds.enter_async_context(a_world(postgres, tmp_path, **plan))
            sealer = Sealer(tmp_path, None)
            told, explain = world.events.append, explainer(Shelf(), sealer)
            plans = PlanProcess(plan_command(tmp_path), {**os.environ, DATABASE_URL: world.dsn})
            settings = ApiSettings(TRUNK_KINDS, random.Random(5), told, sealer, tmp_path, "a", explain, plans)
            return Service(world, create_app(world.database, world.clock, Ids(random.Random(11)), settings), settings)

        yield make


@pytest.fixture
async def service(make_service):
    """A service with a campaign in draft and no leads."""
    return await make_service(started=False)


@pytest.fixture
async def client(service):
    """A client with an admin key of the service."""
    async with service.client(await service.key()) as client:
        yield client

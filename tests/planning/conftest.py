from contextlib import AsyncExitStack

import pytest
from tests.world import a_world


@pytest.fixture
async def make_world(postgres, tmp_path):
    """Makes worlds, see `tests.world.a_world` for what may be named; closed after the test."""
    async with AsyncExitStack() as worlds:

        async def make(**plan):
            return await worlds.enter_async_context(a_world(postgres, tmp_path, **plan))

        yield make

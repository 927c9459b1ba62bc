"""Rate limits: how often a key may ask in a minute, over all servers."""

import asyncio
import random
from dataclasses import replace

import pytest
from tests.world import NOON
from whenever import TimeDelta

from ringback.api.app import create_app
from ringback.api.auth import ApiKey
from ringback.api.rate_limits import RateLimits, parse_limit
from ringback.errors import OurError
from ringback.ids import Ids
from ringback.store.rate_limits import WINDOW_SEC

MINUTE = TimeDelta(seconds=WINDOW_SEC)


async def set_limit(service, limit):
    """Each key of the workspace may ask so often in a minute."""
    async with service.client(await service.key()) as client:
        answer = await client.patch("/v1/workspace", json={"requests_per_min": limit})
        assert answer.json()["requests_per_min"] == limit


async def test_each_answer_tells_where_the_key_stands(service):
    """Refusals too; from one server, by one step each."""
    await set_limit(service, 5)
    async with service.client(await service.key()) as client:
        told = [await client.get(path) for path in ("/v1/workspace", "/v1/agents/x", "/v1/trunks?limit=0")]
    heads = [[answer.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining", "reset")] for answer in told]
    reset = str(NOON.timestamp() + WINDOW_SEC)
    assert heads == [["5", "4", reset], ["5", "3", reset], ["5", "2", reset]]


async def test_one_request_too_many_is_429_until_the_next_minute(service):
    """It says when to ask again; other keys are not concerned."""
    await set_limit(service, 3)
    clock = service.world.clock
    clock.advance_to(NOON + TimeDelta(seconds=18))
    async with service.client(await service.key()) as client, service.client(await service.key()) as other:
        assert [(await client.get("/v1/workspace")).status_code for _ in range(5)] == [200] * 3 + [429] * 2
        refused = await client.get("/v1/workspace")
        assert (refused.json()["code"], refused.headers["retry-after"]) == ("rate_limited", "42")
        assert refused.headers["x-ratelimit-remaining"] == "0"
        assert (await other.get("/v1/workspace")).status_code == 200
        clock.advance_to(NOON + MINUTE)
        assert (await client.get("/v1/workspace")).status_code == 200


@pytest.mark.parametrize("limit", [1, 7, 100, 250])
async def test_servers_together_never_let_more_through_than_the_limit(service, limit):
    """Four of them, asked by chance and all at once: exactly the limit, for one of them has the last request."""
    key = ApiKey(service.world.ids.new(NOON), service.world.workspace_no, b"", frozenset(), True)
    chance, servers = random.Random(limit), [RateLimits(service.world.database, limit) for _ in range(4)]
    asked = [chance.choice(servers).count(key, NOON) for _ in range(limit * 2 + 8)]
    let = sum(may for _, may in await asyncio.gather(*asked))
    let += sum([may for server in servers for _ in range(limit) for _, may in [await server.count(key, NOON)]])
    assert let == limit


async def test_a_request_costs_no_statement_of_its_own(service):
    """Of a thousand requests some twenty reserve for the others."""
    key = ApiKey(service.world.ids.new(NOON), service.world.workspace_no, b"", frozenset(), True)
    limits, reserved = RateLimits(service.world.database, 2000), set()
    for _ in range(1000):
        await limits.count(key, NOON)
        [row] = await service.world.rows("SELECT taken FROM request_windows WHERE key_id = $1", key.key_id)
        reserved.add(row["taken"])
    assert len(reserved) < 20


async def test_a_server_whose_clock_is_behind_takes_from_the_minute_that_has_begun(service):
    """The row never goes back to an older minute: it would be given out twice."""
    key = ApiKey(service.world.ids.new(NOON), service.world.workspace_no, b"", frozenset(), True)
    ahead, behind = (RateLimits(service.world.database, 10) for _ in range(2))
    let = [await server.count(key, NOON + MINUTE * n) for _ in range(10) for server, n in ((ahead, 1), (behind, 0))]
    assert sum(may for _, may in let) == 10
    assert {standing.reset for standing, _ in let} == {NOON.timestamp() + 2 * WINDOW_SEC}


async def test_the_installations_limit_holds_where_the_workspace_has_none(service):
    """It is what the setting says."""
    settings = replace(service.settings, requests_per_min=2)
    service.app = create_app(service.world.database, service.world.clock, Ids(random.Random(1)), settings)
    async with service.client(await service.key()) as client:
        assert [(await client.get("/v1/workspace")).status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x", "٣", "1000000001"])
def test_a_setting_that_is_no_number_is_refused(text):
    """Before the server begins to answer."""
    with pytest.raises(OurError, match="RINGBACK_REQUESTS_PER_MIN"):
        parse_limit(text)
    assert parse_limit(None) == 6_000

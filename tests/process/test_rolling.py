"""Two servers behind a load balancer, restarted in turn while clients ask and calls are dialled."""

import asyncio
from contextlib import ExitStack
from itertools import count

import httpx
import pytest
from tests.embedded_server import SMALL
from tests.process.balancer import Balancer
from tests.process.campaigns import NOBODY, RECORD, dialled, dials, doubles, make_campaign, make_trunk, rows
from tests.process.serving import PATIENCE_SEC, eventually, serving
from tests.process.test_releases import made

from ringback.config import DATABASE_URL
from ringback.store.embedded import EmbeddedPostgres

CLIENTS, PACE_SEC = 4, 0.05
LAME_SEC = 2
ROUNDS = 2


class Load:
    """Clients that go on asking, and what became of it."""

    def __init__(self, url, key, campaign):
        self.over = False
        self.posted = []
        self.failed = []
        self.asked = 0
        self._numbers = count(1)
        self._leads = f"/v1/campaigns/{campaign}/leads"
        self._client = httpx.AsyncClient(
            base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=2 * PATIENCE_SEC
        )

    async def go_on(self):
        """One client: a lead is added, and something is read, until it is over."""
        while not self.over:
            number = f"+1415{5_560_000 + next(self._numbers)}"
            added = await self._ask("POST", self._leads, json={"leads": [{"phone_number": number, "timezone": "UTC"}]})
            if added == 201:
                self.posted.append(number)
            await self._ask("GET", "/v1/call-logs?limit=5")
            await asyncio.sleep(PACE_SEC)

    async def _ask(self, method, path, **what):
        self.asked += 1
        try:
            answer = await self._client.request(method, path, **what)
        except httpx.TransportError as broken:
            self.failed.append(repr(broken))
            return None
        if answer.status_code not in (200, 201):
            self.failed.append(answer.text)
        return answer.status_code

    async def end(self, clients):
        """Have the last requests answered."""
        self.over = True
        await asyncio.gather(*clients)
        await self._client.aclose()


@pytest.mark.slow
async def test_servers_are_restarted_in_turn_without_an_error(data_dir, tmp_path):
    """Each twice, under load: no request fails, no lead that was taken is lost, each is dialled, and none twice."""
    folders = [tmp_path / "first", tmp_path / "second"]
    with ExitStack() as servers:
        own = {DATABASE_URL: servers.enter_context(EmbeddedPostgres(data_dir, settings=SMALL)).dsn}
        key = await asyncio.to_thread(made, folders[0], own)

        def start(data):
            return servers.enter_context(serving(data, "--lame-sec", LAME_SEC, key=key, **own))

        running = [await asyncio.to_thread(start, data) for data in folders]
        trunk = await asyncio.to_thread(make_trunk, running[0], {**NOBODY, "speed": 0}, record=tmp_path / RECORD)
        campaign = await asyncio.to_thread(make_campaign, running[0], trunk, range(1), 20)
        async with Balancer().running() as balancer:
            balancer.backends = [server.url for server in running]
            await asyncio.to_thread(eventually, lambda: all(map(balancer.sees, balancer.backends)))
            load = Load(balancer.url, key, campaign)
            clients = [asyncio.create_task(load.go_on()) for _ in range(CLIENTS)]
            for place in [0, 1] * ROUNDS:
                far_end = dialled(tmp_path)
                assert await asyncio.to_thread(running[place].stop, sec=2 * PATIENCE_SEC) == 0
                running[place] = await asyncio.to_thread(start, folders[place])
                balancer.backends[place] = running[place].url
                await asyncio.to_thread(eventually, lambda url=running[place].url: balancer.sees(url))
                await asyncio.to_thread(eventually, lambda seen=far_end: dialled(tmp_path) > seen)
            await load.end(clients)
        assert load.failed == []
        assert len(load.posted) == len(set(load.posted)) == load.asked / 2 > 100
        await asyncio.to_thread(eventually, lambda: dialled(tmp_path) == len(load.posted) + 1)
        dialling = "SELECT DISTINCT n.name FROM attempts JOIN nodes n USING (node_no)"
        assert len(await asyncio.to_thread(rows, own[DATABASE_URL], dialling)) == len(folders)
    far_end = dials(tmp_path)
    assert {line["to_number"] for line in far_end} >= set(load.posted)
    assert not doubles(far_end)

"""A chaos run: nodes on one PostgreSQL server, struck by a plan while the owner goes on with the day's work."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import asyncpg
from tests.chaos.link import Link
from tests.chaos.owner import Owner
from tests.chaos.patience import LOOK_SEC, eventually, holds_within
from tests.chaos.plan import Kind, Lane, Plan, Strike, fours, make_plan
from tests.chaos.processes import DRAIN_SEC, NODE_READY_SEC, Api, Node, Postgres, counted
from tests.chaos.strikes import Strikes
from tests.chaos.tally import Tally
from tests.chaos.verdict import UNEXPLAINED, Finding, judge
from tests.chaos.watch import GONE, Watch
from tests.process.campaigns import RECORD, dialled
from tests.process.serving import PATIENCE_SEC, run

from ringback.config import Settings

LEASE_SEC = 3.0
BACKLOG, REFILL = 150, 120
"""Calls that wait for four nodes, at least, while the chaos lasts; leads that are added when there are fewer."""
REFILL_SEC = 0.5
IDLE_SEC = 1.5
END_SEC = 240.0
STILL_SEC = 2.0
OPEN = """
SELECT (SELECT count(*) FROM queue) + (SELECT count(*) FROM attempts WHERE ended_at IS NULL)
     + (SELECT count(*) FROM campaigns WHERE status = 'running')
"""


class Chaos:
    """Everything that runs.

    Args:
        folder: for the database, the record and the logs.
        nodes: how many.
        spared: nodes beside them that are never killed or frozen; their connections are cut like all others.
        lease_sec: of each node.
    """

    def __init__(self, folder: Path, nodes: int = 4, spared: int = 0, lease_sec: float = LEASE_SEC) -> None:
        made = run("init", "--data", folder / "data", "--json")
        assert made.returncode == 0, made.stderr
        self._key = json.loads(made.stdout)["live_key"]
        self._settings = Settings(folder / "far-end", drain_sec=DRAIN_SEC, lease_sec=lease_sec)
        self._settings.data.mkdir()
        self._lease_sec = lease_sec
        self._struck, self._count = nodes, nodes + spared
        self._folder = folder
        self._rounds = 0
        self._api = Api(self._settings, folder)
        self.postgres = Postgres(folder / "data")
        self.nodes: list[Node] = []
        self.tally = Tally()
        self.strikes = Strikes(lease_sec, self.postgres)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """All processes; none is left after the block."""
        async with AsyncExitStack() as ends:
            ends.push_async_callback(self.postgres.end)
            await self.postgres.start()
            ends.push_async_callback(self._api.end)
            await self._api.start(self.postgres.dsn)
            for number in range(self._count):
                node = Node(number, self._settings, self._folder, Link(self.postgres.dsn))
                await node.open()
                ends.push_async_callback(node.link.close)
                ends.push_async_callback(node.kill)
                self.nodes.append(node)
            yield

    async def round(self, seed: int, away_sec: float, back_sec: float) -> list[Finding]:
        """Go through a plan, then take the database away for a while, then let all end; what was found.

        Args:
            seed: of the plan.
            away_sec: how long the database is away.
            back_sec: how soon after its return there must be a dial.
        """
        self._rounds += 1
        began, since = time.monotonic(), time.time()
        caller, record = f"+1415555{self._rounds:04}", self._settings.data / RECORD
        owner = Owner(self._api.url, self._key, self._lease_sec + 2, caller, record)
        watch = Watch(self.postgres.dsn)
        try:
            async with watch.running():
                await self._all_up()
                await owner.set_up()
                await self._strike(make_plan(seed, self._struck), owner, watch)
                gone_on = await self._take_database_away(owner, away_sec, back_sec)
                await self._let_end(owner)
            findings = await judge(self.postgres.dsn, self._settings.data, owner, watch.looks(), self._lease_sec, since)
        finally:
            self._add_up(owner, watch, time.monotonic() - began)
            await owner.close()
        return [*findings, gone_on, self._own_ends()]

    async def _all_up(self) -> None:
        up = await asyncio.gather(*(node.up(PATIENCE_SEC) for node in self.nodes))
        assert all(up), [node.said()[-2_000:] for node, is_up in zip(self.nodes, up, strict=True) if not is_up]

    async def _strike(self, plan: Plan, owner: Owner, watch: Watch) -> None:
        """All lanes side by side; there are leads as long as one of them goes on."""
        on = self.strikes
        async with asyncio.TaskGroup() as lanes:
            refilling = lanes.create_task(self._refill(owner))
            ways = [
                self._lane(plan.database, on.on_database),
                self._lane(plan.owner, owner.act),
                *(self._node_lane(node, lane, watch) for node, lane in zip(self.nodes, plan.nodes, strict=False)),
                *(self._link_lane(node, lane) for node, lane in zip(self.nodes, plan.links, strict=False)),
            ]
            await asyncio.gather(*ways)
            refilling.cancel()

    async def _lane(self, lane: Lane, act: Callable[[Strike], Awaitable[Kind]]) -> None:
        for strike in lane:
            await asyncio.sleep(strike.after_sec)  # the plan's own time between two blows
            self.tally.add(await act(strike))

    async def _node_lane(self, node: Node, lane: Lane, watch: Watch) -> None:
        """A node is struck while it has calls, or after a while without any."""
        for strike in lane:
            await node.up()
            await watch.sees_calls_of(node.name, IDLE_SEC)
            await asyncio.sleep(strike.after_sec)  # likewise
            await node.launch()
            self.tally.add(await self.strikes.on_node(node, strike))
        await node.up(PATIENCE_SEC)

    async def _link_lane(self, node: Node, lane: Lane) -> None:
        """What finds nothing to strike is tried again."""
        for strike in lane:
            done = None
            while done is None:
                await holds_within(lambda: node.is_ready, NODE_READY_SEC)
                await asyncio.sleep(strike.after_sec)  # likewise
                done = await self.strikes.on_node(node, strike)
            self.tally.add(done)

    async def _refill(self, owner: Owner) -> None:
        while True:
            if await self._ask("SELECT count(*) FROM queue") < BACKLOG * fours(self._struck):
                await owner.add_leads(REFILL * fours(self._struck))
            await asyncio.sleep(REFILL_SEC)

    async def _take_database_away(self, owner: Owner, away_sec: float, back_sec: float) -> Finding:
        """Nobody is dialled while it is away, no node ends, and all go on by themselves."""
        await self._all_up()
        await owner.widen()
        await owner.add_leads(REFILL)
        await self._dials_after(self.dialled())
        pids = [node.pid for node in self.nodes]
        await self.postgres.tell("stop")
        still = await self._until_still()
        await asyncio.sleep(max(away_sec - STILL_SEC, 0))  # the soak's own time: so long nobody is to be dialled
        wrong = [f"{self.dialled() - still} dials without a database"] if self.dialled() != still else []
        await self.postgres.tell("start")
        took = await self._dials_after(still)
        self.tally.back_sec = max(self.tally.back_sec, took)
        if [node.pid for node in self.nodes] != pids:
            wrong.append("a node ended")
        if took > back_sec:
            wrong.append(f"the next dial came {took:.1f} s after its return")
        return Finding(
            f"without the database nobody is dialled, and {back_sec:.0f} s after its return somebody is", wrong
        )

    async def _until_still(self) -> int:
        """What was claimed before is placed within a moment; the dials once there was none for a while."""
        since, last = time.monotonic(), self.dialled()
        async with asyncio.timeout(PATIENCE_SEC):
            while time.monotonic() - since < STILL_SEC:
                await asyncio.sleep(LOOK_SEC)
                if last != (now := self.dialled()):
                    since, last = time.monotonic(), now
        return last

    async def _dials_after(self, count: int) -> float:
        """Wait for a dial; how long that took."""
        began = time.monotonic()
        await eventually(lambda: self.dialled() > count, END_SEC)
        return time.monotonic() - began

    async def _let_end(self, owner: Owner) -> None:
        """Everything that waits is dialled, then all nodes leave but the last, which explains what the others left."""
        await owner.widen()
        await self._until_none(OPEN)
        await asyncio.gather(*(node.terminate() for node in self.nodes[:-1]))
        await self._until_none(f"SELECT count(*) FROM ({UNEXPLAINED}) AS nodes")  # noqa: S608 - ours

    async def _until_none(self, query: str) -> None:
        async with asyncio.timeout(END_SEC):
            while True:
                if not await self._ask(query):
                    return
                await asyncio.sleep(LOOK_SEC)

    async def _ask(self, query: str) -> int:
        """A number from the database, once it answers."""
        while True:
            with suppress(*GONE):
                connection = await asyncpg.connect(self.postgres.dsn, timeout=2, command_timeout=10)
                try:
                    return int(await connection.fetchval(query))
                finally:
                    connection.terminate()
            await asyncio.sleep(LOOK_SEC)

    def dialled(self) -> int:
        """How often the far end was asked."""
        return dialled(self._settings.data)

    def _own_ends(self) -> Finding:
        wrong = [end for node in self.nodes for end in node.odd_ends]
        wrong += [f"node {node.number} left a traceback in {node.log}" for node in self.nodes if _traceback(node)]
        return Finding("no node ended by itself, or with an error", wrong)

    def _add_up(self, owner: Owner, watch: Watch, sec: float) -> None:
        tally = self.tally
        tally.dials = self.dialled()
        tally.looks += len(watch.times)
        tally.refused += owner.refused
        tally.failed_starts = sum(node.failed_starts for node in self.nodes)
        tally.heard = sum((counted(node.said()) for node in self.nodes), Counter())
        tally.sec += sec


def _traceback(node: Node) -> bool:
    return "Traceback" in node.said()

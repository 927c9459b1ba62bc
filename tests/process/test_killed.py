import asyncio
import os
import random
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import asyncpg
import httpx
import pytest
from tests.process.campaigns import (
    PEOPLE,
    RETRY,
    add_leads,
    dialled,
    dsn_of,
    is_complete,
    make_campaign,
    make_trunk,
    rows,
)
from tests.process.history import check_history, most_at_once
from tests.process.serving import Home, Server, eventually, kill, starting

SEED = int(os.environ.get("RINGBACK_TEST_SEED", "1"))
KILLS = 32
ENDED = re.compile(r"has ended \(exit code (\S+)\)")
VICTIMS = ("node", "node", "node", "postgres", "postgres", "api", "supervisor", "everything")
TRUNK_CAP, CAMPAIGN_CAP = 8, 5
GONE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
LIVE = "SELECT campaign_no, count(*) AS live FROM attempts WHERE ended_at IS NULL GROUP BY campaign_no"


class Watch:
    """What was in flight at each of many looks into the database, which is away at times."""

    def __init__(self, dsn: str) -> None:
        self.looks = self.most = 0
        self.most_of: Counter[int] = Counter()
        self._dsn = dsn
        self._over = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look, from a thread of its own, for as long as the block lasts."""
        thread = threading.Thread(target=lambda: asyncio.run(self._look_again_and_again()))
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    async def _look_again_and_again(self) -> None:
        while not self._over.is_set():
            try:
                await self._look_while_it_lasts()
            except GONE:
                self._over.wait(0.02)

    async def _look_while_it_lasts(self) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=2, command_timeout=2)
        try:
            while not self._over.wait(0.01):
                self._note(await connection.fetch(LIVE))
        finally:
            connection.terminate()

    def _note(self, found: list[asyncpg.Record]) -> None:
        self.looks += 1
        self.most = max(self.most, sum(row["live"] for row in found))
        for row in found:
            self.most_of[row["campaign_no"]] = max(self.most_of[row["campaign_no"]], row["live"])


class Chaos:
    """A campaign on a server whose processes die.

    Args:
        home: the data directory.
        lives: holds every server that was started.
        chance: what dies, and when.
    """

    def __init__(self, home: Home, lives: ExitStack, chance: random.Random) -> None:
        self.kills: list[str] = []
        self.leads = 0
        self.promised: set[int] = set()
        self._home = home
        self._lives = lives
        self._chance = chance
        self.server = self._start()
        self.server.await_ready()
        trunk = make_trunk(self.server, PEOPLE, TRUNK_CAP)
        self.campaigns = [make_campaign(self.server, trunk, self._numbers(40), CAMPAIGN_CAP, RETRY) for _ in range(2)]

    def kill_one(self) -> None:
        """Let it dial for a while, then kill something."""
        self._revive()
        # leads are added before it could run out of them: each is dialled about twice
        if len(self.promised) * 2 - dialled(self._home.data) < 80:
            eventually(self._add_leads)
        wanted = dialled(self._home.data) + self._chance.randint(1, 10)
        eventually(lambda: dialled(self._home.data) >= wanted)
        self._moment(0.0, 0.03)
        self._kill(self._chance.choice(VICTIMS))

    def finish(self) -> None:
        """Let the campaigns come to their ends."""
        self._revive()
        eventually(lambda: all(is_complete(self.server, campaign) for campaign in self.campaigns), 90)

    def _revive(self) -> None:
        """Start it again where it has died; at times it is killed before it is up."""
        while self.server.process.poll() is not None:
            self.server = self._start()
            if self._chance.random() < 0.3:
                self._moment(0.2, 1.5)
                self._kill("supervisor while it starts")
            else:
                self.server.await_ready()

    def _kill(self, victim: str) -> None:
        self.kills.append(victim)
        if victim == "everything":
            self.server.kill_all()
        elif victim in (children := self.server.children()):
            kill(children[victim])
        else:
            self.server.process.kill()
            self.server.process.wait()

    def _start(self) -> Server:
        return self._lives.enter_context(starting(self._home.data, key=self._home.live_key))

    def _add_leads(self) -> bool:
        """Whether the server took them; those that it may have taken before it was gone are not given again."""
        for campaign in self.campaigns:
            numbers = self._numbers(30)
            try:
                add_leads(self.server, campaign, numbers)
            except httpx.HTTPError:
                return False
            self.promised |= set(numbers)
        return True

    def _campaign(self, trunk: str) -> str:
        numbers = self._numbers(40)
        self.promised |= set(numbers)
        return make_campaign(self.server, trunk, numbers, CAMPAIGN_CAP, RETRY)

    def _numbers(self, count: int) -> range:
        self.leads += count
        return range(self.leads - count, self.leads)

    def _moment(self, least: float, most: float) -> None:
        """The moment itself is what is random here; nothing is waited for."""
        threading.Event().wait(self._chance.uniform(least, most))


@pytest.mark.slow
def test_nothing_is_lost_and_nobody_is_dialled_twice(home):
    """Thirty kills of everything in turn: every call gets the attempts that its policy says, each once, within caps."""
    say = partial(print, file=sys.stderr)  # pytest shows it with a failure
    say(f"RINGBACK_TEST_SEED={SEED}")
    watch = Watch(dsn_of(home.data))
    with ExitStack() as lives:
        chaos = Chaos(home, lives, random.Random(SEED))
        with watch.running():
            while len(chaos.kills) < KILLS:
                chaos.kill_one()
            assert not any(is_complete(chaos.server, campaign) for campaign in chaos.campaigns)
            chaos.finish()
        attempts = check_history(dsn_of(home.data), home.data, PEOPLE, RETRY)
        calls = rows(dsn_of(home.data), "SELECT to_number, final_status FROM calls")
        assert chaos.server.stop() == 0
        assert set(ENDED.findall(chaos.server.said())) <= {"-9", "None"}  # nothing ended but by a kill, or in its start
    say(Counter(chaos.kills), f"{len(calls)} calls, {len(attempts)} attempts, {watch.looks} looks")
    assert all(call["final_status"] for call in calls)
    assert {f"+1415555{n:04}" for n in chaos.promised} <= {call["to_number"] for call in calls}
    assert watch.looks > 200
    assert watch.most <= TRUNK_CAP
    assert max(watch.most_of.values()) <= CAMPAIGN_CAP
    assert most_at_once(attempts) <= TRUNK_CAP
    for campaign_no in watch.most_of:
        assert most_at_once([row for row in attempts if row["campaign_no"] == campaign_no]) <= CAMPAIGN_CAP

"""Deliver: tell webhooks what happened, each event until it was taken, and those of one call in their order.

Whatever a fact is written by writes its events too. One node sends what waits for a webhook; when that one ends,
another does. An event is taken out once its receiver has answered: whoever dies before that has it sent once more, with
the same id.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
from whenever import Instant, TimeDelta

from ringback.checking.post import Message, Poster
from ringback.domain.webhooks import KEPT, Off, Reply, is_dead, off_after, try_again_at
from ringback.engine.courier import Chain, Courier
from ringback.engine.letters import body_of
from ringback.engine.node import Node
from ringback.errors import SecretKeyError
from ringback.events import DutyFailed, EventsSent, WebhookOff
from ringback.ids import EVENT, WEBHOOK, show
from ringback.sealing import Sealer
from ringback.store import outbox
from ringback.store.database import Connection, Record
from ringback.store.outbox import HookKey, Letter, PutOff, Subject

MOST_IN_ALL = 256
"""Events that a node sends at a time; a receiver that is told of nothing yet gets its turn besides."""

CONNECTIONS = 2 * MOST_IN_ALL

TIMEOUT_SEC, CONNECT_SEC = 15.0, 5.0
"""How long an answer may take, and how long each connection."""

LONGEST_ANSWER = 4 * 1024
"""So much of an answer is read, for the sake of its connection: only the status counts."""

LOOK_EVERY = TimeDelta(seconds=1)
"""Between two looks at which webhooks there are."""

TIDY_EVERY = TimeDelta(hours=1)
TIDIED_AT_ONCE = 5_000

LEAVING_SEC = 2.0
"""For so long a node that leaves waits for the answers to what it sent."""


class Done(NamedTuple):
    """What became of an event; `put` is None for one that was taken."""

    courier: Courier
    letter: Letter
    put: PutOff | None
    late_sec: float


class Deliverer:
    """The duty that sends events.

    Args:
        node: what the duties share.
        sealer: opens the secrets that they are signed by.
        poster: sends them.

    Attributes:
        news: set when an answer has come.
    """

    def __init__(self, node: Node, sealer: Sealer, poster: Poster) -> None:
        self._node, self._sealer, self._poster = node, sealer, poster
        self.news = asyncio.Event()
        self._couriers: dict[HookKey, Courier] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._done: list[Done] = []
        self._off: dict[HookKey, tuple[Off, str]] = {}
        self._look_at = self._tidy_at = Instant.MIN

    async def run_once(self) -> int:
        """Write down what was answered, and send what is due; returns how many events were begun with.

        Raises:
            DatabaseUnavailable: what was answered is kept, and written down the next time.
        """
        now = self._node.clock.now()
        for task in [task for task in self._tasks if task.done()]:
            self._tasks.remove(task)
            task.result()
        await self._write(now)
        if not self._node.lease.holds(now):
            self._forget(self._couriers)
            return 0
        if self._node.trunks.turned:
            await self._tell_trunks(now)
        if now >= self._look_at:
            await self._look(now)
        return await self._send(now) if self._couriers else 0

    async def stop(self) -> None:
        """Wait a moment for what is under way; what is not answered is sent again by whoever comes next.

        Raises:
            DatabaseUnavailable: what was answered is sent again too.
        """
        self._forget(self._couriers)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LEAVING_SEC)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._poster.close()
        await self._write(self._node.clock.now())

    async def _write(self, now: Instant) -> None:
        """Write down what became of what was sent."""
        done, off = list(self._done), dict(self._off)
        turned = [one for one in self._couriers.values() if one.turned]
        back = [one for one in self._couriers.values() if one.is_back]
        if not done and not off and not turned and not back:
            return
        async with self._node.database.transaction() as db:
            await outbox.take_out(db, [one.letter for one in done if one.put is None])
            await outbox.put_off(db, [(one.letter, one.put) for one in done if one.put is not None])
            await outbox.note(db, [(one.hook.key, one.failing_since, one.last_failure) for one in turned])
            if back:
                await outbox.hasten(db, [one.hook.key for one in back], now)
            ended = await outbox.switch_off(db, [(key, *why) for key, why in off.items()], now) if off else {}
        for courier in turned:
            courier.noted = courier.failing_since
        for courier in back:
            courier.is_back = False
        del self._done[: len(done)]
        for one in done:
            one.courier.done(one.letter)
        for key in off:
            del self._off[key]
        self._tell(done)
        for key, webhook_id in ended.items():
            self._node.publish(WebhookOff(show(WEBHOOK, webhook_id), *off[key]))

    def _tell(self, done: Iterable[Done]) -> None:
        results = Counter("taken" if one.put is None else "dead" if one.put.dead_at else "failed" for one in done)
        if results:
            self._node.publish(EventsSent(results, tuple(one.late_sec for one in done if one.put is None)))

    async def _look(self, now: Instant) -> None:
        """See which webhooks this node sends for, and take those that nobody does."""
        async with self._node.database.connection() as db:
            rows = {(row["workspace_no"], row["webhook_no"]): row for row in await outbox.own(db, self._node_no, now)}
            await self._stand_in(db, now)
            if now >= self._tidy_at:
                await outbox.drop_old(db, now - KEPT, TIDIED_AT_ONCE)
                self._tidy_at = now + TIDY_EVERY
        self._forget(self._couriers.keys() - rows.keys())
        for key, row in rows.items():
            if key not in self._couriers:
                self._couriers[key] = Courier(row)
            self._refresh(self._couriers[key], row)
        self._look_at = now + LOOK_EVERY

    async def _tell_trunks(self, now: Instant) -> None:
        """Tell of trunks that went down or came up on this node."""
        turned = dict(self._node.trunks.turned)
        async with self._node.database.transaction() as db:
            for trunk, is_down in turned.items():
                await outbox.trunk_turned(db, trunk, self._node_no, now, is_down=is_down)
        for trunk, is_down in turned.items():
            if self._node.trunks.turned.get(trunk) is is_down:
                del self._node.trunks.turned[trunk]

    async def _stand_in(self, db: Connection, now: Instant) -> None:
        """Go on saying that trunks are down in the place of nodes that have ended, or say that they are up."""
        for trunk in await outbox.said_down(db, now):
            if self._node.trunks.accepts(trunk):
                await outbox.trunk_turned(db, trunk, self._node_no, now, is_down=False)
            elif self._node.trunks.knows(trunk):
                await outbox.say_down(db, trunk, self._node_no)

    @property
    def _node_no(self) -> int:
        return self._node.lease.node_no

    def _forget(self, keys: Iterable[HookKey]) -> None:
        """Begin nothing more for these webhooks."""
        for key in list(keys):
            self._couriers.pop(key).is_off = True
        self._look_at = Instant.MIN if not self._couriers else self._look_at

    def _refresh(self, courier: Courier, row: Record) -> None:
        """Send by the webhook as it is now. One whose secret cannot be opened is told nothing until it can be."""
        before, had = courier.hook, bool(courier.secrets)
        courier.renew(row)
        sealed = [one for one in (courier.hook.secret, courier.hook.secret_before) if one is not None]
        if had and sealed == [one for one in (before.secret, before.secret_before) if one is not None]:
            return
        try:
            courier.secrets = tuple(self._sealer.unseal(msgspec.json.decode(one)) for one in sealed)
            courier.is_shut = False
        except SecretKeyError as failed:
            if had or not courier.is_shut:
                self._node.publish(DutyFailed("deliver", f"{show(WEBHOOK, courier.hook.webhook_id)}: {failed}"))
            courier.secrets, courier.is_shut = (), True

    async def _send(self, now: Instant) -> int:
        """Read what is due, and begin with as much of it as there is room for."""
        async with self._node.database.connection() as db:
            await self._read(db, now)
            chains = self._take(now)
            letters = [letter for _, chain in chains for letter in chain]
            if not letters:
                return 0
            try:
                rows = await outbox.contents(db, letters)
            except BaseException:
                for courier, chain in chains:
                    courier.give_back(chain)
                raise
        for courier, chain in chains:
            self._tasks.add(asyncio.create_task(self._carry(courier, chain, rows)))
        return len(letters)

    async def _read(self, db: Connection, now: Instant) -> None:
        wanted = [(*key, courier.wants(now)) for key, courier in self._couriers.items() if courier.wants(now)]
        if not wanted:
            return
        in_hand = [no for key in wanted for no in self._couriers[key[:2]].in_hand]
        by_hook: dict[HookKey, Chain] = {}
        for letter in await outbox.due(db, wanted, now, in_hand):
            by_hook.setdefault(letter.hook, []).append(letter)
        blocked = [one for key, letters in by_hook.items() for one in self._couriers[key].give(letters)]
        if blocked:
            await outbox.push_back(db, blocked)

    def _take(self, now: Instant) -> list[tuple[Courier, Chain]]:
        """Chains to begin with: all that there is room for, and of a receiver that is told of nothing yet one."""
        taken: list[tuple[Courier, Chain]] = []
        room = MOST_IN_ALL - len(self._tasks)
        for courier in sorted(self._couriers.values(), key=lambda one: one.flying):
            chains = courier.take(now, max(room, 0 if courier.flying else 1))
            room -= len(chains)
            taken += [(courier, chain) for chain in chains]
        return taken

    async def _carry(self, courier: Courier, chain: Chain, rows: Mapping[Subject, Record]) -> None:
        """Send events of one subject, one after another, as long as they are taken."""
        told = 0
        try:
            for letter in chain:
                now = self._node.clock.now()
                if courier.is_off or not self._node.lease.holds(now):
                    break
                body = body_of(letter, rows[letter.subject], courier.hook.workspace_id)
                reply = await self._post(courier, letter, body, now)
                told += 1
                if not self._note(courier, letter, reply):
                    break
        finally:
            courier.land(chain[told:])
            self.news.set()

    async def _post(self, courier: Courier, letter: Letter, body: bytes, now: Instant) -> Reply:
        message_id = show(EVENT, letter.event_id)
        limits = (TIMEOUT_SEC, CONNECT_SEC, courier.secrets)
        posted = await self._poster.post(Message(courier.hook.url, *limits, message_id, now, body, LONGEST_ANSWER))
        return Reply(posted.status, posted.failure)

    def _note(self, courier: Courier, letter: Letter, reply: Reply) -> bool:
        """Keep what became of an event until it is written down; returns whether it was taken."""
        now, chance = self._node.clock.now(), self._node.chance.random()
        late_sec = (now - letter.happened_at).total("seconds")
        if reply.is_taken:
            courier.took()
            self._done.append(Done(courier, letter, None, late_sec))
            return True
        courier.failed(letter, reply.why, now, chance)
        since, first = courier.failing_since or now, letter.first_tried_at or now
        tries = letter.tries + 1
        dead_at = now if is_dead(tries, first, courier.failing_since) else None
        put = PutOff(tries, first, try_again_at(tries, now, chance), reply.why, dead_at)
        self._done.append(Done(courier, letter, put, late_sec))
        off = off_after(reply.status, since, now)
        if off is not None and not courier.is_off:
            courier.is_off = True
            self._off[courier.hook.key] = (off, reply.why)
        return False

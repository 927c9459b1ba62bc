"""What a strike does to its victim."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

from tests.chaos.plan import CUTS, Kind, Strike, between
from tests.chaos.processes import Node, Postgres

PAST_SEC = 0.2, 1.2
"""So long past the lease, at least and at most."""
NAP_SEC = 0.1, 1.5
START_SEC = 0.05, 1.2
"""A node that starts is killed so long after it began to."""
OLD_NAME_SHARE = 0.3
"""Of the nodes that are killed, those whose follower has the same name, and waits for their lease to be over."""
DOWN_SEC = 0.0, 1.5


class Strikes:
    """Each returns what was done, if anything.

    Args:
        lease_sec: of the nodes.
        postgres: the server.
    """

    def __init__(self, lease_sec: float, postgres: Postgres) -> None:
        self._lease_sec = lease_sec
        self._postgres = postgres
        self._on_nodes: dict[Kind, Callable[[Node, float], Awaitable[None]]] = {
            Kind.KILL: self._kill,
            Kind.KILL_STARTING: self._kill_starting,
            Kind.FREEZE: self._freeze,
            Kind.FREEZE_AND_KILL: self._freeze_and_kill,
            Kind.NAP: self._nap,
            Kind.TERMINATE: self._terminate,
            Kind.STALL: self._stall,
            Kind.LONG_STALL: self._stall_long,
        }

    async def on_node(self, node: Node, strike: Strike) -> Kind | None:
        """Strike a node, or its connections."""
        if strike.kind in CUTS:
            # a node that cannot start for a cut has to be started again, which takes long: one that is up is cut
            return await node.link.cut(strike.kind, when=lambda: node.is_ready)
        await self._on_nodes[strike.kind](node, strike.extra)
        return strike.kind

    async def on_database(self, strike: Strike) -> Kind:
        """Restart PostgreSQL, or kill it and start it again."""
        if strike.kind is Kind.DATABASE_KILL:
            await self._postgres.tell("kill")
            await asyncio.sleep(between(*DOWN_SEC, strike.extra))  # the plan's own time: so long it is down
        await self._postgres.tell("restart")
        return strike.kind

    async def _kill(self, node: Node, extra: float) -> None:
        await node.kill()
        await node.launch(new_name=extra > OLD_NAME_SHARE)

    async def _kill_starting(self, node: Node, extra: float) -> None:
        """Whatever runs there is killed first, so that one starts."""
        await node.kill()
        await node.launch()
        await asyncio.sleep(between(*START_SEC, extra))  # the plan's own time: how far it gets is what is struck at
        await self._kill(node, extra)

    async def _freeze(self, node: Node, extra: float) -> None:
        await self._hold(node, self._lease_sec + between(*PAST_SEC, extra))
        node.send(signal.SIGCONT)

    async def _freeze_and_kill(self, node: Node, extra: float) -> None:
        await self._hold(node, self._lease_sec + between(*PAST_SEC, extra))
        await self._kill(node, extra)

    async def _nap(self, node: Node, extra: float) -> None:
        await self._hold(node, between(*NAP_SEC, extra))
        node.send(signal.SIGCONT)

    async def _terminate(self, node: Node, _: float) -> None:
        await node.terminate()
        await node.launch()

    async def _stall(self, node: Node, extra: float) -> None:
        await node.link.stall(between(*NAP_SEC, extra))

    async def _stall_long(self, node: Node, extra: float) -> None:
        await node.link.stall(self._lease_sec + between(*PAST_SEC, extra))

    async def _hold(self, node: Node, sec: float) -> None:
        """Longer than asked for on a slow machine, and never shorter."""
        node.send(signal.SIGSTOP)
        await asyncio.sleep(sec)  # the plan's own time, or the lease's

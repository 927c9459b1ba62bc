"""Plans are made in processes of their own: each takes a core for as long as a minute, and requests go on meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from ringback.domain.plan import Order
from ringback.errors import Busy, Impossible, NotFound, OurError

AT_ONCE = 2
"""Each takes a core and some hundred megabytes."""

LONGEST_SEC = 240.0

Gone = Callable[[], Awaitable[None]]
"""Returns when nobody waits for the answer any more."""


class PlanProcess:
    """Has plans made, a few at a time; who comes beyond that is told to ask again.

    Args:
        command: starts a process that takes an order on its standard input and answers on its standard output.
        environment: of the process; it names the database.
        at_once: so many may be under way.
        longest_sec: a process that takes longer is ended.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        at_once: int = AT_ONCE,
        longest_sec: float = LONGEST_SEC,
    ) -> None:
        self._command, self._environment = command, environment
        self._at_once, self._longest_sec = at_once, longest_sec
        self._under_way = 0

    async def make(self, order: Order, gone: Gone) -> Any:
        """The plan, as it is answered. Its process does not outlive this call, however that ends.

        Raises:
            Busy: `too_many_plans`.
            Impossible: `plan_too_large`, `analysis_too_large` or `no_history`.
            NotFound: the campaign is not there any more.
            OurError: the process came to grief; its standard error, which is ours, says how.
        """
        if self._under_way >= self._at_once:
            raise Busy("too_many_plans", f"{self._under_way} plans are being made on this server: ask again in a while")
        self._under_way += 1
        try:
            return _read(await self._run(msgspec.json.encode(order), gone))
        finally:
            self._under_way -= 1

    async def _run(self, order: bytes, gone: Gone) -> bytes:
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=pipe,
            stdout=pipe,
            env=dict(self._environment),
            process_group=0,  # Ctrl-C is for the server, which answers what is under way
        )
        working, leaving = asyncio.ensure_future(child.communicate(order)), asyncio.ensure_future(gone())
        try:
            waits = asyncio.FIRST_COMPLETED
            await asyncio.wait({working, leaving}, timeout=self._longest_sec, return_when=waits)
            if not working.done():
                raise _given_up(leaving.done(), self._longest_sec)
            answer, _ = working.result()
            if child.returncode:
                raise OurError(f"the process that makes plans ended with {child.returncode}")
            return answer
        finally:
            with suppress(ProcessLookupError):
                child.kill()
            leaving.cancel()
            await asyncio.wait({working, leaving})


def _given_up(is_gone: bool, longest_sec: float) -> Impossible:
    why = "nobody waits for it any more" if is_gone else f"this takes longer than {longest_sec:.0f} s"
    return Impossible("plan_too_large", f"{why}: ask for fewer `days`, or fewer `leads` that stand for the others")


def _read(answer: bytes) -> Any:
    told = msgspec.json.decode(answer)
    if "code" in told:
        raise (NotFound if told["code"] == "campaign_not_found" else Impossible)(told["code"], told["message"])
    return told

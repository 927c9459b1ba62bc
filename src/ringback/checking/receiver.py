"""Ask a workspace's server whether a dial may be placed."""

from collections.abc import Iterable
from typing import NamedTuple

from whenever import Instant

from ringback.checking.network import Network
from ringback.checking.post import Message, Poster
from ringback.domain.pre_dial_check import LONGEST_ANSWER, Verdict, Why, read_answer, shown

CONNECTIONS = 256
"""Connections of a node to all servers that it asks."""


class Question(NamedTuple):
    """What is asked.

    Attributes:
        url: where.
        timeout_sec: how long it may take, all in all.
        secret: it is signed by, `whsec_...`.
        message_id: of this question alone.
        at: when it is asked.
        body: JSON.
    """

    url: str
    timeout_sec: float
    secret: str
    message_id: str
    at: Instant
    body: bytes


class Receivers:
    """The servers that are asked.

    Args:
        allowed: networks besides the public one whose addresses may be asked.
    """

    def __init__(self, allowed: Iterable[Network]) -> None:
        self._poster = Poster(allowed, CONNECTIONS)

    async def ask(self, question: Question) -> Verdict:
        """What a server says; whatever goes wrong is a verdict, and never a yes."""
        url, timeout_sec, secret, message_id, at, body = question
        limits = (timeout_sec, timeout_sec, (secret,))
        posted = await self._poster.post(Message(url, *limits, message_id, at, body, LONGEST_ANSWER))
        if posted.fault is not None:
            return Verdict(Why(posted.fault), shown(posted.failure or ""))
        if posted.status is None or posted.body is None:
            return Verdict(Why.BAD_ANSWER, "its answer is too long", None, posted.status)
        return read_answer(posted.status, posted.body)

    async def close(self) -> None:
        """Let go of all connections."""
        await self._poster.close()

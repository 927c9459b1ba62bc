"""Ask a workspace's server over HTTPS: signed, in time, and without following where it points to."""

import asyncio
import ssl
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

import httpcore
from standardwebhooks import Webhook
from whenever import Instant

from ringback.checking.network import ForbiddenAddress, GuardedNetwork, Network
from ringback.domain.pre_dial_check import LONGEST_ANSWER, Verdict, Why, read_answer, shown

CONNECTIONS = 256
"""Connections of a node to all servers that it asks."""

KEEP_SEC = 5.0
"""So long one that is not used is kept for the next question."""


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
        self._allowed = tuple(allowed)

    async def ask(self, question: Question) -> Verdict:
        """What a server says; whatever goes wrong is a verdict, and never a yes."""
        try:
            async with asyncio.timeout(question.timeout_sec):
                status, body = await self._post(question)
        except (TimeoutError, httpcore.TimeoutException):
            return Verdict(Why.TIMED_OUT, f"no answer within {question.timeout_sec:g} s")
        except ForbiddenAddress as forbidden:
            return Verdict(Why.FORBIDDEN_ADDRESS, str(forbidden))
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as failed:
            return _failure(failed)
        return (
            Verdict(Why.BAD_ANSWER, "its answer is too long", None, status)
            if body is None
            else read_answer(status, body)
        )

    async def close(self) -> None:
        """Let go of all connections."""
        if "_pool" in self.__dict__:
            await self._pool.aclose()
            self._network.close()

    @cached_property
    def _network(self) -> GuardedNetwork:
        return GuardedNetwork(self._allowed)

    @cached_property
    def _pool(self) -> httpcore.AsyncConnectionPool:
        """Made when first needed: reading the certificates takes a while. `SSL_CERT_FILE` names other ones."""
        return httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=KEEP_SEC,
            network_backend=self._network,
        )

    async def _post(self, question: Question) -> tuple[int, bytes | None]:
        """The status and the body, None for one that is too long."""
        signature = Webhook(question.secret).sign(question.message_id, question.at.to_stdlib(), question.body.decode())
        headers = (
            ("content-type", "application/json"),
            ("accept", "application/json"),
            ("user-agent", "ringback"),
            ("webhook-id", question.message_id),
            ("webhook-timestamp", str(question.at.timestamp())),
            ("webhook-signature", signature),
        )
        async with self._pool.stream("POST", question.url, headers=headers, content=question.body) as response:
            body = bytearray()
            async for part in response.aiter_stream():
                body += part
                if len(body) > LONGEST_ANSWER:
                    return response.status, None
            return response.status, bytes(body)


def _failure(failed: Exception) -> Verdict:
    """A server that cannot be reached, or whose certificate is not to be trusted."""
    cause: BaseException | None = failed
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Verdict(Why.CERTIFICATE, shown(cause.verify_message))
        cause = cause.__cause__ or cause.__context__  # httpcore raises its own errors from none
    return Verdict(Why.UNREACHABLE, shown(f"{type(failed).__name__}: {failed}".rstrip(": ")))

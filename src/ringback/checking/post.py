"""Post a signed message over HTTPS: to addresses that may be asked, in time, and without following where it leads."""

import asyncio
import ssl
from collections.abc import Iterable
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

import httpcore
from standardwebhooks import Webhook
from whenever import Instant

from ringback.checking.network import ForbiddenAddress, GuardedNetwork, Network

KEEP_SEC = 5.0
"""So long a connection that is not used is kept for the next message."""


class Fault(StrEnum):
    """Why there was no whole answer."""

    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    CERTIFICATE = "certificate"
    FORBIDDEN_ADDRESS = "forbidden_address"


class Message(NamedTuple):
    """What is posted.

    Attributes:
        url: where.
        timeout_sec: how long it may take, all in all.
        connect_sec: how long each connection may take to come about.
        secrets: it is signed by each of them, `whsec_...`.
        message_id: its own.
        at: when it is sent.
        body: JSON.
        longest: bytes of an answer that are read at most.
    """

    url: str
    timeout_sec: float
    connect_sec: float
    secrets: tuple[str, ...]
    message_id: str
    at: Instant
    body: bytes
    longest: int


class Posted(NamedTuple):
    """What came back.

    Attributes:
        status: of the answer, None where none came.
        body: of it, None where it did not end in time or is too long.
        fault: why there was no whole answer.
        failure: the same in words.
    """

    status: int | None
    body: bytes | None = None
    fault: Fault | None = None
    failure: str | None = None


class Poster:
    """Posts messages.

    Args:
        allowed: networks besides the public one whose addresses may be posted to.
        connections: so many at most, to all servers together.
    """

    def __init__(self, allowed: Iterable[Network], connections: int) -> None:
        self._allowed = tuple(allowed)
        self._connections = connections

    async def post(self, message: Message) -> Posted:
        """What a server says; nothing that goes wrong on the way there is raised."""
        said: list[int] = []
        try:
            async with asyncio.timeout(message.timeout_sec):
                return await self._post(message, said)
        except (TimeoutError, httpcore.TimeoutException):
            fault, failure = Fault.TIMED_OUT, f"no answer within {message.timeout_sec:g} s"
        except ForbiddenAddress as forbidden:
            fault, failure = Fault.FORBIDDEN_ADDRESS, str(forbidden)
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as failed:
            fault, failure = _fault(failed)
        except Exception as failed:  # noqa: BLE001  # one server's address or secret ends no node, which would take the next one with it
            fault, failure = Fault.UNREACHABLE, f"it cannot be sent ({type(failed).__name__})"
        return Posted(said[0] if said else None, None, fault, failure)

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
            max_connections=self._connections,
            max_keepalive_connections=self._connections,
            keepalive_expiry=KEEP_SEC,
            network_backend=self._network,
        )

    async def _post(self, message: Message, said: list[int]) -> Posted:
        extensions = {"timeout": {"connect": message.connect_sec}}
        async with self._pool.stream(
            "POST", message.url, headers=_headers(message), content=message.body, extensions=extensions
        ) as response:
            said.append(response.status)
            body = bytearray()
            async for part in response.aiter_stream():
                body += part
                if len(body) > message.longest:
                    return Posted(response.status)
            return Posted(response.status, bytes(body))


def _headers(message: Message) -> tuple[tuple[str, str], ...]:
    at, text = message.at.to_stdlib(), message.body.decode()
    signatures = " ".join(Webhook(secret).sign(message.message_id, at, text) for secret in message.secrets)
    return (
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("user-agent", "ringback"),
        ("webhook-id", message.message_id),
        ("webhook-timestamp", str(message.at.timestamp())),
        ("webhook-signature", signatures),
    )


def _fault(failed: Exception) -> tuple[Fault, str]:
    """A server that cannot be reached, or whose certificate is not to be trusted."""
    cause: BaseException | None = failed
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Fault.CERTIFICATE, str(cause.verify_message)
        cause = cause.__cause__ or cause.__context__  # httpcore raises its own errors from none
    return Fault.UNREACHABLE, f"{type(failed).__name__}: {failed}".rstrip(": ")

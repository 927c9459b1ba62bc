"""A small HTTPS server on this machine, with a certificate of an authority of its own."""

import asyncio
import datetime
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Reply = tuple[int, bytes]
Answers = Callable[[dict[str, str], bytes], Awaitable[Reply]]
"""(headers, body) -> status and body."""


@dataclass
class Server:
    """What was asked, and how it answers.

    Attributes:
        port: of 127.0.0.1.
        answer: what is said to each question; may be changed at any time.
        asked: set with the first question.
        heard: headers and body of each question, in their order.
        most: questions that were open at once.
    """

    port: int = 0
    answer: Answers | None = None
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    open: int = 0
    most: int = 0

    @property
    def url(self) -> str:
        """Where it is asked, by its name."""
        return f"https://localhost:{self.port}/check?for=us"

    def says(self, status: int = 200, **body: object) -> None:
        """Answer all questions alike."""

        async def answer(_: dict[str, str], __: bytes) -> Reply:
            return status, json.dumps(body).encode()

        self.answer = answer


@asynccontextmanager
async def https_server(folder: Path) -> AsyncIterator[Server]:
    """A server that allows everything; `folder` gets ca.pem, to be trusted by who asks."""
    server, context = Server(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.says(allow=True)
    context.load_cert_chain(_certificates(folder))
    handlers: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            await _serve(server, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # whoever asked has gone, or the test is over
        finally:
            handlers.discard(task)
            writer.transport.abort()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in list(handlers):
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


async def _serve(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        body = await reader.readexactly(int(headers["content-length"]))
        headers[":first-line"] = lines[0]
        server.heard.append((headers, body))
        server.asked.set()
        server.open += 1
        server.most = max(server.most, server.open)
        try:
            assert server.answer is not None
            status, said = await server.answer(headers, body)
        finally:
            server.open -= 1
        writer.write(f"HTTP/1.1 {status} X\r\nlocation: /other\r\ncontent-length: {len(said)}\r\n\r\n".encode() + said)
        await writer.drain()


def _certificates(folder: Path) -> Path:
    """Make an authority and a certificate for this machine by it; returns the file of the latter with its key."""
    now = datetime.datetime.now(datetime.UTC)
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("an authority", "localhost")]

    def made(
        subject: x509.Name, key: ec.EllipticCurvePrivateKey, *extensions: tuple[x509.ExtensionType, bool]
    ) -> bytes:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(names[0]).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(1))
        builder = builder.not_valid_after(now + datetime.timedelta(1))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    identifier = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
    signs = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    ca = made(names[0], authority, (x509.BasicConstraints(True, None), True), (identifier, False), (signs, True))
    alternatives = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    certificate = made(names[1], own, (x509.SubjectAlternativeName(alternatives), False), (issued_by, False))
    key = own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "ca.pem").write_bytes(ca)
    (folder / "server.pem").write_bytes(certificate + key)
    return folder / "server.pem"

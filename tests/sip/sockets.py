"""Small far ends in this process, for requests of our own: real sockets on loopback."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"

SIGNS = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)

Reply = Callable[[str], list[str]]
"""A message -> what is said to it."""


@dataclass
class Heard:
    """What came in.

    Attributes:
        port: where it came.
        messages: in their order.
        sources: the ports that they came from.
    """

    port: int
    messages: list[str] = field(default_factory=list)
    sources: list[int] = field(default_factory=list)


KEPT = ("via:", "from:", "to:", "call-id:", "cseq:")


def answer(request: str, status: str = "200 OK", *more: str, tag: str = "", body: str = "") -> str:
    """The response to a request; `tag` is that of the phone that answers, `more` are further headers."""
    kept = [line for line in request.split("\r\n")[1:] if line.lower().startswith(KEPT)]
    tagged = [f"{line};tag={tag}" if tag and line.startswith("To:") else line for line in kept]
    return "\r\n".join([f"SIP/2.0 {status}", *tagged, *more, f"Content-Length: {len(body)}", "", body])


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.heard = Heard(0)

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport
        self.heard.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.messages.append(data.decode())
        self.heard.sources.append(addr[1])
        for text in self.reply(data.decode()):
            self.transport.sendto(text.encode(), addr)


@asynccontextmanager
async def udp(reply: Reply, host: str = HOST) -> AsyncIterator[Heard]:
    """A far end over UDP."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(lambda: _Udp(reply), local_addr=(host, 0))
    try:
        yield protocol.heard
    finally:
        transport.close()


@asynccontextmanager
async def tcp(reply: Reply, tls: ssl.SSLContext | None = None) -> AsyncIterator[Heard]:
    """A far end over TCP or TLS, which closes a connection after its first request."""
    heard = Heard(0)

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            text = (await reader.readuntil(b"\r\n\r\n")).decode()
            heard.messages.append(text)
            for said in reply(text):
                writer.write(said.encode())
                await writer.drain()
        finally:
            writer.close()

    async with await asyncio.start_server(meet, HOST, 0, ssl=tls) as server:
        heard.port = server.sockets[0].getsockname()[1]
        yield heard


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS for a name or an address, and the file by which a client may trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .add_extension(SIGNS, critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / f"{name}.pem", folder / f"{name}.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, public

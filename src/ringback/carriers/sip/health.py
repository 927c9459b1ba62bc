"""Whether a trunk answers: asked by OPTIONS now and then, and at once when a dial got no answer of any kind."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from secrets import token_hex

from ringback.carriers.sip.request import Peer, address_of, ask, options
from ringback.carriers.sip.settings import SipSettings

ANSWER_SEC = 4.0
"""A trunk has so long to answer OPTIONS; over UDP it is asked four times meanwhile."""

MISSES = 2
"""So many in a row and the trunk is down."""

DOWN_SEC = 5.0
"""How often a trunk that is down is asked, at least."""


class Health:
    """Asks a trunk whether it is there.

    Args:
        settings: the trunk's; with `options_sec` 0 it is never asked, and taken to be up.

    Attributes:
        known: whether it has been asked, or need not be.
        down: why it takes no dials, None where it does.
    """

    def __init__(self, settings: SipSettings) -> None:
        self._settings = settings
        self._peer = peer_of(settings)
        self._doubt = asyncio.Event()
        self._misses = 0
        self.known = self._peer is None or not settings.options_sec
        self.down: str | None = None

    async def keep(self) -> None:
        """Ask for as long as it runs; returns at once where there is nothing to ask."""
        if self._peer is None or not self._settings.options_sec:
            return
        while True:
            await self.ask_once(self._peer)
            pause_sec = self._settings.options_sec if not self._misses else 0 if self.down is None else DOWN_SEC
            with suppress(TimeoutError):
                async with asyncio.timeout(min(pause_sec, self._settings.options_sec)):
                    await self._doubt.wait()
            self._doubt.clear()

    def doubt(self) -> None:
        """A dial got no answer: ask now."""
        self._doubt.set()

    async def ask_once(self, peer: Peer) -> None:
        """Ask, and draw the conclusion."""
        why = await why_silent(self._settings, peer)
        self._misses = self._misses + 1 if why else 0
        if not why:
            self.down = None
        elif self._misses >= MISSES:
            self.down = f"{peer.host}:{peer.port} over {peer.transport}: {why}"
        self.known = self.known or not why or self.down is not None


async def why_silent(settings: SipSettings, peer: Peer) -> str:
    """Ask by OPTIONS whether it is there; why it does not answer, empty where it does, with whatever status."""
    host = f"[{peer.host}]" if ":" in peer.host else peer.host
    ours = f"sip:{settings.from_number or settings.username or 'ringback'}@{settings.from_domain or host}"
    try:
        status = await ask(options(f"sip:{host}:{peer.port}", ours, token_hex(16)), peer, ANSWER_SEC)
    except OSError as failed:
        return str(failed)
    return "" if status is not None else f"no answer to OPTIONS within {ANSWER_SEC:.0f} s"


def peer_of(settings: SipSettings) -> Peer | None:
    """Whom to ask; None for a domain whose servers only the stack's SRV look-up finds."""
    if settings.outbound_proxy is None and settings.port is None and not _is_address(settings.host):
        return None
    return way_to(settings)


def way_to(settings: SipSettings) -> Peer:
    """Where requests of ours go: to the outbound proxy or else the host, by its name where only SRV knows better."""
    port = settings.port or (5061 if settings.transport == "tls" else 5060)
    source = settings.net_interface if _is_address(settings.net_interface or "") else None
    peer = Peer(settings.host, port, settings.transport, source=source)
    if settings.outbound_proxy is not None:
        peer = address_of(f"sip:{settings.outbound_proxy.removeprefix('sip:')}", peer)
    return replace(peer, tls=_context(settings)) if peer.transport == "tls" else peer


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _context(settings: SipSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ca_file)
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context

"""Who calls, as the stack is to know them: with the trunk's user and password over the trunk, without them past it."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import cast

from ringback.carriers.sip.request import Transport
from ringback.carriers.sip.settings import SipSettings

_TRANSPORT = re.compile(r";transport=(udp|tcp|tls)\b", re.IGNORECASE)
_HOST = re.compile(r"sips?:(?:[^@;?]*@)?(\[[^\]]+\]|[^:;?>]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, repr=False)
class Caller:
    """One who calls. It has no `repr`, for the password's sake.

    Attributes:
        user: the number that is shown, or the user.
        domain: of the address.
        transport: how signalling travels.
        password: for the digest; empty for none.
        auth_user: likewise, where it is another one than `user`.
        proxy: through which all requests go, None for straight there.
        register_sec: how long a registration lasts; 0 for none.
        announces: the `media_address` is announced, and not this machine's own.
        encrypts: media are encrypted, or there is no call.
    """

    user: str
    domain: str
    transport: Transport
    password: str = ""
    auth_user: str | None = None
    proxy: str | None = None
    register_sec: int = 0
    announces: bool = False
    encrypts: bool = False


def over_trunk(settings: SipSettings, from_number: str | None) -> Caller:
    """Who calls over the trunk."""
    return _known(settings, from_number or settings.from_number or settings.username or "ringback", 0)


def registered(settings: SipSettings, register_sec: int) -> Caller:
    """The trunk's user, who registers."""
    return _known(settings, settings.username or "", register_sec)


def past_trunk(settings: SipSettings, from_number: str | None, uri: str) -> Caller:
    """Who calls past the trunk: of the same number, without user, password and proxy."""
    named = _TRANSPORT.search(uri)
    return Caller(
        user=from_number or settings.from_number or "ringback",
        domain=settings.from_domain or address(settings),
        transport=cast(Transport, named[1].lower() if named else "udp"),
        announces=settings.media_address is not None and not _is_near(uri),
    )


def sip_uri(settings: SipSettings, number: str) -> str:
    """Whom to invite for a number (RFC 3261, section 19.1)."""
    return f"sip:{number}@{address(settings)};transport={settings.transport}"


def address(settings: SipSettings) -> str:
    """The host of a trunk, with its port where it has one, as it stands in a URI."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port}" if settings.port else host


def _known(settings: SipSettings, user: str, register_sec: int) -> Caller:
    return Caller(
        user=user,
        domain=settings.from_domain or address(settings),
        transport=settings.transport,
        password=settings.password or "",
        auth_user=settings.username,
        proxy=settings.outbound_proxy,
        register_sec=register_sec,
        announces=settings.media_address is not None,
        encrypts=settings.srtp,
    )


def _is_near(uri: str) -> bool:
    """Whether it is an address of a private network: who is there need not go by the way from outside."""
    found = _HOST.match(uri)
    try:
        return found is not None and ip_address(found[1].strip("[]")).is_private
    except ValueError:
        return False  # a name may lead anywhere

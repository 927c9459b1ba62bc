"""Whether a SIP trunk could dial from here."""

import os
import socket
from ipaddress import ip_address

from ringback.carriers.sip.settings import SipSettings


def check_sip(settings: SipSettings) -> str | None:
    """What on this machine keeps a trunk from dialling, None for nothing. Nothing is sent to its far end.

    Args:
        settings: the trunk's.
    """
    if settings.ca_file is not None and not os.access(settings.ca_file, os.R_OK):
        return f"its ca_file {settings.ca_file} cannot be read"
    if settings.net_interface is not None and not _is_ours(settings.net_interface):
        return f"its net_interface {settings.net_interface} is neither an interface nor an address of this machine"
    return None


def _is_ours(interface: str) -> bool:
    """Whether it is an interface here, or an address to which a socket can be bound."""
    try:
        address = ip_address(interface)
    except ValueError:
        return interface in {name for _, name in socket.if_nameindex()}
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((interface, 0))
        except OSError:
            return False
    return True

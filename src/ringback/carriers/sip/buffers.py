"""Room for the SIP messages that come while this process is held up: a 180 that is dropped is not sent again."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

ROOM = 4 << 20
"""Bytes: some two thousand messages. A process without the right to it gets what the system allows."""

FORCED = 33
"""SO_RCVBUFFORCE of Linux (socket(7)), which the socket module does not name."""


def make_room() -> None:
    """Widen the receive buffers of the UDP sockets that are open in this process."""
    for each in _sockets():
        with each:
            if each.type == socket.SOCK_DGRAM and each.family in (socket.AF_INET, socket.AF_INET6):
                _widen(each)


def _sockets() -> Iterator[socket.socket]:
    """A second handle of each, to be closed; none where the system has no /proc."""
    fds = Path("/proc/self/fd")
    for path in list(fds.iterdir()) if fds.is_dir() else []:
        try:
            fd = os.dup(int(path.name))
        except OSError:
            continue  # it was that of the listing
        try:
            yield socket.socket(fileno=fd)
        except OSError:
            os.close(fd)


def _widen(udp: socket.socket) -> None:
    try:
        udp.setsockopt(socket.SOL_SOCKET, FORCED, ROOM)
    except PermissionError:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)

import socket
from pathlib import Path

from ringback.carriers.sip.buffers import make_room

HANDLES = Path("/proc/self/fd")


def room(of: socket.socket) -> int:
    """Bytes that it holds."""
    return of.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def test_udp_sockets_get_more_room_and_no_handle_is_left():
    """Whoever opened them; sockets of other kinds are as they were."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        before, handles = (room(udp), room(tcp)), len(list(HANDLES.iterdir()))
        make_room()
        assert len(list(HANDLES.iterdir())) == handles
        assert room(udp) > before[0]
        assert room(tcp) == before[1]

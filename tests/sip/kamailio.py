"""Kamailio as a proxy on the way to a far end: it asks for a digest, and has whatever follows come by it."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from string import Template
from threading import Event
from typing import Any

import psutil
from tests.sip.sipp import HOST, LOOK_SEC, PATIENCE_SEC, answers_options, free_port

USER, PASSWORD = "ringback", "loop back"

CONFIG = Template("""#!KAMAILIO
debug=0
log_stderror=yes
children=2
tcp_children=2
disable_tcp=no
auto_aliases=no
dns=no
rev_dns=no
enable_tls=no
listen=udp:$host:$port
listen=tcp:$host:$port
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "maxfwd.so"
loadmodule "auth.so"
loadmodule "xlog.so"
modparam("rr", "enable_full_lr", 1)
modparam("xlog", "prefix", "")

request_route {
    xlog("L_ALERT", "PASSED $$rm $$ci $$proto:$$sp route=[$$hdr(Route)]\\n");
    if (!mf_process_maxfwd_header("10")) {
        sl_send_reply("483", "Too Many Hops");
        exit;
    }
    if (is_method("OPTIONS")) {
        sl_send_reply("200", "OK");
        exit;
    }
    if (is_method("CANCEL")) {
        if (t_check_trans()) t_relay();
        exit;
    }
    if (has_totag()) {
        if (loose_route() || t_check_trans()) {
            t_relay();
        } else if (!is_method("ACK")) {
            sl_send_reply("404", "No Route");
        }
        exit;
    }
    if (t_check_trans()) exit;
    if (!is_method("INVITE")) {
        sl_send_reply("405", "Method Not Allowed");
        exit;
    }
    if ($$au != "$user" || !pv_proxy_authenticate("$host", "$password", "0")) {
        auth_challenge("$host", "1");
        exit;
    }
    consume_credentials();
    record_route();
    $$du = "sip:$host:$far_port;transport=$far_transport";
    t_relay();
}
""")

_PASSED = re.compile(r"PASSED (\w+) (\S+) (udp|tcp):(\d+) route=\[([^]]*)\]")


@dataclass(frozen=True, slots=True)
class Passed:
    """A request that came by.

    Attributes:
        method: of it.
        sip_call_id: of its call.
        transport: over which it came.
        port: from which it came.
        routed: it said that it goes by the proxy.
    """

    method: str
    sip_call_id: str
    transport: str
    port: int
    routed: bool


class Kamailio:
    """A running proxy.

    Args:
        process: it.
        port: on which it listens, over UDP and over TCP.
        folder: where its log is.
    """

    def __init__(self, process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
        self.process = process
        self.port = port
        self.said = folder / "said.log"

    def trunk(self, transport: str = "udp") -> dict[str, Any]:
        """The settings of a trunk to it, with what it asks for."""
        named = {"host": HOST, "port": self.port, "transport": transport, "net_interface": HOST}
        return {**named, "from_number": "+14155550100", "username": USER, "password": PASSWORD}

    def passed(self, sip_call_id: str) -> list[Passed]:
        """What came by of a call, in its order."""
        found = (
            Passed(method, call_id, transport, int(port), f":{self.port}" in route)
            for method, call_id, transport, port, route in _PASSED.findall(self.said.read_text(errors="replace"))
        )
        return [request for request in found if request.sip_call_id == sip_call_id]

    def end(self) -> None:
        """End it and its children."""
        children = []
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE_SEC / 6)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()

    def _await_ready(self) -> bool:
        """Wait until it answers; false where it ended in place of that."""
        never, deadline = Event(), time.monotonic() + PATIENCE_SEC
        while not all(answers_options(self.port, transport) for transport in ("udp", "tcp")):
            if self.process.poll() is not None:
                return False
            assert time.monotonic() < deadline, "Kamailio does not answer"
            never.wait(LOOK_SEC)
        return True


@contextmanager
def kamailio(folder: Path, far_port: int, far_transport: str = "udp") -> Iterator[Kamailio]:
    """A proxy to a far end on loopback, until the block ends.

    Args:
        folder: for its configuration and its log.
        far_port: where the far end listens.
        far_transport: `udp` or `tcp`, how it is spoken to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for _ in range(5):  # another process may take a port that was free a moment ago
        proxy = _start(folder, free_port(), far_port, far_transport)
        try:
            if proxy._await_ready():
                yield proxy
                return
        finally:
            proxy.end()
    raise AssertionError(f"Kamailio could not be started: {proxy.said.read_text()}")


def _start(folder: Path, port: int, far_port: int, far_transport: str) -> Kamailio:
    values = {"host": HOST, "port": port, "far_port": far_port, "far_transport": far_transport}
    (folder / "kamailio.cfg").write_text(CONFIG.substitute(values, user=USER, password=PASSWORD))
    command = shutil.which("kamailio", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert command is not None, "kamailio is not installed: scripts/system_packages.sh does it"
    flags = ["-DD", "-E", "-f", "kamailio.cfg", "-w", ".", "-Y", ".", "-m", "16", "-M", "4"]
    with (folder / "said.log").open("wb") as said:
        process = subprocess.Popen(
            [command, *flags], cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )
    return Kamailio(process, port, folder)

"""SIPp as the far end of a trunk: started by a test, listening on loopback, ended by its pid."""

import csv
import os
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import psutil
from tests.sip.messages import Call, MessageLog
from tests.sip.scenario import Pace, refusing, scenario

HOST = "127.0.0.1"
PATIENCE_SEC = 30.0
LOOK_SEC = 0.02
LONGEST_SEC = 1_800
"""A SIPp that nobody ended ends by itself."""

NEVER = 1_000_000_000
"""It does not end for the machine being slow."""

TRANSPORTS = {"udp": "u1", "tcp": "t1"}
OPTIONS = (
    "OPTIONS sip:{host}:{port} SIP/2.0\r\nVia: SIP/2.0/{transport} {host}:{own};branch=z9hG4bK{own};rport\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:look@{host}>;tag={own}\r\nTo: <sip:{host}:{port}>\r\nCall-ID: look-{own}@{host}\r\n"
    "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What SIPp counted; its OPTIONS are among its calls.

    Attributes:
        begun: calls in all.
        current: that are not over.
        successful: that went as the scenario has it.
        failed: the others.
        sent_again: messages that SIPp had to send again.
    """

    begun: int
    current: int
    successful: int
    failed: int
    sent_again: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a far end is.

    Attributes:
        host: the address on which it listens.
        within: what goes before a command that is to run there.
    """

    host: str = HOST
    within: Sequence[str] = ()


class Sipp:
    """A running SIPp.

    Args:
        process: it.
        folder: where its files are.
        place: where it is.
        port: on which it listens.
        transport: `udp` or `tcp`.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], folder: Path, place: "Place", port: int, transport: str
    ) -> None:
        self.process = process
        self.folder = folder
        self.place = place
        self.port = port
        self.transport = transport
        self._log = MessageLog(folder / "messages.log")

    def calls(self) -> list[Call]:
        """The calls up to now, in the order in which they came."""
        return self._log.calls()

    def dials(self) -> Counter[str]:
        """How often each attempt was dialled, by our identifier."""
        return Counter(call.attempt for call in self.calls())

    def call(self, attempt: str) -> Call:
        """The one call of an attempt."""
        [found] = [call for call in self.calls() if call.attempt == attempt]
        return found

    def counts(self) -> Counts:
        """What SIPp itself counted up to the last second."""
        with (self.folder / "counts.csv").open(newline="") as file:
            *_, last = csv.DictReader(file, delimiter=";")
        names = ("TotalCallCreated", "CurrentCall", "SuccessfulCall(C)", "FailedCall(C)", "Retransmissions(C)")
        return Counts(*(int(last[name]) for name in names))

    def errors(self) -> list[str]:
        """What SIPp complained of; a time that is over, as the scenario has it, is no complaint."""
        path = self.folder / "errors.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return [line for line in lines[1:] if "receive timeout on message" not in line]

    def end(self) -> None:
        """Let it write its last counts, and end it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_SEC / 6)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def answers(self) -> bool:
        """Whether it answers OPTIONS."""
        return answers_options(self.port, self.transport, self.place.host)

    def _has_port(self) -> bool:
        """Whether the port is its own: another SIPp would answer as well, but in a place apart."""
        if self.place.within:
            return True
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            return self.port in {
                one.laddr.port for one in psutil.Process(self.process.pid).net_connections() if one.laddr
            }
        return False

    def _await_ready(self) -> bool:
        """Wait until it answers; false where it ended in place of that, as when its port was taken."""
        never, deadline = Event(), time.monotonic() + PATIENCE_SEC
        while not (self._has_port() and self.answers()):
            if self.process.poll() is not None:
                return False
            assert time.monotonic() < deadline, "SIPp does not answer"
            never.wait(LOOK_SEC)
        return True


@contextmanager
def sipp(
    folder: Path,
    *,
    transport: str = "udp",
    lost: int = 0,
    pace: Pace = Pace(),
    port: int | None = None,
    media_port: int | None = None,
    formats: str = "0 8",
    refuses: int | None = None,
    place: Place = Place(),
) -> Iterator[Sipp]:
    """A far end that behaves by the called number (tests/sip/numbers.py), until the block ends.

    Args:
        folder: for its scenario and its logs.
        transport: `udp` or `tcp`.
        lost: how many of 100 packets it loses, either way.
        pace: how long things take.
        port: on which it must listen; None for any that is free.
        media_port: where it has media sent to; None for its own, which sends it back.
        refuses: with this code, whoever is called; None for by the number.
        formats: the codecs that it takes, by their numbers in RTP (RFC 3551, section 6).
        place: where it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    steps = (refusing(refuses) if refuses else scenario(pace)).replace("RTP/AVP 0 8 ", f"RTP/AVP {formats} ")
    (folder / "far_end.xml").write_text(steps.replace("[media_port]", str(media_port)) if media_port else steps)
    for _ in range(5):  # another process may take a port that was free a moment ago
        far_end = _start(folder, place, transport, lost, port or free_port())
        try:
            if far_end._await_ready():
                yield far_end
                return
        finally:
            far_end.end()
    raise AssertionError(f"SIPp could not be started: {(folder / 'said.log').read_text()}")


def _start(folder: Path, place: Place, transport: str, lost: int, port: int) -> Sipp:
    options = {
        "-sf": "far_end.xml",
        "-t": TRANSPORTS[transport],
        "-i": place.host,
        "-p": port,
        "-ci": HOST,
        "-cp": free_port(),
        "-mi": place.host,
        "-mp": free_port(apart=4),
        "-message_file": "messages.log",
        "-error_file": "errors.log",
        "-stf": "counts.csv",
        "-fd": 1,
        "-timeout": LONGEST_SEC,
        "-max_invite_retrans": 10,
        "-watchdog_minor_maxtriggers": NEVER,
        "-watchdog_major_maxtriggers": NEVER,
        **({"-lost": lost} if lost else {}),
    }
    flags = ["-nostdin", "-bind_local", "-rtp_echo", "-trace_msg", "-trace_err", "-trace_stat", "-skip_rlimit"]
    command = [*place.within, "sipp", *flags, *[str(word) for option in options.items() for word in option]]
    with (folder / "said.log").open("wb") as said:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env={**os.environ, "TERM": "dumb"},
        )
    return Sipp(process, folder, place, port, transport)


def answers_options(port: int, transport: str, host: str = HOST) -> bool:
    """Whether somebody answers OPTIONS well."""
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as ours:
        ours.settimeout(1.0)
        try:
            ours.connect((host, port))
            own = ours.getsockname()[1]
            ours.send(OPTIONS.format(host=host, port=port, transport=transport.upper(), own=own).encode())
            return ours.recv(2048).startswith(b"SIP/2.0 200")
        except OSError:
            return False


def free_port(apart: int = 1) -> int:
    """A UDP port of loopback such that it and those behind it were free just now; an even one where it is several."""
    while True:
        with ExitStack() as held, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first:
            first.bind((HOST, 0))
            port: int = first.getsockname()[1]
            if apart > 1 and (port % 2 or port + apart > 65_535):
                continue
            try:
                for behind in range(1, apart):
                    other = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                    other.bind((HOST, port + behind))
            except OSError:
                continue
            return port

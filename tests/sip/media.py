"""The port to which a far end has media sent: what comes is kept with the kernel's own time, and may be sent back.

The time is the kernel's, so that a receiver that is held up makes nobody late.
"""

import socket
import struct
import subprocess
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.sip.sipp import HOST

from ringback.carriers.sip.agents.mulaw import decode

RATE = 8000
FRAME = 160
FRAME_MS = 20
PCMU = 0
TAKES_TIME = 35  # SO_TIMESTAMPNS of Linux, which the socket module does not name
RECEIVE_BUFFER = 4 << 20
LOOK_SEC = 0.2

Sound = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of RTP (RFC 3550, section 5.1).

    Attributes:
        at_ns: when the kernel had it, Unix time.
        sequence: its number.
        stamp: the time of its first sample, in samples.
        payload: as it came.
        raw: the whole of it.
    """

    at_ns: int
    sequence: int
    stamp: int
    payload: bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class Stream:
    """What one sender sent, of one codec: a call's audio.

    Attributes:
        port: from which it came.
        packets: in the order in which they came.
    """

    port: int
    packets: list[Packet]

    def late_ms(self) -> list[float]:
        """By how much each frame came later than in time with the one that came in best time."""
        transit = [p.at_ns / 1e6 - p.stamp * 1000 / RATE for p in self.packets]
        return [each - min(transit) for each in transit]

    def missing(self) -> int:
        """How many were lost on the way, or never sent, or came in another order."""
        pairs = zip(self.packets, self.packets[1:], strict=False)
        return sum(after.sequence != (before.sequence + 1) % 65_536 for before, after in pairs)

    def sound(self) -> Sound:
        """The audio, silence where a packet is missing, as numbers from -1 to 1."""
        first = self.packets[0].stamp
        sound = np.zeros(max(p.stamp for p in self.packets) - first + FRAME)
        for packet in self.packets:
            at = packet.stamp - first
            sound[at : at + len(packet.payload)] = decode(packet.payload) / 32_768
        return sound


class MediaPort:
    """A UDP port that takes RTP of any number of calls.

    Args:
        echo: send every packet back to where it came from.

    Attributes:
        port: its number.
    """

    def __init__(self, *, echo: bool) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._socket.setsockopt(socket.SOL_SOCKET, TAKES_TIME, 1)
        self._socket.bind((HOST, 0))
        self._socket.settimeout(LOOK_SEC)
        self.port: int = self._socket.getsockname()[1]
        self._echo = echo
        self._packets: list[tuple[int, Packet]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._take, name="media", daemon=True)

    def send(self, packet: bytes, port: int) -> None:
        """Say something to a port of loopback."""
        self._socket.sendto(packet, (HOST, port))

    def streams(self) -> list[Stream]:
        """What came up to now, by sender."""
        found: dict[tuple[int, bytes], list[Packet]] = defaultdict(list)
        for port, packet in list(self._packets):
            found[port, packet.raw[8:12]].append(packet)
        return [Stream(port, packets) for (port, _), packets in found.items()]

    def save(self, path: Path) -> None:
        """Write what came as a capture that other programs read."""
        with path.open("wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65_535, 101))  # in nanoseconds, of raw IP
            for port, packet in list(self._packets):
                file.write(_captured(port, self.port, packet))

    def start(self) -> None:
        """Take what comes."""
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._over.set()
        self._thread.join()
        self._socket.close()

    def _take(self) -> None:
        while not self._over.is_set():
            try:
                raw, about, _, sender = self._socket.recvmsg(2048, 64)
            except TimeoutError:
                continue
            if self._echo:
                self._socket.sendto(raw, sender)
            if len(raw) > 12 and raw[1] & 0x7F == PCMU:
                sec, nano = struct.unpack("qq", about[0][2])
                _, _, sequence, stamp = struct.unpack("!BBHI", raw[:8])
                self._packets.append((sender[1], Packet(sec * 10**9 + nano, sequence, stamp, raw[12:], raw)))


@contextmanager
def media_port(*, echo: bool = False) -> Iterator[MediaPort]:
    """A port for media, until the block ends."""
    made = MediaPort(echo=echo)
    made.start()
    try:
        yield made
    finally:
        made.close()


def _captured(sender: int, receiver: int, packet: Packet) -> bytes:
    """A packet as it stands in a capture: between addresses of loopback, without checksums."""
    ours = socket.inet_aton(HOST)
    udp = struct.pack("!HHHH", sender, receiver, 8 + len(packet.raw), 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(packet.raw), 0, 0, 64, 17, 0, ours, ours)
    whole = ip + udp + packet.raw
    sec, nano = divmod(packet.at_ns, 10**9)
    return struct.pack("<IIII", sec, nano, len(whole), len(whole)) + whole


@dataclass(frozen=True, slots=True)
class Judged:
    """What tshark says of one stream.

    Attributes:
        packets: that it has.
        lost: that are missing.
        most_apart_ms: the longest time between two.
    """

    packets: int
    lost: int
    most_apart_ms: float


def judged_by_tshark(capture: Path, port: int) -> list[Judged]:
    """Have a capture looked at by somebody who knows RTP; `port` is where the media went to."""
    command = ["tshark", "-n", "-r", str(capture), "-d", f"udp.port=={port},rtp", "-q", "-z", "rtp,streams"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    rows = [line.split() for line in said.splitlines() if " g711U " in line]
    # from the back: problems, then jitter and delta, each at least, on average and at most; lost as `0 (0.0%)`
    return [Judged(int(row[8]), int(row[9]), float(row[13])) for row in rows]


def rtp(sequence: int, payload: bytes, source: int) -> bytes:
    """A packet of audio of 20 ms."""
    return struct.pack("!BBHII", 0x80, PCMU, sequence % 65_536, sequence * FRAME % 2**32, source) + payload


def speech_like(sec: float, seed: int = 1) -> Sound:
    """Noise of a telephone's band in syllables: no piece of it is like any other, so that a misplaced one is found."""
    count = round(sec * RATE)
    chance = np.random.default_rng(seed)
    spectrum = np.fft.rfft(chance.standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(hertz < 300) | (hertz > 3_300)] = 0
    noise = np.fft.irfft(spectrum, count)
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * np.arange(count) / RATE)
    sound: Sound = 0.25 * noise / noise.std() * syllables
    return np.clip(sound, -0.98, 0.98)


def likeness(played: Sound, heard: Sound) -> float:
    """The correlation of what was played with what was heard of it, where it fits best; 0 where its end is cut off."""
    size = 1 << (len(heard) + len(played)).bit_length()
    fit = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(played, size)), size)
    at = int(np.argmax(fit[: len(heard)]))
    if at + len(played) > len(heard):
        return 0.0
    return float(np.corrcoef(played, heard[at : at + len(played)])[0, 1])

"""A telephone on loopback: it answers every call, keeps the audio that it hears, and has keys. SIPp keeps no audio."""

import asyncio
import base64
import re
import struct
from contextlib import asynccontextmanager

import numpy as np
from pylibsrtp import Policy, Session
from tests.sip.sipp import HOST

from ringback.carriers.sip.agents.mulaw import decode, encode

PCMU, KEYS_TYPE = 0, 101
FRAME, FRAME_SEC = 160, 0.02
EVENTS = "0123456789*#"
LOUD = 10
KEY_SEC = 0.1
OUR_KEY = bytes(range(30))
"""16 bytes to encrypt by and 14 of salt (RFC 4568, section 6.2), of the phone that encrypts."""


class Phone:
    """One call at a time.

    Args:
        encrypts: it takes encrypted media alone (RFC 3711), by keys in the SDP (RFC 4568).

    Attributes:
        port: of its signalling.
        packets: the audio as it came: (when, sequence number, timestamp, mu-law).
        over: set once the caller has hung up.
        keys: those that were pressed at the other end, in order.
        late_sec: the most by which a frame of what it said was late.
    """

    def __init__(self, encrypts=False):
        self.port = self._media_port = 0
        self._encrypts, self._lock, self._unlock = encrypts, bytes, bytes
        self.packets = []
        self.over = asyncio.Event()
        self.keys = ""
        self.late_sec = 0.0
        self._signalling = self._media = self._their_media = self._their_signalling = None
        self._invite = ""
        self._sequence = 0
        self._key_stamp = None

    def heard(self):
        """The audio, with silence where a packet is missing, as numbers from -1 to 1."""
        first = self.packets[0][2]
        sound = np.zeros(max(stamp for _, _, stamp, _ in self.packets) - first + FRAME)
        for _, _, stamp, payload in self.packets:
            sound[stamp - first : stamp - first + len(payload)] = decode(payload) / 32768
        return sound

    async def press(self, keys):
        """Press keys, one after the other (RFC 4733, section 2.5)."""
        for key in keys:
            stamp = self._sequence * FRAME
            for number in range(1, 8):
                last = number > 5  # the end is sent three times
                event = struct.pack("!BBH", EVENTS.index(key), 0x80 * last | LOUD, min(number, 5) * FRAME)
                self._send_media(event, stamp, first=number == 1)
                await asyncio.sleep(KEY_SEC / 5)
            await asyncio.sleep(KEY_SEC)

    async def say(self, pcm):
        """Say something, a frame every 20 ms."""
        loop, ulaw = asyncio.get_running_loop(), encode(np.frombuffer(pcm, np.int16))
        began = loop.time()
        for number, at in enumerate(range(0, len(ulaw), FRAME)):
            await asyncio.sleep(began + number * FRAME_SEC - loop.time())
            self.late_sec = max(self.late_sec, loop.time() - began - number * FRAME_SEC)
            self._send_media(ulaw[at : at + FRAME], at, first=number == 0, kind=PCMU)

    def hang_up(self):
        """BYE, the other way round (RFC 3261, section 12.2.1.1)."""
        headers = _headers(self._invite)
        contact = re.search(r"<([^>]+)>", headers["contact"])[1]
        lines = (
            f"BYE {contact} SIP/2.0",
            f"Via: SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bKbye;rport",
            "Max-Forwards: 70",
            f"From: {headers['to']};tag=phone",
            f"To: {headers['from']}",
            f"Call-ID: {headers['call-id']}",
            "CSeq: 1 BYE",
            "Content-Length: 0",
        )
        self._signalling.sendto("\r\n".join((*lines, "", "")).encode(), self._their_signalling)

    def _send_media(self, payload, stamp, *, first, kind=KEYS_TYPE):
        self._sequence += 1
        head = struct.pack("!BBHII", 0x80, 0x80 * first | kind, self._sequence, stamp, 7)
        self._media.sendto(self._lock(head + payload), self._their_media)

    def _on_message(self, data, address):
        text = data.decode()
        method = text.partition(" ")[0]
        if method == "INVITE" and not self._invite:
            self._invite, self._their_signalling = text, address
            port = re.search(r"^m=audio (\d+)", text, re.MULTILINE)[1]
            self._their_media = (HOST, int(port))
            self._reply(text, "180 Ringing", address)
            if self._encrypts != ("RTP/SAVP" in text):
                self._reply(text, "488 Not Acceptable Here", address)
                return
            if self._encrypts:
                self._agree(text)
            self._reply(text, "200 OK", address, self._sdp())
        elif method in ("BYE", "CANCEL", "OPTIONS"):
            self._reply(text, "200 OK", address)
            if method == "BYE":
                self.over.set()

    def _agree(self, text):
        """On a key for each way."""
        theirs = base64.b64decode(re.search(r"^a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:([^|\r ]+)", text, re.M)[1])
        self._lock = Session(Policy(key=OUR_KEY, ssrc_type=Policy.SSRC_ANY_OUTBOUND)).protect
        self._unlock = Session(Policy(key=theirs, ssrc_type=Policy.SSRC_ANY_INBOUND)).unprotect

    def _reply(self, request, status, address, body=""):
        headers = _headers(request)
        to = headers["to"] if "tag=" in headers["to"] else f"{headers['to']};tag=phone"
        vias = re.findall(r"^Via: .*$", request.replace("\r", ""), re.MULTILINE)
        lines = [f"SIP/2.0 {status}", *vias, f"From: {headers['from']}", f"To: {to}", f"Call-ID: {headers['call-id']}"]
        lines += [f"CSeq: {headers['cseq']}", f"Contact: <sip:phone@{HOST}:{self.port}>"]
        lines += ["Content-Type: application/sdp"] if body else []
        lines += [f"Content-Length: {len(body)}", "", body]
        self._signalling.sendto("\r\n".join(lines).encode(), address)

    def _sdp(self):
        lines = (
            "v=0",
            f"o=- 1 1 IN IP4 {HOST}",
            "s=-",
            f"c=IN IP4 {HOST}",
            "t=0 0",
            f"m=audio {self._media_port} RTP/{'SAVP' if self._encrypts else 'AVP'} {PCMU} {KEYS_TYPE}",
            *self._keys_told(),
            f"a=rtpmap:{KEYS_TYPE} telephone-event/8000",
            f"a=fmtp:{KEYS_TYPE} 0-15",
            "",
        )
        return "\r\n".join(lines)

    def _keys_told(self):
        key = base64.b64encode(OUR_KEY).decode()
        return [f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}"] if self._encrypts else []

    def _on_media(self, data, _):
        data = self._unlock(data)
        _, kind, sequence, stamp, _ = struct.unpack("!BBHII", data[:12])
        if kind & 0x7F == PCMU:
            self.packets.append((asyncio.get_running_loop().time(), sequence, stamp, data[12:]))
        elif kind & 0x7F == KEYS_TYPE and stamp != self._key_stamp:
            self.keys, self._key_stamp = self.keys + EVENTS[data[12]], stamp  # all packets of a key have one time


def _headers(message):
    """The headers by their names in lower case, the last of each."""
    return {name.lower(): value.strip() for name, value in re.findall(r"^([\w-]+): *(.*)$", message, re.MULTILINE)}


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, hear):
        self.datagram_received = hear


@asynccontextmanager
async def phone(*, encrypts=False):
    """A telephone, until the block ends."""
    made, loop = Phone(encrypts), asyncio.get_running_loop()
    made._signalling, _ = await loop.create_datagram_endpoint(lambda: _Socket(made._on_message), (HOST, 0))
    made._media, _ = await loop.create_datagram_endpoint(lambda: _Socket(made._on_media), (HOST, 0))
    made.port = made._signalling.get_extra_info("sockname")[1]
    made._media_port = made._media.get_extra_info("sockname")[1]
    try:
        yield made
    finally:
        made._signalling.close()
        made._media.close()

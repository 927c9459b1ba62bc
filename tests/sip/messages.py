"""What SIPp saw: its message log, read as it grows, and the calls that it tells of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

HEAD = re.compile(
    rb"-{40,} (?P<at>[\d-]+ [\d:.]+)\n\w+ message (?P<way>sent|received) [(\[](?P<bytes>\d+)[)\]]? bytes ?\)?:\n\n"
)
"""Before each message; how long it is stands there, so that a message may hold anything."""

ATTEMPT = "X-Ringback-Attempt"


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP message.

    Attributes:
        at: Unix time in seconds, to the microsecond.
        received: by SIPp, and not sent.
        text: it, with line ends as they were.
    """

    at: float
    received: bool
    text: str

    @property
    def start(self) -> str:
        """Its first line."""
        return self.text.split("\r\n", 1)[0]

    @property
    def method(self) -> str:
        """Of a request, or of the one that is answered."""
        return self.header("CSeq").partition(" ")[2]

    @property
    def status(self) -> int | None:
        """Of a response, None for a request."""
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/2.0 ") else None

    def header(self, name: str) -> str:
        """The first header of that name, empty where there is none."""
        found = re.search(rf"^{re.escape(name)}[ \t]*:[ \t]*([^\r\n]*)", self.text, re.IGNORECASE | re.MULTILINE)
        return found[1] if found else ""


@dataclass(slots=True)
class Call:
    """One call as the far end saw it.

    Attributes:
        sip_call_id: by which its messages are told from those of others.
        attempt: our identifier, from the INVITE.
        number: that was called.
        asked_at: when the first INVITE came.
        codes: the responses to the INVITE, in order, each once.
        acks: how many ACKs came.
        cancelled: a CANCEL came.
        hung_up_by: `caller` or `callee`, the first that sent a BYE; None where nobody did.
        bye_answered: a BYE had its 200.
        messages: all of them.
    """

    sip_call_id: str
    attempt: str
    number: str
    asked_at: float
    codes: list[int] = field(default_factory=list)
    acks: int = 0
    cancelled: bool = False
    hung_up_by: str | None = None
    bye_answered: bool = False
    messages: list[Message] = field(default_factory=list)

    @property
    def final(self) -> int | None:
        """The final response, None where there was none."""
        return next((code for code in self.codes if code >= 200), None)

    @property
    def answered(self) -> bool:
        """Whether the far end picked up."""
        return 200 in self.codes

    @property
    def is_over(self) -> bool:
        """Refused and acknowledged, or hung up and confirmed."""
        return self.bye_answered if self.answered else self.final is not None and self.acks > 0

    def see(self, message: Message) -> None:
        """Take its next message."""
        self.messages.append(message)
        match message.method, message.status:
            case "INVITE", int(code) if code not in self.codes:
                self.codes.append(code)
            case "ACK", None:
                self.acks += 1
            case "CANCEL", None:
                self.cancelled = True
            case "BYE", None:
                self.hung_up_by = self.hung_up_by or ("caller" if message.received else "callee")
            case "BYE", 200:
                self.bye_answered = True


class MessageLog:
    """SIPp's message log, which is read on from where it ended the last time.

    Args:
        path: of the file, which may not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_to = 0
        self._calls: dict[str, Call] = {}

    def calls(self) -> list[Call]:
        """The calls up to now, in the order of their first INVITEs: one sent again, or with a digest, is no new one."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read_to)
                for message in self._whole(file.read()):
                    self._take(message)
        return list(self._calls.values())

    def _whole(self, text: bytes) -> Iterator[Message]:
        """The messages that have been written to their end."""
        place = start = 0
        while head := HEAD.search(text, place):
            place = head.end() + int(head["bytes"])
            if place > len(text):
                break
            start = place
            yield Message(_unix_time(head["at"].decode()), head["way"] == b"received", _text(text[head.end() : place]))
        self._read_to += start

    def _take(self, message: Message) -> None:
        """See it as one of its call's."""
        key = message.header("Call-ID")
        if key not in self._calls and message.method == "INVITE" and message.received:
            number = re.match(r"INVITE sips?:([^@;> ]+)", message.start)
            self._calls[key] = Call(key, message.header(ATTEMPT), number[1] if number else "", message.at)
        if key in self._calls:
            self._calls[key].see(message)


def _unix_time(local: str) -> float:
    return datetime.strptime(local, "%Y-%m-%d %H:%M:%S.%f").astimezone().timestamp()


def _text(message: bytes) -> str:
    return message.decode(errors="replace")

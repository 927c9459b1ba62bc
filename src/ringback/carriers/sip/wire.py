"""What the SIP messages of a dial tell beyond the stack's events, and what is needed to end it without the stack."""

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from ringback.carriers.sip.message import first, headers_of, tag_of

ATTEMPT_HEADER = "X-Ringback-Attempt"
"""On every INVITE: by it a dial can be looked up at the far end."""

FORGOTTEN = 5_000
"""Of so many dials that are over messages may still come: the stack repeats an INVITE for 32 s (RFC 3261, 17.1.1.2)."""

# each begins with the newline before a header: `^` would be tried at every character
_CALL_ID = re.compile(r"\n(?:Call-ID|i)[ \t]*:[ \t]*(\S+)", re.IGNORECASE)
_CSEQ = re.compile(r"\nCSeq[ \t]*:[ \t]*(\d{1,10})[ \t]+(\w+)", re.IGNORECASE)
_TAGGED_TO = re.compile(r"\n(?:To|t)[ \t]*:[^\r\n]*;[ \t]*tag=", re.IGNORECASE)
_Q850 = re.compile(
    r"\nReason[ \t]*:[^\r\n]*?Q\.850[ \t]*;(?:[^,\r\n]*;)?[ \t]*cause[ \t]*=[ \t]*(\d{1,3})", re.IGNORECASE
)
_RETRY_AFTER = re.compile(r"\nRetry-After[ \t]*:", re.IGNORECASE)
_SECRETS = re.compile(r"(\n(?:Proxy-)?Authorization[ \t]*:)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*", re.IGNORECASE)
_KEYS = re.compile(r"(\n(?:a=crypto:.*?inline:|k=))[^\r\n]*", re.IGNORECASE)
_STATUS = re.compile(r"SIP/2\.0 ([1-6]\d\d)(?!\d)")
_BRANCH = re.compile(r";[ \t]*branch[ \t]*=[ \t]*([^\s;,]+)", re.IGNORECASE)


@dataclass(slots=True)
class Noted:
    """What was seen of one dial.

    Attributes:
        invite: the last INVITE that was sent, secrets masked.
        number: its CSeq; one that is sent anew, with a password, has the next one.
        branch: of its transaction, which every response to it repeats (RFC 3261, section 17.1.3).
        accepted: the first 2xx to it, empty before that; it made the dialog that the stack is in.
        final: the last final response to it, None before that.
        responded: whether any response came, to any INVITE of the dial.
        alerted: whether one was a 180 to 189, which tell of a phone, or of somebody who looks for one.
        taken: whether one came to the last INVITE, which can be cancelled from then on (RFC 3261, section 9.1).
        retry_after: whether a final response said when to try again.
        q850: the cause in the Reason header of the final response, None where there is none.
        parted: whether our BYE was answered, or the far end has said BYE itself.
    """

    invite: str = ""
    number: int = 0
    branch: str = ""
    accepted: str = ""
    final: int | None = None
    responded: bool = False
    alerted: bool = False
    taken: bool = False
    retry_after: bool = False
    q850: int | None = None
    parted: bool = False

    def tells_all(self, code: int | None) -> bool:
        """Whether no message can tell more of a dial that closed with this code; one of silence has nothing to tell."""
        return self.final is not None and code in {None, self.final} if self.responded else code is None


@dataclass(frozen=True, slots=True)
class Seen:
    """One message, and whose it is.

    Attributes:
        sip_call_id: of the dial.
        sent: by us.
        text: it, secrets masked.
        weighty: it is needed to end the dial without the stack.
        again: it is a 2xx after the first one, which the stack leaves unanswered.
        anew: it is an INVITE that was not sent before; nobody has taken it yet.
        takes: it is a response to the last INVITE.
        late: it is the first response of all, or a 2xx, and the dial is over.
    """

    sip_call_id: str
    sent: bool
    text: str
    weighty: bool
    again: bool = False
    anew: bool = False
    takes: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class Leaving:
    """A dial that is over here, and whose far end has not said yet that it knows.

    Attributes:
        since: when it was over, Unix time.
        noted: what is needed to tell it again.
        late: whether it has said something after that, of which the stack knows nothing.
    """

    since: float
    noted: Noted
    late: bool = False


@dataclass(slots=True)
class Wires:
    """The dials of a worker by Call-ID; those that are left, apart.

    It is written on the stack's log thread and read on the loop: no step leaves it inconsistent in between.
    """

    noted: dict[str, Noted] = field(default_factory=dict)
    leaving: dict[str, Leaving] = field(default_factory=dict)
    _followers: dict[str, Callable[[Seen], None]] = field(default_factory=dict)
    _forgotten: OrderedDict[str, Leaving | None] = field(default_factory=OrderedDict)

    def note(self, sent: bool, text: str) -> Seen | None:
        """Take one message; None for one of no dial of ours, and for one that tells nobody anything new."""
        call_id, cseq = _CALL_ID.search(text), _CSEQ.search(text)
        if call_id is None or cseq is None:
            return None
        key, number, method = call_id[1], int(cseq[1]), cseq[2].upper()
        status = _STATUS.match(text)
        if sent and status is None and method == "INVITE" and not _TAGGED_TO.search(text):
            return self._invited(key, number, mask(text))
        noted = self.noted.get(key)
        if noted is None:
            return None if sent else self._note_late(key, number, method, int(status[1]) if status else 0, text)
        if not sent and method == "BYE" and (status is not None or _says_goodbye(noted, text)):
            noted.parted = True
        if sent or status is None or method != "INVITE" or number != noted.number or _branch(text) != noted.branch:
            return None
        code, again, taken = int(status[1]), bool(noted.accepted), noted.taken
        accepted = _note_response(noted, code, text)
        if taken and code < 200:
            return None
        return Seen(key, sent, mask(text), weighty=accepted and not again, again=accepted and again, takes=True)

    def follow(self, sip_call_id: str, see: Callable[[Seen], None]) -> None:
        """Have somebody told of the messages of a dial; first, what was seen before it was known whose they are."""
        self._followers[sip_call_id] = see
        if noted := self.noted.get(sip_call_id):
            see(Seen(sip_call_id, True, noted.invite, weighty=True, anew=True))
            if noted.taken:
                see(Seen(sip_call_id, False, noted.accepted, weighty=bool(noted.accepted), takes=True))

    def pass_on(self, seen: Seen) -> None:
        """Tell whoever follows the dial."""
        if see := self._followers.get(seen.sip_call_id):
            see(seen)

    def leave(self, sip_call_id: str, now: float, *, hung_up: bool) -> None:
        """Drop what is known of a dial that is over; if we have hung up, once its far end says that it knows.

        Of one without a final response the INVITE is kept: it may still be on its way, or be accepted after all.
        """
        noted = self.noted.get(sip_call_id)
        if noted is not None and hung_up and _is_on(noted):
            self.leaving[sip_call_id] = Leaving(now, noted)
        self.forget(sip_call_id)
        if noted is not None and noted.final is None:
            self._forgotten[sip_call_id] = Leaving(now, noted)
        if noted is not None and not _is_on(noted):  # the other thread was told of it just now
            self.leaving.pop(sip_call_id, None)

    def _note_late(self, key: str, number: int, method: str, code: int, text: str) -> Seen | None:
        """What comes to a dial that is over: who is on the line, or lets a phone ring, has to be told.

        The code is 0 for a request.
        """
        left = self.leaving.get(key) or self._forgotten.get(key)
        if left is None:
            return None
        noted = left.noted
        if method == "BYE" and (code >= 200 or (not code and _says_goodbye(noted, text))):
            self.leaving.pop(key, None)
        if not code or method != "INVITE" or number != noted.number or _branch(text) != noted.branch:
            return None
        if noted.final is not None or (noted.responded and code < 200):
            return None
        _note_response(noted, code, text)
        if not _is_on(noted):
            self.leaving.pop(key, None)
            return None
        self.leaving[key] = Leaving(left.since, noted, late=True)
        return Seen(key, sent=False, text="", weighty=False, late=True)

    def forget(self, sip_call_id: str) -> None:
        """Drop what is known of a dial."""
        self._followers.pop(sip_call_id, None)
        self.noted.pop(sip_call_id, None)
        self._forgotten[sip_call_id] = None
        while len(self._forgotten) > FORGOTTEN:
            self._forgotten.popitem(last=False)

    def _invited(self, key: str, number: int, text: str) -> Seen | None:
        if key in self._forgotten:
            return None
        noted = self.noted.setdefault(key, Noted())
        noted.invite = text
        noted.branch = _branch(text)
        anew = number != noted.number
        if anew:  # what was said to the one before is not the end of this one
            noted.number, noted.taken = number, False
            noted.final, noted.retry_after, noted.q850 = None, False, None
        return Seen(key, True, text, weighty=True, anew=anew)


def mask(text: str) -> str:
    """A SIP message without its credentials and keys."""
    return _KEYS.sub(r"\1(masked)", _SECRETS.sub(r"\1 (masked)", text))


def is_fork(accepted: str, again: str) -> bool:
    """Whether a further 2xx made a dialog of its own: another phone was picked up as well (RFC 3261, 13.2.2.4)."""
    return _far_tag(accepted) != _far_tag(again)


def _is_on(noted: Noted) -> bool:
    """Whether somebody may be on the line, or a phone ring."""
    return not noted.parted and bool(noted.accepted or (noted.responded and noted.final is None))


def _says_goodbye(noted: Noted, text: str) -> bool:
    """Whether a BYE of theirs is of the dialog that the stack is in; another phone may have been picked up as well."""
    return bool(noted.accepted) and tag_of(first(headers_of(text), "from")) == _far_tag(noted.accepted)


def _branch(text: str) -> str:
    """That of the first Via."""
    found = _BRANCH.search(text)
    return found[1] if found else ""


def _far_tag(response: str) -> str:
    return tag_of(first(headers_of(response), "to"))


def _note_response(noted: Noted, status: int, text: str) -> bool:
    noted.responded = noted.taken = True
    noted.alerted = noted.alerted or 180 <= status < 190
    if status < 200:
        return False
    noted.retry_after = bool(_RETRY_AFTER.search(text))
    noted.q850 = int(cause[1]) if (cause := _Q850.search(text)) else None
    noted.final = status  # the last of all: the loop reads the others once it is there
    if status < 300:
        noted.accepted = noted.accepted or text
        return True
    return False

"""What a test call over a trunk shows of the trunk, and what to change: the one table, by outcome.

docs/carriers.md has it too; a test holds both equal.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address

from ringback.carriers.sip.protocol import Closed
from ringback.carriers.sip.settings import SipSettings

DROPPED_SEC = 1.0
"""Who hangs up so soon after the answer has not talked."""


class Level(StrEnum):
    """What it says of the trunk."""

    WORKS = "works"
    CHECK = "check"
    FAILS = "fails"


@dataclass(frozen=True, slots=True)
class Advice:
    """One piece of it.

    Attributes:
        level: what it says of the trunk.
        what: what is so.
        remedy: what to change, empty where there is nothing.
    """

    level: Level
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a test call came to.

    Attributes:
        settings: the trunk's.
        closed: how it ended, None where it was not dialled.
        refused: why it was not dialled, else empty.
        rang: the far end alerted.
        answered: it picked up.
        heard: what came back was not all silence.
        interrupted: the one who tests gave it up.
        options_fault: why the trunk did not answer OPTIONS; empty where it did, None where it is not asked.
        wants_srtp: the far end says that media must be encrypted.
        media_host: the address that we offered for our media, empty where we offered none.
        far_media_host: the one that the far end gave for its own.
        talked_sec: from the answer to the end.
        unregistered: the code with which REGISTER was refused, None where it was not.
    """

    settings: SipSettings
    closed: Closed | None = None
    refused: str = ""
    rang: bool = False
    answered: bool = False
    heard: bool = False
    interrupted: bool = False
    options_fault: str | None = None
    wants_srtp: bool = False
    media_host: str = ""
    far_media_host: str = ""
    talked_sec: float = 0.0
    unregistered: int | None = None

    @property
    def code(self) -> int | None:
        """The final response, of REGISTER where it came to nothing more."""
        return self.unregistered if self.closed is None else self.closed.sip_code

    @property
    def words(self) -> str:
        """Of the stack, where there is no code."""
        return self.refused if self.closed is None else self.closed.text


def _works(what: str, remedy: str = "") -> Advice:
    return Advice(Level.WORKS, what, remedy)


def _check(what: str, remedy: str) -> Advice:
    return Advice(Level.CHECK, what, remedy)


def _fails(what: str, remedy: str) -> Advice:
    return Advice(Level.FAILS, what, remedy)


_FORM = (
    "Ringback dials E.164 with its plus, as `+14155550100`: have the far end take that, or rewrite it there (a rule "
    "of its dial plan); try the same number from a phone on that route"
)
_CALLER = (
    "give a caller number that the far end lets you show, by `--from` for a try and then by `from_number` or the "
    "campaign's own; where the trunk is trusted by its address, have it know this machine's"
)
_CODECS = "offer in `codecs` what the far end has: `pcmu` and `pcma` are had by nearly all"
_ASK = "ask whoever runs the far end, with the Call-ID and the time of this call"
_THEIRS = f"nothing on this side: {_ASK}"
_LATER = f"try again later; if it stays so, {_ASK}"
_IDENTITY = (
    "the far end wants caller numbers that are signed (STIR/SHAKEN, RFC 8224): have the carrier sign them, or a "
    "session border controller before it"
)

CODES: Mapping[int, Advice] = {
    301: _check("moved for good: the number has changed", "dial the new one, which Contact names"),
    302: _check(
        "to be had elsewhere, and the trunk does not follow",
        "set `follow_redirects`, or make the address in Contact the trunk's `host`",
    ),
    305: _fails("to be reached through a proxy only", "set `outbound_proxy` to the address in Contact"),
    401: _fails("user or password are not taken", "compare `username` and `password` with what the far end has"),
    402: _fails("the account is not paid for", "pay, or ask whoever runs the far end"),
    403: _fails("this call is refused: for its caller number, its destination, or the address it comes from", _CALLER),
    404: _check("the far end does not know the number", _FORM),
    405: _fails("the far end takes no calls at this address", "see that `host` and `port` are those for calls"),
    406: _fails("no codec in common", _CODECS),
    407: _fails("user or password are not taken", "compare `username` and `password` with what the far end has"),
    408: _check("the far end had no answer in time from where it sent the call", _LATER),
    410: _check("the number is gone for good", "try another number"),
    413: _fails("the message is too long for the far end", "set `transport` to `tcp`, and offer fewer `codecs`"),
    415: _fails("no codec in common", _CODECS),
    416: _fails("the far end does not take `sip:` addresses here", "set `transport` to `tls`, or ask who runs it"),
    420: _fails("the far end demands an extension that Ringback does not have", _THEIRS),
    421: _fails(
        "the far end demands an extension that Ringback does not have",
        "have it switched off for this trunk: session timers (`timer`) and reliable ringing (`100rel`) are the usual "
        "ones",
    ),
    422: _fails("the far end demands session timers (RFC 4028)", "have them switched off for this trunk"),
    428: _fails("the caller number is not signed", _IDENTITY),
    429: _fails("too many dials", "lower the trunk's `dials_per_sec`"),
    433: _fails(
        "the call shows no caller number", "set `from_number`, and `asserted_identity` where the far end wants it"
    ),
    436: _fails("the signature of the caller number is not taken", _IDENTITY),
    437: _fails("the signature of the caller number is not taken", _IDENTITY),
    438: _fails("the signature of the caller number is not taken", _IDENTITY),
    480: _works("the person cannot be reached at present"),
    481: _fails("the far end lost the call", _LATER),
    482: _fails(
        "the call goes round in a loop", "see that `host` or `outbound_proxy` do not lead back to where it came from"
    ),
    483: _fails(
        "the call goes round in a loop", "see that `host` or `outbound_proxy` do not lead back to where it came from"
    ),
    484: _check("digits are missing, says the far end", _FORM),
    485: _check("the number is of several people, says the far end", _FORM),
    486: _works("the person is busy"),
    487: _check("given up on the way, and not by us", _LATER),
    488: _fails(
        "media are not taken: no codec in common, or only one side encrypts them (SRTP)",
        f"{_CODECS}; and set `srtp` as the far end wants it",
    ),
    491: _check("the far end was not ready", _LATER),
    501: _fails("the far end takes no calls at this address", "see that `host` and `port` are those for calls"),
    502: _fails("the far end's own route failed", _LATER),
    503: _fails(
        "the far end is out of service, or has no channel free",
        "see that no more calls are up than were bought, and lower `max_concurrent_calls` or `dials_per_sec`; else "
        "try later",
    ),
    504: _fails("the far end had no answer from its own route", _LATER),
    505: _fails("the far end is not one for SIP 2.0", "see that `host` and `port` are those for calls"),
    513: _fails("the message is too long for the far end", "set `transport` to `tcp`, and offer fewer `codecs`"),
    600: _works("the person is busy"),
    603: _works(
        "declined, by the person or by a filter on the way",
        "where it is so for everybody, the caller number is blocked: try another by `--from`",
    ),
    604: _check("no such number anywhere, says the far end", _FORM),
    606: _fails(
        "media are not taken: no codec in common, or only one side encrypts them (SRTP)",
        f"{_CODECS}; and set `srtp` as the far end wants it",
    ),
    607: _works("unwanted, says the person called", "do not call this number again"),
    608: _check(
        "taken for unwanted by a filter on the way", "have the caller number's standing looked into (RFC 8688)"
    ),
}
"""By final code."""

CLASSES: Mapping[int, Advice] = {
    3: _check("to be had elsewhere", "see what Contact names"),
    4: _fails("refused by the far end", "see its Reason and Warning above, and ask whoever runs it"),
    5: _fails("the far end failed", _LATER),
    6: _check("refused for all places where the person may be", "see its Reason and Warning above"),
}
"""The others, by their first digit."""


@dataclass(frozen=True, slots=True)
class Case:
    """An outcome that the code alone does not tell.

    Attributes:
        holds: whether it is so.
        advice: what it means.
    """

    holds: Callable[[Facts], bool]
    advice: Advice


def _says(*words: str) -> Callable[[Facts], bool]:
    """Whether the stack says so of a dial without a code."""
    return lambda facts: facts.code is None and any(word in facts.words for word in words)


def _is_silent(facts: Facts) -> bool:
    return facts.closed is not None and facts.closed.silent and facts.code is None


def _rang_out(facts: Facts) -> bool:
    return facts.closed is not None and facts.closed.ours == "ring_timeout" and not facts.answered


def _is_without_media(facts: Facts) -> bool:
    return facts.answered and facts.closed is not None and facts.closed.rtp_received == 0


def _was_dropped(facts: Facts) -> bool:
    return facts.answered and facts.closed is not None and not facts.closed.ours and facts.talked_sec < DROPPED_SEC


def _offers_private(facts: Facts) -> bool:
    return _is_private(facts.media_host) and bool(facts.far_media_host) and not _is_private(facts.far_media_host)


def _is_private(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return False


FIRST: tuple[Case, ...] = (
    Case(lambda facts: facts.interrupted, _check("given up by you", "let it run to its end to learn more")),
    Case(
        lambda facts: facts.wants_srtp and not facts.answered and not facts.settings.srtp,
        _fails(
            "the far end demands encrypted media (SRTP), which the trunk does not offer",
            "set `srtp` to true, and `transport` to `tls`, for the keys are in the signalling",
        ),
    ),
    Case(
        lambda facts: facts.code in (401, 407) and facts.settings.password is None,
        _fails(
            "the far end asks for a user and a password, and the trunk has none",
            "set `username` and `password`, or have the far end trust this machine's address",
        ),
    ),
    Case(
        _says("Destination address required"),
        _fails(
            "no server is found by the name of the host",
            "see that `host` (or `outbound_proxy`) is right, and that DNS knows it here: names of /etc/hosts do not "
            "count",
        ),
    ),
    Case(
        _says("Connection refused"),
        _fails(
            "nobody listens at that port",
            "see that the far end runs, and that `host`, `port` and `transport` are its own",
        ),
    ),
    Case(
        lambda facts: facts.settings.transport == "tls" and _says("Protocol error")(facts),
        _fails(
            "TLS failed: most often the far end's certificate is not one that is trusted here",
            "set `ca_file` to the authority that signed it, and `host` to the name that it is for; or it is no TLS "
            "port",
        ),
    ),
    Case(
        _says("no local address", "Network is unreachable", "No route to host"),
        _fails(
            "there is no way from this machine to the far end",
            "see `net_interface`, which must be an interface or an address here that leads there, and this machine's "
            "routes",
        ),
    ),
    Case(
        lambda facts: facts.closed is None and facts.settings.register and facts.unregistered is None,
        _fails(
            "registering had no answer, so nothing was dialled",
            "see `host`, `port`, `transport` and `outbound_proxy`, and the firewalls between; where the far end "
            "trusts this machine's address, set `register` to false",
        ),
    ),
    Case(
        lambda facts: facts.closed is None and facts.unregistered not in (None, 401, 407),
        _fails(
            "registering was refused, so nothing was dialled",
            "compare `username`, `password` and `from_domain` with what the far end has; where it trusts this "
            "machine's address, set `register` to false",
        ),
    ),
    Case(
        lambda facts: facts.closed is None and facts.unregistered is None,
        _fails("it was not dialled, or not to its end", "mend what is named above, and try again"),
    ),
    Case(
        lambda facts: _is_silent(facts) and facts.options_fault == "",
        _fails(
            "the far end answers OPTIONS, and nothing to the call",
            "have it know this machine's address: many far ends drop calls from others without a word; an INVITE is "
            "longer than OPTIONS, so over UDP see too that no firewall drops fragments, or set `transport` to `tcp`",
        ),
    ),
    Case(
        lambda facts: _is_silent(facts) and facts.settings.transport == "udp",
        _fails(
            "the far end answers nothing at all",
            "see `host` and `port`, and that UDP passes the firewalls both ways; many far ends drop without a word "
            "what comes from an address that they do not know: have them know this machine's",
        ),
    ),
    Case(
        _is_silent,
        _fails(
            "the connection came to nothing",
            "see `host`, `port` and `transport`, and that TCP passes the firewalls; the far end may close "
            "connections from addresses that it does not know: have it know this machine's",
        ),
    ),
    Case(
        lambda facts: _rang_out(facts) and facts.rang,
        _works("it rang, and nobody picked up within `ring_timeout_sec`"),
    ),
    Case(
        lambda facts: _rang_out(facts) and facts.code in (None, 408, 487),
        _check(
            "the far end took the call, and no phone rang within `ring_timeout_sec`",
            "raise `ring_timeout_sec`, as some routes take 10 s and more until it rings; else " + _ASK,
        ),
    ),
    Case(
        _was_dropped,
        _check(
            "answered, and hung up at once by the far end",
            "see its Reason above; a far end that takes the call and finds no media in common does so, and one whose "
            "dial plan has nothing for the number",
        ),
    ),
    Case(
        lambda facts: facts.answered and facts.closed is not None and facts.closed.rtp_sent == 0,
        _fails(
            "answered, and no media went out",
            "see that the range from `media_port_low` to `media_port_high` is free, and that the far end's SDP above "
            "names an address that can be reached from here",
        ),
    ),
    Case(
        lambda facts: _is_without_media(facts) and _offers_private(facts),
        _fails(
            "answered, and no media came in: the far end was told to send it to an address of a private network",
            "set `media_address` to the public address, where NAT leads all of it here (1:1); else have the far end "
            "send its media to where ours comes from (symmetric RTP, `comedia`), give this machine a public address, "
            "or put a session border controller beside it",
        ),
    ),
    Case(
        _is_without_media,
        _fails(
            "answered, and no media came in",
            "let UDP from `media_port_low` to `media_port_high` through to this machine, and see that the address in "
            "our SDP above is one that the far end reaches; it is `media_address`, else that of `net_interface`",
        ),
    ),
    Case(
        lambda facts: facts.answered and not facts.heard,
        _check(
            "answered, and what came in was silence",
            "speak while the test call is up; if it stays silent, the far end has media one way only: see the "
            "firewalls on its side, and that no phone there is muted or on hold",
        ),
    ),
    Case(
        lambda facts: facts.answered,
        _works(
            "answered, with media both ways",
            "if the person heard no tone, media from here did not arrive: see the firewalls on the far end's side",
        ),
    ),
)
"""Looked at from the top, before the code; the first that holds is taken."""

BESIDE: tuple[Case, ...] = (
    Case(
        lambda facts: bool(facts.options_fault) and (facts.closed is None or facts.closed.silent),
        _fails("OPTIONS had no answer either", "campaigns wait until it has one: their calls are not lost"),
    ),
    Case(
        lambda facts: bool(facts.options_fault),
        _fails(
            "the far end takes calls, and does not answer OPTIONS: campaigns would take the trunk for dead and wait",
            "have it answer OPTIONS with any status, or set `options_sec` to 0",
        ),
    ),
)
"""Said besides."""


def advise(facts: Facts) -> Iterator[Advice]:
    """What to make of a test call, the most important first."""
    found = next((case.advice for case in FIRST if case.holds(facts)), None)
    yield found or of_code(facts.code or 0)
    beside = next((case.advice for case in BESIDE if case.holds(facts)), None)
    if beside is not None:
        yield beside


def of_code(code: int) -> Advice:
    """What a final code that is not success says."""
    return CODES.get(code) or CLASSES.get(code // 100) or _fails("the far end broke off without a final answer", _LATER)

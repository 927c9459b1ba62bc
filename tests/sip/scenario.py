"""The far end as a SIPp scenario: it reads in the last four digits of the called number how to behave.

tests/sip/numbers.py names the digits. SIPp takes no variable in a status line, so every final code has a message of its
own. They stand in a row, and the one that is wanted is jumped to by its place in it. They are short, as all else is in
one variable: SIPp reads no scenario of more than 64 KiB.
"""

from dataclasses import dataclass
from enum import IntEnum

from tests.sip.numbers import Manner, Way

CODES = range(300, 700)
CHALLENGES = {
    401: 'WWW-Authenticate: Digest realm="far end", nonce="1f", algorithm=MD5',
    407: 'Proxy-Authenticate: Digest realm="far end", nonce="1f", algorithm=MD5',
}
CSEQ = '<ereg regexp="[0-9]+ INVITE" search_in="hdr" header="CSeq:" assign_to="cseq"/>'
LONGEST = 65_536
"""Bytes of a scenario at most."""
FIRST, SECOND = "a", "b"
"""The To tags: of the only place that rings, and of the second where a call forks."""


class Stage(IntEnum):
    """How far a call is, for what comes when the scenario waits for something else."""

    OPEN = 0
    REFUSED = 1
    ANSWERED = 2
    HUNG_UP = 3


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take at the far end, in milliseconds.

    Attributes:
        ring: from the 180 or 183 to what follows.
        talk: from the ACK to the BYE of somebody who hangs up after a while.
        linger: how long a call that is over answers what is sent again.
    """

    ring: int = 300
    talk: int = 1_200
    linger: int = 5_000


def scenario(pace: Pace = Pace()) -> str:
    """The XML of the scenario."""
    before = _begin()
    steps = [*before, *_finals(), *_refuse(pace, _messages(before)), *_behave(pace), *_answer(pace), *_end(pace)]
    text = '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="far end">\n' + "\n".join(steps) + "\n</scenario>\n"
    assert len(text) < LONGEST, len(text)
    return text


def refusing(code: int) -> str:
    """The XML of a far end that refuses whoever is called, before anything rings."""
    line = ("[last_Via:]", "[last_From:]", "[last_Call-ID:]", "[last_CSeq:]")
    steps = [
        '<recv request="OPTIONS" optional="true" next="health"/>',
        '<recv request="INVITE"/>',
        _send("SIP/2.0 100 Trying", "[last_To:]", *line),
        _send(f"SIP/2.0 {code} No", "[last_To:];tag=[pid]-[call_number]", *line, again=True),
        '<recv request="ACK" next="over"/>',
        *_at("health", _answer_other()),
        *_at("over", '<timewait milliseconds="2000"/>'),
    ]
    return '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="no">\n' + "\n".join(steps) + "\n</scenario>\n"


def _begin() -> list[str]:
    """Take the request, and tell what is wanted."""
    return [
        '<recv request="OPTIONS" optional="true" next="health"/>',
        f'<recv request="INVITE" rrs="true"><action>{"".join(_read())}</action></recv>',
        # `last_` is the request itself only now; a CANCEL and an ACK that come through a proxy have other Vias.
        _do(
            _assign("vias", "[last_Via:]"),
            _assign("reason", "X-No-Reason"),
            _assign("retry", "X-No-Retry"),
            _assign("target", "0200"),
            _assign("tag", FIRST),
            _set("stage", Stage.OPEN),
        ),
        # SIPp refuses a variable that is named only once.
        f'<Reference variables="0,{_way(Way.PLAIN)},{_is(Manner.ANSWERS)}"/>',
        *_at("behave", _go("manners", test="is_manner")),
        _go("ways"),
    ]


def _read() -> list[str]:
    """The actions on the INVITE: digits, headers, and the tests on them."""
    return [
        '<ereg regexp="INVITE sip:([^@]*)([0-9])([0-9]{3})@" search_in="msg" assign_to="0,who,way_text,code_text"/>',
        '<ereg regexp="([0-9]{4})@" search_in="msg" assign_to="0,last"/>',
        '<ereg regexp="sip:[+]?1?[0-9]{4}0?([1-9]?[0-9])[0-9]{4}@" search_in="msg" assign_to="0,cause"/>',
        '<ereg regexp="&lt;.*" search_in="hdr" header="From:" assign_to="caller"/>',
        '<ereg regexp="&lt;.*" search_in="hdr" header="To:" assign_to="called"/>',
        CSEQ,
        '<todouble assign_to="way" variable="way_text"/>',
        '<todouble assign_to="code" variable="code_text"/>',
        '<todouble assign_to="four" variable="last"/>',
        '<test assign_to="is_manner" variable="four" compare="less_than" value="300"/>',
        *[_equal(_is(manner), "four", int(manner)) for manner in Manner],
        *[_equal(_way(way), "way", way) for way in Way],
    ]


def _finals() -> list[str]:
    """The final codes in a row. A jump follows the `next` of the message before its goal, so that has none."""
    return [step for code in CODES for step in ("<nop/>", _final(code))]


def _final(code: int) -> str:
    """One final code."""
    headers = []
    if code < 400:
        headers.append("Contact: <sip:[$who][$target]@[local_ip]:[local_port];transport=[transport]>")
    if code in CHALLENGES:
        headers.append(CHALLENGES[code])
    if code == 422:
        headers.append("Min-SE: 1800")  # RFC 4028, section 5
    lines = "\n".join([f"SIP/2.0 {code} No", *headers, "[$rest]"])
    return f'<send retrans="500" next="refused"><![CDATA[\n{lines}\n\n]]></send>'


REST = (
    "[$vias]",
    "[last_From:]",
    "To: [$called];tag=[pid]-[call_number]-[$tag]",
    "[last_Call-ID:]",
    "CSeq: [$cseq]",
    "[$reason]: Q.850;cause=[$cause]",
    "[$retry]: 30",
    "Content-Length: 0",
)


def _refuse(pace: Pace, first: int) -> list[str]:
    """What comes before a final code; the first two messages of theirs are `first` and the next."""
    return [
        *_at("ways", _go("final", test=_way(Way.BARE))),
        _answer_invite("100 Trying"),
        _go("caused", test=_way(Way.CAUSE)),
        _go("later", test=_way(Way.RETRY_AFTER)),
        _go("both", test=_way(Way.CAUSE_RETRY_AFTER)),
        _go("rung", test=_way(Way.RUNG)),
        _go("rung_caused", test=_way(Way.RUNG_CAUSE)),
        _go("early", test=_way(Way.EARLY_MEDIA)),
        _go("loop", test=_way(Way.LOOP)),
        _go("final"),
        *_at("rung_caused", _do(_assign("reason", "Reason"))),
        *_at("rung", _answer_invite("180 Ringing"), _wait(pace.ring, "final")),
        *_at("early", _answer_invite("183 Session Progress", sdp=True), _wait(pace.ring, "final")),
        *_at("both", _do(_assign("retry", "Retry-After"))),
        *_at("caused", _do(_assign("reason", "Reason")), _go("final")),
        *_at("later", _do(_assign("retry", "Retry-After")), _go("final")),
        *_at("loop", _do(_assign("target", "[$last]")), _go("final")),
        *_at("busy", _do(_set("code", 486))),
        *_at(
            "final",
            _do(
                f'<subtract assign_to="code" value="{CODES.start}"/>',
                '<multiply assign_to="code" value="2"/>',
                f'<add assign_to="code" value="{first + 1}"/>',
            ),
        ),
        *_at("refuse", _do(_assign("rest", "\n".join(REST)), _set("stage", Stage.REFUSED), '<jump variable="code"/>')),
    ]


def _behave(pace: Pace) -> list[str]:
    """The ways of those who do not refuse, up to the answer."""
    first = [
        _go("silent", test=_is(Manner.SILENT)),
        _go("answer", test=_is(Manner.ANSWERS_AT_ONCE)),
        _go("challenge_401", test=_is(Manner.CHALLENGES_THEN_RINGS)),
        _go("challenge_407", test=_is(Manner.CHALLENGES_THEN_ANSWERS)),
        _answer_invite("100 Trying"),
        _go("until_cancel", test=_is(Manner.TRIES)),
        _go("answer", test=_is(Manner.ANSWERS_UNALERTED)),
        _go("early_busy", test=_is(Manner.EARLY_MEDIA_THEN_BUSY)),
        _go("early_answer", test=_is(Manner.EARLY_MEDIA_THEN_ANSWERS)),
        *_at("ring", _answer_invite("180 Ringing")),
        _go("until_cancel", test=_is(Manner.RINGS)),
        _go("silent", test=_is(Manner.RINGS_ON)),
        _go("glare", test=_is(Manner.GLARE)),
        _go("cancel_only", test=_is(Manner.RINGS_UNTIL_CANCELLED_ONLY)),
        _go("fork", test=_is(Manner.FORKS)),
        _go("fork_twice", test=_is(Manner.FORKS_TWICE)),
        _wait(pace.ring, "answer"),
    ]
    return [
        *_at("manners", *first),
        *_challenge(401, "ring_on"),
        *_challenge(407, "ring"),
        *_at("early_busy", _answer_invite("183 Session Progress", sdp=True), _wait(pace.ring, "busy")),
        *_at("early_answer", _answer_invite("183 Session Progress", sdp=True), _wait(pace.ring, "answer")),
        *_at("fork", _do(_assign("tag", SECOND)), _answer_invite("180 Ringing"), _wait(pace.ring, "answer")),
        *_at("fork_twice", _do(_assign("tag", SECOND)), _answer_invite("180 Ringing"), _do(_assign("tag", FIRST))),
        _wait(pace.ring, "answer_both"),
        *_at("ring_on", _answer_invite("180 Ringing"), _go("until_cancel")),
        *_at("cancel_only", '<recv request="CANCEL"/>', _answer_other(), _go("silent")),
        *_at("until_cancel", '<recv request="CANCEL"/>'),
        *_at("cancelled", _stage(Stage.REFUSED), _answer_other()),
        _answer_invite("487 Request Terminated", again=True),
        _go("refused"),
    ]


def _challenge(code: int, then: str) -> list[str]:
    """Ask for a digest, which is not looked at: it has a CSeq of its own, and the same Call-ID."""
    return [
        *_at(f"challenge_{code}", _answer_invite(f"{code} Who", CHALLENGES[code], again=True)),
        '<recv request="ACK"/>',
        f'<recv request="INVITE"><action>{CSEQ}</action></recv>',
        _do(_assign("vias", "[last_Via:]")),
        _go(then),
    ]


def _answer(pace: Pace) -> list[str]:
    """From the 200 to whoever hangs up."""
    ok = _answer_invite("200 OK", sdp=True)
    ok_again = _answer_invite("200 OK", sdp=True, again=True)
    return [
        *_at("answer", _stage(Stage.ANSWERED), _go("loses", test=_is(Manner.LOSES_THE_ACK)), ok_again),
        # A BYE may overtake the ACK.
        *_at("until_ack", '<recv request="BYE" optional="true" next="bye_came"/>', '<recv request="ACK"/>'),
        *_at("acknowledged", _go("until_bye", test=_is(Manner.STAYS))),
        _go("silent", test=_is(Manner.DEAF)),
        _go("hang_up", test=_is(Manner.DROPS)),
        _pause(pace.talk, "hang_up"),
        *_at("hang_up", _stage(Stage.HUNG_UP), _bye()),
        *_at("bye_sent", '<recv request="BYE" optional="true" next="bye_came"/>'),
        '<recv response="200" next="over"/>',
        # SIPp takes no notice of an ACK that is the same to the letter, so the others need not be seen to have come.
        *_at("loses", ok, '<recv request="ACK"/>', ok, *_ack_within(pace.ring, "loses_again")),
        *_at("loses_again", ok, *_ack_within(pace.ring, "acknowledged")),
        *_at("answer_both", _stage(Stage.ANSWERED), ok_again, '<recv request="ACK"/>', _do(_assign("tag", SECOND)), ok),
        *['<recv request="ACK" optional="true"/>', '<recv request="BYE"/>', _answer_other(), _go("until_bye")],
        # The caller sends ACK and BYE in one go, so its CANCEL, which is older, is answered from memory.
        *_at("glare", '<recv request="CANCEL"/>', _do(_assign("cancel", "[last_CSeq:]")), _stage(Stage.ANSWERED)),
        *[ok_again, '<recv request="ACK"/>', '<recv request="BYE"/>', _answer_other("[$cancel]"), _go("bye_came")],
    ]


def _end(pace: Pace) -> list[str]:
    """The ends of all ways, and what came at a time when the scenario waits for something else."""
    return [
        *_at("health", _answer_other(), _go("over")),
        *_at("until_bye", '<recv request="BYE"/>'),
        *_at("bye_came", _stage(Stage.HUNG_UP), _answer_other(), _go("over")),
        *_at("refused", '<recv request="ACK" next="over"/>'),
        *_at("silent", '<recv request=".*" regexp_match="true" timeout="60000" ontimeout="over" next="silent"/>'),
        *_unexpected(),
        *_at("over", f'<timewait milliseconds="{pace.linger}"/>'),
    ]


def _unexpected() -> list[str]:
    """Where SIPp goes with what the scenario does not wait for: sent again, or crossing something else.

    It may be sent here anew while it is here: what it was looking at is lost then, as on a bad line.
    """
    here = [_set("_unexp.retaddr", 0), *_stages()]
    late_cancel = _on("CANCEL", "cancel_late")
    return [
        *_at("_unexp.main", _do(*here), *[_go(f"came_{stage.name}", test=f"at_{stage.name}") for stage in Stage]),
        # SIPp knows a request that is sent again by its every letter, and not every caller keeps to that.
        *_at("came_OPEN", _on("INVITE", "behave"), _on("CANCEL", "cancelled"), _on(".*", "until_cancel")),
        *_at("came_REFUSED", _on("INVITE", "again", CSEQ), _on("ACK", "over"), late_cancel, _on(".*", "refused")),
        *_at("came_ANSWERED", _on("BYE", "bye_came"), _on("ACK", "acknowledged"), late_cancel, _on(".*", "until_ack")),
        *_at("came_HUNG_UP", _on("BYE", "bye_came"), late_cancel, _on(".*", "bye_sent")),
        '<recv response="481" optional="true" next="over"/>',
        '<recv response="200" next="over"/>',
        *_at("again", _do(_assign("vias", "[last_Via:]")), _go("refuse")),
        *_at("cancel_late", _answer_other(), _do(*_stages())),
        *[_go(label, test=f"at_{stage.name}") for stage, label in RETURNS.items()],
    ]


def _stages() -> list[str]:
    """Tests for each stage."""
    return [_equal(f"at_{stage.name}", "stage", stage) for stage in Stage]


RETURNS = {Stage.REFUSED: "refused", Stage.ANSWERED: "until_ack", Stage.HUNG_UP: "bye_sent"}
"""What is waited for at each stage, once a late CANCEL was answered."""


def _wait(milliseconds: int, then: str) -> str:
    """Let time pass, unless a CANCEL comes first."""
    return f'<recv request="CANCEL" timeout="{milliseconds}" ontimeout="{then}" next="cancelled"/>'


def _pause(milliseconds: int, then: str) -> str:
    """Let time pass, unless a BYE comes first."""
    return f'<recv request="BYE" timeout="{milliseconds}" ontimeout="{then}" next="bye_came"/>'


def _ack_within(milliseconds: int, then: str) -> list[str]:
    """An ACK, or time that passes in place of it."""
    return [
        f'<recv request="BYE" optional="true" timeout="{milliseconds}" ontimeout="{then}" next="bye_came"/>',
        f'<recv request="ACK" timeout="{milliseconds}" ontimeout="{then}" next="{then}"/>',
    ]


def _on(request: str, then: str, action: str = "") -> str:
    """Where to go with a request that was not waited for."""
    matching = ' regexp_match="true"' if request == ".*" else ""
    return f'<recv request="{request}"{matching} optional="true" next="{then}"><action>{action}</action></recv>'


def _answer_invite(status: str, *headers: str, sdp: bool = False, again: bool = False) -> str:
    """A response to the INVITE; `again` sends it until it is acknowledged."""
    tag = "" if status.startswith("100") else ";tag=[pid]-[call_number]-[$tag]"
    return _send(
        f"SIP/2.0 {status}",
        "[$vias]",
        "[last_Record-Route:]",
        "[last_From:]",
        f"To: [$called]{tag}",
        "[last_Call-ID:]",
        "CSeq: [$cseq]",
        "Contact: <sip:[local_ip]:[local_port];transport=[transport]>",
        *headers,
        sdp=sdp,
        again=again,
    )


def _answer_other(cseq: str = "[last_CSeq:]") -> str:
    """200 to what is not an INVITE."""
    return _send("SIP/2.0 200 OK", "[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", cseq)


def _bye() -> str:
    """The far end hangs up."""
    return _send(
        "BYE [next_url] SIP/2.0",
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
        "From: [$called];tag=[pid]-[call_number]-[$tag]",
        "To: [$caller]",
        "[last_Call-ID:]",
        "CSeq: 1 BYE",
        "Max-Forwards: 70",
        "[routes]",
        again=True,
    )


def _send(*lines: str, sdp: bool = False, again: bool = False) -> str:
    """A message."""
    body = ["Content-Type: application/sdp", "Content-Length: [len]", "", *SDP] if sdp else ["Content-Length: 0", ""]
    retrans = ' retrans="500"' if again else ""  # RFC 3261, section 17.1.1.1: T1
    return f"<send{retrans}><![CDATA[\n" + "\n".join([*lines, *body]) + "\n]]></send>"


SDP = (
    "v=0",
    "o=far 1 1 IN IP[local_ip_type] [local_ip]",
    "s=-",
    "c=IN IP[media_ip_type] [media_ip]",
    "t=0 0",
    "m=audio [media_port] RTP/AVP 0 8 101",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-15",
    "a=ptime:20",
)


def _at(label: str, *steps: str) -> list[str]:
    """Steps that are gone to by a name."""
    return [f'<label id="{label}"/>', *steps]


def _go(label: str, test: str | None = None) -> str:
    """Go on elsewhere, where a test holds."""
    return f'<nop next="{label}"/>' if test is None else f'<nop next="{label}" test="{test}"/>'


def _do(*actions: str) -> str:
    """Actions without a message."""
    return f"<nop><action>{''.join(actions)}</action></nop>"


def _messages(steps: list[str]) -> int:
    """How many of the steps SIPp counts, when it jumps."""
    return sum(not step.startswith(("<label", "<Reference")) for step in steps)


def _assign(name: str, text: str) -> str:
    """Give a variable a text."""
    return f'<assignstr assign_to="{name}" value="{text}"/>'


def _set(name: str, value: int) -> str:
    """Give a variable a number."""
    return f'<assign assign_to="{name}" value="{value}"/>'


def _stage(stage: Stage) -> str:
    """From here on the call is so far."""
    return _do(_set("stage", stage))


def _equal(name: str, variable: str, value: int) -> str:
    """A test on a number."""
    return f'<test assign_to="{name}" variable="{variable}" compare="equal" value="{value}"/>'


def _way(way: Way) -> str:
    """The test for a first digit."""
    return f"is_0_{way}"


def _is(manner: Manner) -> str:
    """The test for four digits."""
    return f"is_{manner.name}"

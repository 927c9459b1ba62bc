import pytest
from tests.sip.told import ACCEPTED, INVITE, message, response

from ringback.carriers.sip.ladder import Ladder, demands_srtp, host_of, media_of

OFFER = "\r\n".join(
    [
        "v=0",
        "o=- 1 1 IN IP4 192.0.2.9",
        "s=-",
        "c=IN IP4 192.0.2.9",
        "t=0 0",
        "m=audio 16384 RTP/AVP 0 8 9 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=sendrecv",
        "",
    ]
)


def ladder_of(*messages):
    """A ladder of (sent, text), a tenth of a second apart."""
    ladder = Ladder()
    for number, (sent, text) in enumerate(messages):
        ladder.add(1000 + number / 10, sent, text)
    return ladder


def line(rung):
    """What is shown of a message."""
    return ("-->" if rung.sent else "<--", rung.what, rung.cseq, rung.media, rung.remark, rung.again)


def test_a_refused_dial_in_lines():
    """Each message with its way, what it is, its number, its media and its reason."""
    ladder = ladder_of(
        (True, INVITE.replace("Content-Length: 0", f"Content-Length: {len(OFFER)}") + OFFER),
        (False, response("100 Trying", tag="")),
        (False, response("486 Busy Here", 'Reason: Q.850;cause=17;text="User busy"')),
        (True, message("ACK sip:x SIP/2.0", "Call-ID: abc@ours", "CSeq: 41 ACK")),
    )
    assert [line(rung) for rung in ladder.rungs] == [
        ("-->", "INVITE", "41 INVITE", "audio 192.0.2.9:16384 RTP/AVP PCMU PCMA G722 telephone-event", "", False),
        ("<--", "100 Trying", "41 INVITE", "", "", False),
        ("<--", "486 Busy Here", "41 INVITE", "", 'Reason: Q.850;cause=17;text="User busy"', False),
        ("-->", "ACK", "41 ACK", "", "", False),
    ]
    assert [rung.status for rung in ladder.rungs] == [None, 100, 486, None]


def test_what_comes_again_is_told_from_what_is_new():
    """A repeated INVITE is the same, though its SDP counts on; one with a password is another; so are two forks."""
    ladder = ladder_of(
        (True, INVITE),
        (True, INVITE + "v=0\r\n"),
        (False, response("180 Ringing", tag="one")),
        (False, response("180 Ringing", tag="two")),
        (False, response("180 Ringing", tag="one")),
        (True, INVITE.replace("41 INVITE", "42 INVITE").replace("z9hG4bK77", "z9hG4bK78")),
    )
    assert [rung.again for rung in ladder.rungs] == [False, True, False, False, True, False]


def test_times_count_from_the_invite():
    """What came before it, as a REGISTER does, is before it."""
    register = message("REGISTER sip:x SIP/2.0", "Call-ID: r", "CSeq: 1 REGISTER")
    assert ladder_of((True, register), (True, INVITE), (True, INVITE)).began_at == 1000.1
    assert ladder_of((True, register), (False, register)).began_at == 1000
    assert Ladder().began_at == 0


@pytest.mark.parametrize("text", ["\r\n\r\n", "", "x", "SIP/2.0 200 OK\r\n\r\n"])
def test_what_is_no_message_is_left_out(text):
    """A keep-alive, and rubbish."""
    assert Ladder().add(1, False, text) is None


ACK = (True, message("ACK sip:x SIP/2.0", "CSeq: 41 ACK"))
BYE = (True, message("BYE sip:x SIP/2.0", "CSeq: 42 BYE"))
THEIR_BYE = (False, message("BYE sip:x SIP/2.0", "CSeq: 1 BYE"))
BUSY = (False, response("486 Busy Here"))


@pytest.mark.parametrize(
    ("messages", "whole"),
    [
        ([], True),
        ([(True, INVITE)], False),
        ([(True, INVITE), (False, response("180 Ringing"))], False),
        ([(True, INVITE), BUSY], False),
        ([(True, INVITE), BUSY, ACK], True),
        ([(True, INVITE), (False, ACCEPTED), ACK], False),
        ([(True, INVITE), (False, ACCEPTED), ACK, BYE], False),
        ([(True, INVITE), (False, ACCEPTED), ACK, BYE, (False, response("200 OK", cseq="42 BYE"))], True),
        ([(True, INVITE), (False, ACCEPTED), ACK, THEIR_BYE], False),
        ([(True, INVITE), (False, ACCEPTED), ACK, THEIR_BYE, (True, response("200 OK", cseq="1 BYE"))], True),
        ([(True, INVITE), BUSY, ACK, (True, INVITE.replace("41 INVITE", "42 INVITE"))], False),
    ],
    ids=[
        *("nothing", "no answer", "ringing", "refused", "refused and confirmed", "answered", "BYE", "BYE answered"),
        *("their BYE", "their BYE answered", "once more with a password"),
    ],
)
def test_it_is_known_what_is_still_to_come(messages, whole):
    """All is answered, what ended the INVITE is confirmed, and what was accepted is ended by a BYE."""
    assert ladder_of(*messages).is_whole() is whole


OURS = "audio 192.0.2.9:16384 RTP/AVP PCMU PCMA G722 telephone-event"
OF_IPV6 = "v=0\r\nm=audio 4000 RTP/SAVP 96 98\r\nc=IN IP6 2001:db8::1\r\na=rtpmap:96 opus/48000/2\r\n"
OF_TWO = "c=IN IP4 192.0.2.1\nm=audio 0 RTP/AVP 8\nm=video 5000 RTP/AVP 99\nc=IN IP4 192.0.2.2\n"


@pytest.mark.parametrize(
    ("sdp", "shown", "host"),
    [
        ("", "", ""),
        ("v=0\r\ns=-\r\n", "", ""),
        (OFFER, OURS, "192.0.2.9"),
        (OFFER.replace("\r\n", "\n"), OURS, "192.0.2.9"),
        (OFFER.replace("sendrecv", "inactive"), f"{OURS} inactive", "192.0.2.9"),
        (OF_IPV6, "audio [2001:db8::1]:4000 RTP/SAVP opus 98", "2001:db8::1"),
        (OF_TWO, "audio 192.0.2.1:0 RTP/AVP PCMA; video 192.0.2.2:5000 RTP/AVP 99", "192.0.2.1"),
        ("m=audio", "audio :", ""),
    ],
    ids=["none", "no media", "offer", "bare line ends", "inactive", "SRTP over IPv6", "two streams", "broken"],
)
def test_media_in_a_line(sdp, shown, host):
    """Address and port, profile, codecs by name, and the direction where it is not both."""
    assert media_of(sdp).rstrip() == shown
    assert host_of(media_of(sdp)) == host


@pytest.mark.parametrize(
    ("text", "demanded"),
    [
        (response("488 Not Acceptable Here"), False),
        (response("488 Not Acceptable Here", 'Warning: 399 pbx "SRTP required"'), True),
        (response("606 Not Acceptable", body="m=audio 0 RTP/SAVP 0\r\na=crypto:1 x\r\n"), True),
        (response("603 Encryption needed"), True),
        (response("200 OK", body="v=0\r\nm=audio 4000 RTP/SAVP 0\r\n"), True),
        (response("200 OK", body="v=0\r\nm=audio 4000 RTP/AVP 0\r\na=crypto-less\r\n"), False),
    ],
)
def test_a_demand_for_srtp_is_seen(text, demanded):
    """In a Warning, in the words of a refusal, or in the far end's own SDP."""
    assert demands_srtp(ladder_of((True, INVITE), (False, text)).rungs) is demanded


def test_an_offer_of_ours_demands_nothing():
    """Only the far end can."""
    assert not demands_srtp(ladder_of((True, INVITE + "m=audio 1 RTP/SAVP 0\r\n")).rungs)


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        (response("302 Moved", "Contact: <sip:other@h>"), "Contact: <sip:other@h>"),
        (response("200 OK", "Contact: <sip:other@h>"), ""),
        (response("503 Full", "Retry-After: 30", "Warning: 399 x"), "Warning: 399 x; Retry-After: 30"),
        (message("BYE sip:x SIP/2.0", "CSeq: 2 BYE", "Reason: SIP;cause=200"), "Reason: SIP;cause=200"),
    ],
)
def test_what_says_why_is_shown(text, remark):
    """Reason, Warning, Retry-After, and where a redirect points."""
    assert ladder_of((False, text)).rungs[0].remark == remark

import pytest
from tests.sip.told import ACCEPTED, INVITE, message, response

from ringback.carriers.sip.wire import FORGOTTEN, Wires, is_fork, mask

KEY = "abc@ours"


@pytest.fixture
def wires():
    """With one dial that was sent."""
    wires = Wires()
    wires.note(True, INVITE)
    return wires


def test_an_invite_is_kept_and_weighs(wires):
    """It is what a CANCEL or a BYE is made of, should the worker die; a repeated one is the same dial."""
    seen = wires.note(True, INVITE)
    assert (seen.sip_call_id, seen.sent, seen.weighty, seen.text) == (KEY, True, True, INVITE)
    assert wires.noted[KEY].invite == INVITE
    assert not wires.noted[KEY].responded


@pytest.mark.parametrize(
    ("status", "final"), [("100 Trying", None), ("180 Ringing", None), ("486 Busy Here", 486), ("200 OK", 200)]
)
def test_a_response_is_noted(wires, status, final):
    """Any of them says that the far end is there, and a final one how it ended."""
    seen = wires.note(False, response(status))
    assert wires.noted[KEY].responded
    assert wires.noted[KEY].final == final
    assert seen.weighty == (final == 200)
    assert not wires.noted[KEY].retry_after


def test_names_of_headers_may_be_short(wires):
    """A far end may write i for Call-ID and t for To, in any case and with blanks (RFC 3261, 7.3.3)."""
    text = response("503 Full", "retry-after : 30").replace("Call-ID:", "i  :").replace("To:", "t:")
    assert wires.note(False, text).sip_call_id == KEY
    assert wires.noted[KEY].final == 503
    assert wires.noted[KEY].retry_after


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (False, response("200 OK", cseq="41 CANCEL")),
        (False, response("200 OK", cseq="42 BYE")),
        (True, message("ACK sip:room@198.51.100.7 SIP/2.0", "Call-ID: abc@ours", "CSeq: 41 ACK")),
        (
            False,
            message("INVITE sip:us@192.0.2.9 SIP/2.0", "To: <sip:us>;tag=ours", "Call-ID: abc@ours", "CSeq: 7 INVITE"),
        ),
        (True, message("SIP/2.0 200 OK", "To: <sip:us>;tag=ours", "Call-ID: abc@ours", "CSeq: 7 INVITE")),
        (False, response("486 Busy Here").replace("branch=", "branch=not")),
        (False, response("4860 Busier")),
    ],
    ids=["200 of CANCEL", "200 of BYE", "our ACK", "their re-INVITE", "our 200 to it", "of another branch", "no code"],
)
def test_what_is_no_response_to_the_invite_decides_nothing(wires, sent, text):
    """It is of the dial, and says nothing of how it ended: nobody need be told."""
    assert wires.note(sent, text) is None
    assert wires.noted[KEY].final is None
    assert not wires.noted[KEY].accepted


@pytest.mark.parametrize(
    "text",
    [
        message("REGISTER sip:192.0.2.1 SIP/2.0", "Call-ID: other", "CSeq: 1 REGISTER"),
        response("486 Busy Here").replace("abc@ours", "stranger"),
        message("INVITE sip:x SIP/2.0", "CSeq: 1 INVITE"),
        "\r\n\r\n",
        "",
    ],
    ids=["REGISTER", "of another dial", "without Call-ID", "keep-alive", "nothing"],
)
def test_what_is_of_no_dial_is_left_alone(wires, text):
    """Nothing is kept of it."""
    assert wires.note(False, text) is None
    assert wires.note(True, text) is None
    assert set(wires.noted) == {KEY}


def test_the_refusal_of_the_invite_without_a_password_is_not_that_of_the_one_with_it(wires):
    """After 401 the INVITE goes out anew, and rings until our time-out: 401 is not its outcome, late or not."""
    wires.note(False, response("401 Unauthorized"))
    assert wires.noted[KEY].final == 401
    wires.note(True, INVITE.replace("CSeq: 41", "CSeq: 42"))
    assert wires.noted[KEY].final is None
    wires.note(False, response("401 Unauthorized"))  # repeated, as our ACK was lost
    assert wires.noted[KEY].final is None
    wires.note(False, response("487 Request Terminated", cseq="42 INVITE"))
    assert wires.noted[KEY].final == 487


def test_only_what_is_new_is_told(wires):
    """The first response to an INVITE takes it, so that it can be cancelled from then on; a 2xx is told in any case."""
    assert wires.note(False, response("100 Trying")).takes
    assert wires.note(False, response("180 Ringing")) is None
    repeated = wires.note(True, INVITE)
    assert (repeated.anew, repeated.weighty) == (False, True)
    assert wires.note(False, response("200 OK")).weighty
    anew = wires.note(True, INVITE.replace("CSeq: 41", "CSeq: 42"))
    assert anew.anew
    assert not wires.noted[KEY].taken
    assert wires.noted[KEY].responded


def test_the_first_2xx_made_the_dialog(wires):
    """One that comes again, or of another phone, is told apart: the stack answers neither."""
    first = wires.note(False, ACCEPTED)
    assert (first.weighty, first.again) == (True, False)
    again = wires.note(False, ACCEPTED)
    assert (again.weighty, again.again) == (False, True)
    assert not is_fork(wires.noted[KEY].accepted, again.text)
    other = wires.note(False, ACCEPTED.replace("tag=theirs", "tag=second").replace("room@", "hall@"))
    assert other.again
    assert is_fork(wires.noted[KEY].accepted, other.text)
    assert wires.noted[KEY].accepted == ACCEPTED


def test_forks_that_ring_are_one_dial(wires):
    """Two 180s of two phones, and a 200 of the second: that is the dialog."""
    wires.note(False, response("180 Ringing", tag="one"))
    wires.note(False, response("180 Ringing", tag="two"))
    seen = wires.note(False, response("200 OK", tag="two"))
    assert (seen.weighty, seen.again) == (True, False)
    assert "tag=two" in wires.noted[KEY].accepted


def test_a_dial_that_is_over_is_not_kept_again(wires):
    """The stack goes on with an INVITE that nobody answers for half a minute after we gave it up."""
    wires.forget(KEY)
    assert wires.note(True, INVITE) is None
    assert wires.note(False, response("486 Busy Here")) is None
    assert not wires.noted
    wires.forget("never was")


def test_what_is_over_does_not_pile_up():
    """Of so many dials at most it is known that they are over."""
    wires = Wires()
    for number in range(FORGOTTEN + 10):
        wires.forget(str(number))
    assert len(wires._forgotten) == FORGOTTEN
    assert wires.note(True, INVITE.replace(KEY, str(FORGOTTEN + 9))) is None
    assert wires.note(True, INVITE.replace(KEY, "0")) is not None


@pytest.mark.parametrize(
    "secret",
    [
        'Authorization: Digest username="u", response="SECRET"',
        'Proxy-Authorization: Digest username="u", response="SECRET"',
        'proxy-authorization : Digest username="u",\r\n response="SECRET",\r\n\tnonce="SECRET"',
        "AUTHORIZATION:SECRET",
    ],
)
def test_credentials_are_masked(secret):
    """Whoever gets a message to see does not see them, on however many lines they stand."""
    text = message("INVITE sip:x SIP/2.0", "Call-ID: a", secret, "CSeq: 1 INVITE")
    shown = mask(text)
    assert "SECRET" not in shown
    assert "(masked)" in shown
    assert shown.endswith("CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("line", ["a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET|2^20|1:32", "k=base64:SECRET"])
def test_keys_of_media_are_masked(line):
    """An SDP may hold them in the clear (RFC 4568); the suite stays to be read."""
    shown = mask(
        message("SIP/2.0 200 OK", "CSeq: 1 INVITE", body=f"v=0\r\nm=audio 4000 RTP/SAVP 0\r\n{line}\r\na=x\r\n")
    )
    assert "SECRET" not in shown
    assert shown.endswith("(masked)\r\na=x\r\n")


def test_what_is_noted_is_masked(wires):
    """Nothing leaves with a password's digest in it, not even what is kept."""
    text = INVITE.replace("CSeq:", 'Authorization: Digest response="SECRET"\r\nCSeq:')
    assert "SECRET" not in wires.note(True, text).text
    assert "SECRET" not in wires.noted[KEY].invite


def test_a_challenge_is_shown():
    """It is the far end's, no secret, and tells which realm is asked for."""
    text = response("401 Unauthorized", 'WWW-Authenticate: Digest realm="pbx", nonce="1"')
    assert mask(text) == text

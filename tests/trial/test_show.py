from uuid import UUID

import pytest
from tests.sip.told import INVITE, message, response
from whenever import Instant

from ringback.carriers.carrier import Ended
from ringback.carriers.sip.advice import Facts
from ringback.carriers.sip.ladder import Ladder
from ringback.carriers.sip.protocol import Closed
from ringback.carriers.sip.settings import parse_settings
from ringback.domain.outcome import EndReason
from ringback.trial.dial import Result, unregistered
from ringback.trial.find import Found
from ringback.trial.show import LivePrinter, as_json, outcome_lines, plain, whereto, works

HOST = parse_settings({"host": "192.0.2.1", "username": "u", "password": "hush", "register": True})
MAIN = Found("trk_1", "main", "sip", {})
REGISTER = message("REGISTER sip:x SIP/2.0", "Call-ID: r", "CSeq: 1 REGISTER")
BUSY = Ended(
    UUID(int=1), Instant.from_timestamp(1), EndReason.USER_BUSY, ring_sec=3, sip_code=486, details={"q850": 17}
)


def result(ended=None, rungs=(), **facts):
    """What a test call came to."""
    return Result(Facts(HOST, **facts), ended, tuple(rungs), 1000.0)


def refused(status, **more):
    """A REGISTER and what was said to it."""
    ladder = Ladder()
    ladder.add(999.5, True, REGISTER)
    ladder.add(999.9, False, message(f"SIP/2.0 {status}", "Call-ID: r", "CSeq: 1 REGISTER"))
    return ladder


def test_what_came_before_the_invite_waits_for_it():
    """So that all times count from the INVITE."""
    said, ladder = [], refused("200 OK")
    printer = LivePrinter(said.append, whole=False)
    for rung in ladder.rungs:
        printer.take(rung)
    assert said == []
    printer.take(ladder.add(1000.0, True, INVITE))
    printer.take(ladder.add(1000.25, False, response("486 Busy Here")))
    assert [line.split(maxsplit=4)[:4] for line in said] == [
        ["-500", "ms", "-->", "REGISTER"],
        ["-100", "ms", "<--", "200"],
        ["0", "ms", "-->", "INVITE"],
        ["250", "ms", "<--", "486"],
    ]


def test_without_an_invite_the_rest_is_printed_at_the_end():
    """Counted from the first message."""
    said, ladder = [], refused("403 No")
    printer = LivePrinter(said.append, whole=False)
    for rung in ladder.rungs:
        printer.take(rung)
    printer.flush(ladder.began_at)
    assert [line.split()[0] for line in said] == ["0", "400"]
    printer.flush(ladder.began_at)
    assert len(said) == 2


def test_whole_messages_stand_below_their_lines():
    """Line by line, an empty one for an empty one, and nothing that a terminal would obey."""
    said, ladder = [], Ladder()
    printer = LivePrinter(said.append, whole=True)
    printer.take(ladder.add(1000.0, True, INVITE.replace("Call-ID: abc", "Call-ID: \x1b[2Jabc")))
    assert said[1].strip().startswith("INVITE sip:+14155552671@192.0.2.1:5060")
    assert any(line.strip() == "Call-ID: \\x1b[2Jabc@ours" for line in said)
    assert not any("\x1b" in line for line in said)


def test_an_outcome_in_lines():
    """Status, reason, code, cause, times; the Call-ID for who runs the far end; the advice last."""
    closed = Closed(UUID(int=1), 1.0, sip_code=486, q850=17, sip_call_id="abc@ours")
    assert list(outcome_lines(result(BUSY, closed=closed, options_fault=""))) == [
        "outcome   busy (user_busy), SIP 486, Q.850 17, 3 s of ringing, 0 s connected",
        "Call-ID   abc@ours",
        "OPTIONS   answered",
        "works     the person is busy",
    ]


def test_a_dial_that_never_was():
    """Why, what to change, and that it fails."""
    came = result(refused="registration failed: 403 No", unregistered=403, options_fault="refused")
    lines = list(outcome_lines(came))
    assert lines[:2] == ["outcome   not dialled: registration failed: 403 No", "OPTIONS   refused"]
    assert lines[2] == "fails     registering was refused, so nothing was dialled"
    assert not works(came)
    told = as_json(MAIN, "+14155552671", None, came, whole=False)
    assert (told["outcome"], told["refused"], told["works"]) == (None, "registration failed: 403 No", False)
    assert "hush" not in str(told)


def test_what_the_stack_said_stands_in_for_a_code():
    """In quotes, as they are its own words."""
    closed = Closed(UUID(int=1), 1.0, text="Connection refused [111]", silent=True)
    failed = Ended(UUID(int=1), Instant.from_timestamp(1), EndReason.NETWORK_FAILURE)
    assert next(outcome_lines(result(failed, closed=closed))) == (
        'outcome   failed (network_failure), "Connection refused [111]"'
    )


@pytest.mark.parametrize(
    ("statuses", "code"), [(["200 OK"], None), (["403 No"], 403), (["100 Trying"], None), ([], None)]
)
def test_a_refused_register_is_seen(statuses, code):
    """By the last final response to one."""
    assert unregistered([rung for status in statuses for rung in refused(status).rungs]) == code


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"host": "sip.example.com"}, "sip.example.com over udp"),
        ({"host": "2001:db8::1", "port": 5070, "transport": "tcp"}, "[2001:db8::1]:5070 over tcp"),
        ({"host": "h.example", "outbound_proxy": "sbc.example:5080"}, "h.example by sbc.example:5080 over udp"),
    ],
)
def test_where_a_trunk_leads(given, shown):
    """Host, port, proxy, transport."""
    assert whereto(parse_settings(given)) == shown


def test_a_far_ends_words_command_no_terminal():
    """Controls are shown as what they are; letters of any language stay."""
    assert plain("B\u00fcsy \u4eba") == "B\u00fcsy \u4eba"
    assert plain("\x1b]0;x\x07") == "\\x1b]0;x\\x07"

import re
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from ringback.carriers.sip.advice import BESIDE, CLASSES, CODES, FIRST, Facts, Level, advise, of_code
from ringback.carriers.sip.protocol import Closed
from ringback.carriers.sip.settings import SipSettings, parse_settings

PAGE = (Path(__file__).parents[2] / "docs" / "carriers.md").read_text(encoding="utf-8")
UDP = SipSettings("192.0.2.1")
TCP, TLS = replace(UDP, transport="tcp"), replace(UDP, transport="tls")
USER = parse_settings({"host": "h", "username": "u", "password": "p"})
REGISTERED = replace(UDP, register=True)


def closed(**said) -> Closed:
    """How a dial ended."""
    return Closed(UUID(int=1), 0.0, **said)


def facts(**what) -> Facts:
    """Of a test call."""
    return Facts(what.pop("settings", UDP), **what)


def talked(**more) -> Facts:
    """One that was answered, with media both ways."""
    ended = closed(sip_code=200, ours="agent", rtp_sent=100, rtp_received=more.pop("received", 100))
    return facts(**{"closed": ended, "answered": True, "heard": True, "talked_sec": 2.0, **more})


SILENT = closed(silent=True, text="Connection timed out [110]")
TABLE = [
    (facts(closed=closed(sip_code=401)), "fails", "and the trunk has none"),
    (facts(closed=closed(sip_code=407)), "fails", "and the trunk has none"),
    (facts(closed=closed(sip_code=401), settings=USER), "fails", "are not taken"),
    (facts(closed=closed(sip_code=403)), "fails", "for its caller number, its destination"),
    (facts(closed=closed(sip_code=404)), "check", "does not know the number"),
    (facts(closed=closed(sip_code=408)), "check", "no answer in time"),
    (facts(closed=closed(sip_code=480)), "works", "cannot be reached"),
    (facts(closed=closed(sip_code=486)), "works", "busy"),
    (facts(closed=closed(sip_code=488)), "fails", "no codec in common, or only one side encrypts"),
    (facts(closed=closed(sip_code=488), wants_srtp=True), "fails", "demands encrypted media"),
    (facts(closed=closed(sip_code=606), wants_srtp=True), "fails", "demands encrypted media"),
    (facts(closed=closed(sip_code=302)), "check", "does not follow"),
    (facts(closed=closed(sip_code=399)), "check", "elsewhere"),
    (facts(closed=closed(sip_code=499)), "fails", "refused by the far end"),
    (facts(closed=closed(sip_code=503)), "fails", "out of service"),
    (facts(closed=closed(sip_code=599)), "fails", "the far end failed"),
    (facts(closed=closed(sip_code=699)), "check", "refused for all"),
    (facts(closed=SILENT), "fails", "answers nothing at all"),
    (facts(closed=SILENT, options_fault=""), "fails", "answers OPTIONS, and nothing to the call"),
    (facts(closed=SILENT, settings=TCP), "fails", "the connection came to nothing"),
    (facts(closed=closed(silent=True, ours="ring_timeout")), "fails", "answers nothing at all"),
    (facts(closed=closed(silent=True, text="Connection refused [111]"), settings=TCP), "fails", "nobody listens"),
    (facts(closed=closed(silent=True, text="Destination address required [89]")), "fails", "by the name of the host"),
    (facts(closed=closed(silent=True, text="Protocol error [71]"), settings=TLS), "fails", "TLS failed"),
    (facts(closed=closed(silent=True, text="Protocol error [71]"), settings=TCP), "fails", "came to nothing"),
    (facts(closed=closed(silent=True, text="Network is unreachable [101]")), "fails", "no way from this machine"),
    (facts(refused="no local address toward 192.0.2.1"), "fails", "no way from this machine"),
    (facts(refused="its ca_file /x cannot be read"), "fails", "not dialled"),
    (facts(refused="no worker in time", settings=REGISTERED), "fails", "registering had no answer"),
    (facts(refused="it failed", settings=REGISTERED, unregistered=403), "fails", "registering was refused"),
    (facts(refused="it failed", settings=REGISTERED, unregistered=401), "fails", "and the trunk has none"),
    (facts(closed=closed(ours="ring_timeout", sip_code=487), rang=True), "works", "nobody picked up"),
    (facts(closed=closed(ours="ring_timeout", sip_code=487)), "check", "no phone rang"),
    (facts(closed=closed(ours="ring_timeout", sip_code=486)), "works", "busy"),
    (facts(closed=closed(text="Connection timed out [110]")), "fails", "broke off"),
    (facts(closed=closed(sip_code=487, ours="hang_up"), interrupted=True), "check", "given up by you"),
    (talked(), "works", "media both ways"),
    (talked(heard=False), "check", "silence"),
    (talked(received=0, heard=False), "fails", "no media came in"),
    (talked(received=0, media_host="10.0.0.7", far_media_host="8.8.4.4"), "fails", "an address of a private network"),
    (talked(received=0, media_host="10.0.0.7", far_media_host="192.168.1.4"), "fails", "no media came in"),
    (talked(received=0, media_host="10.0.0.7"), "fails", "no media came in"),
    (talked(closed=closed(sip_code=200, ours="agent")), "fails", "no media went out"),
    (talked(closed=closed(sip_code=200), talked_sec=0.2), "check", "hung up at once by the far end"),
    (talked(closed=closed(sip_code=200, rtp_sent=9, rtp_received=9), talked_sec=1.5), "works", "media both ways"),
    (talked(wants_srtp=True), "works", "media both ways"),
]  # fmt: skip


@pytest.mark.parametrize(("happened", "level", "what"), TABLE)
def test_each_outcome_has_its_advice(happened, level, what):
    """The first line says what the call showed; what does not work has a remedy."""
    advice = next(advise(happened))
    assert (advice.level, what in advice.what) == (level, True), advice.what
    assert advice.remedy or level == "works"


@pytest.mark.parametrize(
    ("happened", "what"),
    [
        (facts(closed=closed(sip_code=486), options_fault="no answer"), "campaigns would take the trunk for dead"),
        (facts(closed=SILENT, options_fault="no answer"), "OPTIONS had no answer either"),
        (facts(refused="x", options_fault="no answer"), "OPTIONS had no answer either"),
    ],
)
def test_a_trunk_that_does_not_answer_options_is_told_of(happened, what):
    """A call may pass where campaigns would wait for ever."""
    _, beside = advise(happened)
    assert beside.level is Level.FAILS
    assert what in beside.what


@pytest.mark.parametrize(
    "happened", [facts(closed=closed(sip_code=486)), facts(closed=closed(sip_code=486), options_fault="")]
)
def test_where_options_are_answered_or_not_asked_nothing_is_said_of_them(happened):
    """One piece of advice is enough."""
    assert len(list(advise(happened))) == 1


@pytest.mark.parametrize("code", [0, *range(300, 700), 999])
def test_every_final_code_has_advice(code):
    """By itself or by its class; what fails or is to be looked at says what to do."""
    advice = of_code(code)
    assert advice.what
    assert advice.remedy or advice.level is Level.WORKS


def test_settings_that_are_named_are_there():
    """A remedy tells to change only what can be given, for the trunk or for its caps."""
    known = {*SipSettings.__dataclass_fields__, "max_concurrent_calls", "dials_per_sec"}
    others = {"sip:", "tcp", "tls", "pcmu", "pcma", "timer", "100rel", "comedia", "--from", "+14155550100"}
    every = [*CODES.values(), *CLASSES.values(), *(case.advice for case in (*FIRST, *BESIDE))]
    named = {word for advice in every for word in re.findall(r"`([^`]+)`", f"{advice.what} {advice.remedy}")}
    assert named - others <= known


def test_the_page_has_the_same_advice():
    """docs/carriers.md lists each outcome with what it says of the trunk and what to change, and no other."""
    table = PAGE.partition("### What a test shows")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", table, re.MULTILINE)[1:]
    by_code = [(str(code), advice) for code, advice in CODES.items()]
    by_class = [(f"{first}xx", advice) for first, advice in CLASSES.items()]
    cases = [("", case.advice) for case in (*FIRST, *BESIDE)]
    assert rows == [(code, a.level.value, a.what, a.remedy) for code, a in (*cases, *by_code, *by_class)]

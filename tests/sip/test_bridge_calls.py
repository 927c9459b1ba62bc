"""The bridging agent on real calls: a person and a bot, each behind SIPp or a telephone, and a worker in between."""

import asyncio
import hashlib
import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from tests.carriers.over_sip import QUICK, comes_true, trunk
from tests.sip.dialling import Dialling, dialling, shown
from tests.sip.media import likeness, speech_like
from tests.sip.messages import Call
from tests.sip.numbers import Manner, number, refusal
from tests.sip.phone import phone
from tests.sip.scenario import Pace
from tests.sip.sipp import HOST, Sipp, sipp
from tests.sip.sockets import certificate, tcp

from ringback.carriers.carrier import Agent, Ended
from ringback.carriers.sip.settings import parse_settings
from ringback.domain.outcome import EndReason


@dataclass(frozen=True, slots=True)
class Case:
    """One bridged call, and what is to become of it.

    Attributes:
        name: of the test.
        bot: how the bot behaves.
        error: what is noted, None for nothing.
        person: how the person behaves.
        settings: of the agent, beside its address.
        by_operator: hang up once the bot has answered.
        hung_up_by: who ended it.
        bot_code: the bot's final response, None where it had none.
        bot_hung_up_by: who ended the bot's call, None where it was never up.
        cancelled: whether the bot's call was taken back.
    """

    name: str
    bot: str
    error: str | None
    person: str = Manner.STAYS
    settings: Mapping[str, Any] = field(default_factory=dict)
    by_operator: bool = False
    hung_up_by: str = "agent"
    bot_code: int | None = 200
    bot_hung_up_by: str | None = None
    cancelled: bool = False


KNOWN = {"username": "us", "password": "word"}
STAYING, KILLED, DROPPING = 100, 200, 300
"""Of the calls that are of no case."""

ROUNDS = 12
"""A machine that is held up spoils one round, a fault of ours all of them."""

ECHO_SEC = 0.6
"""What was said last is back within that."""

HASTY = {"ring_timeout_sec": 1}
LATE = "the other end did not answer within 1 s"
CASES = [
    Case("bot hangs up", Manner.ANSWERS, None, bot_hung_up_by="callee"),
    Case("operator hangs up", Manner.STAYS, None, by_operator=True, hung_up_by="operator", bot_hung_up_by="caller"),
    Case(
        "person hangs up while it rings",
        Manner.RINGS,
        None,
        person=Manner.ANSWERS,
        settings={"ring_timeout_sec": 60},
        hung_up_by="user",
        bot_code=487,
        cancelled=True,
    ),
    Case("bot busy", refusal(486), "the other end is busy (SIP 486)", bot_code=486),
    Case("bot away", refusal(480), "the other end did not take the call (SIP 480)", bot_code=480),
    Case("bot never answers", Manner.RINGS, LATE, settings=HASTY, bot_code=487, cancelled=True),
    Case("answer crosses", Manner.GLARE, LATE, settings=HASTY, bot_hung_up_by="caller", cancelled=True),
    Case("bot silent", Manner.SILENT, LATE, settings=HASTY, bot_code=None),
    Case("bot wants a password", Manner.CHALLENGES_THEN_ANSWERS, None, bot_code=407, bot_hung_up_by="callee"),
]


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of a case: as it was told, and at both far ends."""

    ended: Ended
    person: Call
    bot: Call


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of all calls.

    Attributes:
        seen: by case.
        left: a person's call and a bot's that were up when the carrier was closed.
        dropped: the calls to bots whose person hung up at once.
        untrusted: how a call ended whose bot has a certificate that nobody knows.
        untrusted_heard: what that bot was told.
    """

    seen: Mapping[str, Seen]
    left: tuple[Call, Call]
    dropped: list[Call]
    untrusted: Ended
    untrusted_heard: list[str]


@dataclass(frozen=True, slots=True)
class FarEnds:
    """Those of people, and those of bots.

    Attributes:
        people: behind the trunk.
        bots: of the agents.
    """

    people: Sipp
    bots: Sipp

    async def bridge(self, calls: Dialling, serial: int, case: Case) -> UUID:
        """Place the call of a case."""
        uri = f"sip:{number(case.bot, serial)}@{HOST}:{self.bots.port}"
        agent = Agent("sip", {"uri": uri, **case.settings}, {"name": "Ann"})
        return await calls.place(number(case.person, serial), agent)

    async def end(self, calls: Dialling, serial: int, case: Case) -> Seen:
        """Have a case run to its end."""
        attempt = await self.bridge(calls, serial, case)
        if case.by_operator:
            assert await comes_true(lambda: self.bot(case.bot, serial).acks)
            await calls.carrier.hang_up(attempt)
        ended = await calls.ended(attempt)
        return Seen(ended, self.people.call(shown(attempt)), self.bot(case.bot, serial))

    async def drop(self, calls: Dialling, serial: int) -> None:
        """Have a person hang up as soon as they have answered, which may be while their bot is being called."""
        attempt = await self.bridge(calls, serial, Case("", Manner.RINGS, None, person=Manner.DROPS))
        await calls.ended(attempt)

    def look(self) -> bool:
        """Bring the calls that are known up to date."""
        return bool(self.people.calls() and self.bots.calls())

    def bot(self, manner: str, serial: int) -> Call:
        """The call to a bot; one without messages where none has come."""
        wanted = number(manner, serial)
        return next((call for call in self.bots.calls() if call.number == wanted), Call("", "", wanted, 0.0))


@pytest.fixture(scope="module")
def far_ends(tmp_path_factory):
    """SIPp, twice."""
    folder = tmp_path_factory.mktemp("bridge")
    with sipp(folder / "people", pace=QUICK) as people, sipp(folder / "bots", pace=QUICK) as bots:
        yield FarEnds(people, bots)


async def run_all(far_ends: FarEnds, folder: Path) -> Outcome:
    """All cases at once, over a trunk that has a password."""
    async with dialling(trunk(far_ends.people, **KNOWN), folder) as calls:
        async with tcp(lambda _: [], certificate(folder, HOST)[0]) as stranger:
            uri = f"sip:bot@{HOST}:{stranger.port};transport=tls"
            ends = [far_ends.end(calls, serial, case) for serial, case in enumerate(CASES)]
            drops = [far_ends.drop(calls, serial) for serial in range(DROPPING, DROPPING + 5)]
            seen, _, untrusted = await asyncio.gather(
                asyncio.gather(*ends),
                asyncio.gather(*drops),
                calls.end(number(Manner.STAYS, len(CASES)), Agent("sip", {"uri": uri})),
            )
        staying = await far_ends.bridge(calls, STAYING, Case("", Manner.STAYS, None))
        assert await comes_true(lambda: far_ends.bot(Manner.STAYS, STAYING).acks)
    left = far_ends.people.call(shown(staying)), far_ends.bot(Manner.STAYS, STAYING)
    confirmed = [call for each in seen if each.ended.sip_code for call in (each.person, each.bot) if call.codes]
    assert await comes_true(lambda: far_ends.look() and all(call.is_over for call in confirmed))
    by_name = {case.name: each for case, each in zip(CASES, seen, strict=True)}
    dropped = [call for serial in range(DROPPING, DROPPING + 5) if (call := far_ends.bot(Manner.RINGS, serial)).codes]
    await comes_true(lambda: far_ends.look() and all(call.is_over for call in dropped))
    return Outcome(by_name, left, dropped, untrusted, stranger.messages)


@pytest.fixture(scope="module")
def outcome(far_ends, tmp_path_factory) -> Outcome:
    """What became of all of them."""
    return asyncio.run(run_all(far_ends, tmp_path_factory.mktemp("files")))


@pytest.fixture
def seen(outcome) -> Mapping[str, Seen]:
    """By case."""
    return outcome.seen


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
class TestBridge:
    """One call each."""

    def test_it_ends_as_it_must(self, seen, case):
        """Told with who hung up, and what was wrong."""
        ended = seen[case.name].ended
        reason = EndReason.USER_DISCONNECTED if case.hung_up_by == "user" else EndReason.AGENT_DISCONNECTED
        assert (ended.reason, ended.sip_code) == (reason, 200)
        assert (ended.details["hung_up_by"], ended.details.get("agent_error")) == (case.hung_up_by, case.error)

    def test_both_are_hung_up_on(self, seen, case):
        """Nobody is left on a line."""
        person, bot = seen[case.name].person, seen[case.name].bot
        assert person.hung_up_by == ("callee" if case.hung_up_by == "user" else "caller")
        assert (bot.final, bot.hung_up_by, bot.cancelled) == (case.bot_code, case.bot_hung_up_by, case.cancelled)


def test_no_bot_sees_the_password_of_the_trunk(seen):
    """One that asks has a digest of no password at all (RFC 7616), and of another user."""
    messages = seen["bot wants a password"].bot.messages
    asked = next(text for message in messages if (text := message.header("Proxy-Authorization")))
    said = dict(re.findall(r'(\w+)="([^"]*)"', asked))
    user, what = hashed(f"+14155550100:{said['realm']}:"), hashed(f"INVITE:{said['uri']}")
    assert (said["username"], said["response"]) == ("+14155550100", hashed(f"{user}:{said['nonce']}:{what}"))


def hashed(text: str) -> str:
    """As the digest has it."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def test_bot_is_told_of_the_call_and_is_no_attempt(seen):
    """By headers; that of an attempt is on the person's INVITE alone."""
    for each in seen.values():
        assert each.bot.attempt == ""
    both = seen["bot hangs up"]
    invite = both.bot.messages[0]
    names = ("X-Ringback-Bridged-Attempt", "X-Ringback-To", "X-Ringback-From", "X-Ringback-Var-name")
    assert [invite.header(name) for name in names] == [both.person.attempt, both.person.number, "+14155550100", "Ann"]
    assert invite.header("X-Ringback-Call").startswith("call_")


def test_a_worker_that_leaves_hangs_up_on_both(outcome):
    """As for a server that is stopped."""
    assert [call.hung_up_by for call in outcome.left] == ["caller", "caller"]


def test_no_bot_is_left_by_who_hangs_up_at_once(outcome):
    """Whether its call was not there yet, was being made, or rang."""
    assert all(call.is_over for call in outcome.dropped)


def test_a_server_whose_certificate_is_not_known_is_told_nothing(outcome):
    """Whatever the trunk has: this one has UDP."""
    assert outcome.untrusted.details["agent_error"].startswith("the other end could not be reached: ")
    assert outcome.untrusted_heard == []


async def test_a_worker_that_is_killed_leaves_nobody_on_a_line(far_ends, tmp_path):
    """The node hangs up in its place: by BYE where it was answered, by CANCEL where it rang. A call counts as two."""
    cases = [Case("", bot, None, settings={"ring_timeout_sec": 60}) for bot in (Manner.STAYS, Manner.RINGS)]
    async with dialling(trunk(far_ends.people, max_calls_per_worker=5), tmp_path) as calls:
        attempts = [await far_ends.bridge(calls, KILLED, case) for case in cases]
        dialogs = [calls.carrier._up[attempt].dialogs for attempt in attempts]
        # what the node was told of them is seen nowhere else
        assert await comes_true(lambda: all(one.invite for two in dialogs for one in two) and dialogs[0][1].accepted)
        assert await comes_true(calls.carrier.room)
        assert calls.carrier.room() == 1
        calls.workers()[0].kill()
        people = [far_ends.people.call(shown(attempt)) for attempt in attempts]
        staying, ringing = (far_ends.bot(case.bot, KILLED) for case in cases)
        assert await comes_true(lambda: far_ends.look() and all(call.hung_up_by for call in (*people, staying)))
        assert await comes_true(lambda: far_ends.look() and ringing.cancelled)


async def test_what_is_said_and_pressed_is_passed_on(tmp_path):
    """Through a bot that says back what it hears, at another rate and over TCP; then the person hangs up."""
    said = speech_like(1.5)
    bots = sipp(tmp_path / "bots", pace=Pace(ring=700), transport="tcp", formats="9")
    async with AsyncExitStack() as stack:
        person, bot = await stack.enter_async_context(phone()), stack.enter_context(bots)
        named = {"host": HOST, "port": person.port, "net_interface": HOST, "options_sec": 0, "most_workers": 1}
        settings = parse_settings({**named, "codecs": ["pcmu", "g722"]})
        calls = await stack.enter_async_context(dialling(settings, tmp_path))
        uri = f"sip:{number(Manner.STAYS)}@{HOST}:{bot.port};transport=tcp"
        attempt = await calls.place("+14155552671", Agent("sip", {"uri": uri}))
        assert await comes_true(lambda: any(call.acks for call in bot.calls()))
        assert pitches(person.heard()) == {440, 480}
        for _ in range(ROUNDS):
            await person.say((said * 32_767).astype(np.int16).tobytes())
            await asyncio.sleep(ECHO_SEC)
            if (like := likeness(said, person.heard())) >= 0.99:
                break
        assert like >= 0.99
        await person.press("5")
        assert await comes_true(lambda: person.keys == "5")
        person.hang_up()
        ended = await calls.ended(attempt)
        assert await comes_true(lambda: all(call.is_over for call in bot.calls()))
    assert (ended.reason, ended.details["hung_up_by"]) == (EndReason.USER_DISCONNECTED, "user")
    assert ended.details["digits"] == "5"
    assert [call.hung_up_by for call in bot.calls()] == ["caller"]


def pitches(sound) -> set[int]:
    """The two that are loudest, within 5 Hz of a multiple of 10."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 8000))
    first = int(power.argmax())
    power[max(first - 15, 0) : first + 15] = 0
    return {round(each, -1) for each in (first, int(power.argmax()))}

"""What telephone networks do beside answering and being busy, each case against SIPp.

All dials of the table are up together, over trunks that differ in their time-outs; each test looks at one of them.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.carriers.contract import check_end
from tests.carriers.over_sip import LOOK_SEC, QUICK, comes_true, trunk
from tests.sip.numbers import Manner, Way, number, refusal
from tests.sip.scenario import CODES
from tests.sip.sipp import Call, Sipp, free_port, sipp

from ringback import ids
from ringback.carriers.carrier import Answered, CallEvent, Dial, Ended, Ringing
from ringback.carriers.sip.carrier import SipCarrier, open_sip
from ringback.carriers.sip.codes import end_reason
from ringback.clock import SystemClock, seconds
from ringback.domain.outcome import EndReason
from ringback.errors import NotAsked

TRUNKS: Mapping[str, Mapping[str, Any]] = {
    "patient": {"ring_timeout_sec": 40},
    "hasty": {"ring_timeout_sec": 2},
    "short": {"ring_timeout_sec": 40, "max_call_sec": 2},
    "follows": {"ring_timeout_sec": 40, "follow_redirects": True},
    "known": {"ring_timeout_sec": 40, "username": "us", "password": "word"},
    "known and hasty": {"ring_timeout_sec": 2, "username": "us", "password": "word"},
}
"""A hasty one only for people who would never answer: a machine that pauses for a while must not make a difference."""

AT_ONCE = "at once"
SERIALS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Case:
    """One dial, and what is to become of it.

    Attributes:
        name: of the test.
        last_four: how the far end behaves.
        reason: how the dial is to end.
        code: the final response, None for none.
        over: which trunk.
        cause: the cause of Q.850 that the far end gives.
        hang_up: the operator hangs up after this event, or as soon as the dial was placed.
        rings: whether Ringing is heard of.
        answers: whether Answered is.
        details: what must be in the details, None for what must not.
    """

    name: str
    last_four: str
    reason: EndReason
    code: int | None
    over: str = "patient"
    cause: int | None = None
    hang_up: type[CallEvent] | str | None = None
    rings: bool = False
    answers: bool = False
    details: Mapping[str, Any] | None = None


R = EndReason
BY_USER = {"hung_up_by": "user", "early_media": None, "q850": None}
CASES = [
    Case("answers", Manner.ANSWERS, R.USER_DISCONNECTED, 200, rings=True, answers=True, details=BY_USER),
    Case("drops at once", Manner.DROPS, R.USER_DISCONNECTED, 200, rings=True, answers=True, details=BY_USER),
    Case("never rings", Manner.ANSWERS_UNALERTED, R.USER_DISCONNECTED, 200, answers=True, details=BY_USER),
    Case("no 100", Manner.ANSWERS_AT_ONCE, R.USER_DISCONNECTED, 200, answers=True, details=BY_USER),
    Case("forks", Manner.FORKS, R.USER_DISCONNECTED, 200, rings=True, answers=True, details=BY_USER),
    Case(
        "both places answer",
        Manner.FORKS_TWICE,
        R.AGENT_DISCONNECTED,
        200,
        over="short",
        rings=True,
        answers=True,
        details={"hung_up_by": "max_call"},
    ),
    Case("lost ACK", Manner.LOSES_THE_ACK, R.USER_DISCONNECTED, 200, rings=True, answers=True, details=BY_USER),
    Case(
        "early media, then answers",
        Manner.EARLY_MEDIA_THEN_ANSWERS,
        R.USER_DISCONNECTED,
        200,
        rings=True,
        answers=True,
        details={"early_media": True, "hung_up_by": "user"},
    ),
    Case(
        "early media, then busy",
        Manner.EARLY_MEDIA_THEN_BUSY,
        R.USER_BUSY,
        486,
        rings=True,
        details={"early_media": True, "hung_up_by": None},
    ),
    Case("rung, then busy", refusal(486, Way.RUNG), R.USER_BUSY, 486, rings=True, details={"early_media": None}),
    Case("busy without a 100", refusal(486, Way.BARE), R.USER_BUSY, 486),
    Case("declined", refusal(603, Way.RUNG), R.USER_REJECTED, 603, rings=True, details={"hung_up_by": None}),
    Case("491", refusal(491), R.NETWORK_FAILURE, 491),
    Case("422", refusal(422), R.DESTINATION_FORBIDDEN, 422),
    Case("401 without a password", refusal(401), R.NETWORK_FAILURE, 401),
    Case("407 without a password", refusal(407), R.NETWORK_FAILURE, 407),
    Case("401 with a password", refusal(401), R.NETWORK_FAILURE, 401, over="known"),
    Case(
        "407, then answers",
        Manner.CHALLENGES_THEN_ANSWERS,
        R.USER_DISCONNECTED,
        200,
        over="known",
        rings=True,
        answers=True,
        details=BY_USER,
    ),
    Case(
        "401, then rings for ever",
        Manner.CHALLENGES_THEN_RINGS,
        R.USER_DID_NOT_PICK_UP,
        487,
        over="known and hasty",
        rings=True,
    ),
    Case("503", refusal(503), R.NETWORK_FAILURE, 503),
    Case("503 with Retry-After", refusal(503, Way.RETRY_AFTER), R.SYSTEM_AT_CAPACITY, 503),
    Case(
        "503 for want of a channel", refusal(503, Way.CAUSE), R.SYSTEM_AT_CAPACITY, 503, cause=34, details={"q850": 34}
    ),
    Case("480 for a busy line", refusal(480, Way.CAUSE), R.USER_BUSY, 480, cause=17, details={"q850": 17}),
    Case(
        "480 after a while",
        refusal(480, Way.RUNG_CAUSE),
        R.USER_DID_NOT_PICK_UP,
        480,
        cause=19,
        rings=True,
        details={"q850": 19},
    ),
    Case(
        "404 whatever the cause",
        refusal(404, Way.CAUSE_RETRY_AFTER),
        R.INVALID_PHONE_NUMBER,
        404,
        cause=17,
        details={"q850": 17},
    ),
    Case(
        "404 after media",
        refusal(404, Way.EARLY_MEDIA),
        R.INVALID_PHONE_NUMBER,
        404,
        rings=True,
        details={"early_media": True},
    ),
    Case("302 that is not followed", refusal(302), R.USER_UNREACHABLE, 302),
    Case("302 that is followed", refusal(302), R.USER_DISCONNECTED, 200, over="follows", rings=True, answers=True),
    Case("302 that goes in circles", refusal(302, Way.LOOP), R.USER_UNREACHABLE, 302, over="follows"),
    Case("rings for ever", Manner.RINGS, R.USER_DID_NOT_PICK_UP, 487, over="hasty", rings=True),
    Case("only 100", Manner.TRIES, R.USER_UNREACHABLE, 487, over="hasty"),
    Case("deaf to CANCEL", Manner.RINGS_ON, R.USER_DID_NOT_PICK_UP, None, over="hasty", rings=True),
    Case("no 487", Manner.RINGS_UNTIL_CANCELLED_ONLY, R.USER_DID_NOT_PICK_UP, None, over="hasty", rings=True),
    Case("answer that crosses the CANCEL", Manner.GLARE, R.AGENT_DISCONNECTED, 200, over="hasty", rings=True),
    Case(
        "longest call",
        Manner.STAYS,
        R.AGENT_DISCONNECTED,
        200,
        over="short",
        rings=True,
        answers=True,
        details={"hung_up_by": "max_call"},
    ),
    Case(
        "lost BYE",
        Manner.DEAF,
        R.AGENT_DISCONNECTED,
        200,
        over="short",
        rings=True,
        answers=True,
        details={"hung_up_by": "max_call"},
    ),
    Case("operator, ringing", Manner.RINGS, R.CANCELLED_BY_OPERATOR, 487, hang_up=Ringing, rings=True),
    Case("operator, trying", Manner.TRIES, R.CANCELLED_BY_OPERATOR, 487, hang_up=AT_ONCE),
    Case("operator, crossing the answer", Manner.GLARE, R.AGENT_DISCONNECTED, 200, hang_up=Ringing, rings=True),
    Case(
        "operator, connected",
        Manner.STAYS,
        R.AGENT_DISCONNECTED,
        200,
        hang_up=Answered,
        rings=True,
        answers=True,
        details={"hung_up_by": "operator"},
    ),
]
NEVER_OVER = {Manner.RINGS_ON, Manner.RINGS_UNTIL_CANCELLED_ONLY, Manner.DEAF}
"""The far end does not confirm that these are over."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one dial, on either side."""

    events: list[CallEvent]
    calls: list[Call]

    @property
    def ended(self) -> Ended:
        """Its end."""
        [ended] = [event for event in self.events if isinstance(event, Ended)]
        return ended


class Trunks:
    """Carriers to one SIPp, by the names of their trunks, and what is heard of them.

    Args:
        far_side: it.
        folder: for their files.
        stack: closes them.
    """

    def __init__(self, far_side: Sipp, folder: Path, stack: AsyncExitStack) -> None:
        self.far_side = far_side
        self.folder = folder
        self.stack = stack
        self.events: list[CallEvent] = []
        self.carriers: dict[str, SipCarrier] = {}

    def over(self, name: str, **more: Any) -> SipCarrier:
        """The carrier of a trunk; what more is said of it counts the first time."""
        if name not in self.carriers:
            settings = trunk(self.far_side, **{**TRUNKS.get(name, {}), **more})
            self.carriers[name] = open_sip(settings, SystemClock(), self.events.append, self.folder)
            self.stack.push_async_callback(self.carriers[name].close)
        return self.carriers[name]

    def of(self, attempt: UUID, kind: type[CallEvent] = CallEvent) -> list[CallEvent]:
        """What was heard of a dial."""
        return [event for event in self.events if event.attempt_id == attempt and isinstance(event, kind)]

    async def place(self, carrier: SipCarrier, to_number: str) -> UUID:
        """Dial."""
        serial = next(SERIALS)
        attempt, call = UUID(int=0x7000 << 64 | 0xA << 60 | serial), UUID(int=0x7000 << 64 | 0xB << 60 | serial)
        dial = Dial(attempt, call, 1, to_number, None, ("UTC",))
        by = SystemClock().now() + seconds(60)
        while True:
            try:
                await carrier.place(dial, by)
            except NotAsked:  # it is due as before: as long as there is time, it is tried again
                assert SystemClock().now() < by
                await asyncio.sleep(LOOK_SEC)
            else:
                return attempt

    async def end(self, carrier: SipCarrier, to_number: str, hang_up: type[CallEvent] | str | None = None) -> UUID:
        """Dial, hang up where that is wanted, and wait for the end."""
        attempt = await self.place(carrier, to_number)
        if isinstance(hang_up, type):
            await comes_true(lambda: bool(self.of(attempt, hang_up)))
        if hang_up is not None:
            await carrier.hang_up(attempt)
        await comes_true(lambda: bool(self.of(attempt, Ended)))
        return attempt

    def seen(self, attempt: UUID) -> Seen:
        """What became of it."""
        shown = ids.show(ids.ATTEMPT, attempt)
        return Seen(self.of(attempt), [call for call in self.far_side.calls() if call.attempt == shown])


Use = Callable[[Trunks], Awaitable[dict[Any, Seen]]]


@pytest.fixture(scope="module")
def by_trunks(tmp_path_factory: pytest.TempPathFactory):
    """Runs dials over trunks to a SIPp of this module's own, and gives what became of them."""
    folder = tmp_path_factory.mktemp("sip")

    async def use(far_side: Sipp, dials: Use) -> dict[Any, Seen]:
        async with AsyncExitStack() as stack:
            return await dials(Trunks(far_side, folder, stack))

    with sipp(folder / "sipp", pace=QUICK) as far_side:
        yield lambda dials: asyncio.run(use(far_side, dials))


@pytest.fixture(scope="module")
def seen(by_trunks) -> dict[str, Seen]:
    """What became of each case."""

    async def dial_all(trunks: Trunks) -> dict[Any, Seen]:
        async def one(serial: int, case: Case) -> UUID:
            return await trunks.end(
                trunks.over(case.over), number(case.last_four, 0 if case.cause else serial, case.cause), case.hang_up
            )

        attempts = await asyncio.gather(*[one(serial, case) for serial, case in enumerate(CASES)])
        confirmed = [each for each, case in zip(attempts, CASES, strict=True) if case.last_four not in NEVER_OVER]
        await comes_true(lambda: all(call.is_over for each in confirmed for call in trunks.seen(each).calls))
        return {case.name: trunks.seen(attempt) for case, attempt in zip(CASES, attempts, strict=True)}

    return by_trunks(dial_all)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
class TestSignalling:
    """One dial each."""

    def test_it_ends_once_as_it_must(self, seen, case):
        """With its reason and its code, and what else was seen."""
        ended = seen[case.name].ended
        assert (ended.reason, ended.sip_code) == (case.reason, case.code)
        check_end(ended)
        details = ended.details or {}
        assert {name: details.get(name) for name in case.details or {}} == (case.details or {})

    def test_what_came_before_the_end_is_told_in_order(self, seen, case):
        """Ringing and Answered once at most, and time never runs back."""
        events = seen[case.name].events
        expected = [kind for kind, heard in ((Ringing, case.rings), (Answered, case.answers)) if heard]
        assert [type(event) for event in events] == [*expected, Ended]
        assert [event.at for event in events] == sorted(event.at for event in events)

    def test_the_far_end_was_asked_once(self, seen, case):
        """One INVITE to the number that was meant, whatever was sent again; to others only as a 3xx says."""
        calls = seen[case.name].calls
        assert len({call.number for call in calls}) == len(calls) == (2 if case.name == "302 that is followed" else 1)


def test_seconds_are_told_as_they_passed(seen):
    """Of ringing up to the end or the answer, of talking from the answer."""
    assert seen["rings for ever"].ended.ring_sec in range(1, 30)
    assert seen["answers"].ended.duration_sec in range(1, 30)
    assert seen["longest call"].ended.duration_sec in range(2, 30)
    assert seen["lost BYE"].ended.duration_sec in range(2, 30)
    assert seen["only 100"].ended.ring_sec == 0


@pytest.mark.parametrize("name", [case.name for case in CASES if case.over == "hasty"])
def test_a_dial_that_is_given_up_is_cancelled(seen, name):
    """By a CANCEL."""
    assert seen[name].calls[0].cancelled


@pytest.mark.parametrize("name", [case.name for case in CASES if case.last_four == Manner.GLARE])
def test_an_answer_that_crosses_the_cancel_is_hung_up_on(seen, name):
    """ACK, then BYE (RFC 3261, section 9.1): nobody is left on a line that is silent."""
    [call] = seen[name].calls
    assert (call.final, call.acks > 0, call.hung_up_by, call.bye_answered) == (200, True, "caller", True)


def test_whoever_answers_second_is_hung_up_on(seen):
    """Where a fork has two 200s, the second dialog has its ACK and at once its BYE (RFC 3261, section 13.2.2.4)."""
    [call] = seen["both places answer"].calls
    byes = [message.header("To") for message in call.messages if message.start.startswith("BYE")]
    assert [*dict.fromkeys(to[-2:] for to in byes)] == ["-b", "-a"]


def test_a_200_that_is_repeated_is_acknowledged_again(seen):
    """RFC 3261, section 13.2.2.4: else a far end whose ACK was lost hangs up after half a minute."""
    [call] = seen["lost ACK"].calls
    assert call.acks == 3


def test_every_code_is_classified_as_its_row_says(by_trunks):
    """All final codes from 300 to 699, each of a dial of its own."""

    async def dial_all(trunks: Trunks) -> dict[Any, Seen]:
        carrier, at_once = trunks.over("patient", dials_per_sec_per_worker=100), asyncio.Semaphore(100)

        async def one(code: int) -> UUID:
            async with at_once:
                return await trunks.end(carrier, number(refusal(code)))

        attempts = await asyncio.gather(*map(one, CODES))
        return {code: trunks.seen(attempt) for code, attempt in zip(CODES, attempts, strict=True)}

    results = by_trunks(dial_all)
    told = {code: (result.ended.sip_code, result.ended.reason) for code, result in results.items()}
    assert told == {code: (code, end_reason(code)) for code in CODES}
    assert all(len(result.calls) == 1 for result in results.values())


def test_nobody_at_all(by_trunks):
    """A far end that is silent, or not there, is a failure of the network: the person had nothing to do with it."""

    async def dial_all(trunks: Trunks) -> dict[Any, Seen]:
        hasty, nobody = trunks.over("hasty"), trunks.over("nobody", ring_timeout_sec=2, port=free_port())
        no_listener = trunks.over("no listener", transport="tcp", port=free_port())
        attempts = await asyncio.gather(
            trunks.end(hasty, number(Manner.SILENT)),
            trunks.end(hasty, number(Manner.SILENT, 1), AT_ONCE),
            trunks.end(nobody, number(Manner.ANSWERS)),
            trunks.end(no_listener, number(Manner.ANSWERS)),
        )
        names = ("silent", "silent, and hung up", "closed port", "no listener")
        return {name: trunks.seen(attempt) for name, attempt in zip(names, attempts, strict=True)}

    ends = {name: result.ended for name, result in by_trunks(dial_all).items()}
    assert {name: (ended.reason, ended.sip_code) for name, ended in ends.items()} == {
        "silent": (R.NETWORK_FAILURE, None),
        "silent, and hung up": (R.CANCELLED_BY_OPERATOR, None),
        "closed port": (R.NETWORK_FAILURE, None),
        "no listener": (R.NETWORK_FAILURE, None),
    }


OVER_TCP = [case for case in CASES if case.name in {"answers", "rung, then busy", "rings for ever", "longest call"}]


def test_tcp_makes_no_difference(tmp_path_factory):
    """The same outcomes over a connection."""
    folder = tmp_path_factory.mktemp("tcp")

    async def dial_all(far_side: Sipp) -> list[Ended]:
        async with AsyncExitStack() as stack:
            trunks = Trunks(far_side, folder, stack)
            dials = [trunks.end(trunks.over(case.over), number(case.last_four)) for case in OVER_TCP]
            return [trunks.seen(attempt).ended for attempt in await asyncio.gather(*dials)]

    with sipp(folder / "sipp", transport="tcp", pace=QUICK) as far_side:
        ends = asyncio.run(dial_all(far_side))
    assert [(ended.reason, ended.sip_code) for ended in ends] == [(case.reason, case.code) for case in OVER_TCP]

"""Are our outcomes those that the far end saw? All kinds of people, in a random order, with and without loss."""

import os
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tests.carriers.over_sip import trunk
from tests.sip.dialling import dialling, shown
from tests.sip.messages import Call, Message
from tests.sip.numbers import AT_MOST, EXCHANGES, Manner, Way, number, refusal
from tests.sip.scenario import CODES, Pace
from tests.sip.sipp import sipp

from bench.figures import Context, Figure, Limit, Stopwatch, amount
from bench.sip.cores import Cores, all_of, one
from bench.sip.dials import all_ended, dial_all
from ringback.carriers.carrier import Ended
from ringback.carriers.sip.codes import end_reason
from ringback.domain.outcome import EndReason

Outcome: TypeAlias = tuple[EndReason, int | None]
"""How a dial ended, and its final response."""

SEED = 4
NONE_WRONG = Limit(0, most=True)
PER_SEC, LOSSY_PER_SEC = 100, 50
LEAST_RATE = Limit(0.98 * PER_SEC)
LONGEST_SEC = 120.0
"""The last of them is over so long after the last dial at the latest: a far end that is silent takes 32 s and more."""
PACE = Pace(ring=200, talk=800, linger=8_000)
SETTINGS = {
    **{"ring_timeout_sec": 4, "max_call_sec": 3, "username": "bench", "password": "any"},
    **{"most_workers": 4, "max_calls_per_worker": 400},
}
_CAUSE = re.compile(r"cause=(\d+)")
_SERIALS = min(AT_MOST, 8 * 40)


@dataclass(frozen=True, slots=True)
class Found:
    """What one run found.

    Attributes:
        judged: dials whose end the far end saw.
        wrong: what we said, what the far end saw, and to whom it was, where they differ.
        others: dials that the far end saw more or less than once.
        per_sec: dials a second, as they were.
        cores: who used how much of the CPU.
    """

    judged: int
    wrong: Counter[str]
    others: int
    per_sec: float
    cores: str


async def measure(context: Context, folder: Path) -> list[Figure]:
    """Without loss, and with it."""
    dials, lossy = (200, 60) if context.quick else (5_000, 1_000)
    clear = await _run(context, folder / "clear", dials, PER_SEC, 0)
    lost = await _run(context, folder / "lossy", lossy, LOSSY_PER_SEC, 20)
    return [
        *_figures("classification", clear, dials),
        Figure("classification: dials a second", clear.per_sec, "dials/s", LEAST_RATE, rounds=clear.cores),
        *_figures("classification, 20 % of messages lost", lost, lossy),
    ]


async def _run(context: Context, folder: Path, dials: int, per_sec: float, lost: int) -> Found:
    numbers = people(dials, random.Random(SEED))
    with (
        context.step(f"{dials:,} dials to all kinds of people, {lost} % lost"),
        sipp(folder / "sipp", lost=lost, pace=PACE) as far_end,
    ):
        async with dialling(trunk(far_end, **SETTINGS), folder) as calls:
            who = {"workers": all_of(calls.workers), "SIPp": one(far_end.process.pid), "bench": one(os.getpid())}
            watch, cores = Stopwatch(), Cores(who)
            asked = await dial_all(calls, numbers, per_sec, 1_500)
            took, used = watch.sec(), cores.words()
            await all_ended(calls, dials, LONGEST_SEC)
        seen: dict[str, list[Call]] = {}
        for call in far_end.calls():
            seen.setdefault(call.attempt, []).append(call)
    wrong, judged, others = Counter[str](), 0, 0
    for attempt, to_number in asked.items():
        found = seen.get(shown(attempt), [])
        others += len(found) != 1 and not lost
        if len(found) == 1 and (not lost or is_finished(found[0])):
            judged += 1
            if fault := difference(calls.ends[attempt], found[0], lossy=lost > 0):
                wrong[f"{to_number[-4:]}: {fault}"] += 1
    return Found(judged, wrong, others, dials / took, used)


def people(count: int, chance: random.Random) -> list[str]:
    """So many numbers of all kinds of people: half of them refuse, with any code in any way."""
    return [_refuser(chance) if chance.random() < 0.5 else _other(chance) for _ in range(count)]


def _other(chance: random.Random) -> str:
    return number(chance.choice(list(Manner)), chance.randrange(AT_MOST))


def _refuser(chance: random.Random) -> str:
    way = chance.choice(list(Way))
    digits = refusal(chance.choice(CODES), way)
    if way in (Way.CAUSE, Way.RUNG_CAUSE, Way.CAUSE_RETRY_AFTER):
        return number(digits, chance.randrange(_SERIALS), chance.choice(range(1, 100)))
    return number(digits, chance.randrange(len(EXCHANGES)))


def difference(ours: Ended, call: Call, *, lossy: bool) -> str:
    """What is wrong with our outcome, by the messages that the far end sent and got; empty where nothing is."""
    said, seen = (ours.reason, ours.sip_code), outcomes(call, lossy=lossy)
    return "" if said in seen else f"{_words(said)}, seen {' or '.join(map(_words, seen))}"


def outcomes(call: Call, *, lossy: bool = False) -> list[Outcome]:
    """How a call may have ended, by the far end's own messages alone.

    There are two ways where both hung up at once, and where a 180 may have been lost, which nobody sends again.
    """
    if call.answered:
        byes = {message.received for message in call.messages if message.start.startswith("BYE ")}
        reasons = [EndReason.AGENT_DISCONNECTED if received else EndReason.USER_DISCONNECTED for received in byes]
        return [(reason, 200) for reason in reasons]
    told = answers(call)
    rang = bool({180, 183}.intersection(message.status for message in told))
    last = next((message for message in reversed(told) if (message.status or 0) >= 200), None)
    if last is None or (last.status == 487 and call.cancelled):
        silent = not call.codes or (lossy and last is None)
        reasons = [EndReason.USER_DID_NOT_PICK_UP] if rang else []
        reasons += [EndReason.USER_UNREACHABLE] if lossy or not rang else []
        final = last.status if last else None
        return [(EndReason.NETWORK_FAILURE, None)] if silent and not rang else [(each, final) for each in reasons]
    cause = _CAUSE.search(last.header("Reason"))
    retry_after = bool(last.header("Retry-After"))
    return [(end_reason(last.status or 0, int(cause[1]) if cause else None, retry_after=retry_after), last.status)]


def answers(call: Call) -> list[Message]:
    """What was said to the last INVITE of a call: one with a password comes after the one without."""
    numbers = [int(m.header("CSeq").split()[0]) for m in call.messages if m.start.startswith("INVITE ")]
    last = f"{max(numbers)} INVITE"
    return [m for m in call.messages if m.status is not None and m.header("CSeq") == last]


def is_finished(call: Call) -> bool:
    """Whether the far end saw the end of it."""
    return call.bye_answered if call.answered else any((m.status or 0) >= 200 for m in answers(call)) and call.acks > 0


def _words(outcome: Outcome) -> str:
    return f"{outcome[0].value} {outcome[1]}"


def _figures(what: str, found: Found, dials: int) -> Sequence[Figure]:
    shown_wrong = "; ".join(f"{count} x {fault}" for fault, count in found.wrong.most_common(5))
    return [
        Figure(
            f"{what}: wrong outcomes of {dials:,} dials",
            found.wrong.total(),
            "wrong",
            NONE_WRONG,
            f"judged by SIPp's log: {found.judged:,}, at {amount(found.per_sec)} dials/s",
            shown_wrong,
        ),
        Figure(f"{what}: dials that SIPp had other than once", found.others, "dials", NONE_WRONG),
    ]

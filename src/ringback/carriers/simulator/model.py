"""What the simulated people do: a pure function of the seed, the number, the attempt and the local hour.

Chance is a keyed hash of what the dial is, so the same dial at the same hour goes the same way in any order and in any
process: a simulator that was restarted can tell what became of the dials of the one before it.
"""

import hashlib
import math
import struct
from functools import lru_cache
from typing import NamedTuple

import msgspec
from whenever import Instant

from ringback.carriers.carrier import Dial
from ringback.carriers.simulator.settings import SimulatorSettings
from ringback.domain.outcome import AnsweredBy, EndReason
from ringback.domain.window import local_time

SETUP_SEC = 1
"""From the request to the first sign of the far end."""

SHORTEST_TALK_SEC, LONGEST_TALK_SEC = 3, 1800
REJECTED_SHARE = 0.10
"""Of the dials to somebody busy, those that are declined by hand (603) and not by the line (486)."""

UNREACHABLE_SHARE = 0.10
"""Of the dials that nobody and no machine picks up, those whose phone is off (480)."""

AGENT_ENDS_SHARE = 0.40
"""Of the conversations, those that our side ends."""

_EIGHT_CHANCES = struct.Struct("<8I")
_CHANCE_STEPS = 2.0**32


class Script(msgspec.Struct, frozen=True, gc=False):
    """How one dial goes, in seconds of life.

    Attributes:
        ring_sec: seconds of ringing; 0 where the far end never alerts.
        talk_sec: seconds connected; 0 unless answered.
        reason: how it ends.
        answered_by: who picks up, None where nobody does.
        sip_code: the final SIP response code.
    """

    ring_sec: int
    talk_sec: int
    reason: EndReason
    answered_by: AnsweredBy | None
    sip_code: int

    @property
    def answered(self) -> bool:
        """Whether somebody or something picks up."""
        return self.answered_by is not None

    @property
    def answered_after_sec(self) -> int:
        """Seconds from the request to the answer, or to the end where there is none."""
        return SETUP_SEC + self.ring_sec

    @property
    def over_after_sec(self) -> int:
        """Seconds from the request to the end."""
        return SETUP_SEC + self.ring_sec + self.talk_sec


class _Chances(NamedTuple):
    """Eight independent numbers in [0, 1) that belong to one dial."""

    route: float
    pick_up: float
    machine: float
    aside: float
    ring: float
    talk: float
    who_ends: float
    spare: float


def script(settings: SimulatorSettings, dial: Dial, at: Instant) -> Script:
    """How a dial goes that is placed at `at`. Neither the attempt's id nor the minute has a say in it.

    Args:
        settings: the people and the route.
        dial: whom to dial; the hour is that of its first zone, or of UTC where it has none.
        at: when the far end is asked.
    """
    local = local_time(at, dial.zones[0] if dial.zones else "UTC")
    hour = local.hour
    chances = _dial_chances(settings.seed, dial, hour)
    if chances.route < settings.failure_share:
        return _refused(EndReason.NETWORK_FAILURE, 503)
    kind = _chance(settings.seed, f"number {dial.to_number}")
    if kind < settings.invalid_share:
        return _refused(EndReason.INVALID_PHONE_NUMBER, 404)
    if kind >= settings.invalid_share + settings.never_share:
        block = f"block {dial.to_number} {local.year} {local.month} {local.day} {hour // 2}"
        if _chance(settings.seed, block) < settings.busy_share:
            return _engaged(settings, chances)
        if chances.pick_up < _pick_up_chance(settings, hour):
            return _conversation(settings, chances)
    return _nobody(settings, chances)


def _pick_up_chance(settings: SimulatorSettings, hour: int) -> float:
    """The rates are of all dials, so those who can answer at all must do so for the rest."""
    able = (
        (1 - settings.invalid_share - settings.never_share) * (1 - settings.failure_share) * (1 - settings.busy_share)
    )
    return settings.answer_rates[hour] / able if able > 0 else 0.0


def _refused(reason: EndReason, sip_code: int) -> Script:
    return Script(0, 0, reason, None, sip_code)


def _engaged(settings: SimulatorSettings, chances: _Chances) -> Script:
    if chances.aside < REJECTED_SHARE:
        return Script(_ring_sec(settings, chances), 0, EndReason.USER_REJECTED, None, 603)
    return _refused(EndReason.USER_BUSY, 486)


def _conversation(settings: SimulatorSettings, chances: _Chances) -> Script:
    ours = chances.who_ends < AGENT_ENDS_SHARE
    reason = EndReason.AGENT_DISCONNECTED if ours else EndReason.USER_DISCONNECTED
    who = AnsweredBy.HUMAN if settings.detect_machines else AnsweredBy.UNKNOWN
    return Script(_ring_sec(settings, chances), _talk_sec(settings, chances), reason, who, 200)


def _nobody(settings: SimulatorSettings, chances: _Chances) -> Script:
    if chances.machine < settings.voicemail_share:
        return _machine(settings, chances)
    if chances.aside < UNREACHABLE_SHARE:
        return _refused(EndReason.USER_UNREACHABLE, 480)
    return Script(settings.ring_timeout_sec, 0, EndReason.USER_DID_NOT_PICK_UP, None, 487)


def _machine(settings: SimulatorSettings, chances: _Chances) -> Script:
    ring_sec, talk_sec = _ring_sec(settings, chances), _talk_sec(settings, chances)
    if settings.detect_machines:
        return Script(ring_sec, talk_sec, EndReason.VOICEMAIL_DETECTED, AnsweredBy.MACHINE, 200)
    return Script(ring_sec, talk_sec, EndReason.USER_DISCONNECTED, AnsweredBy.UNKNOWN, 200)


def longest_sec(settings: SimulatorSettings) -> float:
    """Seconds from the request to the end of a dial at most: the ring time-out and the longest conversation."""
    life_sec = SETUP_SEC + settings.ring_timeout_sec + LONGEST_TALK_SEC
    return life_sec / settings.speed if settings.speed else 0.0


def _ring_sec(settings: SimulatorSettings, chances: _Chances) -> int:
    least, most = min(3, settings.ring_timeout_sec), min(20, settings.ring_timeout_sec)
    return least + int(chances.ring * (most - least + 1))


def _talk_sec(settings: SimulatorSettings, chances: _Chances) -> int:
    """Exponential above the shortest, so that the mean is the one that was asked for."""
    above = (settings.mean_talk_sec - SHORTEST_TALK_SEC) * -math.log(1 - chances.talk)
    return min(round(SHORTEST_TALK_SEC + above), LONGEST_TALK_SEC)


def _dial_chances(seed: int, dial: Dial, hour: int) -> _Chances:
    digest = _hash(seed, f"dial {dial.to_number} {dial.attempt} {hour}", _EIGHT_CHANCES.size)
    return _Chances._make([step / _CHANCE_STEPS for step in _EIGHT_CHANCES.unpack(digest)])


def _chance(seed: int, text: str) -> float:
    return int.from_bytes(_hash(seed, text, 4), "little") / _CHANCE_STEPS


def _hash(seed: int, text: str, size: int) -> bytes:
    hashed = _keyed(seed, size).copy()
    hashed.update(text.encode())
    return hashed.digest()


@lru_cache(maxsize=64)
def _keyed(seed: int, size: int) -> "hashlib.blake2b":
    return hashlib.blake2b(digest_size=size, key=seed.to_bytes(8, "little"))

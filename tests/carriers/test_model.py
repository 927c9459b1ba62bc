import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Instant

from ringback.carriers.carrier import Dial
from ringback.carriers.simulator.model import LONGEST_TALK_SEC, SHORTEST_TALK_SEC, Script, script
from ringback.carriers.simulator.settings import DEFAULT_ANSWER_RATES, SimulatorSettings
from ringback.domain.outcome import MEANINGS, AnsweredBy, EndReason, Status

DEFAULT = SimulatorSettings(seed=11)
TEN_AM = Instant.from_utc(2026, 3, 2, 10, 5)
MANY = 50_000
SIP_CODES = {
    EndReason.USER_DISCONNECTED: 200,
    EndReason.AGENT_DISCONNECTED: 200,
    EndReason.VOICEMAIL_DETECTED: 200,
    EndReason.USER_DID_NOT_PICK_UP: 487,
    EndReason.USER_UNREACHABLE: 480,
    EndReason.USER_BUSY: 486,
    EndReason.USER_REJECTED: 603,
    EndReason.INVALID_PHONE_NUMBER: 404,
    EndReason.NETWORK_FAILURE: 503,
}


def dial_of(n: int, attempt: int = 1, zone: str = "UTC", serial: int = 0) -> Dial:
    """A dial of the n-th number."""
    return Dial(UUID(int=serial), UUID(int=serial), attempt, f"+1415{n:07}", None, (zone,) if zone else ())


def scripts(settings: SimulatorSettings, at: Instant = TEN_AM, many: int = MANY) -> list[Script]:
    """The scripts of the first attempts of many numbers."""
    return [script(settings, dial_of(n), at) for n in range(many)]


def share(planned: list[Script], fits: Callable[[Script], bool]) -> float:
    """The share of scripts that fit."""
    return sum(map(fits, planned)) / len(planned)


def by_person(one: Script) -> bool:
    """Whether a person picks up."""
    return one.answered_by is AnsweredBy.HUMAN


def is_busy(one: Script) -> bool:
    """Whether the line is engaged or the call declined."""
    return MEANINGS[one.reason].status is Status.BUSY


@pytest.fixture(scope="module")
def usual() -> list[Script]:
    """Many dials with the default settings."""
    return scripts(DEFAULT)


def test_the_shares_of_many_dials_are_those_of_the_settings(usual: list[Script]):
    """Answers by the table, failures, numbers that do not exist, busy lines of those who answer at times."""
    assert share(usual, by_person) == pytest.approx(DEFAULT_ANSWER_RATES[10], abs=0.006)
    assert share(usual, lambda one: one.reason is EndReason.NETWORK_FAILURE) == pytest.approx(0.005, abs=0.0012)
    assert share(usual, lambda one: one.reason is EndReason.INVALID_PHONE_NUMBER) == pytest.approx(0.01, abs=0.0016)
    assert share(usual, is_busy) == pytest.approx(0.05 * 0.79, abs=0.004)
    nobody = [one for one in usual if not by_person(one) and MEANINGS[one.reason].status is not Status.FAILED]
    machines = share([one for one in nobody if not is_busy(one)], lambda one: one.answered)
    assert machines == pytest.approx(0.25, abs=0.008)


def test_every_usual_reason_occurs_and_has_its_sip_code(usual: list[Script]):
    """The final response says what the reason says."""
    assert {one.reason: one.sip_code for one in usual} == SIP_CODES


def test_talk_and_ring_times_are_lifelike(usual: list[Script]):
    """The mean is the one asked for; somebody who answers does so after 3 to 20 seconds."""
    talks = [one for one in usual if by_person(one)]
    assert sum(one.talk_sec for one in talks) / len(talks) == pytest.approx(75, rel=0.05)
    assert all(SHORTEST_TALK_SEC <= one.talk_sec <= LONGEST_TALK_SEC for one in talks)
    assert {one.ring_sec for one in talks} == set(range(3, 21))
    assert {one.ring_sec for one in usual if one.reason is EndReason.USER_DID_NOT_PICK_UP} == {25}


@pytest.mark.parametrize("hour", [0, 3, 5, 6, 7, 8, 15, 20, 21, 22, 23])
def test_the_answer_rate_is_that_of_the_local_hour(hour: int):
    """The published rate from 6 to 21, a hundredth at other hours."""
    planned = scripts(DEFAULT, Instant.from_utc(2026, 3, 2, hour), 20_000)
    assert share(planned, by_person) == pytest.approx(DEFAULT_ANSWER_RATES[hour], abs=0.009)


def test_the_published_rates_are_the_default():
    """A few rows of the table, and the hours that it does not have."""
    assert [DEFAULT_ANSWER_RATES[hour] for hour in (6, 10, 14, 21)] == [0.0231, 0.1553, 0.1501, 0.1209]
    assert {DEFAULT_ANSWER_RATES[hour] for hour in (0, 1, 2, 3, 4, 5, 22, 23)} == {0.01}


def test_the_hour_is_that_of_the_persons_first_zone():
    """People in Denver who answer at their 10 o'clock alone are asleep at 10 o'clock UTC."""
    rates = tuple(1.0 if hour == 10 else 0.0 for hour in range(24))
    settings = replace(DEFAULT, answer_rates=rates, never_share=0, busy_share=0, invalid_share=0, failure_share=0)
    at_ten = Instant.from_utc(2026, 3, 2, 17)
    denver = [script(settings, dial_of(n, zone="America/Denver"), at_ten) for n in range(100)]
    assert all(by_person(one) for one in denver)
    assert not any(by_person(one) for one in scripts(settings, at_ten, 100))
    assert script(settings, dial_of(1, zone=""), TEN_AM) == script(settings, dial_of(1, zone="UTC"), TEN_AM)


def test_people_who_never_answer_never_do():
    """They ring out, are unreachable or have a machine, whatever the hour and the attempt."""
    settings = replace(DEFAULT, never_share=1.0, invalid_share=0.0, failure_share=0.0, answer_rates=(1.0,) * 24)
    reasons = {
        script(settings, dial_of(n, attempt), TEN_AM.add(hours=attempt)).reason
        for n in range(1_000)
        for attempt in range(1, 6)
    }
    assert reasons == {
        EndReason.USER_DID_NOT_PICK_UP,
        EndReason.USER_UNREACHABLE,
        EndReason.VOICEMAIL_DETECTED,
    }


def test_a_fifth_of_people_is_out_of_reach_of_any_number_of_attempts():
    """With everybody else answering whenever they are called, those who never answer remain."""
    settings = replace(DEFAULT, answer_rates=(1.0,) * 24, busy_share=0, invalid_share=0, failure_share=0)
    reached = sum(any(by_person(script(settings, dial_of(n, a), TEN_AM)) for a in range(1, 6)) for n in range(5_000))
    assert reached / 5_000 == pytest.approx(0.8, abs=0.02)


def test_who_is_busy_is_still_busy_minutes_later():
    """Within a two-hour block a redial always meets the same busy line; the next day it is busy as rarely as any."""
    settings = replace(DEFAULT, failure_share=0.0)
    busy = [n for n in range(20_000) if is_busy(script(settings, dial_of(n), TEN_AM))]
    soon = [script(settings, dial_of(n, 2), TEN_AM.add(minutes=minutes)) for n in busy for minutes in (10, 110)]
    next_day = [script(settings, dial_of(n, 2), TEN_AM.add(hours=24)) for n in busy]
    assert share(soon, is_busy) == 1.0
    assert share(next_day, is_busy) == pytest.approx(0.05, abs=0.03)


def test_some_who_are_busy_decline_by_hand():
    """A small share of busy dials is a 603 after some ringing; a 486 never rings."""
    busy = scripts(replace(DEFAULT, busy_share=1.0, never_share=0.0), many=10_000)
    declined = [one for one in busy if one.reason is EndReason.USER_REJECTED]
    assert len(declined) / len(busy) == pytest.approx(0.1, abs=0.015)
    assert all(one.ring_sec > 0 for one in declined)
    assert {one.ring_sec for one in busy if one.reason is EndReason.USER_BUSY} == {0}


def test_without_detection_a_machine_is_taken_for_somebody():
    """The same dials are answered, for as long, and nobody can tell by whom."""
    seeing, blind = scripts(DEFAULT, many=3_000), scripts(replace(DEFAULT, detect_machines=False), many=3_000)
    assert [one.talk_sec for one in seeing] == [one.talk_sec for one in blind]
    assert {one.answered_by for one in blind} == {None, AnsweredBy.UNKNOWN}
    taken = [b for s, b in zip(seeing, blind, strict=True) if s.answered_by is AnsweredBy.MACHINE]
    assert {one.reason for one in taken} == {EndReason.USER_DISCONNECTED}


def test_a_short_ring_timeout_bounds_all_ringing():
    """Nobody answers after the dial was given up."""
    planned = scripts(replace(DEFAULT, ring_timeout_sec=2), many=3_000)
    assert max(one.ring_sec for one in planned) == 2


def test_neither_the_attempts_id_nor_the_minute_changes_the_script():
    """The same number, attempt and hour is the same dial."""
    later = TEN_AM.add(minutes=54)
    first = [script(DEFAULT, dial_of(n, serial=1), TEN_AM) for n in range(1_000)]
    assert first == [script(DEFAULT, dial_of(n, serial=2), later) for n in range(1_000)]


@pytest.mark.parametrize("changed", ["seed", "attempt", "hour"])
def test_seed_attempt_and_hour_change_the_script(changed: str):
    """Each of them gives other dials of the same people."""
    settings = replace(DEFAULT, seed=12) if changed == "seed" else DEFAULT
    attempt, at = 2 if changed == "attempt" else 1, TEN_AM.add(hours=1) if changed == "hour" else TEN_AM
    others = [script(settings, dial_of(n, attempt), at) for n in range(1_000)]
    differ = sum(one != other for one, other in zip(scripts(DEFAULT, many=1_000), others, strict=True))
    assert differ > 300


def test_other_processes_play_the_same_scripts():
    """Whatever the seed of Python's own hashes: a simulator that was restarted tells the same."""
    told = [_scripts_of_another_process(seed) for seed in ("0", "1", "random")]
    assert len(set(told)) == 1
    assert told[0] == repr(scripts(DEFAULT, many=300))


def _scripts_of_another_process(hash_seed: str) -> str:
    code = "import sys; from tests.carriers.test_model import *; sys.stdout.write(repr(scripts(DEFAULT, many=300)))"
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout


@given(
    shares=st.tuples(*[st.floats(0, 1)] * 3),
    split=st.floats(0, 1),
    rate=st.floats(0, 1),
    timeout_sec=st.integers(1, 120),
    talk_sec=st.floats(3, 600),
    detect=st.booleans(),
    numbers=st.integers(0, 9_000_000),
)
def test_every_script_is_one_that_the_table_of_outcomes_knows(
    shares: tuple[float, float, float],
    split: float,
    rate: float,
    timeout_sec: int,
    talk_sec: float,
    detect: bool,
    numbers: int,
):
    """Connected seconds and somebody who answered if and only if completed, whatever the settings."""
    busy, voicemail, failure = shares
    settings = SimulatorSettings(
        1, 0.0, None, (rate,) * 24, split, busy, voicemail, 1 - split, failure, talk_sec, timeout_sec, detect
    )
    for one in _some(settings, numbers):
        completed = MEANINGS[one.reason].status is Status.COMPLETED
        assert one.answered == completed == (one.talk_sec > 0)
        assert 0 <= one.ring_sec <= timeout_sec
        assert one.sip_code == SIP_CODES[one.reason]


def _some(settings: SimulatorSettings, first: int) -> Iterator[Script]:
    return (script(settings, dial_of(n), TEN_AM) for n in range(first, first + 20))


def test_a_share_of_one_leaves_nothing_else():
    """The order of precedence: the route, then the number, then the person."""
    all_fail = scripts(replace(DEFAULT, failure_share=1.0), many=500)
    none_exist = scripts(replace(DEFAULT, failure_share=0.0, invalid_share=1.0, never_share=0.0), many=500)
    assert Counter(one.reason for one in all_fail) == {EndReason.NETWORK_FAILURE: 500}
    assert Counter(one.reason for one in none_exist) == {EndReason.INVALID_PHONE_NUMBER: 500}

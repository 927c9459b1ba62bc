"""What every peer does for an attempt: the same people, the same policy and the same history as our engine's."""

import random
from typing import Any, NamedTuple
from uuid import UUID

from whenever import Instant

from bench.world import ZONES
from ringback.carriers.carrier import Dial
from ringback.carriers.simulator.model import script
from ringback.carriers.simulator.settings import SimulatorSettings
from ringback.domain.billing import charge, parse_billing
from ringback.domain.hours import every_day
from ringback.domain.outcome import MEANINGS
from ringback.domain.policy_form import parse_policy
from ringback.domain.retry import Bounds, RetryAt, decide
from ringback.ids import Ids

PEOPLE = SimulatorSettings(seed=7, speed=0)
TARIFF = parse_billing({"per_minute_micros": 12000, "currency": "USD", "first_sec": 60, "next_sec": 6})
POLICY = parse_policy(
    {"max_attempts": 4, "after": {"no-answer": ["1s"], "busy": ["1s"], "voicemail": ["1s"], "failed": ["1s"]}}
)
WINDOW = every_day(0, 1440)
"""All as bench.sql has them for our own campaign."""

COLUMNS = (
    *("lead_no", "attempt", "attempt_id", "status", "called_at", "answered_at", "ended_at", "end_reason"),
    *("duration_sec", "ring_sec", "answered_by", "sip_code", "billed_sec", "cost_micros", "currency"),
    *("retry_at", "retry_rule", "stop_reason"),
)
"""The history that a peer keeps: what our own has of an attempt, less what a single tenant does not need."""

MAKE_HISTORY = """
CREATE TABLE history (
    lead_no integer NOT NULL, attempt smallint NOT NULL, attempt_id uuid NOT NULL, status text NOT NULL,
    called_at timestamptz NOT NULL, answered_at timestamptz, ended_at timestamptz NOT NULL, end_reason text NOT NULL,
    duration_sec integer NOT NULL, ring_sec integer NOT NULL, answered_by text, sip_code smallint,
    billed_sec integer NOT NULL, cost_micros bigint NOT NULL, currency text NOT NULL,
    retry_at timestamptz, retry_rule text, stop_reason text,
    PRIMARY KEY (lead_no, attempt)
)"""

_ids = Ids(random.Random(3))


class Job(NamedTuple):
    """One attempt to be made: what a job carries, so that no peer has to look its lead up."""

    lead_no: int
    to_number: str
    zone: str
    attempt: int


class Done(NamedTuple):
    """An attempt that was made.

    Attributes:
        row: its values in the order of COLUMNS.
        next: the attempt that follows, None where the call is over.
        wait_sec: how long from now it is to wait.
    """

    row: tuple[Any, ...]
    next: Job | None
    wait_sec: float


def first_jobs(leads: int) -> list[Job]:
    """The first attempt of each lead: the numbers and time zones that our own campaign has."""
    return [Job(n, f"+1{2_000_000_000 + n}", ZONES[n % len(ZONES)][0], 1) for n in range(1, leads + 1)]


def perform(job: Job, now: Instant) -> Done:
    """Dial, and decide what follows."""
    zones = (job.zone,)
    attempt_id = _ids.new(now)
    said = script(PEOPLE, Dial(attempt_id, UUID(int=job.lead_no), job.attempt, job.to_number, None, zones), now)
    decision = decide(POLICY, job.attempt, said.reason, now, Bounds(WINDOW.rules_in(), zones), 0.0)
    bill = charge(TARIFF, said.talk_sec, said.answered)
    retry = decision if isinstance(decision, RetryAt) else None
    at = now.to_stdlib()
    row = (
        *(job.lead_no, job.attempt, attempt_id, str(MEANINGS[said.reason].status)),
        *(at, at if said.answered else None, at, str(said.reason)),
        *(said.talk_sec, said.ring_sec, str(said.answered_by) if said.answered_by else None, said.sip_code),
        *(bill.billed_sec, bill.cost_micros, TARIFF.currency),
        *(retry.at.to_stdlib() if retry else None, retry.rule if retry else None),
        None if isinstance(decision, RetryAt) else str(decision.reason),
    )
    if retry is None:
        return Done(row, None, 0.0)
    return Done(row, job._replace(attempt=job.attempt + 1), (retry.at - now).total("seconds"))


def keep(*marks: str) -> str:
    """The statement that keeps a row of history; a job that runs a second time changes nothing.

    Args:
        marks: the placeholders of the driver, one for each of COLUMNS.
    """
    columns, values = ", ".join(COLUMNS), ", ".join(marks)
    return f"INSERT INTO history ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING"  # noqa: S608 # names and placeholders

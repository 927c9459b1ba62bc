import random
from uuid import UUID

from bench.peers.work import COLUMNS, PEOPLE, POLICY, first_jobs, keep, perform
from whenever import Instant

from ringback.carriers.carrier import Dial, Ended
from ringback.carriers.simulator.carrier import Simulator
from ringback.clock import VirtualClock
from ringback.domain.outcome import EndReason

NOW = Instant.from_utc(2026, 3, 2, 15)


async def test_a_peer_dials_the_same_people_as_our_engine():
    """Each attempt ends as it does on the simulator that our own node dials over."""
    heard = []
    simulator = Simulator(PEOPLE, VirtualClock(NOW), heard.append)
    for job in first_jobs(200):
        attempt_id = UUID(int=random.Random(job.lead_no).getrandbits(128))
        await simulator.place(Dial(attempt_id, attempt_id, 1, job.to_number, None, (job.zone,)), Instant.MAX)
        ended = next(event for event in heard if isinstance(event, Ended) and event.attempt_id == attempt_id)
        row = dict(zip(COLUMNS, perform(job, NOW).row, strict=True))
        assert (row["end_reason"], row["duration_sec"], row["ring_sec"], row["sip_code"]) == (
            str(ended.reason),
            ended.duration_sec,
            ended.ring_sec,
            ended.sip_code,
        )


def test_a_peer_redials_by_the_policy():
    """What is not reached is queued again for its time, until the policy says stop; the row tells which it was."""
    over = 0
    for job in first_jobs(200):
        done, ordinal = perform(job, NOW), 1
        while done.next is not None:
            row = dict(zip(COLUMNS, done.row, strict=True))
            assert (done.wait_sec, row["stop_reason"], done.next.attempt) == (1.0, None, ordinal + 1)
            assert row["retry_at"] == NOW.add(seconds=1).to_stdlib()
            done, ordinal = perform(done.next, NOW), ordinal + 1
        row = dict(zip(COLUMNS, done.row, strict=True))
        reached = row["end_reason"] in {EndReason.USER_DISCONNECTED, EndReason.AGENT_DISCONNECTED}
        assert row["retry_at"] is None
        assert (row["stop_reason"] == "reached") == reached
        assert row["attempt"] == ordinal <= POLICY.max_attempts
        over += ordinal == POLICY.max_attempts
    assert over > 20


def test_the_history_has_a_place_for_each_value():
    """As many columns as values, whatever the driver calls its placeholders."""
    statement = keep(*(["%s"] * len(COLUMNS)))
    assert statement.count("%s") == len(COLUMNS) == len(perform(first_jobs(1)[0], NOW).row)

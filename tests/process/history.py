"""What must be so whatever was killed: the far end's record, held to the rows and to what the far end's people do."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.process.campaigns import Rows, dials, doubles, rows
from whenever import Instant

from ringback import ids
from ringback.carriers.carrier import Dial
from ringback.carriers.simulator.model import Script, script
from ringback.carriers.simulator.settings import parse_settings
from ringback.domain.call import final_state
from ringback.domain.outcome import MEANINGS, EndReason
from ringback.domain.policy_form import parse_policy
from ringback.domain.retry import Bounds, RetryAt, RetryPolicy, decide

ATTEMPTS = """
SELECT c.call_id, c.campaign_no, c.to_number, c.final_status, c.final_reason, a.attempt, a.attempt_id, a.status,
       a.end_reason, a.duration_sec, a.ring_sec, extract(epoch FROM a.called_at) * 1000000 AS called_at,
       extract(epoch FROM a.ended_at) * 1000000 AS ended_at, extract(epoch FROM a.retry_at) * 1000000 AS retry_at
FROM calls c LEFT JOIN attempts a USING (workspace_no, call_id) ORDER BY c.call_id, a.attempt
"""


def check_history(dsn: str, data: Path, people: Mapping[str, Any], retry: Mapping[str, Any]) -> Rows:
    """Hold a campaign that is complete to its record, its people and its policy; returns its attempts.

    Args:
        dsn: the database.
        data: where the record is.
        people: the simulator's settings.
        retry: the policy, without jitter.
    """
    lines, attempts = dials(data), rows(dsn, ATTEMPTS)
    assert not doubles(lines)
    by_id = {ids.show(ids.ATTEMPT, row["attempt_id"]): row for row in attempts if row["attempt_id"]}
    assert by_id.keys() == {line["attempt_id"] for line in lines}
    assert not rows(dsn, "SELECT call_id FROM queue")
    for line in lines:
        _as_scripted(line, by_id[line["attempt_id"]], people)
    calls = defaultdict(list)
    for row in attempts:
        calls[row["call_id"]].append(row)
    for history in calls.values():
        by_policy(history, parse_policy(retry))
    return attempts


def most_at_once(attempts: Rows) -> int:
    """How many calls were up at a time, at most; one that begins as another ends is not up with it."""
    marks = [(row["called_at"], 1) for row in attempts] + [(row["ended_at"], -1) for row in attempts]
    up = most = 0
    for _, change in sorted(marks):
        up += change
        most = max(most, up)
    return most


def _as_scripted(line: dict[str, Any], row: dict[str, Any], people: Mapping[str, Any]) -> None:
    """The row says what the far end did, whoever wrote it."""
    at = Instant.parse_iso(line["at"])
    assert (ids.show(ids.CALL, row["call_id"]), row["attempt"]) == (line["call_id"], line["attempt"])
    assert row["to_number"] == line["to_number"]
    assert abs(_at(row["called_at"]) - at).total("seconds") < 0.001  # the record has milliseconds
    dial = Dial(row["attempt_id"], row["call_id"], row["attempt"], row["to_number"], None, ("UTC",))
    planned: Script = script(parse_settings(people), dial, at)
    assert row["end_reason"] == planned.reason
    assert (row["duration_sec"], row["ring_sec"]) == (planned.talk_sec, planned.ring_sec)
    assert (_at(row["ended_at"]) - at).total("seconds") > planned.over_after_sec / people["speed"] - 0.002


def by_policy(history: Rows, policy: RetryPolicy) -> None:
    """A call's attempts and its end are those that its policy asks for, none too early."""
    assert [row["attempt"] for row in history] == list(range(1, len(history) + 1))
    assert len(history) <= policy.max_attempts
    last = history[-1]
    for row, following in pairwise(history):
        decision = _decision(row, policy)
        assert isinstance(decision, RetryAt)
        assert _at(row["retry_at"]) == decision.at
        assert following["called_at"] >= row["retry_at"]
    decision = _decision(last, policy)
    assert not isinstance(decision, RetryAt)
    status = MEANINGS[EndReason(last["end_reason"])].status
    assert (last["status"], last["final_reason"]) == (status, decision.reason)
    assert last["final_status"] == final_state(decision.reason, status)


def _decision(row: dict[str, Any], policy: RetryPolicy) -> Any:
    return decide(policy, row["attempt"], EndReason(row["end_reason"]), _at(row["ended_at"]), Bounds((), ("UTC",)), 0)


def _at(micros: Any) -> Instant:
    return Instant.from_timestamp(int(micros) * 1000, unit="nanosecond")

"""Entries: what the ledger will say of attempts, made of what the node knows of them when they end.

So nobody has to read their rows again. Where the node does not know all, or the rows turn out otherwise, they are read.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from whenever import Instant

from ringback.domain.ledger import commitment
from ringback.domain.ledger_body import AttemptBody, body_lines, body_time
from ringback.engine.live import LiveAttempt, Named
from ringback.ledger.append import pack
from ringback.store.attempts import Bodies, Result, new_salts

KIND = "attempt"

Ended = tuple[LiveAttempt, Result, bytes]


def bodies_of(
    over: Iterable[tuple[LiveAttempt, Result]], results: Sequence[Result]
) -> tuple[list[bytes], list[Bodies]]:
    """The salts of attempts that end, in their order, and the bodies of their entries.

    Args:
        over: the attempts.
        results: how they ended, with what they cost.
    """
    salts = new_salts(len(results))
    theirs = defaultdict[int, list[Ended]](list)
    for (attempt, _), result, salt in zip(over, results, salts, strict=True):
        theirs[result.workspace_no].append((attempt, result, salt))
    made = (_bodies(workspace_no, ended) for workspace_no, ended in theirs.items())
    return salts, [bodies for bodies in made if bodies is not None]


def _bodies(workspace_no: int, ended: Sequence[Ended]) -> Bodies | None:
    """The bodies of a workspace; None where another node wrote one of the intents."""
    bodies, since = [], ended[0][1].ended_at
    for attempt, result, salt in ended:
        named, intent_at = attempt.route.named, attempt.intent_at
        if named is None or intent_at is None:
            return None
        bodies.append(_body(attempt, result, salt, named, intent_at))
        since = min(since, result.ended_at)
    return Bodies(workspace_no, len(bodies), since, pack(body_lines(bodies)))


def _body(attempt: LiveAttempt, result: Result, salt: bytes, named: Named, intent_at: Instant) -> AttemptBody:
    dial = attempt.dial
    # by place: it takes a third of the time that it takes by name, and this is done for each attempt
    return AttemptBody(
        body_time(result.answered_at),
        result.answered_by,
        result.attempt,
        result.attempt_id,
        result.billed_sec,
        result.call_id,
        body_time(result.called_at),
        named.campaign_id,
        result.cost_micros,
        result.currency,
        result.duration_sec,
        result.end_reason,
        body_time(result.ended_at),
        None if dial.from_number is None else commitment(salt, dial.from_number),
        body_time(intent_at),
        KIND,
        attempt.plan.policy_version,
        body_time(result.retry_at),
        result.retry_rule,
        result.ring_sec,
        result.sip_code,
        result.status,
        result.stop_reason,
        commitment(salt, dial.to_number),
        named.trunk_id,
    )

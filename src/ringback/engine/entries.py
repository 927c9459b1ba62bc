"""Entries: what the ledger will say of attempts, made of what the node knows of them when they end.

So nobody has to read their rows again. Where the node does not know all, or the rows turn out otherwise, they are read.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from whenever import Instant

from ringback.domain.ledger import commitment
from ringback.domain.ledger_body import AttemptBody, body_line, body_time
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
    lines = []
    for attempt, result, salt in ended:
        named, intent_at = attempt.route.named, attempt.intent_at
        if named is None or intent_at is None:
            return None
        lines.append(body_line(_body(attempt, result, salt, named, intent_at)))
    since = min(result.ended_at for _, result, _ in ended)
    return Bodies(workspace_no, len(lines), since, pack(b"\n".join(lines)))


def _body(attempt: LiveAttempt, result: Result, salt: bytes, named: Named, intent_at: Instant) -> AttemptBody:
    dial = attempt.dial
    return AttemptBody(
        answered_at=body_time(result.answered_at),
        answered_by=result.answered_by,
        attempt=result.attempt,
        attempt_id=result.attempt_id,
        billed_sec=result.billed_sec,
        call_id=result.call_id,
        called_at=body_time(result.called_at),
        campaign_id=named.campaign_id,
        cost_micros=result.cost_micros,
        currency=result.currency,
        duration_sec=result.duration_sec,
        end_reason=result.end_reason,
        ended_at=body_time(result.ended_at),
        from_=None if dial.from_number is None else commitment(salt, dial.from_number),
        intent_at=body_time(intent_at),
        kind=KIND,
        policy_version=attempt.plan.policy_version,
        retry_at=body_time(result.retry_at),
        retry_rule=result.retry_rule,
        ring_sec=result.ring_sec,
        sip_code=result.sip_code,
        status=result.status,
        stop_reason=result.stop_reason,
        to_=commitment(salt, dial.to_number),
        trunk_id=named.trunk_id,
    )

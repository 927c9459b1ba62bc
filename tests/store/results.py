"""Results of attempts, made in a line, and what is done with them."""

from tests.world import NOON
from whenever import TimeDelta

from ringback.domain.outcome import EndReason
from ringback.store import attempts
from ringback.store.attempts import Result, Withdrawal
from ringback.store.queue import Intent

RETRY_AT = NOON + TimeDelta(hours=2)
ENDED_AT = NOON + TimeDelta(seconds=30)
TWICE = {"max_attempts": 3, "after": {"no-answer": ["2h"]}}


def ends(intent: Intent, **changes) -> Result:
    """The result of an attempt that nobody answered and that is redialled, but for what is named."""
    plain = Result(
        workspace_no=intent.workspace_no,
        call_id=intent.call_id,
        attempt=intent.attempt,
        attempt_id=intent.attempt_id,
        called_at=NOON,
        answered_at=None,
        ended_at=ENDED_AT,
        status="no-answer",
        end_reason=EndReason.USER_DID_NOT_PICK_UP,
        duration_sec=0,
        ring_sec=25,
        answered_by=None,
        sip_code=487,
        billed_sec=0,
        cost_micros=0,
        currency="USD",
        retry_at=RETRY_AT,
        retry_rule="no-answer: 2h",
        stop_reason=None,
        final_status=None,
        campaign_no=intent.campaign_no,
        held_until=None,
    )
    return plain._replace(**changes)


def is_final(intent: Intent, **changes) -> Result:
    """The result of an attempt after which there is no other."""
    last = {"retry_at": None, "retry_rule": None, "stop_reason": "attempts_exhausted", "final_status": "no-answer"}
    return ends(intent, **(last | changes))


def key(intent: Intent) -> attempts.Key:
    """Where the row of an intent is."""
    return (intent.workspace_no, intent.call_id, intent.attempt)


async def settle(world, *results: Result, by=None):
    """Settle in a transaction of its own."""
    async with (by or world.database).connection() as db:
        return await attempts.settle(db, results)


async def take_back(world, *intents: Intent, now=ENDED_AT):
    """Withdraw in a transaction of its own."""
    rows = [Withdrawal(*intent[:4], now) for intent in intents]
    async with world.database.connection() as db:
        return await attempts.withdraw(db, rows, now)


async def tallies(world):
    """The sums, by ordinal and end."""
    return [
        (r["attempt"], r["end_reason"], r["attempts"], r["connected_sec"], r["billed_sec"], r["cost_micros"])
        for r in await world.rows("SELECT * FROM tallies ORDER BY attempt, end_reason")
    ]

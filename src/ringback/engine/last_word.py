"""What is written with the ends of attempts and binds the calls that come after."""

from collections.abc import Sequence

from ringback.domain.call import FinalReason
from ringback.domain.do_not_call import Entry, Source
from ringback.domain.outcome import MEANINGS, EndReason
from ringback.engine import entries
from ringback.engine.live import LiveAttempt
from ringback.engine.node import Node
from ringback.engine.pricing import priced
from ringback.ids import ATTEMPT, show
from ringback.store import attempts, contacts, do_not_call
from ringback.store.attempts import Key, Result
from ringback.store.database import Connection


async def end_attempts(db: Connection, over: Sequence[tuple[LiveAttempt, Result]], node: Node) -> set[Key]:
    """Write down how attempts ended; who wants no more calls is on the do-not-call list with the same commit.

    Returns:
        those that this call ended and nobody before it.
    """
    results = await priced(db, over)
    opted = [attempt for attempt, result in over if result.stop_reason == FinalReason.OPTED_OUT]
    spoken = {
        attempt.key: [(*key, result.ended_at) for key in attempt.counted_under]
        for attempt, result in over
        if _is_conversation(attempt, result)
    }
    salts, bodies = entries.bodies_of(over, results)
    if not opted and not spoken:
        return await attempts.settle(db, results, salts, bodies)
    async with db.transaction():
        await do_not_call.change_lists(db, {attempt.key[0] for attempt in opted})
        ended = await attempts.settle(db, results, salts, bodies)
        for attempt in opted:
            if attempt.key in ended:
                await _put_on_list(db, attempt, node)
        if spoken:
            await contacts.talked(db, [one for key in spoken.keys() & ended for one in spoken[key]])
    return ended


def _is_conversation(attempt: LiveAttempt, result: Result) -> bool:
    """Whether a person was spoken to whose number is under contact rules."""
    return attempt.placed_by is not None and MEANINGS[EndReason(result.end_reason)].reached


async def _put_on_list(db: Connection, attempt: LiveAttempt, node: Node) -> None:
    entry = Entry(attempt.dial.to_number, show(ATTEMPT, attempt.dial.attempt_id))
    await do_not_call.add_entries(db, attempt.key[0], [entry], Source.OPT_OUT, node.ids, node.clock.now())

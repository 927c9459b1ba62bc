"""Redials that would not pay, in the engine and the store together."""

import json

from tests.engine.duties import begun, dial, end
from tests.world import a_world
from whenever import TimeDelta

from ringback.carriers.carrier import Ended
from ringback.domain.explain import Action, Kind
from ringback.domain.outcome import EndReason
from ringback.rules.shelf import Shelf
from ringback.sealing import Sealer
from ringback.wiring import explainer

WAIT = TimeDelta(minutes=1)
RETRY = {
    "max_attempts": 4,
    "after": {"no-answer": ["1m"], "busy": ["1m"]},
    "stop_when": {"cost_per_reach_micros": 600_000, "min_attempts": 20},
}


async def reach(node, people, machines):
    """So many of the calls that are up talk to people, and so many to machines; each costs 60,000."""
    for n, attempt_id in enumerate(list(node.node.hand.live)[: people + machines]):
        reason = EndReason.USER_DISCONNECTED if n < people else EndReason.VOICEMAIL_DETECTED
        node.node.hand.hear(Ended(attempt_id, node.node.clock.now(), reason, duration_sec=60))
    await node.settler.run_once()


async def test_redials_stop_at_the_ordinal_at_which_a_person_costs_too_much(postgres, tmp_path):
    """Once enough of them are known: the call rests as its last attempt left it, and the decision says by what sums."""
    billing = {"per_minute_micros": 60_000}
    async with a_world(postgres, tmp_path, leads=23, retry=RETRY, billing=billing) as world:
        node = await begun(world, claim_batch=23)
        assert await dial(node) == 23
        await end(node, 23)
        world.clock.advance_to(world.clock.now() + WAIT)
        node.dialler._batch = 20
        assert await dial(node) == 20
        await reach(node, people=1, machines=18)
        node.dialler._batch = 1
        assert await dial(node) == 2  # 19 attempts are no evidence yet
        await reach(node, people=1, machines=0)
        world.clock.advance_to(world.clock.now() + TimeDelta(seconds=6))
        assert await dial(node) == 2  # 20 attempts reached two people at 600,000 each: that is allowed
        await reach(node, people=0, machines=1)
        world.clock.advance_to(world.clock.now() + TimeDelta(seconds=6))
        [waiting] = await world.queue()
        explain = explainer(Shelf(), Sealer(tmp_path, None))
        async with world.database.transaction() as db:
            told = await explain.call(db, world.workspace_no, waiting["call_id"], world.clock.now())
        assert (told.next.action, told.next.rule) == (Action.NONE, "stop_when: 600000")
        assert told.constraints[0].kind is Kind.TOO_COSTLY
        assert await dial(node) == 1
        [call] = [call for call in await world.calls() if call["call_id"] == waiting["call_id"]]
        assert (call["final_status"], call["final_reason"]) == ("busy", "too_costly")
        [decision] = await world.rows("SELECT rule, inputs::text AS inputs, next_at FROM decisions")
        assert (decision["rule"], decision["next_at"]) == ("stop_when: 600000", None)
        assert json.loads(decision["inputs"]) == {
            "ordinal": 2,
            "attempts": 21,
            "reached": 2,
            "cost_micros": 21 * 60_000,
            "currency": "USD",
            "cost_per_reach_micros": 630_000,
            "at_most_micros": 600_000,
        }


async def test_a_policy_without_a_bound_asks_nothing(postgres, tmp_path):
    """And first dials are placed whatever they cost: only a redial has something to be compared with."""
    for retry in ({**RETRY, "stop_when": None}, {**RETRY, "max_attempts": 1}):
        async with a_world(postgres, tmp_path, leads=2, retry=retry) as world:
            node = await begun(world, claim_batch=1)
            await dial(node)
            await end(node)
            world.clock.advance_to(world.clock.now() + WAIT)
            await dial(node)
            assert node.dialler._worth._read_at == {}

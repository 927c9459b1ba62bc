"""Budgets and rate decks, in the engine and the store together."""

import asyncio
import random
from contextlib import asynccontextmanager

import pytest
from tests.engine.duties import begun, dial, end
from tests.world import NOON, a_world
from whenever import TimeDelta

from ringback.carriers.carrier import Ended
from ringback.domain.billing import Billing, price
from ringback.domain.blockers import Blocker
from ringback.domain.contact import parse_contact_rules
from ringback.domain.explain import Action, Constraint, Kind
from ringback.domain.outcome import EndReason
from ringback.domain.rates import Rate
from ringback.engine import withhold
from ringback.engine.settle import settle_as
from ringback.events import BudgetRaised, BudgetSpent
from ringback.ids import CAMPAIGN, show
from ringback.ids import WORKSPACE as WORKSPACE_ID
from ringback.rules.shelf import Shelf
from ringback.sealing import Sealer
from ringback.store import attempts
from ringback.store.budgets import WORKSPACE, read_budget, set_budget
from ringback.store.contacts import set_rules
from ringback.store.rates import add_version, create_deck, give_deck, lock_deck, read_deck
from ringback.wiring import explainer

A_CALL = 60_000
BILLING = {"per_minute_micros": A_CALL, "first_sec": 60, "next_sec": 60}


@asynccontextmanager
async def spending(postgres, tmp_path, leads=10, **plan):
    """A world whose calls cost 60,000 each."""
    async with a_world(postgres, tmp_path, leads=leads, billing=BILLING, **plan) as world:
        yield world


async def allow(world, amount, of=None):
    """Set the budget of the campaign, or of the whole workspace."""
    campaign_no = world.campaign.campaign_no if of is None else of
    async with world.database.transaction() as db:
        await set_budget(db, world.workspace_no, campaign_no, amount, world.clock.now())


async def budget(world, of=None):
    """The budget as it is."""
    async with world.database.connection() as db:
        return await read_budget(db, world.workspace_no, world.campaign.campaign_no if of is None else of)


async def talk(node, count):
    """So many of the calls that are up were talked on for a minute, and are over."""
    for attempt_id in list(node.node.hand.live)[:count]:
        now = node.node.clock.now()
        node.node.hand.hear(Ended(attempt_id, now, EndReason.USER_DISCONNECTED, duration_sec=60, answered_by="human"))
    await node.settler.run_once()


@pytest.mark.parametrize("of", [None, WORKSPACE])
async def test_a_budget_stops_its_dials_and_raising_it_goes_on(postgres, tmp_path, of):
    """Nothing is dialled once what ended attempts cost has reached it; the calls that are up then end and are paid."""
    async with spending(postgres, tmp_path) as world:
        await allow(world, 2 * A_CALL, of)
        node = await begun(world, claim_batch=3)
        assert await dial(node) == 3
        await talk(node, 1)
        assert await dial(node) == 5
        await talk(node, 1)
        assert await dial(node) == 4
        await talk(node, 4)
        assert await dial(node) == 0
        assert (await budget(world, of))[:2] == (2 * A_CALL, 6 * A_CALL)
        assert len(await world.queue()) == 4
        assert await world.value("SELECT count(*) FROM decisions") == 0
        await allow(world, 6 * A_CALL + 1, of)
        assert await dial(node) == 3
        await allow(world, None, of)
        assert await dial(node) == 4
        told = [event for event in world.events if isinstance(event, BudgetSpent | BudgetRaised)]
        workspace_id = await world.value("SELECT workspace_id FROM workspaces")
        shown = show(CAMPAIGN, world.campaign.campaign_id) if of is None else show(WORKSPACE_ID, workspace_id)
        assert told == [BudgetSpent(shown, 2 * A_CALL, 2 * A_CALL), BudgetRaised(shown)]


async def test_a_budget_that_is_reached_during_a_claim_takes_the_claim_back(postgres, tmp_path, monkeypatch):
    """The claim saw money left when it began; what it took is in the queue as before."""
    async with spending(postgres, tmp_path) as world:
        await allow(world, A_CALL)
        one, other = await begun(world, "a", claim_batch=2), await begun(world, "b", claim_batch=2)
        assert await dial(one) == 2
        before, look, looked = await world.queue(), withhold.hold_budgets, []

        async def late(db, *rest):
            await talk(one, 1)
            looked.append(await budget(world))
            await look(db, *rest)

        monkeypatch.setattr(withhold, "hold_budgets", late)
        assert await dial(other) == 0
        assert [spent.is_spent for spent in looked] == [True]
        monkeypatch.undo()
        assert await world.queue() == before
        assert not other.node.hand.doubtful
        await allow(world, 9 * A_CALL)
        assert await dial(other) == 2


async def test_an_attempt_cannot_end_between_a_claims_look_and_its_commit(postgres, tmp_path, monkeypatch):
    """Its settlement waits: so who is claimed before a budget is reached was up when it was."""
    async with spending(postgres, tmp_path) as world:
        await allow(world, A_CALL)
        node = await begun(world, claim_batch=2)
        await dial(node)
        look, locks = withhold.hold_budgets, []

        async def watched(db, *rest):
            await look(db, *rest)
            free = "SELECT count(*) FROM (SELECT * FROM budgets FOR NO KEY UPDATE SKIP LOCKED) b"
            locks.append(await world.value(free))

        monkeypatch.setattr(withhold, "hold_budgets", watched)
        await dial(node)
        assert locks == [0]


async def test_a_campaigns_budget_counts_what_it_has_cost_before(postgres, tmp_path):
    """A workspace's counts from when it is set, and anew from when it is set again."""
    async with spending(postgres, tmp_path) as world:
        node = await begun(world, claim_batch=2)
        await dial(node)
        await talk(node, 2)
        await allow(world, 5 * A_CALL)
        await allow(world, 5 * A_CALL, WORKSPACE)
        assert (await budget(world)).spent_micros == 2 * A_CALL
        assert (await budget(world)).counted_from is None
        assert (await budget(world, WORKSPACE))[1::2] == (0, world.clock.now())
        await dial(node)
        await talk(node, 2)
        await allow(world, None, WORKSPACE)
        await allow(world, A_CALL, WORKSPACE)
        assert (await budget(world)).spent_micros == 4 * A_CALL
        assert (await budget(world, WORKSPACE)).spent_micros == 0


async def test_a_new_budget_waits_for_the_attempts_that_are_being_ended(postgres, tmp_path):
    """What they cost is in the tallies that it is counted from; who ends attempts after that adds to it."""
    async with spending(postgres, tmp_path) as world:
        node = await begun(world, claim_batch=2)
        await dial(node)
        first, second = (settled(node, attempt) for attempt in node.node.hand.live.values())
        async with world.database.transaction() as ending:
            await attempts.settle(ending, [first])
            setting = asyncio.create_task(allow(world, 9 * A_CALL))
            await until_waits(world)
            assert not setting.done()
        await setting
        assert (await budget(world)).spent_micros == A_CALL
        await world.rows("DELETE FROM budgets")
        async with world.database.transaction() as beginning:
            await set_budget(beginning, world.workspace_no, world.campaign.campaign_no, 9 * A_CALL, world.clock.now())
            ending = asyncio.create_task(settle_alone(world, second))
            await until_waits(world)
            assert not ending.done()
        await ending
        assert (await budget(world)).spent_micros == 2 * A_CALL


async def settle_alone(world, result):
    """End one attempt, in a statement of its own."""
    async with world.database.connection() as db:
        await attempts.settle(db, [result])


async def until_waits(world):
    """Somebody waits for a lock."""
    async with asyncio.timeout(20):
        while not await world.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            pass


def settled(node, attempt):
    """How a minute's talk ends."""
    now, chance = node.node.clock.now(), 0.0
    ended = Ended(attempt.dial.attempt_id, now, EndReason.USER_DISCONNECTED, duration_sec=60)
    return settle_as(attempt, ended, chance, node.node.trunks)


async def test_nodes_that_claim_and_end_at_once_stop_at_the_budget(postgres, tmp_path):
    """With contact rules and opt-outs, whose rows both hold too: nobody is locked out, and the sums are exact.

    The budget is overshot by no more than what the nodes have up.
    """
    nodes, up, calls = 5, 6, 40
    async with spending(postgres, tmp_path, leads=120) as world:
        async with world.database.transaction() as db:
            await set_rules(db, world.workspace_no, parse_contact_rules({"per_number": ["5 per 1d"]}), NOON)
        await allow(world, calls * A_CALL)
        await allow(world, 2 * calls * A_CALL, WORKSPACE)
        made = [await begun(world, f"n{n}", claim_batch=2) for n in range(nodes)]

        async def work(node, chance):
            idle = 0
            while idle < 5:
                before = len(node.node.hand.live)
                begun_now = await dial(node) - before if before <= up - 2 else 0
                idle = 0 if begun_now or before else idle + 1
                for attempt_id in list(node.node.hand.live)[: chance.randint(0, 3)]:
                    details = {"opted_out": True} if chance.random() < 0.2 else {}
                    end_as = Ended(attempt_id, world.clock.now(), EndReason.USER_DISCONNECTED, 60, details=details)
                    node.node.hand.hear(end_as)
                await node.settler.run_once()

        await asyncio.gather(*(work(node, random.Random(n)) for n, node in enumerate(made)))
        over = len(await world.attempts())
        assert calls <= over <= calls + nodes * up
        spent = await world.value("SELECT sum(cost_micros)::bigint FROM attempts")
        assert spent == over * A_CALL == (await budget(world)).spent_micros == (await budget(world, WORKSPACE))[1]


async def test_explain_and_blockers_name_the_budget(postgres, tmp_path):
    """With what is spent of what; a lead that it does not hold up any more is ready."""
    async with spending(postgres, tmp_path, leads=2) as world:
        await begun(world)
        await allow(world, 0)
        [call, _] = await world.calls()
        explain = explainer(Shelf(), Sealer(tmp_path, None))
        now = world.clock.now()
        async with world.database.transaction() as db:
            told = await explain.call(db, world.workspace_no, call["call_id"], now)
            held = await explain.campaign(db, world.workspace_no, world.campaign, now)
        assert (told.next.action, told.next.at, told.next.rule) == (Action.WAIT, None, Kind.BUDGET)
        detail = {"limit": "campaign", "spent_micros": 0, "budget_micros": 0, "currency": "USD"}
        assert told.constraints[0] == Constraint(Kind.BUDGET, True, None, detail)
        assert held.blockers == (Blocker(Kind.BUDGET, None, 2, None, None),)
        await allow(world, 1)
        async with world.database.transaction() as db:
            assert (await explain.campaign(db, world.workspace_no, world.campaign, now)).ready == 2


async def test_a_settlement_that_is_repeated_is_paid_once(postgres, tmp_path):
    """The sums in the budget are those of the attempts."""
    async with spending(postgres, tmp_path) as world:
        await allow(world, 9 * A_CALL)
        node = await begun(world, claim_batch=2)
        await dial(node)
        live = dict(node.node.hand.live)
        await talk(node, 2)
        node.node.hand.live.update(live)
        await talk(node, 2)
        await end(node)
        spent = await world.value("SELECT sum(cost_micros)::bigint FROM attempts")
        assert (await budget(world)).spent_micros == spent == 2 * A_CALL


async def test_a_deck_prices_by_the_number_and_the_time_of_the_dial(postgres, tmp_path):
    """By the version that was in force then; what nobody answers is free."""
    async with spending(postgres, tmp_path) as world:
        now, deck_id = world.clock.now(), world.ids.new(world.clock.now())
        async with world.database.transaction() as db:
            await create_deck(db, world.workspace_no, deck_id, "d", "USD", now)
            assert await lock_deck(db, world.workspace_no, deck_id) == "USD"
            rates = [Rate("+1", 6_000, 0, 1, 1), Rate("+14155550", 600, 5, 60, 60), Rate("+1999", 1, 0, 1, 1)]
            assert await add_version(db, world.workspace_no, deck_id, rates, now, now) == 1
            later = now + TimeDelta(hours=1)
            assert await add_version(db, world.workspace_no, deck_id, [Rate("+44", 9, 0, 1, 1)], later, now) == 2
            await give_deck(db, world.workspace_no, world.trunk_no, deck_id)
            deck = await read_deck(db, world.workspace_no, deck_id)
        node = await begun(world, claim_batch=2)
        await dial(node)
        world.clock.advance_to(later + TimeDelta(seconds=1))
        await talk(node, 1)  # dialled before the second version was in force
        await end(node, 1)
        await dial(node)
        await talk(node, 1)  # by a deck that does not know its number: the trunk's own tariff
        costs = [row["cost_micros"] for row in await world.attempts() if row["ended_at"]]
        assert costs == [605, 0, A_CALL]
        tariff = Billing(**BILLING)
        shown = [price(tariff, deck, "+14155550000", at, 60, answered=True).cost_micros for at in (now, later)]
        assert shown == [605, A_CALL]

"""What is explained is what happens: random calls in random states, then the engine itself on the virtual clock."""

import json
import os
import random
from dataclasses import dataclass, replace

import msgspec
from tests.engine.pools import a_pool
from tests.world import NOBODY_ANSWERS, NOON, a_lead
from whenever import TimeDelta

from ringback.domain.callers import CoolDown
from ringback.domain.campaign import CampaignAction
from ringback.domain.explain import Action, Kind
from ringback.domain.hours import every_day
from ringback.domain.policy_form import parse_policy
from ringback.engine.virtual import run_virtual
from ringback.rules.shelf import Shelf
from ringback.sealing import Sealer
from ringback.store.campaign_status import act
from ringback.store.campaigns import create_campaign, find_campaign
from ringback.wiring import explainer

CALLS = int(os.environ.get("EXPLAIN_CALLS", "240"))
SEED = int(os.environ.get("RINGBACK_TEST_SEED", "1"))
CAMPAIGNS = 24
DAYS = 12
HOUR = TimeDelta(hours=1)
TICK = TimeDelta(seconds=1)
PLACES = (
    ("Europe/Berlin",),
    ("America/New_York",),
    ("America/Los_Angeles",),
    ("America/Chicago", "America/Denver"),
    ("Asia/Kolkata",),
    ("Australia/Lord_Howe",),
    ("Pacific/Apia", "Pacific/Honolulu"),
    ("UTC",),
)
WINDOWS = (every_day(0, 1440), every_day(540, 1200), every_day(600, 660), every_day(0, 300))
UNTIL_SOMEBODY = {Kind.NOT_STARTED, Kind.PAUSED, Kind.RULE_PACK, Kind.NO_ZONE}
RULES = {"per_number": ["2 per 36h"], "per_lead": ["1 per 20h"], "min_gap": "2h", "quiet_after_conversation": "3d"}


@dataclass
class Scene:
    """A world with its chance."""

    world: object
    chance: random.Random

    def some(self, share):
        """A part of all calls, by their ids."""
        return [call_id for call_id in self.ids if self.chance.random() < share]

    def when(self, first, last):
        """A time so many hours from noon."""
        return NOON + HOUR * self.chance.randint(first, last)

    async def prepare(self):
        """Campaigns of all kinds with their leads, in states of all kinds."""
        for n in range(CAMPAIGNS):
            await self.a_campaign(n, CALLS // CAMPAIGNS)
        self.ids = [call["call_id"] for call in await self.world.calls()]
        await self.put_off(0.5)
        await self.dialled_before(0.4)
        await self.on_the_list(0.1)
        await self.contacted(0.3)

    async def a_campaign(self, n, leads):
        """One with a plan of its own, and leads in all places."""
        world, chance = self.world, self.chance
        policy = {"max_attempts": 2, "after": {"no-answer": []}}
        ends_at = self.when(1, 80) if n % 3 == 1 else None
        if n % 3 == 2:
            policy["expires_after"] = f"{chance.randint(1, 60)}h"
        begins = self.when(1, 40) if chance.random() < 0.25 and ends_at is None else None
        plan = replace(
            world.campaign.plan,
            retry=parse_policy(policy),
            window=chance.choice(WINDOWS),
            starts_at=begins,
            ends_at=ends_at,
        )
        campaign_id = world.ids.new(NOON)
        async with world.database.transaction() as db:
            await create_campaign(db, world.workspace_no, campaign_id, plan, NOON)
            campaign = await find_campaign(db, world.workspace_no, campaign_id)
        if chance.random() < 0.3:
            packs = chance.choice((["us-federal"], ["us-fl", "us-federal"], ["uk"], ["no-such-pack"]))
            await world.value(
                "UPDATE campaigns SET rule_packs = $2, purpose = 'marketing' WHERE campaign_no = $1",
                campaign.campaign_no,
                packs,
            )
        if chance.random() < 0.25:
            await self.from_a_tired_number(replace(world, campaign=campaign), n)
        places = PLACES if n != 1 else (*PLACES, (), ())
        numbers = [a_lead(0, zones=chance.choice(places)) for _ in range(leads)]
        numbers = [
            msgspec.structs.replace(lead, e164=f"+1{self.area()}{n:02}{place:05}") for place, lead in enumerate(numbers)
        ]
        await replace(world, campaign=campaign).add_leads(numbers)
        for action in chance.choice(((), ("start", "pause"), *[("start",)] * 6)):
            async with world.database.connection() as db:
                row = await find_campaign(db, world.workspace_no, campaign_id)
            await act(world.database, row, CampaignAction(action), NOON)

    async def from_a_tired_number(self, world, n):
        """It is dialled from a number that has had its dials, and has rested since, or in hours, or in days."""
        rest = self.chance.choice((None, self.chance.randint(1, 60) * 3600))
        pool_no = await a_pool(
            world, [f"+1415555{n:04}"], cool_down=CoolDown(CALLS, self.chance.randint(1, 60) * 3600, rest)
        )
        await world.value(
            "UPDATE caller_pool_numbers SET began_at = $2, last_at = $3, dials = $4 WHERE pool_no = $1",
            pool_no,
            self.when(-30, -10),
            self.when(-10, -1),
            CALLS,
        )

    def area(self):
        """An area code in one of some states."""
        return self.chance.choice((212, 305, 415, 405))

    async def put_off(self, share):
        """Some are due at another time: long since, or in days."""
        for call_id in self.some(share):
            await self.world.value("UPDATE queue SET due_at = $2 WHERE call_id = $1", call_id, self.when(-20, 90))

    async def dialled_before(self, share):
        """Some have had their first dial, and wait for the second."""
        await self.world.value(
            """WITH redials AS (UPDATE queue SET attempt = 2 WHERE call_id = ANY ($1) RETURNING *)
            INSERT INTO attempts (workspace_no, call_id, attempt, attempt_id, campaign_no, trunk_no, node_no,
                policy_version, status, intent_at, called_at, ended_at, end_reason, retry_at, retry_rule)
            SELECT workspace_no, call_id, 1, gen_random_uuid(), campaign_no, $2, 1, 1, 'no-answer', $3, $3, $3,
                'user_did_not_pick_up', due_at, 'no-answer: 1h' FROM redials""",
            self.some(share),
            self.world.trunk_no,
            NOON - HOUR * 3,
        )

    async def on_the_list(self, share):
        """Some numbers are on the do-not-call list, for good or for a while: entries that a claim finds."""
        await self.world.value("UPDATE workspaces SET list_version = 1")
        for call_id in self.some(share):
            until = self.chance.choice((None, self.when(1, 60)))
            await self.world.value(
                "INSERT INTO do_not_call (workspace_no, entry_id, number, source, created_at, expires_at) "
                "SELECT workspace_no, call_id, to_number, 'api', $2, $3 FROM calls WHERE call_id = $1",
                call_id,
                NOON - HOUR,
                until,
            )

    async def contacted(self, share):
        """Some numbers were dialled lately, by whom ever, and with some somebody has talked."""
        rules = "UPDATE workspaces SET contact_rules = $1::text::jsonb, contact_span_sec = 30 * 86400"
        await self.world.value(rules, json.dumps(RULES))
        for call_id in self.some(share):
            dials = sorted(self.when(-40, 0) for _ in range(self.chance.randint(1, 3)))
            await self.world.value(
                "INSERT INTO contacts SELECT workspace_no, to_number, $2::timestamptz[], $3 FROM calls "
                "WHERE call_id = $1",
                call_id,
                dials,
                self.chance.choice((None, None, dials[-1])),
            )


async def explain_all(world, tmp_path):
    """What is said of each call."""
    explain = explainer(Shelf(), Sealer(tmp_path, None))
    said = {}
    async with world.database.connection() as db:
        for call in await world.calls():
            key = (call["workspace_no"], call["call_id"])
            said[call["call_id"]] = await explain.call(db, *key, world.clock.now())
    return said


async def test_what_is_explained_is_what_the_engine_does(make_world, tmp_path):
    """Each dial in the very second that was said, each end by the rule that was said, and no other dial."""
    world = await make_world(started=False, simulator={**NOBODY_ANSWERS, "speed": 0})
    await Scene(world, random.Random(SEED)).prepare()
    engine = await world.engine()
    await engine.node.lease.run_once()
    world.clock.advance_to(NOON + TimeDelta(seconds=1))
    said = await explain_all(world, tmp_path)
    await run_virtual(engine, world.clock, NOON + HOUR * 24 * DAYS, lambda _: None, TICK)

    dialled = {(row["call_id"], row["attempt"]): row["intent_at"] for row in await world.attempts()}
    ended = {call["call_id"]: call for call in await world.calls()}
    last = {row["call_id"]: row for row in await world.rows("SELECT * FROM decisions ORDER BY decision_id")}
    seen = dict.fromkeys(Action, 0)
    for call_id, explanation in said.items():
        then = explanation.next
        seen[then.action] += 1
        attempts = {ordinal: at for (dialled_id, ordinal), at in dialled.items() if dialled_id == call_id}
        if then.at is not None and then.action is not Action.NONE:
            assert then.at <= attempts[then.attempt] < then.at + TICK, explanation
        elif then.action is Action.NONE:
            assert attempts.keys() <= {1}, explanation
            assert last[call_id]["rule"] == then.rule, explanation
            assert ended[call_id]["finished_at"] >= then.at, explanation
        else:
            assert then.attempt not in attempts, explanation
            assert {one.kind for one in explanation.constraints if one.binding} <= UNTIL_SOMEBODY, explanation
    assert all(count > len(said) / 50 for count in seen.values()), seen

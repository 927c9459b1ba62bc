"""Whom no node dials for want of a consent: in the claim, between claim and dial, and when a redial is planned."""

import json

import msgspec
from tests.engine.duties import begun, dial, end, puppet_of
from tests.engine.invariants import every_call_is_somewhere
from tests.rows import single_call
from tests.world import NOON, a_lead, some_leads
from whenever import TimeDelta

from ringback.domain.consent import Consent
from ringback.domain.explain import Kind
from ringback.engine.explain import Explainer
from ringback.rules.shelf import Shelf
from ringback.store.campaigns import find_campaign

HOUR = TimeDelta(hours=1)
REDIALS = {"max_attempts": 3, "after": {"busy": ["90m"]}}


def agreed(n, given_at=None, expires_at=None):
    """The n-th person, who agreed."""
    return msgspec.structs.replace(a_lead(n), consent=Consent(given_at, expires_at))


async def fates(world):
    """By number, how each call is over."""
    return {call["to_number"]: (call["final_status"], call["final_reason"]) for call in await world.calls()}


async def decided(world):
    """The rules and inputs of all decisions."""
    return [(row["rule"], json.loads(row["inputs"])) for row in await world.rows("SELECT * FROM decisions")]


async def test_nobody_is_dialled_past_the_end_of_a_consent(make_world):
    """The call expires, in a campaign and beside it; others are dialled."""
    world = await make_world(leads=[agreed(0, NOON - HOUR, NOON + HOUR), agreed(1, NOON - HOUR), a_lead(2)])
    call_id = await single_call(world)
    await world.value("UPDATE calls SET consent_expires_at = $1 WHERE call_id = $2", NOON + HOUR, call_id)
    world.clock.advance_to(NOON + HOUR)
    engine = await begun(world)
    assert await dial(engine) == 2
    assert {one.to_number for one in puppet_of(engine).placed} == {a_lead(1).e164, a_lead(2).e164}
    found = await fates(world)
    assert [found[number] for number in (a_lead(0).e164, "+14155550999")] == [("expired", "expired")] * 2
    assert [rule for rule, _ in await decided(world)] == ["consent"] * 2
    assert {inputs["ends_at"] for _, inputs in await decided(world)} == {"2026-03-02T13:00:00.000Z"}
    await every_call_is_somewhere(world)


async def test_no_redial_is_planned_past_the_end_of_a_consent(make_world):
    """The attempt says that there is no time left."""
    world = await make_world(leads=[agreed(0, None, NOON + HOUR), agreed(1, None, NOON + HOUR * 2)], retry=REDIALS)
    engine = await begun(world)
    assert await dial(engine) == 2
    await end(engine)
    found = await fates(world)
    assert found == {a_lead(0).e164: ("expired", "expired"), a_lead(1).e164: (None, None)}


async def test_a_consent_that_ends_between_claim_and_dial_keeps_the_dial_back(make_world):
    """The intent is taken back, and its call expires when it is due again, without an attempt."""
    world = await make_world(leads=[agreed(0, None, NOON + HOUR)])
    world.clock.advance_to(NOON + HOUR - TimeDelta(milliseconds=1))
    engine = await begun(world)
    await engine.dialler.run_once()
    assert len(await world.attempts()) == 1
    world.clock.advance_to(NOON + HOUR)
    await engine.placer.run_once()
    assert puppet_of(engine).placed == []
    await engine.dialler.run_once()
    assert await world.attempts() == []
    assert await fates(world) == {a_lead(0).e164: ("expired", "expired")}


async def test_a_campaign_that_requires_consent_dials_nobody_without(make_world):
    """Whoever is a lead already is cancelled when the dial is due; redials are no exception."""
    world = await make_world(leads=[a_lead(0), agreed(1, NOON - HOUR), agreed(2, NOON + HOUR)], retry=REDIALS)
    engine = await begun(world, claim_batch=1)
    assert await dial(engine) == 1
    await end(engine)
    await world.value("UPDATE campaigns SET requires_consent = true")
    engine = await begun(world, "b")
    world.clock.advance_to(NOON + HOUR - TimeDelta(minutes=1))
    assert await dial(engine) == 1
    world.clock.advance_to(NOON + HOUR * 2)
    assert await dial(engine) == 1
    assert [one.to_number for one in puppet_of(engine).placed] == [a_lead(1).e164]
    cancelled = ("cancelled", "cancelled")
    assert await fates(world) == {a_lead(0).e164: cancelled, a_lead(1).e164: (None, None), a_lead(2).e164: cancelled}
    assert [inputs["why"] for _, inputs in await decided(world)] == ["no_consent"] * 2


async def test_an_import_leaves_out_whom_nobody_may_dial(make_world):
    """Each with its reason; a lead whose consent is yet to begin is one where none is required."""
    world = await make_world(leads=[agreed(0, NOON - HOUR * 2, NOON - HOUR), agreed(1, NOON + HOUR)])
    assert list(await fates(world)) == [a_lead(1).e164]
    await world.value("UPDATE campaigns SET requires_consent = true")
    report = await world.add_leads([agreed(2, NOON), agreed(3, NOON + HOUR), *some_leads(2, first=4)])
    assert report.created == 1
    assert {code: reason.rows for code, reason in report.reasons.items()} == {"no_consent": [5, 6, 7]}
    kept = await world.value("SELECT consent_at FROM calls WHERE to_number = $1", a_lead(2).e164)
    assert kept == NOON


async def test_consents_are_explained(make_world):
    """For the one whose is lacking, and the one whose comes to an end; and counted among the campaign's blockers."""
    world = await make_world(leads=[a_lead(0), agreed(1, NOON, NOON + HOUR), agreed(2, NOON, NOON + HOUR * 5)])
    await begun(world)
    await world.value("UPDATE campaigns SET requires_consent = true")
    explainer = Explainer(Shelf(), lambda *_: HOUR)
    calls = {call["to_number"]: call["call_id"] for call in await world.calls()}

    async def explained(n):
        async with world.database.transaction() as db:
            found = await explainer.call(db, world.workspace_no, calls[a_lead(n).e164], world.clock.now())
        return found.next.action, [(one.kind, one.binding, one.until) for one in found.constraints]

    assert await explained(0) == ("none", [(Kind.CONSENT, True, None)])
    assert await explained(1) == ("dial", [(Kind.CONSENT, False, NOON + HOUR)])
    world.clock.advance_to(NOON + HOUR * 2)
    assert await explained(1) == ("none", [(Kind.CONSENT, True, None)])
    async with world.database.transaction() as db:
        campaign = await find_campaign(db, world.workspace_no, world.campaign.campaign_id)
        await db.execute("UPDATE nodes SET lease_until = $1", world.clock.now() + HOUR)
        blocked = await explainer.campaign(db, world.workspace_no, campaign, world.clock.now())
    assert blocked.ready == 1
    assert [(one.kind, one.rule, one.leads) for one in blocked.blockers] == [(Kind.CONSENT, "consent", 2)]

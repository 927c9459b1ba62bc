"""Blockers: what the leads of a campaign wait for, counted in groups that a claim would treat alike."""

from collections.abc import Iterable, Sequence

from whenever import Instant

from ringback.domain.blockers import Blocked, Blocker, blocked
from ringback.domain.decision import Rule, Withheld
from ringback.domain.explain import Constraint, Kind, kind_of
from ringback.engine.plan import Plans
from ringback.engine.withhold import by_time, may_dial, without_consent
from ringback.store import explain as facts
from ringback.store.database import Connection, Record


async def count_blocked(
    db: Connection,
    plans: Plans,
    lanes: Sequence[Record],
    starts_at: Instant | None,
    stops: Sequence[Constraint],
    crowds: Iterable[Constraint],
    pool_rests: Withheld | None,
    now: Instant,
) -> Blocked:
    """What the leads of a campaign wait for.

    Args:
        db: a connection, in a transaction with one snapshot.
        plans: that know the campaign as it is now.
        lanes: of the campaign.
        starts_at: its begin, None where that is open.
        stops: what holds up all that is due for as long as somebody lets it, such as a pause.
        crowds: limits that are full at this moment.
        pool_rests: why nothing can be dialled from its caller pool now, None where something can.
        now: the time of asking.
    """
    whose, begins = (lanes[0]["workspace_no"], lanes[0]["campaign_no"]), max(now, starts_at or now)
    late = [_not_due(row) for row in await facts.read_not_due(db, *whose, begins)]
    if stops or begins > now:
        due = await facts.count_due(db, *whose, begins)
        rests = bool(stops) and stops[0].kind in (Kind.NOT_STARTED, Kind.PAUSED)
        if rests:
            return blocked(0, [Blocker(stops[0].kind, None, due + sum(one.leads for one in late), None, None)])
        until = None if begins == now else begins
        kind = Kind.STARTS_AT if begins > now else stops[0].kind
        return blocked(0, [*late, Blocker(kind, None, due, until, until)])
    groups = await facts.read_due_groups(db, *whose, now)
    await plans.learn_zones(db, {group["zone_set_no"] for group in groups})
    crowd = next((one for one in crowds if one.binding), None)
    held = [(group["leads"], _held(plans, group, pool_rests, crowd, now)) for group in groups]
    ready = sum(leads for leads, by in held if by is None)
    return blocked(ready, [*late, *(by._replace(leads=leads) for leads, by in held if by is not None)])


def _not_due(row: Record) -> Blocker:
    """The dials that a decision has put off, or that wait for their interval; a first dial is due when hours begin."""
    if row["rule"] is not None:
        why = Withheld(row["rule"], row["first_until"], {"why": row["why"]}, row["pack"], row["pack_version"])
        return Blocker(kind_of(why), why.rule, row["leads"], row["first_until"], row["last_until"])
    kind, rule = (Kind.INTERVAL, None) if row["redial"] else (Kind.WINDOW, str(Rule.CALLING_WINDOW))
    return Blocker(kind, rule, row["leads"], row["first_until"], row["last_until"])


def _held(
    plans: Plans, group: Record, rests: Withheld | None, crowd: Constraint | None, now: Instant
) -> Blocker | None:
    """What holds up a group of dials that are due; None for nothing."""
    plan = plans.plan(group)
    why = without_consent(group, plan, now) or (rests if may_dial(plan, now) else by_time(group, plan, now))
    if why is not None:
        return Blocker(kind_of(why), why.rule, 0, why.next_at, why.next_at)
    return crowd and Blocker(crowd.kind, str(crowd.detail["limit"]), 0, None, None)

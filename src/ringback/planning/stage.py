"""What a campaign is played on: its leads and all that a claim goes by, read once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from whenever import Instant, TimeDelta

from ringback.carriers.carrier import Carrier, Listener
from ringback.domain.billing import DeckVersion
from ringback.domain.campaign import CampaignState
from ringback.domain.contact import NO_RULES, ContactRules, debt_key
from ringback.domain.decision import Withheld
from ringback.domain.limits import LaneKey, LimitKey
from ringback.domain.plan import Order
from ringback.domain.worth import Evidence
from ringback.engine.callers_seen import look_at_pool
from ringback.engine.contact import read_rules
from ringback.engine.explain import Longest
from ringback.engine.packs import RulePacks
from ringback.engine.plan import Plans
from ringback.engine.trunks import Trunks
from ringback.engine.withhold import by_list
from ringback.events import Event, TrunkRefused
from ringback.rules.shelf import Shelf
from ringback.store import explain as facts
from ringback.store import planning, queue
from ringback.store.caller_pools import PoolKey, PoolNow
from ringback.store.campaigns import CampaignRow
from ringback.store.contacts import Before
from ringback.store.database import Connection, Record
from ringback.store.planning import Counts, Surroundings
from ringback.store.rates import read_deck
from ringback.store.worth import read_evidence

Caps = tuple[int | None, float | None]


class Lead(msgspec.Struct):
    """A lead that waits for a dial, or is up, with the columns that a claim takes.

    Attributes:
        place: among the leads that are played.
        is_live: whether this attempt is up.
        dials: when its call was dialled before.
        last_number: from which number it was dialled last.
        refused_by: the trunks that refused it in a row.
        put_off_by: the contact rule that withheld it when a claim last looked, None where none did.
        wanted_at: when it was due and might have been dialled, had there been a slot before its hours ended.
    """

    place: int
    workspace_no: int
    call_id: UUID
    campaign_no: int
    trunk_no: int
    attempt: int
    due_at: Instant
    is_live: bool
    to_number: str
    zone_set_no: int
    region: str | None
    zone_source: str | None
    created_at: Instant
    consent_at: Instant | None
    consent_expires_at: Instant | None
    debt_id: str | None
    dials: tuple[Instant, ...]
    last_number: str | None
    caller_no: int = 0
    refused_by: tuple[int, ...] = ()
    put_off_by: Withheld | None = None
    wanted_at: Instant | None = None

    def __getitem__(self, name: str) -> Any:
        """A column, as of the row that a claim takes."""
        return getattr(self, name)


_COLUMNS = (
    *("call_id", "attempt", "due_at", "is_live", "to_number", "zone_set_no", "region", "zone_source"),
    *("created_at", "consent_at", "consent_expires_at", "debt_id", "last_number"),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """All that a run goes by; runs leave it as it is.

    Attributes:
        order: what is asked for.
        begins: when the first dial may be placed.
        until: the end of the run: of the days, or of the campaign.
        is_to_the_end: whether that is the campaign's own.
        lanes: by lane, a row for each trunk that its dials may go over, of a campaign that runs.
        leads: those that are played.
        each: for how many leads each of them stands.
        counts: of all leads.
        plans: knows the rules for each dial.
        trunks: knows the trunks, and dials nobody.
        around: what stands above the campaign, or takes slots beside it.
        rules: the workspace's own contact rules.
        counted: what contact rules know of numbers, and of debts, by what they are counted under.
        pools: the caller pool of the campaign, where it has one.
        listed: why the numbers are not dialled that are on the do-not-call list.
        caps: by limit, those that have any.
        decks: the rate decks of its trunks.
        evidence: what its attempts have cost and reached so far, by ordinal.
        faults: why packs or trunks cannot be had, a line each.
    """

    order: Order
    begins: Instant
    until: Instant
    is_to_the_end: bool
    lanes: dict[LaneKey, list[dict[str, Any]]]
    leads: list[Lead]
    each: float
    counts: Counts
    plans: Plans
    trunks: Trunks
    around: Surroundings
    rules: ContactRules = NO_RULES
    counted: Mapping[str, Before] = field(default_factory=dict)
    pools: Mapping[PoolKey, PoolNow] = field(default_factory=dict)
    listed: dict[str, Withheld] = field(default_factory=dict)
    caps: dict[LimitKey, Caps] = field(default_factory=dict)
    decks: dict[UUID, tuple[DeckVersion, ...]] = field(default_factory=dict)
    evidence: Mapping[int, Evidence] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


async def set_stage(db: Connection, campaign: CampaignRow, order: Order, shelf: Shelf, longest: Longest) -> Stage:
    """Read what a campaign is planned by.

    Args:
        db: a connection, in a transaction with one snapshot that may read much.
        campaign: which.
        order: what is asked for.
        shelf: where the rule packs are.
        longest: knows the kinds of trunk.
    """
    key = (campaign.workspace_no, campaign.campaign_no)
    begins = max(order.now, campaign.plan.starts_at or order.now)
    ends_at, until = campaign.plan.ends_at, begins + TimeDelta(hours=24 * order.days)
    counts, around = await planning.read_counts(db, *key), await planning.read_surroundings(db, *key)
    rows = await planning.read_leads(db, *key, order.leads, counts.open)
    lanes = await _lanes(db, campaign)
    packs = RulePacks(shelf, _tell_nobody)
    plans, refused = Plans(packs), list[str]()
    await plans.learn_zones(db, {row["zone_set_no"] for row in rows})
    leads = [_lead(place, key, row, lanes) for place, row in enumerate(rows)]
    numbers = ((key[0], lead.to_number) for lead in leads) if around.list_version else ()
    trunks = _trunks(longest, refused)
    every = [row for found in lanes.values() for row in found]
    plans.refresh(every, begins)
    for row in every:
        trunks.refresh((key[0], row["via_trunk_no"]), row)
    each = counts.open / len(leads) if leads else 1.0
    return Stage(
        order,
        begins,
        until if ends_at is None else min(until, ends_at),
        ends_at is not None and ends_at <= until,
        lanes,
        leads,
        each,
        counts,
        plans,
        trunks,
        around,
        read_rules(around.contact_rules) if around.contact_rules else NO_RULES,
        dict(_counted(rows)),
        {} if (pool := await look_at_pool(db, every[0])) is None else {pool.key: pool},
        {number: why for (_, number), why in (await by_list(db, numbers, begins)).items()},
        _caps(every),
        {deck_id: await read_deck(db, key[0], deck_id) for row in every if (deck_id := row["rate_deck_id"])},
        (await read_evidence(db, {key}))[key],
        (*packs.faults(every[0]), *dict.fromkeys(refused)),
    )


async def _lanes(db: Connection, campaign: CampaignRow) -> dict[LaneKey, list[dict[str, Any]]]:
    """The campaign's lane and, where it has several trunks, those of the dials that must go over one of them."""
    key = (campaign.workspace_no, campaign.campaign_no)
    found = [await facts.read_lanes(db, *key, 0, 0)]
    if len(found[0]) > 1:
        found += [await facts.read_lanes(db, *key, row["via_trunk_no"], 0) for row in found[0]]
    return {queue.lane_key(rows[0]): [{**row, "status": CampaignState.RUNNING} for row in rows] for rows in found}


def _lead(place: int, key: tuple[int, int], row: Record, lanes: Mapping[LaneKey, object]) -> Lead:
    trunk_no = 0 if row["is_live"] or LaneKey(*key, row["trunk_no"], 0) not in lanes else row["trunk_no"]
    return Lead(
        place=place,
        workspace_no=key[0],
        campaign_no=key[1],
        trunk_no=trunk_no,
        **{name: row[name] for name in _COLUMNS},
        dials=tuple(row["dials"] or ()),
    )


def _counted(rows: Iterable[Record]) -> Iterator[tuple[str, Before]]:
    """What is remembered of the numbers of leads, and of their debts."""
    for row in rows:
        yield row["to_number"], Before(row["counted"] or [], row["talked_at"])
        if row["debt_id"] is not None:
            yield debt_key(row["debt_id"]), Before(row["debt_counted"] or [], row["debt_talked_at"])


def _caps(lanes: Sequence[Mapping[str, Any]]) -> dict[LimitKey, Caps]:
    found = {key: caps for row in lanes for key, caps in queue.limits_of(row).items()}
    return {key: caps for key, caps in found.items() if caps is not None and caps != (None, None)}


class _Silent:
    """Stands where a trunk's carrier does: it has room for all, and nobody asks it to dial."""

    wants_agents, outlives_node, ailing = False, True, None

    def __init__(self, longest: TimeDelta) -> None:
        self.longest = longest

    def room(self) -> int | None:
        """As many as come."""
        return None


def _trunks(longest: Longest, refused: list[str]) -> Trunks:
    """The trunks, each set up as far as that is possible without dialling."""

    def make(kind: str, settings: dict[str, object], _: Listener) -> Carrier:
        return _Silent(longest(kind, settings))  # type: ignore[return-value]  # nobody places by it

    def hear(event: Event) -> None:
        if isinstance(event, TrunkRefused):
            refused.append(f"the trunk {event.trunk} cannot be set up: {event.why}")

    return Trunks(make, _hear_nothing, hear)


def _hear_nothing(_: object) -> None:
    """Nobody dials, so nothing comes."""


def _tell_nobody(_: Event) -> None:
    """Nodes tell of packs that cannot be had; who asks is answered."""

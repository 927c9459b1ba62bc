"""What rules cost: the engine under windows, contact rules and a long do-not-call list, beside itself without them."""

import json
from dataclasses import dataclass, field
from types import MappingProxyType

from bench.figures import Context, Figure, Limit, amount, middle, spread
from bench.ours import Times, ended_attempts, engine_at_work, rate, until
from bench.world import SQL, World, fill_queue, new_world, tidy
from ringback.clock import SystemClock
from ringback.domain.contact import parse_contact_rules
from ringback.domain.window_form import parse_window
from ringback.store.database import API_SETTINGS, Database, connect
from ringback.store.windows import window_columns

LEAST_SHARE, MOST_TIMES = Limit(0.6), Limit(1.2, most=True)
CONTACT_RULES = {"per_number": ["5 per 24h", "7 per 7d"]}
"""Two rolling rules, which each dial is counted and looked up for; four attempts of a lead do not come to them."""

OPEN_ALL_WEEK = [["00:00", "24:00"]]
WINDOW = {
    "weekly": {"mon-fri": OPEN_ALL_WEEK, "sat": OPEN_ALL_WEEK, "sun": OPEN_ALL_WEEK},
    "exceptions": {"2030-12-24": [["09:00", "13:00"]], "2030-12-25": []},
    "by_country": {"DE": {"weekly": {"mon-sun": OPEN_ALL_WEEK}}},
}
BARE, LISTED, RULED = "without", "with the list", "with all rules"
EXPLAINED = """## Rules

The engine's bench once more, by three tenants in turns: one without any rule; one with a do-not-call list of others'
numbers; and one with such a list, two rolling contact rules over all campaigns, and hours by weekday, date and country,
by which each dial is decided on, in the claim and again when it is placed. The list is one of a million numbers. No
rule binds, so that all three dial the same: what is measured is what it costs to know that. The share is the median of
the rounds; the claims beside one another are those of the first two."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is done."""

    leads: int
    listed: int
    rounds: int
    sec: float


@dataclass(slots=True)
class Found:
    """What a tenant's rounds came to: attempts a second, and the milliseconds of each claim."""

    per_sec: list[float] = field(default_factory=list)
    claim_ms: list[float] = field(default_factory=list)


async def measure(context: Context) -> list[Figure]:
    """All three in turns, on the same server."""
    sizes = Sizes(10_000, 1_000, 1, 0.5) if context.quick else Sizes(700_000, 1_000_000, 3, 12.0)
    database = await connect(context.dsn, size=2, settings=API_SETTINGS)
    try:
        with context.step(f"{sizes.leads:,} leads, three times, and {sizes.listed:,} numbers listed, twice"):
            worlds = await _worlds(database, sizes)
        found = {name: Found() for name in worlds}
        with context.step(f"three tenants, {sizes.sec:.0f} s a round", 3 * sizes.rounds) as done:
            for turn in range(sizes.rounds):
                names = list(worlds)
                for name in names[turn % 3 :] + names[: turn % 3]:
                    await _round(context, database, worlds[name], sizes.sec, found[name])
                    done()
    finally:
        await database.close()
    return _figures(found, sizes)


async def _worlds(database: Database, sizes: Sizes) -> MappingProxyType[str, World]:
    now = SystemClock().now()
    worlds = {name: await new_world(database, now, status="paused") for name in (BARE, LISTED, RULED)}
    async with database.connection() as db:
        for name in (LISTED, RULED):
            await db.execute(SQL["fill_list"], worlds[name].workspace_no, sizes.listed, now, timeout=600)
        ruled = worlds[RULED].workspace_no
        rules = parse_contact_rules(CONTACT_RULES)
        await db.execute(SQL["set_contact_rules"], ruled, json.dumps(CONTACT_RULES), rules.span_sec)
        await db.execute(SQL["set_window"], ruled, *window_columns(parse_window(WINDOW)))
    for world in worlds.values():
        await fill_queue(database, world, sizes.leads, now)
    async with database.connection() as db:
        await tidy(db)
    return MappingProxyType(worlds)


async def _round(context: Context, database: Database, world: World, sec: float, found: Found) -> None:
    """Let one tenant's campaign run for so many seconds."""
    times = Times()

    async def ended() -> int:
        return await ended_attempts(database, world)

    async with database.connection() as db:
        await db.execute(SQL["resume"], world.workspace_no)
    async with engine_at_work(context.dsn, times):
        await until(ended, await ended() + 1)
        found.per_sec.append(await rate(ended, sec))
        async with database.connection() as db:
            await db.execute(SQL["pause"], world.workspace_no)
    found.claim_ms += times.claim_ms


def _figures(found: dict[str, Found], sizes: Sizes) -> list[Figure]:
    shares = [ours / bare for ours, bare in zip(found[RULED].per_sec, found[BARE].per_sec, strict=True)]
    rates = "; ".join(f"{name}: {spread(each.per_sec)} attempts/s" for name, each in found.items())
    listed, bare = middle(found[LISTED].claim_ms), middle(found[BARE].claim_ms)
    return [
        Figure(
            "rules: attempts a second with all rules, of what the engine does without",
            middle(shares),
            "times",
            LEAST_SHARE,
            rates,
            spread(shares),
        ),
        Figure(
            f"rules: a claim with {sizes.listed:,} numbers on the list, of one without",
            listed / bare,
            "times",
            MOST_TIMES,
            f"{amount(bare)} ms without, {amount(listed)} ms with",
        ),
    ]

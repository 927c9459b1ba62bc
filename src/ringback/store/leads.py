"""Leads into a campaign: the whole file in one transaction, so that an import that is cut off leaves nothing behind."""

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

from whenever import Instant

from ringback.domain.consent import UNSAID, withheld_without
from ringback.domain.window import Zones, ZoneSource, next_open
from ringback.errors import Conflict
from ringback.ids import Ids
from ringback.intake.leads import Chunk, Lead
from ringback.intake.report import Report, reject
from ringback.store.audit import Note
from ringback.store.database import Connection, Database, Record
from ringback.store.do_not_call import listed
from ringback.store.older import check_no_older
from ringback.store.queries import load
from ringback.store.windows import hours_at, window_of
from ringback.store.workspaces import hold_timezone, settle_in_zone
from ringback.store.zones import zone_set_numbers

_SQL = load("leads")

CHUNKS_AHEAD = 3
"""Chunks that are read before they are asked for: each is some megabytes."""

Drawn = tuple[Chunk, list[UUID]]
"""A chunk and the ids of its leads' calls."""


class _Whereabouts(NamedTuple):
    """What many leads have in common, and what is reckoned once for them: where they are, as far as that matters."""

    zones: Zones
    source: ZoneSource
    country: str | None
    region: str | None


class _DryRun(Exception):
    """Everything was done as in earnest, and is to be undone."""


async def import_leads(
    database: Database,
    workspace_no: int,
    campaign_no: int,
    chunks: Iterable[Chunk],
    ids: Ids,
    now: Instant,
    note: Note | None = None,
    *,
    dry_run: bool = False,
) -> Report:
    """Make leads of all good rows and report the others.

    The chunks are read on a thread of their own while those before them are stored.

    Args:
        database: the store.
        workspace_no: the tenant.
        campaign_no: one of its campaigns.
        chunks: from a file or from JSON.
        ids: makes the calls' ids, in the order of the rows.
        now: the time of creation, from which the first dials are planned.
        note: told of the counts in the transaction that makes the leads, which commits what it writes too.
        dry_run: do all the same and keep nothing of it.

    Raises:
        Conflict: the campaign is cancelled.
        Invalid, TooLarge, UnknownFileType: what is wrong with the file as a whole.
        DatabaseUnavailable: nothing was imported.
    """
    report, drawn = Report(), _with_ids(chunks, ids.ascending(now))
    with suppress(_DryRun):
        async with database.transaction() as db:
            await db.execute(_SQL["lock_leads"], workspace_no, campaign_no)
            rules = await db.fetchrow(_SQL["lead_rules"], workspace_no, campaign_no)
            importer = _Importer(database, db, rules, now)
            await _store_all(drawn, importer, report)
            await importer.settle()
            await _run_again(db, rules, report, now)
            if dry_run:
                raise _DryRun
            if note is not None:
                await note(db, None, {"created": report.created, "rejected": report.rejected})
    return report


async def _store_all(drawn: Iterator[Drawn], importer: "_Importer", report: Report) -> None:
    async for chunk, call_ids in _read_ahead(drawn):
        report.reject_all(chunk.rejects)
        await importer.store(chunk.leads, call_ids, report)


async def _run_again(db: Connection, rules: Record, report: Report, now: Instant) -> None:
    """A campaign that was complete has leads again; one that was cancelled meanwhile takes none."""
    key = (rules["workspace_no"], rules["campaign_no"])
    if await db.fetchval(_SQL["take_leads"], *key, report.created > 0, now) is None:
        raise Conflict("illegal_transition", "the campaign is cancelled and takes no more leads")


class _Importer:
    """One import on its way into the store."""

    def __init__(self, database: Database, db: Connection, rules: Record, now: Instant) -> None:
        self._database, self._db, self._rules, self._now = database, db, rules, now
        self._window = window_of(rules)
        self._first_dials: dict[_Whereabouts, Instant] = {}
        self._known: set[_Whereabouts] = set()
        self._numbers: dict[Zones, int] = {}
        self._stored = 0
        self._is_new = False  # whether it is known that no server lives which knows nothing of consent

    async def store(self, leads: list[Lead], call_ids: list[UUID], report: Report) -> None:
        """Store a chunk's leads; those that can never be dialled or are there already go into the report."""
        leads, call_ids = await self._without_listed(*self._agreed(leads, call_ids, report), report)
        if not self._is_new and any(lead.consent.expires_at for lead in leads):
            await check_no_older(self._db, "consent that ends", self._now)
            self._is_new = True
        where = list(map(self._where, leads))
        await self._learn(set(where))
        never = [lead for lead, place in zip(leads, where, strict=True) if place not in self._first_dials]
        report.reject_all(reject("never_callable", lead.row, lead.e164) for lead in never)
        if never:
            rows = zip(leads, call_ids, where, strict=True)
            kept = [row for row in rows if row[2] in self._first_dials]
            leads, call_ids, where = ([row[n] for row in kept] for n in range(3))  # type: ignore[assignment]
        key = (self._rules["workspace_no"], self._rules["campaign_no"], self._now)
        there = await self._db.fetch(_SQL["add_leads"], *key, *self._columns(leads, call_ids, where))
        self._stored += len(leads)
        report.reject_all(reject("duplicate", row["row_no"], row["to_number"]) for row in there)
        report.created += len(leads) - len(there)

    def _agreed(self, leads: list[Lead], call_ids: list[UUID], report: Report) -> tuple[list[Lead], list[UUID]]:
        """Those whom nothing forbids to dial for want of consent, as of now: the claims look at it again."""
        required, kept = self._rules["requires_consent"], []
        if not required and all(lead.consent is UNSAID for lead in leads):
            return leads, call_ids
        for pair in zip(leads, call_ids, strict=True):
            lead = pair[0]
            if lead.consent.expires_at is not None and lead.consent.expires_at <= self._now:
                report.reject("consent_expired", lead.row, lead.consent.expires_at.format_iso(unit="second"))
            elif required and withheld_without(lead.consent.given_at, self._now):
                report.reject("no_consent", lead.row, lead.e164)
            else:
                kept.append(pair)
        return [lead for lead, _ in kept], [call_id for _, call_id in kept]

    async def _without_listed(
        self, leads: list[Lead], call_ids: list[UUID], report: Report
    ) -> tuple[list[Lead], list[UUID]]:
        """Those that are not on the do-not-call list; an entry that comes during the import is seen by the claims."""
        workspace_no = self._rules["workspace_no"]
        if not self._rules["list_version"]:
            return leads, call_ids
        on_it = await listed(self._db, ((workspace_no, lead.e164) for lead in leads), self._now)
        report.reject_all(
            reject("do_not_call", lead.row, lead.e164) for lead in leads if (workspace_no, lead.e164) in on_it
        )
        kept = [pair for pair in zip(leads, call_ids, strict=True) if (workspace_no, pair[0].e164) not in on_it]
        return [lead for lead, _ in kept], [call_id for _, call_id in kept]

    async def settle(self) -> None:
        """Leads of no zone are in the workspace's if it got one since the import began; until its end it gets none."""
        if all(place.source is not ZoneSource.NONE for place in self._known):
            return
        zone = await hold_timezone(self._db, self._rules["workspace_no"])
        if zone is not None:
            number = (await zone_set_numbers(self._db, [(zone,)]))[zone,]
            await settle_in_zone(self._db, self._rules["workspace_no"], number, self._now)

    def _where(self, lead: Lead) -> _Whereabouts:
        """Where a lead is; one of whom nothing tells the zone is in the workspace's, if that has one."""
        country = None if self._window.is_placeless else lead.country
        if lead.zones:
            source = ZoneSource.LEAD if lead.own_zone else ZoneSource.NUMBER
            return _Whereabouts(lead.zones, source, country, lead.region)
        own = self._rules["timezone"]
        zones, source = ((own,), ZoneSource.WORKSPACE) if own else ((), ZoneSource.NONE)
        return _Whereabouts(zones, source, country, lead.region)

    def _columns(self, leads: list[Lead], call_ids: list[UUID], where: list[_Whereabouts]) -> tuple[object, ...]:
        """What the statement takes, in its order; what whereabouts decide is sent once for them, not for each lead."""
        used = {place: n for n, place in enumerate(dict.fromkeys(where), 1)}
        return (
            call_ids,
            [lead.e164 for lead in leads],
            [lead.name for lead in leads],
            [used[place] for place in where],
            [lead.variables for lead in leads],
            [self._numbers[place.zones] for place in used],
            [place.region for place in used],
            [place.source for place in used],
            [self._first_dials[place] for place in used],
            self._stored,
            [lead.row for lead in leads],
            *_consents(leads),
            [lead.debt_id for lead in leads] if any(lead.debt_id for lead in leads) else [],
        )

    async def _learn(self, places: set[_Whereabouts]) -> None:
        if not (new := places - self._known):
            return
        begins = self._rules["starts_at"]
        start = self._now if begins is None else max(begins, self._now)
        for place in new:
            hours, holidays = hours_at(self._window, place.country, place.region)
            # one of whom no zone is known waits until one is
            opens = next_open(hours, place.zones, start, holidays) if place.zones else start
            if opens is not None:
                self._first_dials[place] = opens
        self._known |= new
        if sets := {place.zones for place in new} - self._numbers.keys():
            async with self._database.connection() as other:  # committed at once: nobody waits for this import
                self._numbers.update(await zone_set_numbers(other, sets))


def _consents(leads: list[Lead]) -> tuple[list[Instant | None], list[Instant | None]]:
    """When each lead agreed and until when; two empty columns where none did, for most files say nothing of it."""
    if all(lead.consent is UNSAID for lead in leads):
        return [], []
    return [lead.consent.given_at for lead in leads], [lead.consent.expires_at for lead in leads]


def _with_ids(chunks: Iterable[Chunk], ids: Iterator[UUID]) -> Iterator[Drawn]:
    """Each chunk with an id for each of its leads, made where the chunk is read."""
    return ((chunk, list(itertools.islice(ids, len(chunk.leads)))) for chunk in chunks)


async def _read_ahead(drawn: Iterator[Drawn]) -> AsyncIterator[Drawn]:
    """The chunks, the next few read on a thread of their own while this one is worked on.

    Reading and storing share one interpreter: a thread that waited for each chunk to be asked for would stand still
    whenever PostgreSQL works.
    """
    reader, loop = ThreadPoolExecutor(1, "import"), asyncio.get_running_loop()
    try:
        following = deque(loop.run_in_executor(reader, next, drawn, None) for _ in range(CHUNKS_AHEAD))
        while (chunk := await following.popleft()) is not None:
            following.append(loop.run_in_executor(reader, next, drawn, None))
            yield chunk
    finally:
        reader.shutdown(wait=False, cancel_futures=True)

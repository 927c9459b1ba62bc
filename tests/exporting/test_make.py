"""Exports as they are made: every row, in every form, and only by who began it last."""

import csv
import json
from uuid import UUID

import pytest
from arro3.io import read_parquet
from tests.rows import a_decision, an_attempt, single_call
from tests.world import LIVELY, NOON, a_world, drive
from whenever import TimeDelta

from ringback.domain.export import COLUMNS, Format, Kind, Type
from ringback.exporting.cells import show_ids
from ringback.exporting.make import Means, draft_of, make, place_of
from ringback.ids import ATTEMPT, CALL, show
from ringback.store import exports
from ringback.store.export_rows import reading
from ringback.store.exports import Beginning, Wanted, claim, create_export

EXPORT = UUID(int=77)


@pytest.fixture
async def world(postgres, tmp_path):
    """A world in which some calls were dialled, and one is called like a formula."""
    async with a_world(
        postgres, tmp_path, leads=12, simulator=LIVELY, retry={"max_retries": 1, "wait_minutes": 30}
    ) as w:
        engine = await w.engine()
        await drive(engine, w.clock, NOON + TimeDelta(hours=2))
        await single_call(w)
        await w.value("UPDATE calls SET name = '=1+1', variables = '{\"a\": [1]}' WHERE call_id = $1", UUID(int=1))
        await an_attempt(w, UUID(int=1))
        await a_decision(w, UUID(int=1))
        yield w


async def began(world, kind, file_format, export_id=EXPORT, **filters):
    """An export that this server has begun."""
    now = world.clock.now()
    columns = [column.name for column in COLUMNS[kind]]
    wanted = Wanted(kind, file_format, filters, columns, now + TimeDelta(hours=1))
    async with world.database.connection() as db:
        await create_export(db, world.workspace_no, export_id, wanted, now, UUID(int=5))
        return await claim(db, "a", now, now + TimeDelta(minutes=1), 3)


async def made(world, kind, file_format, export_id=EXPORT, **filters):
    """The file of an export."""
    beginning = await began(world, kind, file_format, export_id, **filters)
    async with reading(world.dsn) as rows:
        await make(Means(world.database, rows, world.clock, world.folder), beginning)
    return place_of(world.folder, world.workspace_no, export_id, file_format)


async def row_of(world, export_id=EXPORT):
    """An export as it stands."""
    [row] = await world.rows("SELECT * FROM exports WHERE export_id = $1", export_id)
    return row


async def test_forms_have_the_same_rows(world):
    """Every attempt is in the CSV, the JSON lines and the Parquet, with the same values."""
    attempts = await world.attempts()
    lines = await made(world, Kind.ATTEMPTS, Format.JSONL, UUID(int=1))
    objects = [json.loads(line) for line in lines.read_text().splitlines()]
    assert {one["id"] for one in objects} == {show(ATTEMPT, row["attempt_id"]) for row in attempts}
    table = await made(world, Kind.ATTEMPTS, Format.CSV, UUID(int=2))
    with table.open(newline="") as file:
        cells = list(csv.DictReader(file))
    assert cells == [
        {n: "" if v is None else v if isinstance(v, str) else json.dumps(v) for n, v in one.items()} for one in objects
    ]
    parquet = read_parquet(await made(world, Kind.ATTEMPTS, Format.PARQUET, UUID(int=3))).read_all()
    for column in COLUMNS[Kind.ATTEMPTS]:
        if column.type not in (Type.TIME, Type.JSON):
            assert parquet.column(column.name).to_pylist() == [one[column.name] for one in objects], column
    called = parquet.column("called_at").to_pylist()
    shown = [at and at.isoformat(timespec="milliseconds").replace("+00:00", "Z") for at in called]
    assert shown == [one["called_at"] for one in objects]
    row = await row_of(world, UUID(int=3))
    assert (row["status"], row["rows"]) == ("done", len(attempts))
    assert row["bytes"] == place_of(world.folder, world.workspace_no, UUID(int=3), "parquet").stat().st_size


async def test_calls_and_decisions_have_theirs(world):
    """A call with its state and its sums; a decision with what it went by. A name that is a formula is text."""
    calls = await made(world, Kind.CALLS, Format.CSV, UUID(int=1))
    with calls.open(newline="") as file:
        cells = {one["id"]: one for one in csv.DictReader(file)}
    assert len(cells) == len(await world.calls())
    single = cells[show(CALL, UUID(int=1))]
    assert (single["name"], single["to_number"], single["variables"]) == ("'=1+1", "+14155550999", '{"a": [1]}')
    assert single["attempts"] == "1"
    decisions = await made(world, Kind.DECISIONS, Format.JSONL, UUID(int=2), rule="calling_window")
    [one] = map(json.loads, decisions.read_text().splitlines())
    assert (one["call_id"], one["rule"]) == (show(CALL, UUID(int=1)), "calling_window")
    assert isinstance(one["inputs"], dict)


async def test_filters_narrow(world):
    """By campaign, number, state and time; nothing at all is a file without rows."""
    of_number = await made(world, Kind.ATTEMPTS, Format.JSONL, UUID(int=1), to_number="+14155550999")
    assert len(of_number.read_text().splitlines()) == 1
    later = (NOON + TimeDelta(hours=99)).format_iso()
    nothing = await made(world, Kind.ATTEMPTS, Format.PARQUET, UUID(int=2), **{"from": later})
    assert read_parquet(nothing).read_all().num_rows == 0
    statuses = await made(world, Kind.CALLS, Format.JSONL, UUID(int=3), status="completed")
    assert {json.loads(line)["status"] for line in statuses.read_text().splitlines()} <= {"completed"}


async def test_who_was_taken_for_dead_writes_no_file(world):
    """Another server has begun anew: the first one finds its order gone, and leaves nothing behind."""
    first = await began(world, Kind.CALLS, Format.CSV)
    now = world.clock.now() + TimeDelta(minutes=2)
    async with world.database.connection() as db:
        second = await claim(db, "b", now, now + TimeDelta(minutes=1), 3)
        assert second == Beginning(*first[:2], 2)
        assert not await exports.finish(db, first, 1, 1, now)
        assert not await exports.note_progress(db, first, 1, 1, 1, now)
    async with reading(world.dsn) as rows:
        await make(Means(world.database, rows, world.clock, world.folder), first)
        assert not place_of(world.folder, *first[:2], "csv").exists()
        await make(Means(world.database, rows, world.clock, world.folder), second)
    assert place_of(world.folder, *first[:2], "csv").exists()
    assert not draft_of(world.folder, second).exists()
    assert (await row_of(world))["server"] == "b"


async def test_what_never_comes_to_an_end_has_failed(world):
    """After three beginnings nobody tries again, and the row says so."""
    now = world.clock.now()
    await began(world, Kind.CALLS, Format.CSV)
    async with world.database.connection() as db:
        for n in (1, 2, 3):
            at = now + TimeDelta(minutes=2 * n)
            taken = await claim(db, "b", at, at + TimeDelta(minutes=1), 3)
            assert (taken is None) == (n == 3)
    row = await row_of(world)
    assert (row["status"], row["begun"]) == ("failed", 3)
    assert "ended 3 times" in row["error"]


async def test_disk_that_takes_nothing_is_told(world):
    """The export has failed, and says where and why."""
    beginning = await began(world, Kind.CALLS, Format.CSV)
    draft_of(world.folder, beginning).mkdir(parents=True)
    async with reading(world.dsn) as rows:
        with pytest.raises(OSError, match="directory"):  # the draft's own removal: what is there is no file
            await make(Means(world.database, rows, world.clock, world.folder), beginning)
    row = await row_of(world)
    assert (row["status"], row["error"]) == ("failed", "the file could not be written on a: Is a directory")


def test_ids_are_those_that_are_shown():
    """Many at a time, as each by itself."""
    ids = [UUID(int=0), UUID(int=2**128 - 1), UUID("0196f0a4-7c3e-7b21-8d5f-3a9c0e6b1d42"), None]
    assert show_ids(CALL, ids) == [*(show(CALL, one) for one in ids[:3]), None]


@pytest.mark.parametrize("kind", Kind)
async def test_statements_have_the_columns_of_the_domain(world, kind):
    """In the same order: a row is read by place."""
    from ringback.store.export_rows import arguments
    from ringback.store.queries import load

    async with world.database.connection() as db:
        statement = await db.prepare(load("export_rows")[str(kind)])
        assert [one.name for one in statement.get_attributes()] == [column.name for column in COLUMNS[kind]]
        await statement.fetch(*arguments(world.workspace_no, kind, {}))

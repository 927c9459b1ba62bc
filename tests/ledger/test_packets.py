import json
import random
import subprocess
import sys
import zipfile
from pathlib import Path
from uuid import UUID

import pytest
from bench.tampering import TAMPERINGS, read_packet, write_packet
from tests.engine.duties import begun, dial, end
from tests.ledger.books import book
from tests.world import LIVELY, NOON, drive
from whenever import TimeDelta

from ringback.domain.hours import every_day
from ringback.errors import Impossible
from ringback.ids import CALL, show
from ringback.ledger.export import MOST_PAGED, Selection, export
from ringback.ledger.key import Signer, fingerprint
from ringback.ledger.verify import verify
from ringback.store import ledger
from ringback.store.retention import Rule, retire

REDIALS = {"max_attempts": 3, "after": {"no-answer": ["1h"], "busy": ["1h"], "voicemail": ["1h"], "failed": ["1h"]}}
DAY = TimeDelta(hours=24)
EVERYTHING = Selection({"all": "entries"})
CASES = 60


async def packet_of(world, selection=EVERYTHING, name="packet.zip"):
    """A packet out of a world's ledger, and its key's fingerprint."""
    signer = Signer(world.folder, None)
    workspace_id = await world.value("SELECT workspace_id FROM workspaces WHERE workspace_no = $1", world.workspace_no)
    async with world.database.connection() as db:
        owner = (world.workspace_no, workspace_id)
        await export(db, owner, selection, signer, world.folder / name, world.clock.now())
    return world.folder / name, fingerprint(signer.public_key)


async def to_number(world, number):
    """What is about a number."""
    async with world.database.connection() as db:
        calls = await ledger.calls_to(db, world.workspace_no, number)
    return Selection({"number": number}, calls=frozenset(map(str, calls)))


@pytest.fixture
async def dialled(make_world):
    """A world with the ledger of a small campaign."""
    world = await make_world(leads=12, retry=REDIALS, simulator=LIVELY)
    engine = await world.engine()
    await drive(engine, world.clock, NOON + DAY)
    await book(engine)
    return world


async def test_a_packet_of_all_is_as_it_was_signed(dialled):
    """Every attempt is in it, and in the table with its numbers."""
    path, key = await packet_of(dialled)
    attempts, calls = await dialled.attempts(), {c["call_id"]: c for c in await dialled.calls()}
    verdict = verify(path, key)
    assert (verdict.faults, verdict.entries) == ([], len(attempts))
    rows = [line.split(",") for line in zipfile.ZipFile(path).read("records.csv").decode().splitlines()]
    called = {(row[1], row[2]): row[5] for row in rows[1:]}
    assert called == {
        (show(CALL, row["call_id"]), str(row["attempt"])): calls[row["call_id"]]["to_number"] for row in attempts
    }


async def test_a_packet_about_a_number_has_its_attempts_and_no_others(dialled):
    """Proven to be in the ledger of all, in a few hashes."""
    number = (await dialled.calls())[3]["to_number"]
    path, key = await packet_of(dialled, await to_number(dialled, number))
    verdict = verify(path, key)
    assert verdict.faults == []
    assert 0 < verdict.entries < verdict.manifest.checkpoint.entries
    opened = [json.loads(line) for line in zipfile.ZipFile(path).read("openings.jsonl").splitlines()]
    assert {each["to"] for each in opened} == {number}


async def test_a_campaign_has_a_packet_and_a_stranger_none(dialled):
    """Nothing is found of what is not there."""
    campaign_id = str(dialled.campaign.campaign_id)
    path, key = await packet_of(dialled, Selection({"campaign": "it"}, campaign_id=campaign_id))
    assert verify(path, key).faults == []
    with pytest.raises(Impossible, match="no entry of number"):
        await packet_of(dialled, Selection({"number": "+14155550000"}, calls=frozenset()))


async def test_an_empty_ledger_has_no_packet(make_world):
    """There is nothing to sign."""
    with pytest.raises(Impossible, match="nothing has been entered"):
        await packet_of(await make_world())


async def test_a_packet_signed_by_another_key_is_found_by_its_fingerprint(dialled):
    """It is whole, and of somebody else."""
    path, _ = await packet_of(dialled)
    assert verify(path).faults == []
    [fault] = verify(path, "sha256:" + "0" * 64).faults
    assert "signed by another key" in fault.what


@pytest.mark.parametrize("mode", ["delete", "anonymise"])
async def test_an_erased_number_leaves_a_ledger_that_holds(dialled, mode):
    """The entries stay, nobody can tell whom they were about, and the packet says so."""
    before, key = await packet_of(dialled, name="before.zip")
    erased = (await dialled.calls())[0]
    await dialled.value("UPDATE calls SET finished_at = $1 WHERE call_id <> $2", NOON + 99 * DAY, erased["call_id"])
    async with dialled.database.connection() as db:
        looked = await retire(db, Rule(dialled.workspace_no, 1, mode), UUID(int=0), NOON + 9 * DAY, 100)
    assert looked.moved == 1
    path, _ = await packet_of(dialled)
    verdict = verify(path, key)
    assert (verdict.faults, verdict.entries) == ([], verify(before, key).entries)
    text = zipfile.ZipFile(path).read("records.csv").decode()
    assert erased["to_number"] not in text
    assert "erased" in text
    assert (await to_number(dialled, erased["to_number"])).calls == frozenset()


async def test_each_tampering_is_found_and_named(dialled):
    """Of many, by chance: a field, an entry, an order, an end, a proof, a table, a signature."""
    path, key = await packet_of(dialled)
    number = (await dialled.calls())[3]["to_number"]
    few, _ = await packet_of(dialled, await to_number(dialled, number), "few.zip")
    chance, tampered = random.Random(5), dialled.folder / "tampered.zip"
    for case in range(CASES):
        kind = list(TAMPERINGS)[case % len(TAMPERINGS)]
        files = read_packet(path if case % 2 else few)
        named = TAMPERINGS[kind](files, chance)
        write_packet(tampered, files)
        faults = verify(tampered, key).faults
        assert faults, kind
        assert named is None or any(fault.where == named for fault in faults), (kind, named, faults[:5])


@pytest.mark.parametrize("size", [0, 10, 1000])
async def test_a_packet_that_was_cut_short_is_none(dialled, size):
    """Whatever is left of it."""
    path, key = await packet_of(dialled)
    path.write_bytes(path.read_bytes()[:size])
    [fault] = verify(path, key).faults
    assert fault.where == "the packet"


async def test_a_packet_can_be_made_while_entries_are_written(make_world):
    """It has what was signed for it, and no more."""
    world = await make_world(leads=6)
    engine = await begun(world)
    await dial(engine)
    await end(engine, 3)
    await book(engine)
    first, key = await packet_of(world, name="first.zip")
    await end(engine)
    await book(engine)
    second, _ = await packet_of(world, name="second.zip")
    assert [verify(path, key).entries for path in (first, second)] == [3, 6]
    assert [verify(path, key).faults for path in (first, second)] == [[], []]


async def test_its_pages_are_a_document(dialled):
    """Of as many pages as its rows need; a table too long to read has none."""
    path, _ = await packet_of(dialled)
    pages = zipfile.ZipFile(path).read("records.pdf")
    assert pages.startswith(b"%PDF-")
    assert MOST_PAGED > 1_000


async def test_it_is_checked_without_a_database(dialled):
    """By the command, which exits with 1 where something is wrong."""
    path, key = await packet_of(dialled)

    def said(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ringback", "ledger", "verify", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env={"PYTHONPATH": _SOURCE})

    good = said(str(path), "--key-fingerprint", key)
    assert (good.returncode, "is as it was signed" in good.stdout) == (0, True)
    bad = said(str(path), "--key-fingerprint", "sha256:00", "--json")
    assert (bad.returncode, json.loads(bad.stdout)["valid"]) == (1, False)


_SOURCE = ":".join(path for path in sys.path if Path(path).name == "src")


async def test_a_packet_has_the_dials_that_were_withheld(make_world):
    """Among the attempts, in the table without a number."""
    world = await make_world(leads=2, window=every_day(9 * 60, 12 * 60), started=False)
    world.clock.advance_to(NOON + TimeDelta(hours=1))
    await world.value("UPDATE queue SET due_at = $1", NOON)
    await world.act("start")
    engine = await begun(world)
    await engine.dialler.run_once()
    await book(engine)
    path, key = await packet_of(world, await to_number(world, (await world.calls())[0]["to_number"]))
    verdict = verify(path, key)
    assert (verdict.faults, verdict.entries) == ([], 1)
    [_, row] = zipfile.ZipFile(path).read("records.csv").decode().splitlines()
    assert row.split(",")[9] == "withheld"

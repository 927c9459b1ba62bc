from tests.engine.duties import begun, dial, end
from tests.world import NOON
from whenever import TimeDelta

from ringback.ledger.key import Signer, fingerprint


async def test_a_ledger_that_is_empty_says_so(make_service):
    """Nothing was entered, and nothing waits."""
    service = await make_service()
    async with service.client(await service.key()) as client:
        told = (await client.get("/v1/ledger")).json()
    nothing = {"entries": 0, "written_at": None, "waiting": 0, "behind_sec": 0, "checkpoint": None, "keys": []}
    assert told == nothing


async def test_it_tells_how_far_behind_it_is_and_what_was_signed(make_service):
    """What waits is counted from its end on; a checkpoint has its root and its key."""
    service = await make_service(leads=3)
    world = service.world
    engine = await begun(world)
    await dial(engine)
    await end(engine, 2)
    async with service.client(await service.key()) as client:
        world.clock.advance_to(world.clock.now() + TimeDelta(seconds=4))
        told = (await client.get("/v1/ledger")).json()
        assert (told["entries"], told["waiting"], told["behind_sec"]) == (0, 2, 4)
        await engine.bookkeeper.run_once()
        await engine.notary.run_once()
        told = (await client.get("/v1/ledger")).json()
    key = fingerprint(Signer(world.folder, None).public_key)
    assert (told["entries"], told["waiting"], told["behind_sec"], told["keys"]) == (2, 0, 0, [key])
    assert (told["checkpoint"]["entries"], told["checkpoint"]["key"]) == (2, key)
    assert told["written_at"] > NOON.format_iso()

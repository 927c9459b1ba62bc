"""Keys that end, keys of some networks, keys that take the place of others, and when each was used last."""

import asyncio
import ipaddress
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from tests.api.test_windows import an_older_one
from tests.world import NOON
from whenever import Instant, TimeDelta

from ringback.api.app import create_app
from ringback.api.auth import Keys
from ringback.api.last_use import Uses
from ringback.api.networks import caller_address, is_within
from ringback.errors import Unauthenticated
from ringback.ids import KEY, read
from ringback.store.keys import Scope

PATH = "/v1/api-keys"
READER = {"name": "r", "scopes": ["calls:read"]}


def iso(at: Instant) -> str:
    """A time as the API shows it."""
    return f"{at.format_iso(unit='millisecond')}"


async def status(service, secret):
    """What a request that presents this key is answered."""
    async with service.client(secret) as client:
        return (await client.get("/v1/workspace")).status_code


async def test_key_works_until_it_expires(service, client):
    """From that instant on it is answered 401, also by who remembers it; an end that is past is refused."""
    world = service.world
    made = (await client.post(PATH, json={**READER, "expires_at": iso(NOON + TimeDelta(seconds=1))})).json()
    assert made["expires_at"] == iso(NOON + TimeDelta(seconds=1))
    world.clock.advance_to(NOON + TimeDelta(milliseconds=999))
    assert await status(service, made["secret"]) == 200
    world.clock.advance_to(NOON + TimeDelta(seconds=1))
    async with service.client(made["secret"]) as late:
        refused = await late.get("/v1/workspace")
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    refused = await client.post(PATH, json={**READER, "expires_at": iso(world.clock.now())})
    assert refused.status_code == 400
    assert refused.json()["message"][0].startswith("expires_at")


async def test_key_of_some_networks_is_taken_from_there_alone(service, client):
    """By the address of whoever is connected; 403 from others, and where it is not known."""
    made = (await client.post(PATH, json={**READER, "networks": ["203.0.113.0/24"]})).json()
    headers = {"authorization": f"Bearer {made['secret']}", "x-forwarded-for": "203.0.113.7"}
    for peer, wanted in ((("203.0.113.7", 1), 200), (("203.0.114.7", 1), 403), (None, 403)):
        transport = httpx.ASGITransport(service.app, client=peer)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as there:
            answer = await there.get("/v1/workspace")
        assert answer.status_code == wanted, peer
        assert wanted == 200 or answer.json()["code"] == "network_not_allowed"


@pytest.mark.parametrize("wrong", [[], ["10.0.0.1/8"], ["home"], [7], "10.0.0.0/8", ["10.0.0.0/8"] * 51])
async def test_networks_that_are_none_are_refused(client, wrong):
    """With the name of the field and a right example; a network with host bits is likely a mistake."""
    refused = await client.post(PATH, json={**READER, "networks": wrong})
    assert refused.status_code == 400
    assert refused.json()["message"][0].startswith("networks")
    assert "203.0.113.0/24" in refused.json()["message"][0]


@pytest.mark.parametrize(
    ("address", "within"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("11.1.2.3", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("somewhere", False),
        (None, False),
    ],
)
def test_address_is_of_a_network_or_not(address, within):
    """An IPv4 address over an IPv6 socket is the IPv4 address; what is none is nowhere."""
    among = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32")]
    assert is_within(address, among) is within


@pytest.mark.parametrize(("ends", "span"), [("now", TimeDelta()), ("in-24h", TimeDelta(hours=24))])
async def test_rotated_key_ends_now_or_in_a_day(service, client, ends, span):
    """The new one may do what the old one may, from its networks; the old one is not rotated twice."""
    world = service.world
    old = (await client.post(PATH, json={**READER, "networks": ["127.0.0.0/8"]})).json()
    assert await status(service, old["secret"]) == 200
    answer = await client.post(f"{PATH}/{old['id']}/rotate", json={"old_key_ends": ends})
    assert answer.status_code == 201
    new = answer.json()
    for name in ("name", "scopes", "live", "networks", "expires_at"):
        assert new[name] == old[name]
    again = await client.post(f"{PATH}/{old['id']}/rotate", json={"old_key_ends": "now"})
    assert (again.status_code, again.json()["code"]) == (409, "api_key_over")
    listed = {key["id"]: key for key in (await client.get(PATH)).json()["data"]}
    assert listed[old["id"]]["replaced_by"] == new["id"]
    assert await status(service, new["secret"]) == 200
    if span:
        world.clock.advance_to(NOON + span - TimeDelta(seconds=1))
        assert await status(service, old["secret"]) == 200
    world.clock.advance_to(NOON + span)
    assert await status(service, old["secret"]) == 401
    assert await status(service, new["secret"]) == 200


async def test_rotation_does_not_prolong_a_key(service, client):
    """A key that ends within the day ends then, and so does the one that takes its place, unless told otherwise."""
    soon = iso(NOON + TimeDelta(hours=1))
    old = (await client.post(PATH, json={**READER, "expires_at": soon})).json()
    new = (await client.post(f"{PATH}/{old['id']}/rotate", json={"old_key_ends": "in-24h"})).json()
    listed = {key["id"]: key for key in (await client.get(PATH)).json()["data"]}
    assert listed[old["id"]]["expires_at"] == new["expires_at"] == soon
    later = iso(NOON + TimeDelta(hours=9))
    body = {"old_key_ends": "now", "expires_at": later}
    assert (await client.post(f"{PATH}/{new['id']}/rotate", json=body)).json()["expires_at"] == later


async def test_what_is_over_is_not_rotated(service, client):
    """409 for a revoked and an expired key, 404 for one that is not there."""
    world = service.world
    ended = (await client.post(PATH, json={**READER, "expires_at": iso(NOON + TimeDelta(seconds=1))})).json()["id"]
    revoked = (await client.post(PATH, json=READER)).json()["id"]
    live = (await client.post(PATH, json=READER)).json()["id"]
    await client.delete(f"{PATH}/{revoked}")
    world.clock.advance_to(NOON + TimeDelta(seconds=1))
    now = {"old_key_ends": "now"}
    for over in (ended, revoked):
        assert (await client.post(f"{PATH}/{over}/rotate", json=now)).json()["code"] == "api_key_over"
    assert (await client.post(f"{PATH}/key_x/rotate", json=now)).json()["code"] == "api_key_not_found"
    assert (await client.post(f"{PATH}/{live}/rotate", json=now)).status_code == 201


async def test_test_key_neither_makes_nor_ends_live_keys(service, client):
    """403 for each of the three, and the live key goes on; with keys of tests it may do all of them."""
    live = (await client.post(PATH, json=READER)).json()
    now = {"old_key_ends": "now"}
    async with service.client(await service.key(Scope.ADMIN, live=False)) as tester:
        refused = [
            await tester.post(PATH, json=READER),
            await tester.post(f"{PATH}/{live['id']}/rotate", json=now),
            await tester.delete(f"{PATH}/{live['id']}"),
        ]
        assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "test_key")] * 3
        assert await status(service, live["secret"]) == 200
        made = (await tester.post(PATH, json={**READER, "live": False})).json()
        next_one = (await tester.post(f"{PATH}/{made['id']}/rotate", json=now)).json()
        assert (await tester.delete(f"{PATH}/{next_one['id']}")).status_code == 204
        assert (await tester.delete(f"{PATH}/key_x")).json()["code"] == "api_key_not_found"
    assert await status(service, next_one["secret"]) == 401


class Slow:
    """A database that hands out what it read only once it is let go."""

    def __init__(self, database):
        self.database, self.read, self.let_go = database, asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def connection(self):
        """A connection, as the database has it."""
        async with self.database.connection() as db:
            yield db
        self.read.set()
        await self.let_go.wait()


async def test_key_that_is_revoked_while_it_is_looked_up_is_not_remembered(service, client):
    """Who was asked in that moment is answered, and nobody after that."""
    made = (await client.post(PATH, json=READER)).json()
    slow = Slow(service.world.database)
    keys = Keys(slow, service.world.clock.now, Uses())
    asking = asyncio.create_task(keys.admit(f"Bearer {made['secret']}", None))
    await slow.read.wait()
    await client.delete(f"{PATH}/{made['id']}")
    keys.forget(read(KEY, made["id"]))
    slow.let_go.set()
    assert (await asking).key_id == read(KEY, made["id"])
    with pytest.raises(Unauthenticated):
        await keys.admit(f"Bearer {made['secret']}", None)


@pytest.mark.parametrize(
    ("peer", "forwarded", "asks"),
    [
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),  # not of a proxy: not believed
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.9, 198.51.100.1", "10.0.0.2"], "198.51.100.1"),  # before it anything may stand
        ("10.0.0.1", ["10.0.0.3"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.1, nobody"], "nobody"),  # of no network
        (None, ["198.51.100.1"], None),
    ],
)
def test_proxy_is_believed_who_asks_and_nobody_else(peer, forwarded, asks):
    """The last address that no trusted proxy has is that of the caller."""
    assert caller_address(peer, forwarded, [ipaddress.ip_network("10.0.0.0/8")]) == asks


async def test_key_of_some_networks_is_taken_from_there_by_way_of_a_trusted_proxy(service, client):
    """And not from elsewhere by way of it, whatever the caller says."""
    made = (await client.post(PATH, json={**READER, "networks": ["203.0.113.0/24"]})).json()
    settings = replace(service.settings, proxies=(ipaddress.ip_network("127.0.0.1"),))
    app = create_app(service.world.database, service.world.clock, service.world.ids, settings)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as proxy:
        for told, wanted in (("203.0.113.7", 200), ("203.0.113.7, 198.51.100.1", 403)):
            headers = {"authorization": f"Bearer {made['secret']}", "x-forwarded-for": told}
            assert (await proxy.get("/v1/workspace", headers=headers)).status_code == wanted


async def test_bounds_wait_for_servers_that_do_not_know_them(service, client):
    """While a server of the release before lives, no key has an end or networks: it would not keep to them."""
    old = (await client.post(PATH, json=READER)).json()["id"]
    await an_older_one(service.world, "nodes")
    for bounds in ({"expires_at": iso(NOON + TimeDelta(hours=1))}, {"networks": ["10.0.0.0/8"]}):
        refused = await client.post(PATH, json={**READER, **bounds})
        assert (refused.status_code, refused.json()["code"]) == (409, "older_release_lives")
    refused = await client.post(f"{PATH}/{old}/rotate", json={"old_key_ends": "in-24h"})
    assert refused.json()["code"] == "older_release_lives"
    assert (await client.post(PATH, json=READER)).status_code == 201
    assert (await client.post(f"{PATH}/{old}/rotate", json={"old_key_ends": "now"})).status_code == 201


async def test_last_use_is_not_lost_with_who_writes_it(service, client):
    """A server that ends while it writes does so again."""
    world, uses = service.world, service.settings.uses
    await client.get("/v1/workspace")
    writing = asyncio.create_task(uses.run_once(world.database))
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.wait((writing,))
    assert writing.cancelled()
    await uses.run_once(world.database)
    assert await world.value("SELECT last_used_at FROM api_keys") == NOON


async def test_last_use_is_written_for_all_keys_at_once(service, client):
    """Not by the request: by who looks now and then. What was not written for want of the database is kept."""
    world, uses = service.world, service.settings.uses
    made = (await client.post(PATH, json=READER)).json()
    statement = "SELECT last_used_at FROM api_keys WHERE key_id = $1"
    assert await status(service, made["secret"]) == 200
    assert await world.value(statement, read(KEY, made["id"])) is None
    await uses.run_once(world.database)
    assert await world.value(statement, read(KEY, made["id"])) == NOON
    assert await world.value("SELECT count(*) FROM api_keys WHERE last_used_at IS NULL") == 0
    later = NOON + TimeDelta(seconds=1)
    world.clock.advance_to(later)
    assert await status(service, made["secret"]) == 200
    await world.rows("ALTER TABLE api_keys RENAME TO gone")
    await uses.run_once(world.database)
    await world.rows("ALTER TABLE gone RENAME TO api_keys")
    await uses.run_once(world.database)
    listed = {key["id"]: key for key in (await client.get(PATH)).json()["data"]}
    assert listed[made["id"]]["last_used_at"] == iso(later)

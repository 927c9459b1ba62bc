"""The pre-dial check over HTTP."""

import base64

import pytest
from tests.api.test_windows import an_older_one

from ringback.store.keys import Scope
from ringback.store.pre_dial_checks import read_check

PATH = "/v1/pre-dial-check"
URL = "https://example.com/may-we-dial"
NOBODY = {"url": None, "timeout_sec": None, "secret": None}


async def stored(service):
    """What the store has."""
    async with service.world.database.connection() as db:
        return await read_check(db, service.world.workspace_no)


async def test_a_check_is_made_changed_and_taken_away(service, client):
    """Its secret is shown when it is made, and kept sealed."""
    assert (await client.get(PATH)).json() == NOBODY
    made = (await client.put(PATH, json={"url": URL})).json()
    assert (made["url"], made["timeout_sec"]) == (URL, 5)
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"))) == 32
    kept = await stored(service)
    assert made["secret"] not in str(kept)
    assert service.settings.sealer.unseal(kept["secret"]) == made["secret"]
    assert (await client.get(PATH)).json() == {"url": URL, "timeout_sec": 5, "secret": "********"}
    changed = (await client.put(PATH, json={"url": URL + "2", "timeout_sec": 30})).json()
    assert changed == {"url": URL + "2", "timeout_sec": 30, "secret": "********"}
    assert (await stored(service))["secret"] == kept["secret"]
    renewed = (await client.put(PATH, json={"url": URL, "new_secret": True})).json()
    assert renewed["secret"].startswith("whsec_")
    assert renewed["secret"] != made["secret"]
    assert (await client.delete(PATH)).status_code == 204
    assert (await client.get(PATH)).json() == NOBODY


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({}, "url is missing"),
        ({"url": "http://example.com"}, "url must be an https URL of at most 2000 characters, such as"),
        ({"url": URL, "timeout_sec": 31}, "timeout_sec must be a whole number from 1 to 30"),
        ({"url": URL, "timeout_sec": 0}, "timeout_sec must be a whole number from 1 to 30"),
        ({"url": "https://127.0.0.1/"}, "url must not be a private address, unless the operator allows its network in"),
        ({"url": "https://[::ffff:10.0.0.1]:8443/"}, "url must not be a private address, unless the operator allows"),
        ({"url": URL, "secret": "x"}, "secret is not known; known are url, timeout_sec, new_secret"),
    ],
)
async def test_a_check_that_cannot_be_is_400(client, body, line):
    """With the field and the remedy."""
    refused = await client.put(PATH, json=body)
    assert refused.status_code == 400
    assert refused.json()["message"][0].startswith(line)


async def test_an_address_that_the_operator_allows_is_taken(client, monkeypatch):
    """By its network."""
    monkeypatch.setenv("RINGBACK_CHECK_NETWORKS", "10.0.0.0/8")
    assert (await client.put(PATH, json={"url": "https://10.1.2.3/"})).status_code == 200
    assert (await client.put(PATH, json={"url": "https://192.168.1.1/"})).status_code == 400


async def test_who_may_have_dials_checked(service, client):
    """An admin of the workspace, and nobody while an older server would ask nobody."""
    async with service.client(await service.key(Scope.CALLS_READ)) as reader:
        assert (await reader.get(PATH)).status_code == 200
        assert (await reader.put(PATH, json={"url": URL})).status_code == 403
        assert (await reader.delete(PATH)).status_code == 403
    await an_older_one(service.world, "nodes")
    assert (await client.put(PATH, json={"url": URL})).json()["code"] == "older_release_lives"

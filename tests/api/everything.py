"""A service with something of every kind in it, and each operation of the API's document as a request to it."""

import io
import re
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.api.conftest import Service
from tests.rows import an_attempt, single_call
from tests.world import NOON, some_leads

from ringback import ids
from ringback.ids import show

KINDS = {
    "api-keys": ids.KEY,
    "agents": ids.AGENT,
    "trunks": ids.TRUNK,
    "rate-decks": ids.DECK,
    "caller-numbers": ids.CALLER_NUMBER,
    "caller-pools": ids.POOL,
    "retry-policies": ids.POLICY,
    "campaigns": ids.CAMPAIGN,
    "do-not-call": ids.DO_NOT_CALL,
    "webhooks": ids.WEBHOOK,
    "exports": ids.EXPORT,
    "personal-data/erasures": ids.ERASURE,
    "call-logs": ids.CALL,
    "call-logs/campaign": ids.CAMPAIGN,
}
"""What the id in a path is of, by what stands before it."""

NOBODYS = {kind: show(kind, UUID(int=7)) for kind in KINDS.values()}
"""Ids that nothing has."""


@dataclass(frozen=True)
class Request:
    """One operation as it is asked.

    Attributes:
        name: such as `GET /v1/agents/{id}`.
        described: what the document says of it.
    """

    name: str
    described: dict[str, Any]

    @property
    def method(self) -> str:
        """Of HTTP."""
        return self.name.split()[0]

    @property
    def changes(self) -> bool:
        """Whether its method is one that may change something."""
        return self.method != "GET"

    def path(self, known: dict[str, str]) -> str:
        """Its path with one of these ids."""
        path = self.name.split()[1].replace("{attempt}", "1")
        before = re.match(r"/v1/(.*)/\{id\}", path)
        return path if before is None else path.replace("{id}", known[KINDS[before[1]]])

    def body(self, known: dict[str, str]) -> dict[str, Any]:
        """Its example's body with these ids, as the client's arguments."""
        content = self.described.get("requestBody", {}).get("content", {})
        if "audio/wav" in content:
            return {"content": a_wave(), "headers": {"content-type": "audio/wav"}}
        if "application/json" not in content:
            return {}
        shown = content["application/json"]
        example = shown["example"] if "example" in shown else next(iter(shown["examples"].values()))["value"]
        kinds = references(shown["schema"]["properties"])
        return {"json": {name: known[kinds[name]] if name in kinds else value for name, value in example.items()}}

    def named(self) -> Iterator[tuple[str, str, str]]:
        """What it can name besides its path: `query` or `json`, the field, and of what kind the id is.

        A cursor is where a list goes on, which any id says, also one that nothing has.
        """
        fields = {p["name"]: p["schema"] for p in self.described["parameters"] if p["in"] == "query"}
        yield from (("query", name, kind) for name, kind in references(fields).items() if name != "cursor")
        shown = self.described.get("requestBody", {}).get("content", {}).get("application/json")
        if shown is not None:
            yield from (("json", name, kind) for name, kind in references(shown["schema"]["properties"]).items())


def references(fields: dict[str, Any]) -> dict[str, str]:
    """Of which kind those of some fields are that are ids."""
    found = {name: re.match(r"\^(\w+)_$", schema.get("pattern", "")) for name, schema in fields.items()}
    return {name: match[1] for name, match in found.items() if match}


def requests_of(document: dict[str, Any]) -> list[Request]:
    """Every operation, those that delete last."""
    every = [
        Request(f"{method.upper()} {path}", described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    ]
    return sorted(every, key=lambda request: request.method == "DELETE")


async def fill(service: Service, client: Any) -> dict[str, str]:
    """Have one thing of every kind; returns the id of each."""
    world = service.world
    await world.add_leads(some_leads(1))  # the first set of zones, which the call below is in
    call = await single_call(world)
    await an_attempt(world, call)
    await world.value("DELETE FROM queue WHERE call_id = $1", call)
    await world.value(
        "UPDATE calls SET final_status = 'completed', final_reason = 'reached', finished_at = $2 WHERE call_id = $1",
        call,
        NOON,
    )
    made = {
        ids.CALL: show(ids.CALL, call),
        ids.TRUNK: show(ids.TRUNK, world.campaign.trunk_id),
        ids.CAMPAIGN: show(ids.CAMPAIGN, world.campaign.campaign_id),
    }
    once = {"max_attempts": 1, "after": {}}
    rates = [{"prefix": "+1", "per_minute_micros": 9000}]
    for kind, path, body in (
        (ids.KEY, "api-keys", {"name": "k", "scopes": ["calls:read"]}),
        (ids.AGENT, "agents", {"name": "a", "kind": "message", "settings": {"text": "Hello."}}),
        (ids.CALLER_NUMBER, "caller-numbers", {"number": "+14155550199"}),
        (ids.POOL, "caller-pools", {"name": "p", "numbers": ["+13055550100"]}),
        (ids.POLICY, "retry-policies", {"name": "p", "retry": once}),
        (ids.DECK, "rate-decks", {"name": "d", "rates": rates}),
        (ids.EXPORT, "exports", {"kind": "calls", "format": "csv"}),
        (ids.WEBHOOK, "webhooks", {"name": "w", "url": "https://example.com/", "events": ["call.finished"]}),
    ):
        answer = await client.post(f"/v1/{path}", json=body)
        assert answer.status_code == 201, answer.text
        made[kind] = answer.json().get("rate_deck", answer.json())["id"]
    erasure = await client.post("/v1/personal-data/erasures", json={"number": "+14155550197"})
    made[ids.ERASURE] = erasure.json()["id"]
    await client.post("/v1/do-not-call", json={"numbers": ["+14155550198"]})
    made[ids.DO_NOT_CALL] = (await client.get("/v1/do-not-call")).json()["data"][0]["id"]
    return made


def a_wave() -> bytes:
    """A tenth of a second of nothing."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(1600))
    return file.getvalue()

"""What an operation of the API is, what it is given and what it answers."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol
from uuid import UUID

from litestar import Request
from whenever import Instant

from ringback import ids as prefixes
from ringback.api.auth import ApiKey, Keys
from ringback.api.fields import Fields
from ringback.api.files import SentFile
from ringback.api.last_use import Uses
from ringback.api.networks import Network
from ringback.api.plan_process import PlanProcess
from ringback.api.rate_limits import DEFAULT
from ringback.clock import Clock
from ringback.domain.blockers import Blocked
from ringback.domain.explain import Explanation
from ringback.events import Publish
from ringback.ids import Ids, show
from ringback.rules.shelf import Shelf
from ringback.sealing import Sealer
from ringback.store.audit import Author, Change
from ringback.store.campaigns import CampaignRow
from ringback.store.database import Connection, Database
from ringback.store.keys import Scope

JSON_LIMIT = 1024 * 1024
"""Bytes of a body, where its operation does not say otherwise."""


KINDS: Mapping[str, str] = MappingProxyType(
    {
        prefixes.WORKSPACE: "workspace",
        prefixes.KEY: "api_key",
        prefixes.AGENT: "agent",
        prefixes.TRUNK: "trunk",
        prefixes.DECK: "rate_deck",
        prefixes.CALLER_NUMBER: "caller_number",
        prefixes.POOL: "caller_pool",
        prefixes.POLICY: "retry_policy",
        prefixes.WEBHOOK: "webhook",
        prefixes.EXPORT: "export",
        prefixes.ERASURE: "erasure",
        prefixes.CAMPAIGN: "campaign",
        prefixes.CALL: "call",
        prefixes.DO_NOT_CALL: "do_not_call",
    }
)
"""The word of each kind of thing that a request may change, by what its ids begin with."""

IMPORTS_AT_ONCE = 4
CONVERSIONS_AT_ONCE = 2
ANALYSES_AT_ONCE = 2


class Explains(Protocol):
    """Says what the engine will do, by what the engine goes by."""

    async def call(self, db: Connection, workspace_no: int, call_id: UUID, now: Instant) -> Explanation | None:
        """What happens next with a call; None where the workspace has none of that id."""

    async def campaign(self, db: Connection, workspace_no: int, campaign: CampaignRow, now: Instant) -> Blocked:
        """What the leads of a campaign wait for."""


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """What the API is told when it is built.

    Attributes:
        trunk_kinds: the kinds of trunk that there are, each with what checks its settings and raises Invalid.
        chance: where the secrets of API keys come from: the system's generator.
        publish: told of every request that was answered, and of those that failed through no fault of their caller.
        sealer: seals the passwords that are to be kept.
        folder: the data directory of this server, where its recordings are.
        node: the name of this server.
        explain: says what happens next with a call.
        plans: has campaigns played ahead of time.
        shelf: knows the rule packs.
        uses: told when keys are used.
        proxies: the networks of reverse proxies, which are believed when they say who is connected to them.
        exports_asked: to be set when an export was asked for, or deleted.
        requests_per_min: of an API key, where its workspace does not say.
        cors_origins: whose pages may ask from a browser; `*` for all.
        leaving: set when this server was told to end; it still answers for a while.
        scrape: answers Prometheus in a format that it accepts, with the content type; None where it asks elsewhere.
    """

    trunk_kinds: Mapping[str, Callable[[Mapping[str, Any]], object]]
    chance: random.Random
    publish: Publish
    sealer: Sealer
    folder: Path
    node: str
    explain: Explains
    plans: PlanProcess
    shelf: Shelf = field(default_factory=Shelf)
    uses: Uses = field(default_factory=Uses)
    proxies: tuple[Network, ...] = ()
    exports_asked: asyncio.Event = field(default_factory=asyncio.Event)
    requests_per_min: int = DEFAULT
    cors_origins: frozenset[str] = frozenset()
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
    scrape: Callable[[str], Awaitable[tuple[bytes, str]]] | None = None


@dataclass(frozen=True, slots=True)
class Api:
    """What every operation has at hand.

    Attributes:
        database: the store.
        clock: tells `now`.
        ids: makes identifiers.
        keys: knows who asks.
        settings: what the API was told when it was built.
        imports: a place for each import that may be under way. Each holds a connection for as long as it takes and
            asks for a second one: without an end to them they would wait for each other.
        conversions: a place for each recording that may be converted at a time; each takes a core.
        analyses: a place for each analysis that may be under way; each takes a core for as long.
    """

    database: Database
    clock: Clock
    ids: Ids
    keys: Keys
    settings: ApiSettings
    imports: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IMPORTS_AT_ONCE))
    conversions: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONVERSIONS_AT_ONCE))
    analyses: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ANALYSES_AT_ONCE))


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, admitted.

    Attributes:
        key: who asks.
        now: when.
        path: the parts of the path that vary.
        query: the values of the query's fields.
        body: the values of the body's fields; of a PATCH, those that were sent.
        request: for operations that read the body themselves.
        operation: its method and path, as in `PATCH /v1/agents/{id}`.
        request_id: what the caller is told to quote.
        entry_id: of what it leaves in the audit trail.
    """

    key: ApiKey
    now: Instant
    path: Mapping[str, str]
    query: dict[str, Any]
    body: dict[str, Any]
    request: Request[Any, Any, Any]
    operation: str
    request_id: str
    entry_id: UUID

    @property
    def workspace_no(self) -> int:
        """The tenant."""
        return self.key.workspace_no

    def changing(self, kind: str, thing_id: UUID | None = None) -> Change:
        """What it leaves in the audit trail, to be noted by the transaction that makes the change.

        Args:
            kind: of the thing: what its ids begin with; or, of what a workspace has one of, its word.
            thing_id: None for the latter.
        """
        key = self.key
        author = Author("api_key", key.key_id, key.last_four) if key.attempt is None else Author("attempt")
        word, shown = (kind, None) if thing_id is None else (KINDS[kind], show(kind, thing_id))
        entry = (key.workspace_no, self.entry_id, self.now, author, self.operation)
        return Change(*entry, word, shown, self.request_id)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: encoded as JSON, unless there is no content.

    Attributes:
        content: what is encoded.
        status: of HTTP.
        file: is sent in place of all that.
    """

    content: Any
    status: int = 200
    file: SentFile | None = None


Run = Callable[[Api, Ask], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, with all that its document says.

    Attributes:
        method: GET, POST, PUT, PATCH or DELETE.
        path: such as `/v1/trunks/{id}`.
        scope: what the key needs; None where no key is needed.
        summary: one sentence.
        run: what does it.
        query: the fields of its query, None where the query is not looked at.
        body: the fields of its body, None where there is none or `run` reads it.
        reads_body: whether `run` reads the body itself.
        status: of the good answer.
        example: a good answer.
        codes: how it may fail, besides what every operation may.
        takes_token: whether the token of an attempt will do in place of a key.
        sends: the types of the files that it answers, where it answers files.
        repeatable: whether doing it twice is doing it once; with an Idempotency-Key it is then not one transaction.
    """

    method: str
    path: str
    scope: Scope | None
    summary: str
    run: Run
    query: Fields | None = None
    body: Fields | None = None
    reads_body: bool = False
    status: int = 200
    example: Any = None
    codes: tuple[str, ...] = field(default=())
    takes_token: bool = False
    sends: tuple[str, ...] = ()
    repeatable: bool = False

    @property
    def tagged(self) -> bool:
        """Whether its answers have an ETag: what a key reads, but for files, whose tags are their own."""
        return self.method == "GET" and self.scope is not None and not self.sends

    @property
    def changes(self) -> bool:
        """Whether it takes If-Match, where what it changes can be read at its path."""
        return self.method in ("PATCH", "PUT") and self.scope is not None

    @property
    def creates(self) -> bool:
        """Whether it takes an Idempotency-Key: it makes something each time that it is sent."""
        return self.method == "POST" and self.scope is not None and self.status in (201, 202)

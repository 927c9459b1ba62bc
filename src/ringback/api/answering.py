"""From a request to its answer: admit, read, run, encode."""

import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from ringback.api.auth import ApiKey
from ringback.api.bodies import AnyRequest, discard_rest, read_json
from ringback.api.compression import is_zipped
from ringback.api.fields import NOBODY
from ringback.api.files import (
    CONDITIONS,
    Conditions,
    FileReply,
    SentFile,
    described,
    version_of,
    wanted_part,
)
from ringback.api.networks import caller_address
from ringback.api.once import HEADER, REPLAYED, Done, Once, Sender
from ringback.api.operation import JSON_LIMIT, Answer, Api, Ask, Operation
from ringback.api.problems import Problem, explain, problem
from ringback.api.rate_limits import RateLimits, too_often
from ringback.api.reply import Reply
from ringback.api.tags import check_seen, is_among, small, tag_of
from ringback.errors import Invalid, Leaving, OurError, RingbackError
from ringback.events import DutyFailed, Replied
from ringback.ids import CALL, made_of, read
from ringback.store.within import Within

REQUEST = b"req"
UNMATCHED = "unmatched"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""A caller may invent others, and a series for each."""

ANYBODY = ApiKey(NOBODY, 0, b"", frozenset(), live=False)
Headers = Sequence[tuple[bytes, bytes]]

_encode = msgspec.json.Encoder().encode


Handler = Callable[[AnyRequest], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Means:
    """What the operations have in common besides what each is given.

    Attributes:
        once: has requests with an Idempotency-Key done once.
        limits: counts the requests of each key.
        readings: the operations that read, by their paths.
    """

    once: Once
    limits: RateLimits
    readings: Mapping[str, Operation]


@dataclass(slots=True)
class Turn:
    """One request on its way.

    Attributes:
        operation: what is asked for.
        api: what that has at hand.
        means: see there.
        request: what was sent.
        headers: of its answer, whatever that will be.
    """

    operation: Operation
    api: Api
    means: Means
    request: AnyRequest
    headers: list[tuple[bytes, bytes]]

    def header(self, name: bytes) -> str | None:
        """One header of the request."""
        return _header(self.request, name)


def answering(operation: Operation, api: Api, means: Means) -> Handler:
    """The handler of one operation."""

    async def handle(request: AnyRequest) -> Reply:
        request_id, began = new_request_id(api), api.clock.now()
        reply = await _reply(Turn(operation, api, means, request, [(b"x-request-id", request_id)]), request_id)
        told = (operation.method, operation.path, reply.status, request_id.decode())
        reply_sec = (api.clock.now() - began).total("seconds")
        api.settings.publish(Replied(*told, reply_sec, _header(request, b"traceparent")))
        return reply

    return handle


async def _reply(turn: Turn, request_id: bytes) -> Reply:
    try:
        return await _answer(turn, request_id)
    except RingbackError as fault:
        if isinstance(fault, OurError) and not isinstance(fault, Leaving):
            turn.api.settings.publish(DutyFailed("api", f"{request_id.decode()}: {fault}"))
        await discard_rest(turn.request)
        return refusal(explain(fault), request_id, *turn.headers[1:])


async def _answer(turn: Turn, request_id: bytes) -> Reply:
    operation, key = turn.operation, ANYBODY
    if operation.scope is not None:
        key = await _admit(operation, turn.api, turn.request)
        await _count(turn, key)
        key.require(operation.scope)
    if operation.creates and (name := turn.header(HEADER)) is not None:
        return await _named(turn, key, name)
    answer = await _perform(turn, key)
    if answer.file is not None:
        conditions = Conditions(*(turn.header(name) for name in CONDITIONS))
        return _file_reply(answer.file, conditions, request_id, turn.headers)
    content = b"" if answer.content is None else _encode(answer.content)
    if not operation.tagged:
        return Reply(answer.status, content, *turn.headers)
    tag = tag_of(content)
    shown = small(tag) if is_zipped(turn.header(b"accept-encoding") or "", len(content)) else tag
    headers = (*turn.headers, (b"etag", shown.encode()), (b"cache-control", b"private, no-cache"))
    if is_among(turn.header(b"if-none-match"), tag):
        return Reply(304, b"", *headers)
    return Reply(answer.status, content, *headers)


async def _count(turn: Turn, key: ApiKey) -> None:
    """Count the request of a key; the token of an attempt has no minute of its own, for it tells each thing once."""
    if key.attempt is not None:
        return
    now = turn.api.clock.now()
    standing, may = await turn.means.limits.count(key, now)
    turn.headers += standing.headers()
    if not may:
        raise too_often(standing, now)


async def _named(turn: Turn, key: ApiKey, name: str) -> Reply:
    """Answer a request with an Idempotency-Key."""

    async def perform(api: Api, request: AnyRequest) -> Done:
        answer = await turn.operation.run(api, await _ask(turn, api, key, request))
        return Done(answer.status, b"" if answer.content is None else _encode(answer.content))

    sender = Sender(key, turn.header(b"authorization") or "", name)
    done = await turn.means.once.perform(turn.api, turn.operation, turn.request, sender, perform)
    return Reply(done.status, done.body, *turn.headers, *([REPLAYED] if done.replayed else []))


async def _perform(turn: Turn, key: ApiKey) -> Answer:
    operation, api = turn.operation, turn.api
    ask = await _ask(turn, api, key, turn.request)
    reading = turn.means.readings.get(operation.path) if operation.changes else None
    if reading is None or (if_match := turn.header(b"if-match")) is None:
        return await operation.run(api, ask)
    async with turn.means.once.quick, api.database.transaction() as db:
        inner = replace(api, database=Within(api.database, db))
        await check_seen(inner, reading, ask, if_match)
        return await operation.run(inner, ask)


async def _ask(turn: Turn, api: Api, key: ApiKey, request: AnyRequest) -> Ask:
    operation = turn.operation
    query = {} if operation.query is None else operation.query.parse(_query(request))
    body = {}
    if operation.body is not None:
        sent = await read_json(request, JSON_LIMIT)
        body = operation.body.parse(sent, partial=operation.method == "PATCH")
    now = api.clock.now()
    request_id = turn.headers[0][1].decode()
    name, entry_id = f"{operation.method} {operation.path}", made_of(now, int(request_id.rpartition("_")[2], 16))
    return Ask(key, now, request.path_params, query, body, request, name, request_id, entry_id)


async def _admit(operation: Operation, api: Api, request: AnyRequest) -> ApiKey:
    authorization = _header(request, b"authorization") or ""
    peer = request.scope.get("client")
    proxies = api.settings.proxies
    forwarded = _headers(request, b"x-forwarded-for") if proxies else []
    address = caller_address(None if peer is None else str(peer[0]), forwarded, proxies)
    if operation.takes_token:
        return await api.keys.admit_reporter(authorization, address, read(CALL, request.path_params["id"]) or NOBODY)
    return await api.keys.admit(authorization, address)


def _file_reply(sent: SentFile, conditions: Conditions, request_id: bytes, headers: Headers) -> Reply:
    version = version_of(sent.file)
    if is_among(conditions.if_none_match, version.etag):
        sent.file.close()
        return Reply(304, b"", *headers, *described(version))
    try:
        part = wanted_part(conditions, version)
    except IndexError:
        sent.file.close()
        whole = (b"content-range", b"bytes */%d" % version.size)
        return refusal(problem("range_not_satisfiable", None, whole), request_id, *headers[1:])
    return FileReply(sent, version, part, *headers)


def _header(request: AnyRequest, name: bytes) -> str | None:
    """One header; the framework's mapping of all of them costs more than the search for one."""
    return next((value.decode("latin-1") for key, value in request.scope["headers"] if key == name), None)


def _headers(request: AnyRequest, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in request.scope["headers"] if key == name]


def _query(request: AnyRequest) -> dict[str, str]:
    """The query's fields.

    Raises:
        Invalid: one is given twice.
    """
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True, errors="replace")
    query = dict(pairs)
    if len(query) < len(pairs):
        raise Invalid([f"{name} is given twice" for name in query if sum(name == n for n, _ in pairs) > 1])
    return query


def new_request_id(api: Api) -> bytes:
    """What a caller quotes and the log has."""
    return b"%s_%032x" % (REQUEST, api.settings.chance.getrandbits(128))


def refusal(refused: Problem, request_id: bytes, *headers: tuple[bytes, bytes]) -> Reply:
    """The answer of a problem, with headers besides its own."""
    body = _encode({**refused.body, "request_id": request_id.decode()})
    return Reply(refused.status, body, (b"x-request-id", request_id), *headers, *refused.headers)


def framework_fault(api: Api) -> Callable[[Request[Any, Any, Any], Exception], Response[bytes]]:
    """What answers when no operation does: no such path, no such method, or a fault of ours."""

    def handle(request: Request[Any, Any, Any], fault: Exception) -> Response[bytes]:
        request_id = new_request_id(api)
        refused = _framework_problem(fault)
        route = request.scope.get("path_template") or UNMATCHED
        method = request.method if request.method in METHODS else "OTHER"
        api.settings.publish(Replied(method, str(route), refused.status, request_id.decode()))
        if refused.status >= 500:
            api.settings.publish(DutyFailed("api", f"{request_id.decode()} {request.method}: {_whereabouts(fault)}"))
        headers = {"x-request-id": request_id.decode(), **{k.decode(): v.decode() for k, v in refused.headers}}
        body = _encode({**refused.body, "request_id": request_id.decode()})
        return Response(body, status_code=refused.status, media_type="application/json", headers=headers)

    return handle


def _framework_problem(fault: Exception) -> Problem:
    status = fault.status_code if isinstance(fault, HTTPException) else 500
    if status == 404:
        return problem("route_not_found")
    if status == 405:
        allowed = (getattr(fault, "headers", None) or {}).get("Allow", "")
        return problem("method_not_allowed", None, *([(b"allow", allowed.encode())] if allowed else []))
    return problem("internal_error")


def _whereabouts(fault: Exception) -> str:
    """Its type and the lines that it came through; its text may hold what no log should."""
    frames = traceback.extract_tb(fault.__traceback__)
    return f"{type(fault).__name__} at " + " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-6:]))

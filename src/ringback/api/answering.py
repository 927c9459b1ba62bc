"""From a request to its answer: admit, read, run, encode."""

import hashlib
import traceback
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from ringback.api.auth import ApiKey
from ringback.api.bodies import AnyRequest, discard_rest, read_json
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
from ringback.api.once import HEADER, REPLAYED, Done, Once, Perform, Sender
from ringback.api.operation import JSON_LIMIT, Answer, Api, Ask, Operation
from ringback.api.problems import Problem, explain, problem
from ringback.api.reply import Reply
from ringback.errors import Invalid, Leaving, OurError, RingbackError
from ringback.events import DutyFailed, Replied
from ringback.ids import CALL, made_of, read

REQUEST = b"req"
UNMATCHED = "unmatched"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""A caller may invent others, and a series for each."""

ANYBODY = ApiKey(NOBODY, 0, b"", frozenset(), live=False)
Headers = tuple[tuple[bytes, bytes], ...]

_encode = msgspec.json.Encoder().encode


Handler = Callable[[AnyRequest], Awaitable[Reply]]


def answering(operation: Operation, api: Api, once: Once) -> Handler:
    """The handler of one operation."""

    async def handle(request: AnyRequest) -> Reply:
        request_id, began = new_request_id(api), api.clock.now()
        reply = await _reply(operation, api, once, request, request_id)
        told = (operation.method, operation.path, reply.status, request_id.decode())
        reply_sec = (api.clock.now() - began).total("seconds")
        api.settings.publish(Replied(*told, reply_sec, _header(request, b"traceparent")))
        return reply

    return handle


async def _reply(operation: Operation, api: Api, once: Once, request: AnyRequest, request_id: bytes) -> Reply:
    try:
        return await _answer(operation, api, once, request, request_id)
    except RingbackError as fault:
        if isinstance(fault, OurError) and not isinstance(fault, Leaving):
            api.settings.publish(DutyFailed("api", f"{request_id.decode()}: {fault}"))
        await discard_rest(request)
        return refusal(explain(fault), request_id)


async def _answer(operation: Operation, api: Api, once: Once, request: AnyRequest, request_id: bytes) -> Reply:
    key = ANYBODY
    if operation.scope is not None:
        key = await _admit(operation, api, request)
        key.require(operation.scope)
    named = (b"x-request-id", request_id)
    if operation.creates and (name := _header(request, HEADER)) is not None:
        sender = Sender(key, _header(request, b"authorization") or "", name)
        done = await once.perform(api, operation, request, sender, _performing(operation, key, request_id))
        return Reply(done.status, done.body, named, *([REPLAYED] if done.replayed else []))
    answer = await _perform(operation, api, key, request, request_id)
    if answer.file is not None:
        return _file_reply(answer.file, Conditions(*(_header(request, name) for name in CONDITIONS)), request_id)
    content = b"" if answer.content is None else _encode(answer.content)
    if not operation.etag:
        return Reply(answer.status, content, named)
    tag = b'"' + hashlib.blake2b(content, digest_size=16).hexdigest().encode() + b'"'
    headers: Headers = (named, (b"etag", tag), (b"cache-control", b"private, no-cache"))
    if _is_known(_header(request, b"if-none-match"), tag.decode()):
        return Reply(304, b"", *headers)
    return Reply(answer.status, content, *headers)


async def _perform(operation: Operation, api: Api, key: ApiKey, request: AnyRequest, request_id: bytes) -> Answer:
    query = {} if operation.query is None else operation.query.parse(_query(request))
    body = {}
    if operation.body is not None:
        sent = await read_json(request, JSON_LIMIT)
        body = operation.body.parse(sent, partial=operation.method == "PATCH")
    now = api.clock.now()
    name, entry_id = f"{operation.method} {operation.path}", made_of(now, int(request_id.rpartition(b"_")[2], 16))
    ask = Ask(key, now, request.path_params, query, body, request, name, request_id.decode(), entry_id)
    return await operation.run(api, ask)


def _performing(operation: Operation, key: ApiKey, request_id: bytes) -> Perform:
    async def perform(api: Api, request: AnyRequest) -> Done:
        answer = await _perform(operation, api, key, request, request_id)
        return Done(answer.status, b"" if answer.content is None else _encode(answer.content))

    return perform


async def _admit(operation: Operation, api: Api, request: AnyRequest) -> ApiKey:
    authorization = _header(request, b"authorization") or ""
    peer = request.scope.get("client")
    proxies = api.settings.proxies
    forwarded = _headers(request, b"x-forwarded-for") if proxies else []
    address = caller_address(None if peer is None else str(peer[0]), forwarded, proxies)
    if operation.takes_token:
        return await api.keys.admit_reporter(authorization, address, read(CALL, request.path_params["id"]) or NOBODY)
    return await api.keys.admit(authorization, address)


def _file_reply(sent: SentFile, conditions: Conditions, request_id: bytes) -> Reply:
    version, named = version_of(sent.file), (b"x-request-id", request_id)
    if _is_known(conditions.if_none_match, version.etag):
        sent.file.close()
        return Reply(304, b"", named, *described(version))
    try:
        part = wanted_part(conditions, version)
    except IndexError:
        sent.file.close()
        whole = (b"content-range", b"bytes */%d" % version.size)
        return refusal(problem("range_not_satisfiable", None, whole), request_id)
    return FileReply(sent, version, part, named)


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


def _is_known(if_none_match: str | None, tag: str) -> bool:
    """Whether the caller has this answer already (RFC 9110, section 13.1.2: compared weakly)."""
    if if_none_match is None:
        return False
    known = [entry.strip().removeprefix("W/") for entry in if_none_match.split(",")]
    return "*" in known or tag in known


def new_request_id(api: Api) -> bytes:
    """What a caller quotes and the log has."""
    return b"%s_%032x" % (REQUEST, api.settings.chance.getrandbits(128))


def refusal(refused: Problem, request_id: bytes) -> Reply:
    """The answer of a problem."""
    body = _encode({**refused.body, "request_id": request_id.decode()})
    return Reply(refused.status, body, (b"x-request-id", request_id), *refused.headers)


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

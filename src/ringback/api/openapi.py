"""The OpenAPI 3.1 document, made from the operations themselves."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from ringback import __version__
from ringback.api import examples, examples_sent
from ringback.api.fields import Field, Fields
from ringback.api.operation import Operation
from ringback.api.problems import CODES, problem
from ringback.api.upload import AUDIO_FORM, DECK_FIELDS, ENTRIES, FORM, LEADS, RATES, VERSION_FIELDS

Json = dict[str, Any]

EVERY_OPERATION = ("internal_error", "database_unavailable")
WITH_KEY = ("rate_limited", "unauthenticated", "missing_scope", "network_not_allowed")
WITH_QUERY = ("validation_failed",)
WITH_FILE = ("validation_failed", "malformed_multipart", "body_too_large", "unsupported_media_type")
WITH_BODY = ("validation_failed", "malformed_json", "body_too_large", "unsupported_media_type")
WITH_NAME = ("idempotency_conflict", "idempotency_in_progress", "validation_failed", "body_too_large")

_REQUEST_ID = {"description": "Quote it when you ask for help.", "schema": {"type": "string"}}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A text of your own, another one for each request: sent again, the request is not done again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag with which it was read: what was changed since is not changed.",
    "schema": {"type": "string"},
}
_RATES = {
    "X-RateLimit-Limit": {"description": "Requests of this API key in a minute.", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {
        "description": "How many of them are left, as far as this server knows.",
        "schema": {"type": "integer"},
    },
    "X-RateLimit-Reset": {
        "description": "When the next minute begins, in Unix seconds.",
        "schema": {"type": "integer"},
    },
}
_REPLAYED = {"description": "`true` where this is the answer of an earlier request.", "schema": {"type": "string"}}
_ETAG = {"description": "Send it as If-None-Match to be told whether anything changed.", "schema": {"type": "string"}}


def describe(operations: Iterable[Operation]) -> Json:
    """The whole document."""
    paths: dict[str, Json] = {}
    operations = tuple(operations)
    read = {operation.path for operation in operations if operation.tagged}
    for operation in operations:
        described = _operation(operation)
        if operation.changes and operation.path in read:
            described["parameters"].append(_IF_MATCH)
            _add_problem(described["responses"], "precondition_failed")
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "Ringback", "version": __version__, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "securitySchemes": {
                "apiKey": {"type": "http", "scheme": "bearer"},
                "attemptToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`rb_att_...`: told to an agent with its call, good for that attempt alone.",
                },
            },
            "schemas": {"Error": _error_schema()},
        },
    }


def codes_of(operation: Operation) -> list[str]:
    """All codes with which an operation may fail."""
    codes = [*EVERY_OPERATION, *operation.codes] if operation.path != "/healthz" else ["internal_error"]
    codes += WITH_KEY if operation.scope is not None else ()
    codes += WITH_QUERY if operation.query is not None else ()
    codes += WITH_BODY if operation.body is not None else ()
    codes += WITH_FILE if operation.reads_body else ()
    codes += WITH_NAME if operation.creates else ()
    return sorted(set(codes))


def _operation(operation: Operation) -> Json:
    described: Json = {
        "operationId": operation.run.__name__,
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation), *_header_parameters(operation)],
        "responses": _responses(operation),
        "security": _security(operation),
    }
    if (content := _content(operation)) is not None:
        described["requestBody"] = {"required": True, "content": content}
    return described


def _security(operation: Operation) -> list[Json]:
    if operation.scope is None:
        return []
    return [{"apiKey": [str(operation.scope)]}, *([{"attemptToken": []}] if operation.takes_token else [])]


def _path_parameters(operation: Operation) -> list[Json]:
    names = re.findall(r"\{(\w+)\}", operation.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(operation: Operation) -> list[Json]:
    fields = {} if operation.query is None else operation.query
    return [{"name": name, "in": "query", "schema": _schema(field)} for name, field in fields.items()]


def _header_parameters(operation: Operation) -> list[Json]:
    names = ["If-None-Match"] * (operation.tagged or bool(operation.sends))
    names += ["Range", "If-Range"] * bool(operation.sends)
    described: list[Json] = [{"name": name, "in": "header", "schema": {"type": "string"}} for name in names]
    return [*described, _IDEMPOTENCY_KEY] if operation.creates else described


def _content(operation: Operation) -> Json | None:
    if operation.reads_body:
        return _READ[operation.run.__name__]()
    if operation.body is None:
        return None
    required = operation.method == "POST" or any(field.required for field in operation.body.values())
    schema = _object(operation.body, required=required)
    return {"application/json": {"schema": schema, **_examples(operation.run.__name__)}}


def _examples(name: str) -> Json:
    """One example of a body, or several by their names."""
    one, others = examples_sent.BODIES.get(name, {}), examples_sent.OTHER_BODIES.get(name)
    if others is None:
        return {"example": one}
    return {"examples": {kind: {"value": body} for kind, body in {one["kind"]: one, **others}.items()}}


def _leads_content() -> Json:
    return {
        "application/json": {"schema": _object(LEADS, required=True), "example": examples_sent.LEADS_BODY},
        "multipart/form-data": {"schema": _object(FORM, required=True)},
    }


def _entries_content() -> Json:
    return {
        "application/json": {"schema": _object(ENTRIES, required=True), **_examples("post_do_not_call")},
        "multipart/form-data": {"schema": _object(FORM, required=True)},
    }


def _rates_content(name: str, fields: Mapping[str, Field]) -> Json:
    inline, file = Fields(rates=RATES, **fields), Fields(file=FORM["file"], **fields)
    return {
        "application/json": {"schema": _object(inline, required=True), **_examples(name)},
        "multipart/form-data": {"schema": _object(file, required=True)},
    }


def _audio_content() -> Json:
    bare = {kind: {"schema": {"type": "string", "contentMediaType": kind}} for kind in _AUDIO}
    return {**bare, "multipart/form-data": {"schema": _object(AUDIO_FORM, required=True)}}


_AUDIO = ("audio/wav", "audio/mpeg", "audio/flac")
_READ: Mapping[str, Callable[[], Json]] = {
    "post_do_not_call": _entries_content,
    "post_leads": _leads_content,
    "put_agent_audio": _audio_content,
    "post_deck": partial(_rates_content, "post_deck", DECK_FIELDS),
    "post_deck_version": partial(_rates_content, "post_deck_version", VERSION_FIELDS),
}
"""What the operations take that read their body themselves."""


def _object(fields: Fields, *, required: bool) -> Json:
    schema: Json = {"type": "object", "additionalProperties": False}
    schema["properties"] = {name: _schema(field) for name, field in fields.items()}
    names = [name for name, field in fields.items() if field.required]
    return {**schema, "required": names} if required and names else schema


def _schema(field: Field) -> Mapping[str, Any]:
    kind = field.schema.get("type")
    schema = dict(field.schema)
    if field.nullable and isinstance(kind, str):
        schema["type"] = [kind, "null"]
    if isinstance(field.default, int | float | str):
        schema["default"] = field.default
    return schema


def _responses(operation: Operation) -> Json:
    headers: Json = {"X-Request-Id": _REQUEST_ID, **({} if operation.scope is None else _RATES)}
    if operation.tagged or operation.sends:
        headers["ETag"] = _ETAG
    if operation.creates:
        headers["Idempotent-Replayed"] = _REPLAYED
    good: Json = {"description": HTTPStatus(operation.status).phrase, "headers": headers}
    if operation.sends:
        good["content"] = {kind: {"schema": {"type": "string", "contentMediaType": kind}} for kind in operation.sends}
    elif operation.status != 204:
        good["content"] = {"application/json": {"schema": {"type": "object"}, "example": operation.example}}
    responses = {str(operation.status): good}
    if operation.run.__name__ == "post_leads":
        responses["200"] = {**good, "description": "The report of a dry run."}
    if operation.sends:
        responses["206"] = {**good, "description": "The part that Range asked for."}
    if operation.tagged or operation.sends:
        responses["304"] = {"description": "Nothing changed.", "headers": headers}
    for code in codes_of(operation):
        _add_problem(responses, code)
    return responses


def _add_problem(responses: Json, code: str) -> None:
    status, meaning = CODES[code]
    headers: Json = {"X-Request-Id": _REQUEST_ID}
    if code == "rate_limited":
        headers |= _RATES
    if status in (429, 503):
        headers["Retry-After"] = {"schema": {"type": "integer"}}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}, "examples": {}}}
    response = responses.setdefault(str(status), {"description": "", "headers": headers, "content": content})
    response["description"] = f"{response['description']} `{code}`: {meaning}".strip()
    value = {**problem(code).body, "request_id": examples.REQUEST_ID}
    response["content"]["application/json"]["examples"][code] = {"value": value}


def _error_schema() -> Json:
    lines = {"type": "array", "items": {"type": "string"}}
    properties = {
        "statusCode": {"type": "integer"},
        "error": {"type": "string"},
        "code": {"type": "string", "enum": list(CODES)},
        "message": {"oneOf": [{"type": "string"}, lines]},
        "request_id": {"type": "string"},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}

"""What a request is told when it fails: one body for all, and the table of codes."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

from ringback.errors import (
    BudgetSpent,
    Busy,
    CallerError,
    Conflict,
    DatabaseUnavailable,
    Forbidden,
    Impossible,
    Invalid,
    Leaving,
    NotAsSeen,
    NotFound,
    RingbackError,
    SchemaError,
    TooLarge,
    TooOften,
    Unauthenticated,
    UnknownFileType,
)

RETRY_AFTER_SEC = 2
BUSY_SEC = 15
"""What a server has too much of takes that long, or longer."""

CODES: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "validation_failed": (400, "A field is wrong, missing or not known; `message` has one line for each."),
        "malformed_json": (400, "The body is not JSON, or is JSON that nests too deeply."),
        "malformed_multipart": (400, "The body is not the multipart form that its header announces."),
        "empty_file": (400, "The file of leads has no rows, not even the one that names the columns."),
        "unreadable_audio": (400, "The audio is damaged or holds no sound; save it again as WAV, MP3 or FLAC."),
        "unreadable_file": (400, "The workbook is damaged; save it again, or as CSV."),
        "password_protected": (400, "The workbook needs a password; save it without one."),
        "unauthenticated": (
            401,
            "There is no API key in `Authorization: Bearer`, or it is unknown, revoked or expired.",
        ),
        "budget_spent": (
            402,
            "The budget of the workspace is spent: raise `budget_micros`, or wait until somebody does.",
        ),
        "missing_scope": (403, "The API key lacks the scope that `message` names."),
        "network_not_allowed": (403, "The API key is not taken from the address that `message` names."),
        "not_operator": (
            403,
            "This takes a key of the operator's workspace, the first one of the installation.",
        ),
        "test_key": (403, "A test key works on simulator trunks only, and neither makes nor ends live keys."),
        "agent_not_found": (404, "This workspace has no such agent."),
        "api_key_not_found": (404, "This workspace has no such API key."),
        "call_not_found": (404, "This workspace has no such call."),
        "caller_number_not_found": (404, "This workspace has no such caller number."),
        "caller_pool_not_found": (404, "This workspace has no such caller pool."),
        "campaign_not_found": (404, "This workspace has no such campaign."),
        "entry_not_found": (404, "This workspace has no such entry on its do-not-call list."),
        "rate_deck_not_found": (404, "This workspace has no such rate deck, or it has no such version."),
        "erasure_not_found": (404, "This workspace has no such erasure."),
        "export_elsewhere": (404, "The file is on the server that `message` names: ask that one for it."),
        "export_not_found": (404, "This workspace has no such export, or not any more."),
        "recording_elsewhere": (404, "The recording is on the server that `message` names: ask that one for it."),
        "recording_not_found": (404, "This attempt has no recording."),
        "retry_policy_not_found": (404, "This workspace has no such retry policy."),
        "route_not_found": (404, "The API has no such path."),
        "trunk_not_found": (404, "This workspace has no such trunk."),
        "webhook_not_found": (404, "This workspace has no such webhook."),
        "method_not_allowed": (405, "The path exists, and does not take this method; `Allow` names those it takes."),
        "caller_number_exists": (409, "The number is a caller number of this workspace already."),
        "caller_number_in_pool": (409, "The number is in a caller pool, or in another one; `message` names it."),
        "caller_pool_in_use": (409, "A campaign that is not cancelled, or a single call, goes by the caller pool."),
        "already_reported": (409, "The attempt's token has told this before; it is taken once."),
        "call_anonymised": (409, "The call was anonymised: nothing more is kept of it."),
        "idempotency_conflict": (409, "The `Idempotency-Key` was used for another request, or with another API key."),
        "idempotency_in_progress": (
            409,
            "The first request with this `Idempotency-Key` is still under way; ask again.",
        ),
        "nothing_to_plan": (409, "The campaign is over: nothing of it is dialled; `message` says what to do."),
        "workspace_exists": (409, "This installation has a workspace of that name: give another one."),
        "api_key_over": (409, "The API key is revoked, replaced or expired: make a new one."),
        "call_not_over": (409, "The call is not over: cancel it, or ask again when it is."),
        "export_not_ready": (409, "The export is not done, or failed; its `status` says which."),
        "campaign_over": (409, "The campaign is cancelled and cannot be changed."),
        "older_release_lives": (
            409,
            "A server of an older release still runs and would not keep to this: stop it, and ask again in a minute.",
        ),
        "illegal_transition": (409, "The campaign's state does not allow the action; `message` names those allowed."),
        "rate_deck_in_use": (409, "A trunk is charged by the rate deck; `message` names one."),
        "retry_policy_in_use": (409, "A campaign that is not over goes by the retry policy; `message` names some."),
        "precondition_failed": (412, "It was changed since it was read, by `If-Match`: read it again."),
        "audio_too_long": (413, "The audio plays for more than 10 minutes."),
        "body_too_large": (
            413,
            "The body is over its limit: 1 MiB, 32 MiB for leads as JSON, 25 MB for audio, 1.5 GiB for a file.",
        ),
        "file_too_large": (413, "The workbook is over its limit; send it as CSV, which has none but the body's."),
        "unknown_audio_type": (415, "The audio is neither WAV nor MP3 nor FLAC."),
        "unknown_file_type": (415, "The file is neither CSV nor XLSX nor XLS."),
        "unsupported_media_type": (415, "The body's Content-Type is not one that this path takes."),
        "range_not_satisfiable": (416, "The file is shorter than where the wanted part of it begins."),
        "agent_has_no_message": (422, "The message agent has neither a text nor a recording yet."),
        "agent_kind_unknown": (422, "This release has no such kind of agent."),
        "agent_takes_no_audio": (422, "Only agents of the kind `message` play a recording."),
        "another_currency": (
            422,
            "Budgets, rate decks and tariffs of a workspace have one currency; `message` names it and what has it.",
        ),
        "analysis_too_large": (422, "The analysis takes too long; name fewer days, or one campaign."),
        "too_many_groups": (422, "The answer has too many groups; name fewer days, one campaign or one side."),
        "no_history": (422, "There are no past dials from which to learn who answers; give other `answers`."),
        "plan_too_large": (422, "The plan takes too long; ask for fewer `days`, or fewer `leads`."),
        "do_not_call": (422, "The number is on the do-not-call list of this workspace."),
        "trunk_kind_unknown": (422, "This release has no such kind of trunk."),
        "unknown_agent": (422, "`agent_id` names no agent of this workspace."),
        "unknown_attempt": (422, "`attempt` names no attempt of this call, or it has none yet."),
        "unknown_rate_deck": (422, "`rate_deck_id` names no rate deck of this workspace."),
        "unknown_campaign": (422, "`campaign_id` names no campaign of this workspace."),
        "unknown_caller_pool": (422, "`caller_pool_id` names no caller pool of this workspace."),
        "unknown_retry_policy": (
            422,
            "`retry_policy_id` names no retry policy of this workspace, or it has no version `retry_policy_version`.",
        ),
        "too_many_webhooks": (422, "The workspace has as many webhooks as it may have: delete one first."),
        "unknown_trunk": (422, "`trunk_id`, or one of `trunks`, names no trunk of this workspace."),
        "rate_limited": (429, "The API key has asked too often; ask again after `Retry-After` seconds."),
        "internal_error": (500, "Something is wrong on our side; the request id finds it in the log."),
        "database_unavailable": (503, "The database is away; ask again after `Retry-After` seconds."),
        "too_many_plans": (503, "As many plans as this server makes at a time are being made; ask again."),
        "not_ready": (503, "The schema is not one that this release works on, or this server is about to end."),
    }
)
"""Every code of the API with its status. docs/errors.md is held equal to it by a test."""

_RFC_9110 = {413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
"""Phrases that Python before 3.13 has by their older names."""

_STATUS: Mapping[type[RingbackError], int] = {
    Invalid: 400,
    Unauthenticated: 401,
    BudgetSpent: 402,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    NotAsSeen: 412,
    TooLarge: 413,
    UnknownFileType: 415,
    Impossible: 422,
    TooOften: 429,
    Busy: 503,
}


class Problem(NamedTuple):
    """A refusal on its way out.

    Attributes:
        status: of HTTP.
        body: what is encoded, without the request's id.
        headers: beside those of every answer.
    """

    status: int
    body: dict[str, Any]
    headers: tuple[tuple[bytes, bytes], ...] = ()


def problem(code: str, message: str | list[str] | None = None, *headers: tuple[bytes, bytes]) -> Problem:
    """A refusal by its code; without a message it says what the table says."""
    status, meaning = CODES[code]
    return _problem(status, code, meaning if message is None else message, *headers)


def explain(fault: RingbackError) -> Problem:
    """The refusal that an error comes to."""
    if isinstance(fault, DatabaseUnavailable):
        return problem("database_unavailable", None, (b"retry-after", str(RETRY_AFTER_SEC).encode()))
    if isinstance(fault, SchemaError | Leaving):
        return problem("not_ready", str(fault), (b"retry-after", str(RETRY_AFTER_SEC).encode()))
    if not isinstance(fault, CallerError):
        return problem("internal_error")
    headers = ((b"www-authenticate", b"Bearer"),) if isinstance(fault, Unauthenticated) else ()
    headers = ((b"retry-after", str(BUSY_SEC).encode()),) if isinstance(fault, Busy) else headers
    headers = ((b"retry-after", str(fault.retry_after_sec).encode()),) if isinstance(fault, TooOften) else headers
    message = fault.lines if isinstance(fault, Invalid) else fault.message
    return _problem(_STATUS[type(fault)], fault.code, message, *headers)


def _problem(status: int, code: str, message: str | list[str], *headers: tuple[bytes, bytes]) -> Problem:
    body = {
        "statusCode": status,
        "error": _RFC_9110.get(status) or HTTPStatus(status).phrase,
        "code": code,
        "message": message,
    }
    return Problem(status, body, headers)

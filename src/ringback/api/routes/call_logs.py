"""/v1/call-logs: what became of calls, and every attempt of them."""

from dataclasses import replace

from ringback.api import examples, examples_why
from ringback.api.fields import caller_number, identifier, instant, one_of, phone, whole
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.paging import list_body, list_fields, part_of
from ringback.api.routes.finding import campaign_in_path, found, path_id
from ringback.api.show import show_call, show_history
from ringback.api.show_details import show_decisions, show_details
from ringback.api.show_explain import show_explanation
from ringback.domain.call import CallState, FinalReason
from ringback.domain.outcome import EndReason
from ringback.ids import AGENT, CALL, CAMPAIGN
from ringback.store.agent_reports import read_reports
from ringback.store.calls import CallFilter, call_state, find_call, list_calls
from ringback.store.campaigns import find_campaign
from ringback.store.decisions import has_call, read_decisions
from ringback.store.history import read_history
from ringback.store.keys import Scope
from ringback.store.retry_policies import policies_of_call

MOST_SEC, MOST_ATTEMPTS = 1_000_000, 100
_FILTERS = {
    "agent_id": identifier(AGENT),
    "status": one_of(CallState),
    "final_reason": one_of(FinalReason),
    "to_number": phone(),
    "from_number": caller_number(),
    "end_reason": one_of(EndReason),
    "min_duration_sec": whole(0, MOST_SEC),
    "max_duration_sec": whole(0, MOST_SEC),
    "min_attempts": whole(0, MOST_ATTEMPTS),
    "max_attempts": whole(0, MOST_ATTEMPTS),
    "from": instant(),
    "to": instant(),
}
LIST = list_fields(CALL, campaign_id=identifier(CAMPAIGN), **_FILTERS)
CAMPAIGN_LIST = list_fields(CALL, **_FILTERS)
NO_CAMPAIGN = -1
_DURATIONS, _ATTEMPTS = ("min_duration_sec", "max_duration_sec"), ("min_attempts", "max_attempts")
_AS_THEY_ARE = ("from_number", "end_reason", *_DURATIONS, *_ATTEMPTS)


async def get_call_logs(api: Api, ask: Ask) -> Answer:
    """Calls, newest first. A campaign that is not there has none."""
    wanted = _filter(ask)
    if (campaign_id := ask.query["campaign_id"]) is not None:
        async with api.database.connection() as db:
            campaign = await find_campaign(db, ask.workspace_no, campaign_id)
        wanted = replace(wanted, campaign_no=campaign.campaign_no if campaign else NO_CAMPAIGN)
    return await _list(api, ask, wanted)


async def get_campaign_call_logs(api: Api, ask: Ask) -> Answer:
    """The calls of one campaign, newest first."""
    campaign = await campaign_in_path(api, ask)
    return await _list(api, ask, replace(_filter(ask), campaign_no=campaign.campaign_no))


async def get_call_log(api: Api, ask: Ask) -> Answer:
    """One call with its final outcome."""
    async with api.database.connection() as db:
        row = found(await find_call(db, ask.workspace_no, path_id(ask, CALL)), "call")
    return Answer(show_call(row))


async def get_details(api: Api, ask: Ask) -> Answer:
    """One call with all that is known of it."""
    call_id = path_id(ask, CALL)
    async with api.database.connection() as db, db.transaction(isolation="repeatable_read", readonly=True):
        call = found(await find_call(db, ask.workspace_no, call_id), "call")
        history = await read_history(db, ask.workspace_no, call_id)
        reports = await read_reports(db, ask.workspace_no, call_id)
        withheld = await read_decisions(db, ask.workspace_no, call_id)
        policies = await policies_of_call(db, ask.workspace_no, call_id)
    return Answer(show_details(call, history, reports, withheld, policies))


async def get_decisions(api: Api, ask: Ask) -> Answer:
    """Why dials of one call were not placed."""
    call_id = path_id(ask, CALL)
    async with api.database.connection() as db, db.transaction(isolation="repeatable_read", readonly=True):
        rows = await read_decisions(db, ask.workspace_no, call_id)
        found(rows or await has_call(db, ask.workspace_no, call_id) or None, "call")
    return Answer(show_decisions(call_id, rows))


async def get_explanation(api: Api, ask: Ask) -> Answer:
    """What happens next with one call, when, and why."""
    call_id = path_id(ask, CALL)
    async with api.database.connection() as db, db.transaction(isolation="repeatable_read", readonly=True):
        call = found(await find_call(db, ask.workspace_no, call_id), "call")
        explained = found(await api.settings.explain.call(db, ask.workspace_no, call_id, ask.now), "call")
    status = call_state(call["final_status"], call["live_status"], call["next_attempt"])
    return Answer(show_explanation(call_id, status, explained))


async def get_retries(api: Api, ask: Ask) -> Answer:
    """Every attempt of one call: a single query."""
    call_id = path_id(ask, CALL)
    async with api.database.connection() as db:
        rows = await read_history(db, ask.workspace_no, call_id)
    return Answer(show_history(call_id, found(rows or None, "call")))


async def _list(api: Api, ask: Ask, wanted: CallFilter) -> Answer:
    async with api.database.connection() as db:
        listing = await list_calls(db, ask.workspace_no, wanted, part_of(ask.query))
    return Answer(list_body(listing, ask.query, CALL, "call_id", show_call))


def _filter(ask: Ask) -> CallFilter:
    query, number = ask.query, ask.query["to_number"]
    return CallFilter(
        agent_id=query["agent_id"],
        status=query["status"],
        final_reason=query["final_reason"],
        to_number=number and number.e164,
        since=query["from"],
        until=query["to"],
        **{name: query[name] for name in _AS_THEY_ARE},
    )


def _reading(path: str, summary: str, run: object, **more: object) -> Operation:
    return Operation("GET", f"/v1/call-logs{path}", Scope.CALLS_READ, summary, run, **more)  # type: ignore[arg-type]


_NOT_FOUND = ("call_not_found",)
OPERATIONS = (
    _reading("", "Calls, newest first.", get_call_logs, query=LIST, example=examples.listed(examples.CALL)),
    _reading("/{id}", "One call with its final outcome.", get_call_log, example=examples.CALL, codes=_NOT_FOUND),
    _reading(
        "/{id}/details",
        "One call with its attempts, timeline, variables, transcripts and analyses.",
        get_details,
        example=examples.DETAILS,
        codes=_NOT_FOUND,
    ),
    _reading(
        "/{id}/retries",
        "Every attempt of one call, oldest first.",
        get_retries,
        example=examples.HISTORY,
        codes=_NOT_FOUND,
    ),
    _reading(
        "/{id}/decisions",
        "Why dials of one call that were due were not placed, oldest first.",
        get_decisions,
        example=examples_why.DECISIONS,
        codes=_NOT_FOUND,
    ),
    _reading(
        "/{id}/explain",
        "What happens next with one call, when, and what that goes by.",
        get_explanation,
        example=examples_why.EXPLANATION,
        codes=_NOT_FOUND,
    ),
    _reading(
        "/campaign/{id}",
        "The calls of one campaign, newest first.",
        get_campaign_call_logs,
        query=CAMPAIGN_LIST,
        example=examples.listed(examples.CALL),
        codes=("campaign_not_found",),
    ),
)

"""/v1/campaigns/{id}/leads: added from JSON or from a file, and listed."""

from ringback.api import examples
from ringback.api.fields import Fields, one_of, truth
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.paging import list_body, list_fields, part_of
from ringback.api.routes.finding import campaign_in_path
from ringback.api.show import show_lead
from ringback.api.upload import leads_in
from ringback.domain.call import CallState
from ringback.ids import CAMPAIGN, LEAD
from ringback.store.calls import CallFilter, list_calls
from ringback.store.campaign_status import check_admits
from ringback.store.keys import Scope
from ringback.store.leads import import_leads

HOW = Fields(dry_run=truth(default=False))
LIST = list_fields(LEAD, status=one_of(CallState))


async def post_leads(api: Api, ask: Ask) -> Answer:
    """Add leads: good rows become leads, the others come back with their reasons."""
    campaign = await campaign_in_path(api, ask)
    check_admits(campaign)
    ask.key.require_trunk(*campaign.trunk_kinds)
    dry_run = ask.query["dry_run"]
    key = (campaign.workspace_no, campaign.campaign_no)
    note = ask.changing(CAMPAIGN, campaign.campaign_id).note
    async with leads_in(ask.request) as chunks, api.imports:
        report = await import_leads(api.database, *key, chunks, api.ids, ask.now, note, dry_run=dry_run)
    return Answer(report.to_dict(), 200 if dry_run else 201)


async def get_leads(api: Api, ask: Ask) -> Answer:
    """The leads, each with the state of its call."""
    campaign = await campaign_in_path(api, ask)
    wanted = CallFilter(campaign.campaign_no, status=ask.query["status"])
    async with api.database.connection() as db:
        listing = await list_calls(db, ask.workspace_no, wanted, part_of(ask.query))
    return Answer(list_body(listing, ask.query, LEAD, "call_id", show_lead))


_PATH = "/v1/campaigns/{id}/leads"
OPERATIONS = (
    Operation(
        "POST",
        _PATH,
        Scope.CAMPAIGNS_WRITE,
        "Add leads to a campaign, as JSON or as a CSV, XLSX or XLS file. With dry_run the report is the same, the "
        "status is 200, and nothing is kept.",
        post_leads,
        query=HOW,
        reads_body=True,
        status=201,
        example=examples.IMPORT_REPORT,
        codes=(
            "campaign_not_found",
            "empty_file",
            "file_too_large",
            "illegal_transition",
            "malformed_json",
            "older_release_lives",
            "password_protected",
            "test_key",
            "unknown_file_type",
            "unreadable_file",
        ),
    ),
    Operation(
        "GET",
        _PATH,
        Scope.CAMPAIGNS_READ,
        "The leads of a campaign, newest first.",
        get_leads,
        query=LIST,
        example=examples.listed(examples.LEAD),
        codes=("campaign_not_found",),
    ),
)

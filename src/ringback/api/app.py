"""The application: all operations, and what they have at hand."""

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from ringback.api.answering import Means, answering, framework_fault
from ringback.api.auth import Keys
from ringback.api.edge import Edge
from ringback.api.once import Once
from ringback.api.openapi import describe
from ringback.api.operation import Answer, Api, ApiSettings, Ask, Operation
from ringback.api.rate_limits import RateLimits
from ringback.api.routes import (
    agents,
    analytics,
    api_keys,
    audit,
    blockers,
    call_logs,
    caller_numbers,
    caller_pools,
    calls,
    campaigns,
    contact_rules,
    do_not_call,
    exports,
    health,
    leads,
    ledger,
    personal_data,
    plans,
    policy_comparison,
    pre_dial_check,
    rate_decks,
    recordings,
    reports,
    retry_policies,
    rule_packs,
    trunks,
    webhooks,
    workspace,
    workspaces,
)
from ringback.api.routes.metrics import metrics_routes
from ringback.clock import Clock
from ringback.ids import Ids
from ringback.store.database import Database

OPERATIONS: tuple[Operation, ...] = tuple(
    operation
    for resource in (
        *(
            workspace,
            workspaces,
            api_keys,
            audit,
            agents,
            trunks,
            rate_decks,
            caller_numbers,
            caller_pools,
            retry_policies,
            campaigns,
            blockers,
            leads,
            plans,
            calls,
            do_not_call,
        ),
        *(
            contact_rules,
            pre_dial_check,
            call_logs,
            reports,
            recordings,
            analytics,
            policy_comparison,
            rule_packs,
            exports,
            personal_data,
            ledger,
            webhooks,
            health,
        ),
    )
    for operation in resource.OPERATIONS
)


def create_app(database: Database, clock: Clock, ids: Ids, settings: ApiSettings) -> Edge:
    """The API as an ASGI application.

    Args:
        database: connections with API_SETTINGS; at least three, for an import holds one and asks for another.
        clock: tells `now`.
        ids: makes identifiers.
        settings: what it is told by who builds it.
    """
    api = Api(database, clock, ids, Keys(database, clock.now, settings.uses), settings)
    document = describe(OPERATIONS)

    readings = {operation.path: operation for operation in OPERATIONS if operation.tagged}
    means = Means(Once(), RateLimits(database, settings.requests_per_min), readings)

    async def get_document(api: Api, ask: Ask) -> Answer:  # noqa: ARG001 # operations are called alike
        return Answer(document)

    described = Operation("GET", "/openapi.json", None, "This document.", get_document)
    app = Litestar(
        [*(_route(operation, api, means) for operation in (*OPERATIONS, described)), *metrics_routes(api)],
        openapi_config=None,
        logging_config=None,
        exception_handlers={Exception: framework_fault(api)},
        request_max_body_size=None,  # each operation has its own limit
    )
    return Edge(app, settings.cors_origins)


def _route(operation: Operation, api: Api, means: Means) -> HTTPRouteHandler:
    # the status is the answer's own: the framework is told one that may have a body
    path = operation.path.replace("{id}", "{id:str}").replace("{attempt}", "{attempt:str}")
    route = HTTPRouteHandler(path, http_method=operation.method, status_code=200)  # type: ignore[arg-type]
    return route(answering(operation, api, means))

"""Whether the process lives, and whether it can work. No key is asked for."""

from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.store.migrate import check_schema


async def get_health(api: Api, ask: Ask) -> Answer:  # noqa: ARG001 # operations are called alike
    """The process answers; nothing else is looked at."""
    return Answer({"status": "ok"})


async def get_readiness(api: Api, ask: Ask) -> Answer:  # noqa: ARG001 # operations are called alike
    """The database answers, and has the schema of this release."""
    await check_schema(api.database)
    return Answer({"status": "ready"})


OPERATIONS = (
    Operation("GET", "/healthz", None, "Whether the process lives.", get_health, example={"status": "ok"}),
    Operation(
        "GET",
        "/readyz",
        None,
        "Whether the database is there with this release's schema.",
        get_readiness,
        example={"status": "ready"},
        codes=("not_ready",),
    ),
)

"""Whether the process lives, and whether it can work. No key is asked for."""

from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.errors import Leaving
from ringback.store.migrate import check_schema


async def get_health(api: Api, ask: Ask) -> Answer:  # noqa: ARG001 # operations are called alike
    """The process answers; nothing else is looked at."""
    return Answer({"status": "ok"})


async def get_readiness(api: Api, ask: Ask) -> Answer:  # noqa: ARG001 # operations are called alike
    """The database answers and has a schema that this release works on, and the server is not about to end.

    Raises:
        Leaving: it is: no new requests should be sent here.
    """
    if api.settings.leaving.is_set():
        raise Leaving("this server is about to end: ask another one")
    await check_schema(api.database)
    return Answer({"status": "ready"})


OPERATIONS = (
    Operation("GET", "/healthz", None, "Whether the process lives.", get_health, example={"status": "ok"}),
    Operation(
        "GET",
        "/readyz",
        None,
        "Whether requests should be sent here: the database is there, and this server is not about to end.",
        get_readiness,
        example={"status": "ready"},
        codes=("not_ready",),
    ),
)

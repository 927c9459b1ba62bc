"""/v1/ledger: how the ledger of the key's workspace stands."""

from ringback.api import examples
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.ledger.status import status_of
from ringback.store.keys import Scope


async def read_ledger(api: Api, ask: Ask) -> Answer:
    """How many entries it has, how far behind it is, and what was signed last."""
    async with api.database.connection() as db:
        return Answer(await status_of(db, ask.workspace_no, ask.now))


OPERATIONS = (
    Operation(
        "GET",
        "/v1/ledger",
        Scope.CALLS_READ,
        "How the workspace's ledger stands, and what was signed of it last.",
        read_ledger,
        example=examples.LEDGER,
    ),
)

"""/v1/workspace: the workspace that the key belongs to."""

from ringback.api import examples
from ringback.api.fields import Fields, text, whole
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.show import show_workspace
from ringback.store.keys import Scope
from ringback.store.workspaces import change_workspace, find_workspace

CHANGES = Fields(name=text(), max_concurrent_calls=whole(0, 1_000_000, optional=True))


async def read_workspace(api: Api, ask: Ask) -> Answer:
    """The workspace with its cap."""
    async with api.database.connection() as db:
        return Answer(show_workspace(await find_workspace(db, ask.workspace_no)))


async def patch_workspace(api: Api, ask: Ask) -> Answer:
    """Change what was sent."""
    async with api.database.transaction() as db:
        row = await change_workspace(db, ask.workspace_no, ask.body)
    return Answer(show_workspace(row))


_PATH = "/v1/workspace"
OPERATIONS = (
    Operation("GET", _PATH, Scope.CALLS_READ, "The workspace.", read_workspace, example=examples.WORKSPACE),
    Operation(
        "PATCH",
        _PATH,
        Scope.ADMIN,
        "Change the workspace's name or cap.",
        patch_workspace,
        body=CHANGES,
        example=examples.WORKSPACE,
    ),
)

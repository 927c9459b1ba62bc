"""Whether an older release still works on the database: it would not keep to what it does not know."""

from whenever import Instant

from ringback.errors import Conflict
from ringback.store.database import Connection
from ringback.store.queries import load, migrations

_SQL = load("older")

SCHEMA = next(step.version for step in migrations() if step.name == "calls")
"""Who is of an older one knows no rule packs, and no hours but those that are the same every day."""


async def check_no_older(db: Connection, unknown: str, now: Instant) -> None:
    """Refuse what servers of the release before do not know, as long as one lives.

    Args:
        db: in the transaction that makes the change.
        unknown: what they do not know.
        now: the time.

    Raises:
        Conflict: one lives.
    """
    if await db.fetchval(_SQL["older_lives"], SCHEMA, now):
        raise Conflict(
            "older_release_lives",
            f"a server of an older release still runs on the database and knows no {unknown}: stop it, and ask again "
            "in a minute",
        )

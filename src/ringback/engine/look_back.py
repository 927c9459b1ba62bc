"""Look back: what a policy has to know of a call's earlier dials. It is read only for the policies that ask for it."""

from collections.abc import Iterable

from ringback.engine.live import LiveAttempt
from ringback.store import attempts
from ringback.store.database import Connection


async def learn_earlier_dials(db: Connection, claimed: Iterable[LiveAttempt]) -> None:
    """Tell each redial whose policy looks back when its call was dialled before."""
    asking = {one.key: one for one in claimed if one.dial.attempt > 1 and one.plan.policy.spacing.looks_back}
    if not asking:
        return
    for key, dials in (await attempts.earlier_dials(db, list(asking))).items():
        asking[key].earlier = dials

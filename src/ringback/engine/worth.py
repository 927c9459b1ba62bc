"""Worth: redials whose policy says that one more person may cost so much are not placed where one costs more."""

from collections.abc import Iterable, Mapping

from whenever import Instant, TimeDelta

from ringback.domain.decision import Withheld, held_by_cost
from ringback.domain.worth import Evidence
from ringback.engine.live import LiveAttempt
from ringback.engine.plan import DialPlan
from ringback.store.attempts import Key
from ringback.store.database import Connection, Record
from ringback.store.worth import CampaignKey, read_evidence

KNOWN_FOR = TimeDelta(seconds=5)
"""For so long what was read of a campaign's attempts is gone by: a dial more or less does not change a judgement."""


class Worth:
    """Knows what the attempts of campaigns come to by ordinal, as of a few seconds ago."""

    def __init__(self) -> None:
        self._read_at: dict[CampaignKey, Instant] = {}
        self._known: dict[CampaignKey, Mapping[int, Evidence]] = {}

    async def not_worthwhile(self, db: Connection, intents: Iterable[LiveAttempt], now: Instant) -> dict[Key, Withheld]:
        """Those of a claim's redials that cost too much, each with why; read only for the policies that ask for it."""
        asking = [one for one in intents if one.dial.attempt > 1 and one.plan.policy.stop_when is not None]
        if not asking:
            return {}
        await self._learn(db, {_campaign(one) for one in asking}, now)
        found = {one.key: by_worth(one.plan, one.dial.attempt, self._known[_campaign(one)]) for one in asking}
        return {key: why for key, why in found.items() if why is not None}

    async def _learn(self, db: Connection, campaigns: set[CampaignKey], now: Instant) -> None:
        old = {key for key in campaigns if self._read_at.get(key, Instant.MIN) + KNOWN_FOR <= now}
        if old:
            self._known.update(await read_evidence(db, old))
            self._read_at.update(dict.fromkeys(old, now))


async def look_at_worth(db: Connection, row: Record, plan: DialPlan) -> Withheld | None:
    """Why a claim would not place a redial, by what is known now."""
    if row["attempt"] < 2 or plan.policy.stop_when is None:
        return None
    key = (row["workspace_no"], row["campaign_no"])
    return by_worth(plan, row["attempt"], (await read_evidence(db, {key}))[key])


def by_worth(plan: DialPlan, attempt: int, known: Mapping[int, Evidence]) -> Withheld | None:
    """Why a redial is not placed, None where it is worth it, by what is known of the attempts of each ordinal."""
    stop, evidence = plan.policy.stop_when, known.get(attempt)
    return None if stop is None or evidence is None else held_by_cost(stop, attempt, evidence)


def _campaign(attempt: LiveAttempt) -> CampaignKey:
    return attempt.key[0], attempt.route.lane.campaign_no

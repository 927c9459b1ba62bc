"""The owner of the campaigns, who goes on with the day's work over the API whatever is killed meanwhile."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from tests.chaos.caps import Cap, Change, LimitName
from tests.chaos.plan import Kind, Strike, between, one_of
from tests.process.campaigns import PEOPLE, RETRY

WORKSPACE_CAP, PACED_CAP, UNPACED_CAP, CAMPAIGN_CAP, SIDE_CAP, CALLER_CAP = 48, 32, 28, 18, 6, 12
PACE = 40.0
WIDE = 100
"""Of each cap at its widest; at the end all are, so that what waits is soon over."""
HANG_UP_SHARE = 0.5
"""Of the campaigns that are cancelled, those whose ringing calls are hung up."""
PATIENCE_SEC = 90.0
REST_SEC = 0.2


@dataclass(slots=True)
class Campaign:
    """A campaign as its owner knows it.

    Attributes:
        id: in the API.
        pauses: (told that it is paused, asked to resume), in seconds.
        cancelled: when the owner was told that it is.
        hung_up: whether what rang then was hung up.
        numbers: those that it was given.
    """

    id: str
    pauses: list[tuple[float, float]] = field(default_factory=list)
    cancelled: float | None = None
    hung_up: bool = False
    numbers: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Answered:
    """What the API said, when it was first asked and when it said so."""

    asked: float
    done: float
    body: Any


class Owner:
    """Asks until there is an answer.

    Args:
        url: of the API.
        key: a key for it.
        grace_sec: how long a cap that was lowered may still be used as it was.
        caller: a number of the owner's own, from which one of the campaigns calls.
        record: the far end's, which all nodes share.
    """

    def __init__(self, url: str, key: str, grace_sec: float, caller: str, record: Path) -> None:
        self.caller = caller
        self._record = record
        self.caps: dict[LimitName, Cap] = {}
        self.paces: dict[str, Cap] = {}
        self.campaigns: list[Campaign] = []
        self.sides: list[Campaign] = []
        self.trunks: list[str] = []
        self.single_calls: set[str] = set()
        self.refused = 0
        self._grace_sec = grace_sec
        self._numbers = 0
        self._http = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=10)
        self._acts = {
            Kind.PAUSE: self._pause,
            Kind.CAP: self._change_cap,
            Kind.PACE: self._change_pace,
            Kind.CAMPAIGN: self._add_side,
            Kind.CANCEL: self._cancel,
            Kind.CALLS: self._call,
        }

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def set_up(self) -> None:
        """Two trunks, one of them paced, and three campaigns that dial over them."""
        self.caps["workspace", None] = Cap(grace_sec=self._grace_sec)
        await self._set_cap(("workspace", None), WORKSPACE_CAP)
        self.trunks = [
            await self._make_trunk("paced", PACED_CAP, PACE),
            await self._make_trunk("unpaced", UNPACED_CAP, None),
        ]
        await self._register_caller()
        self.campaigns = [await self._make_campaign(trunk, CAMPAIGN_CAP) for trunk in self.trunks]
        self.campaigns.append(await self._make_campaign(self.trunks[0], CAMPAIGN_CAP, self.caller))

    async def act(self, strike: Strike) -> Kind:
        """Do one thing."""
        await self._acts[strike.kind](strike.extra)
        return strike.kind

    async def add_leads(self, count: int) -> None:
        """Share out new leads among the campaigns."""
        for campaign in self.campaigns:
            await self._give(campaign, count // len(self.campaigns))

    async def widen(self) -> None:
        """Set every cap to its widest."""
        for name in list(self.caps):
            if not self._is_side(name):
                await self._set_cap(name, WIDE)
        for trunk in self.paces:
            await self._set_pace(trunk, 2 * WIDE)

    async def _pause(self, extra: float) -> None:
        campaign = one_of(self.campaigns, extra)
        paused = await self._move(campaign, "pause")
        await asyncio.sleep(between(0.5, 4.0, extra))  # the plan's own time: so long nobody is to be dialled
        resumed = await self._move(campaign, "resume")
        if resumed.body is not None:
            campaign.pauses.append((paused.done, resumed.asked))

    async def _change_cap(self, extra: float) -> None:
        """Lower a cap, and raise it again."""
        chance = random.Random(extra)
        name = chance.choice([name for name in self.caps if not self._is_side(name)])
        usual = self.caps[name].changes[0].value
        for value in (chance.choice((1, 2, 4, 7)), usual):
            await self._set_cap(name, int(value))
            await asyncio.sleep(between(0.5, 3.0, extra))  # the plan's own time: so long it holds

    async def _change_pace(self, extra: float) -> None:
        trunk = one_of(self.paces, extra)
        for value in (one_of((3.0, 10.0, 80.0), random.Random(extra).random()), PACE):
            await self._set_pace(trunk, value)
            await asyncio.sleep(between(0.5, 3.0, extra))  # likewise

    async def _add_side(self, extra: float) -> None:
        campaign = await self._make_campaign(one_of(self.trunks, extra), SIDE_CAP)
        await self._give(campaign, 20)
        self.sides.append(campaign)

    async def _cancel(self, extra: float) -> None:
        if not any(side.cancelled is None for side in self.sides):
            await self._add_side(extra)
            await asyncio.sleep(between(0.0, 2.0, extra))  # the plan's own time: by then it has calls, or has none yet
        campaign = next(side for side in self.sides if side.cancelled is None)
        campaign.hung_up = extra < HANG_UP_SHARE
        cancelled = await self._move(campaign, "cancel", **({"hang_up": True} if campaign.hung_up else {}))
        campaign.cancelled = cancelled.done

    async def _call(self, extra: float) -> None:
        for _ in range(3):
            body = {"to_number": self._number(), "trunk_id": one_of(self.trunks, extra), "retry": dict(RETRY)}
            made = await self._ask("POST", "/v1/calls", body)
            self.single_calls.add(made.body["id"])

    async def _make_trunk(self, name: str, cap: int, pace: float | None) -> str:
        settings = {**PEOPLE, "record": str(self._record)}
        body = {"name": name, "kind": "simulator", "settings": settings}
        made = await self._ask("POST", "/v1/trunks", {**body, "max_concurrent_calls": cap, "dials_per_sec": pace})
        trunk = str(made.body["id"])
        self._begin(("trunk", trunk), cap, made)
        if pace is not None:
            self.paces[trunk] = Cap([Change(pace, made.asked, made.done)], self._grace_sec)
        return trunk

    async def _register_caller(self) -> None:
        body = {"number": self.caller, "max_concurrent_calls": CALLER_CAP}
        made = await self._ask("POST", "/v1/caller-numbers", body)
        self._begin(("caller", str(made.body["id"])), CALLER_CAP, made)

    async def _make_campaign(self, trunk: str, cap: int, from_number: str | None = None) -> Campaign:
        body = {
            "name": f"campaign over {trunk}",
            "trunk_id": trunk,
            "from_number": from_number,
            "max_concurrent_calls": cap,
            "calling_window": {"start": "00:00", "end": "24:00"},
            "retry": dict(RETRY),
        }
        made = await self._ask("POST", "/v1/campaigns", body)
        campaign = Campaign(str(made.body["id"]))
        self._begin(("campaign", campaign.id), cap, made)
        await self._move(campaign, "start")
        return campaign

    async def _give(self, campaign: Campaign, count: int) -> None:
        """Asked again, the API refuses the numbers that it took the first time: each is a lead once."""
        numbers = [self._number() for _ in range(count)]
        leads = [{"phone_number": number, "timezone": "UTC"} for number in numbers]
        await self._ask("POST", f"/v1/campaigns/{campaign.id}/leads", {"leads": leads})
        campaign.numbers.update(numbers)

    def _is_side(self, name: LimitName) -> bool:
        return name[0] == "campaign" and all(campaign.id != name[1] for campaign in self.campaigns)

    async def _move(self, campaign: Campaign, action: str, **more: Any) -> Answered:
        return await self._ask("PATCH", f"/v1/campaigns/{campaign.id}/status", {"action": action, **more})

    def _begin(self, name: LimitName, value: float, made: Answered) -> None:
        self.caps[name] = Cap([Change(value, made.asked, made.done)], self._grace_sec)

    async def _set_cap(self, name: LimitName, value: int) -> None:
        kind, ref = name
        path = "/v1/workspace" if kind == "workspace" else f"/v1/{_PATHS[kind]}/{ref}"
        said = await self._ask("PATCH", path, {"max_concurrent_calls": value})
        self.caps[name].changes.append(Change(value, said.asked, said.done))

    async def _set_pace(self, trunk: str, value: float) -> None:
        said = await self._ask("PATCH", f"/v1/trunks/{trunk}", {"dials_per_sec": value})
        self.paces[trunk].changes.append(Change(value, said.asked, said.done))

    async def _ask(self, method: str, path: str, body: Any) -> Answered:
        """Ask until it is answered; a conflict means that an earlier try has done it."""
        asked = time.time()
        async with asyncio.timeout(PATIENCE_SEC):
            while True:
                answer = await self._try(method, path, body)
                if answer is not None and answer.status_code < 500:
                    break
                self.refused += 1
                await asyncio.sleep(REST_SEC)
        said = answer.json()
        assert answer.is_success or answer.status_code == httpx.codes.CONFLICT, f"{method} {path} {body}: {said}"
        return Answered(asked, time.time(), said if answer.is_success else None)

    async def _try(self, method: str, path: str, body: Any) -> httpx.Response | None:
        try:
            return await self._http.request(method, path, json=body)
        except httpx.TransportError:
            return None

    def _number(self) -> str:
        self._numbers += 1
        return f"+1415{2_000_000 + self._numbers}"


_PATHS = {"campaign": "campaigns", "trunk": "trunks", "caller": "caller-numbers"}

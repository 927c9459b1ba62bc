"""Agents that cannot be made ready on this node, and until when nothing is dialled here for them.

What is due for one would be claimed and taken back again and again, and would use up the paces of others meanwhile.
"""

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from whenever import Instant

from ringback.clock import seconds
from ringback.events import AgentReady, AgentUnready, Publish
from ringback.ids import AGENT, show

FIRST_SEC, LONGEST_SEC = 1.0, 30.0
"""It is tried again after so long, twice as long each time."""

AgentKey: TypeAlias = tuple[int, UUID]
"""(workspace_no, agent_id)."""

CampaignKey: TypeAlias = tuple[int, int]
"""(workspace_no, campaign_no)."""

NO_CAMPAIGN = 0
"""Single calls have an agent each: none of them holds up another."""


@dataclass(frozen=True, slots=True)
class _Held:
    """Until when an agent is left alone, and for how long it was this time."""

    until: Instant
    pause_sec: float


class Unready:
    """Remembers them.

    Args:
        publish: told once of each that cannot be made ready, and once when it can.
    """

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._held: dict[AgentKey, _Held] = {}
        self._waiting: dict[CampaignKey, AgentKey] = {}

    def until(self, agent: AgentKey) -> Instant:
        """From when on it may be tried."""
        held = self._held.get(agent)
        return held.until if held else Instant.MIN

    def campaign_until(self, campaign: CampaignKey) -> Instant:
        """From when on dials of a campaign may be claimed."""
        agent = self._waiting.get(campaign)
        return self.until(agent) if agent else Instant.MIN

    def failed(self, agent: AgentKey, why: str, now: Instant) -> None:
        """It could not be made ready."""
        held = self._held.get(agent)
        if held is None:
            self._publish(AgentUnready(show(AGENT, agent[1]), why))
        pause_sec = min(held.pause_sec * 2, LONGEST_SEC) if held else FIRST_SEC
        self._held[agent] = _Held(now + seconds(pause_sec), pause_sec)

    def hold(self, campaign: CampaignKey, agent: AgentKey) -> Instant:
        """Let a campaign wait for its agent; returns from when on its dials, or one single call, are due again."""
        if campaign[1] != NO_CAMPAIGN:
            self._waiting[campaign] = agent
        return self.until(agent)

    def ready(self, agent: AgentKey) -> None:
        """It was made ready."""
        if self._held.pop(agent, None) is not None:
            self._waiting = {campaign: known for campaign, known in self._waiting.items() if known != agent}
            self._publish(AgentReady(show(AGENT, agent[1])))

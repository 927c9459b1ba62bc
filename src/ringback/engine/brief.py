"""Brief: what handles each call, for carriers that must know it when they place the dial."""

import random
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from whenever import Instant

from ringback.carriers.carrier import Agent
from ringback.carriers.sip.recording_files import KINDS, place_of
from ringback.engine.audio_files import AudioFiles
from ringback.engine.live import LiveAttempt
from ringback.engine.unready import AgentKey, Unready
from ringback.errors import SecretKeyError
from ringback.events import Publish
from ringback.sealing import Sealer
from ringback.store.agent_reports import KeptToken, keep_tokens
from ringback.store.agent_tokens import make_token
from ringback.store.briefings import Briefing, read_briefings
from ringback.store.database import Database

SILENT_KINDS = frozenset({"message"})
"""Agents of these kinds have nothing to report, and need no token for it."""


class Briefs:
    """Reads agents and variables for a batch of dials.

    Args:
        database: the store.
        audio: the recordings of message agents, as files of this node.
        sealer: opens the secrets in their settings.
        publish: told of an agent that cannot be made ready here.
        chance: where tokens come from: the system's generator.

    Attributes:
        unready: the agents that could not be made ready here.
    """

    def __init__(
        self, database: Database, audio: AudioFiles, sealer: Sealer, publish: Publish, chance: random.Random
    ) -> None:
        self._database = database
        self._audio = audio
        self._sealer = sealer
        self._chance = chance
        self.unready = Unready(publish)

    async def brief(self, attempts: Sequence[LiveAttempt], now: Instant) -> dict[UUID, Agent | None]:
        """The agent of each dial by its attempt's id, None for a call that has none.

        One whose agent cannot be made ready on this node is missing, and has a `due_again_at`: it is not to be dialled
        from here before that.

        Raises:
            DatabaseUnavailable: none of them is known.
        """
        async with self._database.connection() as db:
            found = await read_briefings(db, [attempt.key[:2] for attempt in attempts])
        settings = await self._settings(found, now)
        agents = {one[:2]: _agent(one, settings[_key(one)]) for one in found if _key(one) in settings}
        unready = {one[:2]: _key(one) for one in found if _key(one) not in settings}
        for attempt in attempts:
            if agent := unready.get(attempt.key[:2]):
                attempt.due_again_at = self.unready.hold(attempt.route.lane[:2], agent)
        handled = [(a, agents[a.key[:2]]) for a in attempts if a.key[:2] in agents]
        nobody = {a.dial.attempt_id: None for a in attempts if a.key[:2] not in agents and a.key[:2] not in unready}
        return {**nobody, **await self._equipped(handled)}

    async def _equipped(self, handled: Sequence[tuple[LiveAttempt, Agent]]) -> dict[UUID, Agent]:
        """The agents with what is of one attempt alone: a token to report by, and where it is recorded.

        Raises:
            DatabaseUnavailable: the tokens are not kept, and so are worth nothing.
        """
        equipped, tokens = {}, list[KeptToken]()
        for attempt, agent in handled:
            token = ""
            if agent.kind not in SILENT_KINDS:
                made = make_token(attempt.key[0], attempt.key[2], self._chance)
                tokens.append(KeptToken(*attempt.key, attempt.dial.attempt_id, made.digest))
                token = made.text
            equipped[attempt.dial.attempt_id] = msgspec.structs.replace(
                agent, token=token, recording=_recording(attempt, agent)
            )
        if tokens:
            async with self._database.connection() as db:
                await keep_tokens(db, tokens)
        return equipped

    async def _settings(self, found: Iterable[Briefing], now: Instant) -> dict[AgentKey, dict[str, Any]]:
        """The settings of each agent that is ready, once, however many calls it has."""
        ready = {}
        for key, one in {_key(one): one for one in found}.items():
            if self.unready.until(key) > now:
                continue
            try:
                ready[key] = await self._prepared(one)
            except (OSError, SecretKeyError) as failed:
                self.unready.failed(key, str(failed), now)
            else:
                self.unready.ready(key)
        return ready

    async def _prepared(self, one: Briefing) -> dict[str, Any]:
        """An agent's settings in the clear; a recording is the path of a file, and one that is gone is left out.

        Raises:
            DatabaseUnavailable: its recording cannot be fetched now.
            OSError: its recording cannot be kept here.
            SecretKeyError: its secrets were sealed with a key that is not here.
        """
        settings: dict[str, Any] = self._sealer.unseal(msgspec.json.decode(one.settings))
        if one.kind == "message" and (audio := settings.pop("audio", None)) is not None:
            path = await self._audio.path_of(one.workspace_no, one.agent_id, audio["sha256"])
            if path is not None:
                settings["audio"] = str(path)
        return settings


def _key(one: Briefing) -> AgentKey:
    return (one.workspace_no, one.agent_id)


def _agent(one: Briefing, settings: dict[str, Any]) -> Agent:
    """What is known of the call goes before; a lead's own variable of the same name goes before that."""
    known = {"name": one.name, "campaign": one.campaign}
    own = msgspec.json.decode(one.variables) if one.variables else {}
    return Agent(one.kind, settings, {**{name: text for name, text in known.items() if text is not None}, **own})


def _recording(attempt: LiveAttempt, agent: Agent) -> str:
    """Where a call is to be recorded, empty where it is not."""
    kind = next((kind for kind in KINDS if kind == agent.settings.get("record")), None)
    return "" if kind is None else str(place_of(*attempt.key, attempt.dial.attempt_id, kind))

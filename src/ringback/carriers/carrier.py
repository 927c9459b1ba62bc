"""The seam between the engine and whoever places the calls.

A carrier is told of a dial once, and reports what becomes of it as CallEvents. It may report an event twice, late or
out of order: the engine's guards make that harmless. One contract suite (tests/carriers/contract.py) runs on all.

What is made for each dial is a msgspec.Struct: it takes a fifth of the time of a frozen dataclass.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import msgspec
from whenever import Instant, TimeDelta

from ringback.domain.outcome import AnsweredBy, EndReason


class Agent(msgspec.Struct, frozen=True, omit_defaults=True):
    """What handles a call once it is answered.

    Attributes:
        kind: `message`, `websocket` or `sip`.
        settings: the agent's own.
        variables: the lead's, and what else its text may name.
        token: with which the agent reports back, empty where it does not.
        recording: where in the data directory the call is to be recorded, empty where it is not.
    """

    kind: str
    settings: dict[str, Any]
    variables: dict[str, Any] = {}
    token: str = ""
    recording: str = ""


class Dial(msgspec.Struct, frozen=True, gc=False):
    """What a carrier is asked to place.

    Attributes:
        attempt_id: our own identifier, handed to the far end so that the dial can be looked up afterwards.
        call_id: the parent call.
        attempt: its ordinal within the call, from 1.
        to_number: E.164.
        from_number: E.164 caller number, None for the trunk's own.
        zones: the time zones in which the person may be.
        agent: what handles the call once it is answered; carriers that `wants_agents` are given it.
    """

    attempt_id: UUID
    call_id: UUID
    attempt: int
    to_number: str
    from_number: str | None
    zones: tuple[str, ...]
    agent: Agent | None = None


class Ringing(msgspec.Struct, frozen=True, gc=False):
    """The far end alerts."""

    attempt_id: UUID
    at: Instant


class Answered(msgspec.Struct, frozen=True, gc=False):
    """Somebody or something picked up."""

    attempt_id: UUID
    at: Instant


class Ended(msgspec.Struct, frozen=True, gc=False):
    """The dial is over.

    Attributes:
        attempt_id: which.
        at: when it was over.
        reason: how it ended.
        ring_sec: whole seconds from ringing to the answer or to the end.
        duration_sec: whole seconds connected; 0 unless answered.
        answered_by: who picked up, None where nobody did.
        sip_code: the final SIP response code where there was one (RFC 3261, section 21).
        details: what else the signalling and the agent told, to be kept with the attempt: JSON; None where nothing did.
        rang: whether anything was heard of a phone before the end, also what was not told as Ringing: a 182, say.
        placed: False where it is certain that nothing was dialled.
    """

    attempt_id: UUID
    at: Instant
    reason: EndReason
    ring_sec: int = 0
    duration_sec: int = 0
    answered_by: AnsweredBy | None = None
    sip_code: int | None = None
    details: Mapping[str, Any] | None = None
    rang: bool = False
    placed: bool = True


CallEvent = Ringing | Answered | Ended
Listener = Callable[[CallEvent], None]


@dataclass(frozen=True, slots=True)
class NeverPlaced:
    """The carrier was not asked to place this dial, and will not place it from now on, whoever asks.

    A carrier that cannot promise the second half says Unknown: a node that was frozen just before it asked may yet ask.
    """


@dataclass(frozen=True, slots=True)
class StillUp:
    """The dial was placed and is not over."""

    placed_at: Instant


@dataclass(frozen=True, slots=True)
class Over:
    """The dial was placed and is over; this is how."""

    placed_at: Instant
    ended: Ended


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can tell."""


Knowledge = NeverPlaced | StillUp | Over | Unknown


class Carrier(Protocol):
    """A way to place calls."""

    @property
    def longest(self) -> TimeDelta:
        """From the request to the end of a dial at most: the ring time-out and the longest conversation."""
        ...

    @property
    def wants_agents(self) -> bool:
        """Whether its dials are to name what handles the call."""
        ...

    @property
    def outlives_node(self) -> bool:
        """Whether dials that are up stay up when it is closed."""
        ...

    @property
    def ailing(self) -> str | None:
        """Why the trunk takes no dials at present, None where it does."""
        ...

    def room(self) -> int | None:
        """How many more dials it takes at this moment; None is for as many as come. What it has no room for waits."""
        ...

    async def place(self, dial: Dial, by: Instant) -> Instant:
        """Ask the far end to dial, once. Returns when it was asked.

        Args:
            dial: what to dial.
            by: from this instant on it must not be dialled any more.

        Raises:
            NotAsked: the far end was not asked, and will not be: the dial is due as before.
            CarrierUnavailable: it is certain that nothing was dialled.
            CarrierError: it may have been dialled; `look_up` tells what can be told.
        """
        ...

    async def hang_up(self, attempt_id: UUID, *, leaving: bool = False) -> None:
        """End a dial that rings or is connected; one that is over or unknown is left alone.

        Args:
            attempt_id: which.
            leaving: nobody wishes it to end, but the node goes: the person may be called again.
        """
        ...

    async def look_up(self, dial: Dial) -> Knowledge:
        """What became of a dial that some node, perhaps a dead one, meant to place.

        Raises:
            CarrierError: it cannot be told at this moment; ask again.
        """
        ...

    async def close(self) -> None:
        """Let go of files, sockets and processes. Dials that are up stay up or are hung up; no event comes of them."""
        ...

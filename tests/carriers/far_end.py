"""The other side of a carrier under test: what the contract suite asks of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import StrEnum
from uuid import UUID

from whenever import Instant

from ringback.carriers.carrier import (
    Carrier,
    Listener,
)
from ringback.domain.outcome import EndReason

Condition = Callable[[], bool]


class Behaviour(StrEnum):
    """What a far end must have a number for."""

    ANSWERS = "rings, answers, and is the one to hang up after some seconds"
    BUSY = "is busy"
    RINGS_OUT = "rings until the ring timeout"
    INVALID = "does not exist"


EXPECTED = {
    Behaviour.ANSWERS: EndReason.USER_DISCONNECTED,
    Behaviour.BUSY: EndReason.USER_BUSY,
    Behaviour.RINGS_OUT: EndReason.USER_DID_NOT_PICK_UP,
    Behaviour.INVALID: EndReason.INVALID_PHONE_NUMBER,
}


class FarEnd(ABC):
    """The other side of a carrier under test.

    Attributes:
        remembers: whether a carrier opened later can tell what became of the dials of one before it.
    """

    remembers: bool

    @abstractmethod
    def make_carrier(self, listener: Listener) -> Carrier:
        """A carrier that reports to `listener`; several of one far end may be made, one after the other."""

    @abstractmethod
    def number(self, behaviour: Behaviour) -> str:
        """An E.164 number whose first attempt goes as `behaviour` says."""

    @abstractmethod
    async def until(self, condition: Condition) -> None:
        """Let time pass until `condition` holds, looking at least after each event; raise when it never does."""

    @abstractmethod
    async def let_time_pass(self) -> None:
        """Let so much time pass that every dial that may be up is over."""

    @abstractmethod
    def now(self) -> Instant:
        """The time of the carrier's clock."""

    @abstractmethod
    def asked_for(self, attempt_id: UUID) -> int:
        """How often the far end, not the carrier, says that it was asked to dial this attempt so far."""

    @abstractmethod
    def left_running(self) -> list[str]:
        """Timers, tasks, files and sockets of the carriers made here that are still there."""

"""What happened, as frozen types, and the one subscriber that logs and counts. Nobody else writes a log line."""

import json
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass

_LOG = logging.getLogger("ringback")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A batch of intents was committed."""

    dials: int
    postponed: int
    expired: int


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Intents that never reached a trunk were taken back."""

    dials: int
    why: str


@dataclass(frozen=True, slots=True)
class Settled:
    """A batch of attempts was ended."""

    attempts: int
    passed_over: int


@dataclass(frozen=True, slots=True)
class StrayEvent:
    """A carrier reported something of an attempt that is over or that this node does not have."""

    attempt_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Rescued:
    """Attempts of a dead node were explained."""

    withdrawn: int
    settled: int
    unknown: int
    still_up: int


@dataclass(frozen=True, slots=True)
class CampaignsFinished:
    """Campaigns with nothing left to dial are complete."""

    campaigns: int


@dataclass(frozen=True, slots=True)
class TrunkRefused:
    """A trunk cannot be used, or did not take a dial."""

    trunk: str
    why: str


@dataclass(frozen=True, slots=True)
class DutyFailed:
    """A duty could not do its work and will try again."""

    duty: str
    why: str


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """A node holds a lease and dials."""

    node_no: int
    name: str


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """A node was away for longer than its lease: it starts anew and dials nothing of what it had."""

    node_no: int


Event = (
    Claimed
    | Withdrawn
    | Settled
    | StrayEvent
    | Rescued
    | CampaignsFinished
    | TrunkRefused
    | DutyFailed
    | NodeStarted
    | LeaseLost
)
Publish = Callable[[Event], None]

_LOUD = (DutyFailed, TrunkRefused, LeaseLost)
_QUIET = (Claimed, Settled)


class LogAndCount:
    """The subscriber: a JSON line for each event that a person would want, and a count of all. No phone numbers."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(self, event: Event) -> None:
        """Count the event, and log it by its weight."""
        name = type(event).__name__
        self.counts[name] += 1
        level = (
            logging.WARNING
            if isinstance(event, _LOUD)
            else logging.DEBUG
            if isinstance(event, _QUIET)
            else logging.INFO
        )
        if _LOG.isEnabledFor(level):
            _LOG.log(level, json.dumps({"event": name, **asdict(event)}))

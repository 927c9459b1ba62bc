"""The one subscriber that logs and counts what happened. Nobody else writes a log line of it."""

import json
import logging
from collections import Counter
from dataclasses import fields

from ringback.events import (
    AgentUnready,
    AttemptsEnded,
    CheckUnanswered,
    Claimed,
    DialsChecked,
    DialsWithheld,
    DutyFailed,
    Event,
    EventsSent,
    LeaseLost,
    LedgerSigned,
    LedgerWritten,
    NodeEnded,
    Placed,
    Publish,
    Renewed,
    Replied,
    RulePacksUnusable,
    Settled,
    TrunkDown,
    TrunkRefused,
    WebhookOff,
)

_LOG = logging.getLogger("ringback")

_LOUD = (
    CheckUnanswered,
    WebhookOff,
    DutyFailed,
    TrunkRefused,
    TrunkDown,
    AgentUnready,
    RulePacksUnusable,
    LeaseLost,
    NodeEnded,
)
_QUIET = (
    Claimed,
    EventsSent,
    DialsChecked,
    DialsWithheld,
    Placed,
    Settled,
    Renewed,
    Replied,
    LedgerWritten,
    LedgerSigned,
)
_SILENT = (AttemptsEnded,)


class LogAndCount:
    """The subscriber: a JSON line for each event that a person would want, and a count of all. No phone numbers.

    Args:
        also: told of every event after it: the metrics and the traces.
    """

    def __init__(self, *also: Publish) -> None:
        self.counts: Counter[str] = Counter()
        self._also = also

    def __call__(self, event: Event) -> None:
        """Count the event, log it by its weight, and pass it on."""
        name = type(event).__name__
        self.counts[name] += 1
        level = _level(event)
        if level and _LOG.isEnabledFor(level):
            _LOG.log(level, json.dumps({"event": name, **_told(event)}))
        for tell in self._also:
            tell(event)


def _told(event: Event) -> dict[str, object]:
    """Its fields by their names: events are flat, and hold what JSON can."""
    return {each.name: getattr(event, each.name) for each in fields(event)}


def _level(event: Event) -> int:
    """How loud an event is in the log; 0 where it is never in it."""
    if isinstance(event, _LOUD):
        return logging.WARNING
    if isinstance(event, _QUIET):
        return logging.DEBUG
    return 0 if isinstance(event, _SILENT) else logging.INFO

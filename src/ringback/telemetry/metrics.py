"""Events to the series that Prometheus reads. A batch costs a few additions, however many dials it has."""

import os
import struct
from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, values
from prometheus_client.mmap_dict import MmapedDict

from ringback import events
from ringback.domain.decision import Rule
from ringback.domain.outcome import EndReason
from ringback.errors import OurError

FOLDER = "metrics"
"""Where in the data directory the figures of a server's processes are."""

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which prometheus_client knows where the processes of a server keep their figures."""

ROOM_BYTES = 1 << 20
"""For some thousands of series: more than there are."""

LATE = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
STATEMENT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
BATCH = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def share(folder: Path, role: str) -> None:
    """Keep the figures of this process where one scrape finds those of all; call it before they are made.

    The file is the role's and not the process's: who takes the place of one that died goes on with its sums, and the
    folder does not grow. A server has one living process of each role, so no two write to the same file. One that
    cannot be read begins anew: figures are no reason not to dial.

    Args:
        folder: the server's.
        role: what this process is.

    Raises:
        OurError: there is no room for them.
    """
    try:
        folder.mkdir(exist_ok=True)
        for kind in ("counter", "histogram"):
            path = folder / f"{kind}_{role}.db"
            if not _can_be_read(path):
                path.unlink()
            _make_room(path)
    except OSError as full:
        raise OurError(f"there is no room for this server's figures in {folder} ({full.strerror})") from full
    os.environ[SHARED_FOLDER] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: role)  # type: ignore[no-untyped-call]


def _can_be_read(path: Path) -> bool:
    if not path.exists() or path.stat().st_size == 0:
        return True
    try:
        for _ in MmapedDict.read_all_values_from_file(path):  # type: ignore[no-untyped-call]
            pass
    except (RuntimeError, struct.error, UnicodeDecodeError):
        return False
    return True


def _make_room(path: Path) -> None:
    """Take the disk's blocks before the file is mapped: to write to one that a full disk cannot give ends a process."""
    with path.open("ab") as file:
        if file.tell() == 0:
            os.posix_fallocate(file.fileno(), 0, ROOM_BYTES)


class Spread(Histogram):
    """A histogram that takes a batch at a time: one addition for each bucket that it touches."""

    def observe_all(self, amounts: Iterable[float]) -> None:
        """Count all of them; the same as `observe` for each."""
        amounts = tuple(amounts)
        if amounts:
            self._sum.inc(sum(amounts))
            for bucket, count in Tally(bisect_left(self._upper_bounds, amount) for amount in amounts).items():
                self._buckets[bucket].inc(count)


class Metrics:
    """The subscriber that counts.

    Args:
        registry: where the series are registered; of a process that shares its figures, a throwaway one.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"ringback_{name}", meaning, labels, registry=registry)

        def spread(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Spread:
            return Spread(f"ringback_{name}", meaning, labels, buckets=buckets, registry=registry)

        self.intents = counter("intents", "Dials that were claimed and committed as intents.")
        self.postponed = counter("postponed", "Due dials put off to an hour at which they may be placed.")
        self.expired = counter("expired", "Calls that were due with no time left to dial them.")
        self.withheld = counter("withheld_dials", "Dials that were due and not placed, by the rule.", "rule")
        self.checked = counter("pre_dial_checks", "Dials that a workspace's own server was asked about.", "verdict")
        self.check_turns = counter("pre_dial_check_turns", "Times that such a server ceased to answer, or began.", "to")
        self.events_sent = counter("webhook_events", "Events that webhooks were told of, by what came of it.", "result")
        self.event_seconds = spread("webhook_delay_seconds", "From an event to when its receiver took it.", LATE)
        self.webhooks_off = counter("webhooks_off", "Webhooks that were switched off since they failed.", "reason")
        self.claim_seconds = spread("claim_seconds", "From a claim's first statement to its commit.", STATEMENT)
        self.stopped = counter("stopped_intents", "Intents whose number was put on a do-not-call list.")
        self.dials = counter("dials", "Dials that reached a trunk.")
        self.lateness = spread("lateness_seconds", "From when a dial was due to when its trunk was asked.", LATE)
        self.withdrawals = counter("withdrawals", "Intents that no trunk was asked for, taken back.")
        self.ended = counter("attempts_ended", "Attempts that this node ended.", "end_reason")
        self.passed_over = counter("settlements_passed_over", "Outcomes that were written down already.")
        self.settle_seconds = spread("settle_seconds", "How long the settlement of a batch took.", STATEMENT)
        self.settle_batch = spread("settle_batch_attempts", "Attempts in a settlement.", BATCH)
        self.renewal_seconds = spread("permit_renewal_seconds", "How long a change of permits took.", STATEMENT)
        self.granted = counter("permits_granted", "Permits that the node was granted.")
        self.returned = counter("permits_returned", "Permits that the node handed back.")
        self.carrier_errors = counter("carrier_errors", "Times that a trunk could not be used.", "trunk")
        self.trunk_turns = counter("trunk_turns", "Times that a trunk went down or came up again.", "trunk", "to")
        self.budget_turns = counter("budget_turns", "Times that a budget was found spent, or raised again.", "to")
        self.agent_turns = counter("agent_turns", "Times that an agent could not be made ready, or was again.", "to")
        self.pack_turns = counter("rule_pack_turns", "Times that dials began or ceased to wait for rule packs.", "to")
        self.strays = counter("stray_events", "Reports of carriers that changed nothing.", "kind", "why")
        self.looked_up = counter("deadline_lookups", "Attempts past their deadline that were looked up.", "result")
        self.rescued = counter("rescued_attempts", "Attempts of ended nodes that were looked at.", "fate")
        self.hung_up = counter("hung_up_calls", "Ringing calls of cancelled campaigns that were hung up.")
        self.campaigns = counter("campaigns_finished", "Campaigns that came to their end.")
        self.retired = counter("retired_calls", "Calls that were deleted or anonymised for their age.", "mode")
        self.recordings = counter("recordings_deleted", "Recordings that were deleted with what tells of their calls.")
        self.entered = counter("ledger_entries", "What was entered into ledgers by this node.")
        self.signed = counter("ledger_checkpoints", "Checkpoints of ledgers that this node signed.")
        self.nodes_started = counter("nodes_started", "Times that this server's node won a lease.")
        self.nodes_ended = counter("nodes_ended", "Nodes that were found with their lease over.")
        self.nodes_explained = counter("nodes_explained", "Ended nodes that left nothing to explain any more.")
        self.leases_lost = counter("leases_lost", "Times that this node was away for longer than its lease.")
        self.failures = counter("duty_failures", "Times that a duty could not do its work.", "duty")
        self.requests = counter("http_requests", "Requests answered.", "method", "route", "status")
        self.request_seconds = spread("http_request_seconds", "How long requests took.", STATEMENT, "method", "route")
        self._children: dict[tuple[Any, ...], Any] = {}
        self._begin_at_zero()
        self._counted = self._by_event()

    def _by_event(self) -> dict[type, Callable[[Any], None]]:
        """What counts each event."""
        return {
            events.Claimed: self._claimed,
            events.DialsWithheld: self._withheld,
            events.DialsChecked: self._checked,
            events.CheckUnanswered: lambda _: self._of(self.check_turns, "unanswered").inc(),
            events.CheckAnswered: lambda _: self._of(self.check_turns, "answered").inc(),
            events.EventsSent: self._sent,
            events.WebhookOff: lambda event: self._of(self.webhooks_off, event.reason).inc(),
            events.IntentsStopped: lambda event: self.stopped.inc(event.intents),
            events.Placed: self._placed,
            events.Withdrawn: lambda event: self.withdrawals.inc(event.dials),
            events.Settled: self._settled,
            events.Renewed: self._renewed,
            events.BudgetSpent: lambda _: self._of(self.budget_turns, "spent").inc(),
            events.BudgetRaised: lambda _: self._of(self.budget_turns, "raised").inc(),
            events.TrunkDown: lambda event: self._of(self.trunk_turns, event.trunk, "down").inc(),
            events.TrunkUp: lambda event: self._of(self.trunk_turns, event.trunk, "up").inc(),
            events.RulePacksUnusable: lambda _: self._of(self.pack_turns, "unusable").inc(),
            events.RulePacksUsable: lambda _: self._of(self.pack_turns, "usable").inc(),
            events.TrunkRefused: lambda event: self._of(self.carrier_errors, event.trunk).inc(),
            events.StrayEvent: lambda event: self._of(self.strays, event.kind, event.why).inc(),
            events.LookedUp: lambda event: self._fates(self.looked_up, event, _RESULTS),
            events.Rescued: lambda event: self._fates(self.rescued, event, _FATES),
            events.HungUp: lambda event: self.hung_up.inc(event.calls),
            events.CampaignsFinished: lambda event: self.campaigns.inc(event.campaigns),
            events.Retired: lambda event: self._of(self.retired, event.mode).inc(event.calls),
            events.RecordingsDeleted: lambda event: self.recordings.inc(event.files),
            events.LedgerWritten: lambda event: self.entered.inc(event.entries),
            events.LedgerSigned: lambda event: self.signed.inc(event.ledgers),
            events.NodeStarted: lambda _: self.nodes_started.inc(),
            events.NodeEnded: lambda _: self.nodes_ended.inc(),
            events.NodesExplained: lambda event: self.nodes_explained.inc(event.nodes),
            events.LeaseLost: lambda _: self.leases_lost.inc(),
            events.AgentUnready: lambda _: self._of(self.agent_turns, "unready").inc(),
            events.AgentReady: lambda _: self._of(self.agent_turns, "ready").inc(),
            events.DutyFailed: lambda event: self._of(self.failures, event.duty).inc(),
            events.Replied: self._replied,
        }

    def __call__(self, event: events.Event) -> None:
        """Count the event."""
        count = self._counted.get(type(event))
        if count is not None:
            count(event)

    def _begin_at_zero(self) -> None:
        """Make the series whose labels are known: Prometheus sees no increase in one that begins at 1."""
        for reason in EndReason:
            self._of(self.ended, str(reason))
        for rule in Rule:
            self._of(self.withheld, str(rule))
        for result in _SENT:
            self._of(self.events_sent, result)
        for kind, why in product(_KINDS, _WHYS):
            self._of(self.strays, kind, why)
        for family, fates in ((self.looked_up, _RESULTS), (self.rescued, _FATES)):
            for fate in fates:
                self._of(family, fate)

    def _of(self, family: Any, *labels: str) -> Any:
        """The series of a family with these labels; the library's own look-up costs more than the addition."""
        key = (family, *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = family.labels(*labels)
        return child

    def _claimed(self, event: events.Claimed) -> None:
        self.intents.inc(event.dials)
        self.postponed.inc(event.postponed)
        self.expired.inc(event.expired)
        self.claim_seconds.observe(event.claim_sec)

    def _withheld(self, event: events.DialsWithheld) -> None:
        for rule, dials in event.rules.items():
            self._of(self.withheld, rule).inc(dials)

    def _checked(self, event: events.DialsChecked) -> None:
        for verdict, dials in event.verdicts.items():
            self._of(self.checked, verdict).inc(dials)

    def _sent(self, event: events.EventsSent) -> None:
        for result, count in event.results.items():
            self._of(self.events_sent, result).inc(count)
        self.event_seconds.observe_all(event.late_sec)

    def _placed(self, event: events.Placed) -> None:
        self.dials.inc(event.dials)
        self.lateness.observe_all(event.late_sec)

    def _settled(self, event: events.Settled) -> None:
        for reason, attempts in event.outcomes.items():
            self._of(self.ended, str(reason)).inc(attempts)
        self.passed_over.inc(event.passed_over)
        self.settle_seconds.observe(event.settle_sec)
        self.settle_batch.observe(event.attempts + event.passed_over)

    def _renewed(self, event: events.Renewed) -> None:
        self.granted.inc(event.granted)
        self.returned.inc(event.returned)
        self.renewal_seconds.observe(event.renew_sec)

    def _fates(self, family: Counter, event: object, fates: tuple[str, ...]) -> None:
        for fate in fates:
            self._of(family, fate).inc(getattr(event, fate))

    def _replied(self, event: events.Replied) -> None:
        self._of(self.requests, event.method, event.route, str(event.status)).inc()
        if event.reply_sec is not None:
            self._of(self.request_seconds, event.method, event.route).observe(event.reply_sec)


_KINDS = ("Ringing", "Answered", "Ended")
_WHYS = ("over", "unknown", "repeated", "out_of_order")
_RESULTS = ("over", "still_up", "unknown", "never_placed")
_SENT = ("taken", "failed", "dead")
_FATES = ("withdrawn", "settled", "unknown", "still_up")

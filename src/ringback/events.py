"""What happened, as frozen types. event_log.py has the one subscriber that logs and counts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from whenever import Instant


@dataclass(frozen=True, slots=True)
class Claimed:
    """A batch of intents was committed, in `claim_sec` from its first statement to its commit."""

    dials: int
    postponed: int
    expired: int
    claim_sec: float = 0.0


@dataclass(frozen=True, slots=True)
class DialsWithheld:
    """Dials that were due were not placed; `rules` counts them by what withheld them."""

    rules: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DialsChecked:
    """Servers were asked whether dials may be placed; `verdicts` counts them by `allowed` or why they were not."""

    verdicts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CheckUnanswered:
    """The server that a workspace has asked before each dial gave no answer: nothing of the workspace is dialled."""

    workspace: str
    why: str


@dataclass(frozen=True, slots=True)
class CheckAnswered:
    """It answers again."""

    workspace: str


@dataclass(frozen=True, slots=True)
class EventsSent:
    """Webhooks were told of events.

    Attributes:
        results: how many were `taken`, `failed` and are tried again, or are `dead`.
        late_sec: of those that were taken, how long after they happened.
    """

    results: Mapping[str, int]
    late_sec: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class WebhookOff:
    """A webhook is told nothing more: it was `failing` for a day, or its receiver said that it is `gone`."""

    webhook: str
    reason: str
    why: str


@dataclass(frozen=True, slots=True)
class IntentsStopped:
    """Numbers were put on a do-not-call list, and intents to dial them that were not placed yet are taken back."""

    intents: int


@dataclass(frozen=True, slots=True)
class Placed:
    """Dials reached a trunk, each so long after it was due."""

    dials: int
    late_sec: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Intents that never reached a trunk were taken back."""

    dials: int
    why: str


@dataclass(frozen=True, slots=True)
class Settled:
    """A batch of attempts was ended, in `settle_sec`; `outcomes` counts them by their end reason."""

    attempts: int
    passed_over: int
    settle_sec: float = 0.0
    outcomes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AttemptTrail:
    """One attempt from its intent to its end: ids, times and how it ended, and no number."""

    call_id: UUID
    attempt_id: UUID
    attempt: int
    end_reason: str
    intent_at: Instant
    called_at: Instant | None
    rang_at: Instant | None
    answered_at: Instant | None
    ended_at: Instant


@dataclass(frozen=True, slots=True)
class AttemptsEnded:
    """A batch of attempts was ended; who traces them asks for the trails then and there, and who does not pays nothing.

    Attributes:
        trails: gives them; called before `publish` returns, or never.
    """

    trails: Callable[[], Sequence[AttemptTrail]]


@dataclass(frozen=True, slots=True)
class StrayEvent:
    """A carrier reported something that changes nothing.

    Attributes:
        attempt_id: of which attempt.
        kind: Ringing, Answered or Ended.
        why: the attempt is `over` or `unknown` here, or the report came `repeated` or `out_of_order`.
    """

    attempt_id: str
    kind: str
    why: str = "over"


@dataclass(frozen=True, slots=True)
class LookedUp:
    """Live attempts past their deadline were looked up at their trunks, and this is what those knew."""

    overdue: int
    over: int
    still_up: int
    unknown: int
    never_placed: int


@dataclass(frozen=True, slots=True)
class Renewed:
    """A node's permits were changed under so many limits, in `renew_sec`."""

    limits: int
    granted: int
    returned: int
    renew_sec: float


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
class Retired:
    """Calls of a workspace were over for as long as it keeps them: deleted or anonymised, as `mode` says."""

    workspace_no: int
    calls: int
    mode: str


@dataclass(frozen=True, slots=True)
class RecordingsDeleted:
    """Files of this server were deleted: the calls that they were of were deleted or anonymised."""

    files: int


@dataclass(frozen=True, slots=True)
class TrunkRefused:
    """A trunk cannot be used, or did not take the dial of an attempt."""

    trunk: str
    why: str
    attempt_id: str | None = None


@dataclass(frozen=True, slots=True)
class BudgetSpent:
    """The budget of a campaign or a workspace is spent: its dials wait until it is raised."""

    budget: str
    spent_micros: int
    amount_micros: int


@dataclass(frozen=True, slots=True)
class BudgetRaised:
    """A budget that was spent allows dials again."""

    budget: str


@dataclass(frozen=True, slots=True)
class TrunkDown:
    """A trunk takes no dials: nothing is dialled over it until it is up, and its calls wait."""

    trunk: str
    why: str


@dataclass(frozen=True, slots=True)
class TrunkUp:
    """A trunk that was down takes dials again."""

    trunk: str


@dataclass(frozen=True, slots=True)
class AgentUnready:
    """An agent cannot be made ready on this node: nothing is dialled for it from here until it can; its calls wait."""

    agent: str
    why: str


@dataclass(frozen=True, slots=True)
class AgentReady:
    """An agent that could not be made ready on this node is ready."""

    agent: str


@dataclass(frozen=True, slots=True)
class RulePacksUnusable:
    """A rule pack that a campaign names cannot be had: its leads wait, and so do single calls where a workspace does.

    Attributes:
        of: the campaign's id, or the workspace's for its single calls.
        why: what is wrong, with the file, the clause and the field where it does not parse.
    """

    of: str
    why: str


@dataclass(frozen=True, slots=True)
class RulePacksUsable:
    """The rule packs that a campaign, or a workspace, names can all be had again."""

    of: str


@dataclass(frozen=True, slots=True)
class Replied:
    """A request was answered.

    Attributes:
        method: of HTTP, or OTHER.
        route: the operation's path, such as `/v1/trunks/{id}`; `unmatched` where there is none.
        status: of the answer.
        request_id: what the answer quotes.
        reply_sec: from its start to its answer; None where nobody looked.
        traceparent: the trace that it is part of, as the caller sent it (W3C Trace Context, section 3.2).
    """

    method: str
    route: str
    status: int
    request_id: str
    reply_sec: float | None = None
    traceparent: str | None = None


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
class NodeEnded:
    """A node whose lease was over was marked ended by a survivor, which explains what it left."""

    node_no: int
    name: str


@dataclass(frozen=True, slots=True)
class NodesExplained:
    """Nodes that ended have nothing left to explain."""

    nodes: int


@dataclass(frozen=True, slots=True)
class HungUp:
    """Ringing calls of a cancelled campaign were hung up."""

    calls: int


@dataclass(frozen=True, slots=True)
class LedgerWritten:
    """What had ended was entered into the ledgers."""

    entries: int


@dataclass(frozen=True, slots=True)
class LedgerSigned:
    """The ledgers that had new entries were signed."""

    ledgers: int


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """A node was away for longer than its lease: it starts anew and dials nothing of what it had."""

    node_no: int


Event = (
    Claimed
    | DialsWithheld
    | DialsChecked
    | CheckUnanswered
    | CheckAnswered
    | EventsSent
    | WebhookOff
    | IntentsStopped
    | Placed
    | Withdrawn
    | Settled
    | AttemptsEnded
    | StrayEvent
    | LookedUp
    | Renewed
    | Rescued
    | HungUp
    | CampaignsFinished
    | Retired
    | RecordingsDeleted
    | TrunkRefused
    | BudgetSpent
    | BudgetRaised
    | TrunkDown
    | TrunkUp
    | AgentUnready
    | AgentReady
    | RulePacksUnusable
    | RulePacksUsable
    | Replied
    | DutyFailed
    | NodeStarted
    | NodeEnded
    | NodesExplained
    | LeaseLost
    | LedgerWritten
    | LedgerSigned
)
Publish = Callable[[Event], None]

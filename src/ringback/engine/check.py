"""Check: ask the workspace's own server before a dial, and withhold the dial unless it says yes.

The intent is committed and marked as unchecked before anybody is asked, and its permits are held. No trunk hears of an
intent with that mark: whoever finds one that its node has left takes it back without asking a trunk.
"""

import asyncio
from collections import Counter

import msgspec
from whenever import Instant

from ringback.checking.receiver import Question, Receivers
from ringback.domain.contact import PLACED_WITHIN, debt_key
from ringback.domain.decision import show_instant
from ringback.domain.pre_dial_check import Verdict, Why, withheld_by_check
from ringback.engine.checks import MOST_AT_ONCE, MOST_IN_ALL, read_check
from ringback.engine.live import LiveAttempt
from ringback.engine.node import Node
from ringback.engine.withhold import told
from ringback.errors import SecretKeyError
from ringback.events import DialsChecked
from ringback.ids import ATTEMPT, CALL, CAMPAIGN, LEAD, show
from ringback.store import attempts, decisions, pre_dial_checks
from ringback.store.attempts import Key, Withdrawal
from ringback.store.database import Record
from ringback.store.decisions import Decision
from ringback.store.pre_dial_checks import Allowed

Asked = tuple[LiveAttempt, Record]
"""An intent, with what its server is told of its call."""


class Checker:
    """The duty that has dials checked.

    Args:
        node: what the duties share.
        receivers: the servers that are asked.
    """

    def __init__(self, node: Node, receivers: Receivers) -> None:
        self._node, self._receivers = node, receivers
        self._asked: dict[asyncio.Task[Verdict], Asked] = {}
        self._refused: dict[Key, tuple[LiveAttempt, Decision]] = {}
        self._allowed: list[LiveAttempt] = []  # each with an `allowed_until`

    async def run_once(self) -> int:
        """Ask about what was claimed, and act on the answers that have come; returns how many intents moved.

        Raises:
            DatabaseUnavailable: what is not written down is tried again; meanwhile nothing of it is dialled.
        """
        moved = await self._begin() + self._collect()
        if self._refused:
            await self._withhold()
        if self._allowed:
            await self._admit()
        return moved

    async def stop(self) -> None:
        """Wait for no answer any more: whatever was asked about is taken back with all that is not placed."""
        for task in self._asked:
            task.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)
        self._asked.clear()
        await self._receivers.close()

    async def _begin(self) -> int:
        """Ask about what was claimed since. What there is no room for, or no right to any more, is taken back."""
        hand, now = self._node.hand, self._node.clock.now()
        if not hand.unchecked:
            return 0
        wanted = list(hand.unchecked)
        async with self._node.database.connection() as db:
            told_of = await pre_dial_checks.read_questions(db, [attempt.key[:2] for attempt in wanted])
        del hand.unchecked[: len(wanted)]
        asking = Counter(attempt.key[0] for attempt, _ in self._asked.values())
        for attempt in wanted:
            row = told_of.get(attempt.key[:2])
            has_room = asking[attempt.key[0]] < MOST_AT_ONCE and asking.total() < MOST_IN_ALL
            if row is None or not has_room or not self._holds(attempt, now):
                self._give_up(attempt)
                continue
            asking[attempt.key[0]] += 1
            task = asyncio.create_task(self._ask(attempt, row, now))
            self._asked[task] = (attempt, row)
            task.add_done_callback(lambda _: hand.checks.set())
        return len(wanted)

    async def _ask(self, attempt: LiveAttempt, row: Record, now: Instant) -> Verdict:
        check = read_check(attempt.check or "")
        try:
            secret = self._node.checks.secret(check)
        except SecretKeyError:  # where the key is missing is the operator's affair, who is told when a server starts
            return Verdict(Why.SECRET, "its secret was sealed with another key than that of this node")
        message_id = show(ATTEMPT, attempt.dial.attempt_id)
        body = msgspec.json.encode(question(attempt, row, now))
        return await self._receivers.ask(Question(check.url, check.timeout_sec, secret, message_id, now, body))

    def _collect(self) -> int:
        """Take the answers that have come."""
        done = [task for task in self._asked if task.done()]
        now, verdicts = self._node.clock.now(), Counter[str]()
        for task in done:
            verdict, (attempt, row) = task.result(), self._asked.pop(task)
            verdicts[str(verdict.why or "allowed")] += 1
            self._note(attempt, row, verdict, now)
            if verdict.why is None:
                attempt.allowed_until = now + PLACED_WITHIN
                self._allowed.append(attempt)
                continue
            why = withheld_by_check(verdict, now, self._node.checks.until(attempt.key[0]))
            decided = Decision(*attempt.key[:2], self._node.ids.new(now), attempt.key[2], why)
            self._refused[attempt.key] = (attempt, decided)
        if done:
            self._node.publish(DialsChecked(verdicts))
        return len(done)

    def _note(self, attempt: LiveAttempt, row: Record, verdict: Verdict, now: Instant) -> None:
        """Leave a server alone that does not do its part."""
        if verdict.is_answer:
            self._node.checks.answered(attempt.key[0], row["workspace_id"])
        else:
            why = f"{verdict.why}: {verdict.reason}"
            self._node.checks.failed(attempt.key[0], row["workspace_id"], why, now)

    async def _withhold(self) -> None:
        """Take refused intents back and say why, in one transaction; another node may have taken some back before."""
        now, refused = self._node.clock.now(), dict(self._refused)
        rows = [
            Withdrawal(*key, attempt.dial.attempt_id, max(decided.why.next_at or now, now))
            for key, (attempt, decided) in refused.items()
        ]
        async with self._node.database.transaction() as db:
            taken_back = await attempts.withdraw(db, rows, now)
            decided_now = [decided for key, (_, decided) in refused.items() if key in taken_back]
            if decided_now:
                await decisions.withhold(db, decided_now, now)
        self._refused.clear()
        for attempt, _ in refused.values():
            self._node.let_go(attempt)
        if decided_now:
            self._node.publish(told(decided_now))

    async def _admit(self) -> None:
        """Let what is allowed be placed, if nothing has come between; the rest is taken back, and is due again."""
        now, node_no = self._node.clock.now(), self._node.lease.node_no
        held = [one for one in self._allowed if self._holds(one, now) and now <= (one.allowed_until or now)]
        admitted = dict[Key, bool]()
        if held:
            async with self._node.database.transaction() as db:
                admitted = await pre_dial_checks.admit(db, list(map(_as_allowed, held)), node_no, now)
        for attempt in self._allowed:
            if attempt.key not in admitted:
                self._give_up(attempt)
                continue
            attempt.placed_by = now + PLACED_WITHIN if admitted[attempt.key] else None
            self._node.hand.line_up(attempt)
        self._allowed.clear()

    def _holds(self, attempt: LiveAttempt, now: Instant) -> bool:
        """Whether this node may still dial it."""
        lease = self._node.lease
        return lease.holds(now) and lease.node_no == attempt.node_no

    def _give_up(self, attempt: LiveAttempt) -> None:
        self._node.hand.unplaced.append(attempt)
        self._node.hand.intents.set()


def question(attempt: LiveAttempt, row: Record, now: Instant) -> dict[str, object]:
    """What a server is asked about a dial."""
    consent_at, consent_expires_at = row["consent_at"], row["consent_expires_at"]
    data = {
        "call_id": show(CALL, attempt.key[1]),
        "lead_id": show(LEAD, attempt.key[1]) if row["campaign_id"] else None,
        "campaign_id": row["campaign_id"] and show(CAMPAIGN, row["campaign_id"]),
        "attempt": attempt.key[2],
        "attempt_id": show(ATTEMPT, attempt.dial.attempt_id),
        "to_number": attempt.dial.to_number,
        "from_number": attempt.dial.from_number,
        "debt_id": attempt.debt_id,
        "due_at": show_instant(attempt.due_at),
        "name": row["name"],
        "variables": msgspec.Raw(row["variables"].encode()) if row["variables"] else {},
        "consent_at": consent_at and show_instant(consent_at),
        "consent_expires_at": consent_expires_at and show_instant(consent_expires_at),
    }
    return {"type": "pre_dial_check", "timestamp": show_instant(now), "data": data}


def _as_allowed(attempt: LiveAttempt) -> Allowed:
    debt = None if attempt.debt_id is None else debt_key(attempt.debt_id)
    campaign_no, number = attempt.route.lane.campaign_no, attempt.dial.to_number
    return Allowed(*attempt.key, attempt.dial.attempt_id, campaign_no, number, debt)

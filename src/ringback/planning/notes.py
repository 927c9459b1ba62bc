"""What is noted of a run: its dials by hour, how its calls end, and why some leads are never called."""

from whenever import Instant

from ringback.carriers.carrier import Ended
from ringback.domain.billing import Charge
from ringback.domain.call import FinalReason
from ringback.domain.decision import Rule, Withheld
from ringback.domain.explain import kind_of
from ringback.domain.outcome import MEANINGS
from ringback.domain.plan import Played, Reason
from ringback.engine.live import LiveAttempt
from ringback.engine.plan import DialPlan
from ringback.engine.withhold import by_time, without_consent
from ringback.planning.stage import Lead, Stage

SHOWN = 3
"""So many leads are named for each reason for which some can never be called."""


class Notes:
    """Keeps the sums of one run.

    Args:
        stage: what is played.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage, self.played = stage, Played()
        self._over_at: Instant | None = None

    def dial(self, attempt: LiveAttempt, due_at: Instant, over_at: Instant, up: int) -> None:
        """A dial was placed.

        Args:
            attempt: which.
            due_at: since when it has waited for that.
            over_at: when it will be over.
            up: how many calls are up with it.
        """
        due_sec, placed_sec = self._since(due_at), attempt.place_at.timestamp()
        sums = self.played.hour(placed_sec)
        sums.dials += 1
        sums.peak = max(sums.peak, up)
        self.played.hour(due_sec).wanted_sec += over_at.timestamp() - placed_sec
        waited = placed_sec - due_sec
        self.played.waited_sec += waited
        self.played.longest_wait_sec = max(self.played.longest_wait_sec, waited)

    def outcome(self, attempt: LiveAttempt, ended: Ended, bill: Charge, currency: str) -> None:
        """A dial is over; it counts for the hour in which it was placed."""
        sums = self.played.hour(attempt.place_at.timestamp())
        sums.answered += ended.answered_by is not None
        sums.reached += MEANINGS[ended.reason].reached
        sums.connected_sec += ended.duration_sec
        self.played.billed_sec += bill.billed_sec
        if bill.cost_micros:
            self.played.cost_micros[currency] += bill.cost_micros

    def over(self, at: Instant, final_reason: str) -> None:
        """A call is over for good."""
        self.played.finals[final_reason] += 1
        self._over_at = at if self._over_at is None else max(at, self._over_at)

    def spent(self, at: Instant) -> None:
        """A budget is used up."""
        if self.played.spent_sec is None:
            self.played.spent_sec = at.timestamp()

    def waits_for_ever(self, lead: Lead, why: Withheld | None) -> None:
        """Nobody dials a lead, and its call does not end: for want of a zone, or of any trunk (None)."""
        self.played.left += 1
        if why is not None:
            self._never(lead, why)

    def give_up(self, lead: Lead, plan: DialPlan, why: Withheld, now: Instant) -> None:
        """A call is over without a further dial; of a lead that never had one it is said by which rule."""
        is_forbidden = why.rule == Rule.DO_NOT_CALL or without_consent(lead, plan, now) is not None
        self.over(now, why.final[1] if why.final else FinalReason.EXPIRED)
        if lead.attempt > 1:
            return
        if is_forbidden or plan.bounds.first_dial(max(lead.created_at, self._stage.begins)) is None:
            self._never(lead, why)
        elif lead.put_off_by is not None:
            self._never(lead, lead.put_off_by)

    def leave(self, lead: Lead, due_at: Instant, *, is_open: bool) -> None:
        """A lead waits when the run is over. Where the campaign ends with it, so does the call.

        Args:
            lead: which.
            due_at: when its next dial is due.
            is_open: whether anything could be dialled at all.
        """
        if not self._stage.is_to_the_end:
            self.played.left += 1
            return
        ends = self._stage.until
        self.over(ends, FinalReason.EXPIRED)
        if lead.attempt > 1 or not is_open:
            return
        plan, begins = self._stage.plans.plan(lead), max(lead.created_at, self._stage.begins)
        if plan.bounds.first_dial(begins) is None and begins < ends:
            self._never(lead, by_time(lead, plan, begins))
        elif lead.put_off_by is not None and due_at >= ends:
            self._never(lead, lead.put_off_by)

    def want(self, due_at: Instant, sec: float) -> None:
        """A dial that was due had no slot in the whole run; it would have been up for so long."""
        self.played.hour(self._since(due_at)).wanted_sec += sec

    def close(self) -> Played:
        """The sums, once all is noted."""
        if not self.played.left and self._over_at is not None:
            self.played.ended_sec = self._over_at.timestamp()
        return self.played

    def _since(self, due_at: Instant) -> int:
        return max(due_at, self._stage.begins).timestamp()

    def _never(self, lead: Lead, why: Withheld) -> None:
        reason = Reason(kind_of(why), why.rule, why.pack)
        self.played.never[reason] += 1
        shown = self.played.examples.setdefault(reason, [])
        if len(shown) < SHOWN:
            shown.append(lead.place)

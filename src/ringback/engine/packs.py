"""The rule packs that bind the dials of a node: which of them are in force, and whose dials wait because one is not."""

from typing import NamedTuple

from whenever import Instant, TimeDelta

from ringback.domain.contact import NO_RULES, ContactRules
from ringback.domain.hours import HoursRule
from ringback.domain.library import Choice, Library, choose
from ringback.domain.pack import Pack, Purpose, contact_rules, dates_at, hours_rules
from ringback.domain.place import Place, place_of
from ringback.events import Publish, RulePacksUnusable, RulePacksUsable
from ringback.ids import CAMPAIGN, WORKSPACE, show
from ringback.rules.shelf import Shelf
from ringback.store.database import Record

LOOK_EVERY = TimeDelta(seconds=1)
"""So soon a file that was changed is known."""

NEVER = Instant.from_timestamp(0)


class Rulings(NamedTuple):
    """What the packs of a campaign, or of a workspace's single calls, come to on a day.

    Attributes:
        packs: those in force.
        purpose: of the calls, None where nobody has said.
        at: an instant of that day.
    """

    packs: tuple[Pack, ...]
    purpose: Purpose | None
    at: Instant

    def place(self, number: str, region: str | None) -> Place | None:
        """Where a phone may be, as far as it matters: without packs it does not."""
        return place_of(number, region) if self.packs else None

    def hours(self, place: Place | None) -> tuple[HoursRule, ...]:
        """The calling hours that bind a dial to there."""
        return () if place is None else hours_rules(self.packs, place, self.purpose, self.at)

    def contact(self, place: Place | None) -> ContactRules:
        """How often, and how soon after a conversation, they let a phone there be dialled."""
        return NO_RULES if place is None else contact_rules(self.packs, place, self.purpose, self.at)


class RulePacks:
    """Knows the packs as the files are, and tells once of each campaign that waits for one.

    Args:
        shelf: where the packs are.
        publish: told of campaigns that cannot go on, and of those that can again.
    """

    def __init__(self, shelf: Shelf, publish: Publish) -> None:
        self._shelf, self._publish = shelf, publish
        self._library, self._at = Library({}), NEVER  # nothing can be had before the first look
        self._look_at = NEVER
        self._choices: dict[tuple[str, ...], Choice] = {}
        self._faults: dict[tuple[int, int], tuple[str, ...]] = {}

    def refresh(self, now: Instant) -> bool:
        """Take the files and the date as they are; returns whether anything may bind otherwise than before."""
        same_day = dates_at(now) == dates_at(self._at)
        if same_day and now < self._look_at:
            return False
        self._look_at = now + LOOK_EVERY
        library = self._shelf.library()
        if same_day and library is self._library:
            return False
        self._library, self._at, self._choices = library, now, {}
        return True

    def rule(self, row: Record) -> Rulings | None:
        """The rulings of a lane that is to be dialled; whether they can be had is told where that has changed."""
        faults, whose = self._choice(row).faults, (row["workspace_no"], row["campaign_no"])
        if faults != self._faults.get(whose, ()):
            self._tell(whose, _shown(row), faults)
        return self.rulings(row)

    def faults(self, row: Record) -> tuple[str, ...]:
        """Why the packs that a lane names cannot be had as of the last look, a line each; empty where they can."""
        return self._choice(row).faults

    def rulings(self, row: Record) -> Rulings | None:
        """What packs come to today; None where one cannot be had: then nothing may be dialled.

        Args:
            row: has the packs of a workspace and of its campaign, and purpose; for `rule` also the ids of both.
        """
        choice, purpose = self._choice(row), row["purpose"]
        return None if choice.faults else Rulings(choice.packs, Purpose(purpose) if purpose else None, self._at)

    def _choice(self, row: Record) -> Choice:
        names = tuple(dict.fromkeys((*row["workspace_packs"], *(row["campaign_packs"] or ()))))
        known = self._choices.get(names)
        if known is None:
            known = self._choices[names] = choose(self._library, names, self._at)
        return known

    def _tell(self, whose: tuple[int, int], shown: str, faults: tuple[str, ...]) -> None:
        if faults:
            self._faults[whose] = faults
            self._publish(RulePacksUnusable(shown, "; ".join(faults)))
        else:
            del self._faults[whose]
            self._publish(RulePacksUsable(shown))


def _shown(row: Record) -> str:
    """The campaign's id, or the workspace's for its single calls."""
    return show(CAMPAIGN, row["campaign_id"]) if row["campaign_no"] else show(WORKSPACE, row["workspace_id"])

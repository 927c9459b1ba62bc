"""The keys that are pressed while a message agent has the call, and what they mean to it."""

from dataclasses import dataclass, replace

from ringback.carriers.sip.agents.message_settings import END_KEY, MessageSettings

MOST_KEPT = 64
"""Keys that are kept; whoever presses more leans on them."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What was pressed so far.

    Attributes:
        settings: what they mean.
        digits: those that are kept.
        opted_out: the key for opt-out was pressed.
        ended: the key that ends the digits was pressed.
    """

    settings: MessageSettings
    digits: str = ""
    opted_out: bool = False
    ended: bool = False

    def press(self, key: str) -> "Keys":
        """One key more; those beyond what is wanted are not kept."""
        if key == self.settings.opt_out_key:
            return replace(self, opted_out=True)
        if self.settings.collect_digits is not None and not self.awaited:
            return self
        if self.awaited and key == END_KEY:
            return replace(self, ended=True)
        return replace(self, digits=(self.digits + key)[:MOST_KEPT])

    @property
    def awaited(self) -> bool:
        """Whether more digits are waited for."""
        wanted = self.settings.collect_digits
        return wanted is not None and not self.ended and not self.opted_out and len(self.digits) < wanted.n

    @property
    def interrupt(self) -> bool:
        """Whether the message has been answered, so that nobody needs the rest of it."""
        return self.opted_out or self.ended or (self.settings.collect_digits is not None and self.digits != "")

"""Public holidays that a test names."""

from dataclasses import dataclass

from whenever import Date


@dataclass(frozen=True)
class Named:
    """A calendar of few days."""

    days: tuple[tuple[Date, str], ...] = ()

    def on(self, day: Date) -> str | None:
        """By the table."""
        return dict(self.days).get(day)

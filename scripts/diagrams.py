"""Writes docs/states.md and docs/outcomes.md from the tables of ringback.domain: `python scripts/diagrams.py`."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from ringback.domain import attempt, call, campaign
from ringback.domain.outcome import MEANINGS, EndReason

DOCS = Path(__file__).parent.parent / "docs"
NOTE = "<!-- Made by scripts/diagrams.py from src/ringback/domain: change the tables there. -->"

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)


def main() -> None:
    """Write every page."""
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
        print(f"wrote docs/{name}")


def pages() -> dict[str, str]:
    """The text of each page, by its name in docs/."""
    return {"states.md": _states(), "outcomes.md": _outcomes()}


def _states() -> str:
    parts = [
        "# States",
        NOTE,
        "## Call",
        "A call is the whole effort to reach one number: it waits, is dialled, and rests when no dial is to come.",
        _diagram(call.TRANSITIONS, call.CallState.QUEUED),
        "## Attempt",
        "An attempt is one dial: it is recorded before the trunk is asked, and ends once, in one of four ways.",
        _diagram(attempt.TRANSITIONS, attempt.AttemptState.INITIATED),
        "## Campaign",
        "A campaign dials its leads only while it is running, and completes when none of them has a dial to come.",
        _diagram(campaign.TRANSITIONS, campaign.CampaignState.DRAFT),
    ]
    return "\n\n".join(parts) + "\n"


def _diagram(transitions: Mapping[State, Mapping[Event, State]], first: State) -> str:
    names = [f'    state "{state}" as {_name(state)}' for state in transitions]
    arrows = [
        f"    {_name(state)} --> {_name(target)} : {event}"
        for state, moves in transitions.items()
        for event, target in moves.items()
    ]
    rests = [f"    {_name(state)} --> [*]" for state, moves in transitions.items() if not moves]
    lines = ["```mermaid", "stateDiagram-v2", *names, f"    [*] --> {_name(first)}", *arrows, *rests, "```"]
    return "\n".join(lines)


def _name(state: StrEnum) -> str:
    # Mermaid takes a hyphen in a state's own name for part of an arrow.
    return state.replace("-", "_")


def _outcomes() -> str:
    rows = "\n".join(_row(reason) for reason in EndReason)
    return f"""# Outcomes

{NOTE}

How an attempt ended, what that makes of its `status`, and the entry of a retry policy's `after` that says when the call
is dialled again.

| end_reason | status | redialled by |
|---|---|---|
{rows}
"""


def _row(reason: EndReason) -> str:
    meaning = MEANINGS[reason]
    key = f"`{meaning.retry_key}`" if meaning.retry_key else "never"
    return f"| `{reason}` | {meaning.status} | {'never: the person was reached' if meaning.reached else key} |"


if __name__ == "__main__":
    main()

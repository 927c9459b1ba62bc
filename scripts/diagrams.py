"""Writes docs/states.md and docs/outcomes.md from the tables in the code: `python scripts/diagrams.py`."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from ringback.carriers.sip import codes
from ringback.domain import attempt, call, campaign
from ringback.domain.outcome import MEANINGS, EndReason

DOCS = Path(__file__).parent.parent / "docs"
NOTE = "<!-- Made by scripts/diagrams.py from src/ringback/domain: change the tables there. -->"
NOTE_OF_CODES = "<!-- Likewise from src/ringback/carriers/sip/codes.py. -->"

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

How an attempt ended, what that makes of its `status`, and the entry of a [retry policy](retry.md)'s `after` that says
when the call is dialled again. An end reason that has an entry of its own goes by that.

| end_reason | status | redialled by |
|---|---|---|
{rows}

{_codes()}"""


def _codes() -> str:
    classes = [(f"other {first}xx", row) for first, row in codes.CLASSES.items()]
    later = [(f"{code} with `Retry-After`", row) for code, row in codes.WITH_RETRY_AFTER.items()]
    named = [(str(code), row) for code, row in sorted(codes.ROWS.items())]
    finals = "\n".join(_code(name, row) for name, row in [*named, *later, *classes])
    causes = "\n".join(_code(str(cause), row) for cause, row in codes.CAUSES.items())
    return f"""## Codes of a SIP trunk

{NOTE_OF_CODES}

A dial that nobody answered ends by the far end's final response.

| code | end_reason | what it says | where it is defined |
|---|---|---|---|
{finals}

480, 487 and the 5xx are what gateways send for whatever happened behind them. Where such a response has a `Reason`
header with one of these Q.850 causes, the cause decides; any other cause changes nothing.

| cause | end_reason | what it says | where it is defined |
|---|---|---|---|
{causes}

What has no final response of the far end's own:

| how it ended | end_reason |
|---|---|
| it rang until the ring time-out, or until our node was stopped, and we cancelled | `user_did_not_pick_up` |
| the same, and it never rang: only 100 Trying came | `user_unreachable` |
| nothing came at all, or the connection broke before an answer | `network_failure` |
| hung up before an answer, by an operator or with its campaign | `cancelled_by_operator` |
| answered, and the far end hung up, or the line broke | `user_disconnected` |
| answered, and we hung up, by a CANCEL that the 200 crossed too | `agent_disconnected` |
| answered by what was taken for a machine | `voicemail_detected` |
| the worker or the node that had the call died | `outcome_unknown` |
"""


def _code(name: str, row: codes.Row) -> str:
    return f"| {name} | `{row.reason}` | {row.why} | {row.source} |"


def _row(reason: EndReason) -> str:
    meaning = MEANINGS[reason]
    key = f"`{reason}`, else `{meaning.retry_key}`" if meaning.retry_key else "never"
    return f"| `{reason}` | {meaning.status} | {'never: the person was reached' if meaning.reached else key} |"


if __name__ == "__main__":
    main()

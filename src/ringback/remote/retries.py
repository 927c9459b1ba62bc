"""`ringback retries`: every attempt of a call, as a table."""

from typing import Any

from rich.console import Console
from rich.table import Table

from ringback.remote.client import Client
from ringback.remote.watch import count


def show_retries(url: str, key: str, call_id: str, *, as_json: bool) -> None:
    """Print the retry history of a call."""
    history = Client(url, key).get(f"/v1/call-logs/{call_id}/retries")
    if as_json:
        Console().print_json(data=history)
        return
    if history["data"]:
        Console().print(history_table(history))
    for line in remarks(history):
        Console().print(line, soft_wrap=True, markup=False, highlight=False)
    Console().print(summary(history), soft_wrap=True, markup=False, highlight=False)


_COLOURS = {"completed": "green", "no-answer": "bright_black", "busy": "magenta", "failed": "red"}


def history_table(history: dict[str, Any]) -> Table:
    """The attempts of a call, oldest first, each with what was decided after it."""
    table = Table(title=history["call_id"], title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for header in ("", "called (UTC)", "status", "sec", "end reason", "then (UTC)"):
        table.add_column(header, no_wrap=True)
    for attempt in history["data"]:
        table.add_row(
            str(attempt["attempt"]),
            _clock(attempt["called_at"]),
            f"[{_COLOURS.get(attempt['status'], 'cyan')}]{attempt['status']}",
            str(attempt["duration_sec"]),
            attempt["end_reason"] or "",
            _then(attempt["retry"]),
        )
    return table


def remarks(history: dict[str, Any]) -> list[str]:
    """A line for each attempt of which the signalling or the agent told more than the table has."""
    return [
        f"attempt {attempt['attempt']}: {', '.join(_told(attempt))}"
        for attempt in history["data"]
        if attempt.get("details")  # a server of the release before has no such field
    ]


_TOLD = {
    "q850": "Q.850 {}",
    "early_media": "early media",
    "hung_up_by": "ended by {}",
    "digits": "keys {}",
    "opted_out": "opted out",
    "sip_call_id": "Call-ID {}",
}


def _told(attempt: dict[str, Any]) -> list[str]:
    details = attempt["details"]
    known = [form.format(_plain(details[name])) for name, form in _TOLD.items() if name in details]
    notes = [f"{_plain(name)}: {_plain(details[name])}" for name in sorted(details.keys() - _TOLD.keys())]
    return [*([f"SIP {attempt['sip_code']}"] if attempt["sip_code"] else []), *known, *notes]


def _plain(value: Any) -> str:
    """A far end's words, without what a terminal would obey."""
    text = str(value)
    return text if text.isprintable() else ascii(text)


def summary(history: dict[str, Any]) -> str:
    """Where the call stands, and what it cost."""
    totals = history["totals"]
    if not totals["attempts"]:
        return f"{history['call_id']} {_stands(history)}; it has not been dialled yet"
    seconds = f"{totals['connected_sec']} s connected, {totals['billed_sec']} s billed"
    return f"{_stands(history)}: {count(totals['attempts'], 'attempt')}, {seconds}, {_money(totals)}"


def _stands(history: dict[str, Any]) -> str:
    if history["final_reason"]:
        return str(history["final_reason"])
    if history["next_attempt_at"]:
        return f"{history['status']}, next attempt due {_clock(history['next_attempt_at'])} UTC"
    return str(history["status"])


def _clock(at: str | None) -> str:
    return "" if at is None else at[5:16].replace("T", " ")


def _money(totals: dict[str, Any]) -> str:
    micros = totals["cost_micros"]
    return "in several currencies" if micros is None else f"{micros / 1_000_000:.4f} {totals['currency'] or ''}".strip()


def _then(retry: dict[str, Any] | None) -> str:
    if retry is None:
        return ""
    if retry["decision"] == "retry":
        return f"{_clock(retry['at'])} ({retry['rule']})"
    return f"stop: {retry['reason']}"

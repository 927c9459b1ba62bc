"""The test of a trunk as it is printed: the ladder, the outcome, and what to change."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from ringback.carriers.carrier import Ended
from ringback.carriers.sip.advice import Advice, Level, advise
from ringback.carriers.sip.ladder import Rung
from ringback.carriers.sip.settings import SipSettings
from ringback.domain.outcome import MEANINGS
from ringback.trial.dial import Result
from ringback.trial.find import Found

Say = Callable[[str], None]


def plain(text: str) -> str:
    """A far end's words, without what a terminal would obey."""
    return text if text.isprintable() else ascii(text)[1:-1]


def whereto(settings: SipSettings) -> str:
    """Where a trunk leads."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    port = f":{settings.port}" if settings.port else ""
    by = f" by {settings.outbound_proxy}" if settings.outbound_proxy else ""
    return f"{host}{port}{by} over {settings.transport}"


class LivePrinter:
    """Prints the ladder while it grows. What comes before the INVITE waits for it: times are told from there.

    Args:
        say: prints a line.
        whole: whether each message is printed whole.
    """

    def __init__(self, say: Say, *, whole: bool) -> None:
        self._say = say
        self._whole = whole
        self._waiting: list[Rung] = []
        self._began_at: float | None = None

    def take(self, rung: Rung) -> None:
        """The next message."""
        self._waiting.append(rung)
        if self._began_at is None and rung.sent and rung.what == "INVITE":
            self._began_at = rung.at
        if self._began_at is not None:
            self.flush(self._began_at)

    def flush(self, began_at: float) -> None:
        """Print what waits."""
        for rung in self._waiting:
            self._say(rung_line(rung, began_at))
            if self._whole:
                for line in rung.text.splitlines():
                    self._say(f"{'':16}{plain(line)}".rstrip())
        self._waiting.clear()


def rung_line(rung: Rung, began_at: float) -> str:
    """One message in a line."""
    arrow = "-->" if rung.sent else "<--"
    told = ", ".join(filter(None, (rung.media, rung.remark, "again" if rung.again else "")))
    line = f"{in_ms(rung.at, began_at):>7} ms  {arrow}  {plain(rung.what):<26}  {plain(rung.cseq):<14}  {plain(told)}"
    return line.rstrip()


def in_ms(at: float, since: float) -> int:
    """Milliseconds from one Unix time to another."""
    return round((at - since) * 1000)


def outcome_lines(result: Result) -> Iterator[str]:
    """How it ended, and what to make of it."""
    facts = result.facts
    if result.ended is None:
        yield f"outcome   not dialled: {plain(facts.refused)}" if facts.refused else "outcome   none"
    else:
        yield f"outcome   {_outcome(result.ended, facts.words)}"
        yield f"Call-ID   {plain(facts.closed.sip_call_id) if facts.closed else ''}".rstrip()
    if facts.answered and facts.closed:
        heard = "not only silence" if facts.heard else "silence"
        came = f"{facts.closed.rtp_received} in ({heard})" if facts.closed.rtp_received else "none in"
        yield f"media     {facts.closed.rtp_sent} packets out, {came}"
    if facts.options_fault is not None:
        yield f"OPTIONS   {plain(facts.options_fault) or 'answered'}"
    for advice in advise(facts):
        yield from _advice(advice)


def simulated_lines(trunk: Found, ended: Ended) -> Iterator[str]:
    """What there is to say of a simulated trunk."""
    yield f"trunk     {plain(trunk.name)}  {trunk.shown}  simulated: there is nothing to test on the wire"
    yield f"outcome   {_outcome(ended, '')}; of this simulated person, at this hour"


def as_json(trunk: Found, to_number: str, from_number: str | None, result: Result, *, whole: bool) -> dict[str, Any]:
    """All of it for machines."""
    found, facts, closed = list(advise(result.facts)), result.facts, result.facts.closed
    return {
        **_head(trunk, to_number, from_number),
        "messages": [_message(rung, result.began_at, whole=whole) for rung in result.rungs],
        "outcome": None if result.ended is None else _outcome_json(result.ended),
        "refused": facts.refused if result.ended is None else "",
        "media": None
        if closed is None
        else {"sent": closed.rtp_sent, "received": closed.rtp_received, "heard": facts.heard},
        "options": None if facts.options_fault is None else facts.options_fault or "answered",
        "works": works(result),
        "advice": [asdict(advice) for advice in found],
    }


def simulated_json(trunk: Found, to_number: str, from_number: str | None, ended: Ended) -> dict[str, Any]:
    """The same, of a simulated trunk."""
    rest: dict[str, Any] = {"messages": [], "refused": "", "media": None, "options": None, "works": True, "advice": []}
    return {**_head(trunk, to_number, from_number), "outcome": _outcome_json(ended), **rest}


def works(result: Result) -> bool:
    """Whether nothing says that the trunk fails."""
    return all(advice.level is not Level.FAILS for advice in advise(result.facts))


def _head(trunk: Found, to_number: str, from_number: str | None) -> dict[str, Any]:
    of_trunk = {"id": trunk.shown, "name": trunk.name, "kind": trunk.kind}
    return {"trunk": of_trunk, "to_number": to_number, "from_number": from_number}


def _message(rung: Rung, began_at: float, *, whole: bool) -> dict[str, Any]:
    named = {name: getattr(rung, name) for name in ("sent", "what", "cseq", "media", "remark", "again")}
    return {"at_ms": in_ms(rung.at, began_at), **named, **({"text": rung.text} if whole else {})}


def _outcome_json(ended: Ended) -> dict[str, Any]:
    details: Mapping[str, Any] = ended.details or {}
    return {
        "status": MEANINGS[ended.reason].status.value,
        "end_reason": ended.reason.value,
        "sip_code": ended.sip_code,
        "q850": details.get("q850"),
        "ring_sec": ended.ring_sec,
        "duration_sec": ended.duration_sec,
        "early_media": bool(details.get("early_media")),
        "hung_up_by": details.get("hung_up_by"),
        "sip_call_id": details.get("sip_call_id"),
    }


def _outcome(ended: Ended, words: str) -> str:
    details: Mapping[str, Any] = ended.details or {}
    parts = [f"{MEANINGS[ended.reason].status.value} ({ended.reason.value})"]
    if ended.sip_code:
        parts.append(f"SIP {ended.sip_code}")
    elif words:
        parts.append(f'"{plain(words)}"')
    if details.get("q850"):
        parts.append(f"Q.850 {details['q850']}")
    if ended.ring_sec or ended.duration_sec:
        parts.append(f"{ended.ring_sec} s of ringing, {ended.duration_sec} s connected")
    return ", ".join(parts)


def _advice(advice: Advice) -> Iterator[str]:
    yield f"{advice.level.value:<8}  {advice.what}"
    if advice.remedy:
        yield f"{'':10}-> {advice.remedy}"

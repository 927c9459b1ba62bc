"""The pre-dial check: a workspace's own server is asked before each dial, and whatever is no yes withholds it."""

import re
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from whenever import Instant, TimeDelta

from ringback.domain.decision import Rule, Withheld
from ringback.errors import Invalid

SHORTEST_SEC, LONGEST_SEC, DEFAULT_SEC = 1, 30, 5
"""How long an answer may take."""

VETO_PAUSE = TimeDelta(minutes=15)
"""For so long a dial waits that was vetoed without a time of its own."""

LONGEST_PAUSE = TimeDelta(hours=24 * 366)
"""A veto's `retry_at` is not taken to be later than this."""

FIRST_SEC, LONGEST_PAUSE_SEC = 1.0, 60.0
"""A server that does not answer is left alone for so long, twice as long each time."""

LONGEST_ANSWER = 16 * 1024
LONGEST_REASON, LONGEST_URL = 200, 2_000

_NUMBER = re.compile(r"\+?\d(?:[\s().-]*\d){6,}")
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_EXAMPLE = "https://example.com/may-we-dial"


class Why(StrEnum):
    """Why there was no yes."""

    VETO = "veto"
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    CERTIFICATE = "certificate"
    FORBIDDEN_ADDRESS = "forbidden_address"
    STATUS = "status"
    BAD_ANSWER = "bad_answer"
    SECRET = "secret"  # noqa: S105  # what cannot be opened


class Check(NamedTuple):
    """Whom to ask.

    Attributes:
        url: https.
        timeout_sec: from the look-up of its name to the end of its answer.
        secret: by which questions are signed, as it is stored.
    """

    url: str
    timeout_sec: int
    secret: Any


class Verdict(NamedTuple):
    """What became of a question.

    Attributes:
        why: None where the dial is allowed.
        reason: of a veto, in its sender's words; of a failure, in ours.
        retry_at: of a veto, when the dial may be asked about again; None where it does not say.
        status: of the answer, None where none came.
    """

    why: Why | None = None
    reason: str | None = None
    retry_at: Instant | None = None
    status: int | None = None

    @property
    def is_answer(self) -> bool:
        """Whether the server did its part, whatever it said."""
        return self.why in (None, Why.VETO)


class _Answer(msgspec.Struct):
    allow: bool
    reason: str | None = None
    retry_at: str | None = None


def parse_url(raw: Any, field: str = "url", example: str = _EXAMPLE) -> str:
    """Where to ask, or to tell.

    Raises:
        Invalid: it is no https URL with a host, or has credentials or a fragment.
    """
    wrong = Invalid([f"{field} must be an https URL of at most {LONGEST_URL} characters, such as '{example}'"])
    if not isinstance(raw, str) or len(raw) > LONGEST_URL or not raw.isascii() or not raw.isprintable() or " " in raw:
        raise wrong
    try:
        parts = urlsplit(raw)
        known = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise wrong from None
    if not known or parts.fragment or "@" in parts.netloc:
        raise wrong
    return raw


def host_of(url: str) -> str:
    """The host of a URL that was read."""
    return urlsplit(url).hostname or ""


def read_answer(status: int, body: bytes) -> Verdict:
    """What an answer comes to. Only a whole one with `allow` true allows the dial."""
    if not 200 <= status <= 299:
        return Verdict(Why.STATUS, f"it answered {status}", status=status)
    try:
        answer = msgspec.json.decode(body, type=_Answer)
        retry_at = None if answer.retry_at is None else Instant.parse_iso(answer.retry_at)
    except (msgspec.DecodeError, ValueError):
        return Verdict(
            Why.BAD_ANSWER, 'it must answer {"allow": true} or {"allow": false, "reason": "..."}', None, status
        )
    if answer.allow:
        return Verdict(status=status)
    return Verdict(Why.VETO, answer.reason and shown(answer.reason), retry_at, status)


def withheld_by_check(verdict: Verdict, now: Instant, failing_until: Instant) -> Withheld:
    """The decision about a dial that was not allowed.

    Args:
        verdict: what became of the question.
        now: when it was answered.
        failing_until: where there was no answer: so long nobody is asked.
    """
    inputs = {"why": str(verdict.why), "reason": verdict.reason, "status": verdict.status}
    if verdict.why is not Why.VETO:
        return Withheld(Rule.PRE_DIAL_CHECK, max(failing_until, now), inputs)
    wanted = verdict.retry_at
    at = now + VETO_PAUSE if wanted is None or wanted <= now else min(wanted, now + LONGEST_PAUSE)
    return Withheld(Rule.PRE_DIAL_CHECK, at, inputs)


def pause_after(before_sec: float | None) -> float:
    """For how many seconds a server that did not answer is left alone, after a pause before or none."""
    return FIRST_SEC if before_sec is None else min(before_sec * 2, LONGEST_PAUSE_SEC)


def shown(reason: str) -> str:
    """A reason as it is kept: short, printable, and without whatever may be a phone number."""
    return _NUMBER.sub("[number]", _UNSHOWN.sub(" ", reason)).strip()[:LONGEST_REASON]

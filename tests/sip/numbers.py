"""Numbers of people who behave as a test wants: the last four digits say how, the rest tells them apart.

The scenario of tests/sip/scenario.py reads the same digits.
"""

from enum import IntEnum, StrEnum

AREAS = (
    *(201, 202, 206, 212, 213, 214, 215, 216, 303, 305, 310, 312, 313, 404, 408, 412, 415, 503, 504, 512),
    *(602, 612, 615, 617, 619, 702, 704, 713, 714, 716, 718, 801, 804, 808, 816, 818, 901, 904, 913, 916),
)
"""Area codes that have been in use for decades, so that every list of valid numbers knows them."""

EXCHANGES = tuple(f"{first}{tail:02}" for tail in range(100) if tail != 11 for first in range(2, 10) if tail != 55)
"""Without 211 to 911, which are services, and 555, whose numbers are often taken for fiction."""

AT_MOST = len(AREAS) * len(EXCHANGES)
"""So many people behave in one way, where no cause is asked for."""


class Manner(StrEnum):
    """How a person behaves, where it is not a refusal."""

    SILENT = "0000"
    TRIES = "0100"
    CHALLENGES_THEN_RINGS = "0140"
    CHALLENGES_THEN_ANSWERS = "0141"
    RINGS = "0180"
    RINGS_ON = "0181"
    RINGS_UNTIL_CANCELLED_ONLY = "0182"
    EARLY_MEDIA_THEN_BUSY = "0183"
    EARLY_MEDIA_THEN_ANSWERS = "0184"
    ANSWERS = "0200"
    STAYS = "0201"
    DROPS = "0202"
    ANSWERS_UNALERTED = "0203"
    ANSWERS_AT_ONCE = "0204"
    GLARE = "0210"
    FORKS = "0220"
    FORKS_TWICE = "0221"
    LOSES_THE_ACK = "0230"
    DEAF = "0240"


MANNERS = {
    Manner.SILENT: "answers nothing at all, not even a CANCEL",
    Manner.TRIES: "100 and nothing more; a CANCEL is followed by 487",
    Manner.CHALLENGES_THEN_RINGS: "401; with any digest it rings, and a CANCEL is followed by 487",
    Manner.CHALLENGES_THEN_ANSWERS: "407; with any digest it rings, answers, and is the one to hang up",
    Manner.RINGS: "rings; a CANCEL is followed by 487",
    Manner.RINGS_ON: "rings, and answers nothing more, not even a CANCEL",
    Manner.RINGS_UNTIL_CANCELLED_ONLY: "rings; a CANCEL has its 200, but the INVITE never its 487",
    Manner.EARLY_MEDIA_THEN_BUSY: "183 with media, then 486",
    Manner.EARLY_MEDIA_THEN_ANSWERS: "183 with media, then answers and is the one to hang up",
    Manner.ANSWERS: "rings, answers, and is the one to hang up",
    Manner.STAYS: "rings, answers, and stays until the caller hangs up",
    Manner.DROPS: "rings, answers, and hangs up at once",
    Manner.ANSWERS_UNALERTED: "answers without having rung, and is the one to hang up",
    Manner.ANSWERS_AT_ONCE: "answers without as much as a 100, and is the one to hang up",
    Manner.GLARE: "rings; a 200 to the INVITE crosses the CANCEL",
    Manner.FORKS: "rings in two places, the second answers and is the one to hang up",
    Manner.FORKS_TWICE: "rings in two places, and both answer; the first stays until the caller hangs up",
    Manner.LOSES_THE_ACK: "rings, answers three times, as the first two ACKs were lost, and is the one to hang up",
    Manner.DEAF: "rings, answers, and is gone: a BYE is never answered",
}


class Way(IntEnum):
    """What comes before or with a refusal: the first of the four digits, the code being the others."""

    PLAIN = 0
    RUNG = 1
    CAUSE = 2
    RETRY_AFTER = 3
    EARLY_MEDIA = 4
    BARE = 5
    RUNG_CAUSE = 6
    CAUSE_RETRY_AFTER = 7
    LOOP = 8


WAYS = {
    Way.PLAIN: "100, then the code; a 3xx points at somebody who answers",
    Way.RUNG: "100, 180, then the code",
    Way.CAUSE: "with a Reason header of Q.850, its cause in the second and third digit of the exchange",
    Way.RETRY_AFTER: "with Retry-After: 30",
    Way.EARLY_MEDIA: "100, 183 with media, then the code",
    Way.BARE: "the code and nothing before it",
    Way.RUNG_CAUSE: "100, 180, then the code with a Reason header",
    Way.CAUSE_RETRY_AFTER: "with both headers",
    Way.LOOP: "100, then the code; a 3xx points at the very same number",
}


def refusal(code: int, way: Way = Way.PLAIN) -> str:
    """The last four digits of somebody who refuses with `code`, 300 to 699."""
    return f"{way}{code:03}"


def number(last_four: str, serial: int = 0, cause: int | None = None) -> str:
    """The E.164 number of the `serial`-th person who behaves so; `cause` is that of a Reason header, 1 to 99."""
    exchanges = EXCHANGES if cause is None else tuple(f"{first}{cause:02}" for first in range(2, 10))
    exchange, area = divmod(serial, len(AREAS))
    return f"+1{AREAS[area]}{exchanges[exchange]}{last_four}"

"""What an import did: how many leads were made, and the rejected rows grouped by reason."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

MOST_ROWS, MOST_EXAMPLES = 1_000, 5
"""Of each reason, the report names so many rows and so many distinct values, however large the file is."""

LONGEST_VALUE = 120
"""Characters of an offending value that are kept."""

MESSAGES = MappingProxyType(
    {
        "missing_phone_number": "There is no phone number in this row.",
        "invalid_phone_number": "This is no valid phone number. Write it in international form, such as +14155550100, "
        "or give default_region for national numbers.",
        "has_extension": "An extension cannot be dialled. Give a number that reaches the person directly.",
        "number_lost_digits": "A spreadsheet shortened this number to powers of ten and its last digits are lost. "
        "Format the column as text and export the file again.",
        "unknown_timezone": "This is no time zone. Give an IANA name in timezone, such as America/Denver, or leave it "
        "blank.",
        "unknown_region": "This is no part of a country. Give an ISO 3166-2 code in region, such as US-CA, or leave it "
        "blank; a column of another meaning wants another name.",
        "never_callable": "In no hour of the coming year is the calling window open in all time zones in which this "
        "number may be. Give its time zone, or widen the window.",
        "invalid_consent": "This is no time, or the consent ends before it begins. Give consent_at and "
        "consent_expires_at as 2026-03-01T10:00:00Z or 2026-03-01, or leave them blank.",
        "consent_expired": "The consent is over: consent_expires_at has passed. Ask for it anew, and give its new end.",
        "no_consent": "The campaign requires consent, and this row has none, or one that is yet to be given. Give in "
        "consent_at when the person agreed.",
        "invalid_debt": "debt_id is printable text of at most 200 characters: what you call the debt that the call is "
        "about. Leave it blank for none.",
        "do_not_call": "The number is on the do-not-call list.",
        "duplicate": "The number is already a lead of this campaign, from this file or from before.",
        "too_many_columns": "The row has more cells than the header. Quote cells that hold the delimiter.",
        "value_too_long": "A cell is longer than 64 KiB, or a quotation mark is never closed.",
        "invalid_time": "expires_at must be a time with its offset, such as 2026-12-31T00:00:00Z.",
        "unreadable_row": "The row holds NUL characters or bytes that are not text. Save the file as UTF-8.",
        "missing_prefix": "There is no prefix in this row.",
        "invalid_prefix": "This is no beginning of a number. Write it in international form, such as +4420.",
        "invalid_price": "A price must be a decimal number from 0 to 1000 in per_minute and connect, such as 0.0120, "
        "or a whole number of millionths in per_minute_micros and connect_micros.",
        "invalid_increment": "first_sec and next_sec must be whole seconds from 1 to 86400; increments has both, such "
        "as 60/6.",
        "duplicate_prefix": "An earlier row of this file has a rate for this prefix.",
        "rate_unknown_field": "A rate has prefix, per_minute or per_minute_micros, connect or connect_micros, and "
        "first_sec and next_sec or increments.",
        "rate_wrong_type": "A rate is an object of texts and whole numbers; write a decimal price as a text, such as "
        "'0.0120'.",
        "unknown_field": "A lead has phone_number, name, timezone, region, consent_at, consent_expires_at, debt_id and "
        "variables. Put other fields inside variables.",
        "wrong_type": "A lead is an object; its variables are one, and all else in it are strings.",
    }
)
"""What each code means and what to do about it."""


class Reject(NamedTuple):
    """A row that becomes no lead.

    Attributes:
        code: the reason, a key of MESSAGES.
        row: the row's number as a spreadsheet shows it, or the lead's place in a JSON list, from 1.
        value: the offending value, cut short.
    """

    code: str
    row: int
    value: str


def reject(code: str, row: int, value: str) -> Reject:
    """A rejected row whose value is short and can be shown and stored anywhere."""
    shown = value[:LONGEST_VALUE].replace("\x00", "?")
    return Reject(code, row, shown.encode("utf-8", "replace").decode())


@dataclass(slots=True)
class Reason:
    """The rejected rows of one code."""

    count: int = 0
    rows: list[int] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)

    def add(self, row: int, value: str) -> None:
        """Count one more row."""
        self.count += 1
        if len(self.rows) < MOST_ROWS:
            self.rows.append(row)
        if len(self.examples) < MOST_EXAMPLES and value not in self.examples:
            self.examples.append(value)


@dataclass(slots=True)
class Report:
    """The answer to an import. It stays small, however large the file is.

    Attributes:
        created: how many leads were made.
        reasons: the rejected rows by code.
    """

    created: int = 0
    reasons: dict[str, Reason] = field(default_factory=dict)

    @property
    def rejected(self) -> int:
        """How many rows became no lead."""
        return sum(reason.count for reason in self.reasons.values())

    def reject(self, code: str, row: int, value: str) -> None:
        """Count a rejected row. `code` is a key of MESSAGES."""
        self.reject_all([reject(code, row, value)])

    def reject_all(self, rejects: Iterable[Reject]) -> None:
        """Count rejected rows."""
        for code, row, value in rejects:
            self.reasons.setdefault(code, Reason()).add(row, value)

    def to_dict(self) -> dict[str, Any]:
        """The answer's JSON object, the most frequent reason first."""
        reasons = sorted(self.reasons.items(), key=lambda item: -item[1].count)
        return {
            "created": self.created,
            "rejected": self.rejected,
            "reasons": [
                {
                    "code": code,
                    "message": MESSAGES[code],
                    "count": reason.count,
                    "rows": reason.rows,
                    "examples": reason.examples,
                }
                for code, reason in reasons
            ],
        }

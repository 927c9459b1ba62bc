"""What can be exported, as which file, and what a spreadsheet may be shown of it."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from ringback.errors import Invalid


class Format(StrEnum):
    """Forms of the file."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class Kind(StrEnum):
    """What a row of the file is."""

    CALLS = "calls"
    ATTEMPTS = "attempts"
    DECISIONS = "decisions"


class Type(StrEnum):
    """What is in a column."""

    TEXT = "text"
    WHOLE = "whole"
    TIME = "time"
    JSON = "json"
    ID = "id"


class Column(NamedTuple):
    """A column of the file.

    Attributes:
        name: as it stands there.
        type: what is in it.
        prefix: of ids.
    """

    name: str
    type: Type
    prefix: str = ""


class ExportState(StrEnum):
    """How far an export has come."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


def _text(*names: str) -> list[Column]:
    return [Column(name, Type.TEXT) for name in names]


def _whole(*names: str) -> list[Column]:
    return [Column(name, Type.WHOLE) for name in names]


def _times(*names: str) -> list[Column]:
    return [Column(name, Type.TIME) for name in names]


_CALL, _CAMPAIGN = Column("call_id", Type.ID, "call"), Column("campaign_id", Type.ID, "cmp")

COLUMNS: Mapping[Kind, Sequence[Column]] = MappingProxyType(
    {
        Kind.CALLS: (
            Column("id", Type.ID, "call"),
            _CAMPAIGN,
            *_text("to_number", "from_number", "name", "status", "final_reason", "trunk"),
            *_times("created_at", "finished_at", "next_attempt_at"),
            *_whole("attempts", "connected_sec", "billed_sec", "cost_micros"),
            *_text("currency", "region", "debt_id"),
            *_times("consent_at", "consent_expires_at"),
            Column("variables", Type.JSON),
        ),
        Kind.ATTEMPTS: (
            Column("id", Type.ID, "att"),
            _CALL,
            *_whole("attempt"),
            _CAMPAIGN,
            *_text("to_number", "from_number", "trunk", "status", "end_reason"),
            *_times("called_at", "answered_at", "ended_at"),
            *_whole("duration_sec", "ring_sec"),
            *_text("answered_by"),
            *_whole("sip_code", "billed_sec", "cost_micros"),
            *_text("currency"),
            *_times("retry_at"),
            *_text("retry_rule", "stop_reason"),
            *_whole("policy_version"),
            Column("details", Type.JSON),
        ),
        Kind.DECISIONS: (
            Column("id", Type.ID, "dec"),
            _CALL,
            *_whole("attempt"),
            _CAMPAIGN,
            *_text("to_number", "rule", "pack", "pack_version"),
            *_times("first_at", "last_at"),
            *_whole("times"),
            *_times("next_eligible_at"),
            Column("inputs", Type.JSON),
        ),
    }
)
"""The columns of each kind in their order; the statements of store/sql/export_rows.sql have the same, by a test."""

FILTERS: Mapping[Kind, frozenset[str]] = MappingProxyType(
    {
        Kind.CALLS: frozenset({"status", "final_reason"}),
        Kind.ATTEMPTS: frozenset({"status", "end_reason"}),
        Kind.DECISIONS: frozenset({"rule"}),
    }
)
"""What narrows an export of each kind, besides campaign, time and number."""

_RISKY = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)


def safe_cell(text: str) -> str:
    """Text that a spreadsheet takes for no formula: what could begin one has an apostrophe before it.

    Phone numbers and other plain numbers stay as they are: `+14155550100` is a number to a spreadsheet too, and can
    do nothing (OWASP, CSV Injection; its full-width signs are among those that begin a formula).
    """
    if text and text[0] in _RISKY and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def chosen_columns(kind: Kind, names: Sequence[str] | None) -> list[Column]:
    """The columns that are wanted, in the order in which they are named; all where none are.

    Raises:
        Invalid: the kind has no such column, or it is named twice.
    """
    known = {column.name: column for column in COLUMNS[kind]}
    if names is None:
        return list(known.values())
    wrong = [name for name in names if name not in known]
    faults = [f"columns has {name}, which {kind} do not have; they have {', '.join(known)}" for name in wrong]
    faults += [f"columns has {name} twice" for name in sorted(set(names)) if list(names).count(name) > 1]
    if faults:
        raise Invalid(faults)
    return [known[name] for name in names]


def check_filters(kind: Kind, given: Sequence[str]) -> None:
    """Refuse what does not narrow an export of this kind.

    Raises:
        Invalid: one line for each.
    """
    special = frozenset().union(*FILTERS.values())
    wrong = [name for name in given if name in special - FILTERS[kind]]
    if wrong:
        known = ", ".join(sorted(FILTERS[kind]))
        raise Invalid([f"{name} does not narrow an export of {kind}; leave it out, or use {known}" for name in wrong])


def file_name(export_id: str, file_format: Format) -> str:
    """Under which an export may be kept."""
    return f"{export_id}.{file_format}"

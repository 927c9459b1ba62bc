"""Files as they are sent, in a form or bare: they go to the disk and never whole into memory."""

import asyncio
import functools
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

from multipart import MultipartError, MultipartSegment, PushMultipartParser  # type: ignore[import-untyped]

from ringback.api.bodies import AnyRequest, blocks_of, read_json
from ringback.api.fields import Field, Fields, instant, one_of, text
from ringback.carriers.sip.agents.message_settings import LARGEST_RECORDING
from ringback.domain.billing import parse_currency
from ringback.domain.do_not_call import Source
from ringback.domain.rates import Rate
from ringback.errors import Invalid, UnknownFileType
from ringback.intake.entries import LONGEST_NOTE, EntryChunk, entries_from_json, read_entries
from ringback.intake.leads import Chunk, leads_from_json, read_leads
from ringback.intake.rates import rates_from_json, read_rates
from ringback.intake.report import Report

LEADS_JSON_LIMIT = 32 * 1024 * 1024
FILE_LIMIT = 1536 * 1024 * 1024
"""Bytes of a body; a file may have a little less than this."""

_AROUND_A_FILE = 16 * 1024
"""Bytes that a form may have besides the file."""
_WRITE_AT_ONCE = 1024 * 1024
_LONGEST_TEXT_PART = 1024
_MOST_PARTS = 8


def _list(raw: Any, name: str) -> list[Any]:
    if not isinstance(raw, list):
        raise Invalid([f"{name} must be a list of leads, such as [{{'phone_number': '+14155552671'}}]"])
    return raw


def _numbers(raw: Any, name: str) -> list[Any]:
    if not isinstance(raw, list):
        raise Invalid(
            [f"{name} must be a list of numbers or beginnings of numbers, such as ['+14155552671', '+1900*']"]
        )
    return raw


def _rates(raw: Any, name: str) -> list[Any]:
    if not isinstance(raw, list):
        raise Invalid([f"{name} must be a list of rates, such as [{{'prefix': '+4420', 'per_minute': '0.0120'}}]"])
    return raw


_FILE = Field(lambda raw, _: raw, {"type": "string", "contentMediaType": "application/octet-stream"}, required=True)
_REGION = text(2, optional=True)
LEADS = Fields(
    leads=Field(_list, {"type": "array", "items": {"type": "object"}}, required=True), default_region=_REGION
)
ENTRIES = Fields(
    numbers=Field(_numbers, {"type": "array", "items": {"type": "string"}}, required=True),
    note=text(LONGEST_NOTE, optional=True),
    expires_at=instant(),
    source=one_of((Source.API, Source.AGENT)),
    default_region=_REGION,
)
FORM = Fields(file=_FILE, default_region=_REGION)
AUDIO_FORM = Fields(file=_FILE)
VERSION_FIELDS = {"valid_from": instant()}
DECK_FIELDS = {
    "name": text(required=True),
    "currency": Field(parse_currency, {"type": "string", "pattern": "^[A-Z]{3}$"}, null=None),
    **VERSION_FIELDS,
}
RATES = Field(_rates, {"type": "array", "items": {"type": "object"}}, required=True)

ReadRates = Callable[[Report], Awaitable[list[Rate]]]
"""Reads the rates, and tells the report of those that are none."""


@asynccontextmanager
async def leads_in(request: AnyRequest) -> AsyncIterator[Iterator[Chunk]]:
    """The leads in a request's body, read on as they are asked for, within the block.

    Raises:
        Invalid: the body is malformed, or default_region is not known.
        TooLarge: it is over its limit.
        UnknownFileType: it is neither JSON nor a form.
    """
    kind, options = request.content_type
    if kind != "multipart/form-data":
        body = LEADS.parse(await read_json(request, LEADS_JSON_LIMIT))
        yield leads_from_json(body["leads"], body["default_region"])
        return
    with tempfile.TemporaryFile() as file:
        given = await _receive(request, options.get("boundary", ""), file, FILE_LIMIT)
        body = FORM.parse(given)
        file.seek(0)
        yield read_leads(file, body["default_region"])


@asynccontextmanager
async def entries_in(request: AnyRequest) -> AsyncIterator[tuple[Iterator[EntryChunk], Source]]:
    """The entries of the do-not-call list in a request's body, and how they come; raises as `leads_in` does."""
    kind, options = request.content_type
    if kind != "multipart/form-data":
        body = ENTRIES.parse(await read_json(request, LEADS_JSON_LIMIT))
        chunks = entries_from_json(body["numbers"], body["note"], body["expires_at"], body["default_region"])
        yield chunks, body["source"] or Source.API
        return
    with tempfile.TemporaryFile() as file:
        body = FORM.parse(await _receive(request, options.get("boundary", ""), file, FILE_LIMIT))
        file.seek(0)
        yield read_entries(file, body["default_region"]), Source.IMPORT


@asynccontextmanager
async def rates_in(request: AnyRequest, fields: dict[str, Field]) -> AsyncIterator[tuple[dict[str, Any], ReadRates]]:
    """The other fields of a body with rates, and what reads the rates, within the block; raises as `leads_in` does."""
    kind, options = request.content_type
    if kind != "multipart/form-data":
        body = Fields(rates=RATES, **fields).parse(await read_json(request, LEADS_JSON_LIMIT))
        yield body, functools.partial(_in_thread, rates_from_json, body["rates"])
        return
    with tempfile.TemporaryFile() as file:
        given = await _receive(request, options.get("boundary", ""), file, FILE_LIMIT)
        body = Fields(file=_FILE, **fields).parse(given)
        file.seek(0)
        yield body, functools.partial(_in_thread, read_rates, file)


async def _in_thread(read: Callable[[Any, Report], list[Rate]], source: Any, report: Report) -> list[Rate]:
    return await asyncio.to_thread(read, source, report)


async def receive_audio(request: AnyRequest, to: Path) -> None:
    """Write the recording in a request's body, bare or in a form, to a file.

    Raises:
        Invalid: the form is malformed.
        TooLarge: it is over its limit.
        UnknownFileType: it is JSON.
    """
    kind, options = request.content_type
    if kind == "application/json":
        raise UnknownFileType("unsupported_media_type", "send the audio as it is, or in the field `file` of a form")
    with to.open("wb") as file:
        if kind == "multipart/form-data":
            boundary, limit = options.get("boundary", ""), LARGEST_RECORDING + _AROUND_A_FILE
            AUDIO_FORM.parse(await _receive(request, boundary, file, limit))
            return
        async for block in blocks_of(request, LARGEST_RECORDING):
            file.write(block)


async def _receive(request: AnyRequest, boundary: str, file: IO[bytes], limit: int) -> dict[str, Any]:
    """Write the part called `file` to the disk; returns the names of the parts with the texts of the others."""
    form = _Form(file)
    try:
        with PushMultipartParser(boundary, max_segment_count=_MOST_PARTS) as parser:
            async for block in blocks_of(request, limit):
                for piece in parser.parse(block):
                    form.take(piece)
                if len(form.pending) >= _WRITE_AT_ONCE:
                    await asyncio.to_thread(form.write)
    except MultipartError as fault:
        raise Invalid([f"the body is not the form that it says it is: {fault}"], code="malformed_multipart") from None
    await asyncio.to_thread(form.write)
    return form.parts


class _Form:
    """A form on its way in."""

    def __init__(self, file: IO[bytes]) -> None:
        self.parts: dict[str, Any] = {}
        self.pending = bytearray()
        self._file = file
        self._name = ""

    def take(self, piece: MultipartSegment | bytes | None) -> None:
        """Take the beginning of a part, some of its content, or None: its end."""
        if isinstance(piece, MultipartSegment):
            self._begin(piece.name)
        elif piece is None:
            self._finish()
        elif self._name == "file":
            self.pending += piece
        else:
            self._append(piece)

    def write(self) -> None:
        """Write what came of the file."""
        self._file.write(self.pending)
        self.pending.clear()

    def _begin(self, name: str) -> None:
        if name in self.parts:
            raise Invalid([f"{name} is given twice; send it once"])
        self._name = name
        self.parts[name] = b""

    def _append(self, piece: bytes) -> None:
        self.parts[self._name] += piece
        if len(self.parts[self._name]) > _LONGEST_TEXT_PART:
            raise Invalid([f"{self._name} must be text of at most {_LONGEST_TEXT_PART} bytes"])

    def _finish(self) -> None:
        value = self.parts[self._name].decode("utf-8", "replace").strip()
        # an empty text in a form is a field that was left blank
        self.parts[self._name] = value or (None if self._name != "file" else "")

"""Bytes of a text file to whole lines, in blocks, so that memory does not grow with the file."""

import codecs
import re
from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import chain, islice

MAX_RECORD = 4 * 1024 * 1024
"""Characters; a row that is longer is given up."""

UNREADABLE = "\udc00"
"""Stands for a NUL, as other lone surrogates stand for bytes that are no text: one attempt to encode finds them all."""

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
_BREAK = re.compile(r"\r\n?|\n")
_MOST_VOTES = 1_000


class RowTooLong(Exception):
    """The row at hand passed MAX_RECORD characters."""


class Lines(Iterator[str]):
    """The lines of a text, each with its end.

    Args:
        blocks: the bytes of the file, in pieces of any size.

    Attributes:
        taken: characters handed out; the reader sets it back to 0 when a row is complete.
    """

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self.taken = 0
        # newline="" splits where csv does (LF, CRLF and CR) and keeps the ends.
        self._lines = chain.from_iterable(StringIO(text, newline="") for text in _whole_lines(blocks))

    def __next__(self) -> str:
        line = next(self._lines)
        self.taken += len(line)
        if self.taken > MAX_RECORD:
            raise RowTooLong
        return line


def is_utf16(head: bytes) -> bool:
    """Whether a file that begins so is UTF-16 with a byte-order mark."""
    return head.startswith(_UTF16)


def _whole_lines(blocks: Iterable[bytes]) -> Iterator[str]:
    pending, skipping = "", False
    for text in _decoded(blocks):
        # The rest of a line that was given up must not be taken for a row of its own.
        line_end = _BREAK.search(text) if skipping else None
        if skipping and line_end is None:
            continue
        pending, skipping = pending + (text[line_end.end() :] if line_end else text), False
        end = pending.rfind("\n") + 1 or pending.rfind("\r", 0, -1) + 1
        yield pending[:end]
        pending = pending[end:]
        if len(pending) > MAX_RECORD:
            yield pending
            pending, skipping = "", True
    yield pending


def _decoded(blocks: Iterable[bytes]) -> Iterator[str]:
    decoder: codecs.IncrementalDecoder | None = None
    undecided = True
    for block in blocks:
        if decoder is None:
            decoder = _decoder("utf-16" if is_utf16(block) else "utf-8-sig")
            undecided = not is_utf16(block)
        if undecided and not block.isascii():
            undecided = False
            decoder = decoder if _is_mostly_utf8(block) else _decoder("cp1252")
        yield _marked(decoder.decode(block))
    if decoder is not None:
        yield _marked(decoder.decode(b"", final=True))


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    # UTF-16 has no stand-ins for single bytes: what cannot be read becomes U+FFFD, which _marked marks.
    return codecs.getincrementaldecoder(encoding)("replace" if encoding == "utf-16" else "surrogateescape")


def _marked(text: str) -> str:
    return text.replace("\x00", UNREADABLE)


def _is_mostly_utf8(block: bytes) -> bool:
    """Of the first runs of bytes outside ASCII, at least half are UTF-8; in Windows-1252 hardly any is."""
    runs = list(islice(_BEYOND_ASCII.finditer(block), _MOST_VOTES))
    return 2 * sum(_is_utf8(run[0], whole=run.end() < len(block)) for run in runs) >= len(runs)


def _is_utf8(run: bytes, whole: bool) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(run, whole)
    except UnicodeDecodeError:
        return False
    return True

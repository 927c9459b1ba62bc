"""Compression of answers, for who takes it."""

import asyncio
import zlib

LEAST = 1024
"""Bytes; of less there is nothing to be won."""

BESIDE_THE_LOOP = 256 * 1024
"""Bytes of a body that is compressed on another thread, since all other requests would wait for it."""

_LEVEL, _GZIP = 3, 31


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding names gzip, and not with a weight of nothing (RFC 9110, section 12.5.3)."""
    for part in accepted.split(","):
        coding, _, weight = part.partition(";")
        if coding.strip().lower() in ("gzip", "x-gzip"):
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False


def is_zipped(accepted: str, size: int) -> bool:
    """Whether what is read is answered compressed."""
    return size >= LEAST and takes_gzip(accepted)


async def zipped(body: bytes) -> bytes:
    """A body compressed with gzip."""
    return await asyncio.to_thread(_zip, body) if len(body) >= BESIDE_THE_LOOP else _zip(body)


def _zip(body: bytes) -> bytes:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return packer.compress(body) + packer.flush()

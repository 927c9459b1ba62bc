"""Bodies of requests, within their limits."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException

from ringback.errors import Invalid, TooLarge, UnknownFileType

AnyRequest = Request[Any, Any, Any]

MOST_DISCARDED = 64 * 1024 * 1024
DISCARD_SEC = 10.0


async def read_json(request: AnyRequest, limit: int) -> dict[str, Any]:
    """The JSON object in the body.

    Args:
        request: whose body has not been read yet.
        limit: bytes.

    Raises:
        UnknownFileType: `unsupported_media_type`: the header says that it is something else.
        TooLarge: it is over the limit.
        Invalid: it is not JSON, or not an object.
    """
    kind = request.content_type[0]
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise UnknownFileType("unsupported_media_type", f"send JSON with Content-Type: application/json, not {kind}")
    body = b"".join([block async for block in blocks_of(request, limit)])
    try:
        content = msgspec.json.decode(body)
    except (ValueError, RecursionError) as fault:
        # a decoder's fault, text that is not UTF-8, a number with thousands of digits, or brackets without end
        raise Invalid([f"the body is not JSON that we can read: {fault}"], code="malformed_json") from None
    if not isinstance(content, dict):
        raise Invalid(["the body must be a JSON object"])
    return content


async def blocks_of(request: AnyRequest, limit: int) -> AsyncIterator[bytes]:
    """The body in blocks as they come.

    Raises:
        TooLarge: it is announced, or turns out, to be over the limit.
    """
    announced = request.headers.get("content-length", "0")
    size = 0
    too_large = TooLarge("body_too_large", f"the body is over its limit of {limit} bytes")
    if announced.isdecimal() and int(announced) > limit:
        raise too_large
    async for block in request.stream():
        size += len(block)
        if size > limit:
            raise too_large
        if block:
            yield block


async def discard_rest(request: AnyRequest) -> None:
    """Take in what is left of a refused body, within bounds: a client that is still sending does not read the answer.

    What is beyond the bounds is cut off.
    """
    if not request.is_connected or not {"content-length", "transfer-encoding"} & request.headers.keys():
        return
    size = 0
    try:
        async with asyncio.timeout(DISCARD_SEC):
            async for block in request.stream():
                size += len(block)
                if size > MOST_DISCARDED:
                    return
    except (TimeoutError, HTTPException):
        pass  # the client is slow or gone; it gets the answer if it can

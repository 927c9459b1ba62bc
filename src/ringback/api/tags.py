"""ETags: what tells one state of an answer from another (RFC 9110, sections 8.8.3 and 13.1)."""

import hashlib
from dataclasses import replace

import msgspec

from ringback.api.operation import Api, Ask, Operation
from ringback.errors import NotAsSeen
from ringback.store.idempotency import hold_path

COMPRESSED = "-gzip"
"""The end of the tag of a compressed answer, which is another one in its bytes."""

_encode = msgspec.json.Encoder().encode


def tag_of(content: bytes) -> str:
    """The tag of an answer."""
    return f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'


def small(tag: str) -> str:
    """The tag of the same answer compressed."""
    return f'{tag[:-1]}{COMPRESSED}"'


def is_among(header: str | None, tag: str) -> bool:
    """Whether a tag is among those of If-None-Match, compared weakly."""
    return header is not None and any(_read(entry) in ("*", tag) for entry in header.split(","))


def _read(entry: str) -> str:
    bare = entry.strip().removeprefix("W/")
    return bare.removesuffix(f'{COMPRESSED}"') + '"' if bare.endswith(f'{COMPRESSED}"') else bare


async def check_seen(api: Api, reading: Operation, ask: Ask, if_match: str) -> None:
    """Refuse a change of what has changed since it was read.

    Others who change the same thing with If-Match wait until this transaction is over.

    Args:
        api: whose database is the transaction of the change.
        reading: what is read at the path.
        ask: the change.
        if_match: the header.

    Raises:
        NotAsSeen: it is not as it was.
    """
    async with api.database.connection() as db:
        await hold_path(db, ask.workspace_no, ask.request.scope["path"])
    query = {} if reading.query is None else reading.query.parse({})
    answer = await reading.run(api, replace(ask, query=query, body={}))
    if not is_among(if_match, tag_of(_encode(answer.content))):
        raise NotAsSeen("precondition_failed", "it was changed since it was read: read it again, then change it")

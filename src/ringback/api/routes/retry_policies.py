"""/v1/retry-policies: policies that have a name and versions, for campaigns and calls to go by."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec

from ringback.api import examples
from ringback.api.fields import Fields, parsed, text, whole
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.paging import list_body, list_fields, part_of
from ringback.api.routes.finding import found, path_id
from ringback.api.show_policies import show_named_policy, show_policy_version
from ringback.domain.policy_form import keep_policy, kept_policy, parse_policy
from ringback.domain.retry import DEFAULT_POLICY, RetryPolicy
from ringback.errors import Impossible, Invalid
from ringback.ids import POLICY
from ringback.store.database import Connection
from ringback.store.keys import Scope
from ringback.store.retry_policies import (
    Pin,
    add_version,
    create_policy,
    delete_policy,
    find_policy,
    list_policies,
    lock_policy,
    pin_policy,
    read_versions,
    rename_policy,
)

POLICY_SCHEMA = {"type": ["object", "null"], "description": "The retry policy, in its long or its short form."}
_POLICY = parsed(parse_policy, POLICY_SCHEMA)
INLINE = replace(_POLICY, default=None, null=None)
"""A policy beside which a named one may be given instead; None is that nobody gave one."""

MOST_VERSIONS = 1_000_000
VERSION = whole(1, MOST_VERSIONS, optional=True)
NEW = Fields(name=text(required=True), retry=replace(_POLICY, required=True))
CHANGES = Fields(name=text(), retry=_POLICY)
LIST = list_fields(POLICY)
_WORD = "retry policy"


async def chosen_policy(db: Connection, ask: Ask, body: dict[str, Any]) -> dict[str, Any]:
    """Take the policy out of a body, inline or named; returns `retry` and `pin`, those of them that were chosen.

    Raises:
        Invalid: both were given, or a version without its policy.
        Impossible: `unknown_retry_policy`.
    """
    names = ("retry", "retry_policy_id", "retry_policy_version")
    given = {name: body.pop(name) for name in names if name in body}
    policy_id, version = given.get("retry_policy_id"), given.get("retry_policy_version")
    if policy_id is not None and given.get("retry") is not None:
        raise Invalid(["retry and retry_policy_id exclude each other; give one of them"])
    if policy_id is None and version is not None:
        raise Invalid(["retry_policy_version is a version of the policy that retry_policy_id names; give both"])
    if policy_id is not None:
        return await _pinned(db, ask, policy_id, version)
    if "retry" in given:
        return {"retry": given["retry"] or DEFAULT_POLICY, "pin": None}
    return {"pin": None} if "retry_policy_id" in given else {}


async def _pinned(db: Connection, ask: Ask, policy_id: UUID, version: int | None) -> dict[str, Any]:
    row = await pin_policy(db, ask.workspace_no, policy_id, version)
    if row is None:
        raise Impossible(
            "unknown_retry_policy", "retry_policy_id names no policy of this workspace, or it has no such version"
        )
    return {
        "retry": kept_policy(msgspec.json.decode(row["retry"])),
        "pin": Pin(policy_id, row["version"]),
    }


async def post_policy(api: Api, ask: Ask) -> Answer:
    """Name a policy."""
    policy_id = api.ids.new(ask.now)
    async with api.database.transaction() as db:
        await create_policy(db, ask.workspace_no, policy_id, ask.body["name"], as_kept(ask.body["retry"]), ask.now)
        made = show_named_policy(found(await find_policy(db, ask.workspace_no, policy_id), _WORD))
        await ask.changing(POLICY, policy_id).note(db, None, made)
    return Answer(made, 201)


async def get_policies(api: Api, ask: Ask) -> Answer:
    """The named policies, each with its newest version."""
    async with api.database.connection() as db:
        listing = await list_policies(db, ask.workspace_no, part_of(ask.query))
    return Answer(list_body(listing, ask.query, POLICY, "policy_id", show_named_policy))


async def get_policy(api: Api, ask: Ask) -> Answer:
    """One named policy with all its versions."""
    policy_id = path_id(ask, POLICY)
    async with api.database.connection() as db:
        return Answer(await _whole(db, ask, policy_id))


async def patch_policy(api: Api, ask: Ask) -> Answer:
    """Rename it, or make its next version. Campaigns go on by the version that they pin."""
    policy_id = path_id(ask, POLICY)
    async with api.database.transaction() as db:
        found(await lock_policy(db, ask.workspace_no, policy_id) or None, _WORD)
        before = show_named_policy(await find_policy(db, ask.workspace_no, policy_id))
        if "name" in ask.body:
            await rename_policy(db, ask.workspace_no, policy_id, ask.body["name"])
        if "retry" in ask.body:
            await add_version(db, ask.workspace_no, policy_id, as_kept(ask.body["retry"]), ask.now)
        changed = await _whole(db, ask, policy_id)
        await ask.changing(POLICY, policy_id).note(db, before, {name: changed[name] for name in before})
    return Answer(changed)


async def delete_named_policy(api: Api, ask: Ask) -> Answer:
    """Delete it, where no campaign that is not over goes by it."""
    policy_id = path_id(ask, POLICY)
    async with api.database.transaction() as db:
        found(await lock_policy(db, ask.workspace_no, policy_id) or None, _WORD)
        before = show_named_policy(await find_policy(db, ask.workspace_no, policy_id))
        await delete_policy(db, ask.workspace_no, policy_id)
        await ask.changing(POLICY, policy_id).note(db, before)
    return Answer(None, 204)


def as_kept(policy: RetryPolicy) -> str:
    """What the store keeps of a policy."""
    return msgspec.json.encode(keep_policy(policy)).decode()


async def _whole(db: Connection, ask: Ask, policy_id: UUID) -> dict[str, Any]:
    row = found(await find_policy(db, ask.workspace_no, policy_id), _WORD)
    versions = await read_versions(db, ask.workspace_no, policy_id)
    return {**show_named_policy(row), "versions": [show_policy_version(version) for version in versions]}


_PATH = "/v1/retry-policies"
_ONE = f"{_PATH}/{{id}}"
_NOT_FOUND = ("retry_policy_not_found",)
OPERATIONS = (
    Operation(
        "POST",
        _PATH,
        Scope.CAMPAIGNS_WRITE,
        "Name a retry policy, for campaigns and calls to go by.",
        post_policy,
        body=NEW,
        status=201,
        example=examples.NAMED_POLICY,
    ),
    Operation(
        "GET",
        _PATH,
        Scope.CAMPAIGNS_READ,
        "The named retry policies, each with its newest version.",
        get_policies,
        query=LIST,
        example=examples.listed(examples.NAMED_POLICY),
    ),
    Operation(
        "GET",
        _ONE,
        Scope.CAMPAIGNS_READ,
        "One named retry policy with all its versions.",
        get_policy,
        example=examples.POLICY_WITH_VERSIONS,
        codes=_NOT_FOUND,
    ),
    Operation(
        "PATCH",
        _ONE,
        Scope.CAMPAIGNS_WRITE,
        "Rename a retry policy, or make its next version; campaigns go on by the version that they pin.",
        patch_policy,
        body=CHANGES,
        example=examples.POLICY_WITH_VERSIONS,
        codes=_NOT_FOUND,
    ),
    Operation(
        "DELETE",
        _ONE,
        Scope.CAMPAIGNS_WRITE,
        "Delete a retry policy that no campaign goes by which is not over.",
        delete_named_policy,
        status=204,
        codes=(*_NOT_FOUND, "retry_policy_in_use"),
    ),
)

"""/v1/pre-dial-check: whom the workspace has asked before each dial."""

import base64
import random
from typing import Any

from ringback.api import examples
from ringback.api.fields import Field, Fields, truth, whole
from ringback.api.operation import Answer, Api, Ask, Operation
from ringback.api.show import Json
from ringback.checking.network import literal, may_ask, parse_networks
from ringback.config import CHECK_NETWORKS, check_networks
from ringback.domain.pre_dial_check import DEFAULT_SEC, LONGEST_SEC, LONGEST_URL, SHORTEST_SEC, host_of, parse_url
from ringback.errors import Invalid
from ringback.sealing import MASK
from ringback.store.keys import Scope
from ringback.store.older import check_no_older
from ringback.store.pre_dial_checks import hold_check, read_check, set_check

SECRET_BYTES = 32

CHECK = Fields(
    url=Field(parse_url, {"type": "string", "format": "uri", "maxLength": LONGEST_URL}, required=True),
    timeout_sec=whole(SHORTEST_SEC, LONGEST_SEC, default=DEFAULT_SEC),
    new_secret=truth(False),
)


async def get_pre_dial_check(api: Api, ask: Ask) -> Answer:
    """Who is asked; nulls where nobody is."""
    async with api.database.connection() as db:
        return Answer(_shown(await read_check(db, ask.workspace_no), None))


async def put_pre_dial_check(api: Api, ask: Ask) -> Answer:
    """Have every dial that is claimed from now on checked. The secret is shown when it is made, and never again."""
    _check_host(ask.body["url"])
    async with api.database.transaction() as db:
        await check_no_older(db, "pre-dial check", ask.now)
        before = await hold_check(db, ask.workspace_no)
        made = _make_secret(api.settings.chance) if before is None or ask.body["new_secret"] else None
        sealed = before["secret"] if made is None and before else api.settings.sealer.seal(made)
        check = {"url": ask.body["url"], "timeout_sec": ask.body["timeout_sec"], "secret": sealed}
        await set_check(db, ask.workspace_no, check)
        await ask.changing("pre_dial_check").note(db, before, check)
    return Answer(_shown(check, made))


async def delete_pre_dial_check(api: Api, ask: Ask) -> Answer:
    """Ask nobody any more."""
    async with api.database.transaction() as db:
        before = await hold_check(db, ask.workspace_no)
        await set_check(db, ask.workspace_no, None)
        await ask.changing("pre_dial_check").note(db, before)
    return Answer(None, 204)


def _check_host(url: str) -> None:
    """Refuse an address that no node would ask; names are looked up when they are asked."""
    address = literal(host_of(url))
    if address is not None and not may_ask(address, parse_networks(check_networks())):
        raise Invalid(
            [f"url must not be a private address, unless the operator allows its network in {CHECK_NETWORKS}"]
        )


def _make_secret(chance: random.Random) -> str:
    """A key in the form of the Standard Webhooks."""
    return f"whsec_{base64.b64encode(chance.randbytes(SECRET_BYTES)).decode()}"


def _shown(check: dict[str, Any] | None, secret: str | None) -> Json:
    if check is None:
        return {"url": None, "timeout_sec": None, "secret": None}
    return {"url": check["url"], "timeout_sec": check["timeout_sec"], "secret": secret or MASK}


_PATH = "/v1/pre-dial-check"
OPERATIONS = (
    Operation(
        "GET",
        _PATH,
        Scope.CALLS_READ,
        "Whom the workspace has asked before each dial.",
        get_pre_dial_check,
        example={**examples.PRE_DIAL_CHECK, "secret": MASK},
    ),
    Operation(
        "PUT",
        _PATH,
        Scope.ADMIN,
        "Have a server of your own asked before each dial; the secret that its questions are signed by is shown once.",
        put_pre_dial_check,
        body=CHECK,
        example=examples.PRE_DIAL_CHECK,
        codes=("older_release_lives",),
    ),
    Operation(
        "DELETE",
        _PATH,
        Scope.ADMIN,
        "Ask nobody before a dial any more.",
        delete_pre_dial_check,
        status=204,
    ),
)

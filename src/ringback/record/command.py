"""`ringback ledger status`, `export` and `verify`."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from rich.console import Console

from ringback import ids
from ringback.attach import attached
from ringback.clock import SystemClock
from ringback.config import Settings, ledger_key
from ringback.errors import Invalid, NotFound
from ringback.ledger.export import Exported, Selection, export
from ringback.ledger.key import Signer, fingerprint
from ringback.ledger.status import status_of
from ringback.ledger.verify import Verdict, verify
from ringback.store import ledger
from ringback.store.database import API_SETTINGS, Connection, Record, connect
from ringback.store.migrate import check_schema

T = TypeVar("T")

MOST_SHOWN = 50


class Wanted(NamedTuple):
    """What a packet is asked for; one of them."""

    number: str | None
    call: str | None
    campaign: str | None
    whole: bool


def show_status(settings: Settings, workspace: str | None, *, as_json: bool) -> None:
    """Print how a ledger stands.

    Raises:
        Invalid: there are several workspaces and none was named.
        OurError: there is no database, or it does not answer.
    """

    async def read(db: Connection) -> dict[str, Any]:
        theirs = await _workspace(db, workspace)
        return await status_of(db, theirs["workspace_no"], SystemClock().now())

    status = _with_database(settings, read)
    if as_json:
        Console().print_json(data=status)
        return
    for line in _told(status):
        _say(line)


def write_packet(settings: Settings, workspace: str | None, wanted: Wanted, out: Path, *, as_json: bool) -> None:
    """Write a packet, and say how to check it.

    Raises:
        Invalid: what is wanted is not one thing, or cannot be read.
        Impossible: the ledger has nothing of it.
        OurError: there is no database, no key, or the file cannot be written.
    """
    _refuse_unclear(wanted)
    signer = Signer(settings.data, ledger_key())

    async def write(db: Connection) -> Exported:
        theirs = await _workspace(db, workspace)
        selection = await _selection(db, theirs["workspace_no"], wanted)
        owner = theirs["workspace_no"], theirs["workspace_id"]
        return await export(db, owner, selection, signer, out, SystemClock().now())

    made = _with_database(settings, write)
    if as_json:
        said = {"packet": str(out), "entries": made.entries, "of": made.of, "key": fingerprint(made.public_key)}
        Console().print_json(data=said)
        return
    _say(f"{out}: {made.entries:,} of {made.of:,} entries, signed by {fingerprint(made.public_key)}")
    _say(f"Check it with:\n  ringback ledger verify {out} --key-fingerprint {fingerprint(made.public_key)}")


def check_packet(file: Path, expected: str | None, *, as_json: bool) -> bool:
    """Verify a packet and print what was found; whether it is as it was signed."""
    verdict = verify(file, expected)
    if as_json:
        faults = [fault._asdict() for fault in verdict.faults]
        said = {"valid": not faults, "entries": verdict.entries, "key": verdict.fingerprint, "faults": faults}
        Console().print_json(data=said)
    else:
        _show(file, verdict, compared=expected is not None)
    return not verdict.faults


def _show(file: Path, verdict: Verdict, *, compared: bool) -> None:
    for fault in verdict.faults[:MOST_SHOWN]:
        _say(f"{fault.where}: {fault.what}")
    if len(verdict.faults) > MOST_SHOWN:
        _say(f"and {len(verdict.faults) - MOST_SHOWN:,} more")
    if verdict.faults:
        _say(f"{file} is NOT as it was signed")
    elif verdict.manifest is not None:
        told = verdict.manifest.checkpoint
        _say(f"{file} is as it was signed: {verdict.entries:,} entries out of {told.entries:,}, as of {told.made_at}")
    if verdict.fingerprint and not compared:
        _say(f"Signed by {verdict.fingerprint}: compare this with what you were given on another way")


def _told(status: dict[str, Any]) -> list[str]:
    last = status["checkpoint"]
    signed = f"{last['entries']:,} entries at {last['made_at']}, by {last['key']}" if last else "none yet"
    keys = len(status["keys"])
    several = [f"keys        {keys}: servers sign by keys of their own"] if keys > 1 else []
    return [
        f"entries     {status['entries']:,}",
        f"behind by   {status['behind_sec']} s, {status['waiting']:,} to be entered",
        f"checkpoint  {signed}",
        *([f"root        {last['root']}"] if last else []),
        *several,
    ]


def _with_database(settings: Settings, work: Callable[[Connection], Awaitable[T]]) -> T:
    async def run(dsn: str) -> T:
        database = await connect(dsn, size=1, settings=API_SETTINGS)
        try:
            await check_schema(database)
            async with database.connection() as db:
                return await work(db)
        finally:
            await database.close()

    with attached(settings) as dsn:
        return asyncio.run(run(dsn))


async def _workspace(db: Connection, name: str | None) -> Record:
    found = await ledger.workspaces(db)
    chosen = [row for row in found if name in (None, row["name"])]
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(row["name"] for row in found)
    if not chosen:
        raise NotFound("workspace_unknown", f"there is no workspace {name}; there are: {names}")
    raise Invalid([f"--workspace: there are several; name one of {names}, such as --workspace {found[0]['name']}"])


def _refuse_unclear(wanted: Wanted) -> None:
    given = [wanted.number, wanted.call, wanted.campaign, wanted.whole or None]
    if sum(value is not None for value in given) != 1:
        raise Invalid(["give one of --number, --call, --campaign and --all, such as --number +14155550100"])
    if wanted.number is not None and not re.fullmatch(r"\+[1-9]\d{6,14}", wanted.number):
        raise Invalid([f"--number: {wanted.number} is not in E.164, such as +14155550100"])


async def _selection(db: Connection, workspace_no: int, wanted: Wanted) -> Selection:
    if wanted.number is not None:
        calls = await ledger.calls_to(db, workspace_no, wanted.number)
        return Selection({"number": wanted.number}, calls=frozenset(map(str, calls)))
    if wanted.call is not None:
        call = _uuid("--call", ids.CALL, wanted.call)
        return Selection({"call": wanted.call}, calls=frozenset({str(call)}))
    if wanted.campaign is not None:
        return Selection(
            {"campaign": wanted.campaign}, campaign_id=str(_uuid("--campaign", ids.CAMPAIGN, wanted.campaign))
        )
    return Selection({"all": "entries"})


def _uuid(option: str, prefix: str, text: str) -> UUID:
    value = ids.read(prefix, text)
    if value is None:
        raise Invalid([f"{option}: {text} is no id, such as {prefix}_01h455vb4pex5vsknk084sn02q"])
    return value


def _say(line: str) -> None:
    Console().print(line, highlight=False, markup=False, soft_wrap=True)

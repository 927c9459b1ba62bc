"""Takes a backup: one instant of the database, while it is dialled on, and the files beside it."""

import asyncio
import itertools
from pathlib import Path
from urllib.parse import quote

from ringback.attach import attached
from ringback.backup.draft import draft_of
from ringback.backup.files import copy_closed, plain_files, reading
from ringback.backup.manifest import DUMP, FILES, Manifest, write_manifest
from ringback.backup.programs import Moved, run_program
from ringback.clock import SystemClock
from ringback.config import OWN_NAMES, Settings
from ringback.errors import BackupError
from ringback.store.backup import contents
from ringback.store.database import connect
from ringback.store.embedded_directory import COPY_PREFIX
from ringback.store.migrate import check_schema

COMPRESSION = "gzip:1"
"""Level 6, the default, saves a tenth of the size for a quarter more of the time. The wheel's pg_dump has no zstd."""


def take_backup(settings: Settings, to: Path, moved: Moved) -> Manifest:
    """Write a backup of an embedded database into a new folder. Call it from the main thread.

    Args:
        settings: where the data directory is; its server may run.
        to: the folder; it is not there unless the backup is whole.
        moved: told how far it has come.

    Raises:
        BackupError: the place is taken, or the backup could not be made; nothing is left of it.
        OurError: there is no database, or it does not answer.
    """
    refuse_other_servers(settings)
    to = to.expanduser().resolve()
    if to.is_relative_to(settings.data.expanduser().resolve()):
        raise BackupError(f"{to} lies in the data directory, and would be lost with it: give a place outside it")
    with draft_of(to, 0o700) as draft, attached(settings) as dsn:
        return asyncio.run(_take(dsn, settings.data.expanduser().resolve(), draft, moved))


def refuse_other_servers(settings: Settings) -> None:
    """Refuse a database that is not the embedded one.

    Raises:
        BackupError: RINGBACK_DATABASE_URL is set.
    """
    if settings.database_url is not None:
        raise BackupError(
            "RINGBACK_DATABASE_URL is set: this is for the embedded database; use your own server's tools, such as "
            "pg_dump or its continuous archiving"
        )


async def _take(dsn: str, data: Path, draft: Path, moved: Moved) -> Manifest:
    database = await connect(dsn, size=2, settings={})
    try:
        await check_schema(database)
        async with database.connection() as db, db.transaction(isolation="repeatable_read", readonly=True):
            made_at = SystemClock().now()
            moved("counting", 0, 0)
            found = await contents(db)
            total = sum(found.rows.values())
            await run_program(_dump(dsn, found.snapshot, draft / DUMP), database, "copying", total, moved)
        await run_program(_read_through(draft / DUMP), database, "reading it back", 0, moved)
    finally:
        await database.close()
    # after the snapshot: a trunk's record may know of more dials than the database, and must never know of fewer
    moved("copying files", 0, 0)
    _copy_files(data, draft / FILES)
    return write_manifest(draft, found.schema, made_at.format_iso(unit="millisecond"), found.rows)


def _dump(dsn: str, snapshot: str, file: Path) -> list[str]:
    options = ["--format=custom", f"--compress={COMPRESSION}", "--no-sync", "--lock-wait-timeout=60s"]
    # its session ends with it, even while it waits for a lock, and lets go of the snapshot
    noticing = f"{dsn}&options={quote('-c client_connection_check_interval=1s')}"
    return ["pg_dump", *options, f"--snapshot={snapshot}", f"--file={file}", f"--dbname={noticing}"]


def _read_through(file: Path) -> list[str]:
    """A dump that was cut short or garbled cannot be read to its end."""
    return ["pg_restore", "--file=/dev/null", str(file)]


def _copy_files(data: Path, to: Path) -> None:
    """Copy what others than the database keep in the data directory: the records of trunks."""
    to.mkdir(mode=0o700)
    with reading(data):
        theirs = [entry for entry in sorted(data.iterdir()) if not _is_ours(entry.name)]
    for path in itertools.chain.from_iterable(map(plain_files, theirs)):
        copy_closed(path, to / path.relative_to(data))


def _is_ours(name: str) -> bool:
    return name in OWN_NAMES or name.startswith(COPY_PREFIX)

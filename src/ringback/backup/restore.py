"""Restores a backup into a new data directory, and sees to it that nobody is dialled by that alone."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from ringback.backup.draft import draft_of
from ringback.backup.files import copy_closed, plain_files
from ringback.backup.manifest import DUMP, FILES, Manifest, check_files, read_manifest
from ringback.backup.programs import Moved, run_program
from ringback.backup.take import refuse_other_servers
from ringback.clock import SystemClock
from ringback.config import Settings
from ringback.errors import BackupError
from ringback.store.backup import Halted, count_rows, halt, refresh_statistics
from ringback.store.database import Database, connect
from ringback.store.embedded import EmbeddedPostgres
from ringback.store.migrate import migrate

MOST_JOBS = 4
QUICKLY = {
    "fsync": "off",  # what is cut short is thrown away; what is whole is synced in the end
    "full_page_writes": "off",  # likewise
    "wal_level": "minimal",  # rows that are copied into a table of the same transaction are not logged
    "max_wal_senders": "0",  # as that wants it
    "max_wal_size": "8GB",
    "autovacuum": "off",  # the statistics are taken once, when all rows are there
    "maintenance_work_mem": "256MB",  # most of the time goes into indexes
}


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored.

    Attributes:
        manifest: what the backup says of itself.
        halted: what was kept from being dialled.
    """

    manifest: Manifest
    halted: Halted


def restore_backup(settings: Settings, source: Path, moved: Moved) -> Restored:
    """Make a data directory of a backup. Call it from the main thread.

    Args:
        settings: where the data directory is to be; nothing may be there yet.
        source: the backup's folder.
        moved: told how far it has come.

    Raises:
        BackupError: the backup is damaged or newer than this release, or the data directory is there already; nothing
            is left of what was begun.
        DataDirectoryError: PostgreSQL could not be started on it.
    """
    refuse_other_servers(settings)
    data = settings.data.expanduser().resolve()
    manifest = read_manifest(source)
    # root's server runs as another user, who has to pass through; what is secret has modes of its own
    with draft_of(data, 0o711 if os.geteuid() == 0 else 0o700) as draft:
        moved("checking the backup", 0, 0)
        check_files(source, manifest)
        with EmbeddedPostgres(draft, settings=QUICKLY) as postgres:
            halted = asyncio.run(_restore(postgres.dsn, source / DUMP, manifest, moved))
        _copy_files(source / FILES, draft)
        moved("writing it to the disk", 0, 0)
    return Restored(manifest, halted)


async def _restore(dsn: str, dump: Path, manifest: Manifest, moved: Moved) -> Halted:
    database = await connect(dsn, size=2, settings={})
    try:
        await run_program(_command(dsn, dump), database, "restoring", sum(manifest.rows.values()), moved)
        await migrate(database, SystemClock().now())  # what follows knows this release's tables alone
        await _check_rows(database, manifest)
        async with database.connection() as db:
            await refresh_statistics(db)
        return await halt(database, SystemClock().now())
    finally:
        await database.close()


def _command(dsn: str, dump: Path) -> list[str]:
    jobs = min(os.cpu_count() or 1, MOST_JOBS)
    return ["pg_restore", "--exit-on-error", "--no-owner", f"--jobs={jobs}", f"--dbname={dsn}", str(dump)]


async def _check_rows(database: Database, manifest: Manifest) -> None:
    async with database.connection() as db:
        found = await count_rows(db)
    wrong = [
        f"{name} has {found.get(name)} rows, not {rows}"
        for name, rows in manifest.rows.items()
        if found.get(name) != rows
    ]
    if wrong:
        raise BackupError(f"what was restored is not what was saved: {'; '.join(wrong)}: take another backup")


def _copy_files(source: Path, data: Path) -> None:
    """Put the files of trunks back; they are their owner's alone, as trunks make them."""
    for path in plain_files(source):
        copy_closed(path, data / path.relative_to(source))

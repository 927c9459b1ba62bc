"""The database of an installation, whether or not its server runs: for commands that look after it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ringback.config import Settings
from ringback.errors import DataDirectoryInUse, OurError
from ringback.installation import told_of_a_wrong_url
from ringback.store.embedded import EmbeddedPostgres, running_dsn
from ringback.store.embedded_directory import DataDirectory, explained

LOOKS, LOOK_SEC = 40, 0.25
"""At a server that is just starting, stopping or recovering: 10 s."""


@contextmanager
def attached(settings: Settings) -> Iterator[str]:
    """The DSN of the database: the user's own, that of a server that runs, or one that is started for this block.

    Call it from the main thread.

    Raises:
        DataDirectoryInUse: somebody has the data directory, and PostgreSQL does not answer there.
        DataDirectoryError: the data directory cannot be used; the message says what to do.
        OurError: there is no database in it.
    """
    if settings.database_url is not None:
        with told_of_a_wrong_url(settings):
            yield settings.database_url
        return
    refuse_without_database(settings)
    for look in range(LOOKS):
        dsn = running_dsn(settings.data)
        if dsn is not None:
            yield dsn
            return
        postgres = EmbeddedPostgres(settings.data, same_log=True)
        try:
            dsn = postgres.start()
        except DataDirectoryInUse:
            if look == LOOKS - 1:
                raise
            time.sleep(LOOK_SEC)
            continue
        try:
            yield dsn
        finally:
            postgres.stop()
        return


def refuse_without_database(settings: Settings) -> None:
    """Refuse a data directory that has no embedded database.

    Raises:
        OurError: there is none; the message says how to make one.
    """
    directory = DataDirectory(settings.data)
    with explained(directory.path):
        if not directory.pgdata.exists():
            raise OurError(f"there is no database in {settings.data}: run `ringback init --data {settings.data}` first")

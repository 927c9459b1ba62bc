"""The settings of an installation, read once at the start of a process."""

import os
from dataclasses import dataclass
from pathlib import Path

DATABASE_URL = "RINGBACK_DATABASE_URL"
URL = "RINGBACK_URL"
KEY = "RINGBACK_KEY"

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8321


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server and its processes need to know.

    Attributes:
        data: holds the embedded database and all files that trunks write.
        database_url: a PostgreSQL server of the user's own; None runs the embedded one in `data`.
        host: the address that the API listens on.
        port: its port.
        node_name: the name of this server's node; no two that share a database may have the same.
        drain_sec: how long live calls may go on when the server is told to stop.
        alone: no other server shares the database, so whoever had this node's name before is dead.
    """

    data: Path
    database_url: str | None = None
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    node_name: str = "local"
    drain_sec: float = 30.0
    alone: bool = False


def database_url() -> str | None:
    """The user's own PostgreSQL server, if there is one."""
    return os.environ.get(DATABASE_URL) or None

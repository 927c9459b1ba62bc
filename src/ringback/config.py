"""The settings of an installation, read once at the start of a process."""

import os
from dataclasses import dataclass
from pathlib import Path

DATABASE_URL = "RINGBACK_DATABASE_URL"
URL = "RINGBACK_URL"
KEY = "RINGBACK_KEY"
SECRET_KEY = "RINGBACK_SECRET_KEY"  # noqa: S105  # a name
LEDGER_KEY = "RINGBACK_LEDGER_KEY"
SPEECH_COMMAND = "RINGBACK_SPEECH_COMMAND"
PLAIN_WEBSOCKETS = "RINGBACK_PLAIN_WEBSOCKETS"
RULES_DIR = "RINGBACK_RULES_DIR"
CHECK_NETWORKS = "RINGBACK_CHECK_NETWORKS"
REQUESTS_PER_MIN = "RINGBACK_REQUESTS_PER_MIN"
CORS_ORIGINS = "RINGBACK_CORS_ORIGINS"
TRUSTED_PROXIES = "RINGBACK_TRUSTED_PROXIES"
WEBHOOK_NETWORKS = "RINGBACK_WEBHOOK_NETWORKS"

AUDIO = "audio"
"""Where in a data directory the sounds of message agents are; each of them can be made again."""

RECORDINGS = "recordings"
"""Where in a data directory the recordings of its calls are, and nowhere else."""

EXPORTS = "exports"
"""Where in a data directory the exports are that its API made; each of them can be made again."""

OWN_NAMES = frozenset(
    {"postgres", "postgres.new", "postgres.log", "postgres.log.1", "run", "lock", "metrics"}
    | {AUDIO, RECORDINGS, EXPORTS}
    | {"release", "release.new", "node-name", "node-name.new", "secret.key", "secret.key.new"}
    | {"ledger.key", "ledger.key.new"}
    | {"lost+found"}  # the file system's, where one is mounted there
)
"""What in a data directory is of that directory alone: trunks may not write there, and a backup does not take it."""

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8321


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server and its processes need to know.

    Attributes:
        data: holds the embedded database and all files that trunks write.
        database_url: a PostgreSQL server of the user's own; None runs the embedded one in `data`.
        host: the address that the API listens on.
        port: its port.
        node_name: the name of this server and its node; no two nodes that share a database may have the same. None
            takes the one that is kept in `data`.
        drain_sec: how long live calls, and requests under way, may go on when the server is told to stop.
        lame_sec: how long it answers requests after it was told to stop, with /readyz saying that it will end.
            None leaves it to the installation.
        lease_sec: how long the node may dial after its last heartbeat.
        api: whether it serves the API.
        dial: whether it runs a node.
        metrics_port: where Prometheus asks; None lets the API answer it on its own port.
        alone: no other server shares the database, so whoever had this node's name before is dead.
    """

    data: Path
    database_url: str | None = None
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    node_name: str | None = None
    drain_sec: float = 30.0
    lame_sec: float | None = None
    lease_sec: float = 10.0
    api: bool = True
    dial: bool = True
    alone: bool = False
    metrics_port: int | None = None


def database_url() -> str | None:
    """The user's own PostgreSQL server, if there is one."""
    return os.environ.get(DATABASE_URL) or None


def speech_command() -> str | None:
    """What speaks the texts of message agents, None for the default; carriers/sip/speech.py has its form."""
    return os.environ.get(SPEECH_COMMAND) or None


def plain_websockets() -> bool:
    """Whether websocket agents may be reached by `ws://` on other machines."""
    return os.environ.get(PLAIN_WEBSOCKETS) == "1"


def secret_key() -> str | None:
    """The key, or keys, that stored passwords are sealed with, where it is not a file in the data directory."""
    return os.environ.get(SECRET_KEY) or None


def rules_dir() -> Path | None:
    """The folder with the operator's own rule packs, None for none."""
    folder = os.environ.get(RULES_DIR)
    return Path(folder) if folder else None


def check_networks() -> str | None:
    """The networks, besides the public one, of servers that may be asked before a dial; None for none."""
    return os.environ.get(CHECK_NETWORKS) or None


def trusted_proxies() -> str | None:
    """The networks of the reverse proxies that are believed when they say who is connected to them; None for none."""
    return os.environ.get(TRUSTED_PROXIES) or None


def webhook_networks() -> str | None:
    """The networks, besides the public one, of servers that webhooks may lead to; None for none."""
    return os.environ.get(WEBHOOK_NETWORKS) or None


def ledger_key() -> str | None:
    """The key that the ledger is signed with, where it is not a file in the data directory."""
    return os.environ.get(LEDGER_KEY) or None


def requests_per_min() -> str | None:
    """How many requests an API key may make in a minute, where its workspace does not say; None for the default."""
    return os.environ.get(REQUESTS_PER_MIN) or None


def cors_origins() -> frozenset[str]:
    """The origins whose pages may ask the API from a browser; empty for none, `*` for all."""
    told = os.environ.get(CORS_ORIGINS) or ""
    return frozenset(origin.strip().rstrip("/") for origin in told.split(",") if origin.strip())

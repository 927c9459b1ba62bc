"""What all tests have: a real PostgreSQL, started when a test first asks for it, and folders for more.

Property tests try a hundred cases, the same each time; RINGBACK_TEST_PROFILE=thorough tries thousands, by new chance.
"""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.embedded_server import running
from tests.postgres import drop_database, fresh_database, running_postgres, scratch_folder

# Neither profile has a deadline: how long a case takes depends on who else uses the machine.
_SLOW_IS_FINE = [HealthCheck.too_slow]
settings.register_profile(
    "quick", max_examples=100, deadline=None, derandomize=True, suppress_health_check=_SLOW_IS_FINE
)
settings.register_profile("thorough", max_examples=4_000, deadline=None, suppress_health_check=_SLOW_IS_FINE)
settings.load_profile(os.environ.get("RINGBACK_TEST_PROFILE", "quick"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The DSN of the maintenance database of this session's server."""
    with running_postgres() as dsn:
        yield dsn


@pytest.fixture
async def empty_database(postgres: str) -> AsyncIterator[str]:
    """The DSN of an empty database of this test's own."""
    dsn = await fresh_database(postgres)
    yield dsn
    await drop_database(dsn)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory that does not exist yet, in a folder that everybody may pass."""
    folder = scratch_folder()
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def made_data_dir() -> Iterator[Path]:
    """A data directory whose database has been made, for tests that leave it whole: a first start takes a second."""
    folder = scratch_folder()
    with running(folder / "data"):
        pass
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder on the disk that everybody may pass and write."""
    folder = Path(tempfile.mkdtemp(prefix="ringback-open-", dir="/tmp"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder that only its owner may pass, as root's home."""
    folder = Path(tempfile.mkdtemp(prefix="ringback-closed-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)

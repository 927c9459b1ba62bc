"""Data directories that have been made by `ringback init`, and a server that several tests may use."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.postgres import scratch_folder
from tests.process.serving import Home, Server, run, serving


@pytest.fixture(scope="session")
def made_home() -> Iterator[Home]:
    """Made once; every test gets a copy."""
    folder = scratch_folder()
    made = run("init", "--data", folder / "data", "--json")
    assert made.returncode == 0, made.stderr
    keys = json.loads(made.stdout)
    yield Home(folder / "data", keys["live_key"], keys["test_key"])
    shutil.rmtree(folder)


@pytest.fixture
def home(made_home: Home) -> Iterator[Home]:
    """A data directory of this test's own."""
    folder = scratch_folder()
    yield copied(made_home, folder / "data")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(made_home: Home) -> Iterator[Server]:
    """A server that the tests of a module share, and leave alive."""
    folder = scratch_folder()
    home = copied(made_home, folder / "data")
    with serving(home.data, key=home.live_key) as running:
        yield running
    shutil.rmtree(folder)


def copied(home: Home, data: Path) -> Home:
    """A copy with all owners: PostgreSQL insists on its own."""
    subprocess.run(["cp", "-a", home.data, data], check=True)
    return replace(home, data=data)

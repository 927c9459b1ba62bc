"""Every statement: it is valid in the real schema, it is explained, and somebody uses it."""

import re
from importlib.resources import files
from pathlib import Path

import asyncpg
import pytest
from tests.postgres import drop_database
from tests.world import migrated

from ringback.store import queries
from ringback.store.queries import load, topics

STORE = Path(str(files("ringback.store")))


@pytest.fixture
async def connection(postgres):
    """A connection to a database with the schema of this release."""
    dsn = await migrated(postgres)
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()
    await drop_database(dsn)


@pytest.mark.parametrize("topic", topics())
async def test_every_statement_is_valid_in_the_schema(connection, topic):
    """A misspelt column or a wrong type is found before anybody runs it."""
    for name, statement in load(topic).items():
        try:
            await connection.prepare(statement)
        except asyncpg.PostgresError as fault:
            pytest.fail(f"{topic}.sql, {name}: {fault}")


@pytest.mark.parametrize("topic", topics())
def test_every_statement_has_its_sentence(topic):
    """The line after the name says what the statement does."""
    text = (STORE / "sql" / f"{topic}.sql").read_text()
    for name, first in re.findall(r"^-- name: (\w+)\n(.*)$", text, re.MULTILINE):
        assert first.startswith("-- "), f"{topic}.sql, {name}"


@pytest.mark.parametrize("topic", topics())
def test_every_statement_is_used_by_the_module_that_loads_it(topic):
    """One that nobody uses is deleted; one that is not there is not asked for."""
    modules = [path.read_text() for path in STORE.glob("*.py") if f'load("{topic}")' in path.read_text()]
    asked = set()
    for text in modules:
        [loaded] = re.findall(rf'(\w+) = load\("{topic}"\)', text)
        asked |= set(re.findall(rf'(?<!\w){loaded}\["(\w+)"\]', text))
    named = {name for text in modules for name in re.findall(r'"(\w+)"', text)}
    assert asked <= set(load(topic)) <= named


def test_no_statement_reads_the_servers_clock():
    """Times come from the caller; the one exception is the comparison of both clocks."""
    allowed = {"server_time"}
    for topic in topics():
        for name, statement in load(topic).items():
            code = re.sub(r"--.*", "", statement).lower()
            found = re.search(r"\b(now\(|clock_timestamp|current_timestamp|current_date|random\()", code)
            assert found is None or name in allowed, f"{topic}.sql, {name}"


def test_name_that_stands_twice_is_refused(monkeypatch, tmp_path):
    """The second statement would hide the first."""
    (tmp_path / "double.sql").write_text("-- name: a\nSELECT 1\n-- name: a\nSELECT 2\n")
    monkeypatch.setattr(queries, "_FOLDER", tmp_path)
    with pytest.raises(ValueError, match="names a twice"):
        load("double")

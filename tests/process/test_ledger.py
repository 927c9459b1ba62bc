"""The ledger of servers whose processes are killed while they write it, and the commands on it."""

import csv
import json
import random
import zipfile
from base64 import urlsafe_b64encode

import pytest
from tests.embedded_server import SMALL
from tests.process.campaigns import PEOPLE, RECORD, RETRY, dialled, dsn_of, is_complete, make_campaign, make_trunk, rows
from tests.process.serving import eventually, kill, run, serving
from tests.process.test_refused import refusal
from tests.process.test_releases import made

from ringback.config import DATABASE_URL, LEDGER_KEY
from ringback.ids import CALL, show
from ringback.store.embedded import EmbeddedPostgres

LEADS, CAP, KILLS, LONG_SEC = 60, 12, 5, 120
KEY = urlsafe_b64encode(bytes(range(32))).decode()
ENDED = "SELECT call_id, attempt FROM attempts WHERE ended_at IS NOT NULL"


@pytest.fixture
def own(data_dir):
    """A PostgreSQL server that several servers share."""
    with EmbeddedPostgres(data_dir, settings=SMALL) as postgres:
        yield {DATABASE_URL: postgres.dsn}


def is_entered(server, dsn):
    """Whether all that has ended is in the ledger, by what the API tells."""
    told = server.get("/v1/ledger")
    return told["waiting"] == 0 and told["entries"] >= len(rows(dsn, ENDED))


def check_packet(packet, dsn, *options, **env):
    """A packet of all: it verifies, and has each ended attempt once."""
    exported = run("ledger", "export", "--all", "--out", packet, "--json", *options, **env)
    assert exported.returncode == 0, exported.stderr
    said = json.loads(exported.stdout)
    verified = run("ledger", "verify", packet, "--key-fingerprint", said["key"], "--json")
    assert json.loads(verified.stdout) == {"valid": True, "entries": said["of"], "key": said["key"], "faults": []}
    table = zipfile.ZipFile(packet).read("records.csv").decode().splitlines()
    entered = [(row["call"], int(row["attempt"])) for row in csv.DictReader(table) if row["disposition"] != "withheld"]
    ended = {(show(CALL, row["call_id"]), row["attempt"]) for row in rows(dsn, ENDED)}
    assert len(entered) == len(set(entered))
    assert set(entered) == ended
    return said["key"]


@pytest.mark.slow
def test_whatever_is_killed_each_attempt_is_entered_once(home, tmp_path):
    """The node or PostgreSQL, again and again, while attempts end and entries are written."""
    chance = random.Random(3)
    with serving(home.data, key=home.live_key) as server:
        campaign = make_campaign(server, make_trunk(server, PEOPLE, CAP), range(LEADS), CAP, RETRY)
        for n in range(KILLS):
            wanted = dialled(home.data) + chance.randint(5, 15)
            eventually(lambda wanted=wanted: dialled(home.data) >= wanted or is_complete(server, campaign))
            kill(server.pid("postgres" if n == 2 else "node"))
        eventually(lambda: is_complete(server, campaign), LONG_SEC)
        dsn = dsn_of(home.data)
        eventually(lambda: is_entered(server, dsn))
        key = check_packet(tmp_path / "packet.zip", dsn, "--data", home.data)
        told = server.get("/v1/ledger")
        assert told["checkpoint"]["key"] == key
        shown = run("ledger", "status", "--data", home.data)
        assert f"entries     {told['entries']:,}" in shown.stdout
    assert (home.data / "ledger.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_two_servers_write_one_ledger(own, tmp_path):
    """One of them is killed; by a key that both have, all of it is signed by one."""
    first, second = tmp_path / "first", tmp_path / "second"
    both = {**own, LEDGER_KEY: KEY}
    api_key = made(first, own)
    with (
        serving(first, "--node-name", "first", "--lame-sec", 0, key=api_key, **both) as one,
        serving(second, "--dial", "--node-name", "second", "--lease-sec", 8, **both) as two,
    ):
        record = tmp_path / RECORD
        campaign = make_campaign(one, make_trunk(one, PEOPLE, CAP, record=record), range(LEADS), CAP, RETRY)
        eventually(lambda: dialled(tmp_path) >= LEADS // 2)
        two.kill_all()
        eventually(lambda: is_complete(one, campaign), LONG_SEC)
        eventually(lambda: is_entered(one, own[DATABASE_URL]))
        key = check_packet(tmp_path / "packet.zip", own[DATABASE_URL], **both)
        assert one.get("/v1/ledger")["keys"] == [key]


def test_what_cannot_be_exported_is_refused_with_a_remedy(tmp_path):
    """Nothing is looked for before it is clear what is wanted."""
    out = ("--out", tmp_path / "packet.zip")
    assert "give --data DIR" in refusal("ledger", "export", "--all", *out)
    assert "give one of --number" in refusal("ledger", "export", *out, "--data", tmp_path)
    assert "such as +14155550100" in refusal("ledger", "export", "--number", "0155", *out, "--data", tmp_path)
    assert "ringback init" in refusal("ledger", "status", "--data", tmp_path)

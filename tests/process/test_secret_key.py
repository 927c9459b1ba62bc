"""The key that passwords of trunks are sealed with, from its making to its change."""

import json

from cryptography.fernet import Fernet
from tests.process.serving import run, serving

from ringback.config import SECRET_KEY
from ringback.sealing import KEY_FILE, MASK

SIP = {"name": "main", "kind": "sip", "settings": {"host": "127.0.0.1", "username": "alice", "password": "s3cret"}}


def said_of_trunks(home, **env):
    """What doctor says of the one trunk."""
    found = json.loads(run("doctor", "--data", home.data, "--json", **env).stdout)["findings"]
    return [(finding["level"], finding["what"]) for finding in found if finding["check"] == "trunks"]


def test_a_key_is_made_kept_out_of_backups_and_changed(home, tmp_path):
    """Made by the first password; a server that is given a new key before the old one seals all with the new one."""
    with serving(home.data, key=home.live_key) as server:
        assert not (home.data / KEY_FILE).exists()
        assert server.post("/v1/trunks", SIP)["settings"]["password"] == MASK
        assert server.stop() == 0
        assert "s3cret" not in server.said()
    old, new = (home.data / KEY_FILE).read_text(), Fernet.generate_key().decode()
    assert said_of_trunks(home) == [("ok", "main can dial")]
    assert run("backup", "--data", home.data, tmp_path / "backup").returncode == 0
    assert not list((tmp_path / "backup").rglob(f"{KEY_FILE}*"))

    with serving(home.data, **{SECRET_KEY: f"{new},{old}"}) as server:
        assert server.stop() == 0
    assert said_of_trunks(home, **{SECRET_KEY: new}) == [("ok", "main can dial")]
    [(level, what)] = said_of_trunks(home)
    assert level == "fail"
    assert "another key" in what

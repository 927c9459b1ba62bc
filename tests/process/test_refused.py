import socket

import pytest
from tests.embedded_server import AS_ROOT
from tests.process.serving import SOURCES, run, serving, using

from ringback.config import SECRET_KEY
from ringback.store.embedded import EmbeddedPostgres


def refusal(*arguments, **env):
    """The one line with which a command of ours ends, exit code 1."""
    return one_line(run(*arguments, **env))


def one_line(ended):
    """The one line with which a command has ended, exit code 1."""
    assert ended.returncode == 1, ended
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


def test_a_directory_that_is_served_is_refused(home):
    """A second serve and an init name the process that has the directory; the first one goes on."""
    with serving(home.data) as server:
        has_it = f"is in use by pid {server.process.pid}"
        assert has_it in refusal("serve", "--data", home.data, "--port", 0)
        assert has_it in refusal("init", "--data", home.data, "--workspace", "second")
        assert server.answers()


def test_a_port_that_is_taken_is_refused(home):
    """It is told at once, with what to do, and nothing is left running."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal("serve", "--data", home.data, "--port", port)
    assert f"port {port} of 127.0.0.1 cannot be listened on (Address already in use)" in said
    assert "--port" in said
    assert not using(home.data)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_ours_is_refused(home, host):
    """An address of somebody else, or a name that nobody has, is one line too."""
    assert f"of {host} cannot be listened on" in refusal("serve", "--data", home.data, "--host", host)


def test_a_key_for_passwords_that_is_none_is_refused(home):
    """Before anything is started, with a way to make one; what was given is not told back."""
    said = refusal("serve", "--data", home.data, "--port", 0, **{SECRET_KEY: "hunter2"})
    assert SECRET_KEY in said
    assert "openssl rand" in said
    assert "hunter2" not in said
    assert not using(home.data)


def test_serving_before_init_is_refused(tmp_path):
    """The remedy is told, and no directory is made."""
    said = refusal("serve", "--data", tmp_path / "data")
    assert f"run `ringback init --data {tmp_path / 'data'}` first" in said
    assert not (tmp_path / "data").exists()


def test_serving_a_database_without_a_workspace_is_refused(data_dir):
    """An init that was cut short after it had made the database is to be run again."""
    with EmbeddedPostgres(data_dir):
        pass
    assert "there is no workspace yet: run `ringback init`" in refusal("serve", "--data", data_dir)
    assert run("init", "--data", data_dir).returncode == 0


def test_a_directory_that_cannot_be_used_is_refused(tmp_path):
    """A path that leads through a file is one line that says so."""
    (tmp_path / "file").touch()
    assert "cannot be used" in refusal("init", "--data", tmp_path / "file" / "data")
    assert "there is no database in" in refusal("serve", "--data", tmp_path / "file" / "data")


@pytest.mark.skipif(AS_ROOT, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_is_refused(tmp_path):
    """So is one in a place where we may not write."""
    tmp_path.chmod(0o500)
    assert "check its owner" in refusal("init", "--data", tmp_path / "data")


def test_init_in_a_directory_of_something_else_is_refused(tmp_path):
    """What lies there is named, and left alone."""
    (tmp_path / "file").write_text("mine")
    assert "is not a Ringback data directory (it holds 'file')" in refusal("init", "--data", tmp_path)
    assert (tmp_path / "file").read_text() == "mine"


def test_init_of_a_workspace_that_is_there_is_refused(home):
    """Its keys are not made anew, and another name is asked for."""
    assert "there is a workspace default already" in refusal("init", "--data", home.data)


@pytest.mark.parametrize("role", ["api", "node"])
def test_a_process_that_cannot_start_ends_the_server(home, tmp_path, role):
    """When the API or the node does not start, the server ends with exit code 1 and leaves nothing."""
    sabotage = f"import sys\nif {role!r} in sys.orig_argv: sys.exit('it is broken')\n"
    (tmp_path / "sitecustomize.py").write_text(sabotage)
    ended = run("serve", "--data", home.data, "--port", 0, PYTHONPATH=f"{tmp_path}:{SOURCES}")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == f"error: {role} did not start; the lines above say why"
    assert "it is broken" in ended.stderr
    assert not using(home.data)

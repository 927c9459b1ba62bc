import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.fernet import Fernet

from ringback.config import OWN_NAMES
from ringback.errors import SecretKeyError
from ringback.sealing import KEY_FILE, MASK, Sealer, masked

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def test_a_secret_is_opened_by_whoever_has_the_key(tmp_path):
    """Sealed by one process, opened by another one of the same data directory; the text is not in what is stored."""
    stored = {"host": "a", "password": Sealer(tmp_path, None).seal("s3cret, ü")}
    assert "s3cret" not in str(stored)
    assert Sealer(tmp_path, None).unseal(stored) == {"host": "a", "password": "s3cret, ü"}


def test_the_key_file_is_its_owners_alone(tmp_path):
    """It is made by the first secret, and then stays."""
    sealer = Sealer(tmp_path, None)
    assert not (tmp_path / KEY_FILE).exists()
    sealer.seal("x")
    made = (tmp_path / KEY_FILE).read_bytes()
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    sealer.seal("y")
    assert (tmp_path / KEY_FILE).read_bytes() == made
    assert {file.name for file in tmp_path.iterdir()} == {KEY_FILE} <= OWN_NAMES


def test_a_draft_that_a_crash_left_is_no_hindrance(tmp_path):
    """What was half written is written anew, and closed to others."""
    draft = tmp_path / f"{KEY_FILE}.new"
    draft.write_text("half a key and more than that, for whatever reason there was")
    draft.chmod(0o644)
    sealer = Sealer(tmp_path, None)
    assert sealer.unseal(sealer.seal("x")) == "x"
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert draft.name in OWN_NAMES
    assert not draft.exists()


def test_two_processes_that_need_a_key_at_once_have_one(tmp_path):
    """Each seals; with the one file that is there in the end, all of them are opened."""
    code = (
        "import sys, pathlib; from ringback.sealing import Sealer;"
        "print(Sealer(pathlib.Path(sys.argv[1]), None).seal('x')['sealed'])"
    )
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: _output(code, str(tmp_path)), range(4)))
    assert [Sealer(tmp_path, None).unseal({"sealed": token}) for token in runs] == ["x"] * 4


def _output(code, *arguments):
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_key_of_the_environment_leaves_the_directory_alone(tmp_path):
    """No file is made, and another server with the same key opens what was sealed."""
    token = Sealer(tmp_path, OLD).seal("x")
    assert list(tmp_path.iterdir()) == []
    assert Sealer(tmp_path / "elsewhere", OLD).unseal(token) == "x"


def test_a_file_may_be_given_in_the_environment_as_it_is(tmp_path):
    """Its text is the variable's value, line end and all."""
    token = Sealer(tmp_path, None).seal("x")
    assert Sealer(tmp_path / "elsewhere", (tmp_path / KEY_FILE).read_text()).unseal(token) == "x"


def test_keys_are_changed_one_after_the_other(tmp_path):
    """The new key first and the old one after it: all is opened, and sealed anew with the new one."""
    stored = {"password": Sealer(tmp_path, OLD).seal("x")}
    both = Sealer(tmp_path, f"{NEW}, {OLD}")
    assert both.unseal(stored) == {"password": "x"}
    renewed = both.renew(stored)
    assert Sealer(tmp_path, NEW).unseal(renewed) == {"password": "x"}
    assert both.renew(renewed) == renewed


def test_another_key_opens_nothing(tmp_path):
    """The remedy is in the message, the secret is not."""
    stored = {"password": Sealer(tmp_path, OLD).seal("s3cret")}
    with pytest.raises(SecretKeyError, match="RINGBACK_SECRET_KEY, separated by a comma"):
        Sealer(tmp_path, NEW).unseal(stored)
    with pytest.raises(SecretKeyError, match="another key"):
        Sealer(tmp_path, NEW).renew(stored)
    with pytest.raises(SecretKeyError, match="another key"):
        Sealer(tmp_path, OLD).unseal({"sealed": "garbled"})


def test_a_key_file_that_is_gone_is_not_made_anew_to_open_with(tmp_path):
    """It is asked for by its name, and seen at once when it is back."""
    sealer = Sealer(tmp_path, None)
    stored, file = sealer.seal("x"), tmp_path / KEY_FILE
    kept = file.read_bytes()
    file.unlink()
    with pytest.raises(SecretKeyError, match=r"secret\.key cannot be read"):
        sealer.unseal(stored)
    assert not file.exists()
    file.write_bytes(kept)
    assert sealer.unseal(stored) == "x"


@pytest.mark.parametrize(
    "text",
    ["", "password", f"{OLD},", "A" * 44, OLD[:-4]],
    ids=["nothing", "a password", "a comma too many", "no padding", "too short"],  # those who share the tests agree
)
def test_what_is_no_key_is_refused_with_a_way_to_make_one(tmp_path, text):
    """From the environment at once; of a file when it is needed."""
    with pytest.raises(SecretKeyError, match="openssl rand"):
        Sealer(tmp_path, text)
    (tmp_path / KEY_FILE).write_text(text)
    with pytest.raises(SecretKeyError, match="openssl rand"):
        Sealer(tmp_path, None).seal("x")


def test_a_directory_that_is_not_there_is_told(tmp_path):
    """Not by a traceback."""
    with pytest.raises(SecretKeyError, match=r"secret\.key cannot be made"):
        Sealer(tmp_path / "none", None).seal("x")


def test_secrets_are_found_wherever_they_are(tmp_path):
    """In objects and lists; null and all else stays as it is."""
    sealer = Sealer(tmp_path, OLD)
    headers = sealer.seal({"authorization": "Bearer x", "none": None})
    stored = {"url": "wss://b", "headers": headers, "list": [sealer.seal("y"), 1], "password": None}
    clear = {"url": "wss://b", "headers": {"authorization": "Bearer x", "none": None}, "list": ["y", 1]}
    assert sealer.unseal(stored) == clear | {"password": None}
    shown = {"url": "wss://b", "headers": {"authorization": MASK, "none": None}, "list": [MASK, 1], "password": None}
    assert masked(stored) == shown

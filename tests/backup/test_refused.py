"""What cannot be backed up or restored is refused before anything is made."""

import pytest

from ringback.backup.restore import restore_backup
from ringback.backup.take import take_backup
from ringback.config import Settings
from ringback.errors import RingbackError


def nobody(*_):
    """Hears nothing."""


@pytest.fixture
def places(tmp_path):
    """A data directory without a database, a folder that is taken, and one that is not there."""
    (tmp_path / "data").mkdir()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").touch()
    return tmp_path


def test_a_backup_that_cannot_be_is_refused(places):
    """A place that is taken or in the data directory, no database at all, and a server of the user's own."""
    data = places / "data"
    for settings, to, says in (
        (Settings(data), places / "taken", "is there already"),
        (Settings(data), data / "backup", "lies in the data directory"),
        (Settings(data), places / "backup", "run `ringback init"),
        (Settings(data, "postgresql://else/where"), places / "backup", "your own server's tools"),
    ):
        with pytest.raises(RingbackError, match=says):
            take_backup(settings, to, nobody)
    assert sorted(path.name for path in places.iterdir()) == ["data", "taken"]


def test_a_restore_that_cannot_be_is_refused(places):
    """What is no backup, and a server of the user's own."""
    with pytest.raises(RingbackError, match="is not a backup"):
        restore_backup(Settings(places / "new"), places / "taken", nobody)
    with pytest.raises(RingbackError, match="your own server's tools"):
        restore_backup(Settings(places / "new", "postgresql://else/where"), places / "taken", nobody)
    assert not (places / "new").exists()

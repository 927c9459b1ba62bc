"""What is copied into a backup and out of it."""

import os
import shutil

import pytest

from ringback.backup.files import copy_closed, plain_files


@pytest.fixture(autouse=True)
def open_to_all():
    """What is made without a mode of its own is everybody's."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_copy_is_closed_from_its_beginning(tmp_path, monkeypatch):
    """Before its first byte is written; so are the folders that are made for it."""
    source, copy = tmp_path / "source", tmp_path / "a" / "b" / "copy"
    source.write_text("numbers")
    modes, write = [], shutil.copyfileobj

    def looked_at(read, written):
        modes.append(os.fstat(written.fileno()).st_mode & 0o777)
        write(read, written)

    monkeypatch.setattr(shutil, "copyfileobj", looked_at)
    copy_closed(source, copy)
    assert copy.read_text() == "numbers"
    assert modes == [0o600]
    assert [folder.stat().st_mode & 0o777 for folder in (copy.parent, copy.parent.parent)] == [0o700] * 2


def test_a_copy_takes_the_place_of_nothing(tmp_path):
    """What has its name already stays as it is."""
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_text("new")
    copy.write_text("old")
    with pytest.raises(FileExistsError):
        copy_closed(source, copy)
    assert copy.read_text() == "old"


def test_files_are_found_wherever_they_are(tmp_path):
    """In the folders below too; a link and a pipe are none."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    for file in (tmp_path / "z", tmp_path / "a" / "b" / "x"):
        file.touch()
    (tmp_path / "link").symlink_to(tmp_path / "z")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert list(plain_files(tmp_path)) == [tmp_path / "a" / "b" / "x", tmp_path / "z"]
    assert list(plain_files(tmp_path / "z")) == [tmp_path / "z"]

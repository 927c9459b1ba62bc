"""What a backup says of itself, and what is refused."""

import json
from pathlib import Path

import pytest

import ringback
from ringback.backup.draft import SUFFIX, draft_of
from ringback.backup.manifest import DUMP, NAME, check_files, read_manifest, write_manifest
from ringback.errors import BackupError
from ringback.store.embedded_programs import POSTGRES_MAJOR
from ringback.store.queries import schema_version


@pytest.fixture
def folder(tmp_path):
    """A backup, as far as its manifest can tell."""
    made = tmp_path / "backup"
    (made / "files").mkdir(parents=True)
    (made / DUMP).write_bytes(b"rows")
    (made / "files" / "dials.jsonl").write_bytes(b"{}\n")
    write_manifest(made, schema_version(), "2026-03-02T12:00:00.000Z", {"calls": 3})
    return made


def change(folder, **fields):
    """Write something else into the manifest."""
    path = folder / NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_a_backup_says_what_made_it(folder):
    """The release, the database's version and schema, the instant, and every file."""
    found = read_manifest(folder)
    assert (found.ringback, found.postgresql) == (ringback.__version__, POSTGRES_MAJOR)
    assert (found.db_schema, found.made_at, found.rows) == (schema_version(), "2026-03-02T12:00:00.000Z", {"calls": 3})
    assert [entry.name for entry in found.files] == [DUMP, "files/dials.jsonl"]
    check_files(folder, found)


@pytest.mark.parametrize("newer", [{"format": 2}, {"postgresql": 99}, {"schema": 99}])
def test_a_newer_backup_is_refused(folder, newer):
    """With the release that can restore it, even where this one cannot read the rest."""
    change(folder, ringback="9.9.9", **newer)
    with pytest.raises(BackupError, match=r"install Ringback 9\.9\.9 or newer"):
        read_manifest(folder)


def test_a_newer_form_is_refused_whatever_else_it_says(folder):
    """The marker is all that is read of it."""
    (folder / NAME).write_text('{"format": 2, "ringback": "9.9.9", "everything": "else"}')
    with pytest.raises(BackupError, match="newer than this one"):
        read_manifest(folder)


def test_what_is_no_backup_is_refused(folder, tmp_path):
    """No manifest, one that is garbled, one that says too little."""
    with pytest.raises(BackupError, match="is not a backup"):
        read_manifest(tmp_path)
    for text in ("{", "{}", '{"format": 1}'):
        (folder / NAME).write_text(text)
        with pytest.raises(BackupError, match="damaged"):
            read_manifest(folder)


@pytest.mark.parametrize("damage", [b"row", b"rowz", None])
def test_a_damaged_file_is_refused(folder, damage):
    """One that is shorter, other or not there."""
    path = folder / DUMP
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    with pytest.raises(BackupError, match="take another backup"):
        check_files(folder, read_manifest(folder))


@pytest.mark.parametrize("name", ["../other", "/dev/null"])
def test_a_file_outside_the_backup_is_refused(folder, name):
    """A manifest that somebody made does not lead elsewhere."""
    change(folder, files=[{"name": name, "size": 0, "sha256": ""}])
    with pytest.raises(BackupError, match="take another backup"):
        check_files(folder, read_manifest(folder))


def test_a_draft_takes_its_place_when_it_is_whole(tmp_path):
    """Not before, and with nothing left beside it."""
    place = tmp_path / "a" / "place"
    with draft_of(place, 0o700) as draft:
        (draft / "x").write_text("x")
        assert not place.exists()
    assert (place / "x").read_text() == "x"
    assert list(place.parent.iterdir()) == [place]


def test_a_draft_that_is_cut_short_leaves_nothing(tmp_path):
    """Whatever cut it short, Ctrl-C among others."""
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "place")
    assert list(tmp_path.iterdir()) == []


def interrupted(place):
    """Begin something there, and be interrupted."""
    with draft_of(place, 0o700) as draft:
        (draft / "x").write_text("x")
        raise KeyboardInterrupt


def test_a_place_that_is_taken_is_refused(tmp_path):
    """Before anything is made, and after, where somebody else was quicker; an empty folder is as good as none."""
    place = tmp_path / "place"
    place.mkdir()
    with draft_of(place, 0o700) as draft:
        (draft / "x").write_text("x")
    with pytest.raises(BackupError, match="there already"), draft_of(place, 0o700):
        pass
    assert (place / "x").exists()
    assert list(tmp_path.iterdir()) == [place]


def test_an_empty_place_is_taken_at_once(tmp_path):
    """What cannot be replaced, such as a folder that something is mounted on, is refused before all the work."""
    place = tmp_path / "place"
    place.mkdir()
    with draft_of(place, 0o700):
        assert not place.exists()
    with pytest.raises(BackupError, match="there already"), draft_of(Path("/"), 0o700):
        pass


def test_remains_of_a_draft_are_cleared_and_one_under_way_is_not(tmp_path):
    """What a dead process left is nobody's."""
    place = tmp_path / "place"
    remains = place.with_name(place.name + SUFFIX)
    (remains / "half").mkdir(parents=True)
    with draft_of(place, 0o700) as draft:
        assert list(draft.iterdir()) == []
        with pytest.raises(BackupError, match="another process"), draft_of(place, 0o700):
            pass
        assert draft.exists()
    assert place.exists()

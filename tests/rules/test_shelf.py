import os

import pytest

from ringback.rules import shelf
from ringback.rules.shelf import Shelf

OWN = """
pack = "{name}"
version = "{version}"
effective_from = 2026-06-01
title = "Rules of our own"
not_covered = []

[[clause]]
id = "hours"
text = "No calls at night."
citation = "House rules, 1"
authority = "code"
source = "the house"
confirmed = true
effective_from = 2026-06-01
applies_to = {{ countries = ["DE"] }}
hours = {{ mon-sun = ["10:00-18:00"] }}
"""


def put(folder, label, text=None):
    """Write a pack's file."""
    name, _, version = label.partition("@")
    file = folder / f"{label}.toml"
    file.write_text(OWN.format(name=name, version=version) if text is None else text, encoding="utf-8")
    return file


def test_the_packs_of_this_release_are_there():
    """Each parses, and no file of them is named otherwise."""
    library = Shelf().library()
    assert list(library.packs) == ["au", "ca", "eu-generic", "in", "uk", "us-federal", "us-fl", "us-ok", "us-wa"]
    assert library.faulty == ()


def test_an_operator_adds_packs_and_versions(tmp_path):
    """Of his own, and newer ones of ours; versions are in the order in which they come into force."""
    put(tmp_path, "house@2026.1")
    put(tmp_path, "us-fl@2026.2")
    (tmp_path / "notes.txt").write_text("no pack")
    library = Shelf(tmp_path).library()
    assert [pack.label for pack in library.packs["house"]] == ["house@2026.1"]
    assert [pack.label for pack in library.packs["us-fl"]] == ["us-fl@2026.1", "us-fl@2026.2"]
    assert library.faulty == ()


@pytest.mark.parametrize(
    ("file", "text", "name", "version", "line"),
    [
        ("house@2026.1", "pack = ", "house", "2026.1", "house@2026.1.toml: Invalid value (at end of document)"),
        ("house@2026.1", "", "house", "2026.1", "house@2026.1.toml: pack must be 'house', as in the name of the file"),
        ("house@latest", "", "house", None, "house@latest.toml: a pack's file is named as in us-fl@2026.1.toml"),
        ("house", "", "house", None, "house.toml: a pack's file is named as in us-fl@2026.1.toml"),
        (
            "us-fl@2026.1",
            None,
            "us-fl",
            "2026.1",
            "us-fl@2026.1.toml: there is us-fl@2026.1 already: take a new version",
        ),
    ],
)
def test_a_file_that_is_no_pack_is_a_fault_of_that_pack(tmp_path, file, text, name, version, line):
    """The others are there all the same; a version of ours is not replaced."""
    put(tmp_path, file, text)
    put(tmp_path, "other@2026.1")
    library = Shelf(tmp_path).library()
    (faulty,) = library.faulty
    assert (faulty.name, faulty.version) == (name, version)
    assert line in faulty.lines
    assert "other" in library.packs
    assert [pack.label for pack in library.packs["us-fl"]] == ["us-fl@2026.1"]


def test_a_file_that_is_no_text_or_too_large_is_a_fault(tmp_path, monkeypatch):
    """Neither stops the process that reads it."""
    (tmp_path / "binary@2026.1.toml").write_bytes(b"\xff\xfe")
    monkeypatch.setattr(shelf, "LARGEST_BYTES", 9_000)
    put(tmp_path, "large@2026.1", "#" * 9_001)
    binary, large = Shelf(tmp_path).library().faulty
    assert "can't decode byte 0xff" in binary.lines[0]
    assert large.lines == ("large@2026.1.toml: has more than 9,000 bytes",)


def test_a_folder_that_cannot_be_read_is_a_fault_of_no_pack(tmp_path):
    """Ours are there; a pack that was in it is missing."""
    library = Shelf(tmp_path / "nowhere").library()
    assert [file.name for file in library.faulty] == [""]
    assert "nowhere cannot be read: No such file or directory" in library.faulty[0].lines[0]
    assert "us-fl" in library.packs


def test_files_are_read_again_when_they_change(tmp_path):
    """Mended, added or taken away; what did not change is not read again."""
    books = Shelf(tmp_path)
    put(tmp_path, "house@2026.1", "pack = ")
    broken = books.library()
    assert books.library() is broken
    os.utime(put(tmp_path, "house@2026.1"), ns=(1, 1))
    mended = books.library()
    assert mended.faulty == ()
    assert "house" in mended.packs
    (tmp_path / "house@2026.1.toml").unlink()
    assert "house" not in books.library().packs


def test_a_folder_that_went_away_is_told(tmp_path):
    """And again when it has come back."""
    folder = tmp_path / "rules"
    books = Shelf(folder)
    assert books.library().faulty
    assert books.library() is books.library()
    folder.mkdir()
    assert not books.library().faulty

"""Something large that is made beside its place and moved there whole: what is cut short never looks finished."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ringback.errors import BackupError
from ringback.store.embedded_directory import sync_directory

SUFFIX = ".partial"


@contextmanager
def draft_of(place: Path, mode: int) -> Iterator[Path]:
    """A folder that is on the disk and has the name `place` after the block; gone where the block was left otherwise.

    Args:
        place: where nothing is yet.
        mode: its permissions.

    Raises:
        BackupError: there is something already, somebody else is making it, or the system refuses.
    """
    with _explained(place):
        _refuse_taken(place)
        draft = place.with_name(place.name + SUFFIX)
        if place.exists():
            place.rmdir()  # now, and not after all the work: what is mounted there cannot be moved onto
        place.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir(mode=0o700, exist_ok=True)
        lock, moved = _locked(draft), False
        try:
            _empty(draft)
            draft.chmod(mode)
            yield draft
            _sync(draft)
            _refuse_taken(place)
            draft.rename(place)
            moved = True  # from here on the name of the draft may be another's
            sync_directory(place.parent)
        finally:
            if not moved:
                shutil.rmtree(draft, ignore_errors=True)
            os.close(lock)


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupError(
            f"{place} cannot be made ({error}): check that its folder can be written, that there is free space, and "
            "that nothing is mounted on it"
        ) from error


def _refuse_taken(place: Path) -> None:
    if place.is_symlink() or (place.exists() and not (place.is_dir() and not any(place.iterdir()))):
        raise BackupError(f"{place} is there already: give another name, or move it away first")


def _locked(draft: Path) -> int:
    """The folder, held by this process for as long as it lives; what a dead one left of it is nobody's."""
    lock = os.open(draft, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise BackupError(f"{draft} is being made by another process: wait for it, or give another name") from None
    return lock


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            sync_directory(path)
        elif path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    sync_directory(folder)

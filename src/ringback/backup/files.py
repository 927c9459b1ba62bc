"""Files that are read for a backup, or out of one: whatever cannot be read is told with its remedy."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ringback.errors import BackupError


def plain_files(path: Path) -> Iterator[Path]:
    """The file at a path, or those in the folder there and in the folders below it; a link is none.

    Raises:
        BackupError: a folder cannot be read.
    """
    with reading(path):
        if path.is_symlink():
            return
        if path.is_dir():
            for entry in sorted(path.iterdir()):
                yield from plain_files(entry)
        elif path.is_file():
            yield path


def copy_closed(source: Path, copy: Path) -> None:
    """Copy a file, and make the folders for it, so that at no moment anybody but their owner can read them.

    Raises:
        BackupError: it cannot be read.
    """
    _make_closed(copy.parent)
    with reading(source):
        read = source.open("rb")
    with read, os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as write:
        shutil.copyfileobj(read, write)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What the system does not let us read becomes a BackupError with a remedy."""
    try:
        yield
    except OSError as error:
        raise BackupError(
            f"{error.filename or path} cannot be read ({error.strerror}): run this as its owner, or as root"
        ) from error


def _make_closed(folder: Path) -> None:
    if not folder.exists():
        _make_closed(folder.parent)
        folder.mkdir(mode=0o700)

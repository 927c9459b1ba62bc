"""Secrets that are kept in the database, sealed with a key that is not in it.

Where a JSON object has the text of a secret, the stored one has {"sealed": "..."}: a Fernet token, AES-128-CBC with an
HMAC-SHA256. The key comes from the environment, or is a file in the data directory, made when it is first needed.
"""

import fcntl
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ringback.config import SECRET_KEY
from ringback.errors import SecretKeyError

KEY_FILE = "secret.key"

MASK = "********"
"""What is shown for a secret."""

_SEALED = "sealed"


class Sealer:
    """Seals secrets and opens them.

    Args:
        folder: the data directory.
        given: keys separated by commas, the one to seal with first; None takes that of the data directory.

    Raises:
        SecretKeyError: what is given is no key.
    """

    def __init__(self, folder: Path, given: str | None) -> None:
        self._file = folder / KEY_FILE
        self._given = None if given is None else _read_keys(given, SECRET_KEY)

    @property
    def is_alone(self) -> bool:
        """Whether the key is that of the data directory, which other servers do not have."""
        return self._given is None

    def seal(self, secret: Any) -> Any:
        """A secret as it is stored; of an object, each of its values; null stays null.

        Raises:
            SecretKeyError: the key file can be neither read nor made.
        """
        if secret is None:
            return None
        if isinstance(secret, Mapping):
            return {name: self.seal(value) for name, value in secret.items()}
        if self._given is None:
            self._make()
        return {_SEALED: MultiFernet(self._keys()).encrypt(str(secret).encode()).decode()}

    def unseal(self, stored: Any) -> Any:
        """What was stored, with every secret in it in the clear.

        Raises:
            SecretKeyError: a secret was sealed with a key that is not among ours.
        """
        return _replace(stored, self._open)

    def renew(self, stored: Any) -> Any:
        """What was stored, with every secret in it sealed with the first key; equal to it where all of them are.

        Raises:
            SecretKeyError: a secret was sealed with a key that is not among ours.
        """
        return _replace(stored, self._renewed)

    def _make(self) -> None:
        try:
            make_key(self._file)
        except OSError as error:
            raise SecretKeyError(
                f"{self._file} cannot be made ({error.strerror}): see that the data directory can be written, or set "
                f"{SECRET_KEY}"
            ) from error

    def _open(self, token: str) -> str:
        try:
            return MultiFernet(self._keys()).decrypt(token).decode()
        except InvalidToken:
            where = self._file if self._given is None else SECRET_KEY
            raise SecretKeyError(
                f"a stored password was sealed with another key than that of {where}: put the key that was there back, "
                f"or name both in {SECRET_KEY}, separated by a comma"
            ) from None

    def _renewed(self, token: str) -> dict[str, str]:
        try:
            self._keys()[0].decrypt(token)
        except InvalidToken:
            return {_SEALED: MultiFernet(self._keys()).encrypt(self._open(token).encode()).decode()}
        return {_SEALED: token}

    def _keys(self) -> list[Fernet]:
        """The file is read each time: one that is put back is seen at once, and it is seldom needed."""
        if self._given is not None:
            return self._given
        try:
            return _read_keys(self._file.read_text(encoding="ascii", errors="replace"), str(self._file))
        except OSError as error:
            raise SecretKeyError(
                f"{self._file} cannot be read ({error.strerror}): put back the one that the stored passwords were "
                f"sealed with, or set {SECRET_KEY}"
            ) from error


def masked(stored: Any) -> Any:
    """What was stored, as it is shown: without its secrets."""
    return _replace(stored, lambda _: MASK)


def _replace(stored: Any, instead: Callable[[str], Any]) -> Any:
    """The same object, with something instead of each sealed secret."""
    if isinstance(stored, Mapping):
        if set(stored) == {_SEALED} and isinstance(stored[_SEALED], str):
            return instead(stored[_SEALED])
        return {name: _replace(value, instead) for name, value in stored.items()}
    if isinstance(stored, list):
        return [_replace(value, instead) for value in stored]
    return stored


def _read_keys(text: str, where: str) -> list[Fernet]:
    try:
        return [Fernet(key.strip()) for key in text.split(",")]
    except ValueError:
        raise SecretKeyError(
            f"{where} holds no key: it must be 32 bytes in base64 with - and _, such as those that `openssl rand "
            "-base64 32 | tr +/ -_` prints, or several of them separated by commas"
        ) from None


def make_key(file: Path) -> None:
    """Make a file with a key of 32 bytes if there is none: for its owner alone, and on the disk before it is used.

    Raises:
        OSError: it cannot be made.
    """
    if file.exists():
        return
    draft = file.with_name(f"{file.name}.new")
    with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b") as new:
        fcntl.flock(new, fcntl.LOCK_EX)
        if file.exists():
            return  # another process made it while we waited
        os.fchmod(new.fileno(), 0o600)
        new.truncate()
        new.write(Fernet.generate_key() + b"\n")
        new.flush()
        os.fsync(new.fileno())
        draft.rename(file)
    _sync(file.parent)


def _sync(folder: Path) -> None:
    """Make what was renamed in a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

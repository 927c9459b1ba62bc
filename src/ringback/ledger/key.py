"""The key that checkpoints and packets are signed with (Ed25519, RFC 8032). It is kept outside the database."""

import hashlib
from base64 import urlsafe_b64decode
from binascii import Error
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ringback.config import LEDGER_KEY
from ringback.errors import LedgerKeyError
from ringback.sealing import make_key

KEY_FILE = "ledger.key"
KEY_BYTES = 32


class Signer:
    """Signs by a key of the environment, or by a file in the data directory that is made when it is first needed.

    Args:
        folder: the data directory.
        given: 32 bytes in base64; None takes the file.
    """

    def __init__(self, folder: Path, given: str | None) -> None:
        self._file = folder / KEY_FILE
        self._given = given
        self._key: Ed25519PrivateKey | None = None

    @property
    def is_alone(self) -> bool:
        """Whether the key is that of the data directory, which other servers do not have."""
        return self._given is None

    @property
    def public_key(self) -> bytes:
        """The 32 bytes by which others verify what is signed.

        Raises:
            LedgerKeyError: there is no key to be had.
        """
        return self._private().public_key().public_bytes_raw()

    def sign(self, text: bytes) -> bytes:
        """The 64 bytes of the signature.

        Raises:
            LedgerKeyError: there is no key to be had.
        """
        return self._private().sign(text)

    def _private(self) -> Ed25519PrivateKey:
        if self._key is None:
            self._key = _read_key(self._given, LEDGER_KEY) if self._given else self._kept()
        return self._key

    def _kept(self) -> Ed25519PrivateKey:
        try:
            make_key(self._file)
            text = self._file.read_text(encoding="ascii", errors="replace")
        except OSError as error:
            raise LedgerKeyError(
                f"{self._file} can be neither read nor made ({error.strerror}): see that the data directory can be "
                f"written, or set {LEDGER_KEY}"
            ) from error
        return _read_key(text, str(self._file))


def is_signed(public_key: bytes, text: bytes, signature: bytes) -> bool:
    """Whether a text was signed by who has the other half of this key."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(public_key: bytes) -> str:
    """What two people compare to know that they mean the same key."""
    return f"sha256:{hashlib.sha256(public_key).hexdigest()}"


def _read_key(text: str, where: str) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(urlsafe_b64decode(text.strip().encode()))
    except (Error, ValueError):
        raise LedgerKeyError(
            f"{where} holds no key: it must be 32 bytes in base64 with - and _, such as those that `openssl rand "
            "-base64 32 | tr +/ -_` prints"
        ) from None

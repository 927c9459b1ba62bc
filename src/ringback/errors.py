"""What can go wrong, by whose fault it is.

RingbackError
├── CallerError            the request or the file is at fault: tell the caller what to mend
│   ├── Invalid            one line for each field that is wrong (400)
│   ├── BudgetSpent        what may be spent is spent (402)
│   ├── NotFound           no such thing in this workspace (404)
│   ├── Conflict           the thing's state forbids it (409)
│   ├── NotAsSeen          it was changed since the caller read it (412)
│   ├── Impossible         well-formed, and cannot be done (422)
│   ├── Unauthenticated    no key, or one that we do not know (401)
│   ├── Forbidden          the key lacks a scope (403)
│   ├── TooOften           the key has asked too often: ask again when its next minute begins (429)
│   ├── Busy               more is asked for than is done at a time: ask again (503)
│   ├── TooLarge           the body or the file is over its limit (413)
│   └── UnknownFileType    neither CSV nor XLSX nor XLS (415)
├── CarrierError           the trunk is at fault
│   ├── CarrierUnavailable the dial was certainly not placed
│   └── NotAsked           the trunk was not asked, and the dial is due as before
└── OurError               this installation is at fault: tell the operator what to do
    ├── DatabaseUnavailable    no connection, or it broke off
    ├── DataDirectoryError     newer than this release, not ours, or not usable
    │   └── DataDirectoryInUse another process has it
    ├── BackupError            a backup could not be made, or is not one that can be restored
    ├── SpeechFailed           the speech command is wrong, or did not speak
    ├── LedgerKeyError     the ledger cannot be signed
    ├── SecretKeyError     a stored password cannot be sealed or opened
    ├── SchemaError            the database's schema is not one that this release works on
    └── Leaving                this server was told to end: another one is to be asked
"""


class RingbackError(Exception):
    """The root: catch this at a process boundary and nowhere else."""


class CallerError(RingbackError):
    """The caller can mend this. `code` is stable and documented in docs/errors.md.

    Args:
        code: the stable word of the API, such as `call_not_found`.
        message: one sentence that names the field and the remedy.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Invalid(CallerError):
    """One line for each field that is wrong, so that a caller mends all of them at once."""

    def __init__(self, lines: list[str], code: str = "validation_failed") -> None:
        super().__init__(code, "; ".join(lines))
        self.lines = lines


class BudgetSpent(CallerError):
    """What the workspace may spend is spent."""


class NotFound(CallerError):
    """No such thing in this workspace, whether or not another one has it."""


class Conflict(CallerError):
    """The thing is in a state that forbids what was asked."""


class NotAsSeen(CallerError):
    """It was changed since the caller read it."""


class Impossible(CallerError):
    """Well-formed, and cannot be done."""


class Busy(CallerError):
    """More is asked for than this server does at a time; it may be asked again in a while."""


class Unauthenticated(CallerError):
    """No key, or one that we do not know."""


class Forbidden(CallerError):
    """The key is ours but lacks a scope, or is a test key where a live one is needed."""


class TooOften(CallerError):
    """The key has asked too often; it may ask again after so many seconds."""

    def __init__(self, code: str, message: str, retry_after_sec: int) -> None:
        super().__init__(code, message)
        self.retry_after_sec = retry_after_sec


class TooLarge(CallerError):
    """The body or the file is over its limit."""


class UnknownFileType(CallerError):
    """The file is neither CSV nor XLSX nor XLS."""


class CarrierError(RingbackError):
    """The trunk is at fault."""


class CarrierUnavailable(CarrierError):
    """The trunk could not be asked: it is certain that nothing was dialled."""


class NotAsked(CarrierError):
    """The trunk was not asked and will not be: this dial is due as before."""


class OurError(RingbackError):
    """This installation is at fault. The message tells the operator what to do."""


class DatabaseUnavailable(OurError):
    """There is no connection to PostgreSQL, or it broke off."""


class DataDirectoryError(OurError):
    """The data directory is in use, newer than this release, or not ours."""


class DataDirectoryInUse(DataDirectoryError):
    """Another process has the data directory."""


class BackupError(OurError):
    """A backup could not be made, or is not one that this release can restore."""


class SpeechFailed(OurError):
    """The command that speaks the texts of message agents is wrong, is not there, or did not speak."""


class LedgerKeyError(OurError):
    """There is no key to sign the ledger with, or it is none; the message says what to do."""


class SecretKeyError(OurError):
    """The key for stored passwords is missing, is none, or is not the one that they were sealed with."""


class SchemaError(OurError):
    """The database's schema is not one that this release works on."""


class Leaving(OurError):
    """This server was told to end, and still answers for a while; another one is to be asked."""

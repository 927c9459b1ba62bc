"""Whether a simulator trunk could dial from here."""

import os
from pathlib import Path

from ringback.carriers.simulator.record import place_of, refusals_of
from ringback.carriers.simulator.settings import SimulatorSettings
from ringback.errors import CarrierUnavailable


def check_simulator(settings: SimulatorSettings, base: Path) -> str | None:
    """What keeps a simulator from dialling, None for nothing. Nothing is written.

    Args:
        settings: the trunk's.
        base: the folder for a record whose path is relative.
    """
    if settings.record is None:
        return None
    try:
        record = place_of(settings.record, base)
    except CarrierUnavailable as refused:
        return str(refused)
    return _fault(record) or _fault(refusals_of(record))


def _fault(file: Path) -> str | None:
    try:
        there = file.exists()
    except OSError as closed:
        return f"its record {file} cannot be looked at: {closed.strerror}"
    if there:
        writable = file.is_file() and os.access(file, os.R_OK | os.W_OK)
        return None if writable else f"its record {file} cannot be written"
    folder = file.parent
    return None if os.access(folder, os.W_OK | os.X_OK) else f"its record {file} cannot be made: {folder} is closed"

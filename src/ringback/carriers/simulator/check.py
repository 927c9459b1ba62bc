"""Whether a simulator trunk could dial from here."""

import os
from pathlib import Path

from ringback.carriers.simulator.settings import SimulatorSettings


def check_simulator(settings: SimulatorSettings, base: Path) -> str | None:
    """What keeps a simulator from dialling, None for nothing. Nothing is written.

    Args:
        settings: the trunk's.
        base: the folder for a record whose path is relative.
    """
    if settings.record is None:
        return None
    record = base / settings.record
    if record.exists():
        writable = record.is_file() and os.access(record, os.R_OK | os.W_OK)
        return None if writable else f"its record {record} cannot be written"
    folder = record.parent
    return None if os.access(folder, os.W_OK | os.X_OK) else f"its record {record} cannot be made: {folder} is closed"

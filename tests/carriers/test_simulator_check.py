"""What keeps a simulator from dialling is told before it dials."""

from pathlib import Path

import pytest

from ringback.carriers.simulator.check import check_simulator
from ringback.carriers.simulator.settings import SimulatorSettings


def fault(folder: Path, record: str | None) -> str | None:
    """What is told of a record."""
    return check_simulator(SimulatorSettings(record=record), folder)


def test_a_simulator_that_could_dial_has_no_fault(tmp_path: Path):
    """Without a record, with one that is to be made, with one that is there; nothing is made by looking."""
    assert fault(tmp_path, None) is None
    assert fault(tmp_path, "dials.jsonl") is None
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "dials.jsonl").touch()
    (tmp_path / "dials.jsonl.refused").touch()
    assert fault(tmp_path, "dials.jsonl") is None


@pytest.mark.parametrize("name", ["dials.jsonl", "dials.jsonl.refused"])
def test_either_file_of_a_record_may_be_at_fault(tmp_path: Path, name: str):
    """A folder has its name."""
    (tmp_path / name).mkdir()
    assert fault(tmp_path, "dials.jsonl") == f"its record {tmp_path / name} cannot be written"


def test_a_record_that_cannot_be_made_is_told(tmp_path: Path):
    """Its folder is not there, its name is longer than a name can be, or it is the data directory's own."""
    assert "cannot be made" in str(fault(tmp_path, "no/dials.jsonl"))
    assert "File name too long" in str(fault(tmp_path, "x" * 300))
    assert "data directory" in str(fault(tmp_path, str(tmp_path / "lock")))

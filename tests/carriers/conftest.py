from pathlib import Path

import pytest
from tests.carriers.simulated import NOON, lively

from ringback.carriers.carrier import (
    CallEvent,
)
from ringback.carriers.simulator.carrier import Simulator, open_simulator
from ringback.carriers.simulator.settings import parse_settings
from ringback.clock import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that stands at noon."""
    return VirtualClock(NOON)


@pytest.fixture
def heard() -> list[CallEvent]:
    """What a simulator's listener hears."""
    return []


@pytest.fixture
async def make(clock: VirtualClock, heard: list[CallEvent], tmp_path: Path):
    """Makes simulators on the virtual clock, LIVELY but for what is named; closed after the test."""
    made: list[Simulator] = []

    def simulator(**changes: object) -> Simulator:
        made.append(open_simulator(parse_settings(lively() | changes), clock, heard.append, tmp_path))
        return made[-1]

    yield simulator
    for one in made:
        await one.close()

"""The test of a simulated trunk: there is nothing on a wire, so its outcome is all there is."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ringback.carriers.carrier import CallEvent, Dial, Ended
from ringback.carriers.simulator.carrier import open_simulator
from ringback.carriers.simulator.settings import parse_settings
from ringback.clock import Clock, seconds
from ringback.ids import Ids

SOON = seconds(60)


async def simulate(
    settings: Mapping[str, Any], clock: Clock, ids: Ids, folder: Path, to_number: str, from_number: str | None
) -> Ended:
    """How a dial of a simulated person ends now, told at once; no record is made of it."""
    ended: list[Ended] = []

    def listen(event: CallEvent) -> None:
        if isinstance(event, Ended):
            ended.append(event)

    at_once = replace(parse_settings(settings), speed=0.0, record=None)
    carrier = open_simulator(at_once, clock, listen, folder)
    now = clock.now()
    await carrier.place(Dial(ids.new(now), ids.new(now), 1, to_number, from_number, ()), now + SOON)
    await carrier.close()
    return ended[0]

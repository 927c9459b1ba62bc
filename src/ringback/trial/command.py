"""Tests a trunk: finds it, dials, and prints what was said, how it ended, and what to change."""

import asyncio
import random
import signal
from dataclasses import dataclass

from rich.console import Console

from ringback.attach import attached
from ringback.carriers.sip.settings import parse_settings
from ringback.clock import SystemClock
from ringback.config import Settings, secret_key
from ringback.ids import Ids
from ringback.sealing import Sealer
from ringback.trial.dial import Result, TrialCall
from ringback.trial.find import Found, dialable, find_trunk, refuse_unknown_kind
from ringback.trial.show import (
    LivePrinter,
    as_json,
    outcome_lines,
    plain,
    simulated_json,
    simulated_lines,
    whereto,
    works,
)
from ringback.trial.simulate import simulate


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted.

    Attributes:
        trunk: its id or name.
        to_number: whom to call.
        from_number: who calls, None for the trunk's own.
        as_json: print JSON for machines.
        whole: print whole messages.
    """

    trunk: str
    to_number: str
    from_number: str | None
    as_json: bool
    whole: bool


def check_trunk(settings: Settings, order: Order) -> bool:
    """Dial once and tell all of it; returns whether the trunk works. The database is let go of before the dial.

    Raises:
        Invalid: a number is none, the trunk is not known, or its settings are of another release.
        OurError: there is no database, it does not answer, or the trunk's password cannot be opened.
    """
    to_number = dialable(order.to_number, "--to")
    from_number = None if order.from_number is None else dialable(order.from_number, "--from")
    with attached(settings) as dsn:
        trunk = asyncio.run(find_trunk(dsn, order.trunk))
    refuse_unknown_kind(trunk)
    check = _check_simulator if trunk.kind == "simulator" else _check_sip
    return check(settings, order, trunk, to_number, from_number)


def _check_simulator(settings: Settings, order: Order, trunk: Found, to_number: str, from_number: str | None) -> bool:
    ids = Ids(random.SystemRandom())
    ended = asyncio.run(simulate(trunk.settings, SystemClock(), ids, settings.data, to_number, from_number))
    if order.as_json:
        Console().print_json(data=simulated_json(trunk, to_number, from_number, ended))
    else:
        for line in simulated_lines(trunk, ended):
            _say(line)
    return True


def _check_sip(settings: Settings, order: Order, trunk: Found, to_number: str, from_number: str | None) -> bool:
    sip = parse_settings(Sealer(settings.data, secret_key()).unseal(trunk.settings))
    printer = None if order.as_json else LivePrinter(_say, whole=order.whole)
    if printer is not None:
        caller = from_number or sip.from_number or sip.username or "nobody"
        _say(f"trunk     {plain(trunk.name)}  {trunk.shown}  {whereto(sip)}\ndial      {to_number} from {caller}\n")
    call = TrialCall(
        sip, SystemClock(), Ids(random.SystemRandom()), settings.data, printer.take if printer else lambda _: None
    )
    result = asyncio.run(_run(call, to_number, from_number))
    if printer is None:
        Console().print_json(data=as_json(trunk, to_number, from_number, result, whole=order.whole))
    else:
        _tell(printer, result)
    return works(result)


async def _run(call: TrialCall, to_number: str, from_number: str | None) -> Result:
    """Dial; Ctrl-C and SIGTERM hang up, and all is told all the same."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return await call.run(to_number, from_number, stop)


def _tell(printer: LivePrinter, result: Result) -> None:
    printer.flush(result.began_at)
    _say("")
    for line in outcome_lines(result):
        _say(line)


def _say(line: str) -> None:
    Console().print(line, soft_wrap=True, markup=False, highlight=False)

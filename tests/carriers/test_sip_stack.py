"""What the stack's own news are taken for, before there is a call that they are of."""

import asyncio

from baresip.events import Event, StackEvent

from ringback.carriers.sip.crossing import Crossing
from ringback.carriers.sip.settings import parse_settings
from ringback.carriers.sip.stack import EXPECTED_GAP, Stack


async def test_those_who_call_us_push_out_nothing_that_was_kept_for_a_dial():
    """News of a dial may come before its handle is known; of strangers' calls, however many, nothing is kept."""
    crossing = Crossing(asyncio.get_running_loop())
    stack = Stack(parse_settings({"host": "192.0.2.1"}), crossing, lambda *_: None, lambda: None)
    stack._hear(StackEvent(Event.CALL_RINGING, call=7))
    for handle in range(1_000, 1_000 + 3 * EXPECTED_GAP):
        stack._hear(StackEvent(Event.CALL_INCOMING, call=handle))
        stack._hear(StackEvent(Event.CALL_CLOSED, call=handle))
    assert set(stack._known.early) == {7}
    assert not stack._known.strangers

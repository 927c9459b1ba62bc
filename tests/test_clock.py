import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from whenever import Instant, TimeDelta

from ringback.clock import SystemClock, VirtualClock, seconds

START = Instant("2026-06-01T12:00:00Z")


def later(sec):
    """So many seconds after the start."""
    return START + TimeDelta(seconds=sec)


def test_it_stands_still_until_it_is_moved():
    """A virtual clock shows its start, then where it was moved to."""
    clock = VirtualClock(START)
    assert clock.now() == START
    clock.advance_to(later(5))
    assert clock.now() == later(5)


def test_it_never_moves_back():
    """Moved to the past, it stays where it is."""
    clock = VirtualClock(later(5))
    clock.advance_to(START)
    assert clock.now() == later(5)


def test_each_timer_runs_at_its_own_time():
    """On the way to a later instant, the clock stops at each timer; one that is not due yet waits."""
    clock, seen = VirtualClock(START), []
    for sec in (3, 1, 2, 9):
        clock.call_at(later(sec), lambda sec=sec: seen.append((sec, clock.now())))
    clock.advance_to(later(5))
    assert seen == [(sec, later(sec)) for sec in (1, 2, 3)]
    assert clock.next_timer() == later(9)


def test_a_timer_due_at_the_very_instant_runs():
    """A clock moved to a timer's time has reached it."""
    clock, seen = VirtualClock(START), []
    clock.call_at(later(1), lambda: seen.append(1))
    clock.advance_to(later(1))
    assert seen == [1]
    assert clock.next_timer() is None


def test_equal_timers_run_in_the_order_they_were_asked():
    """The same seed gives the same run."""
    clock, seen = VirtualClock(START), []
    for name in "abc":
        clock.call_at(later(1), lambda name=name: seen.append(name))
    clock.advance_to(later(1))
    assert seen == ["a", "b", "c"]


def test_a_timer_in_the_past_runs_without_moving_back():
    """It runs when the clock is next moved, at the clock's own time."""
    clock, seen = VirtualClock(later(5)), []
    clock.call_at(START, lambda: seen.append(clock.now()))
    clock.advance_to(later(5))
    assert seen == [later(5)]


def test_a_cancelled_timer_does_not_run():
    """Nor is it the next one; cancelling twice is harmless."""
    clock, seen = VirtualClock(START), []
    cancel = clock.call_at(later(1), lambda: seen.append("cancelled"))
    clock.call_at(later(2), lambda: seen.append("kept"))
    cancel()
    cancel()
    assert clock.next_timer() == later(2)
    clock.advance_to(later(3))
    assert seen == ["kept"]


def test_cancelling_a_timer_that_ran_changes_nothing():
    """The others still run."""
    clock, seen = VirtualClock(START), []
    cancel = clock.call_at(later(1), lambda: seen.append(1))
    clock.advance_to(later(1))
    cancel()
    clock.call_at(later(2), lambda: seen.append(2))
    clock.advance_to(later(2))
    assert seen == [1, 2]


def test_a_timer_can_cancel_the_next_one():
    """Even one of the same instant."""
    clock, seen = VirtualClock(START), []
    cancels = []
    clock.call_at(later(1), lambda: [cancel() for cancel in cancels])
    cancels.append(clock.call_at(later(1), lambda: seen.append("cancelled")))
    clock.advance_to(later(1))
    assert seen == []


def test_a_timer_added_while_moving_runs_on_the_same_way():
    """One that is due before the clock arrives runs in its turn; a later one waits."""
    clock, seen = VirtualClock(START), []

    def again():
        seen.append(clock.now())
        clock.call_at(clock.now() + TimeDelta(seconds=2), again)

    clock.call_at(later(1), again)
    clock.advance_to(later(6))
    assert seen == [later(1), later(3), later(5)]
    assert clock.next_timer() == later(7)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 20), st.booleans())), st.lists(st.integers(-5, 25)))
def test_timers_run_once_each_in_order_of_time(timers, moves):
    """However the clock is moved: those due and not cancelled, by time and then by the order they were asked."""
    clock, seen = VirtualClock(START), []
    for number, (sec, cancelled) in enumerate(timers):
        cancel = clock.call_at(later(sec), lambda sec=sec, number=number: seen.append((sec, number)))
        if cancelled:
            cancel()
    for sec in moves:
        clock.advance_to(later(sec))
    kept = sorted((sec, number) for number, (sec, cancelled) in enumerate(timers) if not cancelled)
    assert seen == [(sec, number) for sec, number in kept if moves and sec <= max(moves)]
    assert clock.now() == later(max([0, *moves]))


def test_the_system_clock_goes_forward():
    """It is the machine's time, between two looks at it."""
    before, now, after = Instant.now(), SystemClock().now(), Instant.now()
    assert before <= now <= after


async def test_the_system_clock_runs_a_timer_that_is_past():
    """As soon as the loop can."""
    rang = asyncio.Event()
    SystemClock().call_at(START, rang.set)
    await asyncio.wait_for(rang.wait(), timeout=5)


async def test_the_system_clock_runs_timers_in_order_of_time():
    """The sooner one first, whichever was asked first, and neither before its time."""
    clock, seen, rang = SystemClock(), [], asyncio.Event()
    at = clock.now() + TimeDelta(milliseconds=20)
    clock.call_at(at, lambda: (seen.append(clock.now()), rang.set()))
    clock.call_at(at - TimeDelta(milliseconds=15), lambda: seen.append(None))
    await asyncio.wait_for(rang.wait(), timeout=5)
    assert seen[0] is None
    assert seen[1] >= at - TimeDelta(milliseconds=1)


async def test_the_system_clock_forgets_a_cancelled_timer():
    """What was cancelled has not run when a later timer runs."""
    clock, seen, rang = SystemClock(), [], asyncio.Event()
    cancel = clock.call_at(START, lambda: seen.append("cancelled"))
    clock.call_at(clock.now(), rang.set)
    cancel()
    await asyncio.wait_for(rang.wait(), timeout=5)
    assert seen == []


def test_seconds_are_a_span_of_time():
    """Fractions down to the nanosecond."""
    assert seconds(1.5) == TimeDelta(milliseconds=1500)
    assert seconds(0.000_000_001) == TimeDelta(nanoseconds=1)
    assert seconds(-2) == TimeDelta(seconds=-2)

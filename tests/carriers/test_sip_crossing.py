"""What goes from one thread, or one process, to another in one go."""

import asyncio
import threading
from uuid import UUID

from ringback.carriers.sip.crossing import Crossing
from ringback.carriers.sip.protocol import FROM_WORKER, NotSent, Outbox, Pong

MANY = 2_000


async def test_steps_of_other_threads_run_on_the_loop_in_the_order_of_each():
    """None is lost and none runs twice, however they meet the loop."""
    crossing, ran, done = Crossing(asyncio.get_running_loop()), list[tuple[int, int]](), asyncio.Event()

    def take(thread: int, step: int) -> None:
        ran.append((thread, step))
        if len(ran) == 2 * MANY:
            done.set()

    def hand_over(thread: int) -> None:
        for step in range(MANY):
            crossing.call(take, thread, step)

    threads = [threading.Thread(target=hand_over, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    async with asyncio.timeout(30):
        await done.wait()
    for thread in threads:
        thread.join()
    assert [[step for of, step in ran if of == number] for number in (1, 2)] == [list(range(MANY))] * 2


async def test_step_that_fails_stops_none_after_it():
    """Its fault is told to the loop, as that of any callback."""
    loop, told, done = asyncio.get_running_loop(), list[BaseException](), asyncio.Event()
    loop.set_exception_handler(lambda _, about: told.append(about["exception"]))
    crossing = Crossing(loop)
    crossing.call(int, "no number")
    crossing.call(done.set)
    async with asyncio.timeout(30):
        await done.wait()
    assert [type(fault) for fault in told] == [ValueError]


def test_nothing_is_handed_to_a_loop_that_is_closed():
    """A thread of the stack may outlive it."""
    loop = asyncio.new_event_loop()
    loop.close()
    Crossing(loop).call(print, "never")


class Kept:
    """The far end of an outbox: what is written, a write each."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.writes.append(data)

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.is_closed

    def close(self) -> None:
        """Close it."""
        self.is_closed = True


async def test_what_is_said_in_one_turn_is_one_write_and_is_not_lost_by_closing():
    """A line a message, in their order; after the end nothing is written any more."""
    kept = Kept()
    outbox = Outbox(kept)
    said = [Pong(1), NotSent(UUID(int=7), "why"), Pong(2)]
    for message in said[:2]:
        outbox.put(message)
    assert kept.writes == []
    await asyncio.sleep(0)
    outbox.put(said[2])
    outbox.close()
    outbox.put(Pong(3))
    await asyncio.sleep(0)
    assert [write.count(b"\n") for write in kept.writes] == [2, 1]
    assert [FROM_WORKER.decode(line) for line in b"".join(kept.writes).splitlines()] == said

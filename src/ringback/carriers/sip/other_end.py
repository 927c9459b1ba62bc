"""The call that an agent makes to somebody else while the person is on its line."""

import asyncio
from collections.abc import Callable, Mapping

from ringback.carriers.sip.stack import Kind, News, Stack, StackCall, StackRefused, read_closed
from ringback.carriers.sip.wire import Seen, Wires


class CallOut:
    """One call past the trunk. It is the `OtherEnd` of its agent.

    Args:
        stack: the SIP stack.
        wires: what the messages on the wire tell.
        tell: told of each message that is needed to end it without this process.
        now: Unix time.
    """

    def __init__(self, stack: Stack, wires: Wires, tell: Callable[[Seen], None], now: Callable[[], float]) -> None:
        self._stack = stack
        self._wires = wires
        self._tell = tell
        self._now = now
        self._call: StackCall | None = None
        self._rate = 0
        self._unwanted = False
        self._responded = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self.answered = asyncio.Event()
        self.over = asyncio.Event()
        self.sip_code: int | None = None
        self.refused = self.words = self.sip_call_id = ""
        self.digits: asyncio.Queue[str] = asyncio.Queue()

    async def dial(self, uri: str, from_number: str | None, headers: Mapping[str, str]) -> None:
        """Send the INVITE; what cannot be sent is over, and `refused` tells why."""
        try:
            self._call = await self._stack.call_out(uri, from_number, headers, self._hear)
        except StackRefused as refused:
            self.refused = str(refused)
            self.over.set()
            return
        self.sip_call_id = self._call.sip_call_id
        self._wires.follow(self.sip_call_id, self._see)
        if self.over.is_set():
            self._wires.forget(self.sip_call_id)
        elif self._unwanted:
            self.hang_up()

    @property
    def rate(self) -> int:
        """Samples a second, once there is audio."""
        if not self._rate and self._call is not None:
            self._rate = self._call.rate()
        return self._rate

    def write(self, pcm: bytes) -> int:
        """Queue audio."""
        return 0 if self._call is None or self.over.is_set() else self._call.write(pcm)

    def clear(self) -> None:
        """Drop what is queued."""
        if self._call is not None:
            self._call.clear()

    def queued_sec(self) -> float:
        """How much is queued."""
        return self._call.queued() / (2 * self.rate) if self._call is not None and self.rate else 0.0

    def read(self) -> bytes:
        """What has come."""
        return self._call.read(2 * self.rate) if self._call is not None and self.rate else b""

    async def press(self, key: str) -> None:
        """Press a key."""
        if self._call is not None:
            await self._call.press(key)

    def hang_up(self) -> None:
        """CANCEL or BYE; what was not even dialled yet is hung up on once it was."""
        self._unwanted = True
        if self._call is not None and (self._ending is None or self._ending.done()):
            self._ending = asyncio.get_running_loop().create_task(self._end(self._call))

    async def _end(self, call: StackCall) -> None:
        # an INVITE without any response cannot be cancelled yet (RFC 3261, section 9.1)
        await self._responded.wait()
        await call.hang_up()

    def _see(self, seen: Seen) -> None:
        if seen.anew:
            self._responded.clear()
        elif seen.takes:
            self._responded.set()
        if seen.weighty:
            self._tell(seen)

    def _hear(self, news: News) -> None:
        self._responded.set()
        match news.kind:
            case Kind.ANSWERED:
                self.sip_code = 200
                self.answered.set()
                if self._unwanted:  # the answer crossed our CANCEL
                    self.hang_up()
            case Kind.DIGIT:
                self.digits.put_nowait(news.text)
            case Kind.CLOSED:
                self._close(news.text)

    def _close(self, text: str) -> None:
        if not self.answered.is_set():
            self.sip_code = read_closed(text).sip_code
        self.words = "" if self.sip_code else text
        self.over.set()
        self._wires.leave(self.sip_call_id, self._now(), hung_up=self._unwanted)

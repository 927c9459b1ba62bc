"""The carrier of a SIP trunk: a node's end of its worker processes."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import UUID

import msgspec
from whenever import Instant, TimeDelta

from ringback.carriers.carrier import Answered, Dial, Ended, Knowledge, Listener, Over, Ringing, StillUp, Unknown
from ringback.carriers.sip.codes import classify
from ringback.carriers.sip.health import Health, way_to
from ringback.carriers.sip.pool import Lost, Pool
from ringback.carriers.sip.protocol import Closed, FromWorker, NotSent, PickedUp, Place, Rang, Wire, as_instant, as_unix
from ringback.carriers.sip.request import address_of, ask, bye, cancel, next_hop
from ringback.carriers.sip.settings import SipSettings
from ringback.clock import Clock, seconds
from ringback.domain.outcome import AnsweredBy, EndReason
from ringback.errors import NotAsked

REMEMBERED = 10_000
"""Of so many dials that are over it is known how they ended; that memory ends with the process."""


GOODBYE_SEC = 4.0
"""The far end of a worker that died has so long to confirm that it was hung up on."""


class _Dialog(msgspec.Struct):
    """What is needed to end a call without its worker."""

    invite: str = ""
    accepted: str = ""

    def see(self, sent: bool, text: str) -> None:
        """Take an INVITE that was sent, or the 2xx to it."""
        self.invite, self.accepted = (text, self.accepted) if sent else (self.invite, text)


class _Up(msgspec.Struct):
    """A dial that is not over; the second dialog is that of the call that its agent has made."""

    placed_at: Instant
    recording: str
    rang_at: Instant | None = None
    answered_at: Instant | None = None
    dialogs: tuple[_Dialog, _Dialog] = msgspec.field(default_factory=lambda: (_Dialog(), _Dialog()))


class SipCarrier:
    """Places dials over a SIP trunk. What it was asked for twice, it dials twice.

    Args:
        settings: the trunk's.
        clock: when it is.
        listener: told of each event.
        folder: where workers may keep files.
        overhear: told of whatever the workers tell, and of each SIP message; for the test of a trunk.
    """

    wants_agents = True
    outlives_node = False

    def __init__(
        self,
        settings: SipSettings,
        clock: Clock,
        listener: Listener,
        folder: Path,
        overhear: Callable[[FromWorker], None] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._listener = listener
        self._overhear = overhear
        self._folder = folder
        self._up: dict[UUID, _Up] = {}
        self._over: OrderedDict[UUID, Over] = OrderedDict()
        self._closed = False
        self._health = Health(settings)
        self._asking: asyncio.Task[None] | None = None
        self._goodbyes: set[asyncio.Task[None]] = set()
        self._pool = Pool(
            settings.as_json(),
            folder,
            clock,
            most_workers=settings.most_workers,
            max_calls=settings.max_calls_per_worker,
            dials_per_sec=settings.dials_per_sec_per_worker,
            hear=self._hear,
            lost=self._lose,
            trace=overhear is not None,
        )

    @property
    def longest(self) -> TimeDelta:
        """From the request to the end of a dial at most."""
        return seconds(self._settings.longest_sec)

    @property
    def ailing(self) -> str | None:
        """Why the trunk takes no dials at present."""
        return self._pool.broken or self._health.down

    def room(self) -> int | None:
        """How many more dials its workers take at this moment; none before the trunk has answered."""
        if self._closed:
            return 0
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._health.keep())
        return self._pool.room() if self._health.known and not self._health.down else 0

    async def place(self, dial: Dial, by: Instant) -> Instant:
        """Send one INVITE. Returns when it went out.

        Raises:
            NotAsked: `by` is over, or no worker has room for it.
            CarrierError: its worker died, and may have sent it.
        """
        if self._closed:
            raise NotAsked("the trunk is closed")
        up = self._up.setdefault(dial.attempt_id, _Up(self._clock.now(), dial.agent.recording if dial.agent else ""))
        try:
            up.placed_at = await self._pool.place(
                Place(
                    dial.attempt_id,
                    dial.call_id,
                    dial.to_number,
                    as_unix(by),
                    dial.from_number or self._settings.from_number,
                    dial.agent,
                )
            )
        except (NotAsked, Lost):
            self._up.pop(dial.attempt_id, None)
            raise
        return up.placed_at

    async def hang_up(self, attempt_id: UUID, *, leaving: bool = False) -> None:
        """CANCEL or BYE; a dial that is over or unknown is left alone."""
        self._pool.hang_up(attempt_id, "leaving" if leaving else "hang_up")

    async def look_up(self, dial: Dial) -> Knowledge:
        """What this process knows of a dial: SIP has no way to ask for it afterwards."""
        if up := self._up.get(dial.attempt_id):
            return StillUp(up.placed_at)
        return self._over.get(dial.attempt_id) or Unknown()

    async def close(self) -> None:
        """Hang up on everybody and end the workers."""
        self._closed = True
        await self._pool.close()
        tasks = [task for task in (self._asking, *self._goodbyes) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._up.clear()

    def _hear(self, message: FromWorker) -> None:
        if self._overhear is not None:
            self._overhear(message)
        match message:
            case Rang(attempt_id=attempt_id, at=at):
                if up := self._up.get(attempt_id):
                    up.rang_at = as_instant(at)
                    self._listener(Ringing(attempt_id, up.rang_at))
            case PickedUp(attempt_id=attempt_id, at=at):
                if up := self._up.get(attempt_id):
                    up.answered_at = as_instant(at)
                    self._listener(Answered(attempt_id, up.answered_at))
            case Wire(attempt_id=UUID() as attempt_id, sent=sent, text=text, out=out):
                if up := self._up.get(attempt_id):
                    up.dialogs[out].see(sent, text)
            case NotSent():
                self._health.doubt()  # there may be no way to it any more
            case Closed(attempt_id=attempt_id):
                if message.silent and not message.ours:
                    self._health.doubt()
                if up := self._up.pop(attempt_id, None):
                    self._end(up, _ended(message, up))

    def _lose(self, attempt_id: UUID) -> None:
        """A worker died with a call in its hands: nobody can tell how that one ends."""
        if up := self._up.pop(attempt_id, None):
            unknown = EndReason.OUTCOME_UNKNOWN
            self._end(up, Ended(attempt_id, self._clock.now(), unknown, details=self._left_by(up)))
            for dialog in up.dialogs:
                task = asyncio.get_running_loop().create_task(self._say_goodbye(dialog))
                self._goodbyes.add(task)
                task.add_done_callback(self._goodbyes.discard)

    def _left_by(self, up: _Up) -> Mapping[str, Any] | None:
        """What a worker that died has left of a call: a recording can be played up to there."""
        path = self._folder / up.recording
        return {"recording": {"format": path.suffix[1:]}} if up.recording and path.is_file() else None

    async def _say_goodbye(self, dialog: _Dialog) -> None:
        """Hang up at the far end in place of a worker that died; it may be out of reach as well."""
        if not dialog.invite:
            return
        accepted = dialog.accepted
        goodbye = bye(dialog.invite, accepted, token_hex(8)) if accepted else cancel(dialog.invite)
        peer = address_of(next_hop(dialog.invite), way_to(self._settings))
        with suppress(OSError):
            await ask(goodbye, address_of(goodbye.target, peer) if goodbye.target else peer, GOODBYE_SEC)

    def _end(self, up: _Up, ended: Ended) -> None:
        self._over[ended.attempt_id] = Over(up.placed_at, ended)
        while len(self._over) > REMEMBERED:
            self._over.popitem(last=False)
        self._listener(ended)


def open_sip(
    settings: SipSettings,
    clock: Clock,
    listener: Listener,
    folder: Path,
    overhear: Callable[[FromWorker], None] | None = None,
) -> SipCarrier:
    """A SIP trunk's carrier; its first worker starts when something is to be dialled.

    Args:
        settings: the trunk's, with the password in the clear.
        clock: when it is.
        listener: told of each event.
        folder: the data directory.
        overhear: told of whatever its workers tell, and of each SIP message; for the test of a trunk.
    """
    return SipCarrier(settings, clock, listener, folder, overhear)


def _ended(closed: Closed, up: _Up) -> Ended:
    at, answered = as_instant(closed.at), up.answered_at
    rang_until = answered or at
    return Ended(
        closed.attempt_id,
        at,
        classify(closed, rang=up.rang_at is not None, answered=answered is not None),
        ring_sec=_whole(up.rang_at, rang_until),
        duration_sec=_whole(answered, at),
        answered_by=AnsweredBy(closed.answered_by) if closed.answered_by else None,
        sip_code=closed.sip_code,
        details=_details(closed),
        rang=up.rang_at is not None or closed.early_media or closed.alerted,
    )


def _details(closed: Closed) -> Mapping[str, Any]:
    """What else the signalling said, for the history; only what there is."""
    said = {
        **closed.notes,
        "q850": closed.q850,
        "early_media": closed.early_media,
        "hung_up_by": _who(closed),
        "sip_call_id": closed.sip_call_id,
        "digits": closed.digits,
        "opted_out": closed.opted_out,
    }
    return {name: value for name, value in said.items() if value}


def _who(closed: Closed) -> str | None:
    """Who ended an answered call, or gave a dial up."""
    if closed.ours:
        return {"agent": "agent", "hang_up": "operator"}.get(closed.ours, closed.ours)
    return "user" if closed.answered_by else None


def _whole(since: Instant | None, until: Instant) -> int:
    return 0 if since is None else max(int((until - since).total("seconds")), 0)

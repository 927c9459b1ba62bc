"""What a call of ours says of where its media are to be sent."""

import re
from pathlib import Path

from tests.carriers.over_sip import trunk
from tests.sip.dialling import dialling, shown
from tests.sip.media import media_port
from tests.sip.numbers import Manner, number
from tests.sip.sipp import sipp

from ringback.carriers.carrier import Agent

SEEN_AS = "203.0.113.7"
OURS = "127.0.0.1"
_STREAM = re.compile(r"^m=audio (?P<port>\d+) .*?^c=IN IP4 (?P<host>\S+)\r$", re.MULTILINE | re.DOTALL)


async def test_a_media_address_is_announced_with_the_port_from_which_the_media_come(tmp_path: Path):
    """The stream of the SDP names it (RFC 8866, section 5.7), and the port is the socket's own."""
    with media_port() as media, sipp(tmp_path / "sipp", media_port=media.port) as far_end:
        async with dialling(trunk(far_end, media_address=SEEN_AS), tmp_path) as calls:
            attempt = await calls.place(number(Manner.STAYS), Agent("tone", {}))
            ended = await calls.ended(attempt)
        invite = far_end.call(shown(attempt)).messages[0]
        [stream] = media.streams()
    announced = _STREAM.search(invite.text)
    assert announced is not None, invite.text
    assert (announced["host"], int(announced["port"])) == (SEEN_AS, stream.port)
    assert ended.details is not None
    assert "agent_error" not in ended.details
    # responses to requests go to where those came from, whatever media do
    assert OURS in invite.header("Via")
    assert OURS in invite.header("Contact")


async def test_without_a_media_address_the_interfaces_own_is_announced(tmp_path: Path):
    """Nobody is asked for another one."""
    with sipp(tmp_path / "sipp") as far_end:
        async with dialling(trunk(far_end), tmp_path) as calls:
            attempt = await calls.place(number(Manner.ANSWERS))
            await calls.ended(attempt)
        invite = far_end.call(shown(attempt)).messages[0]
    assert {line for line in invite.text.splitlines() if line.startswith("c=")} == {f"c=IN IP4 {OURS}"}

"""How a trunk's worker processes come and go."""

from tests.carriers.over_sip import comes_true
from tests.sip.dialling import dialling
from tests.sip.sockets import HOST

from ringback.carriers.sip.settings import parse_settings


async def test_workers_are_started_one_after_another(tmp_path):
    """While one starts there is no room, and no call for another one: most trunks never need a second process."""
    settings = parse_settings({"host": HOST, "port": 9, "net_interface": HOST, "options_sec": 0, "most_workers": 4})
    async with dialling(settings, tmp_path) as trunk:
        seen = set()

        def has_room() -> bool:
            seen.add(len(trunk.workers()))
            return bool(trunk.carrier.room())

        assert await comes_true(has_room)
    assert seen == {0, 1}

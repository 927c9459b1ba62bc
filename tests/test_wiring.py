"""What is built of a trunk's settings."""

import json
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet
from tests.world import NOON, a_world, drive
from whenever import TimeDelta

from ringback.carriers.sip.carrier import SipCarrier
from ringback.carriers.sip.settings import SipSettings
from ringback.clock import SystemClock
from ringback.config import SECRET_KEY
from ringback.errors import Impossible, Invalid, SecretKeyError
from ringback.events import TrunkRefused
from ringback.sealing import Sealer
from ringback.wiring import TRUNK_KINDS, carrier_maker

SETTINGS = {"host": "127.0.0.1", "port": 5060, "username": "alice", "password": "s3cret", "net_interface": "127.0.0.1"}


def maker(folder):
    """What makes carriers with the key of this folder."""
    return carrier_maker(SystemClock(), folder, Sealer(folder, None))


async def test_a_sip_trunk_has_its_password_in_the_clear(tmp_path):
    """Only the carrier that is made of what is stored has it."""
    stored = {**SETTINGS, "password": Sealer(tmp_path, None).seal("s3cret")}
    carrier = maker(tmp_path)("sip", stored, lambda _: None)
    assert isinstance(carrier, SipCarrier)
    assert carrier.longest > TimeDelta(seconds=SipSettings("a").max_call_sec)
    await carrier.close()


@pytest.mark.parametrize(
    ("kind", "settings", "refusal"),
    [
        ("pigeon", {}, Impossible),
        ("sip", {}, Invalid),
        ("sip", {**SETTINGS, "password": {"sealed": "x"}}, SecretKeyError),
    ],
)
def test_a_trunk_that_cannot_be_made_is_refused(tmp_path, kind, settings, refusal):
    """By an error that the engine knows."""
    with pytest.raises(refusal):
        maker(tmp_path)(kind, settings, lambda _: None)


async def test_calls_wait_for_a_password_that_cannot_be_opened(postgres, tmp_path, monkeypatch):
    """None of them is claimed, and the event says what to do."""
    monkeypatch.setenv(SECRET_KEY, Fernet.generate_key().decode())
    sealed = Sealer(tmp_path, Fernet.generate_key().decode()).seal("s3cret")
    settings = json.dumps({"host": "a", "username": "b", "password": sealed})
    async with a_world(postgres, tmp_path, leads=2) as world:
        await world.value("UPDATE trunks SET kind = 'sip', settings = $1", settings)
        await drive(await world.engine(), world.clock, NOON + TimeDelta(minutes=1))
        assert (await world.attempts(), len(await world.queue())) == ([], 2)
        refused = {event.why for event in world.events if isinstance(event, TrunkRefused)}
    assert [SECRET_KEY in why and "another key" in why for why in refused] == [True]


def test_what_only_sip_needs_is_not_loaded_without_it():
    """A node of simulators starts without the stack, and so does the API."""
    heavy = "{'baresip', 'numpy', 'soundfile', 'soxr', 'ringback.carriers.sip.carrier'}"
    code = f"import sys, ringback.wiring, ringback.api.app; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_each_kind_of_trunk_checks_its_settings():
    """What the API takes is what a node can make a carrier of."""
    assert set(TRUNK_KINDS) == {"simulator", "sip"}
    assert isinstance(TRUNK_KINDS["sip"](SETTINGS), SipSettings)

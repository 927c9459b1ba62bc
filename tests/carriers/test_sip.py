import pytest
from tests.carriers.contract import CarrierContract
from tests.carriers.over_sip import QUICK, SippFarEnd, trunk
from tests.sip.sipp import sipp


@pytest.fixture(scope="module")
def far_side(tmp_path_factory: pytest.TempPathFactory):
    """A SIPp of this module's own."""
    with sipp(tmp_path_factory.mktemp("sipp"), pace=QUICK) as running:
        yield running


class TestSip(CarrierContract):
    """On the machine's clock, over UDP; the person who rings out takes the three seconds of the ring time-out."""

    @pytest.fixture
    async def far_end(self, far_side, tmp_path):
        """The far end of the suite."""
        return SippFarEnd(far_side, tmp_path, trunk(far_side, ring_timeout_sec=3))

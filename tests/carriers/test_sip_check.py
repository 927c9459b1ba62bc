import pytest

from ringback.carriers.sip.check import check_sip
from ringback.carriers.sip.settings import SipSettings


@pytest.mark.parametrize("interface", [None, "lo", "127.0.0.1"])
def test_a_trunk_that_this_machine_can_dial_over_is_well(interface):
    """By the default route, by an interface, by an address of one."""
    assert check_sip(SipSettings("sip.example.com", net_interface=interface)) is None


@pytest.mark.parametrize("interface", ["eth99", "192.0.2.1", "2001:db8::1"])
def test_an_interface_that_is_not_here_is_told(interface):
    """By its name, as it is in the settings."""
    assert f"net_interface {interface} is" in check_sip(SipSettings("sip.example.com", net_interface=interface))


def test_certificates_that_cannot_be_read_are_told(tmp_path):
    """And those that can be raise no alarm."""
    file = tmp_path / "ca.pem"
    trunk = SipSettings("sip.example.com", transport="tls", ca_file=str(file))
    assert f"ca_file {file} cannot be read" in check_sip(trunk)
    file.touch()
    assert check_sip(trunk) is None

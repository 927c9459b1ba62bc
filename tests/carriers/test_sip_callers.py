import pytest

from ringback.carriers.sip.callers import over_trunk, past_trunk, registered
from ringback.carriers.sip.settings import parse_settings

HOST = {"host": "192.0.2.20", "port": 5070, "transport": "tcp"}
KNOWN = parse_settings({**HOST, "username": "us", "password": "word", "outbound_proxy": "sbc.example.com"})
SEEN = parse_settings({**HOST, "media_address": "203.0.113.7"})


def test_who_calls_past_the_trunk_has_none_of_its_secrets():
    """A bridge and a redirect to somebody else see the number, and neither user nor password nor proxy."""
    caller = past_trunk(KNOWN, "+14155550100", "sip:bot@192.0.2.9;transport=tls")
    assert (caller.user, caller.domain, caller.transport) == ("+14155550100", "192.0.2.20:5070", "tls")
    assert (caller.password, caller.auth_user, caller.proxy) == ("", None, None)


def test_who_calls_over_the_trunk_has_them():
    """The number is shown, and the user is who the password is of; registered is the user."""
    caller = over_trunk(KNOWN, "+14155550100")
    assert (caller.user, caller.auth_user, caller.password) == ("+14155550100", "us", "word")
    assert (caller.proxy, caller.transport, caller.register_sec) == ("sbc.example.com", "tcp", 0)
    assert (registered(KNOWN, 600).user, registered(KNOWN, 600).register_sec) == ("us", 600)


@pytest.mark.parametrize(
    ("uri", "announces"),
    [
        ("sip:bot@198.51.100.20", False),  # of documentation, as private as any
        ("sip:bot@10.1.2.3:5080;transport=tcp", False),
        ("sip:192.168.1.9", False),
        ("sip:bot@[fd00::1]:5060", False),
        ("sip:bot@8.8.8.8:5060;transport=udp", True),
        ("sip:bot@bots.example.com", True),
        ("sip:8.8.8.8", True),
    ],
)
def test_the_address_from_outside_is_announced_to_those_outside(uri, announces):
    """Who is in a network of our own would be sent round by the NAT."""
    assert past_trunk(SEEN, None, uri).announces is announces
    assert past_trunk(KNOWN, None, uri).announces is False


def test_a_trunk_is_told_the_address_that_it_was_given_one_for():
    """Wherever it is: somebody set it for it."""
    assert over_trunk(SEEN, None).announces
    assert not over_trunk(KNOWN, None).announces
